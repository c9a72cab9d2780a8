import { assign, fromCallback, sendTo, setup, type EventObject } from 'xstate';
import type { ChartMeta } from '../chart-meta.js';
import { closing, isOrderly, type Closing, type ClosingCode } from '../closing.js';
import type { Opener } from '../ports.js';
import type { ProtocolCommand, ProtocolInput, ProtocolNews } from '../protocol.js';
import { redialService, type RedialEvent, type RedialInput } from '../redial.service.js';
import type { Role } from '../tie-break.js';
import { unlisted } from '../unlisted.js';
import type { ApiState } from './api-state.js';

export type ConnectionCommand =
  | { type: 'connect' } // An application, or a registration, wants it.
  | { type: 'cancel' } // It is no longer wanted.
  | { type: 'redial' } // The hub's answer to a failed attempt: there is to be another one.
  | { type: 'rest' } // Or there is not.
  | { type: 'dismiss' } // Nothing needs it any more: its actor ends.
  | { type: 'offered'; opener: Opener; opening: unknown; isTrusted: boolean } // The listener has a wire for it.
  | { type: 'crossed'; opener: Opener; opening: unknown } // Both sides dialed, and the peer's wire is to stay.
  | ProtocolCommand;
export type ConnectionEvent = ConnectionCommand | ProtocolNews | RedialEvent;

/** The hub, as one connection needs it. Every call is made between transitions and returns at once. */
export interface ConnectionPort {
  /** Asks the hub for a permit to dial; what opens the wire is kept for `begin`. The result withdraws the request. */
  requestDial: RedialInput['session']['requestDial'];
  /** Makes a session for a fresh attempt: the plane, its pump, the handle. A dialer's opener came with its permit. */
  begin(role: Role, opener: Opener | undefined, opening: unknown): void;
  /** Of the session that `begin` made. */
  readonly input: ProtocolInput;
  report(state: ApiState): void;
  identified(peer: string): void;
  /** This one gives way to the other connection to this peer. */
  yielded(peer: string): void;
  /** The attempt or session that `begin` made has ended. */
  ended(closing: Closing): void;
  /** All retries are used up; how the last one ended. */
  gaveUp(closing: Closing): void;
  /** The attempt or connection failed: the hub answers `redial` or `rest`. */
  failed(): void;
  /** Back in `none`, and nothing to do: the hub answers `connect`, or `dismiss`, or nothing where it is to be kept. */
  rested(): void;
  /** The peer's messages are delivered from here on, whatever is left of the handshake. */
  readable(): void;
  lost(): void;
  resumed(): void;
}

export interface ConnectionInput {
  /** The port of the chart's actions and services. It serializes as the connection's name, which never changes. */
  readonly port: ConnectionPort;
}

export interface ConnectionContext extends ConnectionInput {
  readonly closing?: Closing;
}

const outputOf = (event: unknown): Closing | undefined => (event as { output?: { closing?: Closing } }).output?.closing;

/** Endings that this side or the hub's rule of ties has asked for, besides the orderly ones. */
const WITHDRAWN: readonly ClosingCode[] = ['cancelled', 'replaced', 'lost-tie-break'];

export const connectionSetup = setup({
  types: {
    context: {} as ConnectionContext,
    input: {} as ConnectionInput,
    events: {} as ConnectionEvent,
    tags: {} as 'accepts-data' | 'terminal' | 'wanted',
    meta: {} as ChartMeta,
  },
  actors: {
    dialPermit: redialService,
    // Provided once per engine and protocol; a session chart such as `resumeMachine`.
    protocol: fromCallback<EventObject, ProtocolInput>(() => {
      throw new Error('provide the actor `protocol`');
    }),
  },
  actions: {
    report: ({ context }, { state }: { state: ApiState }) => context.port.report(state),
    beginSession: ({ context, event }) => {
      if (event.type === 'offered' || event.type === 'crossed') context.port.begin('acceptor', event.opener, event.opening);
      else context.port.begin('dialer', undefined, undefined);
    },
    recordOutput: assign({ closing: ({ event }) => outputOf(event) ?? closing('internal', 'local') }),
    recordDefect: assign({
      closing: ({ event }) => closing('internal', 'local', { message: String('error' in event ? event.error : undefined) }),
    }),
    recordGivenUp: assign({ closing: ({ context }) => context.closing ?? closing('unreachable', 'remote') }),
    recordCancelled: assign({ closing: () => closing('cancelled', 'local') }),
    recordAbort: assign({ closing: ({ event }) => (event.type === 'abort' ? event.closing : closing('internal', 'local')) }),
    recordLostTie: assign({ closing: () => closing('lost-tie-break', 'local') }),
    noteIdentity: ({ context, event }) => {
      if (event.type === 'peer.identified') context.port.identified(event.peer);
    },
    yieldToOther: ({ context, event }) => {
      if (event.type === 'peer.identified') context.port.yielded(event.peer);
    },
    tellEnded: ({ context }) => context.port.ended(context.closing ?? closing('internal', 'local')),
    tellGivenUp: ({ context }) => context.port.gaveUp(context.closing ?? closing('unreachable', 'remote')),
    tellFailed: ({ context }) => context.port.failed(),
    tellRested: ({ context }) => context.port.rested(),
    tellReadable: ({ context }) => context.port.readable(),
    tellLost: ({ context }) => context.port.lost(),
    tellResumed: ({ context }) => context.port.resumed(),
    forward: sendTo('protocol', ({ event }) => event),
    offerWire: sendTo('protocol', ({ event }) => {
      const { opener, opening } = event as { opener?: Opener; opening?: unknown };
      return unlisted({ type: 'wire.offered', opener, opening }, ['opening']); // It holds what proves a session.
    }),
  },
  guards: {
    isDuplicate: ({ event }) => event.type === 'peer.identified' && event.isDuplicate,
    isTrusted: ({ event }) => event.type === 'offered' && event.isTrusted,
    wasDenied: ({ event }) => outputOf(event)?.code === 'trust-denied' && outputOf(event)?.side === 'remote',
    wasAsked: ({ event }) => {
      const how = outputOf(event);
      return how !== undefined && (isOrderly(how) || WITHDRAWN.includes(how.code));
    },
  },
});
