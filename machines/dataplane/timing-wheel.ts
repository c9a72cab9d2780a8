import type { Clock } from '../ports.js';

/** An object that wants a visit at about a time. Only `TimingWheel` writes the number. */
export interface WheelTimer {
  /** Its slot, and its index there; `NOT_FILED` while it has none. */
  wheelPlace: number;
  /** The time has come, or nearly: it looks for itself, and files itself again. */
  expire(): void;
}

export const NOT_FILED = -1;
/** Visits begin this much apart at least, so that ten thousand idle sessions wake the process twenty times a second, not two thousand. */
const SLOT_MS = 50;
/** A power of two; together 12.8 s. A later time is filed in the last slot, and again when that is visited. */
const SLOTS = 256;
/** Visits in a row, some 3 ms. The others follow once sockets had their turn. Chosen without measurement. */
const VISITS_MAX = 256;

/**
 * Deadlines that may be looked at early: one platform timer for all, one visit per slot for all in it, and no order within a slot, so
 * that filing costs the same whatever the number. `DeadlineHeap` has the exact ones.
 */
export class TimingWheel {
  static #ofClock = new WeakMap<Clock, TimingWheel>();

  static of(clock: Clock): TimingWheel {
    let wheel = TimingWheel.#ofClock.get(clock);
    if (wheel === undefined) TimingWheel.#ofClock.set(clock, (wheel = new TimingWheel(clock)));
    return wheel;
  }

  readonly #slots: WheelTimer[][] = Array.from({ length: SLOTS }, () => []);
  #size = 0;
  #next = 0; // The first slot that may not be empty, counted from time 0.
  #isVisiting = false;
  #timer: unknown;
  #timerSlot = Infinity; // The slot at whose beginning the platform's timer fires; those before it are empty.

  constructor(readonly clock: Clock) {}

  get size(): number {
    return this.#size;
  }

  /**
   * It gets a visit at `at` or a slot earlier, and where the time leaves a choice, up to `slackMs` earlier, in the emptiest slot: so
   * sessions that began at once spread. One that is filed for earlier stays there.
   */
  file(timer: WheelTimer, at: number, slackMs: number, now: number): void {
    if (!this.#isVisiting) this.#next = Math.min(Math.max(this.#next, slotAt(now)), this.#timerSlot);
    const last = this.#next + SLOTS - 1;
    const latest = Math.max(this.#next, Math.min(slotAt(at), last));
    if (timer.wheelPlace !== NOT_FILED) {
      if (this.#slotOf(timer) <= latest) return;
      this.remove(timer);
    }
    const earliest = Math.max(this.#next, slotAt(at - slackMs) + 1); // Not a visit at which it is too early still.
    const slot = this.#emptiest(earliest, latest);
    timer.wheelPlace = (this.#slots[slot % SLOTS]!.push(timer) - 1) * SLOTS + (slot % SLOTS);
    this.#size++;
    if (slot < this.#timerSlot && !this.#isVisiting) this.#arm(slot);
  }

  remove(timer: WheelTimer): void {
    const place = timer.wheelPlace;
    if (place === NOT_FILED) return;
    timer.wheelPlace = NOT_FILED;
    const bucket = this.#slots[place % SLOTS]!;
    const last = bucket.pop()!;
    if (last !== timer) {
      bucket[Math.floor(place / SLOTS)] = last;
      last.wheelPlace = place;
    }
    if (--this.#size === 0) this.#disarm(); // Otherwise it fires early, finds nothing, and is set anew.
  }

  #visit = (): void => {
    this.#timer = undefined;
    this.#timerSlot = Infinity;
    this.#isVisiting = true;
    this.#gather(slotAt(this.clock.now()));
    try {
      const bucket = this.#slots[this.#next % SLOTS]!;
      for (let visits = 0; bucket.length > 0 && visits < VISITS_MAX; visits++) {
        const timer = bucket.pop()!;
        timer.wheelPlace = NOT_FILED;
        this.#size--;
        timer.expire();
      }
    } finally {
      this.#isVisiting = false;
      this.#armNext();
    }
  };

  /** Puts what is left in slots of the past into the slot of now: after a freeze all of them. */
  #gather(now: number): void {
    const into = this.#slots[now % SLOTS]!;
    this.#next = Math.max(this.#next, now - SLOTS + 1);
    for (; this.#next < now; this.#next++) {
      const bucket = this.#slots[this.#next % SLOTS]!;
      for (const timer of bucket) timer.wheelPlace = (into.push(timer) - 1) * SLOTS + (now % SLOTS);
      bucket.length = 0;
    }
  }

  #slotOf(timer: WheelTimer): number {
    return this.#next + ((((timer.wheelPlace - this.#next) % SLOTS) + SLOTS) % SLOTS);
  }

  /** Of several that are equally empty, the latest. */
  #emptiest(earliest: number, latest: number): number {
    let best = latest;
    let least = this.#slots[best % SLOTS]!.length;
    for (let slot = latest - 1; slot >= earliest && least > 0; slot--) {
      const { length } = this.#slots[slot % SLOTS]!;
      if (length >= least) continue;
      best = slot;
      least = length;
    }
    return best;
  }

  #armNext(): void {
    if (this.#size === 0) return;
    let slot = this.#next;
    while (this.#slots[slot % SLOTS]!.length === 0) slot++;
    this.#arm(slot);
  }

  #arm(slot: number): void {
    this.#disarm();
    this.#timerSlot = slot;
    this.#timer = this.clock.setTimeout(this.#visit, Math.max(0, slot * SLOT_MS - this.clock.now()));
  }

  #disarm(): void {
    if (this.#timer !== undefined) this.clock.clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#timerSlot = Infinity;
  }
}

function slotAt(ms: number): number {
  return Math.floor(ms / SLOT_MS);
}
