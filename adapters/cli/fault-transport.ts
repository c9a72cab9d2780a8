import type { Acceptor, Offer, Opener, Transport, Wire } from '../../machines/ports.js';

/** A transport that can cut all of its wires at once, as an unplugged cable does; unsent bytes are lost. */
export class FaultTransport implements Transport {
  readonly #wires = new Set<Wire>();

  constructor(readonly inner: Transport) {}

  get name(): string {
    return this.inner.name;
  }
  get schemes(): readonly string[] {
    return this.inner.schemes;
  }
  get boundaries(): Transport['boundaries'] {
    return this.inner.boundaries;
  }
  get secure(): boolean {
    return this.inner.secure;
  }
  dial(...args: Parameters<Transport['dial']>): Opener {
    return this.#watched(this.inner.dial(...args));
  }
  listen(address: string, acceptor: Acceptor): ReturnType<Transport['listen']> {
    return this.inner.listen(address, {
      onListening: (bound) => acceptor.onListening(bound),
      onFailed: (cause) => acceptor.onFailed(cause),
      onOffer: (offer: Offer) =>
        acceptor.onOffer({
          remoteAddress: offer.remoteAddress,
          identity: offer.identity,
          open: this.#watched(offer.open),
          refuse: (refusal) => offer.refuse(refusal),
        }),
    });
  }

  /** Tears every open wire. Returns how many ends there were. */
  cut(): number {
    const wires = [...this.#wires];
    for (const wire of wires) wire.destroy();
    return wires.length;
  }

  #watched(open: Opener): Opener {
    return (handler) => {
      let opened: Wire | undefined;
      return open({
        onOpen: (wire) => {
          this.#wires.add((opened = wire));
          handler.onOpen(wire);
        },
        onBytes: (bytes) => handler.onBytes(bytes),
        onDrain: () => handler.onDrain(),
        onProbeAnswer: () => handler.onProbeAnswer(),
        onClose: (cause) => {
          if (opened !== undefined) this.#wires.delete(opened);
          handler.onClose(cause);
        },
      });
    };
  }
}
