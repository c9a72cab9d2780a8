/** What takes turns. */
export interface Turn {
  /** Bytes it may send before the next one has its turn. */
  allowance: number;
  /** Whether it has anything that may be sent now. */
  readonly isReady: boolean;
}

/**
 * Whose turn it is: deficit round robin, in which a stream that had been silent goes before those that have been talking
 * (FQ-CoDel, RFC 8290, 4.1 and 4.2). A keystroke waits for no download; and a stream that pretends to be silent again and
 * again stays in the round it spoke in, so it can't keep the others out.
 * @rule STR-4
 */
export class Turns<T extends Turn> {
  #fresh = new Set<T>(); // In order of insertion; adding and deleting cost the same however many there are.
  #talking = new Set<T>();

  constructor(readonly roundBytes: number) {}

  /** It has something to send. */
  wake(turn: T): void {
    if (this.#fresh.has(turn) || this.#talking.has(turn)) return;
    turn.allowance = this.roundBytes;
    this.#fresh.add(turn);
  }

  /** Whose turn it is; `onlyFresh`: nobody's but one that had been silent. */
  next(onlyFresh: boolean): T | undefined {
    for (const turn of this.#fresh) {
      if (turn.isReady && turn.allowance > 0) return turn;
      this.#fresh.delete(turn);
      this.#talking.add(turn);
    }
    if (onlyFresh) return undefined;
    for (const turn of this.#talking) {
      if (turn.isReady && turn.allowance > 0) return turn;
      this.#talking.delete(turn);
      if (!turn.isReady) continue;
      turn.allowance += this.roundBytes;
      this.#talking.add(turn); // The loop comes back to it: a set is walked as it grows.
    }
    return undefined;
  }

  forget(turn: T): void {
    this.#fresh.delete(turn);
    this.#talking.delete(turn);
  }
}
