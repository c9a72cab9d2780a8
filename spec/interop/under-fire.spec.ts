import { buildNcpGo, ncpGoAvailable } from './ncp-go.js';
import { ncpGo, tunaGo, twoHoldfasts, underFire, type Target } from './under-fire.js';
import { spread, stalls } from './waits.js';

/**
 * Figures under fire: `FIRE=1024 npx jest spec/interop/under-fire` moves 1024 MiB in each of these ways while links are killed every
 * 0.7 s, and prints what it saw. Without it the short form of the same is in ncp-go.spec.ts.
 */
const mebibytes = Number(process.env['FIRE'] ?? 0);
const isWanted = mebibytes > 0 && ncpGoAvailable();
const fire = isWanted ? test : test.skip;

beforeAll(async () => {
  if (isWanted) await buildNcpGo();
}, 240_000);

const ways: readonly (readonly [name: string, all: boolean, make: () => Promise<Target>])[] = [
  ['to ncp-go', false, () => ncpGo('to')],
  ['from ncp-go', false, () => ncpGo('from')],
  ['to nkn-tuna-session, sealed', false, () => tunaGo('to')],
  ['from nkn-tuna-session, sealed', false, () => tunaGo('from')],
  ['two holdfasts', false, () => twoHoldfasts(false)],
  ['two holdfasts, all at once', true, () => twoHoldfasts(false)],
  ['two holdfasts, sealed, all at once', true, () => twoHoldfasts(true)],
  ['to ncp-go, all at once', true, () => ncpGo('to')],
];

for (const [name, all, make] of ways)
  fire(
    `[NCP-9] ${name}: nothing is wrong, and nothing of ours stalls`,
    async () => {
      const target = await make();
      try {
        const seen = await underFire(target, mebibytes << 20, 700, all);
        const stalled = stalls(seen.killedAt, seen.sight);
        process.stderr.write(
          `${name}: ${seen.megabytesPerSecond.toFixed(0)} MB/s, stalls ${spread(stalled)}, rejoins ${spread(seen.rejoinsMs)}, processes held up ${seen.lagMs.toFixed(0)} ms\n`,
        );
        for (const { next, owed } of seen.inquiries) process.stderr.write(`  waiting for ${next}; it: ${JSON.stringify(owed)}\n`);
        expect(seen.sight.wrongAt).toBe(-1);
      } finally {
        await target.stop();
      }
    },
    300_000,
  );
