import { setImmediate as turn } from 'node:timers/promises';
import { resume, type ResumeOptions } from '../../adapters/resume/index.js';
import { StreamSession } from '../../adapters/streams/index.js';
import type { StreamsLimits } from '../../machines/streams/streams.messages.js';
import { Engine } from '../../machines/engine.js';
import type { Connection } from '../../machines/connection/connection-handle.js';
import { SimClock } from '../sim/clock.js';
import { SimNetwork } from '../sim/network.js';
import type { SimNetworkOptions } from '../sim/network.options.js';
import { SeededRandom } from '../sim/random.js';

export interface StreamWorldOptions {
  readonly network?: SimNetworkOptions;
  readonly session?: ResumeOptions;
  readonly limits?: Partial<StreamsLimits>;
}

/** Two engines in virtual time, one session between them and a stream session on each side. Streams themselves live in real turns. */
export class StreamWorld {
  readonly clock = new SimClock();
  readonly random: SeededRandom;
  readonly network: SimNetwork;
  near!: StreamSession;
  far!: StreamSession;
  readonly #engines: Engine[];

  private constructor(
    seed: number,
    readonly options: StreamWorldOptions,
  ) {
    this.random = new SeededRandom(seed);
    this.network = new SimNetwork(this.clock, this.random.split('network'), options.network);
    this.#engines = ['b', 'a'].map((name) => {
      const own = this.random.split(name);
      return new Engine(
        { clock: this.clock, random: own.next, entropy: own.bytes },
        {
          transports: [this.network.transport(name)],
          protocols: [
            resume({ redial: { kind: 'exponential', baseMs: 10, capMs: 200, immediateIfLivedMs: 0 }, ...options.session }),
          ],
          listen: name === 'b' ? ['sim://b:1'] : [],
        },
      );
    });
  }

  static async open(seed: number, options: StreamWorldOptions = {}): Promise<StreamWorld> {
    const world = new StreamWorld(seed, options);
    const [server, client] = world.#engines as [Engine, Engine];
    const of = (connection: Connection): StreamSession =>
      new StreamSession(connection, { now: () => world.clock.now(), ...(options.limits ? { limits: options.limits } : {}) });
    server.on((event) => {
      if (event.type === 'connected') world.far = of(event.connection as Connection);
    });
    void server.start();
    void client.start();
    world.clock.settle();
    world.near = of(await world.until(client.connect('sim://b:1')));
    await world.until(() => world.far !== undefined);
    return world;
  }

  /** Lives on until the promise settles, or the condition holds. Rejects where nothing is left to happen. */
  async until<T>(what: Promise<T> | (() => boolean), withinMs = 600_000): Promise<T> {
    const limitMs = this.clock.now() + withinMs;
    let settled: (() => T) | undefined;
    if (typeof what !== 'function')
      what.then(
        (value) => (settled = () => value),
        (error: Error) =>
          (settled = () => {
            throw error;
          }),
      );
    for (let idle = 0; ;) {
      await turn();
      if (settled !== undefined) return settled();
      if (typeof what === 'function' && what()) return undefined as T;
      idle = this.clock.step(limitMs) ? 0 : idle + 1;
      if (idle > 10) throw new Error(`nothing more happens at ${this.clock.now()} ms`);
    }
  }

  /** Ends both engines; nothing may be left. */
  async close(): Promise<void> {
    await this.until(Promise.all(this.#engines.map((engine) => engine.shutdown())));
    await this.until(() => this.clock.pending === 0, 1000);
  }
}
