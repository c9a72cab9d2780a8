import { StateMachine } from 'xstate';
import * as machines from '../../machines/index.js';
import { FaultPlan } from '../sim/fault-plan.js';
import { PoolWorld } from '../sim/pool-world.js';
import { RendezvousWorld } from '../sim/rendezvous-world.js';
import { World } from '../sim/world.js';
import { ShipWorld } from '../ship/world.js';
import { fill } from '../tuna/ncp-channel.js';
import { TunaWorld } from '../tuna/tuna-world.js';
import { Recorder } from './record.js';
import { replay } from './replay.js';

/** `SEEDS=1000 FROM=1 npx jest spec/plain/charts` looks at more schedules. */
const FROM = Number(process.env['FROM'] ?? 1);
const seedsOf = (few: number): number => Number(process.env['SEEDS'] ?? few);

/** One schedule of one protocol's simulation under the eyes of a recorder. */
type Live = (seed: number, recorder: Recorder) => void | Promise<void>;

interface Subject {
  readonly live: Live;
  readonly seeds: number;
  /** Charts of the protocol, by their ids: each is replayed. */
  readonly charts: readonly string[];
  /** Services of the protocol: their snapshots are looked at. */
  readonly services?: readonly string[];
}

/** What every engine has. */
const COMMON = {
  charts: ['hub', 'connection'],
  services: ['supervisor', 'listeners', 'accepts', 'dialer', 'wake', 'host', 'dialPermit', 'wire'],
};

/** Every actor of the engines is looked at, and no other one is there than is named. */
async function lives({ live, seeds, charts, services = [] }: Subject): Promise<void> {
  const seen = { charts: new Set<string>(), all: new Set<string>() };
  for (let seed = FROM; seed < FROM + seedsOf(seeds); seed++) {
    const recorder = new Recorder();
    await live(seed, recorder);
    expect({ seed, faults: recorder.faults }).toEqual({ seed, faults: [] });
    for (const name of Object.keys(recorder.largest)) seen.all.add(name);
    for (const { name } of recorder.runs.values()) seen.charts.add(name);
    for (const run of recorder.runs.values())
      for (const isStrict of [false, true]) {
        const difference = replay(run, { isStrict });
        if (difference !== undefined) throw new Error(`seed ${seed}${isStrict ? ', strictly' : ''}: ${difference}`);
      }
  }
  expect([...seen.charts].sort()).toEqual([...COMMON.charts, ...charts].sort());
  expect([...seen.all].sort()).toEqual([...COMMON.charts, ...COMMON.services, ...charts, ...services].sort());
}

const subjects: Readonly<Record<string, Subject>> = {
  resume: {
    charts: ['resume'],
    seeds: 18,
    live: (seed, watcher) => void new World({ seed, watcher }).run(),
  },
  pool: {
    charts: ['pool'],
    seeds: 8,
    live: async (seed, watcher) => void (await new PoolWorld({ seed, watcher }).run()),
  },
  ship: {
    charts: ['ship'],
    seeds: 6,
    live: async (seed, watcher) => {
      watcher.keepWord('datagram');
      await new ShipWorld(seed, watcher).run();
    },
  },
  tuna: {
    charts: ['tuna', 'link', 'ncp'],
    services: ['addresses'],
    seeds: 16,
    live: liveTuna,
  },
  rendezvous: {
    charts: ['node', 'rendezvous', 'pool'],
    services: ['contacts'],
    seeds: 3,
    live: async (seed, watcher) => void (await new RendezvousWorld({ seed, watcher }).run()),
  },
};

/** Faults of all kinds, then a close by one side or the other, or an abort. */
function liveTuna(seed: number, watcher: Recorder): void {
  const options = { reconnectWindowMs: seed % 3 === 0 ? 2000 : 60_000, numTunaListeners: 1 + (seed % 4) };
  const there = seed % 5 === 0 ? { ...options, numTunaListeners: 1 + ((seed + 1) % 4) } : options;
  const w = new TunaWorld(seed, options, there, watcher);
  w.clock.settle();
  w.a.connect(['sim://b:1', 'sim://b:2', 'sim://b:3', 'sim://b:4']).catch(() => {});
  const startMs = w.clock.now();
  const faults = w.random.split('faults');
  FaultPlan.drawn(w.network, faults, { hosts: ['a', 'b'], startMs, stopMs: startMs + 3000, everyMs: [1, 150] }).start();
  let written = 0;
  for (let step = 0; step < 120; step++) {
    for (const connection of [w.near, w.far])
      if (connection?.state === 'completed') connection.write(fill(new Uint8Array(1 + faults.int(3000)), written++));
    w.clock.advance(1 + faults.int(60));
  }
  w.clock.advance(5000);
  if (seed % 2 === 0) void w.near?.close({ now: seed % 4 === 0 });
  w.clock.advance(3000);
  void w.a.shutdown();
  w.clock.advance(15_000);
  void w.b.shutdown();
  w.clock.advance(15_000);
}

describe('plain data and replay: every chart, in every state that the simulation reaches', () => {
  test.each(Object.entries(subjects))('%s', async (_, subject) => lives(subject), 120_000);

  test('every chart that is shipped is among them', () => {
    const shipped = Object.values(machines).filter((each) => each instanceof StateMachine);
    const covered = new Set([...COMMON.charts, ...Object.values(subjects).flatMap(({ charts }) => charts)]);
    expect([...covered].sort()).toEqual(shipped.map(({ id }) => id).sort());
  });
});
