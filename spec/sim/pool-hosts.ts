import { pool, type PoolOptions } from '../../adapters/pool/index.js';
import { Engine, type EngineLimits } from '../../machines/engine.js';
import type { Connection } from '../../machines/connection/connection-handle.js';
import type { Resolver } from '../../machines/ports.js';
import type { Protocol } from '../../machines/protocol.js';
import { SimClock } from './clock.js';
import { live } from './living.js';
import { SimNetwork } from './network.js';
import { CALM, type SimNetworkOptions } from './network.options.js';
import { SeededRandom } from './random.js';

/** 64 hex digits that all read the same: ids compare like their digits. */
export const idOf = (digit: string): string => digit.repeat(64);

export interface PoolHostOptions {
  readonly options?: Partial<PoolOptions>;
  readonly limits?: EngineLimits;
  /** Spoken beside pool. */
  readonly protocols?: readonly Protocol<unknown>[];
  readonly addresses?: readonly string[];
  /** False: it can't look anybody up. */
  readonly canResolve?: boolean;
}

/** One engine of the world, with what has become of it. */
export interface PoolHost {
  readonly id: string;
  readonly engine: Engine;
  /** What happened, one word or two each. */
  readonly story: string[];
  /** Connections that completed, in order. */
  readonly connections: Connection[];
  /** Those that have not ended. */
  readonly live: Set<Connection>;
}

/** Engines that speak pool on one network, on virtual time. Promises of the engines settle when the test awaits `calm`. */
export class PoolHosts {
  readonly clock = new SimClock();
  readonly random: SeededRandom;
  readonly network: SimNetwork;
  readonly #book = new Map<string, readonly string[]>();

  constructor(seed = 1, network: SimNetworkOptions = CALM) {
    this.random = new SeededRandom(seed);
    this.network = new SimNetwork(this.clock, this.random.split('network'), network);
  }

  /** An engine at `sim://<digit>:1`, by the id that consists of that digit. */
  host(
    digit: string,
    { options = {}, limits = {}, protocols = [], addresses, canResolve = true }: PoolHostOptions = {},
  ): PoolHost {
    const id = idOf(digit);
    const own = addresses ?? [`sim://${digit}:1`];
    this.#book.set(id, own);
    const random = this.random.split(digit);
    const clock = this.clock.process();
    const resolver: Resolver = {
      resolve: (peer, answer) => {
        answer(this.#book.get(peer) ?? []);
        return () => {};
      },
    };
    const transport = this.network.transport(digit, { process: clock, identity: { fingerprint: id } });
    const engine = new Engine(
      { clock, random: random.next, entropy: random.bytes },
      {
        transports: [transport],
        protocols: [pool({ identity: 'stated', id, ...options }), ...protocols],
        listen: own,
        limits,
        ...(canResolve ? { resolver } : {}),
      },
    );
    const made: PoolHost = { id, engine, story: [], connections: [], live: new Set() };
    engine.on((event) => {
      if (event.type === 'connected') {
        made.connections.push(event.connection as Connection);
        made.live.add(event.connection as Connection);
        made.story.push(`connected as ${event.connection.role}`);
      } else if (event.type === 'disconnected') made.live.delete(event.connection as Connection);
      else if (event.type === 'closing') made.story.push(`closing ${event.closing.code} ${event.closing.side}`);
      else if (event.type === 'refused') made.story.push(`refused ${event.code}`);
      else if (event.type === 'closeStarted') made.story.push('closeStarted');
    });
    void engine.start();
    this.clock.settle();
    return made;
  }

  /** Lives through so many milliseconds, and hears what promises say. */
  live(ms: number): Promise<void> {
    return live(this.clock, ms);
  }

  /** Shuts all down and says what is left: nothing, it should be. */
  async end(...hosts: PoolHost[]): Promise<Record<string, number>> {
    for (const { engine } of hosts) void engine.shutdown();
    await this.live(20_000);
    const { pending } = this.clock;
    const sum = (of: (host: PoolHost) => number): number => hosts.reduce((n, host) => n + of(host), 0);
    return {
      timers: pending,
      links: this.network.links.size,
      connections: sum(({ engine }) => engine.metrics().connections),
      wires: sum(({ engine }) => engine.metrics().wires),
    };
  }
}

/** What became of a promise, readable at any time. */
export function watched<T>(promise: Promise<T>): { value?: T; error?: Error & { closing?: { code: string }; code?: string } } {
  const seen: { value?: T; error?: Error } = {};
  promise.then(
    (value) => (seen.value = value),
    (error: Error) => (seen.error = error),
  );
  return seen;
}

export const NOTHING = { timers: 0, links: 0, connections: 0, wires: 0 };
