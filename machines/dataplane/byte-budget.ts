import { SessionError } from '../errors.js';

/** Default bound of the bytes that all connections of an engine hold for their peers: 1 GiB. Chosen without measurement. */
export const BYTES_QUEUED_MAX = 2 ** 30;

/** A bound on bytes that many share. At the bound the next request is refused; bytes that were taken are never revoked. */
export class ByteBudget {
  readonly bytesMax: number;
  #bytes = 0;

  constructor(bytesMax: number = BYTES_QUEUED_MAX) {
    this.bytesMax = bytesMax;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Whether a taker of this many bytes may go ahead. */
  fits(bytes: number): boolean {
    return this.#bytes + bytes <= this.bytesMax;
  }

  /** The error of a taker that does not fit. */
  refusal(): SessionError {
    return new SessionError('queue-full', `all connections together hold ${this.#bytes} bytes for their peers already`);
  }

  /** Adds to the bytes held; a negative number releases bytes. */
  adjust(bytes: number): void {
    this.#bytes += bytes;
  }
}
