import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { RecordingFile } from '../../visualizer/files.js';
import { strictSteps } from '../../machines/phase-table.js';
import { recorded } from './recorded.js';
import type { Report } from './report.js';
import { runWorld } from './world.js';

const USAGE = `Many schedules of one session under a cruel network.

  npm run sim -- [--seeds N] [--from F] [--jobs J] [--json]   N schedules (1000) from seed F (1) on, shared among J processes (1)
  npm run sim -- --seed S                                     one of them again, with its last transitions
  npm run sim -- … --record DIR                               each that fails, or the one of --seed, is written to DIR/seed-S.rec as well

A failure prints its seed and the last transitions. \`npx holdfast inspect DIR/seed-S.rec --text\` tells the whole schedule. Exit code: 0 all held, 1 one failed, 2 misused.
`;
const values = given();
strictSteps(true);
if (values.help) {
  process.stdout.write(USAGE);
  process.exit(0);
}
const one = values.seed === undefined ? undefined : whole('seed', values.seed);
const from = one ?? whole('from', values.from ?? '1');
const count = one === undefined ? whole('seeds', values.seeds ?? '1000') : 1;

const jobs = Math.min(whole('jobs', values.jobs ?? '1'), count);

const sums: Record<string, number> = {};
const began = performance.now();
let failed = 0;

if (jobs > 1) await share();
else await runAll();
const seconds = Math.round((performance.now() - began) / 100) / 10;
process.stdout.write(`${values.json ? JSON.stringify({ schedules: count, failed, seconds, ...sums }) : `${count} schedules, ${failed} failed, ${seconds} s: ${Object.entries(sums).map(([k, n]) => `${n} ${k}`).join(', ')}`}\n`); // prettier-ignore
process.exitCode = failed > 0 ? 1 : 0;

function given(): {
  help?: boolean;
  json?: boolean;
  seeds?: string;
  from?: string;
  seed?: string;
  jobs?: string;
  record?: string;
} {
  const text = { type: 'string' } as const;
  const flag = { type: 'boolean' } as const;
  try {
    return parseArgs({ options: { seeds: text, from: text, seed: text, jobs: text, record: text, json: flag, help: flag } })
      .values;
  } catch (error) {
    return misused((error as Error).message);
  }
}

function whole(name: string, text: string): number {
  const n = Number(text);
  return Number.isSafeInteger(n) && n >= 0 ? n : misused(`--${name}: expected a whole number, got "${text}"`);
}

function misused(why: string): never {
  process.stderr.write(`${why}\n\n${USAGE}`);
  process.exit(2);
}

function tell({ seed, violations, trace }: Report): void {
  failed++;
  process.stdout.write(`seed ${seed}: ${violations.join('; ')}\n${trace.join('\n')}\nagain: npm run sim -- --seed ${seed}\n`);
  writeRecording(seed);
}

/** The same seed is the same schedule: it is run once more, under a recorder. */
function writeRecording(seed: number): void {
  if (values.record === undefined) return;
  const path = join(values.record, `seed-${seed}.rec`);
  let file: RecordingFile;
  try {
    file = new RecordingFile(path);
  } catch (error) {
    return misused(`--record: can't write ${path}: ${(error as Error).message}`);
  }
  const watcher = recorded(file, `sim --seed ${seed}`);
  runWorld({ seed, watcher });
  watcher.recorder?.stop();
  process.stdout.write(`recorded: ${path}\n`);
}

async function runAll(): Promise<void> {
  for (let seed = from; seed < from + count; seed++) {
    const report = runWorld({ seed });
    for (const [name, n] of Object.entries(report.counts)) sums[name] = (sums[name] ?? 0) + n;
    if (report.violations.length > 0) tell(report);
    if (one !== undefined && report.violations.length === 0) {
      process.stdout.write(`${report.trace.join('\n')}\n`);
      writeRecording(seed);
    }
    if (!values.json && (seed - from + 1) % 10_000 === 0)
      process.stderr.write(`${seed - from + 1} schedules, ${failed} failed\n`);
    if (failed >= 10) break;
    if (seed % 100 === 0) await new Promise((resolve) => setImmediate(resolve)); // What promises hold is let go.
  }
}

/** Each process has its own part of the seeds, and says what it counted in its last line. */
async function share(): Promise<void> {
  const part = Math.ceil(count / jobs);
  const parts: Promise<void>[] = [];
  for (let at = from; at < from + count; at += part) parts.push(runPart(at, Math.min(part, from + count - at)));
  await Promise.all(parts);
}

function runPart(first: number, seeds: number): Promise<void> {
  const args = [
    fileURLToPath(import.meta.url),
    '--from',
    String(first),
    '--seeds',
    String(seeds),
    '--json',
    ...(values.record === undefined ? [] : ['--record', values.record]),
  ];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  return new Promise((resolve, reject) => {
    let said = '';
    child.stdout.on('data', (chunk: Buffer) => (said += chunk.toString()));
    child.once('error', reject);
    child.once('close', () => {
      const lines = said.trimEnd().split('\n');
      const last = lines.pop() ?? '';
      for (const line of lines) process.stdout.write(`${line}\n`);
      const { failed: more, seconds: _s, schedules: _n, ...counts } = JSON.parse(last) as Record<string, number>;
      failed += more ?? 0;
      for (const [name, n] of Object.entries(counts)) sums[name] = (sums[name] ?? 0) + n;
      resolve();
    });
  });
}
