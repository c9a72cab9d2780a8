import { ports } from '#platform';
import { lstat, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { callback } from '../../../machines/callbacks.js';
import type { Offer } from '../session.js';
import type { AcceptedFile, OfferedFile, TransferCode } from './payloads.js';
import type { TransferRecord } from './codec.js';
import { digestOf, PartialFile, SHA256_OF_NOTHING } from './partial-file.js';
import { Confirmations } from './confirmations.js';
import { known, LINGER_MS, sendFarewell } from './endings.js';
import { faultOf } from './names.js';
import { RecordStream, TransferError } from './record-stream.js';
import { unlisted } from '../../../machines/unlisted.js';
import { callable, checkOptions, flag, members, optional, text } from '../../options.js';

/** The purpose of a transfer's streams. */
export const TRANSFER_PURPOSE = 'transfer';

/** A file that has arrived whole, with the digest that both sides have. */
export interface FileReport {
  readonly name: string;
  readonly bytes: number;
  readonly sha256: string;
  /** Bytes that were there already, from an earlier attempt. */
  readonly bytesKept: number;
}

/** The progress of a transfer: of one file, and in all. Sizes are null where unknown. */
export interface Progress {
  readonly name: string;
  readonly bytes: number;
  readonly size: number | null;
  readonly bytesInAll: number;
  readonly sizeInAll: number | null;
}

/** The target directory of files, and callbacks. */
export interface ReceiverOptions {
  /** Where files go. It exists. */
  readonly directory: string;
  /** Replaces files that have the names already. */
  readonly force?: boolean;
  readonly offered?: (files: readonly OfferedFile[]) => void;
  readonly progress?: (progress: Progress) => void;
  readonly received?: (file: FileReport) => void;
}

const OPTIONS = members({
  directory: text,
  force: optional(flag),
  offered: optional(callable),
  progress: optional(callable),
  received: optional(callable),
});

/** Bytes of all files; null where one is of unknown size. */
export function sumOf(files: readonly OfferedFile[]): number | null {
  let sum = 0;
  for (const { size } of files) {
    if (size === null) return null;
    sum += size;
  }
  return sum;
}

/** Receives files into one directory; several transfers at once, but each file in one of them. Stateful. */
export class Receiver {
  /** Files being received, and how to stop the transfer that receives each. */
  readonly #busy = new Map<string, { readonly key: string; stop(): Promise<void> }>();

  /** @throws SessionError `bad-option` */
  constructor(readonly options: ReceiverOptions) {
    checkOptions('Receiver', OPTIONS, options);
    unlisted(this);
  }

  toJSON(): object {
    return { directory: this.options.directory, underWay: this.#busy.size };
  }

  /**
   * Receives one transfer. Resolves with its files when all have their names.
   *
   * @throws TransferError when it can't succeed as it is; StreamError when it broke and may be tried again
   */
  async receive(offer: Offer): Promise<readonly FileReport[]> {
    const stream = offer.accept();
    let settle: () => void = () => {};
    const settled = new Promise<void>((resolve) => (settle = resolve));
    const incoming = new IncomingTransfer(this, new RecordStream(stream), async () => {
      stream.reset('cancelled');
      await settled;
    });
    try {
      return await incoming.run();
    } finally {
      await incoming.leave();
      settle();
    }
  }

  /** A new transfer of the same file from the same source takes over: the sender was restarted before its end was detected. */
  async claim(name: string, key: string, stop: () => Promise<void>): Promise<void> {
    // Several transfers may have waited for the same one to stop; each of them stops the one before.
    for (let holder; (holder = this.#busy.get(name)) !== undefined;) {
      if (holder.key !== key)
        throw new TransferError('busy', `${name} is being received from another sender; try again when that transfer has ended`);
      await holder.stop();
    }
    this.#busy.set(name, { key, stop });
  }

  release(name: string, stop: () => Promise<void>): void {
    if (this.#busy.get(name)?.stop === stop) this.#busy.delete(name);
  }
}

/** Files that are forced to the disk and renamed concurrently, while later ones arrive. Chosen without measurement. */
const PLACING_MAX = 64;
/** Files looked up concurrently. */
const LOOKING_UP_MAX = 16;
/** More files than this are looked up in the listing of the directory first. */
const LISTED_FROM = 32;
/** A file up to this size arrives whole in a moment: it is opened when it is written. */
const SMALL_BYTES = 128 << 10;
/** Offers in one transfer: more files than this many times `FILES_MAX` are no transfer. */
const ROUNDS_MAX = 256;

/** A file of an offer, and the part of it that is here already. */
interface Expected extends OfferedFile {
  readonly partialFile: PartialFile;
  /** There is a complete file of this name and size, with this digest. */
  readonly present: AcceptedFile | undefined;
}

/** One transfer of a receiver. */
class IncomingTransfer {
  #expected: Expected[] = [];
  #claimed = new Set<string>();
  #current: Expected | undefined; // Begun and not complete.
  #currentNumber = -1;
  #isPresent = false; // The file that was begun is complete here already.
  #bytesKept = 0;
  #bytesBefore = 0; // Of the previous files.
  #sizeInAll: number | null = 0;
  #digests = 0; // Files of this offer that have arrived whole.
  #placing = 0; // Files on their way to the disk and to their names.
  #placed: () => void = () => {}; // One of them is over.
  #confirmations: Confirmations<FileReport> | undefined;
  #failure: Error | undefined; // Of a file that was being placed.
  readonly #umask = process.umask(); // Once: reading it resets it for a moment, for all threads that create files.
  readonly #reports: FileReport[] = [];

  constructor(
    readonly receiver: Receiver,
    readonly records: RecordStream,
    readonly stop: () => Promise<void>,
  ) {}

  async run(): Promise<readonly FileReport[]> {
    try {
      for (let round = 0, hasMore = true; hasMore; round++) {
        const offer = await this.records.next();
        if (offer?.kind !== 'offer' || round === ROUNDS_MAX)
          throw new TransferError('malformed', 'the transfer does not begin with an offer');
        hasMore = offer.more === true;
        await this.#takeRound(offer.files, hasMore);
      }
      await this.#part();
      return this.#reports;
    } catch (error) {
      throw await this.#fail(error as Error);
    }
  }

  /** In every case: closes what is open, and keeps the file that can be resumed. */
  async leave(): Promise<void> {
    await this.#whilePlacing(0);
    await this.#current?.partialFile.keep().catch(() => {}); // The disk that failed may fail again.
    for (const name of this.#claimed) this.receiver.release(name, this.stop);
  }

  async #takeRound(files: readonly OfferedFile[], hasMore: boolean): Promise<void> {
    this.#currentNumber = -1;
    this.#digests = 0;
    const accepted = await this.#prepare(files);
    const size = sumOf(files);
    this.#sizeInAll = hasMore || size === null || this.#sizeInAll === null ? null : this.#bytesBefore + size;
    told('offered', () => this.receiver.options.offered?.(files));
    this.#confirmations = new Confirmations(this.records, files.length, (report) => this.#confirmed(report));
    await this.records.say({ kind: 'accept', files: accepted });
    while (this.#digests < this.#expected.length) {
      const taken = this.#take(this.records.poll() ?? (await this.records.next()));
      if (taken !== undefined) await taken; // Most of small files take no time, and no promise.
      if (this.#failure !== undefined) throw this.#failure;
    }
    await this.#confirmations.settled;
  }

  /** Resolves when at most so many files are being placed. */
  async #whilePlacing(count: number): Promise<void> {
    while (this.#placing > count) await new Promise<void>((resolve) => (this.#placed = resolve));
  }

  async #prepare(files: readonly OfferedFile[]): Promise<AcceptedFile[]> {
    const names = new Set<string>();
    for (const { name } of files) {
      const fault = faultOf(name) ?? (names.has(name) ? 'it was offered twice' : undefined);
      if (fault !== undefined) throw new TransferError('bad-name', `"${name.slice(0, 100)}" is refused: ${fault}`);
      names.add(name);
    }
    // In one order for all transfers, so that no two wait for each other.
    for (const { name, size, mtimeMs } of [...files].sort((a, b) => (a.name < b.name ? -1 : 1))) {
      await this.receiver.claim(name, `${size} ${mtimeMs}`, this.stop);
      this.#claimed.add(name);
    }
    // Most of many files are new: one listing of the directory saves two lookups for each of them.
    const { directory } = this.receiver.options;
    const there = files.length > LISTED_FROM ? new Set(await readdir(directory)) : undefined;
    const accepted = new Array<AcceptedFile>(files.length);
    this.#expected = new Array<Expected>(files.length);
    let next = 0;
    const lookUp = async (): Promise<void> => {
      for (let i; (i = next++) < files.length;) {
        const file = files[i]!;
        const partialFile = new PartialFile(directory, file.name);
        // Other platforms may find a file by another spelling of its name.
        const isNew = process.platform === 'linux' && there?.has(file.name) === false;
        const present = isNew ? undefined : await this.#present(file);
        if (there !== undefined) partialFile.noteListing(there);
        this.#expected[i] = { ...file, partialFile, present };
        accepted[i] = present ?? (await this.#recovered(file, partialFile));
      }
    };
    await Promise.all(Array.from({ length: LOOKING_UP_MAX }, lookUp));
    return accepted;
  }

  /** A complete file of this name, perhaps from an earlier attempt whose end did not reach the sender. @rule XFER-3 */
  async #present({ name, size }: OfferedFile): Promise<AcceptedFile | undefined> {
    const path = join(this.receiver.options.directory, name);
    const found = await lstat(path).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return undefined;
      throw error;
    });
    if (found === undefined) return undefined;
    if (found.isFile() && found.size === size) {
      const { bytes, hash } = await digestOf(path, size);
      return { offset: bytes, sha256: hash.digest('hex') };
    }
    if (!this.#mayReplace) throw new TransferError('exists', `${name} is there already`);
    if (!found.isFile() && !found.isSymbolicLink()) throw new TransferError('exists', `${name} is there already, and no file`);
    return undefined;
  }

  async #recovered({ size }: OfferedFile, partialFile: PartialFile): Promise<AcceptedFile> {
    // A source that can't be read a second time can't be continued.
    if (size === null || (await partialFile.recover()) > size) return { offset: 0, sha256: SHA256_OF_NOTHING };
    return { offset: partialFile.offset, sha256: partialFile.sha256 };
  }

  #take(record: TransferRecord | undefined): Promise<void> | undefined {
    switch (record?.kind) {
      case 'begin':
        return this.#begin(record.file, record.offset);
      case 'data':
        return this.#append(record.bytes);
      case 'digest':
        return this.#finish(record.size, record.sha256);
      case undefined:
        throw new TransferError('malformed', 'the sender ended before it had sent everything');
      default:
        throw new TransferError('malformed', `${record!.kind} at the wrong time`);
    }
  }

  #begin(number: number, offset: number): Promise<void> | undefined {
    const file = this.#expected[number];
    if (this.#current !== undefined || file === undefined || number !== this.#currentNumber + 1)
      throw new TransferError('malformed', `file ${number} at the wrong time`);
    this.#currentNumber = number;
    this.#bytesKept = offset;
    this.#isPresent = file.present !== undefined && offset === file.present.offset && offset > 0;
    this.#current = file;
    if (this.#isPresent) return undefined;
    // The name and the size are the same, but not the file. An empty one is no conflict.
    if (file.present !== undefined && file.size !== 0 && !this.#mayReplace) {
      this.#current = undefined;
      throw new TransferError('exists', `${file.name} is there already, with other contents`);
    }
    return file.partialFile.begin(offset, file.size !== null && file.size <= SMALL_BYTES);
  }

  #append(bytes: Uint8Array): Promise<void> | undefined {
    const file = this.#current;
    if (file === undefined || this.#isPresent) throw new TransferError('malformed', 'data outside of a file');
    const { partialFile, size, name } = file;
    if (size !== null && partialFile.offset + bytes.length > size)
      throw new TransferError('source-changed', `${name} is longer than was offered`);
    const written = partialFile.append(bytes);
    this.#tell(file, partialFile.offset);
    return written;
  }

  #finish(size: number, sha256: string): Promise<void> | undefined {
    const file = this.#current;
    if (file === undefined) throw new TransferError('malformed', 'a digest outside of a file');
    const { partialFile, name } = file;
    const [bytes, own] = this.#isPresent
      ? [file.present!.offset, file.present!.sha256]
      : [partialFile.offset, partialFile.sha256];
    if (bytes !== size || own !== sha256) return this.#dropCorrupt(file);
    const target = join(this.receiver.options.directory, name);
    const report = { name, bytes: size, sha256, bytesKept: this.#bytesKept };
    const number = this.#currentNumber;
    this.#current = undefined;
    this.#digests++;
    this.#tell(file, size);
    this.#bytesBefore += size;
    if (this.#isPresent) return void this.#confirmations!.settle(number, report);
    const mayReplace = this.#mayReplace || (file.present !== undefined && size === 0); // An empty file is no conflict.
    this.#placing++;
    partialFile.finish(target, file, mayReplace, this.#umask).then(
      () => this.#settle(number, report),
      (error: Error) => this.#settle(number, (this.#failure ??= known(error, name))),
    );
    return this.#placing < PLACING_MAX ? undefined : this.#whilePlacing(PLACING_MAX - 1);
  }

  async #dropCorrupt({ partialFile, name }: Expected): Promise<void> {
    await partialFile.discard();
    this.#current = undefined;
    throw new TransferError('digest', `${name}: what arrived is not what was sent`);
  }

  #settle(number: number, result: FileReport | Error): void {
    this.#placing--;
    this.#confirmations!.settle(number, result);
    this.#placed();
  }

  #confirmed(report: FileReport): void {
    this.#reports.push(report);
    this.#claimed.delete(report.name);
    this.receiver.release(report.name, this.stop);
    told('received', () => this.receiver.options.received?.(report));
  }

  /** Everything is in place: the sender has received the confirmations when it ends the stream. */
  async #part(): Promise<void> {
    this.records.stream.end();
    let timer: NodeJS.Timeout | undefined;
    await Promise.race([
      this.records.next().catch(() => {}), // Any end is fine: the files are there.
      new Promise((resolve) => (timer = setTimeout(resolve, LINGER_MS))),
    ]);
    clearTimeout(timer);
  }

  /** Sends the error to the sender, unless it came from there. */
  async #fail(error: Error): Promise<Error> {
    await this.#whilePlacing(0);
    await this.#confirmations?.flushed(); // Files in place are confirmed, up to the failed one.
    const told = known(error, this.#current?.name);
    if (!(told instanceof TransferError)) return told;
    if (DROPS.includes(told.code)) {
      await this.#current?.partialFile.discard().catch(() => {});
      this.#current = undefined;
    }
    await sendFarewell(this.records, told);
    return told;
  }

  get #mayReplace(): boolean {
    return this.receiver.options.force === true;
  }

  #tell({ name, size }: OfferedFile, bytes: number): void {
    const { progress } = this.receiver.options;
    const news = { name, bytes, size, bytesInAll: this.#bytesBefore + bytes, sizeInAll: this.#sizeInAll };
    if (progress !== undefined) told('progress', () => progress(news));
  }
}

/** Calls a callback of a transfer; an error that it throws fails no file. */
export function told(news: string, tell: () => void): void {
  callback(ports, `transfer.${news}`, tell);
}

/** After these errors the bytes that have arrived are useless. */
const DROPS: readonly TransferCode[] = ['source-changed', 'digest'];
