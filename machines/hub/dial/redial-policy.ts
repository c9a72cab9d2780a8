import type { Closing, ClosingCode } from '../../closing.js';

/** Whether a peer is dialed again after its connection ended. `when told`: the peer named a time, and is dialed then. */
export type AfterEnding = 'stays' | 'redials' | 'redials when told';

/** `connect` wants one connection; `retry` dials until it gives up; `register` keeps a connection until it is withdrawn. */
export type Wanted = 'connect' | 'retry' | 'register';

/** Only these end a registration's dialing: the peer's user said no, or a rule was broken, and neither changes by dialing again. */
const FINAL: ReadonlySet<ClosingCode> = new Set(['trust-denied', 'violated']);

/** Endings with which a peer may say when to return. */
const MAY_NAME_A_TIME: ReadonlySet<ClosingCode> = new Set(['drained', 'busy', 'limit-reached', 'refused']);

/** The table of the documentation (`spec/rules/dialing.md`), and what the hub does. `code` is how it ended. @rule DIAL-5 */
export function afterEnding(wanted: Wanted, { code, retry }: Pick<Closing, 'code' | 'retry'>): AfterEnding {
  const dials = wanted === 'register' ? !FINAL.has(code) : wanted === 'retry' && retry;
  if (!dials) return 'stays';
  return MAY_NAME_A_TIME.has(code) ? 'redials when told' : 'redials';
}

/** Endings that may say more about one address than about the peer: another address of the same peer deserves its try. */
const OF_THE_ADDRESS: ReadonlySet<ClosingCode> = new Set([
  'identity-mismatch',
  'identity-unknown',
  'handshake-timeout',
  'malformed',
  'oversized',
  'violated',
  'version-unsupported',
  'tls-failed',
  'reset',
  'probe-timeout',
]);

/** Whether an attempt that ended so goes on with the peer's next address, where there is one that was not tried. */
export function triesNextAddress({ code, side }: Closing): boolean {
  return side === 'remote' && OF_THE_ADDRESS.has(code);
}

/** The peer's own words: it is there, whatever it said. */
const ANSWERS: ReadonlySet<ClosingCode> = new Set([
  'peer-goodbye',
  'peer-lost-session',
  'handshake-refused',
  'version-unsupported',
  'trust-denied',
  'identity-mismatch',
  'identity-unknown',
  'pin-unsupported',
  'ship-id-mismatch',
  'token-refused',
  'limit-reached',
  'busy',
  'lost-tie-break',
  'drained',
]);

/** Whether a dial that ended so was answered, and costs the budget nothing. */
export function wasAnswered({ code, side, detail }: Closing): boolean {
  if (side !== 'remote') return false;
  return ANSWERS.has(code) || (code === 'refused' && detail?.cause === undefined) || detail?.cause?.status !== undefined;
}

/** A connection that was over sooner than this had not really begun: the next wait is longer than the one before. */
const STEADY_MS = 1000;
/** Dials that follow such connections come no closer than this, on average of two. */
const SPACING_MS = 500;

/** Counts connections in a row that ended as soon as they had begun, by the peer or a defect here, so that it is not dialed in a loop. A broken link is no such end. */
export class Steadiness {
  #completedAt = 0;
  #livedMs = 0;
  streak = 0;

  completed(now: number): void {
    this.#completedAt = now;
  }
  ended(now: number, { code, retry }: Closing): void {
    this.#livedMs = now - this.#completedAt;
    const isLink = retry && code !== 'internal';
    this.streak = this.#livedMs < STEADY_MS && !isLink ? this.streak + 1 : 0;
  }
  /** How much later than the policy says the next dial is to come. */
  get delayMs(): number {
    return this.streak === 0 ? 0 : Math.max(0, SPACING_MS - this.#livedMs);
  }
}
