import type { Closing, Engine } from '../index.js';
import type { FileReport, Progress } from '../streams/index.js';
import { wasInterrupted } from './interrupt.js';
import type { LinkWatch } from './links.js';
import type { Bar, Output } from './output.js';

/** The last line of `send … --json` and `receive … --json`. */
export interface TransferSummary {
  readonly files: readonly FileReport[];
  readonly bytes: number;
  /** The part of `bytes` that was there already from an earlier attempt. */
  readonly bytesKept: number;
  /** Set if it was one file. */
  readonly sha256?: string;
  readonly seconds: number;
  /** Links that were lost and resumed. */
  readonly resumes: number;
  /** Sessions that were lost for good, after which the transfer continued where it was. */
  readonly restarts: number;
}

/** Interval between two progress events for programs. */
const TELL_MS = 500;

/** Reports the progress of a transfer: a bar and a line per file for people, events for programs. */
export class TransferLog {
  readonly files: FileReport[] = [];
  restarts = 0;
  #began: number | undefined; // The first session: the time before it does not count.
  #resumes = 0;
  #isWaiting = false;
  #toldAt = -Infinity;
  #bar: Promise<Bar> | undefined;

  constructor(
    readonly output: Output,
    engine: Engine,
    watch: LinkWatch,
    readonly verb: 'sent' | 'received',
  ) {
    // Each link of a session with several links counts; the session's own resume is that of one of them.
    let isLinked = false;
    watch.tell = ({ word, link, afterMs }) => {
      isLinked = true;
      if (word === 'back') this.#resumed(afterMs, link);
    };
    engine.on((event) => {
      if (event.type === 'resumed' && !isLinked) this.#resumed(event.afterMs);
    });
  }

  /** Prints the first of several failed attempts. */
  waiting(address: string, { code, reason }: Closing): void {
    if (this.#isWaiting) return;
    this.#isWaiting = true;
    this.output.tell({ event: 'waiting', address, code, message: reason });
    this.output.say(`Waiting for ${address}: ${reason}`);
  }

  connected(peer: string): void {
    this.#isWaiting = false;
    this.#began ??= performance.now();
    this.output.tell({ event: 'connected', peer });
  }

  /** The session has ended; the transfer goes on in the next one. */
  broken(reason: string): void {
    if (wasInterrupted()) return; // Then the transfer does not go on either.
    this.restarts++;
    this.output.tell({ event: 'broken', message: reason });
    this.output.say(`Interrupted: ${reason} The transfer continues when the other side is back.`);
  }

  progress({ name, bytes, size, bytesInAll, sizeInAll }: Progress): void {
    if (sizeInAll !== null) {
      this.#bar ??= this.output.progress(Math.ceil(sizeInAll / 2 ** 20), 'MiB');
      void this.#bar.then((bar) => bar.update(Math.round(bytesInAll / 2 ** 20)));
    }
    const now = performance.now();
    if (now - this.#toldAt < TELL_MS) return;
    this.#toldAt = now;
    this.output.tell({ event: 'progress', file: name, bytes, size, bytesInAll, sizeInAll });
  }

  done(file: FileReport): void {
    this.files.push(file);
    const kept = file.bytesKept === 0 ? '' : `, ${sized(file.bytesKept)} received earlier`;
    const line = `${file.name}  ${sized(file.bytes)}${kept}  sha256 ${file.sha256}`;
    this.output.tellMany({ event: 'file', ...file }, line);
  }

  async summarize(): Promise<void> {
    await this.stop();
    const { files, restarts } = this;
    const bytes = files.reduce((sum, each) => sum + each.bytes, 0);
    const summary: TransferSummary = {
      files,
      bytes,
      bytesKept: files.reduce((sum, each) => sum + each.bytesKept, 0),
      ...(files.length === 1 ? { sha256: files[0]!.sha256 } : {}),
      seconds: this.#began === undefined ? 0 : Math.round(performance.now() - this.#began) / 1000,
      resumes: this.#resumes,
      restarts,
    };
    this.output.tell(summary);
    const what = `${files.length} ${files.length === 1 ? 'file' : 'files'}`;
    this.output.say(`${what} ${this.verb}, ${sized(bytes)} in ${summary.seconds} s, ${this.#resumes} resumes.`);
  }

  /** Removes the bar. */
  async stop(): Promise<void> {
    (await this.#bar)?.stop();
    this.#bar = undefined;
  }

  #resumed(afterMs: number, link?: number): void {
    this.#resumes++;
    this.output.tell({ event: 'resumed', ...(link === undefined ? {} : { link }), afterMs: Math.round(afterMs * 10) / 10 });
  }
}

function sized(bytes: number): string {
  if (bytes < 2 ** 10) return `${bytes} B`;
  if (bytes < 2 ** 20) return `${(bytes / 2 ** 10).toFixed(1)} KiB`;
  return `${(bytes / 2 ** 20).toFixed(1)} MiB`;
}
