/** A bounded stream of values for any number of readers. Each reader gets every value since it began; of a reader that falls behind by more than `keptMax`, the oldest go. */
export class Broadcast<T> implements AsyncIterable<T> {
  #readers = new Set<Reader<T>>();
  #last: T | undefined;
  #ended = false;

  /** `first`: the value that a reader gets at once. */
  constructor(
    readonly keptMax: number,
    first?: T,
  ) {
    this.#last = first;
  }

  get hasReaders(): boolean {
    return this.#readers.size > 0;
  }

  push(value: T): void {
    if (this.#last !== undefined) this.#last = value;
    for (const reader of this.#readers) reader.push(value);
  }

  end(): void {
    this.#ended = true;
    for (const reader of this.#readers) reader.end();
    this.#readers.clear();
  }

  [Symbol.asyncIterator](): AsyncIterator<T> {
    const reader = new Reader<T>(this.keptMax, () => this.#readers.delete(reader));
    if (this.#last !== undefined) reader.push(this.#last);
    if (this.#ended) reader.end();
    else this.#readers.add(reader);
    return reader;
  }
}

class Reader<T> implements AsyncIterator<T> {
  #kept: T[] = [];
  #ended = false;
  #asked: ((result: IteratorResult<T>) => void)[] = [];

  constructor(
    readonly keptMax: number,
    readonly leave: () => void,
  ) {}

  push(value: T): void {
    const asked = this.#asked.shift();
    if (asked !== undefined) return asked({ done: false, value });
    if (this.#kept.length >= this.keptMax) this.#kept.shift();
    this.#kept.push(value);
  }

  end(): void {
    this.#ended = true;
    for (const asked of this.#asked.splice(0)) asked({ done: true, value: undefined });
  }

  next(): Promise<IteratorResult<T>> {
    if (this.#kept.length > 0) return Promise.resolve({ done: false, value: this.#kept.shift()! });
    if (this.#ended) return Promise.resolve({ done: true, value: undefined });
    return new Promise((resolve) => this.#asked.push(resolve));
  }

  return(): Promise<IteratorResult<T>> {
    this.leave();
    this.end();
    return Promise.resolve({ done: true, value: undefined });
  }
}
