import { Framer } from '../../../machines/dataplane/framer.js';
import { StreamError } from '../errors.js';
import type { SessionStream } from '../stream.js';
import { decodeRecord, encodeRecord, RECORD_BYTES_MAX, RECORD_HEAD_BYTES, recordHead } from './codec.js';
import type { TransferRecord } from './codec.js';
import type { TransferCode } from './payloads.js';

/** The transfer can't succeed if it is retried unchanged. */
export class TransferError extends Error {
  override readonly name = 'TransferError';
  constructor(
    readonly code: TransferCode,
    message: string,
    /** The side that reported it. */
    readonly side: 'local' | 'remote' = 'local',
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/**
 * Bytes that may wait to be read as records before the stream is paused. A slow disk slows the sender, a short delay does not.
 */
const ARRIVED_BYTES_MAX = 512 << 10;

/** Records over a stream. Stateful. */
export class RecordStream {
  readonly #framer = new Framer(recordHead, RECORD_BYTES_MAX + RECORD_HEAD_BYTES);
  #arrived: Uint8Array[] = [];
  #arrivedBytes = 0;
  #failure: Error | undefined;
  #wake: () => void = () => {};
  #isGathering = false; // The stream is corked until the end of this turn.

  constructor(readonly stream: SessionStream) {
    const wake = (): void => this.#wake();
    stream.on('error', (error) => (this.#failure = error));
    stream.on('data', this.#take).on('end', wake).on('close', wake);
  }

  /** Drops all further input. */
  ignore(): void {
    this.#arrived = [];
    this.stream.off('data', this.#take).resume();
  }

  /** Resolves when there is room for the next one. Rejects when the stream is over. */
  async say(record: TransferRecord): Promise<void> {
    await this.sayBytes(encodeRecord(record));
  }

  /** The same for bytes that are a record already; they must stay unchanged from here on. */
  async sayBytes(bytes: Uint8Array): Promise<void> {
    if (this.stream.destroyed) throw this.#over();
    if (this.stream.write(bytes)) return;
    const { stream } = this;
    await new Promise<void>((resolve, reject) => {
      const drained = (): void => {
        stream.off('close', closed);
        resolve();
      };
      const closed = (): void => {
        stream.off('drain', drained);
        reject(this.#over());
      };
      stream.once('drain', drained).once('close', closed);
    });
  }

  /** The same for small ones that need not leave at once: those of one turn of the event loop leave together. */
  async sayBytesSoon(bytes: Uint8Array): Promise<void> {
    if (!this.#isGathering) {
      this.#isGathering = true;
      this.stream.cork();
      setImmediate(() => {
        this.#isGathering = false;
        this.stream.uncork();
      });
    }
    await this.sayBytes(bytes);
  }

  /**
   * The next record; undefined when the other side has ended its direction. Rejects when the stream is over, or for bytes that
   * are no record.
   */
  async next(): Promise<TransferRecord | undefined> {
    for (;;) {
      const record = this.poll();
      if (record !== undefined) return record;
      const chunk = await this.#chunk();
      if (chunk === undefined) return undefined;
      this.#framer.push(chunk, false);
    }
  }

  /** The next record of what has been read; undefined when `next` has to wait for more. Throws for bytes that are no record. */
  poll(): TransferRecord | undefined {
    const framed = this.#framer.poll();
    if (framed === 'oversized') throw new TransferError('malformed', 'a record is larger than allowed');
    if (framed === 'more') return undefined;
    const { bytes, start, end } = this.#framer;
    const record = decodeRecord(bytes.subarray(start, end));
    if (record === undefined) throw new TransferError('malformed', 'the other side says what is no record');
    if (record.kind === 'failed') throw new TransferError(record.code, record.message, 'remote');
    return record;
  }

  readonly #take = (chunk: Uint8Array): void => {
    this.#arrived.push(chunk);
    this.#arrivedBytes += chunk.length;
    if (this.#arrivedBytes >= ARRIVED_BYTES_MAX) this.stream.pause();
    this.#wake();
  };

  async #chunk(): Promise<Uint8Array | undefined> {
    const { stream } = this;
    for (;;) {
      const chunk = this.#arrived.shift();
      if (chunk !== undefined) {
        this.#arrivedBytes -= chunk.length;
        if (stream.isPaused() && this.#arrivedBytes < ARRIVED_BYTES_MAX / 2) stream.resume();
        return chunk;
      }
      if (stream.readableEnded) return undefined;
      if (stream.destroyed) throw this.#over();
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }

  #over(): Error {
    return this.#failure ?? new StreamError('cancelled');
  }
}
