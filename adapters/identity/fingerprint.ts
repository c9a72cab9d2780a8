import { createHash, X509Certificate } from 'node:crypto';
import { SessionError } from '../../machines/errors.js';

/**
 * A fingerprint as people write it, in the one form that is compared: 64 lower-case hex digits. Colons, spaces and a
 * leading `sha256:` are forgiven.
 *
 * @throws SessionError `bad-option`, with a message that says what is wrong
 */
export function parseFingerprint(text: string): string {
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

/** The public key as SubjectPublicKeyInfo in DER. */
export function publicKeyOf(certificate: X509Certificate): Buffer {
  return certificate.publicKey.export({ type: 'spki', format: 'der' });
}
