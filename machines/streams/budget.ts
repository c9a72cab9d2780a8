import { assert } from '../errors.js';
import type { StreamsLimits } from './streams.messages.js';

/**
 * Shares the session's receive bound among its streams. A small part belongs to every stream there may ever be, so that a
 * newcomer is never without; of the rest a stream takes up to a quarter of what is free, so that a slow reader
 * keeps a share and never everything. `held`: granted to the peer, or arrived and not yet taken.
 * @rule STR-2
 */
export class Budget {
  #free: number; // Of what is shared.
  #grantedBytes = 0;

  constructor(readonly limits: StreamsLimits) {
    this.#free = limits.grantsBytesMax - limits.streamsMax * limits.windowBytesMin;
    assert(this.#free >= 0, 'the smallest windows of all streams fit into the bound');
  }

  /** The bytes that all streams hold together. */
  get heldBytes(): number {
    return this.#grantedBytes;
  }

  /** The credit to grant now to a stream that holds `heldBytes`; 0 while it is too little to be worth a frame. */
  grantFor(heldBytes: number): number {
    const { windowBytes, windowBytesMin } = this.limits;
    const share = Math.floor((this.#free + this.#shareOf(heldBytes)) / 4);
    const window = Math.min(windowBytes, windowBytesMin + share);
    const grant = window - heldBytes;
    return grant * 4 >= window ? grant : 0;
  }

  /** A stream holds something else than before. */
  move(fromBytes: number, toBytes: number): void {
    this.#free -= this.#shareOf(toBytes) - this.#shareOf(fromBytes);
    this.#grantedBytes += toBytes - fromBytes;
    assert(this.#free >= 0, 'nothing is granted twice');
  }

  #shareOf(heldBytes: number): number {
    return Math.max(0, heldBytes - this.limits.windowBytesMin);
  }
}
