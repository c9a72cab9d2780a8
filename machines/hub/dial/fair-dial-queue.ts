import { IndexedHeap, type Ranked } from './indexed-heap.js';
import { TokenBucket } from '../../dataplane/token-bucket.js';

/**
 * Requests whose backoff is over, by the place they dial. One dead place must not starve the others, so each has a budget
 * of its own and a share of the slots, and places take turns (DIAL-3):
 *
 * - A place that failed to answer last time is suspect. Suspects and all others go alternately while both wait.
 * - Among either, sessions inside their reconnect window go first, then by priority; equals take turns by place.
 * - Suspects together have half of the slots, one of them an eighth. Where nothing has proven that a place lives, an
 *   eighth of all slots stays free for sessions whose place did.
 */

/** A dial within the reconnect window of a session; everything below it waits behind these. */
export const WITHIN_WINDOW = 2;

export interface Waiting extends Ranked {
  readonly priority: number;
  readonly order: number;
  readonly at: number; // When its backoff is over.
}

/** One place that is dialed, as far as the line knows it. */
export class TargetQueue<Item extends Waiting> implements Ranked {
  rank = -1;
  /** The heap that it stands in; undefined while it is not its turn. */
  standsIn: IndexedHeap<TargetQueue<Item>> | undefined = undefined;
  isSuspect = false;
  dialing = 0;
  readyAt = 0;
  turn = 0;
  readonly waiting = new IndexedHeap<Item>((a, b) => a.priority > b.priority || (a.priority === b.priority && isEarlier(a, b)));

  constructor(
    readonly name: string,
    readonly budget: TokenBucket,
    readonly order: number,
  ) {}

  get priority(): number {
    return this.waiting.first?.priority ?? -1;
  }
}

/** A dial under way, and whose slots it has. */
export interface Dial<Item extends Waiting> {
  readonly target: TargetQueue<Item>;
  readonly kind: 'proven' | 'fresh' | 'suspect';
}

export interface FairDialQueueOptions {
  readonly pendingDialsMax: number;
  readonly burst: number;
  readonly perSecond: number;
  readonly now: number;
}

/** Suspects that nothing waits for, remembered at once; the oldest is forgotten, and begins as any other place. */
const SUSPECTS_MAX = 4096;

export class FairDialQueue<Item extends Waiting> {
  readonly #options: FairDialQueueOptions;
  readonly #targets = new Map<string, TargetQueue<Item>>();
  readonly #resting = new Set<TargetQueue<Item>>();
  /** For requests that name no place: bounded by the hub alone. */
  readonly #anywhere: TargetQueue<Item>;
  readonly #ready = new IndexedHeap<TargetQueue<Item>>(isSooner);
  readonly #suspects = new IndexedHeap<TargetQueue<Item>>(isSooner);
  readonly #parked = new IndexedHeap<TargetQueue<Item>>(
    (a, b) => a.readyAt < b.readyAt || (a.readyAt === b.readyAt && a.order < b.order),
  );
  readonly #underWay = { proven: 0, fresh: 0, suspect: 0 };
  #size = 0;
  #orders = 0;
  #turns = 0;
  #isSuspectsTurn = false;

  constructor(options: FairDialQueueOptions) {
    this.#options = options;
    this.#anywhere = new TargetQueue('', new TokenBucket(Infinity, 0, options.now), -1);
  }

  get size(): number {
    return this.#size;
  }
  get targets(): number {
    return this.#targets.size;
  }

  target(name: string | undefined, now: number): TargetQueue<Item> {
    if (name === undefined) return this.#anywhere;
    let target = this.#targets.get(name);
    if (target === undefined) {
      const { burst, perSecond } = this.#options;
      target = new TargetQueue(name, new TokenBucket(burst, perSecond, now), this.#orders++);
      this.#targets.set(name, target);
    }
    return target;
  }

  add(target: TargetQueue<Item>, item: Item, now: number): void {
    target.waiting.add(item);
    this.#size++;
    this.file(target, now);
  }

  /** Without effect on what does not wait here. */
  remove(name: string | undefined, item: Item, now: number): void {
    const target = name === undefined ? this.#anywhere : this.#targets.get(name);
    if (target === undefined || !target.waiting.has(item)) return;
    target.waiting.remove(item);
    this.#size--;
    this.file(target, now);
  }

  clear(now: number): Item[] {
    const items = [...this.#all()].flatMap((target) => target.waiting.clear());
    this.#size = 0;
    for (const target of [...this.#all()]) this.file(target, now);
    return items;
  }

  /** How many come before this one, were all places ready. Walks over all: for questions that people ask. */
  countBefore(item: Item): number {
    let count = 0;
    for (const target of this.#all()) count += target.waiting.countBefore(item);
    return count;
  }

  /** Whose turn it is, where the slots and the budget of a place allow any. */
  next(now: number): TargetQueue<Item> | undefined {
    for (let due = this.#parked.first; due !== undefined && due.readyAt <= now; due = this.#parked.first) this.file(due, now);
    const healthy = this.#eligible(this.#ready.first);
    const suspect = this.#eligible(this.#suspects.first);
    if (healthy !== undefined && suspect !== undefined) return this.#isSuspectsTurn ? suspect : healthy;
    return healthy ?? suspect;
  }

  /** When `next` may have an answer; `Infinity` where only a free slot or a payment helps, which say so themselves. */
  nextAt(now: number): number {
    if (this.#eligible(this.#ready.first) !== undefined || this.#eligible(this.#suspects.first) !== undefined) return now;
    return this.#parked.first?.readyAt ?? Infinity;
  }

  /** Begins the dial of the first in line at `target`, which `next` gave. */
  take(target: TargetQueue<Item>, now: number): { item: Item; dial: Dial<Item> } {
    const item = target.waiting.first!;
    const kind = target.isSuspect ? 'suspect' : item.priority >= WITHIN_WINDOW ? 'proven' : 'fresh';
    target.budget.take(now);
    target.dialing++;
    target.turn = ++this.#turns;
    this.#underWay[kind]++;
    this.#isSuspectsTurn = !target.isSuspect;
    target.waiting.remove(item);
    this.#size--;
    this.file(target, now);
    return { item, dial: { target, kind } };
  }

  /** Its slot is free. */
  ended({ target, kind }: Dial<Item>, now: number): void {
    target.dialing--;
    this.#underWay[kind]--;
    this.file(target, now);
  }

  /** Nothing answered there. */
  failed(name: string | undefined, now: number): void {
    if (name !== undefined) this.#setSuspect(this.target(name, now), true, now);
  }

  payBack(name: string | undefined, now: number): void {
    if (name === undefined) return;
    const target = this.target(name, now);
    target.budget.payBack(now);
    this.file(target, now);
  }

  /** The place lives, whatever it said; `isOwed`: the dial that proved it costs nothing. */
  answered(name: string | undefined, isOwed: boolean, now: number): void {
    if (name === undefined) return;
    const target = this.target(name, now);
    if (isOwed) target.budget.payBack(now);
    this.#setSuspect(target, false, now);
  }

  #setSuspect(target: TargetQueue<Item>, isSuspect: boolean, now: number): void {
    this.#withdraw(target); // Suspects stand elsewhere.
    target.isSuspect = isSuspect;
    this.file(target, now);
  }

  /** All places may be as well as any other. */
  forgive(now: number): void {
    for (const target of [...this.#targets.values()]) if (target.isSuspect) this.#setSuspect(target, false, now);
  }

  /** Puts a place where it belongs after a change. */
  file(target: TargetQueue<Item>, now: number): void {
    this.#withdraw(target);
    if (this.#resting.size > 0) this.#resting.delete(target);
    if (target.waiting.size === 0) return this.#rest(target, now);
    if (target.dialing >= this.#slotsOf(target)) return;
    target.readyAt = target.budget.nextAt(now);
    if (target.readyAt > now && target.readyAt === Infinity) return;
    target.standsIn = target.readyAt > now ? this.#parked : target.isSuspect ? this.#suspects : this.#ready;
    target.standsIn.add(target);
  }

  #rest(target: TargetQueue<Item>, now: number): void {
    if (target.dialing > 0 || this.#targets.get(target.name) !== target) return; // At work, anywhere, or forgotten.
    if (!target.isSuspect && target.budget.level(now) >= this.#options.burst) {
      this.#targets.delete(target.name);
      return;
    }
    this.#resting.add(target);
    if (this.#resting.size <= SUSPECTS_MAX) return;
    const [oldest] = this.#resting;
    this.#resting.delete(oldest!);
    this.#targets.delete(oldest!.name);
  }

  #withdraw(target: TargetQueue<Item>): void {
    target.standsIn?.remove(target);
    target.standsIn = undefined;
  }

  #slotsOf(target: TargetQueue<Item>): number {
    const { pendingDialsMax } = this.#options;
    if (target === this.#anywhere) return Infinity;
    return target.isSuspect ? Math.ceil(pendingDialsMax / 8) : pendingDialsMax - Math.floor(pendingDialsMax / 4);
  }

  #eligible(target: TargetQueue<Item> | undefined): TargetQueue<Item> | undefined {
    if (target === undefined || target === this.#anywhere || (!target.isSuspect && target.priority >= WITHIN_WINDOW))
      return target;
    const { pendingDialsMax } = this.#options;
    const { fresh, suspect } = this.#underWay;
    if (fresh + suspect >= pendingDialsMax - Math.floor(pendingDialsMax / 8)) return undefined;
    return target.isSuspect && suspect >= Math.ceil(pendingDialsMax / 2) ? undefined : target;
  }

  *#all(): Iterable<TargetQueue<Item>> {
    yield this.#anywhere;
    yield* this.#targets.values();
  }
}

/** By priority; equals take turns. */
function isSooner<Item extends Waiting>(a: TargetQueue<Item>, b: TargetQueue<Item>): boolean {
  if (a.priority !== b.priority) return a.priority > b.priority;
  return a.turn < b.turn || (a.turn === b.turn && a.order < b.order);
}

export function isEarlier(a: Waiting, b: Waiting): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order);
}
