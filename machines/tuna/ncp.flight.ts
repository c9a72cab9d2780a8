import type { Outbound } from './ncp.outbound.js';

const FIRST_RING = 64;

/**
 * The packets sent on one link, in the order of sending. An entry is void once its packet was acknowledged, given up
 * or sent elsewhere; such entries are dropped when they come to the front, or when the ring would grow.
 */
export class Flight {
  /** Bytes of data under way on this link. */
  bytes = 0;
  /** Packets that have left here; the number of the next one. */
  sent = 0;
  #numbers = new Float64Array(FIRST_RING);
  #orders = new Float64Array(FIRST_RING);
  #mask = FIRST_RING - 1;
  #head = 0;
  #tail = 0;

  constructor(
    readonly link: number,
    readonly outbound: Outbound,
  ) {}

  add(n: number): void {
    if (this.#tail - this.#head > this.#mask) this.#compact();
    const i = this.#tail++ & this.#mask;
    this.#numbers[i] = n;
    this.#orders[i] = this.sent++;
  }

  /** The packet that is under way the longest, or -1. */
  oldest(): number {
    for (; this.#head < this.#tail; this.#head++) {
      const i = this.#head & this.#mask;
      if (this.outbound.isUnderWay(this.#numbers[i]!, this.link, this.#orders[i]!)) return this.#numbers[i]!;
    }
    return -1;
  }

  /** Since when; `undefined` when nothing is under way. */
  oldestAt(): number | undefined {
    const n = this.oldest();
    return n < 0 ? undefined : this.outbound.sentAt(n);
  }

  /** Gives up the packet that is under way the longest. */
  loseOldest(): void {
    const n = this.oldest();
    if (n < 0 || !this.outbound.lose(n)) return;
    this.bytes -= this.outbound.lengthOf(n);
    this.#head++;
  }

  /** Gives up what left before `beforeMs`, or before that many had left: it was overtaken, took too long, or its link is gone. */
  lose(beforeMs: number, beforeOrder = 0): void {
    for (let n; (n = this.oldest()) >= 0; this.#head++) {
      if (this.outbound.sentAt(n) >= beforeMs && this.#orders[this.#head & this.#mask]! >= beforeOrder) break;
      if (this.outbound.lose(n)) this.bytes -= this.outbound.lengthOf(n);
    }
  }

  #compact(): void {
    let kept = 0;
    const numbers: number[] = [];
    const orders: number[] = [];
    for (let at = this.#head; at < this.#tail; at++) {
      const i = at & this.#mask;
      if (!this.outbound.isUnderWay(this.#numbers[i]!, this.link, this.#orders[i]!)) continue;
      numbers[kept] = this.#numbers[i]!;
      orders[kept++] = this.#orders[i]!;
    }
    if (kept * 2 > this.#mask) {
      this.#mask = this.#mask * 2 + 1;
      this.#numbers = new Float64Array(this.#mask + 1);
      this.#orders = new Float64Array(this.#mask + 1);
    }
    this.#numbers.set(numbers);
    this.#orders.set(orders);
    this.#head = 0;
    this.#tail = kept;
  }
}
