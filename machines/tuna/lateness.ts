/** Timers of a process at rest are late by a few milliseconds; that is nothing to reckon with. Chosen without measurement. */
const PUNCTUAL_MS = 15;
/** The most that is added. An original waits three times that, on top of the rest, before it gives a socket up. */
const ALLOWANCE_MAX_MS = 120;
/** After so long without a late timer nothing is added any more. */
const REMEMBERED_MS = 10_000;

/**
 * How late this process is with what it has to do. A machine that is busy lets processes wait, ours and the peer's, for longer and
 * longer; an original that has measured short round trips until then takes one long wait for the end of a socket. So where timers
 * are late, round trips are made longer, before a wait comes that is too long. Pure.
 * @rule NCP-15
 */
export class Lateness {
  #allowanceMs = 0;
  #at = -Infinity;

  /** A timer that was due at `dueAt` has its turn. */
  note(dueAt: number, now: number): void {
    const lateMs = now - dueAt;
    if (lateMs < PUNCTUAL_MS) return;
    this.#allowanceMs = Math.min(ALLOWANCE_MAX_MS, Math.max(2 * lateMs, this.allowanceMs(now)));
    this.#at = now;
  }

  /** The time to add to a wait for an acknowledgement: most after a late timer, then less and less. */
  allowanceMs(now: number): number {
    return this.#allowanceMs * Math.max(0, 1 - (now - this.#at) / REMEMBERED_MS);
  }
}
