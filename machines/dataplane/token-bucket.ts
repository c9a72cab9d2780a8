/** A budget of tokens that fills by time and by being paid back, never above its burst. Pure: time comes in as a number. */
export class TokenBucket {
  readonly #burst: number;
  readonly #perSecond: number;
  #tokens: number;
  #filledAt: number;

  /** Begins full, with `burst` tokens. `perSecond` 0: only payments fill it. */
  constructor(burst: number, perSecond: number, now: number) {
    this.#burst = burst;
    this.#perSecond = perSecond;
    this.#tokens = burst;
    this.#filledAt = now;
  }

  /** Tokens at hand; the part of one that is still filling counts as that part. */
  level(now: number): number {
    this.#tokens = Math.min(this.#burst, this.#tokens + ((now - this.#filledAt) * this.#perSecond) / 1000);
    this.#filledAt = now;
    return this.#tokens;
  }

  /** False: there is none. */
  take(now: number): boolean {
    if (this.level(now) < 1) return false;
    this.#tokens--;
    return true;
  }

  payBack(now: number): void {
    this.#tokens = Math.min(this.#burst, this.level(now) + 1);
  }

  /** When there is a token to take, in whole milliseconds from `now`; `Infinity` where time brings none. */
  nextAt(now: number): number {
    const missing = 1 - this.level(now);
    return missing <= 0 ? now : now + Math.ceil((missing * 1000) / this.#perSecond);
  }
}
