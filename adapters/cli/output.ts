import { printable, printableJson } from '../printable.js';
import { stringifyPayload } from '../stringify.js';
import type { Failure } from './failures.js';

/**
 * Lines for people, or for programs: with `--json` only objects are printed, one per line, the summary last. Everything that a
 * command prints passes here, where what a peer has said (names, reasons, identities) is escaped: it can't steer the terminal.
 */
export class Output {
  #bar: Bar | undefined;
  #gathered = ''; // Lines that leave at the end of this turn.

  /** `isShow`: to be read is all that the command is for, so that it ends when its reader (`| head`) has seen enough. */
  constructor(
    readonly isJson: boolean,
    isShow = false,
  ) {
    ignoreBrokenPipes();
    if (isShow) isBrokenPipe = true;
  }

  /** One line for people, escaped and bounded; a progress bar makes room for it. */
  say(line: string): void {
    this.#flush();
    if (this.isJson) return;
    this.#bar?.makeRoom();
    process.stdout.write(`${shown(line)}\n`);
  }

  /** One machine-readable line; nothing for people. */
  tell(value: object): void {
    this.#flush();
    if (this.isJson) process.stdout.write(`${printableJson(stringifyPayload(value))}\n`);
  }

  /**
   * One line of very many, for people or for programs. Those of one turn of the event loop are written at once: each write to a pipe
   * is a call that waits for the system.
   */
  tellMany(value: object, line: string): void {
    if (this.#gathered === '') {
      setImmediate(this.#flush);
      process.once('exit', this.#flush);
    }
    this.#gathered += `${this.isJson ? printableJson(stringifyPayload(value)) : shown(line)}\n`;
  }

  readonly #flush = (): void => {
    if (this.#gathered === '') return;
    process.off('exit', this.#flush);
    const lines = this.#gathered;
    this.#gathered = '';
    this.#bar?.makeRoom();
    process.stdout.write(lines);
  };

  /** A warning: on standard error, with and without `--json`. */
  warn(line: string): void {
    this.#flush();
    this.#bar?.makeRoom();
    process.stderr.write(`holdfast: ${shown(line)}\n`);
  }

  /** The error and a remedy. With `--json` it is the last line, in place of the summary. */
  fail({ code, message, advice }: Failure): void {
    this.warn(message);
    if (advice !== undefined) process.stderr.write(`${' '.repeat('holdfast: '.length)}${shown(advice)}\n`);
    this.tell({ failed: code, message, ...(advice === undefined ? {} : { advice }) });
  }

  /** A progress bar where there is a terminal to draw it on, nothing elsewhere. */
  async progress(total: number, unit: string): Promise<Bar> {
    if (this.isJson || !process.stderr.isTTY || !process.stdout.isTTY) return NO_BAR;
    const bar = await drawnBar(total, unit);
    if (bar === undefined) return NO_BAR;
    const stop = (): void => {
      this.#bar = undefined; // Lines need no room any more.
      bar.stop();
    };
    this.#bar = { ...bar, stop };
    return this.#bar;
  }
}

/** Longer lines are cut: a peer's message may have a mebibyte. */
const LINE_CHARACTERS_MAX = 4000;

function shown(line: string): string {
  const isLong = line.length > LINE_CHARACTERS_MAX;
  return isLong ? `${printable(line.slice(0, LINE_CHARACTERS_MAX))}… (${line.length} characters)` : printable(line);
}

export interface Bar {
  update(value: number): void;
  /** Clears the line; the bar comes back with its next update. */
  makeRoom(): void;
  stop(): void;
}

const NO_BAR: Bar = { update: () => {}, makeRoom: () => {}, stop: () => {} };

/** Undefined where the optional package is not installed: a bar is a comfort. */
async function drawnBar(total: number, unit: string): Promise<Bar | undefined> {
  const progress = await import('cli-progress').then(
    (found) => found.default,
    () => undefined,
  );
  if (progress === undefined) return undefined;
  const bar = new progress.SingleBar(
    {
      format: `{bar} {percentage} % | {value}/{total} ${unit} | {eta} s left`,
      etaBuffer: 100,
      hideCursor: true,
      clearOnComplete: true,
    },
    progress.Presets.shades_classic,
  );
  bar.start(total, 0);
  return {
    update: (value) => bar.update(value),
    makeRoom: () => void process.stderr.write('\r\u001b[K'),
    stop: () => bar.stop(),
  };
}

let isWatched = false;
let isBrokenPipe = false;

/** A reader that has left is no error: what a command was asked for it does all the same, and its exit code tells. */
export function ignoreBrokenPipes(): void {
  if (isWatched) return;
  isWatched = true;
  for (const stream of [process.stdout, process.stderr])
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (!['EPIPE', 'ERR_STREAM_DESTROYED'].includes(error.code ?? '')) throw error;
      if (isBrokenPipe && stream === process.stdout) process.exit(0);
    });
}
