import { assign, fromCallback, setup, type EventObject } from 'xstate';
import type { ChartMeta } from '../chart-meta.js';
import { backoffMs } from '../backoff.js';
import { fromSupervisor, type SupervisorNotice } from '../runtime/supervisor.js';
import type { Random } from '../ports.js';
import { rendezvousMachine } from './rendezvous.machine.js';
import type { RendezvousLimits } from './rendezvous.timing.js';

export type NodeEvent =
  | { type: 'start' }
  | { type: 'contacts.found'; addresses: readonly string[] }
  | { type: 'contact.failed' }
  | { type: 'connection.gained' }
  | { type: 'connection.lost' }
  | { type: 'terminate' }
  | SupervisorNotice;

/** What the node does for its phases. Every call returns at once. */
export interface NodePort {
  readonly limits: RendezvousLimits;
  readonly random: Random;
  /** The addresses of contacts, in the order in which to try them. The result stops the search. */
  findContacts(answer: (addresses: readonly string[]) => void): () => void;
  /** The search took too long. */
  contactsLate(): void;
  dialContact(address: string): void;
  releaseContact(): void;
  readonly connections: number;
  /** Nobody is left: table, filters and caches begin anew. */
  reset(): void;
  /** Asks somebody whom they know, and a contact that is not connected. */
  askAround(): void;
  /** No network activity from here on. */
  stop(): void;
  peerEnded(notice: SupervisorNotice): void;
}

export interface NodeInput {
  readonly port: NodePort;
}

export interface NodeContext extends NodeInput {
  /** Contacts of this round that have not been tried. */
  readonly left: readonly string[];
  /** Rounds in a row that found nobody. */
  readonly rounds: number;
}

export const nodeSetup = setup({
  types: {
    context: {} as NodeContext,
    input: {} as NodeInput,
    events: {} as NodeEvent,
    tags: {} as 'terminal',
    meta: {} as ChartMeta,
  },
  actors: {
    supervisor: fromSupervisor(rendezvousMachine, 'rendezvous'),
    contacts: fromCallback<EventObject, NodeInput>(({ input: { port }, sendBack }) =>
      port.findContacts((addresses) => sendBack({ type: 'contacts.found', addresses } satisfies NodeEvent)),
    ),
  },
  actions: {
    noteContacts: assign({ left: ({ context, event }) => (event.type === 'contacts.found' ? event.addresses : context.left) }),
    dialNext: ({ context }) => context.port.dialContact(context.left[0]!),
    dropFirst: assign({ left: ({ context }) => context.left.slice(1) }),
    releaseContact: ({ context }) => context.port.releaseContact(),
    reportLateContacts: ({ context }) => context.port.contactsLate(),
    countRound: assign({ rounds: ({ context }) => context.rounds + 1 }),
    forgetRounds: assign({ rounds: 0 }),
    resetAll: ({ context }) => context.port.reset(),
    askAround: ({ context }) => context.port.askAround(),
    stopAll: ({ context }) => context.port.stop(),
    tellPeerEnded: ({ context, event }) => {
      if (event.type === 'connection.ended' || event.type === 'connection.crashed') context.port.peerEnded(event);
    },
  },
  guards: {
    hasContact: ({ context }) => context.left.length > 0,
    isConnected: ({ context }) => context.port.connections > 0,
    isAlone: ({ context }) => context.port.connections === 0,
  },
  delays: {
    /** RDV-9 says who; how soon again is a matter of chance, so that a thousand nodes don't return in step. */
    bootstrapBackoff: ({ context: { port, rounds } }) => {
      const { bootstrapBaseMs: baseMs, bootstrapCapMs: capMs } = port.limits;
      const wait = backoffMs({ kind: 'exponential', baseMs, capMs, immediateIfLivedMs: 0 }, rounds + 2, port.random());
      return wait === 'give-up' ? capMs : Math.max(1, wait);
    },
    contactsTimeout: ({ context: { port } }) => port.limits.contactsTimeoutMs,
    refreshTime: ({ context: { port } }) => port.limits.refreshMs * (0.5 + port.random()),
  },
});
