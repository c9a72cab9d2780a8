/** An entry of the queue. */
export interface FairQueueItem {
  /** Bytes it may send before the next one has its turn. */
  allowance: number;
  /** Whether it has anything that may be sent now. */
  readonly isReady: boolean;
}

/**
 * The order of sending: deficit round robin, in which a stream that had been silent goes before those that have been talking
 * (FQ-CoDel, RFC 8290, 4.1 and 4.2). A keystroke waits for no download; and a stream that pretends to be silent again and
 * again stays in the round it spoke in, so it can't keep the others out.
 * @rule STR-4
 */
export class FairQueue<T extends FairQueueItem> {
  #newItems = new Set<T>(); // In order of insertion; adding and deleting cost the same however many there are.
  #activeItems = new Set<T>();

  constructor(readonly roundBytes: number) {}

  /** It has something to send. */
  add(item: T): void {
    if (this.#newItems.has(item) || this.#activeItems.has(item)) return;
    item.allowance = this.roundBytes;
    this.#newItems.add(item);
  }

  /** The next entry to send; `onlyFresh`: only one that had been silent. */
  next(onlyFresh: boolean): T | undefined {
    for (const item of this.#newItems) {
      if (item.isReady && item.allowance > 0) return item;
      this.#newItems.delete(item);
      this.#activeItems.add(item);
    }
    if (onlyFresh) return undefined;
    for (const item of this.#activeItems) {
      if (item.isReady && item.allowance > 0) return item;
      this.#activeItems.delete(item);
      if (!item.isReady) continue;
      item.allowance += this.roundBytes;
      this.#activeItems.add(item); // The loop comes back to it: a set is walked as it grows.
    }
    return undefined;
  }

  remove(item: T): void {
    this.#newItems.delete(item);
    this.#activeItems.delete(item);
  }
}
