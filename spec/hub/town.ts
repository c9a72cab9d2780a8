import { resume, type ResumeOptions } from '../../adapters/resume/index.js';
import { ConnectError, Engine, type EngineOptions } from '../../machines/engine.js';
import type { Connection } from '../../machines/connection/connection-handle.js';
import type { Closing } from '../../machines/closing.js';
import type { Acceptor, WireHandler } from '../../machines/ports.js';
import { SimClock } from '../sim/clock.js';
import { SimNetwork, type SimHostOptions } from '../sim/network.js';
import { CALM, type SimNetworkOptions } from '../sim/network.options.js';
import { SeededRandom } from '../sim/random.js';

const MUTE: WireHandler = {
  onOpen: () => undefined,
  onBytes: () => undefined,
  onDrain: () => undefined,
  onProbeAnswer: () => undefined,
  onClose: () => undefined,
};

export interface TownOptions extends Partial<EngineOptions>, ResumeOptions {
  readonly host?: SimHostOptions;
}

/** Engines on one simulated network, in virtual time, and what becomes of their dials. */
export class Town {
  readonly clock = new SimClock();
  readonly random: SeededRandom;
  readonly network: SimNetwork;
  /** Every dial that left: when, and to where (`host:port`). */
  readonly dials: { readonly at: number; readonly to: string }[] = [];

  constructor(
    readonly seed: number,
    options: SimNetworkOptions = {},
  ) {
    this.random = new SeededRandom(seed);
    this.network = new SimNetwork(this.clock, this.random.split('network'), { ...CALM, ...options });
    this.network.onLink = (link) => this.dials.push({ at: this.clock.now(), to: `${link.far.host.name}:${link.port}` });
  }

  engine(name: string, { host, protocols, listen, limits, resolver, ...own }: TownOptions = {}): Engine {
    const random = this.random.split(`${name} ${this.clock.now()}`);
    const process = this.clock.process();
    const engine = new Engine(
      { clock: process, random: random.next, entropy: random.bytes },
      {
        transports: [this.network.transport(name, { process, ...host })],
        protocols: protocols ?? [resume(own)],
        ...(listen === undefined ? {} : { listen }),
        ...(limits === undefined ? {} : { limits }),
        ...(resolver === undefined ? {} : { resolver }),
      },
    );
    void engine.start();
    this.clock.settle();
    return engine;
  }

  /** A server at `sim://name:1` that takes whoever comes. */
  server(name: string, options: TownOptions = {}): Engine {
    return this.engine(name, { listen: [`sim://${name}:1`], limits: { incomingMax: 1e6, openingsMax: 1e6 }, ...options });
  }

  /** Accepts at this address and never says a word. */
  mute(name: string): void {
    const acceptor: Acceptor = {
      onListening: () => undefined,
      onOffer: (offer) => void offer.open(MUTE),
      onFailed: () => undefined,
    };
    this.network.transport(name).listen(`sim://${name}:1`, acceptor);
    this.clock.settle();
  }

  /** What a `connect` came to, once the clock went on. */
  connect(engine: Engine, target: string | readonly string[], options: Parameters<Engine['connect']>[1] = {}): Outcome {
    const outcome: Outcome = { connection: undefined, closing: undefined, error: undefined, at: undefined };
    engine.connect(target, options).then(
      (connection) => Object.assign(outcome, { connection, at: this.clock.now() }),
      (error: unknown) =>
        Object.assign(outcome, {
          error,
          at: this.clock.now(),
          ...(error instanceof ConnectError ? { closing: error.closing } : {}),
        }),
    );
    return outcome;
  }

  /** Lets virtual time pass, with the promises that belong to it. */
  async pass(ms: number, stepMs = 50): Promise<void> {
    for (const end = this.clock.now() + ms; this.clock.now() < end;) {
      this.clock.advance(Math.min(stepMs, end - this.clock.now()));
      await Promise.resolve();
      await Promise.resolve();
    }
  }

  /** The most dials in any second. */
  get peak(): number {
    let [peak, first] = [0, 0];
    for (const [i, { at }] of this.dials.entries()) {
      while (at - this.dials[first]!.at >= 1000) first++;
      peak = Math.max(peak, i - first + 1);
    }
    return peak;
  }
}

export interface Outcome {
  connection: Connection | undefined;
  closing: Closing | undefined;
  error: unknown;
  at: number | undefined;
}
