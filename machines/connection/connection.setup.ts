import { assign, fromCallback, sendTo, setup, type EventObject } from 'xstate';
import type { ChartMeta } from '../chart-meta.js';
import { closing, type Closing } from '../closing.js';
import { grantService, type GrantDesk, type GrantEvent } from '../dial-permit.service.js';
import type { Opener } from '../ports.js';
import type { ProtocolCommand, ProtocolInput, ProtocolNews } from '../protocol.js';
import { unlisted } from '../unlisted.js';
import type { ApiState } from './api-state.js';

export type ConnectionCommand =
  | { type: 'connect' } // Somebody wants it: an application, or a registration.
  | { type: 'cancel' } // Nobody wants it any more.
  | { type: 'offered'; opener: Opener; opening: unknown; isTrusted: boolean } // The door has a wire for it.
  | { type: 'crossed'; opener: Opener; opening: unknown } // Both sides dialed, and the peer's wire is to stay.
  | ProtocolCommand;
export type ConnectionEvent = ConnectionCommand | ProtocolNews | GrantEvent;

/** What the hub does for one connection. Every call is made between transitions and returns at once. */
export interface ConnectionPort {
  readonly grantDesk: GrantDesk;
  /** Makes a session for a fresh attempt: the plane, its pump, the handle. */
  begin(role: 'dialer' | 'acceptor', opener: Opener, opening: unknown): ProtocolInput;
  report(state: ApiState): void;
  /** Whether another connection to this peer is to stay instead. */
  isDuplicate(peer: string): boolean;
  identified(peer: string): void;
  /** This one gives way to the other connection to this peer. */
  yielded(peer: string): void;
  /** The attempt or session that `begin` made has ended. */
  ended(closing: Closing): void;
  /** All retries are used up; how the last one ended. */
  gaveUp(closing: Closing): void;
  /** Whether the hub wants another attempt after this closing. */
  mayRetry(closing: Closing): boolean;
  /** Back in `none`, and nothing to do: the hub may bury it. */
  rested(): void;
  /** The peer's messages are delivered from here on, whatever is left of the handshake. */
  readable(): void;
  lost(): void;
  resumed(): void;
}

export interface ConnectionInput {
  readonly port: ConnectionPort;
}

export interface ConnectionContext extends ConnectionInput {
  readonly session?: ProtocolInput;
  readonly closing?: Closing;
}

const outputOf = (event: unknown): Closing | undefined => (event as { output?: { closing?: Closing } }).output?.closing;

export const connectionSetup = setup({
  types: {
    context: {} as ConnectionContext,
    input: {} as ConnectionInput,
    events: {} as ConnectionEvent,
    tags: {} as 'accepts-data' | 'terminal' | 'wanted',
    meta: {} as ChartMeta,
  },
  actors: {
    grant: grantService,
    // Provided once per engine and protocol; a session chart such as `resumeMachine`.
    protocol: fromCallback<EventObject, ProtocolInput>(() => {
      throw new Error('provide the actor `protocol`');
    }),
  },
  actions: {
    report: ({ context }, { state }: { state: ApiState }) => context.port.report(state),
    beginSession: assign({
      session: ({ context, event }) => {
        if (event.type === 'offered' || event.type === 'crossed')
          return context.port.begin('acceptor', event.opener, event.opening);
        if (event.type === 'redial.granted') return context.port.begin('dialer', event.opener, undefined);
        throw new Error(`no session begins with ${event.type}`);
      },
    }),
    endSession: assign({ session: undefined as never }),
    recordOutput: assign({ closing: ({ event }) => outputOf(event) ?? closing('internal', 'local') }),
    recordDefect: assign({
      closing: ({ event }) => closing('internal', 'local', { message: String('error' in event ? event.error : undefined) }),
    }),
    recordGivenUp: assign({ closing: ({ context }) => context.closing ?? closing('unreachable', 'remote') }),
    recordCancelled: assign({ closing: () => closing('cancelled', 'local') }),
    recordLostTie: assign({ closing: () => closing('lost-tie-break', 'local') }),
    noteIdentity: ({ context, event }) => {
      if (event.type === 'peer.identified') context.port.identified(event.peer);
    },
    yieldToOther: ({ context, event }) => {
      if (event.type === 'peer.identified') context.port.yielded(event.peer);
    },
    tellEnded: ({ context }) => context.port.ended(context.closing ?? closing('internal', 'local')),
    tellGivenUp: ({ context }) => context.port.gaveUp(context.closing ?? closing('unreachable', 'remote')),
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
    mayRetry: ({ context }) => context.closing !== undefined && context.port.mayRetry(context.closing),
    isDuplicate: ({ context, event }) => event.type === 'peer.identified' && context.port.isDuplicate(event.peer),
    isTrusted: ({ event }) => event.type === 'offered' && event.isTrusted,
    wasDenied: ({ event }) => outputOf(event)?.code === 'trust-denied' && outputOf(event)?.side === 'remote',
    wasAsked: ({ event }) =>
      ['closed', 'peer-goodbye', 'cancelled', 'shutdown', 'drained', 'replaced', 'lost-tie-break'].includes(
        outputOf(event)?.code ?? '',
      ),
  },
});
