import { execFile, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';

const cache = join(__dirname, '..', '..', 'node_modules', '.cache', 'holdfast');

/** The go.mod files ask for 1.22; older ones cannot even read its version line. */
const goMinorMin = 22;

/** A test partner that is a Go program: its sources lie in the folder of its name, beside this file. */
export class GoProgram {
  readonly #sources: string;
  #known: boolean | undefined;
  #building: Promise<string> | undefined;

  /** `modfile`: the go.mod of another build of the same sources, in the same folder. Default `go.mod`. */
  constructor(
    readonly name: string,
    readonly modfile = 'go.mod',
  ) {
    this.#sources = join(__dirname, name);
  }

  /**
   * Whether tests can run against it. Where Go is missing it prints one line, once per spec file, and the tests skip
   * themselves: `const withGo = program.isAvailable() ? describe : describe.skip`.
   *
   * @throws Error where the environment variable CI is set: there, nothing may be skipped in silence
   */
  isAvailable(): boolean {
    if (this.#known !== undefined) return this.#known;
    const lack = this.#lack();
    if (lack === undefined) return (this.#known = true);
    if (process.env['CI']) throw new Error(`${this.name} is a test partner that CI needs: ${lack}`);
    process.stderr.write(`skipped: tests against the real ${this.name} (${lack})\n`);
    return (this.#known = false);
  }

  /**
   * Builds it once per state of its sources, and returns the path of the binary. The first build takes half a minute and
   * fetches modules, the next ones nothing. Two test workers may build at once: the later one wins, with the same result.
   */
  build(): Promise<string> {
    this.#building ??= this.#build();
    return this.#building;
  }

  #lack(): string | undefined {
    const { error, stdout } = spawnSync('go', ['env', 'GOVERSION'], { cwd: this.#sources, encoding: 'utf8' });
    if (error) return 'the command `go` was not found';
    const minor = Number(/^go1\.(\d+)/.exec(stdout)?.[1] ?? 0);
    return minor >= goMinorMin ? undefined : `Go 1.${goMinorMin} or newer is needed, not ${stdout.trim()}`;
  }

  async #build(): Promise<string> {
    const ending = process.platform === 'win32' ? '.exe' : '';
    const binary = join(cache, `${this.name}-${this.modfile.replace(/\.mod$/, '')}-${this.#hashOfSources()}${ending}`);
    if (existsSync(binary)) return binary;
    mkdirSync(cache, { recursive: true });
    const fresh = `${binary}.${process.pid}${ending}`;
    const chosen = `-modfile=${this.modfile}`;
    await promisify(execFile)('go', ['build', '-mod=readonly', chosen, '-trimpath', '-o', fresh, '.'], { cwd: this.#sources });
    renameSync(fresh, binary);
    return binary;
  }

  #hashOfSources(): string {
    const hash = createHash('sha256').update(`${process.platform} ${process.arch}`);
    const entries = readdirSync(this.#sources, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
    for (const path of entries.map((entry) => join(entry.parentPath, entry.name)).sort())
      hash.update(`\0${path.slice(this.#sources.length)}\0`).update(readFileSync(path));
    return hash.digest('hex').slice(0, 16);
  }
}
