import {
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  sign as signBytes,
  verify as verifyBytes,
  type KeyObject,
} from 'node:crypto';
import { SessionError } from '../../machines/errors.js';
import type { NodeId } from '../../machines/rendezvous/rendezvous.messages.js';
import { fromHex, toHex } from '../bytes.js';

/**
 * Signs and verifies: Ed25519 (RFC 8032) by the platform's own crypto. Both calls are synchronous. A
 * browser's WebCrypto returns promises: there, use a library's functions.
 * @rule RDV-8
 */
export interface Signing {
  readonly id: NodeId;
  sign(bytes: Uint8Array): Uint8Array;
  /** False for a wrong signature, and for an invalid key. Throws nothing. */
  verify(id: NodeId, bytes: Uint8Array, signature: Uint8Array): boolean;
}

/** A new key of a node: PKCS 8 in PEM. Keep it secret; `signingWith` returns its id. */
export function makeNodeKey(): string {
  return generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
}

/** Signs as the node whose key this is. @throws SessionError `bad-option` for anything but an Ed25519 private key in PEM */
export function signingWith(key: string): Signing {
  let secret: KeyObject;
  try {
    secret = createPrivateKey(key);
  } catch (cause) {
    throw new SessionError('bad-option', "the node's key can't be read: expected an Ed25519 private key, PEM", { cause });
  }
  if (secret.asymmetricKeyType !== 'ed25519')
    throw new SessionError('bad-option', `expected an Ed25519 private key, got ${secret.asymmetricKeyType ?? 'something else'}`);
  const info = createPublicKey(secret).export({ type: 'spki', format: 'der' });
  const known = new Map<NodeId, KeyObject>();
  return {
    id: toHex(info.subarray(SPKI_HEAD.length)),
    sign: (bytes) => signBytes(null, bytes, secret),
    verify(id, bytes, signature) {
      try {
        return verifyBytes(null, bytes, keyOf(known, id), signature);
      } catch {
        return false; // Not a point of the curve.
      }
    },
  };
}

/** The bytes before the 32 bytes of an Ed25519 key in a SubjectPublicKeyInfo (RFC 8410). */
const SPKI_HEAD = fromHex('302a300506032b6570032100');
/** Most recently imported keys that are kept; importing a key costs as much as verifying with it. */
const KNOWN_MAX = 1024;

function keyOf(known: Map<NodeId, KeyObject>, id: NodeId): KeyObject {
  let key = known.get(id);
  if (key === undefined) {
    key = createPublicKey({ key: Buffer.concat([SPKI_HEAD, fromHex(id)]), format: 'der', type: 'spki' });
    if (known.size >= KNOWN_MAX) for (const oldest of known.keys()) { known.delete(oldest); break; } // prettier-ignore
    known.set(id, key);
  }
  return key;
}
