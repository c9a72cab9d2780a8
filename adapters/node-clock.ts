import { performance } from 'node:perf_hooks'; // The global one is a getter, and is read thirty times per connection.
import type { Clock } from '../machines/ports.js';

/** Delays beyond 2^31 − 1 ms make a platform's timer fire at once. */
const DELAY_MS_MAX = 2 ** 31 - 1;

/** A platform's timer; `unref` lets the process end before it fires. */
export interface PlatformTimer {
  ref(): void;
  unref(): void;
}

export interface Platform {
  now(): number;
  setTimeout(fn: () => void, ms: number): PlatformTimer;
  clearTimeout(timer: unknown): void;
}

/** One timer: a place in the list of those that wait equally long. */
class ListedTimer {
  next: ListedTimer | undefined = undefined;
  before: ListedTimer | undefined = undefined;

  constructor(
    public fn: (() => void) | undefined,
    readonly dueAt: number,
    readonly list: TimerList,
  ) {}
}

/** Timers of one delay, in the order in which they are due, with one of the platform's for all of them. */
class TimerList {
  #first: ListedTimer | undefined = undefined;
  #last: ListedTimer | undefined = undefined;
  #armedFor: ListedTimer | undefined = undefined;
  #timer: PlatformTimer | undefined = undefined;

  constructor(
    readonly delayMs: number,
    readonly platform: Platform,
    readonly lists: Map<number, TimerList>,
  ) {}

  add(fn: () => void): ListedTimer {
    const timer = new ListedTimer(fn, this.platform.now() + this.delayMs, this);
    const last = this.#last;
    this.#last = timer;
    if (last === undefined) {
      this.#first = timer;
      if (this.#timer === undefined) this.#arm(this.delayMs);
      else this.#timer.ref();
    } else {
      last.next = timer;
      timer.before = last;
    }
    return timer;
  }

  remove(timer: ListedTimer): void {
    if (timer.fn === undefined) return; // It has fired, or was cleared before.
    timer.fn = undefined;
    const { before, next } = timer;
    if (before === undefined) this.#first = next;
    else before.next = next;
    if (next === undefined) this.#last = before;
    else next.before = before;
    timer.before = timer.next = undefined;
    if (this.#first === undefined) this.#timer?.unref();
  }

  #arm(ms: number): void {
    this.#armedFor = this.#first;
    this.#timer = this.platform.setTimeout(this.#fire, ms);
  }

  readonly #fire = (): void => {
    const { platform } = this;
    this.#timer = undefined;
    const now = platform.now();
    try {
      // Node counts whole milliseconds: the one that the timer was set for is due although the finer clock may say "not quite yet".
      for (let first; (first = this.#first) !== undefined && (first.dueAt <= now || first === this.#armedFor);) {
        const { fn } = first;
        this.remove(first);
        fn?.();
      }
    } finally {
      const first = this.#first;
      if (first === undefined) this.lists.delete(this.delayMs);
      else if (this.#timer === undefined) this.#arm(Math.max(0, Math.ceil(first.dueAt - platform.now())));
    }
  };
}

/**
 * Timers, one of the platform's for all that wait equally long. A session sets and clears half a dozen between connecting and closing;
 * each of Node's own costs some thirty function calls and 250 bytes. When the last one of a delay is cleared, the platform's stays armed
 * and lets the process end.
 */
export function listedTimers(platform: Platform): Pick<Clock, 'setTimeout' | 'clearTimeout'> {
  const lists = new Map<number, TimerList>();
  return {
    setTimeout(fn, ms) {
      if (!Number.isInteger(ms) || ms < 1) return platform.setTimeout(fn, ms); // Few are, and each would need a list of its own.
      const delayMs = Math.min(ms, DELAY_MS_MAX);
      let list = lists.get(delayMs);
      if (list === undefined) lists.set(delayMs, (list = new TimerList(delayMs, platform, lists)));
      return list.add(fn);
    },
    clearTimeout(timer) {
      if (timer instanceof ListedTimer) timer.list.remove(timer);
      else platform.clearTimeout(timer);
    },
  };
}

const turn = Promise.resolve();
let due: (() => void)[] = [];

/** Functions that are asked for in one turn run together. `queueMicrotask` makes an asynchronous resource for each, with twenty calls around it. */
function soon(fn: () => void): void {
  if (due.push(fn) === 1) void turn.then(runDue);
}

function runDue(): void {
  const running = due;
  due = [];
  for (const fn of running) {
    try {
      fn();
    } catch (error) {
      queueMicrotask(() => {
        throw error; // Where the process reports what nothing has caught.
      });
    }
  }
}

const node: Platform = {
  now: () => performance.now(),
  setTimeout: (fn, ms) => setTimeout(fn, Math.min(ms, DELAY_MS_MAX)),
  clearTimeout: (timer) => clearTimeout(timer as NodeJS.Timeout | undefined),
};

/** Node's own clock and timers. Timers keep the process alive; an engine has none left after `shutdown()`. */
export const clock: Clock = { now: node.now, wall: () => Date.now(), ...listedTimers(node), soon };
