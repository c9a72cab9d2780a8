import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { RecordingMemory } from '../../visualizer/index.js';
import { readRecording } from '../../visualizer/reader/index.js';
import { recorded, runWorld } from './index.js';

test('sim/record: a recorded schedule is the same schedule, step by step', () => {
  for (const seed of [3, 11]) {
    const memory = new RecordingMemory();
    const watcher = recorded(memory, `seed ${seed}`);
    const report = runWorld({ seed, watcher });
    expect({ seed, report }).toEqual({ seed, report: runWorld({ seed }) });
    const { recording, warning } = readRecording(memory.text());
    expect([recording.header.label, warning, watcher.recorder?.failures]).toEqual([`seed ${seed}`, undefined, 0]);
    const roots = recording.lines.flatMap((line) => (line.type === 'actor' && line.parent === undefined ? [line.name] : []));
    expect(roots).toEqual(['b', 'a']);
    expect(recording.lines.filter((line) => line.type === 'closing').length).toBe(2);
  }
});

test('sim/record: --record writes a seed as a file, and names a folder that is not there', () => {
  const dir = mkdtempSync(join(tmpdir(), 'holdfast-sim-'));
  const main = join(__dirname, '../../dist/spec/sim/main.js');
  const run = (...args: string[]) =>
    spawnSync(process.execPath, [main, '--seed', '5', '--record', ...args], { encoding: 'utf8' });
  try {
    const { status, stdout } = run(dir);
    expect([status, stdout]).toEqual([0, expect.stringContaining(`recorded: ${join(dir, 'seed-5.rec')}`)]);
    expect(readRecording(readFileSync(join(dir, 'seed-5.rec'), 'utf8')).recording.header.label).toBe('sim --seed 5');
    expect(run(join(dir, 'nowhere'))).toMatchObject({ status: 2, stderr: expect.stringMatching(/--record: .*ENOENT/) as string });
  } finally {
    rmSync(dir, { recursive: true });
  }
}, 30_000);
