import { ShipWorld } from './world.js';

const SEEDS = Number(process.env['SIM_SEEDS'] ?? 150);
const FROM = Number(process.env['SIM_FROM'] ?? 1);

test('two hubs on a cruel network: one connection in the end, balanced events, rising states, data in order, nothing left', async () => {
  const sums: Record<string, number> = {};
  for (let seed = FROM; seed < FROM + SEEDS; seed++) {
    const { plot, violations, counts, trace } = await new ShipWorld(seed).run();
    for (const [name, count] of Object.entries(counts)) sums[name] = (sums[name] ?? 0) + count;
    if (violations.length > 0) expect({ seed, plot, violations, trace }).toEqual({ seed, plot, violations: [], trace });
  }
  expect(sums['connects']).toBeGreaterThan(SEEDS * 4);
  expect(sums['messages']).toBeGreaterThan(SEEDS * 100);
}, 300_000);
