import { constants } from 'node:fs';
import { access, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { writeAtomically } from './atomic-file.js';
import { readRegular } from './directories.js';
import { SessionError } from '../../machines/errors.js';

/** Keeps a file like what is in memory: written as a whole, never in part, after each turn in which something changed. */
export class KeptFile {
  #isDirty = false;
  #writing: Promise<void> | undefined;
  #failure: Error | undefined;

  /**
   * @param content what the file should hold now
   * @param onWriteFailed told when that could not be written; it is tried again with the next change
   */
  constructor(
    readonly path: string,
    readonly content: () => string,
    readonly onWriteFailed?: (error: Error) => void,
  ) {}

  /** Why the last write failed; undefined where it didn't. */
  get failure(): Error | undefined {
    return this.#failure;
  }

  /** Changes that come while a write is under way share the next one. */
  changed(): void {
    this.#isDirty = true;
    this.#writing ??= this.#write();
  }

  /** Settles when every change so far is on disk, or could not be written. */
  async written(): Promise<void> {
    while (this.#writing) await this.#writing;
  }

  async #write(): Promise<void> {
    await Promise.resolve(); // Changes of one turn share a write too.
    while (this.#isDirty) {
      this.#isDirty = false;
      try {
        await writeAtomically(this.path, this.content(), 0o600);
        this.#failure = undefined;
      } catch (error) {
        this.#failure = error as Error;
        this.onWriteFailed?.(error as Error);
      }
    }
    this.#writing = undefined;
  }
}

/**
 * Where nothing could be kept, that is better known at the start.
 *
 * @throws SessionError `bad-option` for a file whose directory isn't there, or can't be written to
 */
export async function checkWritable(path: string): Promise<void> {
  try {
    checkPath(path);
    const directory = dirname(path);
    if (!(await stat(directory)).isDirectory()) throw new Error(`${directory} is no directory`);
    await access(directory, constants.W_OK | constants.X_OK);
  } catch (cause) {
    const why =
      (cause as NodeJS.ErrnoException).code === 'ENOENT'
        ? `there is no directory ${dirname(path)}; make it first`
        : (cause as Error).message;
    throw new SessionError('bad-option', `can't keep trusted peers in ${path}: ${why}`, { cause });
  }
}

/**
 * A file that isn't there is undefined.
 *
 * @throws SessionError `bad-option` for one that can't be read, or has more than `bytesMax` bytes, which are not read then
 */
export async function readBounded(path: string, bytesMax: number): Promise<string | undefined> {
  try {
    checkPath(path);
    return await readRegular(path, bytesMax);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new SessionError('bad-option', `can't read trusted peers from ${path}: ${(cause as Error).message}`, { cause });
  }
}

function checkPath(path: unknown): void {
  if (typeof path !== 'string' || path === '')
    throw new Error(`expected the path of a file, got ${path === '' ? 'an empty text' : String(path)}`);
}
