import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { valueOfLine } from '../interop/line-of.js';

const main = join(__dirname, '../../dist/adapters/cli/main.js');

type Line = Record<string, unknown>;

/** A command that runs, with `--json`; its lines as they come. */
export class Command {
  readonly child: ChildProcess;
  readonly lines: Line[] = [];
  err = '';
  readonly ended: Promise<{ code: number | null; signal: string | null }>;
  #watchers: (() => void)[] = [];

  constructor(args: readonly string[], cwd?: string) {
    this.child = spawn(process.execPath, [main, ...args, '--json'], {
      stdio: ['pipe', 'pipe', 'pipe'],
      ...(cwd === undefined ? {} : { cwd }),
    });
    this.child.stderr!.on('data', (chunk: Buffer) => (this.err += chunk.toString()));
    createInterface(this.child.stdout!).on('line', (line) => {
      const value = valueOfLine<Line>(line, this.child);
      if (value !== undefined) this.lines.push(value);
      for (const look of this.#watchers.splice(0)) look();
    });
    // `close` comes behind the last line, `exit` may not.
    this.ended = once(this.child, 'close').then(([code, signal]) => ({ code: code as number, signal: signal as string }));
    void this.ended.then(() => {
      for (const look of this.#watchers.splice(0)) look();
    });
  }

  get last(): Line | undefined {
    return this.lines.at(-1);
  }

  /** Resolves with the first line that has this event (or the `count`th of them), past or to come. Rejects when the command ends without it. */
  async heard(event: string, count = 1): Promise<Line> {
    for (;;) {
      const found = this.lines.filter((line) => line['event'] === event);
      if (found.length >= count) return found[count - 1]!;
      if (this.child.exitCode !== null || this.child.signalCode !== null) {
        await this.ended;
        const late = this.lines.filter((line) => line['event'] === event);
        if (late.length >= count) return late[count - 1]!;
        throw new Error(`ended without "${event}": ${this.err}${JSON.stringify(this.lines.slice(-5))}`);
      }
      await new Promise<void>((resolve) => this.#watchers.push(resolve));
    }
  }

  async interrupt(signal: NodeJS.Signals = 'SIGINT'): Promise<{ code: number | null; signal: string | null }> {
    this.child.kill(signal);
    return this.ended;
  }

  async kill(): Promise<void> {
    if (this.child.exitCode === null && this.child.signalCode === null) this.child.kill('SIGKILL');
    await this.ended;
  }
}
