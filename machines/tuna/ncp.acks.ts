import { RANGES_KEPT_MAX, RangeSet } from './ncp.ranges.js';

/** Packets after which an acknowledgement is due at once. */
const EVERY_PACKETS = 8;
/** The same in bytes: of large packets a link that has just begun may have few under way, and must not wait for the delay. */
const EVERY_BYTES = 12 << 10;
/** Held packets that came within this time are acknowledged together, in milliseconds. Chosen without measurement. */
const BATCH_MS = 8;

/** Packets that came within `BATCH_MS`, and when they are acknowledged. */
interface Held {
  readonly ranges: RangeSet;
  since: number;
  dueAt: number;
}

/**
 * The acknowledgements that a link owes: ranges of packets that came in on it, in order and each once. The first packet after a silence is
 * acknowledged at once, later ones in company. Towards an original each is held for a while first, because its retransmission
 * timeout is three times the round trips that it sees, without a floor, and also the deadline of its socket. Packets are counted
 * from 0 without wrapping.
 * @rule NCP-7 NCP-15
 */
export class OwedAcks {
  /** An acknowledgement must go now. */
  isDue = false;
  /** When one is due at the latest; `undefined` while nothing is owed. */
  dueAt: number | undefined;
  #ranges = new RangeSet();
  #held: Held[] = []; // Oldest first; at most the longest hold's worth of batches.
  #spare: Held | undefined;
  #packets = 0;
  #bytes = 0;
  #toldAt = -Infinity;

  constructor(readonly delayMs: number) {}

  /** Ranges that may be acknowledged now. */
  get ranges(): number {
    return this.#ranges.size;
  }

  /** Ranges that are held. Each batch is bounded, and all of them together. */
  get heldRanges(): number {
    return this.#held.reduce((sum, { ranges }) => sum + ranges.size, 0);
  }

  /** `isRepeated`: the peer did not get the last acknowledgement, or asks for a sign of life. `bytes`: of its payload. */
  add(n: number, isRepeated: boolean, now: number, bytes = 0): void {
    this.#packets++;
    this.#bytes += bytes;
    const isMuch = this.#packets >= EVERY_PACKETS || this.#bytes >= EVERY_BYTES;
    if (isRepeated || isMuch || now - this.#toldAt >= this.delayMs) this.isDue = true;
    else this.dueAt ??= this.#toldAt + this.delayMs;
    this.#ranges.add(n);
    if (this.#ranges.size >= RANGES_KEPT_MAX >>> 1) this.isDue = true;
  }

  /** As `add`, but the acknowledgement goes out not earlier than `holdMs` after this call, and at most `BATCH_MS` later. */
  hold(n: number, holdMs: number, now: number): void {
    let newest = this.#held.at(-1);
    if (newest === undefined || now - newest.since >= BATCH_MS) {
      newest = this.#spare ?? { ranges: new RangeSet(), since: 0, dueAt: 0 };
      this.#spare = undefined;
      newest.since = now;
      this.#held.push(newest);
    }
    newest.dueAt = Math.max(now + holdMs, newest.since + BATCH_MS + holdMs);
    newest.ranges.add(n);
    this.dueAt ??= this.#held[0]!.dueAt;
  }

  /** Gives up to `max` ranges to `into`, oldest first, as starts and counts; they count as told. */
  take(into: { starts: Float64Array; counts: Uint32Array }, max: number, now: number): number {
    const taken = this.#ranges.take(into, max);
    this.#toldAt = now;
    this.#packets = this.#bytes = 0;
    this.isDue = this.#ranges.size > 0;
    this.dueAt = this.#held[0]?.dueAt;
    return taken;
  }

  handleTimeout(now: number): void {
    if (this.dueAt === undefined || now < this.dueAt) return;
    while (this.#held.length > 0 && this.#held[0]!.dueAt <= now) {
      this.#spare = this.#held.shift()!;
      this.#spare.ranges.moveTo(this.#ranges);
    }
    this.isDue = this.#ranges.size > 0;
    this.dueAt = this.#held[0]?.dueAt;
  }

  /** The link is gone; another one says what it owed. */
  moveTo(other: OwedAcks, now: number): void {
    for (const { ranges } of this.#held) ranges.moveTo(this.#ranges);
    if (this.#ranges.size > 0) {
      this.#ranges.moveTo(other.#ranges);
      if (now - other.#toldAt >= other.delayMs) other.isDue = true;
      else other.dueAt ??= other.#toldAt + other.delayMs;
    }
    this.forget();
  }

  forget(): void {
    this.#ranges.clear();
    this.#held = [];
    this.#packets = this.#bytes = 0;
    this.isDue = false;
    this.dueAt = undefined;
  }
}
