import type { Inbound } from './ncp.inbound.js';
import type { NcpLimits } from './tuna.timing.js';

/**
 * When to send the peer how much was read. Acknowledgements carry it; without one it is sent alone, at once if
 * the peer may be waiting for it. It is not acknowledged, so it is repeated as long as the peer might have missed it.
 * @rule NCP-11
 */
export class ReadNews {
  #told = 0;
  #newsAt: number | undefined; // When the bytes read since must be reported,
  #isLate = false; // and that this time has come: there may be no link to tell it on.
  #repeatAt: number | undefined;
  #repeatMs: number;

  constructor(
    readonly limits: NcpLimits,
    readonly inbound: Inbound,
  ) {
    this.#repeatMs = limits.readRepeatMs;
  }

  /** Whether it must be sent now; otherwise notes by when it must be. */
  isDue(now: number): boolean {
    const read = this.inbound.bytesRead;
    const news = read - this.#told;
    if (news === 0) return false;
    const { windowBytes, mtu } = this.limits;
    const freeAsTold = windowBytes - (this.inbound.received - this.#told);
    if (news >= windowBytes >>> 2 || freeAsTold < Math.min(2 * mtu, windowBytes >>> 1)) return true;
    if (!this.#isLate) this.#newsAt ??= now + this.limits.readNewsMs;
    return this.#isLate;
  }

  /** The number to tell; it counts as told. */
  tell(now: number): number {
    const read = this.inbound.bytesRead;
    if (read > this.#told) this.#repeatMs = this.limits.readRepeatMs;
    this.#told = read;
    this.#newsAt = undefined;
    this.#isLate = false;
    // A peer that never filled half a window can't be waiting for room.
    if (read > 0 && this.inbound.received >= this.limits.windowBytes >>> 1) this.#repeatAt = now + this.#repeatMs;
    return read;
  }

  /** Whether it is time to say the same again. */
  handleTimeout(now: number): boolean {
    if (this.#newsAt !== undefined && now >= this.#newsAt) {
      this.#newsAt = undefined;
      this.#isLate = true;
    }
    if (this.#repeatAt === undefined || now < this.#repeatAt) return false;
    this.#repeatMs = Math.min(this.limits.readRepeatMaxMs, this.#repeatMs * 2);
    this.#repeatAt = now + this.#repeatMs;
    return true;
  }

  nextTimeout(): number {
    return Math.min(this.#newsAt ?? Infinity, this.#repeatAt ?? Infinity);
  }
}
