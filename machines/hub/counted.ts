import type { Opener, Wire, WireCause, WireHandler } from '../ports.js';

/** Who keeps count of the wires, both directions: opened, or being opened. */
export interface Tally {
  wireBegan(wire: CountedWire): void;
  wireEnded(wire: CountedWire): void;
  /** Something that the hub's phases wait for may have come true. */
  changed(): void;
}

/** A wire on the tally. */
export interface CountedWire {
  /** Ends it, whatever its owner still waits for; nothing happens to one that is being opened. */
  destroy(): void;
}

/** `opener`, on the tally from the call until the wire's end. `settled` is told once it has opened or failed: a dial's slot is free then. */
export function counted(opener: Opener, tally: Tally, settled?: () => void): Opener {
  return (handler) => {
    const wire = new Counted(handler, tally, settled);
    tally.wireBegan(wire);
    return opener(wire);
  };
}

/** One object per wire, and no closures: ten thousand idle ones have it each. */
class Counted implements WireHandler, CountedWire {
  #settled: (() => void) | undefined;
  #wire: Wire | undefined;

  constructor(
    readonly handler: WireHandler,
    readonly tally: Tally,
    settled: (() => void) | undefined,
  ) {
    this.#settled = settled;
  }

  destroy(): void {
    this.#wire?.destroy();
  }

  onOpen(wire: Wire): void {
    this.#wire = wire;
    this.#settle();
    this.handler.onOpen(wire);
  }
  onBytes(bytes: Uint8Array): void {
    this.handler.onBytes(bytes);
  }
  onDrain(): void {
    this.handler.onDrain();
  }
  onProbeAnswer(): void {
    this.handler.onProbeAnswer();
  }
  onClose(cause: WireCause): void {
    this.tally.wireEnded(this);
    this.#settle();
    this.handler.onClose(cause);
    this.tally.changed();
  }

  /** Once: the late close of this wire must not free the slot of a newer dial. */
  #settle(): void {
    const settled = this.#settled;
    this.#settled = undefined;
    settled?.();
  }
}
