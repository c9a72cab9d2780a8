import { createHash, hash as hashOf, type Hash } from 'node:crypto';
import { anything, callable, checkOptions, members, optional } from '../../options.js';
import type { StreamSession } from '../session.js';
import { StreamError } from '../errors.js';
import { FILES_MAX, type AcceptedFile } from './payloads.js';
import { encodeRecord, putDataHead, RECORD_BYTES_MAX, RECORD_HEAD_BYTES } from './codec.js';
import { known, sendFarewell } from './endings.js';
import { sumOf, told, TRANSFER_PURPOSE, type FileReport, type Progress } from './receiver.js';
import { RecordStream, TransferError } from './record-stream.js';
import type { Source } from './source.js';

/** Bytes of a file in each record. */
const CHUNK_BYTES = 128 << 10;
/** Small files that are opened and read while earlier ones are sent; each is at most one chunk. Chosen without measurement. */
const AHEAD_MAX = 64;
/** The maximum bytes of the names in one offer: an offer is one record. */
const OFFER_BYTES_MAX = RECORD_BYTES_MAX / 2;

/** Callbacks and the abort signal of a sent transfer. */
export interface SenderOptions {
  readonly progress?: (progress: Progress) => void;
  /** The receiver has confirmed this file. */
  readonly sent?: (file: FileReport) => void;
  /** Gives up while the stream is being opened; destroying the session ends what has begun. */
  readonly signal?: AbortSignal;
}

const OPTIONS = members({ progress: optional(callable), sent: optional(callable), signal: anything });

/**
 * Sends files over one session. Resolves when the receiver has confirmed all of them.
 *
 * @throws TransferError when it can't succeed as it is; StreamError when the session broke, after which the same call on the next
 * session continues where the receiver is
 */
export async function sendFiles(
  session: StreamSession,
  sources: readonly Source[],
  options: SenderOptions = {},
): Promise<readonly FileReport[]> {
  checkOptions('sendFiles', OPTIONS, options);
  const { signal } = options;
  const stream = await session.open(TRANSFER_PURPOSE, signal === undefined ? {} : { signal });
  const dispatch = new OutgoingTransfer(new RecordStream(stream), sources, options);
  try {
    return await dispatch.run();
  } finally {
    await dispatch.settled();
    await Promise.all(sources.map((source) => source.close()));
    if (!stream.destroyed && !stream.writableEnded) stream.destroy();
  }
}

/** Splits files into portions that fit an offer each, in their order. */
function roundsOf(sources: readonly Source[]): readonly (readonly Source[])[] {
  const rounds: Source[][] = [];
  let bytes = Infinity;
  for (const source of sources) {
    const own = JSON.stringify(source.about).length * 3; // A character takes at most three bytes.
    if (bytes + own > OFFER_BYTES_MAX || rounds.at(-1)!.length === FILES_MAX) {
      rounds.push([]);
      bytes = 0;
    }
    rounds.at(-1)!.push(source);
    bytes += own;
  }
  return rounds;
}

/** A small file, with its `begin` and its `digest` in one piece of bytes. */
interface Whole {
  readonly bytes: number;
  readonly sha256: string;
  readonly records: Uint8Array;
}

/** The beginning of a file, ready to be sent. */
interface Begun {
  readonly offset: number;
  readonly hash: Hash;
  readonly chunk: Chunk;
}

interface Chunk {
  readonly bytes: number;
  readonly record: Uint8Array;
}

/** The next piece of a source as a data record, of at most `bytesMax`; empty at its end. */
async function readChunk(source: Source, bytesMax = CHUNK_BYTES): Promise<Chunk> {
  const record = new Uint8Array(RECORD_HEAD_BYTES + Math.min(bytesMax, CHUNK_BYTES));
  const bytes = await source.read(record.subarray(RECORD_HEAD_BYTES));
  putDataHead(record, bytes);
  return { bytes, record: record.subarray(0, RECORD_HEAD_BYTES + bytes) };
}

const NOTHING: Promise<Chunk> = Promise.resolve({ bytes: 0, record: new Uint8Array(0) });

function joined(a: Uint8Array, b: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(a.length + b.length);
  bytes.set(a);
  bytes.set(b, a.length);
  return bytes;
}

/** The receiver has nothing of it, and it can be read in one call. */
function isNew({ whole }: Source, { offset }: AcceptedFile): boolean {
  return whole !== undefined && offset === 0;
}

/** A `digest` record. */
const DIGEST_BYTES = RECORD_HEAD_BYTES + 40;

/** Reads a small file and puts its records around it. */
async function readWholly(source: Source, file: number): Promise<Whole> {
  const begin = encodeRecord({ kind: 'begin', file, offset: 0 });
  const at = begin.length + RECORD_HEAD_BYTES;
  const room = new Uint8Array(at + source.about.size! + 1 + DIGEST_BYTES);
  // One byte more than expected, so that a file that has grown is detected.
  const bytes = await source.whole!(room.subarray(at, at + source.about.size! + 1));
  const sha256 = hashOf('sha256', room.subarray(at, at + bytes));
  room.set(begin);
  const isEmpty = bytes === 0; // There are no data records without bytes.
  if (!isEmpty) putDataHead(room.subarray(begin.length), bytes);
  const end = isEmpty ? begin.length : at + bytes;
  room.set(encodeRecord({ kind: 'digest', size: bytes, sha256 }), end);
  return { bytes, sha256, records: room.subarray(0, end + DIGEST_BYTES) };
}

/** One transfer of a sender. */
class OutgoingTransfer {
  readonly #sizeInAll: number | null;
  #bytesBefore = 0;
  /** Files of this round that were sent to the end; confirmed files of all rounds. */
  #begun: FileReport[] = [];
  readonly #reports: FileReport[] = [];
  /** Begun files of this round by number: the file under way, and small ones after it. */
  readonly #ahead = new Map<number, Promise<Begun | Whole>>();
  /** Rejects when the receiver reports a failure; resolves when it has confirmed everything. */
  #answers: Promise<void> | undefined;
  #failure: Error | undefined;
  #interrupt: (error: Error) => void = () => {};

  constructor(
    readonly records: RecordStream,
    readonly sources: readonly Source[],
    readonly options: SenderOptions,
  ) {
    this.#sizeInAll = sumOf(sources.map(({ about }) => about));
  }

  async run(): Promise<readonly FileReport[]> {
    try {
      const rounds = roundsOf(this.sources);
      for (let i = 0; i < rounds.length; i++) await this.#sendRound(rounds[i]!, i < rounds.length - 1);
      this.records.stream.end();
      return this.#reports;
    } catch (error) {
      throw await this.#fail(error as Error);
    }
  }

  /** Resolves when no file is being opened any more. */
  async settled(): Promise<void> {
    await Promise.allSettled(this.#ahead.values());
  }

  async #sendRound(sources: readonly Source[], hasMore: boolean): Promise<void> {
    const { records } = this;
    const files = sources.map(({ about }) => about);
    await records.say({ kind: 'offer', hash: 'sha256', files, ...(hasMore ? { more: true } : {}) });
    const answer = await records.next();
    if (answer === undefined && this.#reports.length > 0)
      throw new TransferError(
        'malformed',
        `the receiver takes no more than ${FILES_MAX} files at once; send fewer, or update it`,
      );
    if (answer?.kind !== 'accept' || answer.files.length !== sources.length)
      throw new TransferError('malformed', 'the receiver does not answer the offer');
    this.#begun = [];
    this.#ahead.clear();
    this.#answers = this.#listen(sources.length);
    this.#answers.catch((error: Error) => {
      this.#failure = error;
      this.#interrupt(error);
    });
    for (let i = 0; i < sources.length; i++) {
      for (let next = i; next <= i + AHEAD_MAX && next < sources.length; next++) {
        const { about } = sources[next]!;
        const isSmall = about.size !== null && about.size <= CHUNK_BYTES;
        if (this.#ahead.has(next) || (next > i && !isSmall)) continue;
        const beginning =
          isSmall && isNew(sources[next]!, answer.files[next]!)
            ? readWholly(sources[next]!, next)
            : this.#begin(sources[next]!, answer.files[next]!);
        beginning.catch(() => {}); // `#send` gets the error when its turn comes.
        this.#ahead.set(next, beginning);
      }
      const begun = await this.#unlessOver(this.#ahead.get(i)!);
      this.#ahead.delete(i);
      if ('records' in begun) await this.#sendWhole(sources[i]!, begun);
      else await this.#send(i, sources[i]!, begun);
    }
    await this.#answers;
  }

  /** Reads the confirmations of the receiver while the files are being sent. */
  async #listen(count: number): Promise<void> {
    for (let confirmed = 0; confirmed < count; confirmed++) {
      const record = this.records.poll() ?? (await this.records.next());
      if (record === undefined) throw new StreamError('cancelled');
      const report = record.kind === 'done' && record.file === confirmed ? this.#begun[confirmed] : undefined;
      if (report === undefined) throw new TransferError('malformed', `the receiver says ${record.kind} at the wrong time`);
      this.#reports.push(report);
      told('sent', () => this.options.sent?.(report));
    }
  }

  /** Opens a file at the offset of the receiver, if that has the same file, and reads its first piece. */
  async #begin(source: Source, { offset: there, sha256 }: AcceptedFile): Promise<Begun> {
    const { about } = source;
    const known = there <= (about.size ?? 0) ? await source.prefix(there) : undefined;
    const agrees = known !== undefined && known.copy().digest('hex') === sha256;
    const offset = agrees ? there : 0;
    await source.open(offset);
    // One byte more than expected, so that a file that has grown is detected.
    const chunk = await readChunk(source, about.size === null ? CHUNK_BYTES : about.size - offset + 1);
    return { offset, hash: agrees ? known : createHash('sha256'), chunk };
  }

  async #sendWhole(source: Source, { bytes, sha256, records }: Whole): Promise<void> {
    this.#finished(source, { name: source.about.name, bytes, sha256, bytesKept: 0 });
    await this.records.sayBytesSoon(records);
  }

  #finished(source: Source, report: FileReport): void {
    this.#tell(source, report.bytes);
    this.#bytesBefore += report.bytes;
    this.#begun.push(report);
  }

  async #send(number: number, source: Source, { offset, hash, chunk: first }: Begun): Promise<void> {
    const { about } = source;
    let bytes = offset;
    let head: Uint8Array | undefined = encodeRecord({ kind: 'begin', file: number, offset });
    // A file that was read in one piece is sent in one piece.
    const isWhole = about.size !== null && offset + first.bytes === about.size;
    let reading: Promise<Chunk> | undefined;
    for (let chunk = first; chunk.bytes > 0; chunk = await this.#unlessOver(reading!)) {
      const { record } = chunk;
      reading = isWhole ? NOTHING : readChunk(source); // Reads from the disk while the last piece is being sent.
      reading.catch(() => {}); // The error shows when it is awaited.
      hash.update(record.subarray(RECORD_HEAD_BYTES));
      bytes += chunk.bytes;
      if (isWhole) {
        head = joined(head!, record);
        continue;
      }
      if (head !== undefined) await this.records.sayBytes(head);
      head = undefined;
      await this.records.sayBytes(record);
      this.#tell(source, bytes);
    }
    await source.check(bytes);
    await source.close();
    const digest = hash.digest('hex');
    this.#finished(source, { name: about.name, bytes, sha256: digest, bytesKept: offset });
    const last = encodeRecord({ kind: 'digest', size: bytes, sha256: digest });
    await this.records.sayBytes(head === undefined ? last : joined(head, last));
  }

  /** Resolves with `reading`; rejects if the transfer fails before: standard input may stay silent for hours. */
  #unlessOver<T>(reading: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#interrupt = reject;
      if (this.#failure !== undefined) reject(this.#failure);
      reading.then(resolve, reject);
    });
  }

  #tell({ about: { name, size } }: Source, bytes: number): void {
    const { progress } = this.options;
    const news = { name, bytes, size, bytesInAll: this.#bytesBefore + bytes, sizeInAll: this.#sizeInAll };
    if (progress !== undefined) told('progress', () => progress(news));
  }

  async #fail(error: Error): Promise<Error> {
    // A stream that broke may have delivered the reason before.
    const reason = error instanceof StreamError && this.#failure instanceof TransferError ? this.#failure : error;
    const told = known(reason, undefined);
    if (told instanceof TransferError) await sendFarewell(this.records, told);
    return told;
  }
}
