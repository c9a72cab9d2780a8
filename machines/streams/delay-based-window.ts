/** An acknowledgement is asked for four times per window, within these bounds. */
const MARK_BYTES_MIN = 4 << 10;
const MARK_BYTES_MAX = 32 << 10;
/** A mark on a quiet path measures the path; once per second is enough. */
const QUIET_MARK_MS = 1000;
/** Never less on its way than this, so that something moves whatever is measured. */
const WINDOW_BYTES_MIN = 16 << 10;
/** Never more: what waits in front of a keystroke has a bound, whatever is measured. */
const WINDOW_BYTES_MAX = 2 << 20;
/** Delay that is no sign of a queue: a turn of the event loop, a timer. */
const SLACK_MS = 1;
/** One late mark is chance: the network jitters, an acknowledgement was delayed. So many in a row are a queue. */
const LATE_MARKS = 16;
/** Rounds of late marks although little was on its way: then the path itself is longer than the base delay. */
const LATE_ROUNDS_MAX = 2;

interface Mark {
  readonly atMs: number;
  /** All bytes sent up to here. */
  readonly bytes: number;
}

/**
 * How much bulk may be in flight, so that the next message waits for little: delay-based, as TCP Vegas and LEDBAT are
 * (RFC 6817). A mark is a message whose acknowledgement is asked for. As long as marks come back in about twice the
 * shortest time ever seen, more may be on its way; once they take longer there is a queue somewhere, and less may be.
 * @rule STR-4
 */
export class DelayBasedWindow {
  #windowBytes = WINDOW_BYTES_MIN; // TCP begins with as much (RFC 6928).
  #sentBytes = 0;
  #ackedBytes = 0;
  #markedBytes = 0;
  #markedAtMs = -Infinity;
  #baseDelayMs = Infinity;
  #hadQueue = false;
  #heldUntil = 0; // Marks up to here, in bytes, were sent before the last decrease and say nothing about it.
  #lateMarks = 0; // Marks in a row that came late,
  #leastLateMs = Infinity; // the quickest of them,
  #lateRounds = 0; // and how often there were too many of them at the smallest window.

  get windowBytes(): number {
    return this.#windowBytes;
  }
  get inFlightBytes(): number {
    return this.#sentBytes - this.#ackedBytes;
  }
  /** The size of a bulk chunk: chunks of a small window are small, so that the path can be measured and shared. */
  get chunkBytes(): number {
    return Math.max(MARK_BYTES_MIN, this.#windowBytes >>> 2);
  }
  /** Whether more bulk may be sent. */
  get isOpen(): boolean {
    return this.inFlightBytes < this.#windowBytes;
  }
  /** Whether the next message of so many bytes should ask for its acknowledgement. */
  needsAck(bytes: number, nowMs: number): boolean {
    const unmarked = this.#sentBytes - this.#markedBytes;
    return unmarked + bytes >= this.#markBytes || (this.inFlightBytes === unmarked && nowMs - this.#markedAtMs >= QUIET_MARK_MS);
  }

  sent(bytes: number): void {
    this.#sentBytes += bytes;
  }

  /** The message sent last asked for its acknowledgement. */
  mark(nowMs: number): Mark {
    this.#markedBytes = this.#sentBytes;
    this.#markedAtMs = nowMs;
    return { atMs: nowMs, bytes: this.#sentBytes };
  }

  acknowledged(mark: Mark, nowMs: number): void {
    const tookMs = nowMs - mark.atMs;
    const wasFull = this.inFlightBytes * 2 >= this.#windowBytes;
    this.#ackedBytes = Math.max(this.#ackedBytes, mark.bytes);
    this.#baseDelayMs = Math.min(this.#baseDelayMs, tookMs);
    if (tookMs <= 2 * this.#baseDelayMs + SLACK_MS) {
      this.#lateMarks = this.#lateRounds = 0;
      this.#leastLateMs = Infinity;
      if (wasFull) this.#grow();
      return;
    }
    if (mark.bytes <= this.#heldUntil) return;
    this.#leastLateMs = Math.min(this.#leastLateMs, tookMs);
    if (++this.#lateMarks >= LATE_MARKS) this.#shrink();
  }

  /** Twice as much per round trip until there was a queue once; from then on one mark more per round trip. */
  #grow(): void {
    const step = this.#hadQueue ? Math.ceil((this.#markBytes * this.#markBytes) / this.#windowBytes) : this.#markBytes;
    this.#windowBytes = Math.min(WINDOW_BYTES_MAX, this.#windowBytes + step);
  }

  get #markBytes(): number {
    return Math.min(MARK_BYTES_MAX, this.chunkBytes);
  }

  #shrink(): void {
    this.#lateMarks = 0;
    this.#hadQueue = true;
    this.#heldUntil = this.#sentBytes;
    if (this.#windowBytes > WINDOW_BYTES_MIN) this.#windowBytes = Math.max(WINDOW_BYTES_MIN, Math.floor(this.#windowBytes * 0.7));
    else if (++this.#lateRounds >= LATE_ROUNDS_MAX) {
      this.#baseDelayMs = this.#leastLateMs;
      this.#lateRounds = 0;
    } else return;
    this.#leastLateMs = Infinity;
  }
}

export type { Mark };
