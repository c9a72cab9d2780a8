/**
 * What is remembered for a while: at most so many, each for the same time. Pure; time comes in as a number. As all live
 * equally long, the order of coming is the order of going, and everything costs the same with ten and with a million.
 */
export class TimedTable<Key, Value> {
  readonly #rows = new Map<Key, { readonly value: Value; readonly until: number }>();

  constructor(
    readonly lifeMs: number,
    readonly countMax: number,
  ) {}

  get size(): number {
    return this.#rows.size;
  }

  /** Begins a new life. Returns what had to go for it: the oldest, where the table was full. */
  set(key: Key, value: Value, now: number): readonly [Key, Value] | undefined {
    this.#rows.delete(key);
    this.#rows.set(key, { value, until: now + this.lifeMs });
    if (this.#rows.size <= this.countMax) return undefined;
    const [oldest, row] = this.#first()!;
    this.#rows.delete(oldest);
    return [oldest, row.value];
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
    this.#rows.delete(key);
    return row?.value;
  }

  /** Takes one out whose time is over; undefined: there is none. */
  pollExpired(now: number): readonly [Key, Value] | undefined {
    const first = this.#first();
    if (first === undefined || now < first[1].until) return undefined;
    this.#rows.delete(first[0]);
    return [first[0], first[1].value];
  }

  /** When the oldest goes; undefined: the table is empty. */
  nextTimeout(): number | undefined {
    return this.#first()?.[1].until;
  }

  values(): Value[] {
    return [...this.#rows.values()].map(({ value }) => value);
  }

  clear(): void {
    this.#rows.clear();
  }

  #first(): readonly [Key, { readonly value: Value; readonly until: number }] | undefined {
    for (const row of this.#rows) return row;
    return undefined;
  }
}
