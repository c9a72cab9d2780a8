import { execFile, spawn, spawnSync, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { once } from 'node:events';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { valueOfLine } from './line-of.js';

/** The crate `eebus` asks for 1.88. */
const cargoMinorMin = 88;
const eventsMax = 10_000;
const stderrCharsMax = 16_384;

const sources = join(__dirname, 'ship-rust');
/** Outside node_modules, which `npm ci` empties: `.ci/run` builds here before. */
const target =
  process.env['CARGO_TARGET_DIR'] ?? join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'holdfast', 'ship-rust');

let known: boolean | undefined;
let building: Promise<string> | undefined;

/**
 * Whether tests can run against the Rust crate. Where cargo is missing or too old it prints one line, once per spec file, and
 * the tests skip themselves, in CI too: no stable Debian has a cargo that is new enough, and `.ci/run` says so as well.
 */
export function shipRustAvailable(): boolean {
  if (known !== undefined) return known;
  const { error, stdout } = spawnSync('cargo', ['--version'], { cwd: sources, encoding: 'utf8' });
  const minor = Number(/^cargo 1\.(\d+)/.exec(stdout ?? '')?.[1] ?? 0);
  known = minor >= cargoMinorMin;
  const lack = error ? 'the command `cargo` was not found' : `cargo 1.${cargoMinorMin} or newer is needed, not ${stdout.trim()}`;
  if (!known) process.stderr.write(`skipped: tests against the Rust crate eebus (${lack})\n`);
  return known;
}

/** Builds the program where its sources have changed, and returns the path of the binary. The first build takes minutes. */
export function buildShipRust(): Promise<string> {
  building ??= promisify(execFile)('cargo', ['build', '--quiet', '--locked', '--target-dir', target], { cwd: sources }).then(() =>
    join(target, 'debug', process.platform === 'win32' ? 'ship-rust.exe' : 'ship-rust'),
  );
  return building;
}

/** What the hub is made with; the crate's own defaults where left out. */
export interface ShipRustOptions {
  readonly shipId?: string;
  /** How long it waits for the CMI, 10 to 30 s. */
  readonly cmiMs?: number;
  /** How long it says that it waits in the hello, 60 to 240 s. */
  readonly helloMs?: number;
  /** How many connections it holds, those in the handshake included. */
  readonly connections?: number;
}

export interface ShipRustEvent {
  /** `waiting`: somebody who isn't trusted is in the hello. `failed`: a handshake, on either side. */
  readonly event: 'ready' | 'connected' | 'disconnected' | 'failed' | 'waiting';
  readonly ski?: string;
  readonly port?: number;
  readonly version?: string;
  readonly why?: string;
}

/** A running process with one hub of the crate `eebus`. `stop` must be called. */
export class ShipRust {
  readonly #child: ChildProcessWithoutNullStreams;
  readonly events: ShipRustEvent[] = [];
  readonly #watchers = new Set<() => void>();
  readonly #exited: Promise<unknown>;
  #stderr = '';
  #ended: string | undefined;

  private constructor(binary: string, options: ShipRustOptions) {
    this.#child = spawn(binary, [JSON.stringify(options)], { stdio: 'pipe' });
    this.#child.stdin.on('error', () => {}); // A process that died says so by its exit.
    this.#child.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.#stderr = (this.#stderr + text).slice(-stderrCharsMax);
    });
    createInterface({ input: this.#child.stdout }).on('line', (line) => {
      const event = valueOfLine<ShipRustEvent>(line, this.#child);
      if (event !== undefined && this.events.length < eventsMax) this.events.push(event);
      this.#wake();
    });
    this.#exited = once(this.#child, 'close').then(([code, signal]) => {
      this.#ended = `the program has ended (${String(code ?? signal)}) ${this.#stderr}`;
      this.#wake();
    });
  }

  /** Builds where necessary; its port is open when this resolves. */
  static async start(options: ShipRustOptions = {}): Promise<ShipRust> {
    const rust = new ShipRust(await buildShipRust(), options);
    try {
      await rust.event('ready');
    } catch (error) {
      await rust.stop();
      throw error;
    }
    return rust;
  }

  get ski(): string {
    return this.events[0]!.ski!;
  }

  get port(): number {
    return this.events[0]!.port!;
  }

  trust(ski: string): void {
    this.#command({ do: 'trust', ski });
  }

  /** Dials a peer, and again whenever its connection is lost. */
  remember(ski: string, port: number): void {
    this.#command({ do: 'remember', ski, port });
  }

  /** Ends a connection with an announcement. */
  close(ski: string): void {
    this.#command({ do: 'close', ski });
  }

  /** How many events of a name there were. */
  count(name: ShipRustEvent['event']): number {
    return this.events.filter(({ event }) => event === name).length;
  }

  /** The `nth` event of a name, past or to come; the test's own timeout bounds the wait. */
  async event(name: ShipRustEvent['event'], nth = 1): Promise<ShipRustEvent> {
    for (;;) {
      const found = this.events.filter(({ event }) => event === name)[nth - 1];
      if (found) return found;
      if (this.#ended !== undefined) throw new Error(`no '${name}': ${this.#ended}; seen: ${JSON.stringify(this.events)}`);
      await this.next();
    }
  }

  /** Resolves with the next event, or the end. */
  next(): Promise<void> {
    return new Promise((resolve) => this.#watchers.add(resolve));
  }

  /** Ends the process. Safe to call twice. */
  async stop(): Promise<void> {
    this.#child.stdin.end();
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), 2_000);
    await this.#exited;
    clearTimeout(timer);
  }

  #command(command: object): void {
    this.#child.stdin.write(`${JSON.stringify(command)}\n`);
  }

  #wake(): void {
    for (const resolve of this.#watchers) resolve();
    this.#watchers.clear();
  }
}
