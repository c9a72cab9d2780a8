import { PoolWorld } from '../sim/pool-world.js';
import { World } from '../sim/world.js';
import { ShipWorld } from '../ship/world.js';
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
  /** Charts and services that this is about. */
  readonly names: readonly string[];
}

async function lives({ live, seeds, names }: Subject): Promise<void> {
  const seen = new Set<string>();
  for (let seed = FROM; seed < FROM + seedsOf(seeds); seed++) {
    const recorder = new Recorder((name) => names.includes(name));
    await live(seed, recorder);
    expect({ seed, faults: recorder.faults }).toEqual({ seed, faults: [] });
    for (const name of Object.keys(recorder.largest)) seen.add(name);
    for (const run of recorder.runs.values())
      for (const isStrict of [false, true]) {
        const difference = replay(run, { isStrict });
        if (difference !== undefined) throw new Error(`seed ${seed}${isStrict ? ', strictly' : ''}: ${difference}`);
      }
  }
  expect([...seen].sort()).toEqual([...names].sort());
}

const SERVICES = ['wire'];

const subjects: Readonly<Record<string, Subject>> = {
  resume: {
    names: ['resume', 'grant', ...SERVICES],
    seeds: 24,
    live: (seed, watcher) => void new World({ seed, watcher }).run(),
  },
  pool: {
    names: ['pool', ...SERVICES],
    seeds: 12,
    live: async (seed, watcher) => void (await new PoolWorld({ seed, watcher }).run()),
  },
  ship: {
    names: ['ship', ...SERVICES],
    seeds: 8,
    live: async (seed, watcher) => {
      watcher.keepWord('datagram');
      await new ShipWorld(seed, watcher).run();
    },
  },
};

describe('plain data and replay: every chart, in every state that the simulation reaches', () => {
  test.each(Object.entries(subjects))('%s', async (_, subject) => lives(subject), 120_000);
});
