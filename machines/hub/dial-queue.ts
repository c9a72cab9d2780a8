import { backoffMs, type RedialPolicy } from '../backoff.js';
import type { Clock, Random } from '../ports.js';

export interface DialQueueOptions {
  readonly clock: Clock;
  readonly random: Random;
  /** Dials under way at once. */
  readonly pendingDialsMax: number;
  /** The hub's budget of redials: so many at once, and so many more each second. Defaults 100 and 20. */
  readonly burst?: number;
  readonly perSecond?: number;
}

export interface DialRequest {
  readonly key: string;
  /** Higher goes first among those whose backoff is over. */
  readonly priority: number;
  readonly policy: RedialPolicy;
  /** How long the wire had lived whose loss began the row; absent where there was none. */
  readonly livedMs?: number;
  grant(): void;
  giveUp(): void;
}

interface Asked extends DialRequest {
  at: number; // When its backoff is over.
  readonly order: number;
}

/**
 * Who may dial, and when: backoff per key, slots for dials under way, and a token bucket over the whole hub, so that a dead
 * network costs a bounded number of dials. First come, first served within a priority. One timer.
 */
export class DialQueue {
  #asked: Asked[] = [];
  #attempts = new Map<string, number>(); // Dials in the row of a key.
  #dialing = new Set<string>();
  #tokens: number;
  #filledAt: number;
  #order = 0;
  #timer: unknown;
  #timerAt = Infinity;

  constructor(readonly options: DialQueueOptions) {
    this.#tokens = options.burst ?? 100;
    this.#filledAt = options.clock.now();
  }

  get tokens(): number {
    return this.#tokens;
  }

  ask(request: DialRequest): { cancel(): void } {
    const { clock, random } = this.options;
    const attempt = (this.#attempts.get(request.key) ?? 0) + 1;
    const wait = backoffMs(request.policy, attempt, random(), request.livedMs);
    if (wait === 'give-up') {
      let live = true;
      clock.soon(() => live && request.giveUp());
      return { cancel: () => (live = false) };
    }
    this.#attempts.set(request.key, attempt);
    const asked: Asked = { ...request, at: clock.now() + wait, order: this.#order++ };
    this.#asked.push(asked);
    this.#arm(asked.at);
    return { cancel: () => this.#remove(asked) };
  }

  attempt(key: string): number {
    return this.#attempts.get(key) ?? 0;
  }

  nextDelayMs(key: string): number | undefined {
    const asked = this.#asked.find((a) => a.key === key);
    return asked === undefined ? undefined : Math.max(0, asked.at - this.options.clock.now());
  }

  /** Place among those who wait, from 1. */
  place(key: string): number | undefined {
    const index = this.#asked.findIndex((a) => a.key === key);
    return index < 0 ? undefined : index + 1;
  }

  /** The dial opened or failed; its slot is free. */
  dialEnded(key: string): void {
    if (this.#dialing.delete(key) && this.#asked.length > 0) this.#arm(this.options.clock.now());
  }

  /** The handshake is complete: the row ends, and success pays into the budget. */
  completed(key: string): void {
    this.#attempts.delete(key);
    this.#tokens = Math.min(this.options.burst ?? 100, this.#tokens + 1);
  }

  forget(key: string): void {
    this.#attempts.delete(key);
    this.#dialing.delete(key);
  }

  cancelAll(): void {
    this.#asked.length = 0;
    this.options.clock.clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#timerAt = Infinity;
  }

  /** The host woke: whoever waits may go at once. */
  thaw(): void {
    const now = this.options.clock.now();
    for (const asked of this.#asked) asked.at = now;
    if (this.#asked.length > 0) this.#arm(now);
  }

  #remove(asked: Asked): void {
    const index = this.#asked.indexOf(asked);
    if (index >= 0) this.#asked.splice(index, 1);
    if (this.#asked.length === 0) this.cancelAll();
  }

  #arm(at: number): void {
    if (at >= this.#timerAt) return;
    const { clock } = this.options;
    clock.clearTimeout(this.#timer);
    this.#timerAt = at;
    this.#timer = clock.setTimeout(this.#serve, Math.max(0, at - clock.now()));
  }

  #serve = (): void => {
    this.#timer = undefined;
    this.#timerAt = Infinity;
    const now = this.options.clock.now();
    this.#fill(now);
    const ready = this.#asked
      .filter((a) => a.at <= now)
      .sort((a, b) => b.priority - a.priority || a.at - b.at || a.order - b.order);
    for (const asked of ready) {
      if (this.#dialing.size >= this.options.pendingDialsMax || this.#tokens < 1) break;
      if (!this.#asked.includes(asked)) continue; // Cancelled by one that was granted.
      this.#tokens--;
      this.#dialing.add(asked.key);
      this.#remove(asked);
      asked.grant();
    }
    let next = Infinity;
    for (const asked of this.#asked) next = Math.min(next, asked.at);
    if (next === Infinity) return;
    if (next > now) return this.#arm(next);
    // Slots come back by `dialEnded`; tokens by time.
    if (this.#tokens < 1) this.#arm(now + ((1 - this.#tokens) * 1000) / (this.options.perSecond ?? 20));
  };

  #fill(now: number): void {
    const { burst = 100, perSecond = 20 } = this.options;
    this.#tokens = Math.min(burst, this.#tokens + ((now - this.#filledAt) * perSecond) / 1000);
    this.#filledAt = now;
  }
}
