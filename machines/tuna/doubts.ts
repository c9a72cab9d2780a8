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
 * that were closed in an orderly way: a reset says that what was sent there has not been read, the opening included.
 * @rule TUNA-7
 */
export class Doubts {
  /** Wires in a row that ended without a packet, however. */
  wordless = 0;
  #rejections = 0;
  #sinceMs = 0;
  #lastMs = 0;

  /** A wire has carried a packet of the peer: it knows the session. */
  clear(): void {
    this.wordless = this.#rejections = 0;
  }

  ended(cause: WireCause | undefined, now: number): void {
    this.wordless++;
    if (cause?.kind !== 'ended') {
      if (cause?.kind === 'reset') this.#rejections = 0;
      return;
    }
    if (this.#rejections++ === 0) this.#sinceMs = now;
    this.#lastMs = now;
  }

  /** Whether the peer has rejected the session: often enough, and over a long enough time. Waiting afterwards proves nothing. */
  get isDisowned(): boolean {
    return this.#rejections >= REJECTIONS_MIN && this.#lastMs - this.#sinceMs >= REJECTED_FOR_MS;
  }
}
