/** Bounds of the time after which a packet counts as lost. */
export interface RtoLimits {
  /** Before anything was measured. Default 1000 ms (RFC 6298). */
  readonly rtoInitialMs: number;
  /** On top of the round trip: the peer waits up to 50 ms before it acknowledges, and is late under load. Default 200 ms. */
  readonly rtoMinMs: number;
  /** As in the original: 10 s. */
  readonly rtoMaxMs: number;
}

/** A peer that gathers acknowledgements does so for up to 50 ms. */
const TAIL_SLACK_MS = 60;

/** Round trip time of one link and what follows from it, as RFC 6298 has it. @rule NCP-8 */
export class RoundTrip {
  /** Smoothed, with the peer's wait before it acknowledges; 0 while nothing was measured. */
  smoothedMs = 0;
  /** The shortest ever. */
  leastMs = Infinity;
  #variationMs = 0;
  #rtoMs: number;
  #doublings = 0;

  constructor(readonly limits: RtoLimits) {
    this.#rtoMs = limits.rtoInitialMs;
  }

  get rtoMs(): number {
    return Math.min(this.limits.rtoMaxMs, this.#rtoMs * 2 ** this.#doublings);
  }

  /** Only of packets that were sent once (Karn). */
  measured(ms: number): void {
    this.#doublings = 0;
    if (ms < this.leastMs) this.leastMs = ms;
    if (this.smoothedMs === 0) {
      this.smoothedMs = Math.max(ms, 0.01);
      this.#variationMs = ms / 2;
    } else {
      this.#variationMs += (Math.abs(this.smoothedMs - ms) - this.#variationMs) / 4;
      this.smoothedMs += (ms - this.smoothedMs) / 8;
    }
    // A steady queue has no variation, and would time out with the first hiccup: the least comes on top.
    const { rtoMinMs, rtoMaxMs } = this.limits;
    this.#rtoMs = Math.min(rtoMaxMs, this.smoothedMs + Math.max(rtoMinMs, 4 * this.#variationMs));
  }

  /** The wait was for nothing: the next one is twice as long. */
  backOff(): void {
    if (this.#doublings < 10) this.#doublings++;
  }

  /** After so long without any acknowledgement the oldest packet alone is worth sending again: nothing newer may be there to tell. */
  get tailMs(): number {
    return this.smoothedMs === 0 ? Infinity : 2 * this.smoothedMs + TAIL_SLACK_MS;
  }

  /** How much earlier than another on the same link a packet must have left to count as overtaken. */
  get reorderMs(): number {
    return Math.max(1, this.smoothedMs / 8);
  }
}
