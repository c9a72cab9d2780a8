import { Duplex } from 'node:stream';
import type { StreamCode } from '../../machines/streams/streams.messages.js';
import { unlisted } from '../../machines/unlisted.js';
import { StreamError } from './errors.js';
import { Chunks } from './chunks.js';

/** The session as its streams use it. */
export interface StreamPort {
  /** Takes the bytes over until `queuedBytes` shows that they left. */
  write(id: number, bytes: Uint8Array): void;
  hasRoom(id: number): boolean;
  queuedBytes(id: number): number;
  end(id: number): void;
  reset(id: number, code: StreamCode): void;
  consumed(id: number, bytes: number): void;
  /** Its user has nothing more to do with it. */
  left(id: number): void;
}

/** Bytes written at once into the plane; the bound of a plane's outbox is larger than its high mark plus this. */
const SLICE_BYTES = 64 << 10;
/** Bytes that gather while others are being sent. */
const WRITABLE_BYTES = 256 << 10;

/**
 * One stream of a session as a Node Duplex, half-open by default as a socket with `allowHalfOpen`. A buffer that was written
 * belongs to its writer again when the write's callback runs. `destroy` without an orderly end resets the stream at the other
 * side.
 */
export class SessionStream extends Duplex {
  #chunks = new Chunks(); // Arrived, but not requested by Node yet.
  #isWanting = false;
  #hasPeerEnded = false;
  #unwritten: Uint8Array[] = [];
  #written: ((error?: Error | null) => void) | undefined;
  #resetCode: StreamCode = 'cancelled';
  #isOver = false; // The peer, or the session, has ended it: there is nothing left to send.

  constructor(
    /** Odd from the dialer, even from the acceptor, never used again in its session. */
    readonly id: number,
    readonly purpose: string,
    readonly target: string,
    readonly port: StreamPort,
  ) {
    // Unread bytes stay here and count against the window; Node's own buffer holds one piece at most.
    super({ allowHalfOpen: true, readableHighWaterMark: 1, writableHighWaterMark: WRITABLE_BYTES });
    unlisted(this);
  }

  toJSON(): object {
    return { id: this.id, purpose: this.purpose, target: this.target, destroyed: this.destroyed };
  }

  /** Ends both directions and sends the code to the other side. */
  reset(code: StreamCode): void {
    this.#resetCode = code;
    this.destroy();
  }

  // Calls from the session. Not for users.

  /** @internal */
  receive(bytes: Uint8Array): void {
    if (this.#isWanting && this.#chunks.isEmpty) return this.#give(bytes);
    this.#chunks.push(bytes);
  }

  /** @internal */
  receiveEnd(): void {
    this.#hasPeerEnded = true;
    if (this.#chunks.isEmpty) this.push(null);
  }

  /** @internal The peer, or the end of the session, has ended it. */
  receiveReset(error: StreamError): void {
    this.#isOver = true;
    // `opened` and `reset` may come in one packet: a caller that awaits `open()` gets time to listen before the error is emitted.
    if (this.listenerCount('error') === 0) setImmediate(() => this.destroy(error));
    else this.destroy(error);
  }

  /** @internal Some of the written bytes have left. */
  receiveRoom(): void {
    this.#feed();
  }

  // Node's stream methods.

  override _read(): void {
    this.#isWanting = true;
    for (let piece; this.#isWanting && (piece = this.#chunks.take()) !== undefined;) this.#give(piece);
    if (this.#hasPeerEnded && this.#chunks.isEmpty && this.#isWanting) this.push(null);
  }

  override _write(chunk: Uint8Array, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.#unwritten.push(chunk);
    this.#written = done;
    this.#feed();
  }

  override _writev(chunks: { chunk: Uint8Array }[], done: (error?: Error | null) => void): void {
    for (const { chunk } of chunks) this.#unwritten.push(chunk);
    this.#written = done;
    this.#feed();
  }

  override _final(done: (error?: Error | null) => void): void {
    this.port.end(this.id);
    done();
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    const isOrderly = this.writableFinished && this.readableEnded;
    if (!isOrderly && !this.#isOver) this.port.reset(this.id, error instanceof StreamError ? 'failed' : this.#resetCode);
    this.#isOver = true;
    this.#chunks.clear();
    this.#unwritten = [];
    this.port.left(this.id);
    done(error);
  }

  #give(piece: Uint8Array): void {
    this.#isWanting = this.push(piece);
    this.port.consumed(this.id, piece.length);
  }

  /** Hands over as many bytes as there is room for; the writer continues when all of them have left. */
  #feed(): void {
    if (this.#isOver) return;
    const { port, id } = this;
    while (this.#unwritten.length > 0 && port.hasRoom(id)) {
      const chunk = this.#unwritten[0]!;
      if (chunk.length > SLICE_BYTES) this.#unwritten[0] = chunk.subarray(SLICE_BYTES);
      else this.#unwritten.shift();
      port.write(id, chunk.subarray(0, SLICE_BYTES));
    }
    if (this.#unwritten.length > 0 || port.queuedBytes(id) > 0) return;
    const done = this.#written;
    this.#written = undefined;
    done?.();
  }
}
