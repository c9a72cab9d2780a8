import { backoffMs, type RedialPolicy } from '../backoff.js';
import type { Clock, Random } from '../ports.js';
import { Attempts, type Row } from './attempts.js';
import { Ranking, type Ranked } from './ranking.js';
import { TokenBucket } from './token-bucket.js';

/**
 * Who may dial, and when. Three things must agree: the backoff of the key is over, a slot for dials under way is free, and
 * the hub's token bucket has a token left, which bounds what a dead network costs however many sessions wait for it.
 * Those whose backoff is over stand in line, by priority, then first come first served. One timer for all of it.
 *
 * Callbacks never come from inside a call: they come at the end of the turn, or from the timer.
 */

export interface DialQueueOptions {
  readonly clock: Clock;
  readonly random: Random;
  /** Dials under way at once. */
  readonly pendingDialsMax: number;
  /** The hub's budget: so many dials at once, and so many more each second. Defaults 100 and 20. */
  readonly burst?: number;
  readonly perSecond?: number;
  /** Keys remembered at once: those that wait or dial, and those whose row of failures isn't over. Default 131 072. */
  readonly keysMax?: number;
}

/** The policy allows no further retry; or as many keys wait as the queue can hold. */
export type GiveUpReason = 'retries' | 'full';

export interface DialRequest {
  /** Whose row of attempts this is; each link of a session with several has a key of its own. */
  readonly key: string;
  /** Higher goes first. A lower one waits as long as the hub has something better to do. */
  readonly priority: number;
  readonly policy: RedialPolicy;
  /** How long the wire had lived whose loss began the row; absent where there was none. Only the first of a row is asked. */
  readonly livedMs?: number | undefined;
  /** Dial now; `dialEnded` frees the slot. */
  grant(): void;
  giveUp(reason: GiveUpReason): void;
}

export interface DialTicket {
  /** Withdraws the request: neither callback comes any more. Without effect on a dial that was granted. */
  cancel(): void;
  /** Place among all that wait to dial, from 1; `undefined` once answered or withdrawn. */
  place(): number | undefined;
  /** Milliseconds until the backoff is over; 0 in line and ever after. */
  readonly nextDelayMs: number;
}

interface Asked extends Ranked {
  readonly row: Row<Asked>;
  readonly request: DialRequest;
  readonly order: number;
  at: number; // When the backoff is over.
}

export class DialQueue {
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #pendingDialsMax: number;
  readonly #attempts: Attempts<Asked>;
  readonly #budget: TokenBucket;
  readonly #backing = new Ranking<Asked>(isEarlier);
  readonly #line = new Ranking<Asked>(
    (a, b) => a.request.priority > b.request.priority || (a.request.priority === b.request.priority && isEarlier(a, b)),
  );
  #dialing = 0;
  #order = 0;
  #timer: unknown;
  #timerAt = Infinity;
  #isSoon = false;

  constructor({ clock, random, pendingDialsMax, burst = 100, perSecond = 20, keysMax = 131_072 }: DialQueueOptions) {
    this.#clock = clock;
    this.#random = random;
    this.#pendingDialsMax = pendingDialsMax;
    this.#attempts = new Attempts(keysMax);
    this.#budget = new TokenBucket(burst, perSecond, clock.now());
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
    if (row.attempt === row.denials) row.livedMs = request.livedMs;
    const waitMs = backoffMs(request.policy, row.attempt + 1, this.#random(), row.livedMs);
    if (waitMs === 'give-up') {
      this.#attempts.settle(row);
      return this.#giveUp(request, 'retries');
    }
    row.attempt++;
    const asked: Asked = { row, request, order: this.#order++, at: this.#clock.now() + waitMs, rank: -1 };
    row.waiting.add(asked);
    this.#attempts.settle(row);
    this.#backing.add(asked);
    this.#arm();
    return this.#ticket(asked);
  }

  /** The number of the dial that `key` waits for or has under way, from 1; 0 when nothing has failed. */
  attempt(key: string): number {
    return this.#attempts.get(key)?.attempt ?? 0;
  }

  /** Milliseconds until the backoff of `key` is over, 0 in line; `undefined` when it waits for nothing. */
  nextDelayMs(key: string): number | undefined {
    const asked = this.#askedOf(key);
    return asked === undefined ? undefined : this.#delayOf(asked);
  }

  /** Place of `key` among all that wait to dial, from 1. */
  place(key: string): number | undefined {
    const asked = this.#askedOf(key);
    return asked === undefined ? undefined : this.#placeOf(asked);
  }

  /** A dial of `key` opened or failed; its slot is free. */
  dialEnded(key: string): void {
    const row = this.#attempts.get(key);
    if (row === undefined || row.dialing === 0) return;
    row.dialing--;
    this.#dialing--;
    this.#attempts.settle(row);
    this.#arm();
  }

  /** The handshake is complete: the row is over, and the dial that led here costs the budget nothing. */
  completed(key: string): void {
    const row = this.#attempts.get(key);
    if (row === undefined) return;
    if (row.owesToken) this.#budget.payBack(this.#clock.now());
    row.owesToken = false;
    row.attempt = row.denials = 0;
    this.#attempts.settle(row);
    this.#arm();
  }

  /** The peer denied trust. Re-registration doesn't wipe this out: the next row begins where this one stood. */
  denied(key: string): void {
    const row = this.#attempts.open(key);
    if (row === undefined) return;
    row.denials++;
    row.attempt = Math.max(row.attempt, row.denials);
    this.#attempts.settle(row);
  }

  /** The peer was registered again: its row begins anew, and who waits may go sooner. */
  reset(key: string): void {
    const row = this.#attempts.get(key);
    if (row !== undefined) this.#restart(row);
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

  /** The host woke: what failed in its sleep says nothing. All rows begin anew. Costs what it must: all that wait. */
  thaw(): void {
    for (const row of [...this.#attempts.values()]) this.#restart(row);
    this.#arm();
  }

  /** Nobody will dial for `key` again: its requests are withdrawn without a word, and its slots are free. */
  forget(key: string): void {
    const row = this.#attempts.get(key);
    if (row === undefined) return;
    for (const asked of [...row.waiting]) this.#remove(asked);
    this.#dialing -= row.dialing;
    row.dialing = 0;
    row.attempt = row.denials;
    this.#attempts.settle(row);
    this.#arm();
  }

  /** Withdraws every request without a word. What is under way goes on. */
  cancelAll(): void {
    for (const asked of [...this.#backing.clear(), ...this.#line.clear()]) this.#remove(asked);
    this.#arm();
  }

  readonly #serve = (): void => {
    const now = this.#clock.now();
    for (let due = this.#backing.first; due !== undefined && due.at <= now; due = this.#backing.first) {
      this.#backing.remove(due);
      this.#line.add(due);
    }
    try {
      for (let next = this.#line.first; next !== undefined; next = this.#line.first) {
        if (this.#dialing >= this.#pendingDialsMax || !this.#budget.take(now)) break;
        const { row, request } = next;
        row.dialing++;
        row.owesToken = true;
        this.#dialing++;
        this.#remove(next);
        request.grant();
      }
    } finally {
      this.#arm();
    }
  };

  /** Sees to it that `#serve` runs when it next has something to do, and not otherwise. */
  #arm(): void {
    const now = this.#clock.now();
    let at = this.#backing.first?.at ?? Infinity;
    if (this.#line.size > 0 && this.#dialing < this.#pendingDialsMax) at = Math.min(at, this.#budget.nextAt(now));
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

  #restart(row: Row<Asked>): void {
    row.attempt = row.denials;
    if (row.waiting.size > 0) row.attempt++;
    for (const asked of row.waiting) {
      if (!this.#backing.has(asked)) continue; // Who stands in line has nothing to gain.
      const waitMs = backoffMs(asked.request.policy, row.attempt, this.#random(), row.livedMs);
      if (waitMs === 'give-up') continue;
      this.#backing.remove(asked);
      asked.at = Math.min(asked.at, this.#clock.now() + waitMs);
      this.#backing.add(asked);
    }
    this.#attempts.settle(row);
  }

  #ticket(asked: Asked): DialTicket {
    const delay = (): number => this.#delayOf(asked);
    return {
      cancel: () => {
        this.#remove(asked);
        this.#arm();
      },
      place: () => (asked.row.waiting.has(asked) ? this.#placeOf(asked) : undefined),
      get nextDelayMs() {
        return delay();
      },
    };
  }

  #giveUp(request: DialRequest, reason: GiveUpReason): DialTicket {
    let isWithdrawn = false;
    this.#clock.soon(() => {
      if (!isWithdrawn) request.giveUp(reason);
    });
    return { cancel: () => void (isWithdrawn = true), place: () => undefined, nextDelayMs: 0 };
  }

  #delayOf(asked: Asked): number {
    return this.#backing.has(asked) ? Math.max(0, asked.at - this.#clock.now()) : 0;
  }

  #placeOf(asked: Asked): number {
    if (this.#line.has(asked)) return this.#line.countBefore(asked) + 1;
    return this.#line.size + this.#backing.countBefore(asked) + 1;
  }

  /** The first of what `key` waits for. */
  #askedOf(key: string): Asked | undefined {
    const [first] = this.#attempts.get(key)?.waiting ?? [];
    return first;
  }

  #remove(asked: Asked): void {
    if (!asked.row.waiting.delete(asked)) return;
    this.#backing.remove(asked);
    this.#line.remove(asked);
    this.#attempts.settle(asked.row);
  }
}

function isEarlier(a: Asked, b: Asked): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order);
}
