import type { DialOptions, Opener, Transport, Wire, WireHandler } from '../../machines/ports.js';

/** A transport that remembers its wires, so that a test can kill one of them and know when another has taken its place. */
export class Watched implements Transport {
  readonly name: string;
  readonly schemes: readonly string[];
  readonly boundaries: 'stream' | 'message';
  readonly secure: boolean;
  /** Wires on which the peer has said something, ever. */
  spoken = 0;
  /** From the loss of a wire that was spoken on to the next one that is open, in order of loss. */
  readonly rejoinsMs: number[] = [];
  onSpoken: (() => void) | undefined;
  /** After everybody else has heard of the end of a wire, or of a dial. */
  onClosed: (() => void) | undefined;
  /** Whether the so manieth write on a wire, from 0, is lost. Default: none is. */
  loses: (write: number) => boolean = () => false;
  #live: Wire[] = [];
  #lostAt: number[] = [];

  constructor(readonly inner: Transport) {
    this.name = inner.name;
    this.schemes = inner.schemes;
    this.boundaries = inner.boundaries;
    this.secure = inner.secure;
  }

  dial(address: string, options?: DialOptions): Opener {
    return this.#watch(this.inner.dial(address, options));
  }

  listen(...[address, acceptor]: Parameters<Transport['listen']>): ReturnType<Transport['listen']> {
    return this.inner.listen(address, {
      ...acceptor,
      onListening: (at) => acceptor.onListening(at),
      onFailed: (...said) => acceptor.onFailed(...said),
      onOffer: (offer) => acceptor.onOffer({ ...offer, open: this.#watch(offer.open) }),
    });
  }

  /** Ends the wire that has lived longest; false: there is none. */
  kill(): boolean {
    const wire = this.#live[0];
    wire?.destroy();
    return wire !== undefined;
  }

  killAll(): number {
    const wires = [...this.#live];
    for (const wire of wires) wire.destroy();
    return wires.length;
  }

  /** So many wires have been spoken on, those that were lost included. */
  async spokenOn(count: number): Promise<void> {
    while (this.spoken < count) await new Promise<void>((resolve) => (this.onSpoken = resolve));
  }

  #watch(open: Opener): Opener {
    return (handler) => {
      let own: Wire | undefined;
      let hasSpoken = false;
      const watching: WireHandler = {
        onOpen: (wire) => {
          own = wire;
          this.#live.push(wire);
          const lostAt = this.#lostAt.shift();
          if (lostAt !== undefined) this.rejoinsMs.push(performance.now() - lostAt);
          const send = wire.send.bind(wire);
          let writes = 0;
          wire.send = (bytes) => (this.loses(writes++) ? true : send(bytes));
          handler.onOpen(wire);
        },
        onBytes: (bytes) => {
          if (!hasSpoken) {
            hasSpoken = true;
            this.spoken++;
            this.onSpoken?.();
          }
          handler.onBytes(bytes);
        },
        onDrain: () => handler.onDrain(),
        onProbeAnswer: () => handler.onProbeAnswer(),
        onClose: (cause) => {
          if (own !== undefined) this.#live = this.#live.filter((wire) => wire !== own);
          if (hasSpoken) this.#lostAt.push(performance.now());
          handler.onClose(cause);
          this.onClosed?.();
        },
      };
      return open(watching);
    };
  }
}
