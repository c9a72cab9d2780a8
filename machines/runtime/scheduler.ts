import type { AnyActorRef, EventObject } from 'xstate';
import type { Clock } from '../ports.js';
import { internalsMismatch } from './internals-check.js';
import { relay, replaceScheduler, type Scheduler } from './xstate-internals.js';

/**
 * XState's timers, indexed by actor. The built-in scheduler keeps the timers of all actors in one record and walks all of
 * it whenever any actor stops: with 100 000 sessions each ending costs 130 ms. Here an ending costs what its own timers cost.
 *
 * `spec/runtime/scheduler.spec.ts` holds the contract against the XState version in use.
 */

/** Numbers of a system's timers; for checks that none is left, and of the cost of stopping. */
export interface Timers {
  /** Timers armed. */
  readonly pending: number;
  /** Actors that have at least one. */
  readonly actors: number;
}

/** Delays beyond 2^31 − 1 ms make a platform's timer fire at once. */
const DELAY_MS_MAX = 2 ** 31 - 1;

/**
 * Replaces the timers of `root`'s actor system. Call it before `root.start()`: what was armed before stays with the old ones.
 * A delay longer than a platform's timer can be is waited for in several, and an infinite one never ends. Where the installed XState
 * differs from the one this is written for, its own timers stay, and none are counted here.
 */
export function installScheduler({ system }: AnyActorRef, clock: Pick<Clock, 'setTimeout' | 'clearTimeout'>): Timers {
  const index = new TimerIndex(clock, (source, target, event) => relay(system, source, target, event));
  if (internalsMismatch() === undefined) replaceScheduler(system, index);
  return index;
}

/** Names one timer of an actor. Unnamed ones are named by themselves, so that no name outlives its timer. */
type TimerName = string | Timer;

type Relay = (source: AnyActorRef, target: AnyActorRef, event: EventObject) => void;

class TimerIndex implements Timers, Scheduler {
  readonly #clock: Pick<Clock, 'setTimeout' | 'clearTimeout'>;
  readonly #relay: Relay;
  readonly #byActor = new Map<AnyActorRef, Map<TimerName, Timer>>();
  #pending = 0;

  constructor(clock: Pick<Clock, 'setTimeout' | 'clearTimeout'>, relay: Relay) {
    this.#clock = clock;
    this.#relay = relay;
  }

  get pending(): number {
    return this.#pending;
  }

  get actors(): number {
    return this.#byActor.size;
  }

  /** A second timer of the same name takes the place of the first (XState's own would let both fire). */
  schedule(source: AnyActorRef, target: AnyActorRef, event: EventObject, delay: number, id?: string): void {
    if (id !== undefined) this.cancel(source, id);
    const timer = new Timer(source, target, event, id);
    let timers = this.#byActor.get(source);
    if (timers === undefined) this.#byActor.set(source, (timers = new Map<TimerName, Timer>()));
    timers.set(timer.name, timer);
    this.#pending++;
    this.#arm(timer, delay > 0 ? delay : 0);
  }

  cancel(source: AnyActorRef, id: string): void {
    const timer = this.#byActor.get(source)?.get(id);
    if (timer === undefined) return;
    this.#clock.clearTimeout(timer.handle);
    this.#forget(timer);
  }

  cancelAll(source: AnyActorRef): void {
    const timers = this.#byActor.get(source);
    if (timers === undefined) return;
    this.#byActor.delete(source);
    this.#pending -= timers.size;
    for (const timer of timers.values()) this.#clock.clearTimeout(timer.handle);
  }

  #arm(timer: Timer, delayMs: number): void {
    const nowMs = Math.min(delayMs, DELAY_MS_MAX);
    timer.handle = this.#clock.setTimeout(() => {
      if (delayMs > nowMs) return this.#arm(timer, delayMs - nowMs);
      this.#forget(timer);
      this.#relay(timer.source, timer.target, timer.event);
    }, nowMs);
  }

  #forget(timer: Timer): void {
    const timers = this.#byActor.get(timer.source);
    if (timers === undefined || timers.get(timer.name) !== timer) return;
    timers.delete(timer.name);
    this.#pending--;
    if (timers.size === 0) this.#byActor.delete(timer.source);
  }
}

class Timer {
  handle: unknown = undefined;
  readonly name: TimerName;

  constructor(
    readonly source: AnyActorRef,
    readonly target: AnyActorRef,
    readonly event: EventObject,
    readonly id: string | undefined,
  ) {
    this.name = id ?? this;
  }
}
