import { SessionError } from '../errors.js';

/** Lays the head of a frame, so that the payload follows right behind it. */
export interface FrameLayer {
  readonly dataHeadBytes: number;
  putDataHead(into: Uint8Array, at: number, payloadBytes: number): void;
}

/** Each message costs this beyond its bytes, so that a million empty ones are not free. */
const MESSAGE_COST_BYTES = 64;
/** Small frames share a slab, as large as the bytes that lately went out at once; larger ones get a buffer of their own. */
const SLAB_BYTES_MAX = 64 << 10;
/** The smallest slab, and all that an idle connection keeps. */
const SLAB_BYTES_MIN = 1 << 10;
const SHARED_BYTES_MAX = 16 << 10;

interface Chunk {
  readonly bytes: Uint8Array;
  readonly messages: number;
}

/**
 * Frames that wait for a wire, where nothing is sent twice: a frame is handed over when it is polled, and forgotten. Small
 * ones lie side by side and leave as one view. Memory that a wire may still be writing is never written again.
 */
export class FrameQueue {
  accepted = 0;
  handed = 0;
  #chunks: Chunk[] = [];
  #head = 0;
  #slab: Uint8Array | undefined;
  #from = 0; // The frames in the slab that are not a piece yet.
  #to = 0;
  #open = 0;
  #bytes = 0;
  #nextSlabBytes = SLAB_BYTES_MIN;
  #burstBytes = 0; // Of small frames since the queue was empty.

  constructor(
    readonly codec: FrameLayer,
    readonly bytesMax: number,
  ) {}

  /** The bytes that wait, with 64 more for each message. */
  get costBytes(): number {
    return this.#bytes + (this.accepted - this.handed) * MESSAGE_COST_BYTES;
  }
  get isEmpty(): boolean {
    return this.accepted === this.handed;
  }

  hasRoomFor(payloadBytes: number): boolean {
    return this.costBytes + payloadBytes + this.codec.dataHeadBytes + MESSAGE_COST_BYTES <= this.bytesMax;
  }

  /** Copies the message behind its head. Throws `queue-full` at the bound, and has taken nothing then. */
  push(payload: Uint8Array): void {
    if (!this.hasRoomFor(payload.length))
      throw new SessionError('queue-full', `${this.costBytes} of ${this.bytesMax} bytes wait for the peer already`);
    const { dataHeadBytes } = this.codec;
    const bytes = payload.length + dataHeadBytes;
    const isOwn = bytes > SHARED_BYTES_MAX;
    const into = isOwn ? new Uint8Array(bytes) : this.#room(bytes);
    const at = isOwn ? 0 : this.#to;
    this.codec.putDataHead(into, at, payload.length);
    into.set(payload, at + dataHeadBytes);
    if (isOwn) {
      this.#seal();
      this.#chunks.push({ bytes: into, messages: 1 });
    } else {
      this.#to += bytes;
      this.#open++;
    }
    this.accepted++;
    this.#bytes += bytes;
  }

  /** The next frames, whole; they count as handed over. */
  poll(): Uint8Array | undefined {
    if (this.#head === this.#chunks.length) this.#seal();
    const piece = this.#chunks[this.#head];
    if (piece === undefined) return undefined;
    this.#head++;
    if (this.#head === this.#chunks.length) {
      this.#chunks = [];
      this.#head = 0;
    }
    this.handed += piece.messages;
    this.#bytes -= piece.bytes.length;
    return piece.bytes;
  }

  #room(bytes: number): Uint8Array {
    this.#burstBytes += bytes;
    if (this.#slab === undefined || this.#to + bytes > this.#slab.length) {
      this.#seal();
      this.#slab = new Uint8Array(Math.max(bytes, this.#nextSlabBytes));
      this.#nextSlabBytes = Math.min(SLAB_BYTES_MAX, 2 * this.#nextSlabBytes);
      this.#from = this.#to = 0;
    }
    return this.#slab;
  }

  #seal(): void {
    if (this.#open === 0) {
      this.#rest();
      return;
    }
    this.#chunks.push({ bytes: this.#slab!.subarray(this.#from, this.#to), messages: this.#open });
    this.#from = this.#to;
    this.#open = 0;
  }

  /** All is handed over. The next slab is for as much as this time; there may be none for long. */
  #rest(): void {
    if (this.#head < this.#chunks.length || this.#burstBytes === 0) return;
    if (this.#slab !== undefined && this.#slab.length > SLAB_BYTES_MIN) this.#slab = undefined;
    this.#nextSlabBytes = Math.max(SLAB_BYTES_MIN, Math.min(SLAB_BYTES_MAX, 2 << (31 - Math.clz32(this.#burstBytes))));
    this.#burstBytes = 0;
  }
}
