import type { SimSettings } from './network.options.js';

/** Small pieces sent under a cork become one chunk, or one message, up to this size; as ordinary transports do it. */
const MERGED_BYTES_MAX = 16 * 1024;
const NOTHING: readonly Uint8Array[] = [];

/** What one end has given to the network: when it arrives, and what has gone nowhere. */
export class Outbound {
  /** Sent into a broken pipe. Its sender sees a buffer that fills and never drains. */
  sunkBytes = 0;
  /** `send` has said false, and `onDrain` is due once there is room. */
  owesDrain = false;
  #corks = 0;
  #corked: Uint8Array[] = [];
  #corkedBytes = 0;
  #sentAtMs = -1;
  #delayMs = 0;
  #freeAtMs = 0; // When what was given before has been taken up.
  #arrivalMs = 0;

  get isCorked(): boolean {
    return this.#corks > 0;
  }

  get heldBytes(): number {
    return this.#corkedBytes + this.sunkBytes;
  }

  cork(): void {
    this.#corks++;
  }

  hold(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    this.#corked.push(bytes);
    this.#corkedBytes += bytes.length;
  }

  /** What may leave now, as one piece where that is allowed. `all` ends every cork. */
  uncork(mayPack: boolean, all = false): readonly Uint8Array[] {
    if (this.#corks === 0) return NOTHING;
    this.#corks = all ? 0 : this.#corks - 1;
    if (this.#corks > 0 || this.#corkedBytes === 0) return NOTHING;
    const pieces = this.#corked;
    const total = this.#corkedBytes;
    this.#corked = [];
    this.#corkedBytes = 0;
    return mayPack && pieces.length > 1 && total <= MERGED_BYTES_MAX ? [merged(pieces, total)] : pieces;
  }

  /** When bytes sent now arrive. What is sent at one moment has one delay, and nothing overtakes. */
  arriveAt(nowMs: number, bytes: number, settings: SimSettings, drawDelayMs: () => number): number {
    if (nowMs !== this.#sentAtMs) {
      this.#sentAtMs = nowMs;
      this.#delayMs = drawDelayMs();
    }
    this.#freeAtMs = Math.max(nowMs, this.#freeAtMs) + bytes / settings.bytesPerMs;
    return (this.#arrivalMs = Math.max(this.#arrivalMs, this.#freeAtMs + this.#delayMs));
  }
}

function merged(pieces: readonly Uint8Array[], total: number): Uint8Array {
  const whole = new Uint8Array(total);
  let at = 0;
  for (const each of pieces) {
    whole.set(each, at);
    at += each.length;
  }
  return whole;
}
