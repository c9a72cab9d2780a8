import { createHash } from 'node:crypto';
import type { StreamSession } from '../session.js';
import { StreamError } from '../errors.js';
import type { AcceptedFile } from './bodies.js';
import { putDataHead, RECORD_HEAD_BYTES } from './codec.js';
import { known, sayFarewell, sumOf, told, TRANSFER_PURPOSE, type FileReport, type Progress } from './receiver.js';
import { Records, TransferError } from './records.js';
import type { Source } from './source.js';

/** Of a file in each record. */
const CHUNK_BYTES = 128 << 10;

/** Who hears of a transfer that is being sent, and who may call it off. */
export interface SenderOptions {
  readonly progress?: (progress: Progress) => void;
  /** The receiver has confirmed this file. */
  readonly sent?: (file: FileReport) => void;
  /** Gives up while the stream is being opened; destroying the session ends what has begun. */
  readonly signal?: AbortSignal;
}

/**
 * Sends files over one session. Resolves when the receiver has confirmed all of them.
 *
 * @throws TransferError when it can't succeed as it is; StreamError when the session broke, after which the same call on the next
 * session goes on where the receiver is
 */
export async function sendFiles(
  session: StreamSession,
  sources: readonly Source[],
  options: SenderOptions = {},
): Promise<readonly FileReport[]> {
  const { signal } = options;
  const stream = await session.open(TRANSFER_PURPOSE, signal === undefined ? {} : { signal });
  const dispatch = new Dispatch(new Records(stream), sources, options);
  try {
    return await dispatch.run();
  } finally {
    await Promise.all(sources.map((source) => source.close()));
    if (!stream.destroyed && !stream.writableEnded) stream.destroy();
  }
}

/** The next piece of a source as a data record; empty at its end. */
async function readChunk(source: Source): Promise<{ readonly bytes: number; readonly record: Uint8Array }> {
  const record = new Uint8Array(RECORD_HEAD_BYTES + CHUNK_BYTES);
  const bytes = await source.read(record.subarray(RECORD_HEAD_BYTES));
  putDataHead(record, bytes);
  return { bytes, record: record.subarray(0, RECORD_HEAD_BYTES + bytes) };
}

/** One transfer of a sender. */
class Dispatch {
  readonly #sizeInAll: number | null;
  #bytesBefore = 0;
  #begun: FileReport[] = [];
  #confirmed = 0;
  /** Rejects when the receiver says that it failed; resolves when it has confirmed everything. */
  #answers: Promise<void> | undefined;
  #failure: Error | undefined;
  #interrupt: (error: Error) => void = () => {};

  constructor(
    readonly records: Records,
    readonly sources: readonly Source[],
    readonly options: SenderOptions,
  ) {
    this.#sizeInAll = sumOf(sources.map(({ about }) => about));
  }

  async run(): Promise<readonly FileReport[]> {
    try {
      const { records, sources } = this;
      await records.say({ kind: 'offer', hash: 'sha256', files: sources.map(({ about }) => about) });
      const answer = await records.next();
      if (answer?.kind !== 'accept' || answer.files.length !== sources.length)
        throw new TransferError('malformed', 'the receiver does not answer the offer');
      this.#answers = this.#listen();
      this.#answers.catch((error: Error) => {
        this.#failure = error;
        this.#interrupt(error);
      });
      for (let i = 0; i < sources.length; i++) await this.#send(i, sources[i]!, answer.files[i]!);
      await this.#answers;
      records.stream.end();
      return this.#begun;
    } catch (error) {
      throw await this.#fail(error as Error);
    }
  }

  /** What the receiver confirms, while the files go. */
  async #listen(): Promise<void> {
    while (this.#confirmed < this.sources.length) {
      const record = await this.records.next();
      if (record === undefined) throw new StreamError('cancelled');
      const report = record.kind === 'done' && record.file === this.#confirmed ? this.#begun[record.file] : undefined;
      if (report === undefined) throw new TransferError('malformed', `the receiver says ${record.kind} at the wrong time`);
      this.#confirmed++;
      told('sent', () => this.options.sent?.(report));
    }
  }

  async #send(number: number, source: Source, { offset: there, sha256 }: AcceptedFile): Promise<void> {
    const { about } = source;
    const known = there <= (about.size ?? 0) ? await source.prefix(there) : undefined;
    const agrees = known !== undefined && known.copy().digest('hex') === sha256;
    const offset = agrees ? there : 0;
    const hash = agrees ? known : createHash('sha256');
    await source.open(offset);
    await this.records.say({ kind: 'begin', file: number, offset });
    let bytes = offset;
    let reading = readChunk(source);
    for (let chunk; (chunk = await this.#unlessOver(reading)).bytes > 0;) {
      const { record } = chunk;
      reading = readChunk(source); // The disk is asked while the last piece leaves.
      reading.catch(() => {}); // Whoever awaits it is told.
      hash.update(record.subarray(RECORD_HEAD_BYTES));
      bytes += chunk.bytes;
      await this.records.sayBytes(record);
      this.#tell(source, bytes);
    }
    await source.check(bytes);
    await source.close();
    const digest = hash.digest('hex');
    this.#tell(source, bytes);
    this.#bytesBefore += bytes;
    this.#begun.push({ name: about.name, bytes, sha256: digest, bytesKept: offset });
    await this.records.say({ kind: 'digest', size: bytes, sha256: digest });
  }

  /** What is being read, unless the transfer is over before: standard input may say nothing for hours. */
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
    // A stream that broke may have brought the reason first.
    const reason = error instanceof StreamError && this.#failure instanceof TransferError ? this.#failure : error;
    const told = known(reason, undefined);
    if (told instanceof TransferError) await sayFarewell(this.records, told);
    return told;
  }
}
