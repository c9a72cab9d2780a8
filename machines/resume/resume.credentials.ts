import { isPacked, packed, unpacked } from '../dataplane/compact-bytes.js';
import type { Entropy } from '../ports.js';
import type { Hello, RefusalCode } from './resume.messages.js';

const TOKEN_BYTES = 32;

/**
 * Decides which dialer may come back to a session. The acceptor issues a new token with each rotation and takes the current and the next one
 * until the dialer has shown that it read the next: a cut inside the rotation must not lock the dialer out (RES-5).
 */
export class Credentials {
  #token: string; // Dialer: to come back with. Acceptor: accepted. Packed, like the next one.
  #epoch = 0;
  #next: string | undefined; // Acceptor only: issued, not yet known to have been read.

  constructor(
    readonly entropy: Entropy,
    birthToken: Uint8Array | undefined,
  ) {
    this.#token = packed(birthToken ?? entropy(TOKEN_BYTES));
  }

  get token(): Uint8Array {
    return unpacked(this.#token);
  }
  get epoch(): number {
    return this.#epoch;
  }

  /** Acceptor: may this hello have the session? Changes nothing. A birth secret is void with the first rotation. */
  authorize(hello: Hello): RefusalCode | undefined {
    const isCurrent = isPacked(this.#token, hello.token) && hello.epoch === this.#epoch;
    if (!hello.resume) return isCurrent && this.#epoch === 0 ? undefined : 'token-refused';
    if (hello.epoch > this.#epoch + 1) return 'unknown-session'; // The dialer has seen rotations that we have not: we are the older copy.
    const isNext = this.#next !== undefined && isPacked(this.#next, hello.token) && hello.epoch === this.#epoch + 1;
    return (isCurrent && this.#epoch > 0) || isNext ? undefined : 'token-refused';
  }

  /** Acceptor: this hello was accepted; the token and epoch of the welcome. Repeated until it is known to have been read. */
  issue(hello: Hello): { token: Uint8Array; epoch: number } {
    if (this.#next !== undefined && hello.epoch === this.#epoch + 1) this.confirm(hello.epoch);
    this.#next ??= packed(this.entropy(TOKEN_BYTES));
    return { token: unpacked(this.#next), epoch: this.#epoch + 1 };
  }

  /** Acceptor: the dialer has read the welcome of this epoch; the token before it is void. */
  confirm(epoch: number): boolean {
    if (this.#next === undefined || epoch !== this.#epoch + 1) return epoch === this.#epoch;
    this.#token = this.#next;
    this.#next = undefined;
    this.#epoch = epoch;
    return true;
  }

  /** Dialer: what to come back with. */
  adopt(token: Uint8Array, epoch: number): void {
    this.#token = packed(token);
    this.#epoch = epoch;
  }
}
