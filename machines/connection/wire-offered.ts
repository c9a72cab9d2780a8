import type { Opener } from '../ports.js';

/** To a connection: the listener has a wire for it. The proof of whose it is stands in an accessor: inspectors see what can be listed. */
export class WireOffered {
  readonly type = 'offered';
  readonly #opening: unknown;

  constructor(
    readonly opener: Opener,
    opening: unknown,
    readonly isTrusted: boolean,
  ) {
    this.#opening = opening;
  }

  get opening(): unknown {
    return this.#opening;
  }
}
