import { runPoolWorld } from '../sim/pool-world.js';

const SEEDS = Number(process.env['SIM_SEEDS'] ?? 150);
const FROM = Number(process.env['SIM_FROM'] ?? 1);

test(`[POOL-4] [POOL-6] pool: random dials and faults, each pair ends with one connection that both mean, and messages are whole (${SEEDS} seeds from ${FROM})`, async () => {
  const sums: Record<string, number> = {};
  for (let seed = FROM; seed < FROM + SEEDS; seed++) {
    const { violations, trace, counts } = await runPoolWorld({ seed });
    if (violations.length > 0) throw new Error(`seed ${seed}: ${violations.join('; ')}\n${trace.join('\n')}`);
    for (const [name, n] of Object.entries(counts)) sums[name] = (sums[name] ?? 0) + n;
  }
  // What this is about really happened.
  for (const name of [
    'refused crossed',
    'closing replaced',
    'closing lost-tie-break',
    'closing probe-timeout',
    'closing handshake-timeout',
    'closing peer-goodbye',
    'closing refused',
    'cuts',
    'halfOpen',
    'silentCuts',
    'chopped',
    'blocked',
    'held',
  ])
    expect({ name, happened: (sums[name] ?? 0) > 0 }).toEqual({ name, happened: true });
  expect(sums['answered']).toBeGreaterThan(SEEDS * 20);
}, 60_000);
