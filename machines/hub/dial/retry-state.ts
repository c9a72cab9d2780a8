/**
 * How often dialing a key has failed in a row. A row of attempts begins with a first dial or the loss of a wire and ends
 * with a completed handshake. Denials of trust outlast it: only a completion forgives them.
 */
export interface RetryState<Request, Dial = unknown> {
  readonly key: string;
  /** The dial that is waited for or under way, from 1; as many as there were denials when nothing else has failed. */
  attempt: number;
  denials: number;
  /** The peer has denied trust, once at least. */
  wasDenied: boolean;
  /** How long the wire had lived whose loss began the row. */
  livedMs: number | undefined;
  /** Dials under way, oldest first. */
  readonly dials: Dial[];
  /** The place of the last dial, whose token is given back if it answers. */
  owed: Owed | undefined;
  /** When the last two dials of the row were granted; −Infinity where there were fewer, or none of them failed. */
  lastAt: number;
  beforeLastAt: number;
  /** A dial of this row has failed. */
  hasFailed: boolean;
  /** The peer said to come back no sooner. */
  notBefore: number;
  /** Requests that wait, oldest first. */
  readonly waiting: Set<Request>;
}

export interface Owed {
  readonly target?: string | undefined;
}

/**
 * The rows of all keys, in bounded memory. One that neither waits nor dials is at rest; when room is needed the one longest
 * at rest is forgotten, whose next dial then merely comes sooner than it should.
 */
export class RetryStates<Request, Dial = unknown> {
  readonly #keysMax: number;
  readonly #rows = new Map<string, RetryState<Request, Dial>>();
  readonly #resting = new Set<RetryState<Request, Dial>>();

  constructor(keysMax: number) {
    this.#keysMax = keysMax;
  }

  get size(): number {
    return this.#rows.size;
  }

  get(key: string): RetryState<Request, Dial> | undefined {
    return this.#rows.get(key);
  }

  values(): Iterable<RetryState<Request, Dial>> {
    return this.#rows.values();
  }

  /** The row of `key`, begun if need be; `undefined` when all that could be forgotten is at work. */
  open(key: string): RetryState<Request, Dial> | undefined {
    const known = this.#rows.get(key);
    if (known !== undefined) return known;
    if (this.#rows.size >= this.#keysMax) {
      const [oldest] = this.#resting;
      if (oldest === undefined) return undefined;
      this.#resting.delete(oldest);
      this.#rows.delete(oldest.key);
    }
    const row: RetryState<Request, Dial> = {
      key,
      attempt: 0,
      denials: 0,
      wasDenied: false,
      livedMs: undefined,
      dials: [],
      owed: undefined,
      lastAt: -Infinity,
      beforeLastAt: -Infinity,
      hasFailed: false,
      notBefore: -Infinity,
      waiting: new Set(),
    };
    this.#rows.set(key, row);
    return row;
  }

  /** Files a row where it belongs after a change: away when there is nothing to remember, at rest, or at work. */
  settle(row: RetryState<Request, Dial>): void {
    if (this.#rows.get(row.key) !== row) return; // Forgotten; only an old ticket knows it.
    if (row.waiting.size > 0 || row.dials.length > 0) this.#resting.delete(row);
    else if (row.attempt > 0 || row.wasDenied) this.#resting.add(row);
    else {
      this.#resting.delete(row);
      this.#rows.delete(row.key);
    }
  }
}
