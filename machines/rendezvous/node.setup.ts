import { assign, fromCallback, setup, type EventObject } from 'xstate';
import type { ChartMeta } from '../chart-meta.js';
import { backoffMs } from '../backoff.js';
import { fromSupervisor, type SupervisorNotice } from '../runtime/supervisor.js';
import type { Random } from '../ports.js';
import { rendezvousMachine } from './rendezvous.machine.js';
import type { RendezvousLimits } from './rendezvous.timing.js';

export type NodeEvent =
  | { type: 'start' }
  | { type: 'contacts.found'; count: number }
  | { type: 'contact.failed' }
  | { type: 'connection.gained'; connections: number } // So many there are now.
  | { type: 'connection.lost'; connections: number }
  | { type: 'terminate' }
  | SupervisorNotice;

/** The node, as its chart needs it. Every call returns at once. */
export interface NodePort {
  readonly limits: RendezvousLimits;
  readonly random: Random;
  /** Answers how many contacts there are to try, which have places from 0 on. The result stops the search. */
  findContacts(answer: (count: number) => void): () => void;
  /** The search took too long. */
  contactsLate(): void;
  dialContact(place: number): void;
  releaseContact(): void;
  /** No peer is left: table, filters and caches begin anew. */
  reset(): void;
  /** Asks a connected peer for its peers, and dials a contact that is not connected. */
  askAround(): void;
  /** No network activity from here on. */
  stop(): void;
  peerEnded(notice: SupervisorNotice): void;
}

/** The same port, for a context: of what it leads to, serializers find the node's id alone. */
export class NodeHandle implements NodePort {
  readonly #port: NodePort;
  readonly #id: string;

  constructor(port: NodePort, id: string) {
    this.#port = port;
    this.#id = id;
  }

  toJSON(): string {
    return this.#id;
  }
  get limits(): RendezvousLimits {
    return this.#port.limits;
  }
  get random(): Random {
    return this.#port.random;
  }
  findContacts(answer: (count: number) => void): () => void {
    return this.#port.findContacts(answer);
  }
  contactsLate(): void {
    this.#port.contactsLate();
  }
  dialContact(place: number): void {
    this.#port.dialContact(place);
  }
  releaseContact(): void {
    this.#port.releaseContact();
  }
  reset(): void {
    this.#port.reset();
  }
  askAround(): void {
    this.#port.askAround();
  }
  stop(): void {
    this.#port.stop();
  }
  peerEnded(notice: SupervisorNotice): void {
    this.#port.peerEnded(notice);
  }
}

export interface NodeInput {
  readonly port: NodePort;
}

export interface NodeContext extends NodeInput {
  /** Nodes that this one is connected with. */
  readonly connections: number;
  /** Contacts of this round, and the place of the next to be tried. */
  readonly contacts: number;
  readonly next: number;
  /** Rounds in a row without a connection. */
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
      port.findContacts((count) => sendBack({ type: 'contacts.found', count } satisfies NodeEvent)),
    ),
  },
  actions: {
    noteContacts: assign(({ event }) => (event.type === 'contacts.found' ? { contacts: event.count, next: 0 } : {})),
    noteConnections: assign(({ event }) =>
      event.type === 'connection.gained' || event.type === 'connection.lost' ? { connections: event.connections } : {},
    ),
    dialNext: ({ context }) => context.port.dialContact(context.next),
    advance: assign({ next: ({ context }) => context.next + 1 }),
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
    hasContact: ({ context }) => context.next < context.contacts,
    isConnected: ({ context }) => context.connections > 0,
    isAlone: ({ event }) => event.type === 'connection.lost' && event.connections === 0,
  },
  delays: {
    /** The order is RDV-9's; the pause is random, so that a thousand nodes don't return in step. */
    bootstrapBackoff: ({ context: { port, rounds } }) => {
      const { bootstrapBaseMs: baseMs, bootstrapCapMs: capMs } = port.limits;
      const wait = backoffMs({ kind: 'exponential', baseMs, capMs, immediateIfLivedMs: 0 }, rounds + 2, port.random());
      return wait === 'give-up' ? capMs : Math.max(1, wait);
    },
    contactsTimeout: ({ context: { port } }) => port.limits.contactsTimeoutMs,
    refreshTime: ({ context: { port } }) => port.limits.refreshMs * (0.5 + port.random()),
  },
});
