import { createHash, type JsonWebKey, type KeyObject, X509Certificate } from 'node:crypto';
import { SessionError } from '../../machines/errors.js';

/**
 * Normalises a fingerprint for comparison: 64 lower-case hex digits. Colons, spaces and a leading `sha256:` are accepted.
 *
 * @throws SessionError `bad-option`, with a message that states the error
 */
export function parseFingerprint(text: string): string {
  if (typeof text !== 'string') throw new SessionError('bad-option', `fingerprint: expected text, got ${String(text)}`);
  const digits = text
    .trim()
    .replace(/^sha-?256[:=]/i, '')
    .replace(/[:\s]/g, '')
    .toLowerCase();
  if (/^[0-9a-f]{64}$/.test(digits)) return digits;
  const isHex = /^[0-9a-f]*$/.test(digits);
  throw new SessionError(
    'bad-option',
    `bad fingerprint ${JSON.stringify(text.slice(0, 100))}: expected 64 hex digits (SHA-256 of a public key), ` +
      (isHex ? `got ${digits.length}` : 'got something that is not hex'),
  );
}

/**
 * SHA-256 of the public key (SubjectPublicKeyInfo, DER) of a certificate: what `openssl x509 -pubkey` piped through
 * `openssl pkey -pubin -outform der | sha256sum` prints. A renewed certificate for the same key keeps it.
 */
export function fingerprintOf(certificate: X509Certificate): string {
  return fingerprintOfKey(publicKeyOf(certificate));
}

/** The same for the key itself, as SubjectPublicKeyInfo in DER. */
export function fingerprintOfKey(key: Uint8Array): string {
  return createHash('sha256').update(key).digest('hex');
}

/**
 * The public key as SubjectPublicKeyInfo in DER, as TLS has read it from the certificate. A key on P-256 is returned with its
 * point uncompressed, in whichever form the certificate has it: one key, one fingerprint.
 */
export function publicKeyOf({ publicKey }: Pick<X509Certificate, 'publicKey'>): Buffer {
  return pointOnP256(publicKey) ?? publicKey.export({ type: 'spki', format: 'der' });
}

/**
 * Nearly all keys here are on P-256, and for those the two numbers of the point are appended to a constant head: OpenSSL's own
 * encoder takes 0.1 ms, which is much in a TLS handshake of 1 ms, and this takes 0.01 ms. Undefined for any other curve.
 */
function pointOnP256(key: KeyObject): Buffer | undefined {
  if (key.asymmetricKeyType !== 'ec') return undefined;
  const { crv, x = '', y = '' } = numbersOf(key);
  if (crv !== 'P-256') return undefined;
  const encoded = Buffer.concat([P256_HEAD, Buffer.from(x, 'base64url'), Buffer.from(y, 'base64url')]);
  return encoded.length === P256_HEAD.length + 64 ? encoded : undefined;
}

/** Empty for curves that JSON Web Keys have no name for. */
function numbersOf(key: KeyObject): JsonWebKey {
  try {
    return key.export({ format: 'jwk' });
  } catch {
    return {};
  }
}

/** SEQUENCE { SEQUENCE { ecPublicKey, prime256v1 }, BIT STRING { 04, … } } (RFC 5480). */
const P256_HEAD = Buffer.from('3059301306072a8648ce3d020106082a8648ce3d03010703420004', 'hex');

/** When a certificate expires, as it states. Milliseconds since 1970. */
export function validToMsOf({ validTo }: X509Certificate): number {
  return Date.parse(validTo);
}
