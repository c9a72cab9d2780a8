import type { SlabPool } from '../dataplane/send-log.js';

const SLAB_BYTES = 64 << 10;

/** Bytes in order that were written and not yet released, by their place in the stream. The writer keeps the bound. */
export class ByteLog {
  #slabs: Uint8Array[] = [];
  #origin = 0; // Place of the first byte of the first slab.
  #start = 0;
  #end = 0;

  constructor(readonly pool: SlabPool) {}

  /** Place one past the newest byte: how many were ever written. */
  get end(): number {
    return this.#end;
  }
  /** Bytes held. */
  get size(): number {
    return this.#end - this.#start;
  }

  push(bytes: Uint8Array): void {
    for (let from = 0; from < bytes.length;) {
      const at = this.#end - this.#origin;
      const index = Math.floor(at / SLAB_BYTES);
      if (index === this.#slabs.length) this.#slabs.push(this.pool.get(SLAB_BYTES));
      const within = at - index * SLAB_BYTES;
      const length = Math.min(bytes.length - from, SLAB_BYTES - within);
      const isWhole = length === bytes.length;
      this.#slabs[index]!.set(isWhole ? bytes : bytes.subarray(from, from + length), within);
      from += length;
      this.#end += length;
    }
  }

  /** Copies bytes that are held. */
  copyTo(into: Uint8Array, at: number, place: number, length: number): void {
    let index = Math.floor((place - this.#origin) / SLAB_BYTES);
    let within = place - this.#origin - index * SLAB_BYTES;
    while (length > 0) {
      const part = Math.min(length, SLAB_BYTES - within);
      into.set(this.#slabs[index]!.subarray(within, within + part), at);
      at += part;
      length -= part;
      within = 0;
      index++;
    }
  }

  /** Everything before `place` is not needed any more. */
  release(place: number): void {
    this.#start = place;
    while (this.#slabs.length > 0 && (place - this.#origin >= SLAB_BYTES || place === this.#end)) {
      this.pool.put(this.#slabs.shift()!);
      this.#origin += SLAB_BYTES;
    }
    if (this.#slabs.length === 0) this.#origin = place;
  }
}
