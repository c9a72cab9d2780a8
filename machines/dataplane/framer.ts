import { uninitialized } from './uninitialized.js';

/** Where a protocol keeps the length of a frame. The layout itself is the codec's business. */
export interface FrameHead {
  /** Bytes needed before `frameBytes` can be asked. */
  readonly headBytes: number;
  /** Length of the whole frame that starts at `at`, head included. */
  frameBytes(bytes: Uint8Array, at: number): number;
}

export type Framed = 'frame' | 'oversized' | 'more';

const EMPTY = new Uint8Array(0);
const NO_BUFFER = EMPTY.buffer;
/** A frame that announces more than this (a message of 64 KiB and its head) grows its buffer as bytes arrive: an announcement costs little. */
const FIRST_RESERVE_BYTES = (64 << 10) + 64;
/** It grows to this many times what has arrived, so that a message of 1 MiB moves once and one of 16 MiB twice. */
const RESERVE_FACTOR = 16;

/**
 * Cuts a byte stream into frames. A frame that lies whole inside a chunk is not copied; one that spans chunks is
 * gathered once. After `poll` said `frame`, it lies in `bytes` from `start` to `end` until the next `poll`;
 * `take` gives a part of it that may be kept.
 */
export class Framer {
  bytes: Uint8Array = EMPTY;
  start = 0;
  end = 0;

  #chunk: Uint8Array = EMPTY; // The chunk being read,
  #at = 0; // from here on.
  #lent = false; // The chunk is only valid until the pump returns.
  #buffer: ArrayBufferLike = NO_BUFFER; // That of the chunk: views are made of it, which takes half as long as `subarray`.
  #held: Uint8Array = EMPTY; // A frame whose end has not arrived,
  #have = 0; // so much of it,
  #want = 0; // of so many bytes; 0 while its head is incomplete.

  constructor(
    readonly head: FrameHead,
    public frameBytesMax: number,
  ) {}

  /** Only after `poll` said `more`: there is at most one chunk at a time. */
  push(chunk: Uint8Array, lent: boolean): void {
    this.#chunk = chunk;
    this.#at = 0;
    this.#lent = lent;
    this.#buffer = chunk.buffer;
  }

  /** Looks ahead: whether the next frame lies whole in the chunk, and then in `bytes` from `start` to `end`; `takeAhead` reads it. Else ask `poll`. */
  peek(): boolean {
    if (this.#have > 0) return false;
    const chunk = this.#chunk;
    const at = this.#at;
    const available = chunk.length - at;
    if (available < this.head.headBytes) return false;
    const length = this.head.frameBytes(chunk, at);
    if (length > available || length > this.frameBytesMax) return false;
    if (this.bytes !== chunk) this.bytes = chunk;
    this.start = at;
    this.end = at + length;
    return true;
  }

  /** After `peek` said true: reads the frame, and gives the part of it from `from` on, as `take` does. */
  takeAhead(from: number): Uint8Array {
    this.#at = this.end;
    return this.take(from, this.end);
  }

  /** `more` and `oversized` repeat until there is a new chunk, or a `reset`. */
  poll(): Framed {
    if (this.#have > 0) return this.#pollHeld();
    const chunk = this.#chunk;
    const at = this.#at;
    const available = chunk.length - at;
    if (available >= this.head.headBytes) {
      const length = this.head.frameBytes(chunk, at);
      if (length > this.frameBytesMax) return this.#refuse(chunk, at);
      if (length <= available) {
        this.bytes = chunk;
        this.start = at;
        this.#at = this.end = at + length;
        return 'frame';
      }
      this.#want = length;
    }
    if (available > 0) this.#hold(available);
    this.#letGo();
    this.bytes = EMPTY; // A peer that falls silent now must not keep the last chunk alive.
    return 'more';
  }

  /** A view of the current frame that belongs to the caller: a lent chunk is copied once, what is left of it. */
  take(from: number, to: number): Uint8Array {
    if (this.#lent && this.bytes === this.#chunk) {
      this.#chunk = new Uint8Array(this.#chunk.subarray(from)); // `slice` of a Node Buffer would not copy.
      this.#lent = false;
      this.#at -= from;
      this.end -= from;
      this.start = 0; // The head of the current frame is gone; it is not read after its body was taken.
      this.bytes = this.#chunk;
      this.#buffer = this.#chunk.buffer;
      return new Uint8Array(this.#buffer, 0, to - from);
    }
    const { bytes } = this;
    return new Uint8Array(bytes === this.#chunk ? this.#buffer : bytes.buffer, bytes.byteOffset + from, to - from);
  }

  /** Forget what is half read: another wire carries on. */
  reset(): void {
    this.#letGo();
    this.#held = this.bytes = EMPTY;
    this.#have = this.#want = this.start = this.end = 0;
  }

  /** Bytes kept for a frame whose end has not arrived. */
  get heldBytes(): number {
    return this.#held.length;
  }

  #pollHeld(): Framed {
    if (this.#want === 0) {
      const need = this.head.headBytes;
      this.#fill(need);
      if (this.#have < need) return 'more';
      const length = this.head.frameBytes(this.#held, 0);
      if (length > this.frameBytesMax) return this.#refuse(this.#held, 0);
      this.#want = length;
    }
    this.#fill(this.#want);
    if (this.#have < this.#want) return 'more';
    this.bytes = this.#held;
    this.start = 0;
    this.end = this.#want;
    this.#held = EMPTY;
    this.#have = this.#want = 0;
    return 'frame';
  }

  /** The head of what is too large lies in `bytes` from `start` on. */
  #refuse(bytes: Uint8Array, at: number): 'oversized' {
    this.bytes = bytes;
    this.start = at;
    this.end = at + this.head.headBytes;
    return 'oversized';
  }

  /** Moves bytes from the chunk to the held frame until it has `target` of them. */
  #fill(target: number): void {
    const part = Math.min(target - this.#have, this.#chunk.length - this.#at);
    if (part <= 0) return;
    const need = this.#have + part;
    if (need > this.#held.length) {
      const grown = uninitialized(Math.min(target, Math.max(RESERVE_FACTOR * need, FIRST_RESERVE_BYTES)));
      grown.set(this.#held.subarray(0, this.#have));
      this.#held = grown;
    }
    this.#held.set(this.#chunk.subarray(this.#at, this.#at + part), this.#have);
    this.#have = need;
    this.#at += part;
    if (this.#at === this.#chunk.length) this.#letGo();
  }

  #hold(available: number): void {
    this.#held = EMPTY;
    this.#have = 0;
    const target = this.#want || this.head.headBytes;
    this.#held = uninitialized(Math.min(target, Math.max(available, FIRST_RESERVE_BYTES)));
    this.#held.set(this.#chunk.subarray(this.#at, this.#at + available));
    this.#have = available;
  }

  #letGo(): void {
    this.#chunk = EMPTY;
    this.#buffer = NO_BUFFER;
    this.#at = 0;
    this.#lent = false;
  }
}
