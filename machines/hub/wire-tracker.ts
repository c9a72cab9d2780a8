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

/** Follows one dial. Each is called once at most, before the wire's owner knows. */
export interface DialWatcher {
  began(): void;
  opened(wire: Wire): void;
  closed(cause: WireCause): void;
}

/** `opener`, on the tally from the call until the wire's end. */
export function counted(opener: Opener, tally: Tally, watcher?: DialWatcher): Opener {
  return (handler) => {
    const wire = new Counted(handler, tally, watcher);
    watcher?.began();
    tally.wireBegan(wire);
    return opener(wire);
  };
}

/** One object per wire, and no closures: ten thousand idle ones have it each. */
class Counted implements WireHandler, CountedWire {
  #wire: Wire | undefined;

  constructor(
    readonly handler: WireHandler,
    readonly tally: Tally,
    readonly watcher: DialWatcher | undefined,
  ) {}

  destroy(): void {
    this.#wire?.destroy();
  }

  onOpen(wire: Wire): void {
    this.#wire = wire;
    this.watcher?.opened(wire);
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
    this.watcher?.closed(cause);
    this.handler.onClose(cause);
    this.tally.changed();
  }
}
