import type { Clock } from '../../machines/ports.js';
import { SimProcess } from './process.js';
import { clamped, SimTimer, TimerHeap } from './timers.js';

export interface SimClockOptions {
  /** The wall clock at virtual time 0. Default 2025-01-01T00:00:00Z. */
  readonly wallMs?: number;
  /** After this many steps, or calls of `soon` in one turn, without time moving, `step` throws. Default 100 000. */
  readonly stallMax?: number;
}

export interface RunOptions {
  /** Steps after which `runUntil` gives up. Default 1 000 000. */
  readonly stepsMax?: number;
  /** Virtual time after which it gives up. Default: no such limit. */
  readonly withinMs?: number;
}

/**
 * Virtual time of one whole world. It jumps from deadline to deadline; equal deadlines fire in the order of setting, and
 * what was asked for `soon` runs after each fired timer and before the next. Nothing happens unless somebody steps.
 *
 * `freeze` and `suspend` here stop everything, the network included. To stop one host, give it a `process()` of its own.
 */
export class SimClock implements Clock {
  readonly #timers = new TimerHeap();
  readonly #stallMax: number;
  #nowMs = 0;
  #wallOffsetMs: number;
  #soon: (() => void)[] = [];
  #isDraining = false;
  #stalled = 0;
  #steps = 0;

  constructor({ wallMs = Date.UTC(2025, 0, 1), stallMax = 100_000 }: SimClockOptions = {}) {
    this.#wallOffsetMs = wallMs;
    this.#stallMax = stallMax;
  }

  now(): number {
    return this.#nowMs;
  }

  wall(): number {
    return this.#nowMs + this.#wallOffsetMs;
  }

  /** Delays below 0, and those that are no number, are 0; above 2^31 − 1, what a platform's timer can count, they are that. */
  setTimeout(fn: () => void, ms: number): SimTimer {
    const timer = new SimTimer(fn);
    this.#timers.set(timer, this.#nowMs + clamped(ms));
    return timer;
  }

  clearTimeout(handle: unknown): void {
    if (handle instanceof SimTimer) this.#timers.remove(handle);
  }

  soon(fn: () => void): void {
    this.#soon.push(fn);
  }

  /** What is still to happen: timers, and calls asked for `soon`. */
  get pending(): number {
    return this.#timers.size + this.#soon.length;
  }

  /** Timers fired so far. */
  get steps(): number {
    return this.#steps;
  }

  /** When the next timer may fire; `Infinity` if none is set. */
  get nextMs(): number {
    return this.#timers.first()?.atMs ?? Infinity;
  }

  /** A clock for one host, which can be frozen and suspended alone. */
  process(): SimProcess {
    return new SimProcess(this, this.#timers);
  }

  /** Arms a timer that its owner keeps; an armed one is moved. Times in the past mean now. */
  arm(timer: SimTimer, atMs: number): void {
    this.#timers.set(timer, Math.max(atMs, this.#nowMs));
  }

  disarm(timer: SimTimer): void {
    this.#timers.remove(timer);
  }

  /** Ends the turn: runs what was asked for `soon`, and what that asks for, without moving time. */
  settle(): boolean {
    if (this.#soon.length === 0 || this.#isDraining) return false;
    this.#isDraining = true;
    let done = 0;
    try {
      while (done < this.#soon.length) {
        const fn = this.#soon[done++]!;
        if (done > this.#stallMax) throw new Error(`stalled at ${this.#nowMs} ms: ${this.#stallMax} calls of soon in one turn`);
        fn();
      }
    } finally {
      this.#isDraining = false;
      if (done >= this.#soon.length) this.#soon.length = 0;
      else this.#soon.splice(0, done); // One of them threw; the others keep their turn.
    }
    return true;
  }

  /** Ends the turn and fires the earliest timer, unless it is due after `limitMs` (virtual time). False: nothing happened. */
  step(limitMs = Infinity): boolean {
    const settled = this.settle();
    const timer = this.#timers.first();
    if (timer === undefined || timer.atMs > limitMs) return settled;
    this.#timers.remove(timer);
    if (timer.atMs > this.#nowMs) {
      this.#nowMs = timer.atMs;
      this.#stalled = 0;
    } else if (++this.#stalled > this.#stallMax) {
      throw new Error(`stalled: ${this.#stallMax} timers fired and it is still ${this.#nowMs} ms`);
    }
    this.#steps++;
    timer.fire();
    this.settle();
    return true;
  }

  /** Lives through the next `ms` milliseconds; afterwards exactly that much time has passed. */
  advance(ms: number): void {
    const untilMs = this.#nowMs + ms;
    while (this.step(untilMs));
    if (untilMs > this.#nowMs) this.#nowMs = untilMs;
  }

  /**
   * Steps until the condition holds, and returns the number of steps that took.
   * Throws where nothing is left to happen, at the step limit, and past the time limit.
   */
  runUntil(isMet: () => boolean, { stepsMax = 1_000_000, withinMs = Infinity }: RunOptions = {}): number {
    const limitMs = this.#nowMs + withinMs;
    this.settle();
    for (let steps = 0; ; steps++) {
      if (isMet()) return steps;
      const told = `after ${steps} steps, at ${this.#nowMs} ms, with ${this.pending} pending: ${nameOf(isMet)}`;
      if (steps >= stepsMax) throw new Error(`the step limit is reached and the condition isn't met ${told}`);
      if (this.step(limitMs)) continue;
      if (this.pending > 0) throw new Error(`${withinMs} ms have passed and the condition isn't met ${told}`);
      throw new Error(`nothing is left to happen and the condition isn't met ${told}`);
    }
  }

  /** The world was stopped for so long: overdue timers fire at the new time, in the order of deadlines. */
  freeze(ms: number): void {
    this.#nowMs += ms;
  }

  /** The world slept for so long: the wall clock has gone on, monotonic time has not. */
  suspend(ms: number): void {
    this.jumpWall(ms);
  }

  /** Somebody set the wall clock, forwards or backwards. */
  jumpWall(ms: number): void {
    this.#wallOffsetMs += ms;
  }
}

function nameOf(isMet: () => boolean): string {
  return isMet.name || isMet.toString().slice(0, 120);
}
