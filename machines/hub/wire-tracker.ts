import type { Opener, Wire, WireCause, WireHandler } from '../ports.js';

/** A wire that the hub tracks. */
export interface TrackedWire {
  /** Ends it, whatever its owner still waits for; nothing happens to one that is being opened. */
  destroy(): void;
}

/** An accepted wire: its first handler finds out which session it is for, and hands it over to that. */
export interface AcceptedWire extends TrackedWire {
  /** The result gives the wire up as long as it has not opened. */
  open(opener: Opener): () => void;
  /** From here on all that happens to the wire goes to `handler`, and to nothing before it. */
  handOver(handler: WireHandler): void;
}

/** Follows one dial. Each is called once at most, before the wire's owner knows. */
export interface DialWatcher {
  began(): void;
  opened(wire: Wire): void;
  closed(cause: WireCause): void;
}

/** All wires of a hub, both directions: opened, or being opened. */
export class WireTracker {
  readonly #wires = new Set<TrackedWire>();

  /** @param onEnd called behind the end of each wire, when its owner may have opened another one */
  constructor(readonly onEnd: () => void) {}

  get size(): number {
    return this.#wires.size;
  }

  /** The same opener, whose wire is tracked from the call until its end. */
  track(opener: Opener, watcher?: DialWatcher): Opener {
    return (handler) => new TrackedWireHandler(handler, this, watcher).open(opener);
  }

  /** Tracks an accepted wire, from its opening until its end. */
  accept(handler: WireHandler): AcceptedWire {
    return new TrackedWireHandler(handler, this, undefined);
  }

  began(wire: TrackedWire): void {
    this.#wires.add(wire);
  }
  gone(wire: TrackedWire): void {
    this.#wires.delete(wire);
  }

  destroyAll(): void {
    for (const wire of [...this.#wires]) wire.destroy();
  }
}

/** One object per wire, and no closures: ten thousand idle ones have it each. */
class TrackedWireHandler implements WireHandler, AcceptedWire {
  #wire: Wire | undefined;

  constructor(
    public handler: WireHandler,
    readonly tracker: WireTracker,
    readonly watcher: DialWatcher | undefined,
  ) {}

  destroy(): void {
    this.#wire?.destroy();
  }

  open(opener: Opener): () => void {
    this.watcher?.began();
    this.tracker.began(this);
    return opener(this);
  }
  handOver(handler: WireHandler): void {
    this.handler = handler;
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
    this.tracker.gone(this);
    this.watcher?.closed(cause);
    this.handler.onClose(cause);
    this.tracker.onEnd();
  }
}
