import { runWorld } from '../sim/world.js';

const SEEDS = Number(process.env['SIM_SEEDS'] ?? 2000);
const FROM = Number(process.env['SIM_FROM'] ?? 1);

test(`[RES-1] [RES-14] resume/simulation: every message arrives exactly once, in order, both ways, whatever is cut and whenever (${SEEDS} seeds from ${FROM})`, () => {
  const sums: Record<string, number> = {};
  for (let seed = FROM; seed < FROM + SEEDS; seed++) {
    const { violations, trace, counts } = runWorld({ seed });
    if (violations.length > 0) throw new Error(`seed ${seed}: ${violations.join('; ')}\n${trace.join('\n')}`);
    for (const [name, n] of Object.entries(counts)) sums[name] = (sums[name] ?? 0) + n;
  }
  // The faults this is about really happened.
  for (const name of [
    'cuts',
    'halfOpen',
    'silentCuts',
    'silences',
    'resumes',
    'duplicates',
    'lostBytes',
    'lateBytes',
    'lateCloses',
    'blocked',
    'refused',
  ])
    expect({ name, happened: sums[name]! > 0 }).toEqual({ name, happened: true });
});
