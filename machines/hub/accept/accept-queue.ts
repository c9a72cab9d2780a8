/**
 * Accepted connections that wait for the application, in order. One leaves when it is taken by the iterator, when the
 * application reads from it (it came by way of an event), or when it ends. The listener asks `isFull` before it accepts more.
 */
export class AcceptQueue<Item> implements AsyncIterable<Item> {
  #waiting: Item[] = [];
  #asked: ((result: IteratorResult<Item>) => void)[] = [];
  #hasEnded = false;
  #sweepAt = SWEEP_MIN; // None may ever be taken: ended connections are removed when so many have gathered.

  constructor(readonly isGone: (item: Item) => boolean) {}

  get size(): number {
    this.#waiting = this.#waiting.filter((item) => !this.isGone(item));
    return this.#waiting.length;
  }

  /** Whether `max` or more wait. It looks at each only where so many may: a burst of accepts would look at all that wait for each. */
  isFull(max: number): boolean {
    return this.#waiting.length >= max && this.size >= max;
  }

  push(item: Item): void {
    const asked = this.#asked.shift();
    if (asked !== undefined) return asked({ done: false, value: item });
    this.#waiting.push(item);
    if (this.#waiting.length >= this.#sweepAt) this.#sweepAt = Math.max(SWEEP_MIN, 2 * this.size);
  }

  /** The oldest that still waits. */
  #take(): Item | undefined {
    for (let item; (item = this.#waiting.shift()) !== undefined;) if (!this.isGone(item)) return item;
    return undefined;
  }

  end(): void {
    this.#hasEnded = true;
    this.#waiting.length = 0;
    for (const asked of this.#asked.splice(0)) asked({ done: true, value: undefined });
  }

  /** Several iterators share what comes: each connection goes to one of them. */
  [Symbol.asyncIterator](): AsyncIterator<Item> {
    const mine = new Set<(result: IteratorResult<Item>) => void>(); // Asked here and not answered.
    let isOver = false;
    return {
      next: () => {
        if (isOver) return Promise.resolve({ done: true, value: undefined });
        const item = this.#take();
        if (item !== undefined) return Promise.resolve({ done: false, value: item });
        if (this.#hasEnded) return Promise.resolve({ done: true, value: undefined });
        return new Promise((resolve) => {
          const answer = (result: IteratorResult<Item>): void => {
            mine.delete(answer);
            resolve(result);
          };
          mine.add(answer);
          this.#asked.push(answer);
        });
      },
      return: () => {
        isOver = true;
        this.#asked = this.#asked.filter((asked) => !mine.has(asked));
        for (const answer of mine) answer({ done: true, value: undefined });
        return Promise.resolve({ done: true, value: undefined });
      },
    };
  }
}

const SWEEP_MIN = 64;
