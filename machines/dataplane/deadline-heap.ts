import type { Clock } from '../ports.js';

/** An object with a deadline. Only `DeadlineHeap` writes the two numbers. */
export interface Timer {
  /** When it expires; `Infinity` while it has no deadline. */
  dueAt: number;
  /** Its index in the heap; negative while it isn't queued. */
  heapIndex: number;
  expire(): void;
}

/** Work that runs at the end of the current turn. */
export interface Deferred {
  runDeferred(): void;
}

/** Not in the heap; taken out because it is due, and not called yet. */
export const NOT_QUEUED = -1;
const DUE = -2;

/**
 * All deadlines of one clock, with one platform timer for all. A timer of Node's costs 230 bytes with
 * its closure, and ten thousand idle sessions have a deadline each; here it is a place in a heap. Ends of turns are shared
 * in the same way. A deadline that has passed already expires in a turn of its own, as with a timer.
 */
export class DeadlineHeap {
  static #ofClock = new WeakMap<Clock, DeadlineHeap>();

  static of(clock: Clock): DeadlineHeap {
    let heap = DeadlineHeap.#ofClock.get(clock);
    if (heap === undefined) DeadlineHeap.#ofClock.set(clock, (heap = new DeadlineHeap(clock)));
    return heap;
  }

  #heap: Timer[] = [];
  #timer: unknown;
  #timerAt = Infinity;
  #deferred: Deferred[] = [];

  constructor(readonly clock: Clock) {}

  /** Sets its deadline, or moves it. */
  set(timer: Timer, at: number): void {
    timer.dueAt = at;
    if (timer.heapIndex < 0) timer.heapIndex = this.#heap.push(timer) - 1;
    this.#settle(timer);
    this.#arm();
  }

  clear(timer: Timer): void {
    if (timer.heapIndex >= 0) this.#remove(timer);
    timer.heapIndex = NOT_QUEUED;
    timer.dueAt = Infinity;
    if (this.#heap.length === 0) this.#disarm(); // Otherwise it fires early, finds nothing due, and is set anew.
  }

  /** Calls `runDeferred` at the end of the current turn. The caller asks at most once per turn. */
  defer(work: Deferred): void {
    if (this.#deferred.push(work) === 1) this.clock.soon(this.#runAllDeferred);
  }

  #runAllDeferred = (): void => {
    const deferred = this.#deferred;
    this.#deferred = [];
    let done = 0;
    try {
      while (done < deferred.length) deferred[done++]!.runDeferred();
    } finally {
      for (; done < deferred.length; done++) this.defer(deferred[done]!); // One of them threw; the others keep their turn.
    }
  };

  #fire = (): void => {
    this.#timer = undefined;
    this.#timerAt = Infinity;
    const now = this.clock.now();
    const due: Timer[] = [];
    for (let first; (first = this.#heap[0]) !== undefined && first.dueAt <= now;) {
      this.#remove(first);
      first.heapIndex = DUE;
      due.push(first);
    }
    let done = 0;
    try {
      while (done < due.length) {
        const timer = due[done++]!;
        if (timer.heapIndex !== DUE) continue; // Cleared or set again by one that was woken before it.
        timer.heapIndex = NOT_QUEUED;
        timer.dueAt = Infinity;
        timer.expire();
      }
    } finally {
      for (; done < due.length; done++) if (due[done]!.heapIndex === DUE) this.set(due[done]!, due[done]!.dueAt);
      this.#arm();
    }
  };

  #arm(): void {
    const first = this.#heap[0];
    if (first === undefined || first.dueAt >= this.#timerAt) return;
    this.#disarm();
    this.#timerAt = first.dueAt;
    this.#timer = this.clock.setTimeout(this.#fire, Math.max(0, first.dueAt - this.clock.now()));
  }

  #disarm(): void {
    if (this.#timer !== undefined) this.clock.clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#timerAt = Infinity;
  }

  #remove(timer: Timer): void {
    const last = this.#heap.pop()!;
    if (last === timer) return;
    last.heapIndex = timer.heapIndex;
    this.#heap[last.heapIndex] = last;
    this.#settle(last);
  }

  /** Moves it up, or down, to where its deadline belongs. */
  #settle(timer: Timer): void {
    const heap = this.#heap;
    let at = timer.heapIndex;
    for (let above; at > 0 && (above = heap[(at - 1) >> 1]!).dueAt > timer.dueAt;) {
      heap[at] = above;
      above.heapIndex = at;
      at = (at - 1) >> 1;
    }
    for (let below; (below = this.#lesser(2 * at + 1)) !== undefined && below.dueAt < timer.dueAt;) {
      const next = below.heapIndex;
      heap[at] = below;
      below.heapIndex = at;
      at = next;
    }
    heap[at] = timer;
    timer.heapIndex = at;
  }

  #lesser(left: number): Timer | undefined {
    const a = this.#heap[left];
    const b = this.#heap[left + 1];
    return a === undefined || b === undefined || a.dueAt <= b.dueAt ? a : b;
  }
}
