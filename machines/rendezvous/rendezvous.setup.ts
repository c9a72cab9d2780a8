import { assign, setup } from 'xstate';
import type { ChartMeta } from '../chart-meta.js';
import type { NodeId } from './rendezvous.messages.js';
import type { Outcome } from './rendezvous.outcomes.js';
import type { RendezvousLimits } from './rendezvous.timing.js';

export type PeerEvent =
  | { type: 'request.accepted' } // Its request came in, was wanted and answered.
  | { type: 'response.accepted' } // It has answered ours.
  | { type: 'route.failed' } // None of the peers asked has a route.
  | { type: 'wire.opened' } // A wire with this peer, dialed by either side; no Hello is verified yet.
  | { type: 'attempt.failed' } // A wire, or the dial of one.
  | { type: 'connection.made' }
  | { type: 'lapse'; outcome: Outcome }
  | { type: 'message.known'; hasMessage: boolean; isReachable: boolean }; // The answer to the chart's question.

/** The node, as the chart of one peer needs it. Every call returns at once. */
export interface PeerPort {
  /** Sends a request on its way. */
  sendRequest(peer: NodeId): void;
  /** Whether a letter of it is here: its request, or its response. */
  hasMessage(peer: NodeId): boolean;
  /** Whether its letter says where it can be dialed. */
  isReachable(peer: NodeId): boolean;
  dial(peer: NodeId): void;
  /** The dial is no longer wanted; without effect on a connection that has come of it. */
  cancelDial(peer: NodeId): void;
  readonly limits: RendezvousLimits;
}

export interface PeerInput {
  readonly peer: NodeId;
  readonly port: PeerPort;
}

export interface PeerContext extends PeerInput {
  readonly outcome: Outcome;
}

/** The outcome, for the callers that wait. */
export interface PeerOutput {
  readonly peer: NodeId;
  readonly outcome: Outcome;
}

export const rendezvousSetup = setup({
  types: {
    context: {} as PeerContext,
    input: {} as PeerInput,
    events: {} as PeerEvent,
    output: {} as PeerOutput,
    tags: {} as 'terminal',
    meta: {} as ChartMeta,
  },
  actions: {
    /** Whether there is a letter of the peer, and one with an address, is asked by an action and answered by an event. */
    askForMessage: ({ context: { port, peer }, self }) =>
      self.send({ type: 'message.known', hasMessage: port.hasMessage(peer), isReachable: port.isReachable(peer) }),
    askPeer: ({ context }) => context.port.sendRequest(context.peer),
    dialPeer: ({ context }) => context.port.dial(context.peer),
    hangUp: ({ context }) => context.port.cancelDial(context.peer),
    record: assign((_, { outcome }: { outcome: Outcome }) => ({ outcome })),
    recordLapse: assign({ outcome: ({ context, event }) => (event.type === 'lapse' ? event.outcome : context.outcome) }),
  },
  guards: {
    isStranger: ({ event }) => event.type === 'message.known' && !event.hasMessage,
    isReachable: ({ event }) => event.type === 'message.known' && event.isReachable,
  },
  delays: {
    askTimeout: ({ context }) => context.port.limits.askTimeoutMs,
    awaitTimeout: ({ context }) => context.port.limits.awaitTimeoutMs,
    dialTimeout: ({ context }) => context.port.limits.dialTimeoutMs,
    unidentifiedTimeout: ({ context }) => context.port.limits.unidentifiedTimeoutMs,
  },
});
