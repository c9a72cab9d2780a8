import type { Clock } from '../../machines/ports.js';

interface Timer {
  readonly at: number;
  readonly fn: () => void;
}

/**
 * A clock moved by hand that counts what is asked of it, for tests of parts which stand alone.
 * Whole worlds run on `spec/sim`.
 */
export class CountingClock implements Clock {
  #now = 0;
  readonly #timers = new Set<Timer>();
  readonly #soon: (() => void)[] = [];
  /** Calls of `setTimeout` and `clearTimeout`, ever. */
  armed = 0;
  cleared = 0;
  /** The longest delay that was asked for: a platform's timers end at 2^31 − 1 ms. */
  longestMs = 0;

  now = (): number => this.#now;
  wall = (): number => 1.7e12 + this.#now;
  soon = (fn: () => void): void => void this.#soon.push(fn);

  setTimeout = (fn: () => void, ms: number): Timer => {
    const timer = { at: this.#now + ms, fn };
    this.#timers.add(timer);
    this.armed++;
    this.longestMs = Math.max(this.longestMs, ms);
    return timer;
  };

  clearTimeout = (timer: unknown): void => {
    this.cleared++;
    this.#timers.delete(timer as Timer);
  };

  get pending(): number {
    return this.#timers.size;
  }

  /** Ends the running turn. */
  settle(): void {
    for (let fn = this.#soon.shift(); fn !== undefined; fn = this.#soon.shift()) fn();
  }

  /** Goes on deadline by deadline; equal deadlines fire in the order they were set. */
  advance(ms: number): void {
    const until = this.#now + ms;
    this.settle();
    for (let next = this.#next(); next !== undefined && next.at <= until; next = this.#next()) {
      this.#timers.delete(next);
      this.#now = Math.max(this.#now, next.at);
      next.fn();
      this.settle();
    }
    this.#now = until;
  }

  #next(): Timer | undefined {
    let next: Timer | undefined;
    for (const timer of this.#timers) if (next === undefined || timer.at < next.at) next = timer;
    return next;
  }
}
