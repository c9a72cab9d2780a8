import { createHash, type Hash } from 'node:crypto';
import { access, constants, stat, type Stats } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import type { OfferedFile } from './payloads.js';
import { TransferError } from './record-stream.js';
import { READ, readWhole } from './whole-file.js';
import { unlisted } from '../../../machines/unlisted.js';

/** The contents of one file to send: read from the beginning, or not at all. */
export interface Source {
  readonly about: OfferedFile;
  /** Digests the first bytes; undefined when there are not so many, or when they can't be read twice. */
  prefix(bytes: number): Promise<Hash | undefined>;
  /** Begins to read at `offset`. */
  open(offset: number): Promise<void>;
  /** Fills the beginning of `into`; how much, 0 at the end. */
  read(into: Uint8Array): Promise<number>;
  /** Throws where what was read is no longer what was offered. */
  check(bytesRead: number): Promise<void>;
  /**
   * All bytes of a small file at once, checked as `check` does: fills the beginning of `into`, which has room for one byte more than
   * the file has. A source without it is opened, read and closed.
   */
  whole?(into: Uint8Array): Promise<number>;
  close(): Promise<void>;
}

/** For reading, without waiting for the writer of a named pipe. */
export function openAtOnce(path: string): Promise<FileHandle> {
  return open(path, READ);
}

/** One promise for both calls: thousands of files are looked up before any is sent. */
function readable(path: string): Promise<Stats> {
  return new Promise((resolve, reject) => {
    stat(path, (error, found) => {
      if (error !== null) return reject(error);
      if (!found.isFile()) return reject(new TransferError('io', `${path} is not a file`));
      access(path, constants.R_OK, (failure) => (failure === null ? resolve(found) : reject(failure)));
    });
  });
}

/** A file on the disk. Stateful: holds it open while it is read. */
export class FileSource implements Source {
  #file: FileHandle | undefined;
  #at = 0;

  private constructor(
    readonly path: string,
    readonly about: OfferedFile & { readonly size: number },
  ) {
    unlisted(this);
  }

  toJSON(): object {
    return { ...this.about };
  }

  /** @throws the file system's error; TransferError `io` for what is no file */
  static async of(path: string, name: string): Promise<FileSource> {
    const found = await readable(path); // It is opened once, when its turn comes; that it can't be is said now.
    return new FileSource(path, { name, size: found.size, mode: found.mode & 0o777, mtimeMs: found.mtimeMs });
  }

  async prefix(bytes: number): Promise<Hash | undefined> {
    if (bytes === 0) return createHash('sha256');
    await this.open(0);
    const hash = createHash('sha256');
    const chunk = new Uint8Array(256 << 10);
    for (let left = bytes; left > 0;) {
      const got = await this.read(chunk.subarray(0, Math.min(left, chunk.length)));
      if (got === 0) return undefined;
      hash.update(chunk.subarray(0, got));
      left -= got;
    }
    return hash;
  }

  async open(offset: number): Promise<void> {
    this.#file ??= await openAtOnce(this.path);
    this.#at = offset;
  }

  async read(into: Uint8Array): Promise<number> {
    const { bytesRead } = await this.#file!.read(into, 0, into.length, this.#at);
    this.#at += bytesRead;
    return bytesRead;
  }

  async whole(into: Uint8Array): Promise<number> {
    const { bytes, stats } = await readWhole(this.path, into);
    this.#compare(bytes, stats);
    return bytes;
  }

  async check(bytesRead: number): Promise<void> {
    this.#compare(bytesRead, await this.#file!.stat());
  }

  /** @rule XFER-4 */
  #compare(bytesRead: number, { size, mtimeMs }: Stats): void {
    if (bytesRead === this.about.size && size === this.about.size && mtimeMs === this.about.mtimeMs) return;
    throw new TransferError('source-changed', `${this.path} has changed while it was read`);
  }

  async close(): Promise<void> {
    const file = this.#file;
    this.#file = undefined;
    await file?.close();
  }
}

/** Standard input, or any other stream: of unknown size, and gone once it was read. Stateful. */
export class PipeSource implements Source {
  readonly about: OfferedFile;
  #chunks: AsyncIterator<Uint8Array> | undefined;
  #rest: Uint8Array = new Uint8Array(0);

  constructor(
    readonly input: Readable,
    name: string,
  ) {
    this.about = { name, size: null };
    unlisted(this);
  }

  toJSON(): object {
    return { ...this.about };
  }

  prefix(bytes: number): Promise<Hash | undefined> {
    return Promise.resolve(bytes === 0 ? createHash('sha256') : undefined);
  }

  open(): Promise<void> {
    if (this.#chunks !== undefined)
      return Promise.reject(
        new TransferError(
          'source-changed',
          `${this.about.name} was read in part when the session was lost, and can't be read again`,
        ),
      );
    this.#chunks = this.input[Symbol.asyncIterator]() as AsyncIterator<Uint8Array>;
    return Promise.resolve();
  }

  async read(into: Uint8Array): Promise<number> {
    if (this.#rest.length === 0) {
      const { done, value } = await this.#chunks!.next();
      if (done === true) return 0;
      this.#rest = value;
    }
    const part = this.#rest.subarray(0, into.length);
    into.set(part);
    this.#rest = this.#rest.subarray(part.length);
    return part.length;
  }

  check(): Promise<void> {
    return Promise.resolve();
  }

  close(): Promise<void> {
    return Promise.resolve(); // Another attempt must not begin in its middle.
  }
}
