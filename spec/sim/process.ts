import type { Clock } from '../../machines/ports.js';
import type { SimClock } from './clock.js';
import { clamped, SimTimer, type TimerHeap } from './timers.js';

/**
 * The clock of one host inside a world: the host alone can be stopped (`kill -STOP`) or put to sleep while the network and
 * the others go on. Made by `SimClock.process()`. A stopped process can't be stopped again until it runs.
 */
export class SimProcess implements Clock {
  readonly #world: SimClock;
  readonly #timers: TimerHeap;
  #sleptMs = 0; // How much younger this host's monotonic time is than the world's.
  #wallOffsetMs = 0;
  #awakeAtMs = 0;
  #isAsleep = false;
  #isDead = false;

  constructor(world: SimClock, timers: TimerHeap) {
    this.#world = world;
    this.#timers = timers;
  }

  now(): number {
    const worldMs = this.#world.now();
    return (this.#isAsleep && worldMs < this.#awakeAtMs ? this.#awakeAtMs : worldMs) - this.#sleptMs;
  }

  wall(): number {
    return this.#world.wall() + this.#wallOffsetMs;
  }

  setTimeout(fn: () => void, ms: number): SimTimer {
    const timer = new SimTimer(fn, this);
    const dueMs = this.now() + this.#sleptMs + clamped(ms);
    if (!this.#isDead) this.#timers.set(timer, Math.max(dueMs, this.#awakeAtMs), dueMs);
    return timer;
  }

  clearTimeout(handle: unknown): void {
    if (handle instanceof SimTimer) this.#timers.remove(handle);
  }

  soon(fn: () => void): void {
    if (!this.#isDead) this.#world.soon(fn);
  }

  /** Timers of this host alone. Costs a walk over all timers of the world. */
  get pending(): number {
    return this.#timers.countOf(this);
  }

  /** World time before which nothing happens in this process: no timer, no byte, no offer. */
  get awakeAtMs(): number {
    return this.#awakeAtMs;
  }

  get isStopped(): boolean {
    return this.#world.now() < this.#awakeAtMs;
  }

  /** Stopped for so long, while time goes on: overdue timers fire on the thaw, in the order of deadlines. False: it is stopped already. */
  freeze(ms: number): boolean {
    if (this.isStopped) return false;
    this.#isAsleep = false;
    this.#awakeAtMs = this.#world.now() + ms;
    this.#timers.hold(this, this.#awakeAtMs);
    return true;
  }

  /** Asleep for so long: its monotonic time stands still, so that all its deadlines move; its wall clock goes on. */
  suspend(ms: number): boolean {
    if (this.isStopped) return false;
    this.#isAsleep = true;
    this.#awakeAtMs = this.#world.now() + ms;
    this.#sleptMs += ms;
    this.#timers.shift(this, ms);
    return true;
  }

  /** The process is gone: none of its timers fires, and none can be set. Its successor needs a clock of its own. */
  kill(): void {
    this.#isDead = true;
    this.#timers.drop(this);
  }

  get isDead(): boolean {
    return this.#isDead;
  }

  /** Somebody set this host's wall clock, forwards or backwards. */
  jumpWall(ms: number): void {
    this.#wallOffsetMs += ms;
  }
}
