import { randomFillSync } from 'node:crypto';
import { createRequire } from 'node:module';
import { maskWords } from './websocket-mask-words.js';

/** The functions of the `bufferutil` package that are used here. */
interface MaskLibrary {
  mask(source: Uint8Array, key: Uint8Array, target: Uint8Array, at: number, bytes: number): void;
  unmask(bytes: Uint8Array, key: Uint8Array): void;
}

/** A native call costs more than a loop below this many bytes. Chosen without measurement. */
const NATIVE_BYTES_MIN = 64;
/** Below this many bytes there is nothing to win by going word by word. */
const WORDS_BYTES_MIN = 32;

const native = nativeLibrary();
/** The key of the running call, turned so that its first byte belongs to the first byte of data. */
const turned = new Uint8Array(4);

/** `bufferutil` is an optional dependency, and `WS_NO_BUFFER_UTIL` is the switch by which `ws` does without it, too. */
function nativeLibrary(): MaskLibrary | undefined {
  if (process.env['WS_NO_BUFFER_UTIL']) return undefined;
  try {
    return createRequire(import.meta.url)('bufferutil') as MaskLibrary;
  } catch {
    return undefined; // It was not built for this platform.
  }
}

/**
 * Copies `source` into `target` at `at` and masks it on the way (RFC 6455, 5.3). Also unmasks: it is the same operation.
 *
 * @param key the four bytes of the mask as they are in the frame, the first one uppermost
 * @param phase how many bytes of the same frame came before these
 */
export function maskInto(target: Uint8Array, at: number, source: Uint8Array, key: number, phase: number): void {
  const { length } = source;
  if (key === 0) return target.set(source, at);
  turn(key, phase);
  if (native !== undefined && length >= NATIVE_BYTES_MIN) return native.mask(source, turned, target, at, length);
  if (length < WORDS_BYTES_MIN) {
    for (let i = 0; i < length; i++) target[at + i] = source[i]! ^ turned[i & 3]!;
    return;
  }
  target.set(source, at);
  maskWords(target, at, at + length, turned);
}

/** Masks or unmasks in place, from the first byte of a frame's data on. */
export function unmask(bytes: Uint8Array, key: number): void {
  const { length } = bytes;
  if (key === 0) return;
  turn(key, 0);
  if (native !== undefined && length >= NATIVE_BYTES_MIN) return native.unmask(bytes, turned);
  if (length >= WORDS_BYTES_MIN) return maskWords(bytes, 0, length, turned);
  for (let i = 0; i < length; i++) bytes[i]! ^= turned[i & 3]!;
}

function turn(key: number, phase: number): void {
  for (let i = 0; i < 4; i++) turned[i] = key >>> (24 - 8 * ((phase + i) & 3));
}

const KEYS_BYTES = 8192;
const keys = new Uint8Array(KEYS_BYTES);
let keysAt = KEYS_BYTES;

/** A mask from the system's source of randomness, unpredictable as RFC 6455, 10.3 asks; never 0, which would mask nothing. */
export function randomKey(): number {
  for (;;) {
    if (keysAt === KEYS_BYTES) {
      randomFillSync(keys);
      keysAt = 0;
    }
    const key = (keys[keysAt]! << 24) | (keys[keysAt + 1]! << 16) | (keys[keysAt + 2]! << 8) | keys[keysAt + 3]!;
    keysAt += 4;
    if (key !== 0) return key;
  }
}
