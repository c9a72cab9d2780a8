import { makeNodeKey, signingWith, type Signing } from '../../adapters/rendezvous/signing.js';
import type { SeededRandom } from './random.js';

/** Signatures that cost nothing and prove nothing, except to a simulation: nobody in it makes up somebody else's. */
export function pretended(random: SeededRandom): Signing {
  const id = [...random.bytes(32)].map((byte) => byte.toString(16).padStart(2, '0')).join('');
  return {
    id,
    sign: (bytes) => mark(id, bytes),
    verify: (of, bytes, signature) => Buffer.compare(mark(of, bytes), signature) === 0,
  };
}

/** Real ones. The keys are new each time: what depends on their order differs from run to run. */
export function real(): Signing {
  return signingWith(makeNodeKey());
}

function mark(id: string, bytes: Uint8Array): Uint8Array {
  let h = Number.parseInt(id.slice(0, 8), 16);
  const words = new DataView(bytes.buffer, bytes.byteOffset, bytes.length & ~3);
  for (let at = 0; at < words.byteLength; at += 4) h = Math.imul(h ^ words.getInt32(at), 0x01000193);
  for (let at = words.byteLength; at < bytes.length; at++) h = Math.imul(h ^ bytes[at]!, 0x01000193);
  const signature = new Uint8Array(64);
  new DataView(signature.buffer).setInt32(0, h);
  return signature;
}
