/** One thing that will happen. Arm it again and again: a wire needs one for its whole life. */
export class SimTimer {
  /** Where it stands in its heap; -1 while it is not armed. */
  index = -1;
  /** When it may fire, and when it was meant to: the two differ after its process was stopped. */
  atMs = 0;
  dueMs = 0;
  order = 0;

  constructor(
    readonly fire: () => void,
    /** The process that dies, freezes and sleeps with it; `undefined` belongs to the world. */
    readonly owner?: object,
  ) {}
}

/**
 * A binary heap of timers: by time, then by the deadline they were given, then in the order of setting.
 * Each timer knows its place, so that a cancelled one leaves at once and the size is always the truth.
 */
export class TimerHeap {
  readonly #timers: SimTimer[] = [];
  #order = 0;

  get size(): number {
    return this.#timers.length;
  }

  first(): SimTimer | undefined {
    return this.#timers[0];
  }

  /** Arms it, or moves it if it is armed already; it then counts as newly set. */
  set(timer: SimTimer, atMs: number, dueMs = atMs): void {
    const timers = this.#timers;
    timer.atMs = atMs;
    timer.dueMs = dueMs;
    timer.order = this.#order++;
    if (timer.index >= 0) return this.#settle(timer);
    timer.index = timers.length;
    timers.push(timer);
    this.#up(timer);
  }

  /** Void where it isn't armed. */
  remove(timer: SimTimer): void {
    const timers = this.#timers;
    const { index } = timer;
    if (index < 0 || timers[index] !== timer) return;
    timer.index = -1;
    const last = timers.pop()!;
    if (last === timer) return;
    last.index = index;
    timers[index] = last;
    this.#settle(last);
  }

  /** How many belong to this owner. */
  countOf(owner: object): number {
    let count = 0;
    for (const timer of this.#timers) if (timer.owner === owner) count++;
    return count;
  }

  /** What the owner would have done before `untilMs` happens then, in the order of deadlines: its process was stopped. */
  hold(owner: object, untilMs: number): void {
    for (const timer of this.#timers) if (timer.owner === owner && timer.atMs < untilMs) timer.atMs = untilMs;
    this.#rebuild();
  }

  /** Moves all deadlines of the owner: its monotonic time stood still. */
  shift(owner: object, ms: number): void {
    for (const timer of this.#timers) {
      if (timer.owner !== owner) continue;
      timer.atMs += ms;
      timer.dueMs += ms;
    }
    this.#rebuild();
  }

  /** Forgets all timers of the owner. */
  drop(owner: object): void {
    const timers = this.#timers;
    let kept = 0;
    for (const timer of timers) {
      if (timer.owner === owner) timer.index = -1;
      else {
        timer.index = kept;
        timers[kept++] = timer;
      }
    }
    timers.length = kept;
    this.#rebuild();
  }

  #rebuild(): void {
    for (let i = (this.#timers.length >> 1) - 1; i >= 0; i--) this.#down(this.#timers[i]!);
  }

  #settle(timer: SimTimer): void {
    this.#up(timer);
    this.#down(timer);
  }

  #up(timer: SimTimer): void {
    const timers = this.#timers;
    let index = timer.index;
    while (index > 0) {
      const parent = timers[(index - 1) >> 1]!;
      if (!isBefore(timer, parent)) break;
      timers[index] = parent;
      parent.index = index;
      index = (index - 1) >> 1;
    }
    timers[index] = timer;
    timer.index = index;
  }

  #down(timer: SimTimer): void {
    const timers = this.#timers;
    const { length } = timers;
    let index = timer.index;
    for (;;) {
      let child = 2 * index + 1;
      if (child >= length) break;
      if (child + 1 < length && isBefore(timers[child + 1]!, timers[child]!)) child++;
      const other = timers[child]!;
      if (!isBefore(other, timer)) break;
      timers[index] = other;
      other.index = index;
      index = child;
    }
    timers[index] = timer;
    timer.index = index;
  }
}

/** What a platform's timer can count; longer delays become this one. */
const DELAY_MS_MAX = 2 ** 31 - 1;

/** A delay that can be waited for: negative ones and those that are no number are 0. */
export function clamped(ms: number): number {
  return ms > 0 ? Math.min(ms, DELAY_MS_MAX) : 0;
}

function isBefore(a: SimTimer, b: SimTimer): boolean {
  if (a.atMs !== b.atMs) return a.atMs < b.atMs;
  if (a.dueMs !== b.dueMs) return a.dueMs < b.dueMs;
  return a.order < b.order;
}
