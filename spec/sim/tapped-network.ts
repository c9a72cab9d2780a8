import type { Offer, Transport, Wire, WireCause, WireHandler } from '../../machines/ports.js';
import { SimClock } from './clock.js';
import type { SimLink } from './link.js';
import { SimNetwork } from './network.js';
import { CALM, type SimNetworkOptions } from './network.options.js';
import { SeededRandom } from './random.js';

/** One end, which writes down what it hears. */
export class Tap implements WireHandler {
  wire!: Wire;
  readonly heard: string[] = [];
  readonly chunks: Uint8Array[] = [];
  abort: () => void = () => {};

  constructor(readonly world: TappedNetwork) {}

  onOpen(wire: Wire): void {
    this.wire = wire;
    this.#hear('open');
  }
  onBytes(bytes: Uint8Array): void {
    this.chunks.push(bytes.slice());
    if (!this.wire.lends) bytes.fill(0xdd); // What is given away may be written over.
    this.#hear(`bytes ${bytes.length}`);
  }
  onDrain(): void {
    this.#hear('drain');
  }
  onProbeAnswer(): void {
    this.#hear('probe');
  }
  onClose({ kind, ...rest }: WireCause): void {
    this.#hear(
      `close ${kind}${Object.values(rest)
        .map((each) => ` ${each}`)
        .join('')}`,
    );
  }
  #hear(what: string): void {
    if (this.heard.at(-1)?.startsWith('close')) throw new Error(`${what} after onClose`);
    this.heard.push(what);
    this.world.story.push(`${this.world.clock.now()} ${what}`);
  }
  get received(): Buffer {
    return Buffer.concat(this.chunks);
  }
  get end(): string {
    return this.heard.at(-1) ?? '';
  }
}

/** A cruel network of which every end is tapped: host `a` dials, and host `b` takes what it is offered unless it is told not to. */
export class TappedNetwork {
  readonly clock = new SimClock();
  readonly network: SimNetwork;
  readonly story: string[] = [];
  readonly offers: Offer[] = [];
  readonly accepted: Tap[] = [];
  readonly #dialer: Transport;
  takes = true;

  constructor(seed: number, options: SimNetworkOptions = CALM) {
    this.network = new SimNetwork(this.clock, new SeededRandom(seed), options);
    this.#dialer = this.network.transport('a');
    this.listen();
  }

  listen(host = 'b'): void {
    this.network.transport(host, { process: this.clock.process() }).listen(`sim://${host}:1`, {
      onListening: () => {},
      onFailed: ({ code }) => this.story.push(`${host} failed ${code}`),
      onOffer: (offer) => {
        this.offers.push(offer);
        if (this.takes) this.take(offer);
      },
    });
    this.clock.settle();
  }

  take(offer: Offer): Tap {
    const tap = new Tap(this);
    tap.abort = offer.open(tap);
    this.accepted.push(tap);
    return tap;
  }

  dial(address = 'sim://b:1', fingerprints?: string[]): Tap {
    const tap = new Tap(this);
    tap.abort = this.#dialer.dial(address, fingerprints && { fingerprints })(tap);
    return tap;
  }

  /** An open wire: the dialer's end, the acceptor's, and what lies between. */
  pair(): [near: Tap, far: Tap, link: SimLink] {
    const near = this.dial();
    this.clock.runUntil(() => near.heard.includes('open') && this.accepted.at(-1)?.end === 'open', { stepsMax: 20 });
    return [near, this.accepted.at(-1)!, [...this.network.links].at(-1)!];
  }

  rest(ms = 10_000): void {
    this.clock.advance(ms);
  }
}

/** Bytes that look random and are the same for the same seed. */
export const noise = (seed: number, length: number): Uint8Array => new SeededRandom(seed).bytes(length);
