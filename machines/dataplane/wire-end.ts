import type { Clock, Wire, WireCause } from '../ports.js';
import type { Farewell } from './plane.js';

/** How long a wire may take over its farewell before it is destroyed. Chosen without measurement. */
const FAREWELL_MS = 2_000;

/** The pump that a wire carries bytes for. */
export interface WireOwner {
  readonly clock: Clock;
  /** With which words its wires are closed. */
  readonly farewell: Farewell | undefined;
  receive(link: number, bytes: Uint8Array, lent: boolean): void;
  answered(link: number): void;
  flush(): void;
  lose(end: WireEnd): void;
}

/**
 * One wire of a pump, as its transport's handler: bytes go from here to the pump. Events from a replaced wire are ignored.
 */
export class WireEnd {
  writable = true;
  hasMore = false; // In a round in which wires take turns: it is to be asked again,
  isCorked = false; // and holds what it was given until the round is over.
  #owner: WireOwner | undefined;
  #wire: Wire | undefined;
  #isLive = false;
  #farewell: unknown; // The timer that bounds a polite end.

  constructor(readonly link: number) {}

  /** For a pump only: the wire is open, and carries its bytes from here on. */
  join(owner: WireOwner, wire: Wire): void {
    this.#owner = owner;
    this.#wire = wire;
    this.#isLive = true;
  }

  /** The wire that a pump has put here. */
  get wire(): Wire {
    return this.#wire!;
  }
  get hasWire(): boolean {
    return this.#wire !== undefined;
  }

  onBytes(bytes: Uint8Array): void {
    if (this.#isLive) this.#owner!.receive(this.link, bytes, this.#wire!.lends);
  }

  onDrain(): void {
    if (!this.#isLive) return;
    this.writable = true;
    this.#owner!.flush();
  }

  /** The wire's own sign of life was answered. */
  onProbeAnswer(): void {
    if (this.#isLive) this.#owner!.answered(this.link);
  }

  /** The wire is gone. */
  onClose(_cause: WireCause): void {
    if (this.#farewell !== undefined) this.#owner!.clock.clearTimeout(this.#farewell);
    this.#farewell = undefined;
    if (!this.#isLive) return;
    this.#isLive = false;
    this.#owner!.lose(this);
  }

  /** The chart that opened the wire has no use for it any more: destroyed, unless it is saying farewell. */
  release(): void {
    if (!this.#isLive) return;
    this.#isLive = false;
    this.#wire!.destroy();
    this.#owner!.lose(this);
  }

  /** For a pump only: it moves nothing over this wire any more. */
  retire(how: 'polite' | 'hard' = 'hard'): void {
    if (!this.#isLive) return;
    this.#isLive = false;
    const wire = this.#wire!;
    if (how === 'hard') return wire.destroy();
    const { farewell, clock } = this.#owner!;
    wire.close(farewell?.code, farewell?.reason);
    this.#farewell = clock.setTimeout(() => wire.destroy(), FAREWELL_MS);
  }
}
