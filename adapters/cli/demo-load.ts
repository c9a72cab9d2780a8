import { openAtOnce } from '../streams/transfer/source.js';
import { Misuse } from './failures.js';

/** What the demo sends and how it counts: numbered messages, made up or read from a file, never more than one at a time. */

/** Of the file in each message; the number stands before them. */
export const CHUNK_BYTES = 32 << 10;
export const NUMBER_BYTES = 8;

/** Bytes in order, a chunk at a time. */
export interface Source {
  readonly size: number;
  /** For people. */
  readonly name: string;
  /** Fills the beginning of `chunk`; says how much, 0 at the end. */
  read(chunk: Uint8Array): number | Promise<number>;
  close(): Promise<void>;
}

export async function fileSource(path: string): Promise<Source> {
  const wrong = (error: Error): never => {
    throw new Misuse(`--file: ${error.message}`);
  };
  const file = await openAtOnce(path).catch(wrong);
  const found = await file.stat();
  if (!found.isFile()) {
    await file.close();
    throw new Misuse(`--file: ${path} is not a file`);
  }
  return {
    size: found.size,
    name: path,
    read: async (chunk) => (await file.read(chunk, 0, chunk.length)).bytesRead,
    close: () => file.close(),
  };
}

/** Pseudo-random bytes, the same for the same seed, generated as they are asked for. */
export function inventedSource(size: number, seed: number): Source {
  let left = size;
  let state = Math.imul(seed + 1, 0x9e3779b1) || 1; // Neighbouring seeds begin far apart.
  return {
    size,
    name: `made-up bytes (seed ${seed})`,
    read(chunk) {
      const bytes = Math.min(left, chunk.length);
      left -= bytes;
      const view = new DataView(chunk.buffer, chunk.byteOffset, bytes);
      for (let at = 0; at < bytes; at += 4) {
        state ^= state << 13; // xorshift32 (Marsaglia 2003): quick, and nothing here is secret.
        state ^= state >>> 17;
        state ^= state << 5;
        if (at + 4 <= bytes) view.setInt32(at, state);
        else for (let i = at; i < bytes; i++) view.setInt8(i, state >> (8 * (i - at)));
      }
      return bytes;
    },
    close: () => Promise.resolve(),
  };
}

/** A message that is nothing but its number. */
export function numbered(number: number): Uint8Array {
  const message = new Uint8Array(NUMBER_BYTES);
  putNumber(message, number);
  return message;
}

export function putNumber(message: Uint8Array, number: number): void {
  new DataView(message.buffer, message.byteOffset).setBigUint64(0, BigInt(number));
}

export function numberOf(message: Uint8Array): number {
  return Number(new DataView(message.buffer, message.byteOffset).getBigUint64(0));
}

/** Missing numbers that are remembered one by one; beyond it they only count. */
const MISSING_MAX = 65_536;

/** Hears numbers, which should come each once and in order, and says what did not. */
export class Tally {
  duplicated = 0;
  /** Came, but after a later one. */
  outOfOrder = 0;
  #next = 0;
  #missing = new Set<number>();
  #missingBeyond = 0;

  hear(number: number): void {
    if (number === this.#next) {
      this.#next++;
      return;
    }
    if (number > this.#next) {
      for (; this.#next < number && this.#missing.size < MISSING_MAX; this.#next++) this.#missing.add(this.#next);
      this.#missingBeyond += number - this.#next;
      this.#next = number + 1;
    } else if (this.#missing.delete(number)) this.outOfOrder++;
    else this.duplicated++;
  }

  /** How many different numbers came. */
  get heard(): number {
    return this.#next - this.#missing.size - this.#missingBeyond;
  }

  /** How many of the first `sent` numbers never came. */
  lostOf(sent: number): number {
    return sent - this.heard;
  }
}

/** Where the cuts fall: one in each of as many equal parts of the stream, shifted by chance. */
export class CutPlan {
  #at: number[] = [];

  constructor(size: number, count: number, seed: number) {
    const random = chance(seed);
    for (let i = count - 1; i >= 0; i--) this.#at.push(Math.floor((size * (i + 0.1 + 0.8 * random())) / count));
  }

  get left(): number {
    return this.#at.length;
  }

  /** Whether the next cut falls before `bytes`. */
  isDue(bytes: number): boolean {
    const next = this.#at.at(-1);
    return next !== undefined && bytes >= next;
  }

  done(): void {
    this.#at.pop();
  }
}

/** Repeatable chance in [0, 1) (mulberry32). */
export function chance(seed: number): () => number {
  let a = seed >>> 0;
  return () => {
    a = (a + 0x6d2b79f5) >>> 0;
    let t = Math.imul(a ^ (a >>> 15), a | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** The value that `p` percent do not exceed (nearest rank), rounded to a tenth; 0 where there are none. */
export function percentile(values: readonly number[], p: number): number {
  if (values.length === 0) return 0;
  const sorted = [...values].sort((a, b) => a - b);
  return Math.round(sorted[Math.min(sorted.length - 1, Math.ceil((p / 100) * sorted.length) - 1)]! * 10) / 10;
}
