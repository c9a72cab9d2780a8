/** Ranges owed at once on one link; at the bound the oldest is forgotten, and what isn't acknowledged comes again. */
const OWED_MAX = 512;
/** Packets after which an acknowledgement is due at once. */
const EVERY_PACKETS = 8;
/** The same in bytes: of large packets a link that has just begun may have few under way, and must not wait for the delay. */
const EVERY_BYTES = 12 << 10;

/**
 * What a link owes its peer: ranges of packets that came in on it, in order and each once. The first packet after a silence is
 * acknowledged at once, later ones in company. Packets are counted from 0 without wrapping.
 * @rule NCP-7
 */
export class OwedAcks {
  /** An acknowledgement must go now. */
  isDue = false;
  /** When one is due at the latest; `undefined` while nothing is owed. */
  dueAt: number | undefined;
  #starts = new Float64Array(8);
  #ends = new Float64Array(8); // One past the last.
  #ranges = 0;
  #packets = 0;
  #bytes = 0;
  #toldAt = -Infinity;

  constructor(readonly delayMs: number) {}

  get ranges(): number {
    return this.#ranges;
  }

  /** `isRepeated`: the peer did not hear the last acknowledgement, or asks for a sign of life. `bytes`: of its payload. */
  add(n: number, isRepeated: boolean, now: number, bytes = 0): void {
    this.#packets++;
    this.#bytes += bytes;
    const isMuch = this.#packets >= EVERY_PACKETS || this.#bytes >= EVERY_BYTES;
    if (isRepeated || isMuch || now - this.#toldAt >= this.delayMs) this.isDue = true;
    else this.dueAt ??= this.#toldAt + this.delayMs;
    const last = this.#ranges - 1;
    if (last >= 0 && n >= this.#starts[last]!) {
      if (n < this.#ends[last]!) return;
      if (n === this.#ends[last]!) {
        this.#ends[last] = n + 1;
        return;
      }
    }
    this.#insert(n);
  }

  /** Gives up to `max` ranges to `into`, oldest first, as starts and counts; they count as told. */
  take(into: { starts: Float64Array; counts: Uint32Array }, max: number, now: number): number {
    const taken = Math.min(max, this.#ranges);
    for (let i = 0; i < taken; i++) {
      into.starts[i] = this.#starts[i]!;
      into.counts[i] = this.#ends[i]! - this.#starts[i]!;
    }
    this.#starts.copyWithin(0, taken, this.#ranges);
    this.#ends.copyWithin(0, taken, this.#ranges);
    this.#ranges -= taken;
    this.#toldAt = now;
    this.#packets = this.#bytes = 0;
    this.isDue = this.#ranges > 0;
    this.dueAt = undefined;
    return taken;
  }

  handleTimeout(now: number): void {
    if (this.dueAt !== undefined && now >= this.dueAt) this.isDue = this.#ranges > 0;
  }

  /** The link is gone; another one says what it owed. */
  moveTo(other: OwedAcks, now: number): void {
    for (let i = 0; i < this.#ranges; i++) for (let n = this.#starts[i]!; n < this.#ends[i]!; n++) other.add(n, false, now);
    this.forget();
  }

  forget(): void {
    this.#ranges = this.#packets = this.#bytes = 0;
    this.isDue = false;
    this.dueAt = undefined;
  }

  /** Out of order: found a place by bisection, and joined to its neighbours. */
  #insert(n: number): void {
    let low = 0;
    let high = this.#ranges;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#ends[middle]! < n) low = middle + 1;
      else high = middle;
    }
    // `low` is the first range that ends at or after n.
    if (low < this.#ranges && this.#starts[low]! <= n) {
      if (n < this.#ends[low]!) return;
      this.#ends[low] = n + 1; // It ended right before n,
      if (low + 1 < this.#ranges && this.#starts[low + 1] === n + 1) {
        this.#ends[low] = this.#ends[low + 1]!; // and n closes the gap to the next one.
        this.#remove(low + 1);
      }
      return;
    }
    if (low < this.#ranges && this.#starts[low] === n + 1) {
      this.#starts[low] = n;
      return;
    }
    if (this.#ranges === OWED_MAX) {
      this.#remove(0);
      if (low > 0) low--;
    }
    this.#reserve();
    this.#starts.copyWithin(low + 1, low, this.#ranges);
    this.#ends.copyWithin(low + 1, low, this.#ranges);
    this.#starts[low] = n;
    this.#ends[low] = n + 1;
    this.#ranges++;
    if (this.#ranges >= OWED_MAX >>> 1) this.isDue = true;
  }

  #remove(i: number): void {
    this.#starts.copyWithin(i, i + 1, this.#ranges);
    this.#ends.copyWithin(i, i + 1, this.#ranges);
    this.#ranges--;
  }

  #reserve(): void {
    if (this.#ranges < this.#starts.length) return;
    const starts = new Float64Array(this.#starts.length * 2);
    const ends = new Float64Array(this.#starts.length * 2);
    starts.set(this.#starts);
    ends.set(this.#ends);
    this.#starts = starts;
    this.#ends = ends;
  }
}
