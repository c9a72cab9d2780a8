import { tuna, type TunaOptions } from '../../adapters/tuna/index.js';
import { Engine } from '../../machines/engine.js';
import type { Connection } from '../../machines/handle.js';
import type { Closing } from '../../machines/closing.js';
import { SimClock } from '../sim/clock.js';
import { FaultPlan } from '../sim/fault-plan.js';
import { SimNetwork } from '../sim/network.js';
import { SeededRandom } from '../sim/random.js';
import { byteAt, fill } from './ncp-channel.js';

/** Two engines on a simulated network, one session over several links. */
class World {
  readonly clock = new SimClock();
  readonly random: SeededRandom;
  readonly network: SimNetwork;
  readonly a: Engine;
  b: Engine;
  near: Connection | undefined;
  far: Connection | undefined;
  readonly events: string[] = [];
  readonly heard = { a: 0, b: 0 };
  wrong = 0;

  constructor(
    seed: number,
    readonly options: TunaOptions = {},
  ) {
    this.random = new SeededRandom(seed);
    this.network = new SimNetwork(this.clock, this.random.split('network'), { boundaries: 'stream' });
    this.b = this.engine('b', ['sim://b:1', 'sim://b:2', 'sim://b:3', 'sim://b:4']);
    this.a = this.engine('a', []);
  }

  engine(name: 'a' | 'b', listen: string[]): Engine {
    const own = this.random.split(name);
    const clock = this.clock.process(); // Each host has a clock of its own, to be frozen and put to sleep alone.
    const engine = new Engine(
      { clock, random: own.next, entropy: own.bytes },
      {
        transports: [this.network.transport(name, { process: clock })],
        protocols: [tuna({ idleMs: 1000, probeTimeoutMs: 1000, ...this.options })],
        listen,
      },
    );
    engine.on((event) => {
      if (event.type === 'closing') this.events.push(`${name} ${event.closing.code}`);
      if (event.type === 'lost' || event.type === 'resumed') this.events.push(`${name} ${event.type}`);
      if (event.type !== 'connected') return;
      const connection = event.connection as Connection;
      if (name === 'a') this.near = connection;
      else this.far = connection;
      connection.onMessage = (bytes) => {
        for (const byte of bytes) if (byte !== byteAt(this.heard[name]++)) this.wrong++;
      };
    });
    void engine.start();
    return engine;
  }

  connect(targets: string | string[] = ['sim://b:1', 'sim://b:2', 'sim://b:3', 'sim://b:4']): void {
    this.clock.settle();
    this.a.connect(targets).catch((error: Error) => this.events.push(error.message));
    this.clock.runUntil(() => this.near !== undefined && this.far !== undefined, { withinMs: 20_000 });
  }

  links(): (number | undefined)[] {
    return [this.near?.stats()['links'], this.far?.stats()['links']];
  }

  /** Nothing may be left. */
  end(): void {
    void this.a.shutdown();
    void this.b.shutdown();
    this.clock.advance(15_000);
    expect({ pending: this.clock.pending, wrong: this.wrong }).toEqual({ pending: 0, wrong: 0 });
  }
}

test('[TUNA-5] links are dialed each at its own address, and lost ones again', () => {
  const w = new World(1);
  w.connect();
  w.clock.advance(1000);
  expect(w.links()).toEqual([4, 4]);
  w.end();
});

test('[TUNA-5] a dead address at any index is no obstacle, and its link joins when it is there', () => {
  for (let dead = 0; dead < 4; dead++) {
    const w = new World(2 + dead);
    const targets = [1, 2, 3, 4].map((port) => `sim://b:${port === dead + 1 ? 9 : port}`);
    w.connect(targets);
    w.clock.advance(3000);
    expect({ dead, links: w.links() }).toEqual({ dead, links: [3, 3] });
    w.near!.write(fill(new Uint8Array(100_000), 0));
    w.clock.advance(1000);
    expect({ dead, heard: w.heard.b }).toEqual({ dead, heard: 100_000 });
    void w.b.listen('sim://b:9');
    w.clock.advance(8000);
    expect({ dead, links: w.links() }).toEqual({ dead, links: [4, 4] });
    w.end();
  }
});

test('[TUNA-7] twenty times the network goes away and comes back: one session, nothing lost, nothing kept', () => {
  const w = new World(11);
  w.connect('sim://b:1');
  let written = 0;
  const { pending } = w.clock;
  for (let cycle = 0; cycle < 20; cycle++) {
    for (let i = 0; i < 5; i++) {
      w.near!.write(fill(new Uint8Array(20_000), written));
      written += 20_000;
      w.clock.advance(100);
    }
    const mend = w.network.partition(['a'], ['b']);
    w.clock.advance(4000);
    mend();
    w.clock.advance(8000);
  }
  w.clock.advance(10_000);
  expect(w.heard.b).toBe(written);
  expect(w.links()).toEqual([4, 4]);
  expect(w.clock.pending).toBeLessThanOrEqual(pending + 12);
  expect(w.near!.stats()['queuedBytes']).toBe(0);
  w.end();
});

test('[TUNA-7] without any link for the whole window it ends, on both sides', () => {
  const w = new World(12, { reconnectWindowMs: 8000 });
  w.connect('sim://b:1');
  w.clock.advance(500);
  w.network.partition(['a'], ['b'], 'told');
  w.clock.advance(40_000);
  expect(w.events).toEqual(expect.arrayContaining(['a window-expired', 'b window-expired']));
  w.end();
});

test('[TUNA-7] a peer that has started anew does not know the session, and says so; what it had read is told apart', async () => {
  const w = new World(13);
  w.connect('sim://b:1');
  w.clock.advance(500);
  w.far!.onMessage = undefined; // Nobody reads any more what arrives.
  w.near!.write(fill(new Uint8Array(5000), 0));
  w.clock.advance(500);
  let closing: Closing | undefined;
  void w.near!.closed.then((c) => (closing = c));
  w.network.restart('b', 'crash');
  w.near!.write(new Uint8Array(300));
  w.b = w.engine('b', ['sim://b:1']);
  w.clock.advance(20_000);
  expect(w.events).toContain('a peer-lost-session');
  w.end();
  await Promise.resolve();
  expect(closing).toMatchObject({ code: 'peer-lost-session', detail: { read: 0, unknown: { from: 1 } } });
});

test('[TUNA-6] nobody answers at any address: one closing, with the cause', () => {
  const w = new World(14);
  w.clock.settle();
  w.a.connect('sim://b:77').catch((error: Error) => w.events.push(error.message));
  w.clock.advance(15_000);
  expect(w.events.join(' ')).toContain('a refused');
  w.end();
});

test('[TUNA-6] under faults of all kinds every byte arrives once and in order, both ways', () => {
  for (let seed = 100; seed < 130; seed++) {
    const w = new World(seed, { reconnectWindowMs: 120_000, numTunaListeners: 1 + (seed % 4) });
    w.connect('sim://b:1');
    const faults = w.random.split('faults');
    const startMs = w.clock.now();
    const stopMs = startMs + 3000;
    FaultPlan.drawn(w.network, faults, { hosts: ['a', 'b'], startMs, stopMs, everyMs: [1, 150] }).start();
    const written = { a: 0, b: 0 };
    while (w.clock.now() < stopMs) {
      for (const [name, connection] of [
        ['a', w.near],
        ['b', w.far],
      ] as const) {
        // prettier-ignore
        if (connection?.state !== 'completed') continue;
        const bytes = faults.int(5000);
        connection.write(fill(new Uint8Array(bytes), written[name]));
        written[name] += bytes;
      }
      w.clock.advance(1 + faults.int(60));
    }
    w.clock.runUntil(() => w.heard.b === written.a && w.heard.a === written.b, { withinMs: 60_000 });
    expect({
      seed,
      heard: w.heard,
      wrong: w.wrong,
      events: w.events.filter((e) => / (closed|violated|internal)/.test(e)),
    }).toEqual({
      seed,
      heard: { a: written.b, b: written.a },
      wrong: 0,
      events: [],
    });
    w.end();
  }
});
