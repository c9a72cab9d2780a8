import { createHash, hash as hashOf, type Hash } from 'node:crypto';
import { constants, createReadStream } from 'node:fs';
import { link, lstat, open, readFile, rename, rm, unlink, writeFile, type FileHandle } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { hasFields, isCount } from './payloads.js';
import { PARTIAL_FILE_PREFIX } from './names.js';
import { TransferError } from './record-stream.js';
import { placeWhole, type WholeFile } from './whole-file.js';

/** The saved state of a partial file: its number of bytes, and their digest. */
interface PartialFileState {
  readonly version: 1;
  readonly name: string;
  readonly offset: number;
  readonly sha256: string;
}

/** After this many bytes, or this time with any bytes, the state is saved again. Chosen without measurement. */
const CHECKPOINT_BYTES = 8 << 20;
const CHECKPOINT_MS = 1000;

/** Bytes written to the disk at once; as many again may gather meanwhile. */
const BATCH_BYTES = 1 << 20;

/** The digest of zero bytes. */
export const SHA256_OF_NOTHING = hashOf('sha256', '');

/**
 * A file that is not complete: its bytes under a temporary name, and beside it a small state file, so that after a
 * crash the valid bytes are known. They are used only if their digest matches. Stateful.
 * @rule XFER-2 XFER-3
 */
export class PartialFile {
  readonly path: string;
  readonly statePath: string;
  #hash: Hash | undefined; // Of the bytes; undefined: there are at most those of one piece, `#first`.
  #first: Uint8Array | undefined; // It is in the batch as well.
  #offset = 0;
  #savedOffset = 0;
  #savedAt = 0;
  #file: FileHandle | undefined;
  #opening = -1; // The offset to write from, once it is opened; -1: it is open, or not begun.
  #mayHaveState = true; // A state file may exist; false: none was found, and none was written.
  #batch: Uint8Array[] = [];
  #batchBytes = 0;
  #writtenTo = 0; // The offset of the batch in the file.
  #writing: Promise<void> = Promise.resolve();

  constructor(
    readonly directory: string,
    readonly name: string,
  ) {
    const stem = `${PARTIAL_FILE_PREFIX}${hashOf('sha256', name).slice(0, 24)}`;
    this.path = join(directory, `${stem}.part`);
    this.statePath = join(directory, `${stem}.json`);
  }

  /** Bytes that are in the file and in the digest. */
  get offset(): number {
    return this.#offset;
  }
  get sha256(): string {
    if (this.#hash !== undefined) return this.#hash.copy().digest('hex');
    return this.#first === undefined ? SHA256_OF_NOTHING : hashOf('sha256', this.#first);
  }

  /** Takes the names in the directory: if the state file is not among them, there is none. */
  noteListing(names: ReadonlySet<string>): void {
    this.#mayHaveState = names.has(basename(this.statePath));
  }

  /** The number of valid bytes from an earlier attempt; 0 if there are none. */
  async recover(): Promise<number> {
    if (!this.#mayHaveState) return 0;
    const state = await this.#readState();
    if (state === undefined || state.name !== this.name || state.offset === 0) return 0;
    const found = await digestOf(this.path, state.offset).catch(() => undefined);
    if (found === undefined || found.bytes !== state.offset || found.hash.copy().digest('hex') !== state.sha256) return 0;
    this.#hash = found.hash;
    this.#offset = this.#savedOffset = state.offset;
    return state.offset;
  }

  /**
   * Prepares appending from `offset` on, which is the recovered offset, or 0. `isSmall`: the file arrives whole in a moment, so
   * it is opened when it is written, and its state is not saved before a second has passed.
   */
  begin(offset: number, isSmall = false): Promise<void> | undefined {
    if (offset !== this.#offset) {
      if (offset !== 0) throw new TransferError('malformed', `${this.name}: begun at ${offset}, which was not offered`);
      this.#hash = this.#first = undefined;
      this.#offset = this.#savedOffset = 0;
    }
    this.#writtenTo = this.#opening = offset;
    this.#savedAt = performance.now();
    return isSmall && offset === 0 ? undefined : this.#beginLarge(offset);
  }

  async #beginLarge(offset: number): Promise<void> {
    await this.#open();
    if (offset === 0) await this.save();
  }

  async #open(): Promise<FileHandle> {
    if (this.#file !== undefined && this.#opening < 0) return this.#file;
    // Does not follow a link that another process put there.
    const flags = constants.O_RDWR | constants.O_CREAT | (constants.O_NOFOLLOW ?? 0);
    const isEmpty = this.#opening === 0;
    this.#file = await open(this.path, isEmpty ? flags | constants.O_TRUNC : flags, 0o600);
    if (!isEmpty) await this.#file.truncate(this.#opening);
    this.#opening = -1;
    return this.#file;
  }

  /** Takes the bytes over. They are written while the next ones arrive; one of the next calls reports an error of the disk. */
  append(bytes: Uint8Array): Promise<void> | undefined {
    // The digest of a single piece takes a third of the time in one call.
    if (this.#offset === 0 && this.#hash === undefined) this.#first = bytes;
    else {
      this.#hash ??= createHash('sha256').update(this.#first!);
      this.#first = undefined;
      this.#hash.update(bytes);
    }
    this.#offset += bytes.length;
    this.#batch.push(bytes);
    this.#batchBytes += bytes.length;
    const isDue = this.#offset - this.#savedOffset >= CHECKPOINT_BYTES || performance.now() - this.#savedAt >= CHECKPOINT_MS;
    return isDue || this.#batchBytes >= BATCH_BYTES ? this.#put(isDue) : undefined;
  }

  async #put(isDue: boolean): Promise<void> {
    if (this.#batchBytes >= BATCH_BYTES) await this.#write();
    if (isDue) await this.save();
  }

  /**
   * Saves the state, so that a crash at any moment leaves the old state or the new. Not forced to the disk: after a power cut the
   * digest shows whether the bytes are valid.
   */
  async save(): Promise<void> {
    await this.#flush();
    this.#mayHaveState = true;
    const fresh = `${this.statePath}.new`;
    const state: PartialFileState = { version: 1, name: this.name, offset: this.#offset, sha256: this.sha256 };
    await rm(fresh, { force: true });
    await writeFile(fresh, JSON.stringify(state), { flag: 'wx', mode: 0o600 });
    await rename(fresh, this.statePath);
    this.#savedOffset = this.#offset;
    this.#savedAt = performance.now();
  }

  /** The file is complete: renames it to its target, and removes the state. */
  async finish(
    target: string,
    about: { mode?: number | undefined; mtimeMs?: number | undefined },
    mayReplace: boolean,
    umask: number,
  ): Promise<void> {
    const mode = (about.mode ?? 0o644) & 0o777;
    // A file that arrived whole is created with its mode, where the umask of this process removes nothing of it.
    const isWhole = this.#file === undefined && this.#opening === 0 && (mode & umask) === 0 && (mode & 0o600) === 0o600;
    const placed = isWhole ? await placeWhole(this.#whole(target, mode, about.mtimeMs, mayReplace)) : 'taken';
    if (placed === 'taken') await this.#finishOpen(target, mode, about.mtimeMs, mayReplace);
    else {
      this.#batch = []; // The bytes must not live as long as the other files of the offer.
      if (placed !== 'placed') await this.#claimWithoutLink(target, placed.unlinked);
    }
    this.#first = undefined;
    if (this.#mayHaveState) await rm(this.statePath, { force: true });
  }

  #whole(target: string, mode: number, mtimeMs: number | undefined, mayReplace: boolean): WholeFile {
    const bytes = this.#batch.length === 1 ? this.#batch[0]! : Buffer.concat(this.#batch);
    return { path: this.path, target, bytes, mode, mtimeMs, mayReplace };
  }

  async #finishOpen(target: string, mode: number, mtimeMs: number | undefined, mayReplace: boolean): Promise<void> {
    try {
      const file = await this.#open();
      await this.#flush();
      if (mtimeMs !== undefined) await file.utimes(new Date(), new Date(mtimeMs));
      await file.chmod(mode);
      await file.sync();
    } finally {
      await this.#close();
    }
    if (mayReplace) return rename(this.path, target);
    const failure = await link(this.path, target).catch((error: NodeJS.ErrnoException) => error);
    if (failure === undefined) return unlink(this.path);
    await this.#claimWithoutLink(target, failure);
  }

  /** Keeps it for a later attempt. */
  async keep(): Promise<void> {
    if (this.#file === undefined) return;
    try {
      await this.save();
    } finally {
      await this.#close();
    }
  }

  /** Removes the file and its state. */
  async discard(): Promise<void> {
    await this.#close();
    for (const path of [this.path, this.statePath, `${this.statePath}.new`]) await rm(path, { force: true });
  }

  /** Begins to write the batch, after the previous write. */
  async #write(): Promise<void> {
    const batch = this.#batch;
    const at = this.#writtenTo;
    this.#writtenTo += this.#batchBytes;
    this.#batch = [];
    this.#batchBytes = 0;
    await this.#writing;
    const file = await this.#open();
    this.#writing = writeAll(file, batch, at);
    this.#writing.catch(() => {}); // The next call that awaits it gets the error.
  }

  async #flush(): Promise<void> {
    if (this.#batch.length > 0) await this.#write();
    await this.#writing;
  }

  async #close(): Promise<void> {
    await this.#writing.catch(() => {});
    const file = this.#file;
    this.#file = undefined;
    await file?.close();
  }

  /** The file could not get its name by a link: the name is taken, or the file system has none. `rename` would replace a file. */
  async #claimWithoutLink(target: string, error: NodeJS.ErrnoException): Promise<void> {
    const { code } = error;
    if (code !== 'EEXIST' && !['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK', 'EACCES'].includes(code ?? '')) throw error;
    if (code === 'EEXIST' || (await lstat(target).catch(() => undefined)) !== undefined)
      throw new TransferError('exists', `${this.name}: there is such a file meanwhile`);
    await rename(this.path, target);
  }

  /** Undefined: there is none, or a broken one; the file starts from 0. */
  async #readState(): Promise<PartialFileState | undefined> {
    try {
      return stateOf(JSON.parse(await readFile(this.statePath, 'utf8')));
    } catch (error) {
      this.#mayHaveState = (error as NodeJS.ErrnoException).code !== 'ENOENT';
      return undefined;
    }
  }
}

function stateOf(read: unknown): PartialFileState | undefined {
  if (!hasFields(read)) return undefined;
  const { version, name, offset, sha256 } = read;
  const isRight = version === 1 && typeof name === 'string' && isCount(offset) && typeof sha256 === 'string';
  return isRight ? { version, name, offset, sha256 } : undefined;
}

async function writeAll(file: FileHandle, pieces: readonly Uint8Array[], at: number): Promise<void> {
  let whole = pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces);
  for (let to = at; whole.length > 0;) {
    const { bytesWritten } = await file.write(whole, 0, whole.length, to);
    to += bytesWritten;
    whole = whole.subarray(bytesWritten);
  }
}

/** The digest of a file's first bytes, ready to be continued; of all of them, if there are fewer. */
export async function digestOf(path: string, bytesMax: number): Promise<{ bytes: number; hash: Hash }> {
  const hash = createHash('sha256');
  let bytes = 0;
  if (bytesMax === 0) return { bytes, hash };
  for await (const chunk of createReadStream(path, { end: bytesMax - 1, highWaterMark: 256 << 10 })) {
    hash.update(chunk as Buffer);
    bytes += (chunk as Buffer).length;
  }
  return { bytes, hash };
}
