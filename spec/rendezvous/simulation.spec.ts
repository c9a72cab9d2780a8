import { runRendezvousWorld } from '../sim/rendezvous-world.js';

const SEEDS = Number(process.env['SIM_SEEDS'] ?? 300);
const FROM = Number(process.env['SIM_FROM'] ?? 1);

test(`nodes find together whatever happens (${SEEDS} seeds from ${FROM})`, async () => {
  const sums: Record<string, number> = {};
  let worstMs = 0;
  const failed: string[] = [];
  for (let seed = FROM; seed < FROM + SEEDS; seed++) {
    const { violations, trace, counts } = await runRendezvousWorld({ seed });
    if (violations.length > 0) {
      failed.push(`seed ${seed}: ${violations.join('; ').slice(0, 300)}`);
      if (process.env['TRACE']) process.stdout.write(trace.join('\n'));
    }
    worstMs = Math.max(worstMs, counts['togetherMs']!);
    for (const [name, n] of Object.entries(counts)) sums[name] = (sums[name] ?? 0) + n;
  }
  console.log(sums, worstMs);
  expect(failed).toEqual([]);
}, 3_600_000);
