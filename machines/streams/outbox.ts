/** Each piece costs this beyond its bytes, so that a million pieces of one byte are not cheap. */
const CHUNK_COST_BYTES = 64;

/** The bytes that one stream still has to send, oldest first. The chunks belong to their writer until they are taken. */
export class Outbox {
  #chunks: Uint8Array[] = [];
  #head = 0; // The oldest piece,
  #offset = 0; // and what of it was taken.
  #bytes = 0;

  get bytes(): number {
    return this.#bytes;
  }
  get costBytes(): number {
    return this.#bytes + (this.#chunks.length - this.#head) * CHUNK_COST_BYTES;
  }

  push(piece: Uint8Array): void {
    if (piece.length === 0) return;
    this.#chunks.push(piece);
    this.#bytes += piece.length;
  }

  /** The next bytes, at most so many and at least one; a view where they lie side by side. */
  take(bytesMax: number): Uint8Array {
    const first = this.#chunks[this.#head]!;
    const bytes = Math.min(bytesMax, this.#bytes);
    if (first.length - this.#offset >= bytes) {
      const view = first.subarray(this.#offset, this.#offset + bytes);
      this.#advance(bytes);
      return view;
    }
    const merged = new Uint8Array(bytes);
    for (let at = 0; at < bytes;) {
      const piece = this.#chunks[this.#head]!;
      const part = piece.subarray(this.#offset, this.#offset + bytes - at);
      merged.set(part, at);
      at += part.length;
      this.#advance(part.length);
    }
    return merged;
  }

  clear(): void {
    this.#chunks = [];
    this.#head = this.#offset = this.#bytes = 0;
  }

  #advance(bytes: number): void {
    this.#bytes -= bytes;
    this.#offset += bytes;
    if (this.#offset < this.#chunks[this.#head]!.length) return;
    this.#offset = 0;
    this.#head++;
    if (this.#head < 32 || this.#head * 2 < this.#chunks.length) return;
    this.#chunks = this.#chunks.slice(this.#head);
    this.#head = 0;
  }
}
