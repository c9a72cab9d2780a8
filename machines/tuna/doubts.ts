import type { WireCause } from '../ports.js';

/**
 * A peer that has given the session up ends wire after wire without a word, for minutes. So does something between that accepts
 * while its backend is away (a relay, `ssh -L`, a load balancer), but seldom for long, and mostly without reading.
 */
const REJECTIONS_MIN = 3;
/** Chosen without measurement: longer than a restart of something between, and short beside the five minutes of the original. */
const REJECTED_FOR_MS = 10_000;

/**
 * Wires that the peer, or something in between, closed before it had said a packet. Only those count as the peer's own rejection
 * that were closed in an orderly way: a reset says that what was sent there has not been read, the opening included. Plain data.
 * @rule TUNA-7
 */
export interface Doubts {
  /** Wires in a row that ended without a packet, however. */
  readonly wordless: number;
  readonly rejections: number;
  /** When the first of these rejections was, and the last. */
  readonly sinceMs: number;
  readonly lastMs: number;
}

/** Also once a wire has carried a packet of the peer: it knows the session. */
export const NO_DOUBTS: Doubts = { wordless: 0, rejections: 0, sinceMs: 0, lastMs: 0 };

/** A wire has ended without a packet, for this cause and at this time, where they are known. */
export function doubted(doubts: Doubts, cause: WireCause | undefined, at: number): Doubts {
  const wordless = doubts.wordless + 1;
  if (cause?.kind === 'reset') return { ...doubts, wordless, rejections: 0 };
  if (cause?.kind !== 'ended') return { ...doubts, wordless };
  const sinceMs = doubts.rejections === 0 ? at : doubts.sinceMs;
  return { wordless, rejections: doubts.rejections + 1, sinceMs, lastMs: at };
}

/** Whether the peer has rejected the session: often enough, and over a long enough time. Waiting afterwards proves nothing. */
export function isDisowned({ rejections, sinceMs, lastMs }: Doubts): boolean {
  return rejections >= REJECTIONS_MIN && lastMs - sinceMs >= REJECTED_FOR_MS;
}
