import { backoffMs, type RedialPolicy } from '../../backoff.js';
import type { Clock, Random } from '../../ports.js';
import { RetryStates } from './retry-state.js';
import type { DialRequest, DialTicket, GiveUpReason } from './dial-request.js';
import { FairDialQueue, isEarlier, type Dial } from './fair-dial-queue.js';
import { IndexedHeap } from './indexed-heap.js';
import { Asked, type Attempt, type TicketOffice } from './asked-dial.js';
import { TokenBucket } from '../../dataplane/token-bucket.js';

/**
 * Schedules dials. Four conditions must hold: the backoff of the key is over, a slot for dials under way is free, and
 * both the hub and the place that is dialed have a token left, which bounds what a dead network costs however many sessions
 * wait for it. Those whose backoff is over stand in line (`DialLine`). One timer for all of it.
 *
 * @rule DIAL-1 @rule DIAL-2
 * A token comes back when the place answers, whatever it says: with a completed handshake or with a refusal.
 *
 * Callbacks never come from inside a call: they come at the end of the turn, or from the timer.
 */

export type { DialRequest, DialTicket, GiveUpReason } from './dial-request.js';

export interface DialSchedulerOptions {
  readonly clock: Clock;
  readonly random: Random;
  /** Dials under way at once. */
  readonly pendingDialsMax: number;
  /** The hub's budget: so many dials at once, and so many more each second. Defaults 100 and 20. */
  readonly burst?: number;
  readonly perSecond?: number;
  /** The same for each place. Default half of the hub's. */
  readonly burstPerTarget?: number | undefined;
  readonly perSecondPerTarget?: number | undefined;
  /** Keys remembered at once: those that wait or dial, and those whose row of failures isn't over. Default 131 072. */
  readonly keysMax?: number;
}

/** A peer may name any time to come back; timers take 24 days, and a day is as good as never. */
const DELAY_MS_MAX = 86_400_000;

export class DialScheduler implements TicketOffice {
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #pendingDialsMax: number;
  readonly #attempts: RetryStates<Asked, Dial<Asked>>;
  readonly #budget: TokenBucket;
  readonly #backing = new IndexedHeap<Asked>(isEarlier);
  readonly #line: FairDialQueue<Asked>;
  #dialing = 0;
  #order = 0;
  #timer: unknown;
  #timerAt = Infinity;
  #isSoon = false;
  /** No dial could succeed, and none is granted. @rule DIAL-8 */
  isHeld = false;

  constructor(options: DialSchedulerOptions) {
    const { clock, random, pendingDialsMax, burst = 100, perSecond = 20, keysMax = 131_072 } = options;
    const { burstPerTarget = Math.ceil(burst / 2), perSecondPerTarget = perSecond / 2 } = options;
    this.#clock = clock;
    this.#random = random;
    this.#pendingDialsMax = pendingDialsMax;
    this.#attempts = new RetryStates(keysMax);
    this.#budget = new TokenBucket(burst, perSecond, clock.now());
    this.#line = new FairDialQueue({ pendingDialsMax, burst: burstPerTarget, perSecond: perSecondPerTarget, now: clock.now() });
  }

  /** Dials that the hub could still grant at once. */
  get tokens(): number {
    return this.#budget.level(this.#clock.now());
  }

  /** Dials under way. */
  get pendingDials(): number {
    return this.#dialing;
  }

  /** Requests that wait, for their backoff or in line. */
  get waiting(): number {
    return this.#backing.size + this.#line.size;
  }

  ask(request: DialRequest): DialTicket {
    const row = this.#attempts.open(request.key);
    if (row === undefined) return this.#giveUp(request, 'full');
    if (row.attempt === row.denials) {
      row.livedMs = request.livedMs;
      row.attempt = Math.max(row.attempt, request.streak ?? 0);
    }
    const chance = this.#random();
    const goesOn = request.goesOn === true && row.attempt > 0;
    const waitMs = goesOn ? 0 : backoffMs(request.policy, row.attempt + 1, chance, row.livedMs);
    if (waitMs === 'give-up') {
      this.#attempts.settle(row);
      return this.#giveUp(request, 'retries');
    }
    if (!goesOn) row.attempt++;
    const toldAt = Math.max(this.#clock.now() + Math.min(request.delayMs ?? 0, DELAY_MS_MAX), row.notBefore);
    const at = goesOn ? toldAt : this.#when(row, request, toldAt, waitMs, chance);
    const asked = new Asked(this, row, request, request.priority, this.#order++, at, toldAt);
    row.waiting.add(asked);
    this.#attempts.settle(row);
    this.#backing.add(asked);
    this.#arm();
    return asked;
  }

  // For tickets only.

  withdraw(asked: Asked): void {
    this.#remove(asked);
    this.#arm();
  }
  placeOf(asked: Asked): number {
    if (!this.#backing.has(asked)) return this.#line.countBefore(asked) + 1;
    return this.#line.size + this.#backing.countBefore(asked) + 1;
  }
  delayOf(asked: Asked): number {
    return this.#backing.has(asked) ? Math.max(0, asked.at - this.#clock.now()) : 0;
  }

  /** The number of the dial that `key` waits for or has under way, from 1; 0 when nothing has failed. */
  attempt(key: string): number {
    return this.#attempts.get(key)?.attempt ?? 0;
  }

  /** Milliseconds until the backoff of `key` is over, 0 in line; `undefined` when it waits for nothing. */
  nextDelayMs(key: string): number | undefined {
    const asked = this.#askedOf(key);
    return asked === undefined ? undefined : this.delayOf(asked);
  }

  /** Place of `key` among all that wait to dial, from 1. */
  place(key: string): number | undefined {
    const asked = this.#askedOf(key);
    return asked === undefined ? undefined : this.placeOf(asked);
  }

  /** A dial of `key` opened or failed; its slot is free. */
  dialEnded(key: string): void {
    const row = this.#attempts.get(key);
    const dial = row?.dials.shift();
    if (row === undefined || dial === undefined) return;
    this.#dialing--;
    this.#line.ended(dial, this.#clock.now());
    this.#attempts.settle(row);
    this.#arm();
  }

  /** A permitted dial and can't be made: it costs nothing, and the row is where it was. */
  undo(key: string): void {
    const row = this.#attempts.get(key);
    if (row?.owed !== undefined) {
      this.#budget.payBack(this.#clock.now());
      this.#line.payBack(row.owed.target, this.#clock.now());
      row.owed = undefined;
    }
    this.dialEnded(key);
    this.reset(key);
  }

  /** The dial for `key` at `target` failed before the peer had answered; the peer may have named a time to come back. */
  failed(key: string, target: string | undefined, retryAfterMs = 0): void {
    const row = this.#attempts.get(key);
    const now = this.#clock.now();
    if (row !== undefined) {
      row.hasFailed = true;
      if (retryAfterMs > 0) row.notBefore = now + Math.min(retryAfterMs, DELAY_MS_MAX);
    }
    this.#line.failed(target, now);
    this.#arm();
  }

  /** The peer answered, whatever it said: the dial that led here costs nothing. The row goes on. */
  answered(key: string): void {
    const row = this.#attempts.get(key);
    if (row === undefined) return;
    this.#payBack(row);
    this.#arm();
  }

  /** The handshake is complete: the row is over, and the dial that led here costs the budget nothing. */
  completed(key: string): void {
    const row = this.#attempts.get(key);
    if (row === undefined) return;
    this.#payBack(row);
    row.attempt = row.denials = 0;
    row.wasDenied = row.hasFailed = false;
    row.lastAt = row.beforeLastAt = row.notBefore = -Infinity;
    this.#attempts.settle(row);
    this.#arm();
  }

  /**
   * The peer denied trust. A first denial may be a mistake: a new registration of the peer dials after the first wait. A
   * further one counts (`denied`).
   */
  noteDenial(key: string): void {
    const row = this.#attempts.open(key);
    if (row === undefined) return;
    if (row.wasDenied) this.denied(key);
    row.wasDenied = true;
    this.#attempts.settle(row);
  }

  /** Re-registration doesn't wipe this out: the next row begins where this one stood. */
  denied(key: string): void {
    const row = this.#attempts.open(key);
    if (row === undefined) return;
    row.denials++;
    row.attempt = Math.max(row.attempt, row.denials);
    this.#attempts.settle(row);
  }

  /** The peer was registered again: its row begins anew, and who waits may go sooner, also than the peer said. */
  reset(key: string): void {
    const row = this.#attempts.get(key);
    if (row !== undefined) this.#restart(row, false);
    this.#arm();
  }

  /** After an ending that is likely to come again: the next dial of `key` waits as long as the policy ever does. */
  delay(key: string, policy: RedialPolicy): void {
    const row = policy.kind === 'bands' ? this.#attempts.open(key) : undefined;
    if (row === undefined || policy.kind !== 'bands') return;
    row.attempt = Math.max(row.attempt, policy.bands.length - 1);
    this.#attempts.settle(row);
  }

  /** Where to dial `key` is known better now: what waits for its backoff need not any longer. */
  hasten(key: string): void {
    const row = this.#attempts.get(key);
    for (const asked of row?.waiting ?? []) {
      if (!this.#backing.has(asked)) continue;
      this.#backing.remove(asked);
      asked.at = this.#clock.now();
      this.#backing.add(asked);
    }
    this.#arm();
  }

  /**
   * The host woke, or has a network again (`isAtOnce`): what failed before says nothing. All rows begin anew, but for the times
   * that peers named; `isAtOnce`, without their first wait. Costs what it must: all that wait.
   */
  thaw(isAtOnce = false): void {
    for (const row of [...this.#attempts.values()]) this.#restart(row, true, isAtOnce);
    this.#line.forgive(this.#clock.now());
    this.#arm();
  }

  /** There will be no more dials for `key`: its requests are withdrawn silently, and its slots are free. */
  forget(key: string): void {
    const row = this.#attempts.get(key);
    if (row === undefined) return;
    for (const asked of [...row.waiting]) this.#remove(asked);
    const now = this.#clock.now();
    this.#dialing -= row.dials.length;
    for (const dial of row.dials.splice(0)) this.#line.ended(dial, now);
    row.attempt = row.denials;
    this.#attempts.settle(row);
    this.#arm();
  }

  /** Withdraws every request silently. Dials under way go on. */
  cancelAll(): void {
    for (const asked of [...this.#backing.clear(), ...this.#line.clear(this.#clock.now())]) this.#remove(asked);
    this.#arm();
  }

  readonly #serve = (): void => {
    const now = this.#clock.now();
    for (let due = this.#backing.first; due !== undefined && due.at <= now; due = this.#backing.first) {
      this.#backing.remove(due);
      this.#line.add(this.#line.target(due.request.target, now), due, now);
    }
    try {
      while (!this.isHeld && this.#dialing < this.#pendingDialsMax) {
        const target = this.#line.next(now);
        if (target === undefined || !this.#budget.take(now)) break;
        const { item, dial } = this.#line.take(target, now);
        const { row, request } = item;
        row.dials.push(dial);
        row.owed = request;
        [row.beforeLastAt, row.lastAt] = [row.lastAt, now];
        this.#dialing++;
        this.#remove(item);
        request.permit();
      }
    } finally {
      this.#arm();
    }
  };

  /** Sees to it that `#serve` runs when it next has something to do, and not otherwise. */
  #arm(): void {
    if (this.#timerAt === Infinity && this.waiting === 0) return;
    const now = this.#clock.now();
    let at = this.#backing.first?.at ?? Infinity;
    if (!this.isHeld && this.#line.size > 0 && this.#dialing < this.#pendingDialsMax)
      at = Math.min(at, Math.max(this.#budget.nextAt(now), this.#line.nextAt(now)));
    if (at <= now) return this.#soon();
    if (at === this.#timerAt) return;
    this.#clock.clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#timerAt = at;
    if (at === Infinity) return;
    this.#timer = this.#clock.setTimeout(() => {
      this.#timer = undefined;
      this.#timerAt = Infinity;
      this.#serve();
    }, at - now);
  }

  #soon(): void {
    if (this.#isSoon) return;
    this.#isSoon = true;
    this.#clock.soon(() => {
      this.#isSoon = false;
      this.#serve();
    });
  }

  /** When the backoff of a request is over: by the policy, by what the peer said, and with room between failed dials. @rule DIAL-4 */
  #when(row: Attempt, { policy }: DialRequest, toldAt: number, waitMs: number, chance: number): number {
    const spacingMs = policy.kind === 'exponential' ? (policy.spacingMs ?? 0) : 0;
    if (!row.hasFailed || spacingMs === 0) return toldAt + waitMs; // The jitter comes on top of what the peer said.
    const gapMs = Math.max(waitMs, Math.floor(((1 + chance) / 2) * spacingMs));
    // The third dial comes a second behind the first and not behind the gap as well: an outage of less than a second is over by then.
    return Math.max(toldAt + gapMs, row.beforeLastAt + 2 * spacingMs + waitMs);
  }

  #payBack(row: Attempt): void {
    const now = this.#clock.now();
    if (row.owed === undefined) return;
    this.#budget.payBack(now);
    this.#line.answered(row.owed.target, true, now);
    row.owed = undefined;
  }

  #restart(row: Attempt, keepsTime: boolean, isAtOnce = false): void {
    row.attempt = row.denials;
    row.hasFailed = false;
    if (!keepsTime) row.notBefore = -Infinity;
    if (row.waiting.size > 0) row.attempt++;
    for (const asked of row.waiting) {
      if (!this.#backing.has(asked)) continue; // A request that is in the queue already has nothing to gain.
      const waitMs = isAtOnce ? 0 : backoffMs(asked.request.policy, row.attempt, this.#random(), row.livedMs);
      if (waitMs === 'give-up') continue;
      this.#backing.remove(asked);
      asked.at = Math.min(asked.at, (keepsTime ? Math.max(asked.toldAt, this.#clock.now()) : this.#clock.now()) + waitMs);
      this.#backing.add(asked);
    }
    this.#attempts.settle(row);
  }

  #giveUp(request: DialRequest, reason: GiveUpReason): DialTicket {
    let isWithdrawn = false;
    this.#clock.soon(() => {
      if (!isWithdrawn) request.giveUp(reason);
    });
    return { cancel: () => void (isWithdrawn = true), place: () => undefined, nextDelayMs: 0 };
  }

  /** The first of what `key` waits for. */
  #askedOf(key: string): Asked | undefined {
    const [first] = this.#attempts.get(key)?.waiting ?? [];
    return first;
  }

  #remove(asked: Asked): void {
    if (!asked.row.waiting.delete(asked)) return;
    const now = this.#clock.now();
    if (this.#backing.has(asked)) this.#backing.remove(asked);
    else this.#line.remove(asked.request.target, asked, now);
    this.#attempts.settle(asked.row);
  }
}
