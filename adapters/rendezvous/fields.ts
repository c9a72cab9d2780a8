import { fromHex, toHex } from '../bytes.js';

/** Writes the fields of a message one behind the other; there is one way to spell each value. */
export class FieldWriter {
  readonly #parts: number[] = [];

  byte(value: number): this {
    this.#parts.push(value);
    return this;
  }
  /** A value of fixed length, as hex digits. */
  hex(digits: string): this {
    for (const byte of fromHex(digits)) this.#parts.push(byte);
    return this;
  }
  /** The same where there may be none: zeros. */
  hexOr0(digits: string | undefined, bytes: number): this {
    return this.hex(digits ?? '00'.repeat(bytes));
  }
  /** Printable ASCII with its length before it. */
  text(text: string): this {
    this.#parts.push(text.length);
    for (let i = 0; i < text.length; i++) this.#parts.push(text.charCodeAt(i));
    return this;
  }
  raw(bytes: Uint8Array): this {
    for (const byte of bytes) this.#parts.push(byte);
    return this;
  }
  done(): Uint8Array {
    return Uint8Array.from(this.#parts);
  }
}

/** Reads them back. The first thing that isn't spelled right spoils the whole: `isGood` says at the end whether all of it was. */
export class FieldReader {
  #at: number;
  #isGood = true;

  constructor(
    readonly bytes: Uint8Array,
    at = 0,
    readonly end = bytes.length,
  ) {
    this.#at = at;
  }

  /** All of it was read, and all of it was right. */
  get isGood(): boolean {
    return this.#isGood && this.#at === this.end;
  }
  get at(): number {
    return this.#at;
  }

  markCorrupt(): void {
    this.#isGood = false;
  }
  byte(max = 255): number {
    const at = this.#take(1);
    const value = at < 0 ? 0 : this.bytes[at]!;
    if (value > max) this.markCorrupt();
    return value;
  }
  hex(bytes: number): string {
    const at = this.#take(bytes);
    return at < 0 ? '' : toHex(this.bytes.subarray(at, at + bytes));
  }
  /** Undefined where all of it is 0. */
  hexOr0(bytes: number): string | undefined {
    const digits = this.hex(bytes);
    return /[^0]/.test(digits) ? digits : undefined;
  }
  text(bytesMax = 255): string {
    const length = this.byte(bytesMax);
    const at = this.#take(length);
    if (at < 0) return '';
    let text = '';
    for (let i = at; i < at + length; i++) {
      const code = this.bytes[i]!;
      if (code <= 0x20 || code >= 0x7f) this.markCorrupt();
      text += String.fromCharCode(code);
    }
    return text;
  }
  raw(bytes: number): Uint8Array {
    const at = this.#take(bytes);
    return at < 0 ? new Uint8Array(0) : this.bytes.slice(at, at + bytes);
  }

  #take(bytes: number): number {
    const at = this.#at;
    if (!this.#isGood || at + bytes > this.end) {
      this.#isGood = false;
      return -1;
    }
    this.#at = at + bytes;
    return at;
  }
}
