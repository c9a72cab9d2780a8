import { execFile, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';

/** Where the Go sources lie, beside this file. */
const sources = join(__dirname, 'ship-go');
const cache = join(__dirname, '..', '..', 'node_modules', '.cache', 'holdfast');

/** go.mod asks for 1.22; older ones cannot even read its version line. */
const goMinorMin = 22;

let known: boolean | undefined;

/**
 * Whether tests can run against the real ship-go. Where Go is missing it prints one line, once per spec file, and the
 * tests skip themselves: `const withShipGo = shipGoAvailable() ? describe : describe.skip`.
 *
 * @throws Error where the environment variable CI is set: there, nothing may be skipped in silence
 */
export function shipGoAvailable(): boolean {
  if (known !== undefined) return known;
  const lack = lackOfGo();
  if (lack === undefined) return (known = true);
  if (process.env['CI']) throw new Error(`ship-go is a test partner that CI needs: ${lack}`);
  process.stderr.write(`skipped: tests against the real ship-go (${lack})\n`);
  return (known = false);
}

function lackOfGo(): string | undefined {
  const { error, stdout } = spawnSync('go', ['env', 'GOVERSION'], { cwd: sources, encoding: 'utf8' });
  if (error) return 'the command `go` was not found';
  const minor = Number(/^go1\.(\d+)/.exec(stdout)?.[1] ?? 0);
  return minor >= goMinorMin ? undefined : `Go 1.${goMinorMin} or newer is needed, not ${stdout.trim()}`;
}

let building: Promise<string> | undefined;

/**
 * Builds the program once per state of its sources, and returns the path of the binary. The first build takes half a
 * minute and fetches modules, the next ones nothing. Two test workers may build at once: the later one wins, with the same result.
 */
export function buildShipGo(): Promise<string> {
  building ??= build();
  return building;
}

async function build(): Promise<string> {
  const ending = process.platform === 'win32' ? '.exe' : '';
  const binary = join(cache, `ship-go-${hashOfSources()}${ending}`);
  if (existsSync(binary)) return binary;
  mkdirSync(cache, { recursive: true });
  const fresh = `${binary}.${process.pid}${ending}`;
  await promisify(execFile)('go', ['build', '-mod=readonly', '-trimpath', '-o', fresh, '.'], { cwd: sources });
  renameSync(fresh, binary);
  return binary;
}

function hashOfSources(): string {
  const hash = createHash('sha256').update(`${process.platform} ${process.arch}`);
  for (const name of readdirSync(sources).sort()) hash.update(`\0${name}\0`).update(readFileSync(join(sources, name)));
  return hash.digest('hex').slice(0, 16);
}
