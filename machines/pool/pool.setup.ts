import { assign, sendTo, setup } from 'xstate';
import type { ChartMeta } from '../chart-meta.js';
import { closing, closingOf, type Closing, type ClosingCode } from '../closing.js';
import type { ProtocolCommand } from '../protocol.js';
import {
  abortedClosing,
  namedClosing,
  news,
  parent,
  sessionActions,
  UNEXPECTED,
  type ProtocolContext,
} from '../protocol.setup.js';
import type { PumpOver, SessionHandle } from '../session-handle.js';
import { wireService, type WireEvent } from '../connection/wire.service.js';
import type { PoolFault, PoolGoodbye, PoolRefusalCode, PoolRefused } from './pool.messages.js';
import type { PoolPlane } from './pool.plane.js';
import type { PoolPlaneInput, PoolSignal } from './pool.signals.js';

export type PoolEvent = WireEvent | PoolSignal | ProtocolCommand;

type PoolPump = PumpOver<PoolPlane, Uint8Array, PoolSignal>;

export interface PoolInput {
  readonly role: 'dialer' | 'acceptor';
  /** It has the one wire of this connection: a permitted dial, or an accepted wire. */
  readonly session: SessionHandle<PoolPump>;
}

export interface PoolContext extends ProtocolContext<PoolPump>, Pick<PoolPlaneInput, 'isBare' | 'isProven' | 'localId' | 'peer'> {
  /** The fingerprint that the transport has proven. */
  readonly fingerprint?: string | undefined;
  /** The goodbye that is sent at the end. */
  readonly goodbye: PoolGoodbye;
}

const CLOSING_OF_REFUSAL: Record<PoolRefusalCode, ClosingCode> = {
  malformed: 'handshake-refused',
  'version-unsupported': 'version-unsupported',
  'limit-reached': 'limit-reached',
  busy: 'busy',
  shutdown: 'refused',
  crossed: 'lost-tie-break',
  'identity-mismatch': 'identity-mismatch',
  'identity-unknown': 'identity-unknown',
};

function closingOfRefusal({ code, retryAfterMs }: PoolRefused): Closing {
  const detail = { message: code, ...(retryAfterMs > 0 ? { retryAfterMs } : {}) };
  return closing(CLOSING_OF_REFUSAL[code], 'remote', detail);
}

function closingOfGoodbye({ code, afterMs }: PoolGoodbye): Closing {
  if (code === 'drained') return closing('drained', 'remote', { retryAfterMs: afterMs });
  if (code === 'replaced') return closing('replaced', 'remote');
  return closing('peer-goodbye', 'remote', { message: code });
}

/** A fault of the peer (`remote`), or of this side, as the peer reports it (`local`). */
function closingOfFault({ code, rule }: PoolFault, side: 'local' | 'remote'): Closing {
  return closing(code, side, { rule });
}

/** A peer that closes a connection in use says goodbye; where frames are bare, an orderly end is all it can say. */
function closingOfWire(event: PoolEvent, { isBare }: PoolContext): Closing {
  if (event.type !== 'wire.closed') return UNEXPECTED;
  const isFarewell = isBare && event.cause.kind === 'ended';
  return isFarewell ? closing('peer-goodbye', 'remote', { cause: event.cause }) : closingOf(event.cause);
}

/** The peer's stated id. */
function idOf(event: PoolEvent): string | undefined {
  if (event.type === 'handshake.done') return event.id;
  return event.type === 'peer.refused' ? event.refusal.id : undefined;
}

export const poolSetup = setup({
  types: {
    context: {} as PoolContext,
    input: {} as PoolInput,
    events: {} as PoolEvent,
    output: {} as { closing: Closing },
    tags: {} as 'accepts-data' | 'flows' | 'terminal',
    meta: {} as ChartMeta,
  },
  actors: { wire: wireService },
  actions: {
    ...sessionActions,
    noteWire: assign({ fingerprint: ({ event }) => (event.type === 'wire.opened' ? event.identity?.fingerprint : undefined) }),
    sendHello: ({ context }) => context.session.plane.sendHello(),
    openPlane: ({ context: { session } }) => session.plane.open(session.now()),
    drainPlane: ({ context }) => context.session.plane.drain(),
    sendGoodbye: ({ context }) => context.session.plane.goodbye(context.goodbye),
    probeWire: ({ context: { session } }) => session.plane.probe(session.now()),
    stopWithLastWord: ({ context: { session } }) => session.stop(session.plane.hasLastWord ? 'polite' : 'hard'),
    noteGoodbye: assign({
      goodbye: ({ context, event }): PoolGoodbye => {
        if (event.type === 'close') return { code: event.reason, afterMs: 0 };
        if (event.type === 'abort') return { code: 'replaced', afterMs: 0 };
        if (event.type === 'drain') return { code: 'drained', afterMs: event.afterMs };
        return event.type === 'idle.expired' ? { code: 'idle', afterMs: 0 } : context.goodbye;
      },
    }),
    recordClosing: assign(namedClosing),
    recordAbort: assign(abortedClosing),
    recordWire: assign({ closing: ({ context, event }) => closingOfWire(event, context) }),
    recordViolation: assign({
      closing: ({ event }) => (event.type === 'peer.violated' ? closingOfFault(event.fault, 'remote') : UNEXPECTED),
    }),
    recordAccusation: assign({
      closing: ({ event }) => (event.type === 'peer.accused' ? closingOfFault(event.fault, 'local') : UNEXPECTED),
    }),
    recordRefusal: assign({
      closing: ({ event }) => (event.type === 'peer.refused' ? closingOfRefusal(event.refusal) : UNEXPECTED),
    }),
    recordFailure: assign({
      closing: ({ event }) => (event.type === 'handshake.failed' ? event.closing : UNEXPECTED),
    }),
    recordGoodbye: assign({
      closing: ({ event }) => (event.type === 'peer.goodbye' ? closingOfGoodbye(event.goodbye) : UNEXPECTED),
    }),
    tellIdentity: ({ event, context }) => context.session.identify(idOf(event) ?? context.peer ?? ''),
    tellParent: sendTo(parent, news),
  },
  guards: {
    isBare: ({ context }) => context.isBare,
    /** The peer dialed anew and may not know yet which of the two is left, so it gets a goodbye. */
    isReplaced: ({ event }) => event.type === 'abort' && event.closing.code === 'replaced',
    isAbrupt: ({ event }) => event.type === 'close' && event.now,
    isForeign: ({ event }) => event.type === 'handshake.done' && !event.isUnderstood,
    isCrossed: ({ event }) => event.type === 'peer.refused' && event.refusal.code === 'crossed',
    /** Not whom we dialed, not who its certificate says, or ourselves. */
    isMistaken: ({ context, event }) => {
      const { peer, isProven, localId } = context;
      const id = idOf(event);
      if (id === undefined) return false;
      const shown = event.type === 'handshake.done' ? event.fingerprint : undefined;
      const isAnother = (isProven && id !== context.fingerprint) || (shown !== undefined && shown !== context.fingerprint);
      return (peer !== undefined && id !== peer) || isAnother || id === localId;
    },
  },
  delays: {
    connectTimeout: ({ context }) => context.session.plane.input.limits.connectTimeoutMs,
    closeGrace: ({ context }) => context.session.plane.input.limits.closeGraceMs,
    yieldTime: ({ context }) => context.session.plane.input.limits.yieldMs,
  },
});
