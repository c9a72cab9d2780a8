/** Where what is lent lies. One for all worlds: nobody may look at it after the call that brought it. */
const LENT = new Uint8Array(64 * 1024);
/** No delivery of a stream is longer. */
export const CHUNK_BYTES_MAX = LENT.length;

/** What is given away is cut from slabs, so that its `byteOffset` is seldom 0 and its `buffer` is never its own. */
const SLAB_BYTES = 32 * 1024;
let slab = new Uint8Array(SLAB_BYTES);
let slabAt = 1;

/** Signs of life travel between messages (a stream has none): they are as late and as lost as these. */
export const PING = new Uint8Array(0);
export const PONG = new Uint8Array(0);

/** Pieces on their way to one end, with the time of their arrival, in order. */
export class Inbound {
  #pieces: Uint8Array[] = [];
  #arrivalsMs: number[] = [];
  #head = 0; // Pieces before it are gone.
  #offset = 0; // Bytes of the first piece that are gone.
  #isOwned = true; // Whether the sender may do what it likes with the bytes.
  /** Bytes not yet delivered. */
  bytes = 0;

  get isEmpty(): boolean {
    return this.#head === this.#pieces.length;
  }

  /** When the first piece arrives; `Infinity` if there is none. */
  get nextMs(): number {
    return this.#arrivalsMs[this.#head] ?? Infinity;
  }

  get lastMs(): number {
    return this.#arrivalsMs[this.#arrivalsMs.length - 1] ?? 0;
  }

  get first(): Uint8Array | undefined {
    return this.#pieces[this.#head];
  }

  /** Kept by reference until it is delivered: a sender that changes it too early is found out. */
  push(piece: Uint8Array, arrivalMs: number): void {
    this.#pieces.push(piece);
    this.#arrivalsMs.push(arrivalMs);
    this.bytes += piece.length;
    this.#isOwned = false;
  }

  shift(): void {
    this.bytes -= this.#pieces[this.#head]!.length - this.#offset;
    this.#offset = 0;
    if (++this.#head < this.#pieces.length) return;
    this.#pieces.length = this.#arrivalsMs.length = this.#head = 0;
  }

  /** Bytes of the first piece, and of those behind it that have arrived (up to `max`) where they may be merged. */
  available(nowMs: number, mayMerge: boolean, max: number): number {
    let count = this.#pieces[this.#head]!.length - this.#offset;
    if (!mayMerge) return Math.min(count, max);
    for (let i = this.#head + 1; count < max && i < this.#pieces.length && this.#arrivalsMs[i]! <= nowMs; i++) {
      count += this.#pieces[i]!.length;
    }
    return Math.min(count, max);
  }

  /** How many bytes of the first piece are left. */
  get firstBytes(): number {
    return this.#pieces[this.#head]!.length - this.#offset;
  }

  /** Takes so many bytes out; lent, or given away. */
  take(count: number, isLent: boolean): Uint8Array {
    const chunk = isLent && count <= LENT.length ? LENT.subarray(0, count) : given(count);
    for (let at = 0; at < count;) {
      const piece = this.#pieces[this.#head]!;
      const length = Math.min(count - at, piece.length - this.#offset);
      const isWhole = this.#offset === 0 && length === piece.length;
      chunk.set(isWhole ? piece : piece.subarray(this.#offset, this.#offset + length), at);
      at += length;
      if (this.#offset + length === piece.length) this.shift();
      else {
        this.#offset += length;
        this.bytes -= length;
      }
    }
    return chunk;
  }

  /** Loses all but the first `keep` bytes; of a message it loses all or nothing. Returns how many were lost. */
  truncate(keep: number, isWhole: boolean): number {
    const before = this.bytes;
    let kept = 0;
    let end = this.#head;
    for (; end < this.#pieces.length; end++) {
      const length = this.#pieces[end]!.length - (end === this.#head ? this.#offset : 0);
      if (kept + length > keep) break;
      kept += length;
    }
    const rest = keep - kept;
    if (end < this.#pieces.length && rest > 0 && !isWhole) {
      const piece = this.#pieces[end]!;
      this.#pieces[end] = piece.subarray(0, rest + (end === this.#head ? this.#offset : 0));
      kept += rest;
      end++;
    }
    this.#pieces.length = this.#arrivalsMs.length = end;
    if (this.#head === end) this.clear();
    this.bytes = kept;
    return before - kept;
  }

  /** All of it arrives so much later. */
  delay(ms: number): void {
    for (let i = this.#head; i < this.#arrivalsMs.length; i++) this.#arrivalsMs[i]! += ms;
  }

  /** None of it arrives later than that. */
  hurry(byMs: number): void {
    for (let i = this.#arrivalsMs.length - 1; i >= this.#head && this.#arrivalsMs[i]! > byMs; i--) this.#arrivalsMs[i] = byMs;
  }

  /** The sender is gone and its buffers may be used for other things: from here on the bytes are the network's. */
  own(): void {
    if (this.#isOwned) return;
    this.#isOwned = true;
    for (let i = this.#head; i < this.#pieces.length; i++) {
      const piece = this.#pieces[i]!;
      if (piece.length > 0) this.#pieces[i] = new Uint8Array(piece); // A Buffer's slice would be no copy.
    }
  }

  clear(): void {
    this.#pieces.length = this.#arrivalsMs.length = this.#head = this.#offset = this.bytes = 0;
  }
}

function given(count: number): Uint8Array {
  if (count > SLAB_BYTES >> 2) return new Uint8Array(count);
  if (slabAt + count > SLAB_BYTES) {
    slab = new Uint8Array(SLAB_BYTES);
    slabAt = 1;
  }
  const chunk = slab.subarray(slabAt, slabAt + count);
  slabAt += count;
  return chunk;
}
