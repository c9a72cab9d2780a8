/** `send` says false once this much waits in the process; what the system buffers comes on top. Chosen by measurement (0 to 1 MiB). */
export const HIGH_WATER_BYTES = 256 * 1024;
/** A wire that lets more than this wait, in either direction, is reset (`ENOBUFS`). */
export const BUFFERED_BYTES_MAX = 64 << 20;

/**
 * The state that wires of sockets and of WebSockets share: pieces held under a cork, the result of `send`, the pending drain, and the
 * bound on what may wait. A base class and not an object of its own: an idle wire has none to carry.
 */
export abstract class CorkedWire {
  #corks = 0;
  #corked: Uint8Array[] | undefined;
  #corkedBytes = 0;
  #owesDrain = false;

  /** Bytes may be sent. */
  abstract get isOpen(): boolean;
  /** Bytes that the platform has taken and not yet written. */
  protected abstract get waitingBytes(): number;
  /** Gives one piece to the platform. */
  protected abstract transmit(piece: Uint8Array): void;
  /** Gives it what was held under a cork; one piece at least. */
  protected abstract transmitAll(pieces: readonly Uint8Array[], bytes: number): void;
  /** After a `send` that said false: `drained` is to be called once less than the high-water mark waits. */
  protected abstract awaitDrain(): void;
  /** More waits than may. */
  protected abstract overflow(): void;
  /** The writer may go on. */
  protected abstract tellDrained(): void;

  send(bytes: Uint8Array): boolean {
    if (!this.isOpen) return false;
    if (bytes.length === 0) return !this.#owesDrain;
    if (this.#corks > 0) {
      (this.#corked ??= []).push(bytes);
      this.#corkedBytes += bytes.length;
    } else {
      this.transmit(bytes);
    }
    const waiting = this.#corkedBytes + this.waitingBytes;
    if (waiting < HIGH_WATER_BYTES) return true;
    if (waiting > BUFFERED_BYTES_MAX) this.overflow();
    else if (!this.#owesDrain) {
      this.#owesDrain = true;
      if (this.#corks === 0) this.awaitDrain();
    }
    return false;
  }

  cork(): void {
    this.#corks++;
  }

  uncork(): void {
    if (this.#corks === 0 || --this.#corks > 0) return;
    const pieces = this.#corked;
    const bytes = this.#corkedBytes;
    this.dropCorked();
    if (pieces === undefined || !this.isOpen) return;
    this.transmitAll(pieces, bytes);
    if (this.#owesDrain) this.awaitDrain();
  }

  /** For the platform's events only. */
  drained(): void {
    if (!this.isOpen || !this.#owesDrain || this.#corks > 0) return;
    if (this.waitingBytes >= HIGH_WATER_BYTES) return this.awaitDrain();
    this.#owesDrain = false;
    this.tellDrained();
  }

  /** However often it is corked: what is held leaves before a farewell. */
  protected uncorkAll(): void {
    this.#corks = Math.min(this.#corks, 1);
    this.uncork();
  }

  protected dropCorked(): void {
    this.#corked = undefined;
    this.#corkedBytes = 0;
  }
}
