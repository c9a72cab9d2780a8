import type { Clock } from '../ports.js';

/** Somebody with a deadline. The two numbers are kept for `Alarms`, which alone writes them. */
export interface Sleeper {
  /** When it wants to be woken; `Infinity` while it doesn't. */
  wakeAt: number;
  /** Where it stands in the heap; negative while it isn't there. */
  place: number;
  alarm(): void;
}

/** Somebody with something to do once the running turn is over. */
export interface Gatherer {
  gathered(): void;
}

/** Not in the heap; taken out because it is due, and not woken yet. */
export const ABROAD = -1;
const DUE = -2;

/**
 * The deadlines of everybody on one clock, with one timer of the platform's for all. A timer of Node's costs 230 bytes with
 * its closure, and ten thousand idle sessions have a deadline each; here it is a place in a heap. Ends of turns are shared
 * in the same way. Whoever sets a deadline that has passed is woken in a turn of its own, as by a timer.
 */
export class DeadlineHeap {
  static #ofClock = new WeakMap<Clock, DeadlineHeap>();

  static of(clock: Clock): DeadlineHeap {
    let alarms = DeadlineHeap.#ofClock.get(clock);
    if (alarms === undefined) DeadlineHeap.#ofClock.set(clock, (alarms = new DeadlineHeap(clock)));
    return alarms;
  }

  #heap: Sleeper[] = [];
  #timer: unknown;
  #timerAt = Infinity;
  #gatherers: Gatherer[] = [];

  constructor(readonly clock: Clock) {}

  /** Sets its deadline, or moves it. */
  set(sleeper: Sleeper, at: number): void {
    sleeper.wakeAt = at;
    if (sleeper.place < 0) sleeper.place = this.#heap.push(sleeper) - 1;
    this.#settle(sleeper);
    this.#arm();
  }

  clear(sleeper: Sleeper): void {
    if (sleeper.place >= 0) this.#remove(sleeper);
    sleeper.place = ABROAD;
    sleeper.wakeAt = Infinity;
    if (this.#heap.length === 0) this.#disarm(); // Else it fires early, finds nobody, and is set anew.
  }

  /** Calls `gathered` once the running turn is over; its caller sees to it that it asks once per turn. */
  soon(gatherer: Gatherer): void {
    if (this.#gatherers.push(gatherer) === 1) this.clock.soon(this.#turn);
  }

  #turn = (): void => {
    const gatherers = this.#gatherers;
    this.#gatherers = [];
    let done = 0;
    try {
      while (done < gatherers.length) gatherers[done++]!.gathered();
    } finally {
      for (; done < gatherers.length; done++) this.soon(gatherers[done]!); // One of them threw; the others keep their turn.
    }
  };

  #ring = (): void => {
    this.#timer = undefined;
    this.#timerAt = Infinity;
    const now = this.clock.now();
    const due: Sleeper[] = [];
    for (let first; (first = this.#heap[0]) !== undefined && first.wakeAt <= now;) {
      this.#remove(first);
      first.place = DUE;
      due.push(first);
    }
    let done = 0;
    try {
      while (done < due.length) {
        const sleeper = due[done++]!;
        if (sleeper.place !== DUE) continue; // Cleared or set again by one that was woken before it.
        sleeper.place = ABROAD;
        sleeper.wakeAt = Infinity;
        sleeper.alarm();
      }
    } finally {
      for (; done < due.length; done++) if (due[done]!.place === DUE) this.set(due[done]!, due[done]!.wakeAt);
      this.#arm();
    }
  };

  #arm(): void {
    const first = this.#heap[0];
    if (first === undefined || first.wakeAt >= this.#timerAt) return;
    this.#disarm();
    this.#timerAt = first.wakeAt;
    this.#timer = this.clock.setTimeout(this.#ring, Math.max(0, first.wakeAt - this.clock.now()));
  }

  #disarm(): void {
    if (this.#timer !== undefined) this.clock.clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#timerAt = Infinity;
  }

  #remove(sleeper: Sleeper): void {
    const last = this.#heap.pop()!;
    if (last === sleeper) return;
    last.place = sleeper.place;
    this.#heap[last.place] = last;
    this.#settle(last);
  }

  /** Moves it up, or down, to where its deadline belongs. */
  #settle(sleeper: Sleeper): void {
    const heap = this.#heap;
    let at = sleeper.place;
    for (let above; at > 0 && (above = heap[(at - 1) >> 1]!).wakeAt > sleeper.wakeAt;) {
      heap[at] = above;
      above.place = at;
      at = (at - 1) >> 1;
    }
    for (let below; (below = this.#lesser(2 * at + 1)) !== undefined && below.wakeAt < sleeper.wakeAt;) {
      const next = below.place;
      heap[at] = below;
      below.place = at;
      at = next;
    }
    heap[at] = sleeper;
    sleeper.place = at;
  }

  #lesser(left: number): Sleeper | undefined {
    const a = this.#heap[left];
    const b = this.#heap[left + 1];
    return a === undefined || b === undefined || a.wakeAt <= b.wakeAt ? a : b;
  }
}
