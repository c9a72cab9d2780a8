import { runRendezvousWorld, TOGETHER_AGAIN_MS, TOGETHER_BY_DEFAULT_MS } from '../sim/rendezvous-world.js';

const SEEDS = Number(process.env['SIM_SEEDS'] ?? 100);
const FROM = Number(process.env['SIM_FROM'] ?? 1);

/** Node dies and is born anew, links are cut in every way, hosts freeze and sleep; all from one seed. */
async function live(
  seeds: number,
  how: { isReal?: boolean; hasOwnTimes?: boolean } = {},
): Promise<{ sums: Record<string, number>; worstMs: number }> {
  const sums: Record<string, number> = {};
  let worstMs = 0;
  for (let seed = FROM; seed < FROM + seeds; seed++) {
    const { violations, trace, counts } = await runRendezvousWorld({ seed, ...how });
    if (violations.length > 0) throw new Error(`seed ${seed}: ${violations.join('; ')}\n${trace.join('\n')}`);
    worstMs = Math.max(worstMs, counts['togetherMs']!);
    for (const [name, n] of Object.entries(counts)) sums[name] = (sums[name] ?? 0) + n;
  }
  return { sums, worstMs };
}

test(`[RDV-5] [RDV-9] [RDV-11] two to ten nodes: each pair has one connection and both agree which, all are together again ${TOGETHER_AGAIN_MS / 1000} s after the last fault, and nothing is left after the end (${SEEDS} seeds from ${FROM})`, async () => {
  const { sums, worstMs } = await live(SEEDS);
  if (process.env['SIM_SEEDS'] !== undefined) process.stdout.write(`${JSON.stringify({ worstMs, ...sums })}\n`);
  expect(worstMs).toBeLessThanOrEqual(TOGETHER_AGAIN_MS);
  // No honest node was ever taken for one that isn't.
  expect([sums['forged'], sums['malformed'], sums['misdirected'], sums['rate-limited']]).toEqual(Array(4).fill(undefined));
  // The faults this is about really happened.
  for (const name of [
    'cuts',
    'halfOpen',
    'silentCuts',
    'silences',
    'lostBytes',
    'lateBytes',
    'refused',
    'held',
    'reborn',
    'alone',
    'crossings',
    'relayed',
    'answered',
    'unanswered',
    'late',
  ])
    // prettier-ignore
    expect({ name, happened: sums[name]! > 0 }).toEqual({ name, happened: true });
}, 3_600_000);

test('rendezvous/simulation: the same with real signatures', async () => {
  const { worstMs } = await live(Math.min(10, SEEDS), { isReal: true });
  expect(worstMs).toBeLessThanOrEqual(TOGETHER_AGAIN_MS);
}, 60_000);

test(`rendezvous/simulation: with the times that nodes have by default, ${TOGETHER_BY_DEFAULT_MS / 1000} s`, async () => {
  const { worstMs } = await live(Math.ceil(SEEDS / 5), { hasOwnTimes: true });
  if (process.env['SIM_SEEDS'] !== undefined) process.stdout.write(`${JSON.stringify({ worstMs })}\n`);
  expect(worstMs).toBeLessThanOrEqual(TOGETHER_BY_DEFAULT_MS);
}, 3_600_000);
