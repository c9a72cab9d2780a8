import { assert } from './errors.js';

/** A stretch of waiting times; the lower end is included, the upper is not. */
export interface Band {
  readonly fromMs: number;
  readonly toMs: number;
}

/**
 * How long to wait before each dial of a row. A row begins with a first dial, or with the loss of a wire, and ends with
 * a completed handshake. The caller counts its dials from 1.
 */
export type RedialPolicy = BandedPolicy | ExponentialPolicy | ConstantPolicy;

/** Uniform inside the band of the attempt; the last band serves all later ones. Never skipped, not even for a first dial. */
export interface BandedPolicy {
  readonly kind: 'bands';
  readonly bands: readonly Band[];
  /** Waits of a row before it is given up; without it, never. */
  readonly retriesMax?: number;
}

/**
 * Full jitter: uniform between nothing and a ceiling that doubles from `baseMs` up to `capMs`. The chance is drawn below
 * the ceiling and not cut off at it, so that a thousand peers don't return in step once all have reached the cap.
 */
export interface ExponentialPolicy {
  readonly kind: 'exponential';
  readonly baseMs: number;
  readonly capMs: number;
  /** A wire that had lived at least this long is replaced without waiting: the network hiccuped, the peer is well. */
  readonly immediateIfLivedMs: number;
  /**
   * Room after a failed dial, at least between half and all of this, and there are no more than two dials within twice this time:
   * those who lost the same server return side by side and not in a heap. The dial queue's, which knows when the others
   * were. Default 0.
   */
  readonly spacingMs?: number;
  readonly retriesMax?: number;
}

/** The same wait each time; a first dial has none. */
export interface ConstantPolicy {
  readonly kind: 'constant';
  readonly delayMs: number;
  readonly retriesMax?: number;
}

/** The redial table: one policy per kind of session. */
export const REDIAL = {
  /** SHIP's reference implementation: 0–3 s, 3–10 s, then 10–20 s. */
  ship: {
    kind: 'bands',
    bands: [
      { fromMs: 0, toMs: 3000 },
      { fromMs: 3000, toMs: 10_000 },
      { fromMs: 10_000, toMs: 20_000 },
    ],
  },
  /** Resume and Tuna: the window is short, so the first tries are quick. Chosen without measurement. */
  session: { kind: 'exponential', baseMs: 50, capMs: 5000, immediateIfLivedMs: 1000, spacingMs: 500 },
  /** Pool: `retryAttempts` 3, `retryDelayMs` 1000 of the skip graph's connection manager. */
  pool: { kind: 'constant', delayMs: 1000, retriesMax: 3 },
} as const satisfies Record<string, RedialPolicy>;

/**
 * Whole milliseconds to wait before dial number `attempt` (from 1) of a row.
 * `random` is a number in [0, 1). `livedMs` tells how long the wire had lived whose loss began the row;
 * `undefined` where the row began without one.
 */
export function backoffMs(policy: RedialPolicy, attempt: number, random: number, livedMs?: number): number | 'give-up' {
  assert(attempt >= 1, 'attempts are counted from 1');
  assert(random >= 0 && random < 1, 'a random number lies in [0, 1)');
  const waits = attempt - (goesAtOnce(policy, livedMs) ? 1 : 0);
  if (policy.retriesMax !== undefined && waits > policy.retriesMax) return 'give-up';
  if (waits === 0) return 0;
  return wait(policy, waits, random);
}

/** Whether the first dial of a row waits for nothing, and therefore doesn't count as a retry. */
function goesAtOnce(policy: RedialPolicy, livedMs: number | undefined): boolean {
  if (policy.kind === 'bands') return false;
  if (livedMs === undefined) return true;
  return policy.kind === 'exponential' && livedMs >= policy.immediateIfLivedMs;
}

function wait(policy: RedialPolicy, nth: number, random: number): number {
  switch (policy.kind) {
    case 'bands': {
      const band = policy.bands[Math.min(nth, policy.bands.length) - 1];
      assert(band !== undefined, 'a banded policy has a band');
      return band.fromMs + Math.floor(random * (band.toMs - band.fromMs));
    }
    case 'exponential':
      return Math.floor(random * Math.min(policy.capMs, policy.baseMs * 2 ** (nth - 1)));
    case 'constant':
      return policy.delayMs;
  }
}
