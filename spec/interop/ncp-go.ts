import { execFile, spawn, spawnSync, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';

const sources = join(__dirname, 'ncp-go');
const cache = join(__dirname, '..', '..', 'node_modules', '.cache', 'holdfast');

/**
 * Whether tests can run against the real ncp-go. Where Go is missing it prints one line.
 *
 * @throws Error where the environment variable CI is set: there, nothing may be skipped in silence
 */
export function ncpGoAvailable(): boolean {
  const { error, stdout } = spawnSync('go', ['env', 'GOVERSION'], { cwd: sources, encoding: 'utf8' });
  const minor = Number(/^go1\.(\d+)/.exec(stdout ?? '')?.[1] ?? 0);
  if (error === undefined && minor >= 22) return true;
  if (process.env['CI'])
    throw new Error('ncp-go is a test partner that CI needs: the command `go`, 1.22 or newer, was not found');
  process.stderr.write('skipped: tests against the real ncp-go (Go 1.22 or newer was not found)\n');
  return false;
}

/** Builds the program once per state of its sources; the first time takes half a minute and fetches modules. */
export async function buildNcpGo(): Promise<string> {
  const hash = createHash('sha256').update(`${process.platform} ${process.arch}`);
  for (const name of readdirSync(sources).sort()) hash.update(`\0${name}\0`).update(readFileSync(join(sources, name)));
  const ending = process.platform === 'win32' ? '.exe' : '';
  const binary = join(cache, `ncp-go-${hash.digest('hex').slice(0, 16)}${ending}`);
  if (existsSync(binary)) return binary;
  mkdirSync(cache, { recursive: true });
  const fresh = `${binary}.${process.pid}${ending}`;
  await promisify(execFile)('go', ['build', '-mod=readonly', '-trimpath', '-o', fresh, '.'], { cwd: sources });
  renameSync(fresh, binary);
  return binary;
}

export interface NcpGoOptions {
  readonly links: number;
  readonly mtu?: number;
  readonly window?: number;
  /** Each write is one packet. */
  readonly packets?: boolean;
}

export interface Received {
  readonly bytes: number;
  /** Place of the first wrong byte; -1: none. */
  readonly wrongAt: number;
  /** The longest wait between two reads. */
  readonly longestMs: number;
}

interface Pending {
  readonly resolve: (answer: never) => void;
  readonly reject: (error: Error) => void;
}

/** A running process with one real ncp-go session. `stop` must be called. */
export class NcpGo {
  readonly events: { readonly event: string; readonly error?: string; readonly link?: number }[] = [];
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #pending = new Map<number, Pending>();
  readonly #exited: Promise<unknown>;
  #commands = 0;
  #stderr = '';

  private constructor(binary: string) {
    this.#child = spawn(binary, { stdio: 'pipe' });
    this.#exited = once(this.#child, 'close').then(() => {
      for (const { reject } of this.#pending.values()) reject(new Error(`ncp-go has ended: ${this.#stderr}`));
    });
    this.#child.stdin.on('error', () => {});
    this.#child.stderr.setEncoding('utf8').on('data', (text: string) => (this.#stderr = (this.#stderr + text).slice(-4096)));
    createInterface({ input: this.#child.stdout }).on('line', (line) => {
      const said = JSON.parse(line) as { re?: number; error?: string; event?: string };
      if (said.re === undefined) return void this.events.push(said as { event: string });
      const pending = this.#pending.get(said.re);
      this.#pending.delete(said.re);
      if (said.error !== undefined) pending?.reject(new Error(said.error));
      else pending?.resolve(said as never);
    });
  }

  static async start(): Promise<NcpGo> {
    return new NcpGo(await buildNcpGo());
  }

  /** Accepts one session's sockets; answers the port. */
  async listen(options: NcpGoOptions): Promise<number> {
    return (await this.command<{ port: number }>('listen', options)).port;
  }
  /** Opens one session; resolves when it is established. */
  async dial(port: number, options: NcpGoOptions & { readonly redial?: boolean }): Promise<void> {
    await this.command('dial', { port, ...options });
  }
  async send(bytes: number, packets?: { mtu: number }): Promise<void> {
    await this.command('send', { bytes, ...(packets === undefined ? {} : { packets: true, ...packets }) });
  }
  /** `pause`: reads slowly. Without `bytes`: until the session ends. */
  receive(bytes?: number, pause = false): Promise<Received> {
    return this.command('receive', { bytes: bytes ?? 0, pause });
  }
  async close(lingerMs = 1000): Promise<void> {
    await this.command('close', { linger: lingerMs });
  }
  async cut(link: number): Promise<void> {
    await this.command('cut', { link });
  }
  state(): Promise<{ closed: boolean; closedByRemote: boolean; established: boolean }> {
    return this.command('state', {});
  }
  /** Two sessions of the original in one process; answers MB/s. */
  async bench(options: { links: number; mtu: number; bytes: number; loss?: number; delayMs?: number }): Promise<number> {
    return (await this.command<{ megabytesPerSecond: number }>('bench', options)).megabytesPerSecond;
  }

  command<Answer>(name: string, more: object): Promise<Answer> {
    const id = ++this.#commands;
    return new Promise((resolve, reject) => {
      this.#pending.set(id, { resolve: resolve as (answer: never) => void, reject });
      this.#child.stdin.write(`${JSON.stringify({ id, do: name, ...more })}\n`);
    });
  }

  async stop(): Promise<void> {
    this.#child.stdin.end();
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), 2000);
    await this.#exited;
    clearTimeout(timer);
  }
}
