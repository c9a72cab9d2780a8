/** From here on a piece is kept as it is; smaller ones are put together, so that a million of one byte each cost little more than a million bytes. */
const WHOLE_BYTES = 4 << 10;
const GATHERING_BYTES = 16 << 10;

/** Bytes that wait for their reader, oldest first. The window bounds their number. */
export class Chunks {
  #chunks: Uint8Array[] = [];
  #head = 0;
  #gathering: Uint8Array | undefined; // The last piece, while there is room behind it.
  #used = 0;

  get isEmpty(): boolean {
    return this.#head === this.#chunks.length;
  }

  push(bytes: Uint8Array): void {
    if (bytes.length >= WHOLE_BYTES) {
      this.#gathering = undefined;
      this.#chunks.push(bytes);
      return;
    }
    if (this.#gathering === undefined || this.#used + bytes.length > GATHERING_BYTES) {
      this.#gathering = new Uint8Array(GATHERING_BYTES);
      this.#used = 0;
      this.#chunks.push(this.#gathering.subarray(0, 0));
    }
    this.#gathering.set(bytes, this.#used);
    this.#used += bytes.length;
    // A lone keystroke does not wait for company: whatever was put together by the time it is taken goes as one.
    const last = this.#chunks[this.#chunks.length - 1]!;
    this.#chunks[this.#chunks.length - 1] = this.#gathering.subarray(this.#used - bytes.length - last.length, this.#used);
  }

  take(): Uint8Array | undefined {
    const piece = this.#chunks[this.#head];
    if (piece === undefined) return undefined;
    this.#head++;
    if (this.isEmpty) {
      this.#chunks = [];
      this.#head = 0;
      this.#gathering = undefined;
    } else if (this.#head >= 64 && this.#head * 2 >= this.#chunks.length) {
      this.#chunks = this.#chunks.slice(this.#head);
      this.#head = 0;
    }
    return piece;
  }

  clear(): void {
    this.#chunks = [];
    this.#head = 0;
    this.#gathering = undefined;
  }
}
