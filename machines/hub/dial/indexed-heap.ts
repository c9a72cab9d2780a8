/** An item knows its index, so that it can be removed from any place. It is in one heap at a time. */
export interface Ranked {
  /** Kept by the ranking; −1 while in none. */
  rank: number;
}

/** A binary heap one can leave: the first is at hand, adding and removing cost the logarithm of the size. */
export class IndexedHeap<Item extends Ranked> {
  readonly #isBefore: (a: Item, b: Item) => boolean;
  readonly #items: Item[] = [];

  /** `isBefore` must be a strict total order that doesn't change while an item is in. */
  constructor(isBefore: (a: Item, b: Item) => boolean) {
    this.#isBefore = isBefore;
  }

  get size(): number {
    return this.#items.length;
  }

  get first(): Item | undefined {
    return this.#items[0];
  }

  has(item: Item): boolean {
    return this.#items[item.rank] === item;
  }

  /** How many come before this one. Walks over all: for questions that people ask. */
  countBefore(item: Item): number {
    let count = 0;
    for (const other of this.#items) if (this.#isBefore(other, item)) count++;
    return count;
  }

  add(item: Item): void {
    item.rank = this.#items.push(item) - 1;
    this.#rise(item);
  }

  remove(item: Item): void {
    if (!this.has(item)) return;
    const { rank } = item;
    const last = this.#items.pop()!;
    item.rank = -1;
    if (last === item) return;
    this.#put(last, rank);
    this.#rise(last);
    this.#sink(last);
  }

  /** Everything out, in no particular order. */
  clear(): Item[] {
    const items = this.#items.splice(0);
    for (const item of items) item.rank = -1;
    return items;
  }

  #rise(item: Item): void {
    while (item.rank > 0) {
      const parent = this.#items[(item.rank - 1) >> 1]!;
      if (!this.#isBefore(item, parent)) return;
      this.#swap(item, parent);
    }
  }

  #sink(item: Item): void {
    for (;;) {
      const left = this.#items[2 * item.rank + 1];
      const right = this.#items[2 * item.rank + 2];
      const child = right !== undefined && left !== undefined && this.#isBefore(right, left) ? right : left;
      if (child === undefined || !this.#isBefore(child, item)) return;
      this.#swap(item, child);
    }
  }

  #swap(a: Item, b: Item): void {
    const { rank } = a;
    this.#put(a, b.rank);
    this.#put(b, rank);
  }

  #put(item: Item, rank: number): void {
    this.#items[rank] = item;
    item.rank = rank;
  }
}
