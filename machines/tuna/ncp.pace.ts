/** Over how long deliveries are counted at least: the original acknowledges every 50 ms. */
const INTERVAL_MS = 100;
/** How many intervals a good one is remembered. */
const INTERVALS = 10;
/** How many round trips' worth is under way: enough to find out whether there is more to have. */
const GAIN = 1.25;
const GROWING_GAIN = 2;
/** For timers that are late. */
const SLACK_MS = 5;
/** The original acknowledges every 50 ms; a longer pause is one of the sender's. */
const ACK_GAP_MAX_MS = 100;
/** Bytes that a link may always have in flight, and before anything was measured. Chosen without measurement. */
const LEAST_BYTES = 16 << 10;
const FIRST_BYTES = 64 << 10;
/** Beyond any window. */
const LIMIT_MAX = 2 ** 40;
/** While it still grows, intervals are short. */
const GROWING_INTERVAL_MS = 10;
/** A round trip is only remembered as the shortest for so long: ways change. */
const SHORTEST_FOR_MS = 10_000;

/**
 * How much is worth having under way on one link: what it delivers in a little more than a round trip. More would only lie in queues on the way,
 * where nothing can overtake it that others wait for. The rate is the best of the last intervals in which the link was busy.
 * @rule NCP-9
 */
export class Pace {
  #rates = new Float64Array(INTERVALS); // Bytes per millisecond, a ring.
  #at = 0;
  #startedAt = -1;
  #bytes = 0;
  #wasBusy = false;
  #shortestMs = Infinity;
  #shortestAt = 0;
  #limit = FIRST_BYTES;
  #isGrowing = true;
  #penalizedAt = -Infinity;
  #ackedAt = 0;
  #ackGapMs = 0; // How long the peer gathers before it acknowledges, smoothed.

  /** Bytes that may be under way. */
  get limit(): number {
    return this.#limit;
  }

  /** The link had as much as it may: what it delivers now is what it can. */
  noteBusy(): void {
    this.#wasBusy = true;
  }

  /** Others had to carry what it held up: it had too much, whatever it had shown before. At most once in a round trip. */
  penalize(smoothedMs: number, now: number): void {
    if (now - this.#penalizedAt < smoothedMs) return;
    this.#penalizedAt = now;
    this.#rates.fill(0);
    this.#limit = Math.max(LEAST_BYTES, this.#limit / 2);
  }

  delivered(bytes: number, roundTripMs: number, smoothedMs: number, now: number): void {
    if (roundTripMs <= this.#shortestMs || now - this.#shortestAt > SHORTEST_FOR_MS) {
      this.#shortestMs = roundTripMs;
      this.#shortestAt = now;
    }
    if (this.#startedAt < 0) this.#startedAt = now;
    else {
      this.#bytes += bytes;
      this.#ackGapMs += (Math.min(ACK_GAP_MAX_MS, now - this.#ackedAt) - this.#ackGapMs) / 8;
    }
    this.#ackedAt = now;
    const ms = now - this.#startedAt;
    if (ms < (this.#isGrowing ? GROWING_INTERVAL_MS : INTERVAL_MS) || ms < smoothedMs) return;
    const rate = this.#bytes / ms;
    if (this.#wasBusy) {
      this.#rates[this.#at] = rate;
      this.#at = (this.#at + 1) % INTERVALS;
      let best = 0;
      for (let i = 0; i < INTERVALS; i++) if (this.#rates[i]! > best) best = this.#rates[i]!;
      const measured = Math.max(
        LEAST_BYTES,
        best * ((this.#isGrowing ? GROWING_GAIN : GAIN) * this.#shortestMs + 2 * this.#ackGapMs + SLACK_MS),
      );
      // Where packets come back as fast as ever nothing queues: then it isn't this link that limits, but losses or the window.
      const isQueueing = smoothedMs > GAIN * this.#shortestMs + 2 * this.#ackGapMs + 2 * SLACK_MS;
      this.#isGrowing = measured > this.#limit * GAIN;
      this.#limit = isQueueing ? measured : Math.max(measured, Math.min(this.#limit * GAIN, LIMIT_MAX));
    }
    this.#startedAt = now;
    this.#bytes = 0;
    this.#wasBusy = false;
  }
}
