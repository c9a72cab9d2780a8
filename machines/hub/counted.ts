import type { Opener, Wire, WireCause, WireHandler } from '../ports.js';

/** Who keeps count of the wires, both directions: opened, or being opened. */
export interface Tally {
  wireBegan(): void;
  wireEnded(): void;
  /** Something that the hub's phases wait for may have come true. */
  changed(): void;
}

/** `opener`, on the tally from the call until the wire's end. `settled` is told once it has opened or failed: a dial's slot is free then. */
export function counted(opener: Opener, tally: Tally, settled?: () => void): Opener {
  return (handler) => {
    tally.wireBegan();
    return opener(new Counted(handler, tally, settled));
  };
}

/** One object per wire, and no closures: ten thousand idle ones have it each. */
class Counted implements WireHandler {
  #settled: (() => void) | undefined;

  constructor(
    readonly handler: WireHandler,
    readonly tally: Tally,
    settled: (() => void) | undefined,
  ) {
    this.#settled = settled;
  }

  onOpen(wire: Wire): void {
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
    this.tally.wireEnded();
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
