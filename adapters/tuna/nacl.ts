import { checkOptionNames } from '../../machines/arguments.js';
import { xsalsa20poly1305, hsalsa } from '@noble/ciphers/salsa.js';
import { ed25519, x25519 } from '@noble/curves/ed25519.js';
import { fromHex, toHex } from '../bytes.js';
import { SessionError } from '../../machines/errors.js';
import { nknAddress, type Box, type TunaIdentity } from './sealing.js';

/**
 * NaCl as Tuna uses it: X25519 keys made from Ed25519 ones, one shared key per pair of addresses. Keys are derived by @noble (audited,
 * pure); boxes by libsodium where the optional package `sodium-native` is there, which is eight times as fast as @noble and three
 * times as fast as libsodium in WebAssembly (1310 bytes: 1.6, 14 and 4.7 µs), else by @noble.
 */

type Sodium = typeof import('sodium-native').default;

let sodium: Promise<Sodium | undefined> | undefined;

/** Undefined where the package is not installed, or not for this platform. */
async function loadSodium(): Promise<Sodium | undefined> {
  try {
    return (await import('sodium-native')).default;
  } catch {
    return undefined;
  }
}

/** The name beside the key, and which library computes: one of JavaScript alone, or libsodium where it is installed. */
export interface TunaIdentityOptions {
  /** In front of the key in the address. Default: none. */
  readonly identifier?: string;
  /** `pure` does without the native library. Default: native where it is there. */
  readonly library?: 'pure' | 'native';
}

/** The identity that a seed of 32 bytes (an NKN wallet's) stands for. */
export async function tunaIdentity(seed: Uint8Array, options: TunaIdentityOptions = {}): Promise<TunaIdentity> {
  checkOptionNames('tunaIdentity', options, 'identifier', 'library');
  const { identifier, library } = options;
  if (!ArrayBuffer.isView(seed)) throw new SessionError('bad-option', `seed: expected 32 bytes, got ${String(seed)}`);
  if (seed.length !== 32) throw new SessionError('bad-option', `a seed has 32 bytes, not ${seed.length}`);
  const native = library === 'pure' ? undefined : await (sodium ??= loadSodium());
  if (library === 'native' && native === undefined)
    throw new SessionError('bad-option', 'the package sodium-native is not installed');
  const key = toHex(ed25519.getPublicKey(seed));
  const secret = ed25519.utils.toMontgomerySecret(seed);
  return {
    address: identifier === undefined || identifier === '' ? key : `${identifier}.${key}`,
    boxWith(remoteAddress) {
      const shared = sharedKey(secret, remoteAddress);
      if (shared === undefined) return undefined;
      return native === undefined ? pureBox(shared) : nativeBox(native, shared);
    },
  };
}

/** X25519, then HSalsa20: NaCl's `box.before`. */
function sharedKey(secret: Uint8Array, remoteAddress: string): Uint8Array | undefined {
  const digits = nknAddress(remoteAddress)?.slice(-64);
  if (digits === undefined) return undefined;
  try {
    const point = x25519.getSharedSecret(secret, ed25519.utils.toMontgomery(fromHex(digits)));
    const words = new Uint32Array(8);
    hsalsa(SIGMA, wordsOf(point), new Uint32Array(4), words);
    return new Uint8Array(words.buffer);
  } catch {
    return undefined; // Not a point of the curve, or one of small order.
  }
}

function wordsOf(bytes: Uint8Array): Uint32Array {
  return new Uint32Array(new Uint8Array(bytes).buffer);
}

const SIGMA = wordsOf(new TextEncoder().encode('expand 32-byte k'));

function pureBox(key: Uint8Array): Box {
  return {
    seal: (into, message, nonce) => into.set(xsalsa20poly1305(key, nonce).encrypt(message)),
    open(into, box, nonce) {
      try {
        into.set(xsalsa20poly1305(key, nonce).decrypt(box));
        return true;
      } catch {
        return false;
      }
    },
  };
}

function nativeBox(native: Sodium, key: Uint8Array): Box {
  return {
    seal: (into, message, nonce) => native.crypto_secretbox_easy(into, message, nonce, key),
    open: (into, box, nonce) => native.crypto_secretbox_open_easy(into, box, nonce, key),
  };
}
