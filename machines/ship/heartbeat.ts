import { phaseTable, step, type PhaseOf } from '../phase-table.js';
import type { ShipTiming } from './ship.timing.js';

/** A deadline missed by more than this was missed by a process that did not run. Chosen without measurement. */
const LATE_MS = 1000;
/** One that is late every time is overloaded, and must not keep a dead wire for ever on that account. */
const THAWS_MAX = 3;
/** Timers come before what can be read; one turn later it has been read. */
const FINAL_READ_MS = 1;

/** `excuse`: the time was missed by a process that did not run, and the peer gets a little more. */
export const HEARTBEAT_PHASES = phaseTable('heartbeat', 'off', {
  off: { start: 'beating', stop: 'off' },
  beating: { start: 'beating', pong: 'beating', expire: 'final-read', excuse: 'beating', stop: 'off' },
  /** The time is up, and what has arrived meanwhile is being read. */
  'final-read': { start: 'beating', pong: 'beating', expire: 'off', excuse: 'beating', stop: 'off' },
});

/**
 * SHIP's own sign of life: a ping every 50 s whatever else is said, and the end when no pong came for 60 s. Other traffic
 * does not stand in for a pong: a peer that streams and never answers is cut, as ship-go does.
 * @rule SHIP-10
 */
export class Heartbeat {
  #phase: PhaseOf<typeof HEARTBEAT_PHASES> = HEARTBEAT_PHASES.initial;
  #pingAt = 0; // Means nothing while off, like the next one.
  #deadAt = 0;
  #isDue = false; // A ping is to be sent.
  #thaws = 0; // In a row, that have excused the same silence.

  constructor(readonly timing: Pick<ShipTiming, 'pingIntervalMs' | 'pongTimeoutMs' | 'wakePongTimeoutMs'>) {}

  start(now: number): void {
    this.#pingAt = now + this.timing.pingIntervalMs;
    this.#deadAt = now + this.timing.pongTimeoutMs;
    this.#step('start');
    this.#isDue = false;
    this.#thaws = 0;
  }

  stop(): void {
    this.#step('stop');
    this.#isDue = false;
  }

  pong(now: number): void {
    if (this.#phase === 'off') return;
    this.#step('pong');
    this.#deadAt = now + this.timing.pongTimeoutMs;
    this.#thaws = 0;
  }

  get #silentAt(): number {
    return this.#phase === 'final-read' ? this.#deadAt : this.#deadAt - FINAL_READ_MS;
  }

  /** The host slept: ask at once, and don't wait long. Asking often does not delay the result. */
  probeNow(now: number): void {
    if (this.#phase === 'off') return;
    this.#isDue = true;
    this.#pingAt = now + this.timing.pingIntervalMs;
    this.#deadAt = Math.min(this.#deadAt, now + this.timing.wakePongTimeoutMs);
  }

  nextTimeout(): number | undefined {
    return this.#phase === 'off' ? undefined : Math.min(this.#pingAt, this.#silentAt);
  }

  handleTimeout(now: number): 'quiet' | 'dead' {
    if (this.#phase === 'off') return 'quiet';
    if (now >= this.#silentAt) {
      // A process that was frozen has asked too late, or not at all: it asks once more, briefly.
      const isLate = now >= this.#pingAt || now - this.#deadAt > LATE_MS;
      if (isLate && this.#thaws < THAWS_MAX) {
        this.#thaws++;
        this.#deadAt = Infinity;
        this.#step('excuse');
        this.probeNow(now);
        return 'quiet';
      }
      this.#step('expire'); // After a short freeze the pong lies unread behind this timer.
      if (this.#phase !== 'final-read') {
        this.#isDue = false;
        return 'dead';
      }
      this.#deadAt = Math.max(this.#deadAt, now + FINAL_READ_MS);
    } else if (now >= this.#pingAt) {
      this.#isDue = true;
      this.#pingAt = now + this.timing.pingIntervalMs;
      this.#deadAt = Math.max(this.#deadAt, now + this.timing.wakePongTimeoutMs); // It may be a late one.
    }
    return 'quiet';
  }

  #step(event: 'start' | 'pong' | 'expire' | 'excuse' | 'stop'): void {
    this.#phase = step(HEARTBEAT_PHASES, this.#phase, event);
  }

  pollPing(): boolean {
    const isDue = this.#isDue;
    this.#isDue = false;
    return isDue;
  }
}
