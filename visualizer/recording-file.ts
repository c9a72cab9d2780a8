import { closeSync, fstatSync, openSync, renameSync, writeSync } from 'node:fs';
import { checkOptionNames } from '../machines/arguments.js';
import { RecordingMemory } from './recording/memory.js';
import type { RecordingLine } from './recording/format.js';
import type { RecordingSink } from './recording/turn.js';

/** The bounds of a recording's file. */
export interface RecordingFileOptions {
  /** The file is never longer than this: it is written anew then, with what `RecordingMemory` keeps. Default 64 MiB. */
  readonly bytesMax?: number;
  /** Bytes of lines kept in memory for that. Default 8 MiB, at most a quarter of `bytesMax`. */
  readonly memoryBytesMax?: number;
  /** Called once, where the file can't be written any more: the disk is full. The recording ends there. Default: nothing. */
  readonly onError?: (error: Error) => void;
}

/** Lines wait at most this long, or until there are so many bytes of them. */
const DELAY_MS = 200;
const BUFFER_BYTES = 64 << 10;

/**
 * Writes a recording to a file, for its owner alone to read. Only whole lines are written, at the latest after 200 ms, and when the process
 * exits: after a crash the file is readable. Throws where the file can't be opened. An existing file is replaced.
 */
export class RecordingFile implements RecordingSink {
  readonly #memory: RecordingMemory;
  readonly #bytesMax: number;
  readonly #isRegular: boolean;
  readonly #onError: ((error: Error) => void) | undefined;
  readonly #exit = (): void => this.#flush();
  #fd: number | undefined;
  #bytes = 0;
  #waiting: string[] = [];
  #waitingBytes = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(
    readonly path: string,
    options: RecordingFileOptions = {},
  ) {
    checkOptionNames('RecordingFile', options, 'bytesMax', 'memoryBytesMax', 'onError');
    const { bytesMax = 64 << 20, memoryBytesMax = Math.min(8 << 20, bytesMax / 4), onError } = options;
    this.#memory = new RecordingMemory({ bytesMax: memoryBytesMax / 2 });
    this.#bytesMax = bytesMax;
    this.#onError = onError;
    this.#fd = openSync(path, 'w', 0o600);
    this.#isRegular = fstatSync(this.#fd).isFile();
    process.on('exit', this.#exit);
  }

  /** Bytes of the file so far. */
  get bytes(): number {
    return this.#bytes + this.#waitingBytes;
  }

  write(line: RecordingLine, session: number | undefined): void {
    if (this.#fd === undefined) return;
    if (this.#isRegular) this.#memory.write(line, session);
    const text = `${JSON.stringify(line)}\n`;
    this.#waiting.push(text);
    this.#waitingBytes += text.length;
    if (this.#waitingBytes > BUFFER_BYTES) return this.#flush();
    if (this.#timer !== undefined) return;
    this.#timer = setTimeout(() => this.#flush(), DELAY_MS);
    this.#timer.unref();
  }

  endedBadly(session: number): void {
    this.#memory.endedBadly(session);
  }

  end(): void {
    this.#flush();
    process.off('exit', this.#exit);
    if (this.#fd !== undefined) closeSync(this.#fd);
    this.#fd = undefined;
  }

  #flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const text = this.#waiting.join('');
    this.#waiting = [];
    this.#waitingBytes = 0;
    if (this.#fd === undefined || text === '') return;
    try {
      const bytes = Buffer.from(text);
      if (this.#isRegular && this.#bytes + bytes.length > this.#bytesMax) return this.#compact();
      writeAll(this.#fd, bytes);
      this.#bytes += bytes.length;
    } catch (error) {
      this.#fail(error as Error);
    }
  }

  /** The new file takes the place of the old one when it is whole. It has the waiting lines too: memory got them first. */
  #compact(): void {
    const aside = `${this.path}.new`;
    const bytes = Buffer.from(this.#memory.text());
    const fd = openSync(aside, 'w', 0o600);
    try {
      writeAll(fd, bytes);
      renameSync(aside, this.path);
    } catch (error) {
      closeSync(fd);
      throw error;
    }
    closeSync(this.#fd!);
    this.#fd = fd;
    this.#bytes = bytes.length;
  }

  #fail(error: Error): void {
    try {
      closeSync(this.#fd!);
    } catch {
      // The first error says more.
    }
    this.#fd = undefined;
    this.#onError?.(error);
  }
}

function writeAll(fd: number, bytes: Uint8Array): void {
  for (let done = 0; done < bytes.length;) done += writeSync(fd, bytes, done);
}
