import { assign, sendParent, setup } from 'xstate';
import type { ChartMeta } from '../chart-meta.js';
import { closing, type Closing, type ClosingCode } from '../closing.js';
import type { Pump } from '../dataplane/pump.js';
import type { Clock } from '../ports.js';
import type { NcpSignal } from './ncp.session.js';
import type { TunaPlane, TunaSignal } from './tuna.plane.js';
import type { TunaLimits } from './tuna.timing.js';
import { TUNA_LIMITS } from './tuna.timing.js';

export type TunaPump = Pump<Uint8Array, TunaSignal> & { readonly plane: TunaPlane };

export interface NcpInput {
  readonly role: 'dialer' | 'acceptor';
  readonly pump: TunaPump;
  readonly clock: Clock;
  readonly limits: TunaLimits;
}

export interface NcpContext extends NcpInput {
  readonly closing: Closing;
  /** When an orderly close has to be over. */
  readonly lingersUntil: number;
}

export type NcpEvent =
  | NcpSignal
  | { type: 'close'; now: boolean } // Lingers unless `now`.
  | { type: 'links.gone' }; // Nobody is left to be told.

/** To the session above. */
export type NcpNews = { type: 'ncp.established' };

const ncpSetup = setup({
  types: {
    context: {} as NcpContext,
    input: {} as NcpInput,
    events: {} as NcpEvent,
    output: {} as { closing: Closing },
    tags: {} as 'accepts-data' | 'terminal',
    meta: {} as ChartMeta,
  },
  actions: {
    call: ({ context }) => {
      if (context.role === 'dialer') context.pump.plane.call(context.clock.now());
      context.pump.gather();
    },
    openPlane: ({ context }) => {
      context.pump.plane.open();
      context.pump.flush();
    },
    noteLinger: assign({ lingersUntil: ({ context }) => context.clock.now() + context.limits.lingerMs }),
    drainPlane: ({ context }) => {
      context.pump.plane.drain();
      context.pump.flush();
    },
    sayClose: ({ context }) => {
      context.pump.plane.close(context.clock.now());
      context.pump.flush();
    },
    tellEstablished: sendParent((): NcpNews => ({ type: 'ncp.established' })),
    record: assign((_, { code, side }: { code: ClosingCode; side: 'local' | 'remote' }) => ({ closing: closing(code, side) })),
    recordPeerClosed: assign({
      closing: ({ event }) =>
        closing(event.type === 'peer.closed' && event.isFirstWord ? 'peer-lost-session' : 'peer-goodbye', 'remote'),
    }),
  },
  guards: {
    isAbrupt: ({ event }) => event.type === 'close' && event.now,
    hasGap: ({ context }) => context.pump.plane.hasGap,
  },
  delays: {
    handshakeTimeout: ({ context }) => context.limits.handshakeTimeoutMs,
    linger: ({ context }) => context.limits.lingerMs,
    /** What the linger has left of it, so that `lingerMs` bounds the whole close. */
    closeGrace: ({ context: { limits, lingersUntil, clock } }) =>
      Math.max(0, Math.min(limits.closeGraceMs, lingersUntil - clock.now())),
    gapGrace: ({ context }) => context.limits.gapGraceMs,
  },
});

/**
 * An NCP session from its handshake to its close, over whatever links there are: it doesn't know any of them. It never sees data;
 * its plane does. It ends by its own close, the peer's, or a handshake that nobody answers.
 */
export const ncpMachine = ncpSetup.createMachine({
  id: 'ncp',
  meta: {
    delays: {
      handshakeTimeout: TUNA_LIMITS.handshakeTimeoutMs,
      linger: TUNA_LIMITS.lingerMs,
      closeGrace: TUNA_LIMITS.closeGraceMs,
      gapGrace: TUNA_LIMITS.gapGraceMs,
    },
  },
  context: ({ input }) => ({ ...input, closing: closing('closed', 'local'), lingersUntil: Infinity }),
  output: ({ context }) => ({ closing: context.closing }),
  options: { maxIterations: 1000 },
  initial: 'handshake',
  states: {
    handshake: {
      meta: { rule: 'NCP-5' },
      entry: 'call',
      on: {
        'peer.greeted': 'established',
        'peer.closed': { target: 'closed', actions: 'recordPeerClosed' },
        'peer.strayed': {
          target: 'parting',
          description: 'It comes back to a session that is not known here.',
          actions: { type: 'record', params: { code: 'handshake-refused', side: 'local' } },
        },
        close: { target: 'parting', actions: { type: 'record', params: { code: 'cancelled', side: 'local' } } },
      },
      after: {
        handshakeTimeout: {
          target: 'closed',
          actions: { type: 'record', params: { code: 'handshake-timeout', side: 'remote' } },
        },
      },
    },
    established: {
      tags: 'accepts-data',
      entry: ['openPlane', 'tellEstablished'],
      on: {
        close: [{ guard: 'isAbrupt', target: 'parting' }, 'lingering'],
        'peer.closed': [
          { guard: 'hasGap', target: 'departing', actions: 'recordPeerClosed' },
          { target: 'closed', actions: 'recordPeerClosed' },
        ],
      },
    },
    lingering: {
      meta: { rule: 'NCP-13' },
      description: "Until the peer's application has read everything, or has everything and reads nothing.",
      entry: ['noteLinger', 'drainPlane'],
      on: {
        'log.drained': 'parting',
        close: { guard: 'isAbrupt', target: 'parting' },
        'peer.closed': { target: 'closed', actions: 'recordPeerClosed' },
      },
      after: { linger: 'parting' },
    },
    parting: {
      meta: { rule: 'NCP-13' },
      description: 'Close is said on every link, again and again, until the peer has closed them.',
      entry: 'sayClose',
      on: { 'links.gone': 'closed', 'peer.closed': 'closed' },
      after: { closeGrace: 'closed' },
    },
    departing: {
      description: 'The peer has closed; what is missing of its bytes may be on its way on a slower link.',
      on: { 'links.gone': 'closed' },
      after: { gapGrace: 'closed' },
    },
    closed: { type: 'final', tags: 'terminal' },
  },
});
