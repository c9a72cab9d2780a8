import { assign, sendTo, setup } from 'xstate';
import type { ChartMeta } from '../chart-meta.js';
import { closing, type Closing } from '../closing.js';
import { namedClosing, parent, sessionActions, type ProtocolContext } from '../protocol.setup.js';
import type { PumpOver, SessionHandle } from '../session-handle.js';
import type { NcpSignal } from './ncp.seed.js';
import type { TunaPlane, TunaSignal } from './tuna.plane.js';
import { TUNA_LIMITS, type TunaLimits } from './tuna.timing.js';

export type TunaPump = PumpOver<TunaPlane, Uint8Array, TunaSignal>;
/** The session that the charts of one Tuna session share. */
export type TunaSession = SessionHandle<TunaPump>;

export interface NcpInput {
  readonly role: 'dialer' | 'acceptor';
  readonly session: TunaSession;
}

export interface NcpContext extends ProtocolContext<TunaPump> {
  readonly closing: Closing;
}

export type NcpEvent =
  | NcpSignal
  | { type: 'close'; now: boolean } // Lingers unless `now`.
  | { type: 'links.gone' }; // No link is left to send on.

/** To the session above. */
export type NcpNews = { type: 'ncp.established' };

const limits = ({ context }: { readonly context: NcpContext }): TunaLimits => context.session.plane.input.limits;

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
    flush: sessionActions.flush,
    gather: ({ context }) => context.session.gather(),
    call: ({ context: { role, session } }) => {
      if (role === 'dialer') session.plane.call(session.now());
    },
    openPlane: ({ context }) => context.session.plane.open(),
    /** `lingerMs` bounds the whole close. */
    beginLinger: (args) => {
      const { session } = args.context;
      session.plane.lingersUntil = session.now() + limits(args).lingerMs;
    },
    drainPlane: ({ context }) => context.session.plane.drain(),
    sendClose: ({ context: { session } }) => session.plane.close(session.now()),
    tellEstablished: sendTo(parent, (): NcpNews => ({ type: 'ncp.established' })),
    record: assign(namedClosing),
    recordPeerClosed: assign({
      closing: ({ event }) =>
        closing(event.type === 'peer.closed' && event.isFirstWord ? 'peer-lost-session' : 'peer-goodbye', 'remote'),
    }),
  },
  guards: {
    isAbrupt: ({ event }) => event.type === 'close' && event.now,
    hasGap: ({ event }) => event.type === 'peer.closed' && event.hasGap,
  },
  delays: {
    handshakeTimeout: (args) => limits(args).handshakeTimeoutMs,
    linger: (args) => limits(args).lingerMs,
    /** The rest of the linger time. */
    closeGrace: (args) => {
      const { session } = args.context;
      return Math.max(0, Math.min(limits(args).closeGraceMs, session.plane.lingersUntil - session.now()));
    },
    gapGrace: (args) => limits(args).gapGraceMs,
  },
});

/**
 * An NCP session from its handshake to its close, over whatever links there are: it doesn't know any of them. It never sees data;
 * its plane does. It ends by its own close, the peer's, or a handshake that is not answered.
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
  context: ({ input: { role, session } }) => ({ role, session, closing: closing('closed', 'local') }),
  output: ({ context }) => ({ closing: context.closing }),
  options: { maxIterations: 1000 },
  initial: 'handshake',
  states: {
    handshake: {
      meta: { rule: 'NCP-5' },
      entry: ['call', 'gather'],
      on: {
        'handshake.done': 'established',
        'peer.closed': { target: 'closed', actions: 'recordPeerClosed' },
        'peer.unknown-session': {
          target: 'closingLocal',
          description: 'It comes back to a session that is not known here.',
          actions: { type: 'record', params: { code: 'handshake-refused', side: 'local' } },
        },
        close: { target: 'closingLocal', actions: { type: 'record', params: { code: 'cancelled', side: 'local' } } },
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
      entry: ['openPlane', 'flush', 'tellEstablished'],
      on: {
        close: [{ guard: 'isAbrupt', target: 'closingLocal' }, 'lingering'],
        'peer.closed': [
          { guard: 'hasGap', target: 'closingRemote', actions: 'recordPeerClosed' },
          { target: 'closed', actions: 'recordPeerClosed' },
        ],
      },
    },
    lingering: {
      meta: { rule: 'NCP-13' },
      description: "Until the peer's application has read everything, or has everything and reads nothing.",
      entry: ['beginLinger', 'drainPlane', 'flush'],
      on: {
        'log.drained': 'closingLocal',
        close: { guard: 'isAbrupt', target: 'closingLocal' },
        'peer.closed': { target: 'closed', actions: 'recordPeerClosed' },
      },
      after: { linger: 'closingLocal' },
    },
    closingLocal: {
      meta: { rule: 'NCP-13' },
      description: 'Close is said on every link, again and again, until the peer has closed them.',
      entry: ['sendClose', 'flush'],
      on: { 'links.gone': 'closed', 'peer.closed': 'closed' },
      after: { closeGrace: 'closed' },
    },
    closingRemote: {
      description: 'The peer has closed; what is missing of its bytes may be on its way on a slower link.',
      on: { 'links.gone': 'closed' },
      after: { gapGrace: 'closed' },
    },
    closed: { type: 'final', tags: 'terminal' },
  },
});
