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
  add(turn: T): void {
    if (this.#newItems.has(turn) || this.#activeItems.has(turn)) return;
    turn.allowance = this.roundBytes;
    this.#newItems.add(turn);
  }

  /** The next entry to send; `onlyFresh`: only one that had been silent. */
  next(onlyFresh: boolean): T | undefined {
    for (const turn of this.#newItems) {
      if (turn.isReady && turn.allowance > 0) return turn;
      this.#newItems.delete(turn);
      this.#activeItems.add(turn);
    }
    if (onlyFresh) return undefined;
    for (const turn of this.#activeItems) {
      if (turn.isReady && turn.allowance > 0) return turn;
      this.#activeItems.delete(turn);
      if (!turn.isReady) continue;
      turn.allowance += this.roundBytes;
      this.#activeItems.add(turn); // The loop comes back to it: a set is walked as it grows.
    }
    return undefined;
  }

  remove(turn: T): void {
    this.#newItems.delete(turn);
    this.#activeItems.delete(turn);
  }
}
