import { encodeRecord } from './codec.js';
import type { RecordStream } from './record-stream.js';

/**
 * The confirmations of one offer's files: in the order of the files, in whatever order they got their names. Those that are due in
 * one turn of the event loop are sent in one write; at most one small record a file is waiting. Stateful.
 * @rule XFER-1
 */
export class Confirmations<Report extends object> {
  /** Resolves when all files are confirmed; rejects with the failure of a file, when those before it are confirmed. */
  readonly settled: Promise<void>;
  readonly #placed = new Map<number, Report | Error>();
  readonly #due: Uint8Array[] = [];
  #next = 0;
  #flushing: Promise<void> | undefined;
  #resolve: () => void = () => {};
  #reject: (error: Error) => void = () => {};

  constructor(
    readonly records: RecordStream,
    readonly count: number,
    /** The file is next in order: it is about to be confirmed. */
    readonly confirmed: (report: Report) => void,
  ) {
    this.settled = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    this.settled.catch(() => {}); // The end of the offer awaits it.
  }

  /** The file has its name, or can't get it. */
  settle(file: number, result: Report | Error): void {
    this.#placed.set(file, result);
    for (let next; (next = this.#placed.get(this.#next)) !== undefined && !(next instanceof Error); this.#next++) {
      this.#placed.delete(this.#next);
      this.#due.push(encodeRecord({ kind: 'done', file: this.#next }));
      this.confirmed(next);
    }
    this.#flushing ??= new Promise<void>((resolve) => setImmediate(resolve)).then(() => this.#flush());
  }

  /** Resolves when what is due was sent, or can't be. */
  async flushed(): Promise<void> {
    await this.#flushing;
  }

  async #flush(): Promise<void> {
    try {
      while (this.#due.length > 0) await this.records.sayBytes(Buffer.concat(this.#due.splice(0)));
      const next = this.#placed.get(this.#next);
      if (next instanceof Error) this.#reject(next);
      if (this.#next === this.count) this.#resolve();
    } catch (error) {
      this.#reject(error as Error);
    } finally {
      this.#flushing = undefined;
    }
  }
}
