/** One entry, in a chain from the oldest to the newest. */
interface Row<Key, Value> {
  readonly key: Key;
  readonly value: Value;
  readonly until: number;
  older: Row<Key, Value> | undefined;
  newer: Row<Key, Value> | undefined;
}

/**
 * Entries that expire: at most `countMax`, each after the same time. Pure; time comes in as a number. As all live
 * equally long, the order of coming is the order of going, and everything costs the same with ten and with a million. (A `Map`
 * knows that order too, but to find its first entry it walks over all that were deleted before.)
 */
export class ExpiringMap<Key, Value> {
  readonly #rows = new Map<Key, Row<Key, Value>>();
  #oldest: Row<Key, Value> | undefined;
  #newest: Row<Key, Value> | undefined;

  constructor(
    readonly lifeMs: number,
    readonly countMax: number,
  ) {}

  get size(): number {
    return this.#rows.size;
  }

  /** Begins a new life. Returns what had to go for it: the oldest, where the table was full. */
  set(key: Key, value: Value, now: number): readonly [Key, Value] | undefined {
    this.delete(key);
    const row: Row<Key, Value> = { key, value, until: now + this.lifeMs, older: this.#newest, newer: undefined };
    if (this.#newest === undefined) this.#oldest = row;
    else this.#newest.newer = row;
    this.#newest = row;
    this.#rows.set(key, row);
    return this.#rows.size > this.countMax ? this.#takeOldest() : undefined;
  }

  get(key: Key, now: number): Value | undefined {
    const row = this.#rows.get(key);
    return row !== undefined && now < row.until ? row.value : undefined;
  }

  has(key: Key, now: number): boolean {
    const row = this.#rows.get(key);
    return row !== undefined && now < row.until;
  }

  delete(key: Key): Value | undefined {
    const row = this.#rows.get(key);
    if (row === undefined) return undefined;
    this.#rows.delete(key);
    const { older, newer } = row;
    if (older === undefined) this.#oldest = newer;
    else older.newer = newer;
    if (newer === undefined) this.#newest = older;
    else newer.older = older;
    return row.value;
  }

  /** Takes one out whose time is over; undefined: there is none. */
  pollExpired(now: number): readonly [Key, Value] | undefined {
    return this.#oldest === undefined || now < this.#oldest.until ? undefined : this.#takeOldest();
  }

  /** When the oldest goes; undefined: the table is empty. */
  nextTimeout(): number | undefined {
    return this.#oldest?.until;
  }

  clear(): void {
    this.#rows.clear();
    this.#oldest = this.#newest = undefined;
  }

  #takeOldest(): readonly [Key, Value] {
    const { key, value } = this.#oldest!;
    this.delete(key);
    return [key, value];
  }
}
