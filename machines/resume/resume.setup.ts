import { assign, raise, sendParent, setup } from 'xstate';
import type { ChartMeta } from '../chart-meta.js';
import { closing, closingOf, type Closing, type ClosingCode } from '../closing.js';
import type { Pump } from '../dataplane/pump.js';
import { grantService, type GrantDesk, type GrantEvent } from '../dial-permit.service.js';
import type { Clock, Opener } from '../ports.js';
import type { ProtocolNews } from '../protocol.js';
import { wireService, type WireEvent } from '../connection/wire.service.js';
import type { Fault, RefusalCode, RefusedBody } from './resume.messages.js';
import type { ResumePlane } from './resume.plane.js';
import type { ResumeSignal } from './resume.signals.js';

export type ResumeCommand =
  | { type: 'close'; now: boolean; reason: 'closed' | 'shutdown' } // Says goodbye, after draining unless `now`.
  | { type: 'abort'; closing: Closing } // Ends without a word: a limit, an operator, a deadline (RES-12).
  | { type: 'probe' } // The host may have slept.
  | { type: 'drain'; afterMs: number } // Ask the peer to go, and to come back after this long.
  | { type: 'wire.offered'; opener: Opener }; // The door has a wire whose hello was judged.
/** The goodbye was not heard in its time: one region asks the other for another wire. */
export type ResumeUnheard = { type: 'goodbye.unheard' };
export type ResumeEvent = WireEvent | GrantEvent | ResumeSignal | ResumeCommand | ResumeUnheard;

export interface ResumeInput {
  readonly role: 'dialer' | 'acceptor';
  readonly pump: Pump<Uint8Array, ResumeSignal> & { readonly plane: ResumePlane };
  readonly clock: Clock;
  readonly desk: GrantDesk;
  /** The wire to begin with: a granted dial, or what the door lends. */
  readonly opener: Opener;
}

export interface ResumeContext extends ResumeInput {
  /** When the current wire was opened. */
  readonly openedAt: number;
  readonly livedMs: number;
  /** Spoilt wires in a row, and the position at the last one: progress in between forgives. */
  readonly strikes: number;
  readonly progress: number;
  readonly everOpened: boolean;
  readonly goodbyeCode: 'closed' | 'shutdown';
  /** Closing was asked for `now`. */
  readonly isHurried: boolean;
  readonly closing?: Closing;
}

/** What a refusal means to a session that was known. @rule RES-13 */
const CLOSING_OF_REFUSAL: Record<RefusalCode, ClosingCode> = {
  malformed: 'handshake-refused',
  'version-unsupported': 'version-unsupported',
  'unknown-session': 'peer-lost-session',
  ended: 'peer-goodbye',
  'token-refused': 'token-refused',
  'limit-reached': 'limit-reached',
  busy: 'busy',
  shutdown: 'refused',
  'identity-unknown': 'identity-unknown',
};

function closingOfRefusal({ code, retryAfterMs, versionMin, versionMax }: RefusedBody): Closing {
  return closing(CLOSING_OF_REFUSAL[code], 'remote', {
    message: code,
    ...(retryAfterMs > 0 ? { retryAfterMs } : {}),
    ...(code === 'version-unsupported' ? { supported: { min: versionMin, max: versionMax } } : {}),
  });
}

/** A fault that this side found (`remote`), or was told of (`local`). A stolen token is neither side's fault. */
function closingOfFault({ code, rule }: Fault, side: 'local' | 'remote'): Closing {
  return closing(code, code === 'token-refused' ? 'remote' : side, { rule });
}

/** Spoilt wires in a row, without progress, that a session takes (RES-16). */
const STRIKES_MAX = 3;

const progressOf = (context: ResumeContext): number => context.pump.plane.acknowledged + context.pump.plane.stats.received;

const strikesOf = (context: ResumeContext): number => (progressOf(context) > context.progress ? 1 : context.strikes + 1);
const isStrike = (event: ResumeEvent): boolean => event.type === 'wire.spoilt' && !event.isStranger;

export const resumeSetup = setup({
  types: {
    context: {} as ResumeContext,
    input: {} as ResumeInput,
    events: {} as ResumeEvent,
    output: {} as { closing: Closing },
    tags: {} as 'accepts-data' | 'flows' | 'terminal',
    meta: {} as ChartMeta,
  },
  actors: { wire: wireService, grant: grantService },
  actions: {
    bindPump: ({ context, self }) => context.pump.bind(self),
    greetPeer: ({ context }) => {
      if (context.role === 'dialer') context.pump.plane.greet();
      else context.pump.plane.listen();
    },
    openPlane: ({ context }) => {
      context.pump.plane.open();
      context.pump.flush();
    },
    drainPlane: ({ context }) => {
      context.pump.plane.drain();
      context.pump.flush();
    },
    sayGoodbye: ({ context }) => {
      context.pump.plane.goodbye(context.goodbyeCode);
      context.pump.flush();
    },
    askToGo: ({ context, event }) => {
      if (event.type === 'drain') context.pump.plane.announceDrain(event.afterMs);
      context.pump.flush();
    },
    probeWire: ({ context }) => {
      context.pump.plane.probe(context.clock.now());
      context.pump.flush();
    },
    stopPump: ({ context }) => context.pump.stop('hard'),
    stopPolitely: ({ context }) => context.pump.stop('polite'),
    giveUpWire: raise({ type: 'goodbye.unheard' }),
    noteOpened: assign({ openedAt: ({ context }) => context.clock.now(), everOpened: true }),
    noteLoss: assign({
      livedMs: ({ context }) => (context.openedAt === 0 ? 0 : context.clock.now() - context.openedAt),
      openedAt: 0,
    }),
    countStrike: assign(({ context, event }) =>
      isStrike(event) ? { strikes: strikesOf(context), progress: progressOf(context) } : {},
    ),
    useOpener: assign(({ context, event }) => ({
      opener: event.type === 'wire.offered' || event.type === 'redial.granted' ? event.opener : context.opener,
    })),
    noteGoodbyeCode: assign(({ context, event }) => {
      const isClose = event.type === 'close';
      return { goodbyeCode: isClose ? event.reason : context.goodbyeCode, isHurried: isClose && event.now };
    }),
    recordClosing: assign((_, params: { code: ClosingCode; side: 'local' | 'remote' }) => ({
      closing: closing(params.code, params.side),
    })),
    recordCause: assign({
      closing: ({ event }) => (event.type === 'wire.closed' ? closingOf(event.cause) : closing('internal', 'local')),
    }),
    recordAbort: assign({ closing: ({ event }) => (event.type === 'abort' ? event.closing : closing('internal', 'local')) }),
    recordSpoilt: assign({
      closing: ({ event }) => closing(event.type === 'wire.spoilt' ? event.code : 'malformed', 'remote', { rule: 'RES-16' }),
    }),
    recordViolation: assign({
      closing: ({ event }) =>
        event.type === 'peer.violated' ? closingOfFault(event.fault, 'remote') : closing('internal', 'local'),
    }),
    recordAccusation: assign({
      closing: ({ event }) =>
        event.type === 'peer.accused' ? closingOfFault(event.fault, 'local') : closing('internal', 'local'),
    }),
    saySpoilt: ({ context, event }) => {
      context.pump.plane.sayFault(event.type === 'wire.spoilt' ? event.code : 'malformed', 'RES-16');
    },
    recordRefusal: assign({
      closing: ({ event }) => (event.type === 'peer.refused' ? closingOfRefusal(event.refusal) : closing('internal', 'local')),
    }),
    recordDrained: assign({
      closing: ({ event }) => closing('drained', 'remote', { retryAfterMs: event.type === 'peer.draining' ? event.afterMs : 0 }),
    }),
    tellParent: sendParent((_, news: ProtocolNews) => news),
  },
  guards: {
    isDialer: ({ context }) => context.role === 'dialer',
    /** A goodbye without a wire waits for one, unless somebody is in a hurry. */
    mayWait: ({ context, event }) => !context.isHurried && !(event.type === 'close' && event.now) && !context.pump.plane.isHeard,
    isAbrupt: ({ event }) => event.type === 'close' && event.now,
    neverOpened: ({ context }) => !context.everOpened,
    isStruckOut: ({ context, event }) => isStrike(event) && strikesOf(context) >= STRIKES_MAX,
    hasEnded: ({ event }) => event.type === 'peer.refused' && event.refusal.code === 'ended',
  },
  delays: {
    handshakeTimeout: ({ context }) => context.pump.plane.limits.handshakeTimeoutMs,
    greetingTimeout: ({ context }) => context.pump.plane.limits.greetingTimeoutMs,
    reconnectWindow: ({ context }) => context.pump.plane.windowMs,
    closeGrace: ({ context }) => context.pump.plane.limits.closeGraceMs,
    goodbyePatience: ({ context }) => context.pump.plane.limits.closeGraceMs / 3,
  },
});
