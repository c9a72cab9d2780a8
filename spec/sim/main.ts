import { parseArgs } from 'node:util';
import { runWorld, type Report } from './world.js';

/**
 * Many schedules of one session under a cruel network: `npm run sim -- --seeds N [--from F]`, or one again: `--seed S`.
 * A failure prints its seed and the last transitions; exit code 1.
 */
const { values } = parseArgs({
  options: { seeds: { type: 'string' }, from: { type: 'string' }, seed: { type: 'string' }, json: { type: 'boolean' } },
});
const whole = (name: string, text: string): number => {
  const n = Number(text);
  if (Number.isSafeInteger(n) && n >= 0) return n;
  process.stderr.write(`--${name}: expected a whole number, got "${text}"\n`);
  process.exit(2);
};
const one = values.seed === undefined ? undefined : whole('seed', values.seed);
const from = one ?? whole('from', values.from ?? '1');
const count = one === undefined ? whole('seeds', values.seeds ?? '1000') : 1;

const sums: Record<string, number> = {};
const began = performance.now();
let failed = 0;

for (let seed = from; seed < from + count; seed++) {
  const report = runWorld({ seed });
  for (const [name, n] of Object.entries(report.counts)) sums[name] = (sums[name] ?? 0) + n;
  if (report.violations.length > 0) tell(report);
  if (one !== undefined && report.violations.length === 0) process.stdout.write(`${report.trace.join('\n')}\n`);
  if (!values.json && (seed - from + 1) % 10_000 === 0) process.stderr.write(`${seed - from + 1} schedules, ${failed} failed\n`);
  if (failed >= 10) break;
  if (seed % 100 === 0) await new Promise((resolve) => setImmediate(resolve)); // What promises hold is let go.
}
const seconds = Math.round((performance.now() - began) / 100) / 10;
process.stdout.write(`${values.json ? JSON.stringify({ schedules: count, failed, seconds, ...sums }) : `${count} schedules, ${failed} failed, ${seconds} s: ${Object.entries(sums).map(([k, n]) => `${n} ${k}`).join(', ')}`}\n`); // prettier-ignore
process.exitCode = failed > 0 ? 1 : 0;

function tell({ seed, violations, trace }: Report): void {
  failed++;
  process.stdout.write(`seed ${seed}: ${violations.join('; ')}\n${trace.join('\n')}\nagain: npm run sim -- --seed ${seed}\n`);
}
