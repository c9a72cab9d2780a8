/** Ranges kept at once; at the bound the oldest is forgotten, and what isn't acknowledged comes again. */
export const RANGES_KEPT_MAX = 512;

/** Ranges of packet numbers, in order, disjoint, and joined where they touch. Packets are counted without wrapping. */
export class RangeSet {
  size = 0;
  #starts = new Float64Array(8);
  #ends = new Float64Array(8); // One past the last.

  add(n: number): void {
    this.addRange(n, n + 1);
  }

  /** Packets from `start` to the one before `end`. */
  addRange(start: number, end: number): void {
    const last = this.size - 1;
    if (last >= 0 && start >= this.#starts[last]! && start <= this.#ends[last]!) {
      if (end > this.#ends[last]!) this.#ends[last] = end;
      return;
    }
    if (last >= 0 && start > this.#ends[last]!) return this.#insertAt(this.size, start, end);
    // Found by bisection: the first range that ends at or after the start.
    let low = 0;
    let high = this.size;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#ends[middle]! < start) low = middle + 1;
      else high = middle;
    }
    if (low === this.size || this.#starts[low]! > end) return this.#insertAt(low, start, end);
    if (start < this.#starts[low]!) this.#starts[low] = start;
    if (end <= this.#ends[low]!) return;
    let until = low + 1; // Ranges that it reaches are one with it.
    while (until < this.size && this.#starts[until]! <= end) until++;
    this.#ends[low] = Math.max(end, this.#ends[until - 1]!);
    if (until > low + 1) this.#remove(low + 1, until);
  }

  /** Gives up to `max` ranges to `into`, lowest first, as starts and counts. */
  take(into: { starts: Float64Array; counts: Uint32Array }, max: number): number {
    const taken = Math.min(max, this.size);
    for (let i = 0; i < taken; i++) {
      into.starts[i] = this.#starts[i]!;
      into.counts[i] = this.#ends[i]! - this.#starts[i]!;
    }
    this.#remove(0, taken);
    return taken;
  }

  /** All of it goes into another set. */
  moveTo(other: RangeSet): void {
    for (let i = 0; i < this.size; i++) other.addRange(this.#starts[i]!, this.#ends[i]!);
    this.size = 0;
  }

  clear(): void {
    this.size = 0;
  }

  #insertAt(at: number, start: number, end: number): void {
    if (this.size === RANGES_KEPT_MAX) {
      this.#remove(0, 1);
      if (at > 0) at--;
    }
    this.#reserve();
    this.#starts.copyWithin(at + 1, at, this.size);
    this.#ends.copyWithin(at + 1, at, this.size);
    this.#starts[at] = start;
    this.#ends[at] = end;
    this.size++;
  }

  #remove(from: number, to: number): void {
    this.#starts.copyWithin(from, to, this.size);
    this.#ends.copyWithin(from, to, this.size);
    this.size -= to - from;
  }

  #reserve(): void {
    if (this.size < this.#starts.length) return;
    const starts = new Float64Array(this.#starts.length * 2);
    const ends = new Float64Array(this.#starts.length * 2);
    starts.set(this.#starts);
    ends.set(this.#ends);
    this.#starts = starts;
    this.#ends = ends;
  }
}
