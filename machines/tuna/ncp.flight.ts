import type { Outbound } from './ncp.outbound.js';

const FIRST_RING = 64;

/**
 * What was sent on one link, in the order of sending. An entry stops meaning anything once its packet was acknowledged, given up
 * or sent elsewhere; such entries are dropped when they come to the front, or when the ring would grow.
 */
export class Flight {
  /** Bytes of data under way on this link. */
  bytes = 0;
  #numbers = new Float64Array(FIRST_RING);
  #sentAt = new Float64Array(FIRST_RING);
  #mask = FIRST_RING - 1;
  #head = 0;
  #tail = 0;

  constructor(
    readonly link: number,
    readonly outbound: Outbound,
  ) {}

  add(n: number, now: number): void {
    if (this.#tail - this.#head > this.#mask) this.#compact();
    const i = this.#tail++ & this.#mask;
    this.#numbers[i] = n;
    this.#sentAt[i] = now;
  }

  /** The packet that is under way the longest, or -1. */
  oldest(): number {
    for (; this.#head < this.#tail; this.#head++) {
      const i = this.#head & this.#mask;
      if (this.outbound.isUnderWay(this.#numbers[i]!, this.link, this.#sentAt[i]!)) return this.#numbers[i]!;
    }
    return -1;
  }

  /** Since when; `undefined` when nothing is under way. */
  oldestAt(): number | undefined {
    return this.oldest() < 0 ? undefined : this.#sentAt[this.#head & this.#mask];
  }

  /** Gives up the packet that is under way the longest. */
  loseOldest(): void {
    const n = this.oldest();
    if (n < 0 || !this.outbound.lose(n)) return;
    this.bytes -= this.outbound.lengthOf(n);
    this.#head++;
  }

  /** Gives up what was sent before `before`: it was overtaken, took too long, or its link is gone. Answers how many. */
  lose(before: number): number {
    let lost = 0;
    for (let n; (n = this.oldest()) >= 0; this.#head++) {
      if (this.#sentAt[this.#head & this.#mask]! >= before) break;
      if (!this.outbound.lose(n)) continue;
      this.bytes -= this.outbound.lengthOf(n);
      lost++;
    }
    return lost;
  }

  #compact(): void {
    let kept = 0;
    const numbers: number[] = [];
    const sentAt: number[] = [];
    for (let at = this.#head; at < this.#tail; at++) {
      const i = at & this.#mask;
      if (!this.outbound.isUnderWay(this.#numbers[i]!, this.link, this.#sentAt[i]!)) continue;
      numbers[kept] = this.#numbers[i]!;
      sentAt[kept++] = this.#sentAt[i]!;
    }
    if (kept * 2 > this.#mask) {
      this.#mask = this.#mask * 2 + 1;
      this.#numbers = new Float64Array(this.#mask + 1);
      this.#sentAt = new Float64Array(this.#mask + 1);
    }
    this.#numbers.set(numbers);
    this.#sentAt.set(sentAt);
    this.#head = 0;
    this.#tail = kept;
  }
}
