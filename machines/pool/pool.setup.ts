import { assign, sendParent, setup } from 'xstate';
import type { ChartMeta } from '../chart-meta.js';
import { closing, closingOf, type Closing, type ClosingCode } from '../closing.js';
import type { Pump } from '../dataplane/pump.js';
import type { Clock, Opener } from '../ports.js';
import type { ProtocolCommand, ProtocolNews } from '../protocol.js';
import { wireService, type WireEvent } from '../connection/wire.service.js';
import type { PoolFault, PoolGoodbye, PoolRefusalCode, PoolRefused } from './pool.messages.js';
import type { PoolPlane } from './pool.plane.js';
import type { PoolSignal } from './pool.signals.js';

export type PoolEvent = WireEvent | PoolSignal | ProtocolCommand;

export interface PoolInput {
  readonly role: 'dialer' | 'acceptor';
  readonly pump: Pump<Uint8Array, PoolSignal> & { readonly plane: PoolPlane };
  readonly clock: Clock;
  /** The one wire of this connection: a granted dial, or what the door lends. */
  readonly opener: Opener;
}

export interface PoolContext extends PoolInput {
  /** What the transport has proven of the peer. */
  readonly fingerprint?: string | undefined;
  /** What is said at the end. */
  readonly goodbye: PoolGoodbye;
  readonly closing?: Closing;
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

/** A fault that this side found (`remote`), or was told of (`local`). */
function closingOfFault({ code, rule }: PoolFault, side: 'local' | 'remote'): Closing {
  return closing(code, side, { rule });
}

/** A peer that closes a connection in use says goodbye; where frames are bare, an orderly end is all it can say. */
function closingOfWire(event: PoolEvent, { pump }: PoolContext): Closing {
  if (event.type !== 'wire.closed') return closing('internal', 'local');
  const isFarewell = pump.plane.seed.isBare && event.cause.kind === 'ended';
  return isFarewell ? closing('peer-goodbye', 'remote', { cause: event.cause }) : closingOf(event.cause);
}

/** Who the peer says it is. */
function idOf(event: PoolEvent): string | undefined {
  if (event.type === 'peer.greeted') return event.id;
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
    bindPump: ({ context, self }) => context.pump.bind(self),
    noteWire: assign({ fingerprint: ({ event }) => (event.type === 'wire.opened' ? event.identity?.fingerprint : undefined) }),
    greetPeer: ({ context }) => context.pump.plane.greet(),
    openPlane: ({ context }) => {
      context.pump.plane.open(context.clock.now());
      context.pump.flush();
    },
    drainPlane: ({ context }) => {
      context.pump.plane.drain();
      context.pump.flush();
    },
    sayGoodbye: ({ context }) => {
      context.pump.plane.goodbye(context.goodbye);
      context.pump.flush();
    },
    probeWire: ({ context }) => {
      context.pump.plane.probe(context.clock.now());
      context.pump.flush();
    },
    stopPump: ({ context }) => context.pump.stop('hard'),
    stopPolitely: ({ context }) => context.pump.stop('polite'),
    stopWithLastWord: ({ context: { pump } }) => pump.stop(pump.plane.hasLastWord ? 'polite' : 'hard'),
    noteGoodbye: assign({
      goodbye: ({ context, event }): PoolGoodbye => {
        if (event.type === 'close') return { code: event.reason, afterMs: 0 };
        if (event.type === 'abort') return { code: 'replaced', afterMs: 0 };
        if (event.type === 'drain') return { code: 'drained', afterMs: event.afterMs };
        return event.type === 'idle.expired' ? { code: 'idle', afterMs: 0 } : context.goodbye;
      },
    }),
    recordClosing: assign((_, params: { code: ClosingCode; side: 'local' | 'remote' }) => ({
      closing: closing(params.code, params.side),
    })),
    recordWire: assign({ closing: ({ context, event }) => closingOfWire(event, context) }),
    recordViolation: assign({
      closing: ({ event }) =>
        event.type === 'peer.violated' ? closingOfFault(event.fault, 'remote') : closing('internal', 'local'),
    }),
    recordAccusation: assign({
      closing: ({ event }) =>
        event.type === 'peer.accused' ? closingOfFault(event.fault, 'local') : closing('internal', 'local'),
    }),
    recordAbort: assign({ closing: ({ event }) => (event.type === 'abort' ? event.closing : closing('internal', 'local')) }),
    recordRefusal: assign({
      closing: ({ event }) => (event.type === 'peer.refused' ? closingOfRefusal(event.refusal) : closing('internal', 'local')),
    }),
    recordFailure: assign({
      closing: ({ event }) => (event.type === 'greeting.failed' ? event.closing : closing('internal', 'local')),
    }),
    recordGoodbye: assign({
      closing: ({ event }) => (event.type === 'peer.goodbye' ? closingOfGoodbye(event.goodbye) : closing('internal', 'local')),
    }),
    tellIdentity: sendParent(({ event, context }): ProtocolNews => {
      return { type: 'peer.identified', peer: idOf(event) ?? context.pump.plane.seed.peer ?? '' };
    }),
    tellParent: sendParent((_, news: ProtocolNews) => news),
  },
  guards: {
    isBare: ({ context }) => context.pump.plane.seed.isBare,
    /** The peer dialed anew and may not know yet which of the two is left: it is told. */
    isReplaced: ({ event }) => event.type === 'abort' && event.closing.code === 'replaced',
    isAbrupt: ({ event }) => event.type === 'close' && event.now,
    isForeign: ({ event }) => event.type === 'peer.greeted' && !event.isUnderstood,
    isCrossed: ({ event }) => event.type === 'peer.refused' && event.refusal.code === 'crossed',
    /** Not whom we dialed, not who its certificate says, or ourselves. */
    isMistaken: ({ context, event }) => {
      const { peer, isProven, localId } = context.pump.plane.seed;
      const id = idOf(event);
      if (id === undefined) return false;
      const shown = event.type === 'peer.greeted' ? event.fingerprint : undefined;
      const isAnother = (isProven && id !== context.fingerprint) || (shown !== undefined && shown !== context.fingerprint);
      return (peer !== undefined && id !== peer) || isAnother || id === localId;
    },
  },
  delays: {
    connectTimeout: ({ context }) => context.pump.plane.seed.limits.connectTimeoutMs,
    closeGrace: ({ context }) => context.pump.plane.seed.limits.closeGraceMs,
    yieldTime: ({ context }) => context.pump.plane.seed.limits.yieldMs,
  },
});
