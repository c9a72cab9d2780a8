import { assign, raise, sendTo, setup } from 'xstate';
import type { ChartMeta } from '../chart-meta.js';
import { closing, closingOf, type Closing, type ClosingCode } from '../closing.js';
import type { Opener } from '../ports.js';
import {
  abortedClosing,
  namedClosing,
  news,
  parent,
  sessionActions,
  UNEXPECTED,
  type ProtocolContext,
} from '../protocol.setup.js';
import { redialService, type RedialEvent } from '../redial.service.js';
import type { PumpOver, SessionHandle } from '../session-handle.js';
import { wireService, type WireEvent } from '../connection/wire.service.js';
import type { Fault, RefusalCode, RefusedBody } from './resume.messages.js';
import type { ResumePlane } from './resume.plane.js';
import type { ResumeSignal } from './resume.signals.js';

export type ResumeCommand =
  | { type: 'close'; now: boolean; reason: 'closed' | 'shutdown' } // Says goodbye, after draining unless `now`.
  | { type: 'abort'; closing: Closing } // Ends without a word: a limit, an operator, a deadline (RES-12).
  | { type: 'probe' } // The host may have slept.
  | { type: 'drain'; afterMs: number } // Ask the peer to go, and to come back after this long.
  | { type: 'wire.offered'; opener: Opener }; // The listener has a wire whose hello was authorized.
/** The goodbye was not acknowledged in time: one region asks the other for another wire. */
export type ResumeUnacknowledged = { type: 'goodbye.unacknowledged' };
export type ResumeEvent = WireEvent | RedialEvent | ResumeSignal | ResumeCommand | ResumeUnacknowledged;

type ResumePump = PumpOver<ResumePlane, Uint8Array, ResumeSignal>;

export interface ResumeInput {
  readonly role: 'dialer' | 'acceptor';
  /** It has the first wire: a permitted dial, or an accepted wire. */
  readonly session: SessionHandle<ResumePump>;
}

export interface ResumeContext extends ProtocolContext<ResumePump> {
  /** Spoilt wires in a row, and the position at the last one: progress in between forgives. */
  readonly strikes: number;
  readonly progress: number;
  readonly everOpened: boolean;
  readonly goodbyeCode: 'closed' | 'shutdown';
  /** Closing was asked for `now`. */
  readonly isHurried: boolean;
}

/** The closing of a known session that was refused. @rule RES-13 */
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

/** A fault of the peer (`remote`), or of this side, as the peer reports it (`local`). A stolen token is neither side's fault. */
function closingOfFault({ code, rule }: Fault, side: 'local' | 'remote'): Closing {
  return closing(code, code === 'token-refused' ? 'remote' : side, { rule });
}

/** Spoilt wires in a row, without progress, that a session takes (RES-16). */
const STRIKES_MAX = 3;

const strikesOf = (context: ResumeContext, progress: number): number => (progress > context.progress ? 1 : context.strikes + 1);

export const resumeSetup = setup({
  types: {
    context: {} as ResumeContext,
    input: {} as ResumeInput,
    events: {} as ResumeEvent,
    output: {} as { closing: Closing },
    tags: {} as 'accepts-data' | 'flows' | 'terminal',
    meta: {} as ChartMeta,
  },
  actors: { wire: wireService, dialPermit: redialService },
  actions: {
    ...sessionActions,
    sendHello: ({ context: { role, session } }) => {
      if (role === 'dialer') session.plane.sendHello();
      else session.plane.listen();
    },
    openPlane: ({ context }) => context.session.plane.open(),
    drainPlane: ({ context }) => context.session.plane.drain(),
    sendGoodbye: ({ context }) => context.session.plane.goodbye(context.goodbyeCode),
    askToGo: ({ context, event }) => {
      if (event.type === 'drain') context.session.plane.announceDrain(event.afterMs);
    },
    probeWire: ({ context: { session } }) => session.plane.probe(session.now()),
    giveUpWire: raise({ type: 'goodbye.unacknowledged' }),
    noteOpened: assign({ everOpened: true }),
    countStrike: assign(({ context, event }) =>
      event.type === 'wire.corrupt' && !event.isStranger
        ? { strikes: strikesOf(context, event.progress), progress: event.progress }
        : {},
    ),
    noteGoodbyeCode: assign(({ context, event }) => {
      const isClose = event.type === 'close';
      return { goodbyeCode: isClose ? event.reason : context.goodbyeCode, isHurried: isClose && event.now };
    }),
    recordClosing: assign(namedClosing),
    recordAbort: assign(abortedClosing),
    recordCause: assign({
      closing: ({ event }) => (event.type === 'wire.closed' ? closingOf(event.cause) : UNEXPECTED),
    }),
    recordCorrupt: assign({
      closing: ({ event }) => closing(event.type === 'wire.corrupt' ? event.code : 'malformed', 'remote', { rule: 'RES-16' }),
    }),
    recordViolation: assign({
      closing: ({ event }) => (event.type === 'peer.violated' ? closingOfFault(event.fault, 'remote') : UNEXPECTED),
    }),
    recordAccusation: assign({
      closing: ({ event }) => (event.type === 'peer.accused' ? closingOfFault(event.fault, 'local') : UNEXPECTED),
    }),
    sendCorrupt: ({ context, event }) => {
      context.session.plane.sendFault(event.type === 'wire.corrupt' ? event.code : 'malformed', 'RES-16');
    },
    recordRefusal: assign({
      closing: ({ event }) => (event.type === 'peer.refused' ? closingOfRefusal(event.refusal) : UNEXPECTED),
    }),
    recordDrained: assign({
      closing: ({ event }) => closing('drained', 'remote', { retryAfterMs: event.type === 'peer.draining' ? event.afterMs : 0 }),
    }),
    tellParent: sendTo(parent, news),
  },
  guards: {
    isDialer: ({ context }) => context.role === 'dialer',
    /** A goodbye without a wire waits for one. */
    isPatient: ({ context }) => !context.isHurried,
    isAbrupt: ({ event }) => event.type === 'close' && event.now,
    neverOpened: ({ context }) => !context.everOpened,
    isStruckOut: ({ context, event }) =>
      event.type === 'wire.corrupt' && !event.isStranger && strikesOf(context, event.progress) >= STRIKES_MAX,
    hasEnded: ({ event }) => event.type === 'peer.refused' && event.refusal.code === 'ended',
  },
  delays: {
    handshakeTimeout: ({ context }) => context.session.plane.limits.handshakeTimeoutMs,
    helloTimeout: ({ context }) => context.session.plane.limits.helloTimeoutMs,
    reconnectWindow: ({ context }) => context.session.plane.windowMs,
    closeGrace: ({ context }) => context.session.plane.limits.closeGraceMs,
    goodbyePatience: ({ context }) => context.session.plane.limits.closeGraceMs / 3,
  },
});
