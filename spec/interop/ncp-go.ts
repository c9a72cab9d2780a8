import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { GoProgram } from './go-program.js';
import { valueOfLine } from './line-of.js';

const program = new GoProgram('ncp-go');

/** Whether tests can run against the real ncp-go and nkn-tuna-session; see `GoProgram.isAvailable`. */
export function ncpGoAvailable(): boolean {
  return program.isAvailable();
}

/** Builds the program around them where necessary, and returns the path of the binary. */
export function buildNcpGo(): Promise<string> {
  return program.build();
}

/** Settings of the original's session; its defaults where they are left out. */
export interface NcpGoSettings {
  /** Receive window in bytes: 4 MiB. */
  readonly window?: number;
  /** How long it gathers acknowledgements: 50 ms. */
  readonly ackIntervalMs?: number;
  /** Its retransmission timeout at first, and at most: 5 and 10 s. */
  readonly rtoInitialMs?: number;
  readonly rtoMaxMs?: number;
  /** Ranges in one acknowledgement: 32. */
  readonly ackRanges?: number;
  /** How long small writes wait for company: 10 ms. */
  readonly flushMs?: number;
}

export interface NcpGoOptions extends NcpGoSettings {
  readonly links: number;
  readonly mtu?: number;
  /** Each write is one packet. */
  readonly packets?: boolean;
}

export interface Received {
  readonly bytes: number;
  /** Place of the first wrong byte; -1: none. */
  readonly wrongAt: number;
  /** Waits of more than 5 ms between two reads: when they ended (Unix time) and how long they were, both in ms. */
  readonly gaps: readonly (readonly [number, number])[] | null;
  /** The longest that its process was kept from running meanwhile. */
  readonly lagMs: number;
}

interface Pending {
  readonly resolve: (answer: never) => void;
  readonly reject: (error: Error) => void;
}

export interface NcpGoEvent {
  readonly event: string;
  readonly error?: string;
  readonly link?: number;
  /** `asked`: somebody's addresses are wanted; the answer goes back with the number. Data is Base64. */
  readonly ask?: number;
  readonly data?: string;
}

/** What the original believes to be missing on the other side, and what it does about it. */
export interface Owed {
  /** The first packet that isn't acknowledged, and the one after the last. */
  readonly start: number;
  readonly end: number;
  /** Bytes that the other side may leave unread, and bytes that it has, as far as the original knows. */
  readonly window: number;
  readonly unread: number;
  /** `ageMs`: since when that first packet is under way there; `rtoMs`: after how long it is sent again. */
  readonly links: readonly {
    readonly link: string;
    readonly rtoMs: number;
    readonly ageMs?: number;
    readonly inFlight: number;
  }[];
}

/** A running process with one real ncp-go session. `stop` must be called. */
export class NcpGo {
  readonly events: NcpGoEvent[] = [];
  onEvent: ((event: NcpGoEvent) => void) | undefined;
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
      const said = valueOfLine<{ re?: number; error?: string } | NcpGoEvent>(line, this.#child);
      if (said === undefined) return;
      if ('event' in said) {
        this.events.push(said);
        return this.onEvent?.(said);
      }
      if (said.re === undefined) return;
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
  owes(): Promise<Owed> {
    return this.command('owes', {});
  }
  /** Two sessions of the original in one process; answers MB/s. */
  async measure(options: { links: number; mtu: number; bytes: number; loss?: number; delayMs?: number }): Promise<number> {
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
