import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';

/** What the child is: one engine, one transport, one protocol. */
export interface ChildOptions {
  readonly transport: 'tcp' | 'tls' | 'ws' | 'wss';
  /** Default `resume`. */
  readonly protocol?: 'resume' | 'pool' | 'tuna';
  /** Identity and trust, where the transport has them. */
  readonly proof?: object | undefined;
  readonly listen?: readonly string[];
  /** Of the protocol. */
  readonly options?: object;
}

/** Something that happened there; `event` is an engine event, a state, or a word of `session.mjs`. */
export interface Told {
  readonly event: string;
  readonly address?: string;
  readonly code?: string;
  readonly number?: number;
  readonly said?: number;
  readonly tookMs?: number;
  readonly before?: readonly string[];
  readonly left?: readonly string[];
}

/** A process with one side of a session in it (`session.mjs`). */
export class Child {
  readonly process: ChildProcess;
  readonly told: Told[] = [];
  readonly exited: Promise<number | null>;
  #err = '';
  #watchers: (() => void)[] = [];

  constructor(options: ChildOptions) {
    this.process = fork(join(__dirname, 'session.mjs'), [JSON.stringify(options)], {
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
      execArgv: [],
    });
    this.process.stderr!.on('data', (chunk: Buffer) => (this.#err += chunk.toString()));
    this.process.on('message', (told) => {
      this.told.push(told as Told);
      this.#look();
    });
    this.exited = once(this.process, 'close').then(([code]) => code as number | null);
    void this.exited.then(() => this.#look());
  }

  tell(deed: string, rest: object = {}): void {
    this.process.send({ deed, ...rest });
  }

  /** Stands still from here on, and its sockets with it, until `thaw`. */
  freeze(): void {
    this.process.kill('SIGSTOP');
  }
  thaw(): void {
    this.process.kill('SIGCONT');
  }
  async kill(): Promise<void> {
    if (this.process.exitCode === null && this.process.signalCode === null) this.process.kill('SIGKILL');
    await this.exited;
  }

  /** How often that was told so far. */
  count(event: string): number {
    return this.told.reduce((n, each) => n + Number(each.event === event), 0);
  }

  /** Resolves with the first of such (or the `nth`), past or to come; rejects when the process ends without it. */
  async heard(event: string, nth = 1): Promise<Told> {
    for (;;) {
      const found = this.told.filter((each) => each.event === event)[nth - 1];
      if (found !== undefined) return found;
      if (this.process.exitCode !== null || this.process.signalCode !== null)
        throw new Error(`ended without "${event}": ${this.#err}${JSON.stringify(this.told.slice(-5))}`);
      await new Promise<void>((resolve) => this.#watchers.push(resolve));
    }
  }

  #look(): void {
    for (const look of this.#watchers.splice(0)) look();
  }
}
