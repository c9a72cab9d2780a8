import type { Entropy, Random } from '../../machines/ports.js';

/**
 * Seeded chance (sfc32): the same seed makes the same world on every machine. Nothing secret may come from it.
 *
 * `split(name)` makes a stream of its own that depends on the seed and the name only, not on what was drawn before: whoever
 * adds a consumer with a new name shifts nobody else's luck.
 */
export class SeededRandom {
  readonly #key: number; // What the children are made from.
  #a: number;
  #b: number;
  #c: number;
  #count = 1;

  /** @param seed a whole number from 0 to 2^53 − 1 */
  constructor(
    readonly seed: number,
    path = 0x9e3779b9,
  ) {
    const low = seed >>> 0;
    const high = Math.floor(seed / 0x1_0000_0000) >>> 0;
    this.#key = path >>> 0;
    this.#a = mixed(low ^ this.#key);
    this.#b = mixed(high + 0x85ebca6b + this.#key);
    this.#c = mixed(low + Math.imul(this.#key, 0xc2b2ae35));
    for (let i = 0; i < 8; i++) this.uint32();
  }

  /** A number in [0, 1); it may be handed on as the `Random` port. */
  readonly next: Random = () => this.uint32() / 0x1_0000_0000;

  /** So many bytes; it may be handed on as the `Entropy` port. */
  readonly bytes: Entropy = (count) => {
    const bytes = new Uint8Array(count);
    for (let at = 0; at < count; at += 4) {
      const word = this.uint32();
      bytes[at] = word;
      bytes[at + 1] = word >>> 8; // Writing beyond the end is void.
      bytes[at + 2] = word >>> 16;
      bytes[at + 3] = word >>> 24;
    }
    return bytes;
  };

  /** A whole number from 0 to 2^32 − 1. */
  uint32(): number {
    const sum = (this.#a + this.#b + this.#count) | 0;
    this.#count = (this.#count + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = ((this.#c << 21) | (this.#c >>> 11)) + sum;
    this.#c |= 0;
    return sum >>> 0;
  }

  /** A whole number in [0, below). */
  int(below: number): number {
    return Math.floor(this.next() * below);
  }

  /** A number in [from, to). */
  between(from: number, to: number): number {
    return from + this.next() * (to - from);
  }

  /** True so often, e.g. 0.25; draws nothing at 0 and 1. */
  chance(probability: number): boolean {
    return probability > 0 && (probability >= 1 || this.next() < probability);
  }

  /** One of them; throws where there is none. */
  pick<T>(of: readonly T[]): T {
    if (of.length === 0) throw new RangeError('nothing to pick from');
    return of[this.int(of.length)]!;
  }

  /** The same things in random order, as a new array. */
  shuffle<T>(of: readonly T[]): T[] {
    const shuffled = [...of];
    for (let i = shuffled.length - 1; i > 0; i--) {
      const j = this.int(i + 1);
      [shuffled[i], shuffled[j]] = [shuffled[j]!, shuffled[i]!];
    }
    return shuffled;
  }

  /** The stream of this name below this one. The same name gives the same stream from its beginning. */
  split(name: string): SeededRandom {
    let path = this.#key;
    for (let i = 0; i < name.length; i++) path = Math.imul(path ^ name.charCodeAt(i), 0x01000193);
    return new SeededRandom(this.seed, mixed(path + 0x6d2b79f5));
  }
}

/** The finalizer of MurmurHash3: each bit of the input moves each bit of the output. */
function mixed(word: number): number {
  let h = word | 0;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return h ^ (h >>> 16);
}
