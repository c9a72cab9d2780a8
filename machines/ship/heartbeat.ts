import type { ShipTiming } from './ship.timing.js';

/** A deadline missed by more than this was missed by a process that did not run. Chosen without measurement. */
const LATE_MS = 1000;

/**
 * SHIP's own sign of life: a ping every 50 s whatever else is said, and the end when no pong came for 60 s. Other traffic
 * does not stand in for a pong: a peer that streams and never answers is cut, as ship-go does.
 * @rule SHIP-10
 */
export class Heartbeat {
  #pingAt: number | undefined;
  #deadAt = 0;
  #isDue = false; // A ping is to be sent.

  constructor(readonly timing: Pick<ShipTiming, 'pingIntervalMs' | 'pongTimeoutMs' | 'wakePongTimeoutMs'>) {}

  start(now: number): void {
    this.#pingAt = now + this.timing.pingIntervalMs;
    this.#deadAt = now + this.timing.pongTimeoutMs;
    this.#isDue = false;
  }

  stop(): void {
    this.#pingAt = undefined;
    this.#isDue = false;
  }

  pong(now: number): void {
    if (this.#pingAt !== undefined) this.#deadAt = now + this.timing.pongTimeoutMs;
  }

  /** The host slept: ask at once, and don't wait long. Asking often does not put off the verdict. */
  probeNow(now: number): void {
    if (this.#pingAt === undefined) return;
    this.#isDue = true;
    this.#pingAt = now + this.timing.pingIntervalMs;
    this.#deadAt = Math.min(this.#deadAt, now + this.timing.wakePongTimeoutMs);
  }

  nextTimeout(): number | undefined {
    return this.#pingAt === undefined ? undefined : Math.min(this.#pingAt, this.#deadAt);
  }

  handleTimeout(now: number): 'quiet' | 'dead' {
    if (this.#pingAt === undefined) return 'quiet';
    if (now >= this.#deadAt) {
      if (now - this.#deadAt <= LATE_MS) {
        this.stop();
        return 'dead';
      }
      this.#deadAt = Infinity; // This process was frozen; the pong may lie unread. Ask once more, briefly.
      this.probeNow(now);
    } else if (now >= this.#pingAt) {
      this.#isDue = true;
      this.#pingAt = now + this.timing.pingIntervalMs;
    }
    return 'quiet';
  }

  pollPing(): boolean {
    const isDue = this.#isDue;
    this.#isDue = false;
    return isDue;
  }
}
