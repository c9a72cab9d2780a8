/**
 * Runs every test, in two parts: the suites that need no other program side by side, then the interop suites one at a time,
 * because they watch real programs in real time and a busy machine would be part of what they see.
 *
 * Each part writes Jest's report to `.ci/jest-PART.json`. Exits non-zero when either part failed; the second runs all the same.
 */
import { spawnSync } from 'node:child_process';

const interop = 'spec/interop/';
const parts = {
  side: ['--maxWorkers=100%', '--testPathIgnorePatterns', '/node_modules/', 'spec/bench/', interop],
  interop: ['--runInBand', interop],
};

const failed = Object.entries(parts).filter(([part, choice]) => {
  const report = `.ci/jest-${part}.json`;
  const args = ['node_modules/jest/bin/jest.js', '--json', '--outputFile', report, ...choice];
  return spawnSync(process.execPath, args, { stdio: ['ignore', 'inherit', 'inherit'] }).status !== 0;
});
process.exitCode = failed.length === 0 ? 0 : 1;
