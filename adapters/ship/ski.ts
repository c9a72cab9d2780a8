import { expectedKeyIdentifierIn, keyIdentifierOf } from '../identity/index.js';
import { SessionError } from '../../machines/errors.js';

/**
 * A Subject Key Identifier as people write it, in the one form that is compared: 40 lower-case hex digits. Spaces,
 * hyphens and colons are forgiven, as labels of devices and other programs have them.
 *
 * @throws SessionError `bad-option`, with a message that says what is wrong
 */
export function normaliseSki(text: string): string {
  if (typeof text !== 'string') throw new SessionError('bad-option', `SKI: expected text, got ${String(text)}`);
  const digits = text.replace(/[\s:-]/g, '').toLowerCase();
  if (/^[0-9a-f]{40}$/.test(digits)) return digits;
  const isHex = /^[0-9a-f]*$/.test(digits);
  throw new SessionError(
    'bad-option',
    `bad SKI ${JSON.stringify(text.slice(0, 100))}: expected 40 hex digits, got ` +
      (isHex ? String(digits.length) : 'something that is not hex'),
  );
}

/** The same for what may be none: that is `otherwise`. */
export function skiOr<Otherwise>(text: string, otherwise: Otherwise): string | Otherwise {
  try {
    return normaliseSki(text);
  } catch {
    return otherwise;
  }
}

/**
 * The Subject Key Identifier that a certificate (DER) states, which Node does not show. It looks at this extension alone, so
 * the oddities of field devices elsewhere don't matter: a CA boolean of 1 instead of 255, zeros after the end.
 *
 * @returns 40 lower-case hex digits; undefined where it states none, or one that isn't 20 bytes long, as SHIP wants it
 */
export function skiOf(certificate: Uint8Array): string | undefined {
  const ski = keyIdentifierOf(certificate);
  return ski?.length === 40 ? ski : undefined;
}

/**
 * Whether the stated identifier is that of the key: SHA-1 of its bits, for P-256 the 65 bytes of the point (RFC 5280, 4.2.1.2,
 * method 1). Without this check a peer can state any SKI; certificates made by ship-go 0.5.1 and before fail it.
 */
export function skiMatchesKey(certificate: Uint8Array): boolean {
  const ski = skiOf(certificate);
  return ski !== undefined && ski === expectedKeyIdentifierIn(certificate);
}
