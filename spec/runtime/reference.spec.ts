import { setDefaultRuntime } from '../../machines/runtime/runtime.js';
import { runPoolWorld } from '../sim/pool-world.js';
import { runRendezvousWorld } from '../sim/rendezvous-world.js';
import { runWorld } from '../sim/world.js';
import { ShipWorld } from '../ship/world.js';
import { fill } from '../tuna/ncp-channel.js';
import { TunaWorld } from '../tuna/tuna-world.js';

/**
 * The core of the engine suite and a hundred schedules of each protocol on XState's own actors. All suites run so with
 * `HOLDFAST_RUNTIME=xstate npx jest …`.
 */
beforeAll(() => setDefaultRuntime('xstate'));
afterAll(() => setDefaultRuntime('compact'));

import '../engine.spec.js';
import '../engine-misuse.spec.js';

/** More with `SIM_SEEDS`. */
const SEEDS = Number(process.env['SIM_SEEDS'] ?? 100);

/** Of these schedules the runtimes must have the same outcome, transition by transition. */
const COMPARED = 20;

interface Outcome {
  readonly violations: readonly string[];
}

const worlds: Readonly<Record<string, (seed: number) => Outcome | Promise<Outcome>>> = {
  resume: (seed) => runWorld({ seed }),
  pool: (seed) => runPoolWorld({ seed }),
  rendezvous: (seed) => runRendezvousWorld({ seed }),
  ship: (seed) => new ShipWorld(seed).run(),
};
describe('runtime: simulations on XState’s own actors', () => {
  test.each(Object.entries(worlds))(
    `%s: what holds for the compact runtime holds (${SEEDS} seeds), and ${COMPARED} schedules go the same way`,
    async (_, run) => {
      for (let seed = 1; seed <= SEEDS; seed++) {
        const outcome = await run(seed);
        expect({ seed, violations: outcome.violations }).toEqual({ seed, violations: [] });
        if (seed > COMPARED) continue;
        setDefaultRuntime('compact');
        const compact = await run(seed);
        setDefaultRuntime('xstate');
        expect({ seed, ...compact }).toEqual({ seed, ...outcome });
      }
    },
    600_000,
  );

  test(`tuna: everything arrives, whatever is cut (${SEEDS} seeds)`, () => {
    for (let seed = 1; seed <= SEEDS; seed++) {
      const world = new TunaWorld(seed);
      world.connect('sim://b:1');
      let written = 0;
      for (let i = 0; i < 10; i++) {
        world.near!.write(fill(new Uint8Array(2000), written));
        written += 2000;
        if (i % 3 === 1)
          for (const link of world.network.links) if (link.port === 1 + (seed % 4)) link.cut('both', { withinMs: 50 });
        world.advance(100 + (seed % 7) * 40);
      }
      world.advance(20_000);
      expect({ seed, arrived: world.heard.b, links: world.links() }).toEqual({ seed, arrived: written, links: [4, 4] });
      world.end();
    }
  }, 600_000);
});
