import { createPrivateKey } from 'node:crypto';
import { SessionError } from '../../machines/errors.js';

/**
 * SHIP wants keys on P-256 (12.1.2); Node's TLS does not speak brainpool curves, which some device makers use.
 *
 * @throws SessionError `bad-option` for a key that no TLS handshake could be made with
 */
export function checkCurve(key: string): void {
  let curve: string | undefined;
  try {
    curve = createPrivateKey(key).asymmetricKeyDetails?.namedCurve;
  } catch {
    return; // TLS says what is wrong with it.
  }
  if (curve === undefined || /^(prime256v1|P-256|secp384r1|secp521r1)$/.test(curve)) return;
  throw new SessionError(
    'bad-option',
    `the key of this identity is on the curve ${curve}, which TLS does not speak here: SHIP uses P-256 (prime256v1), as \`holdfast cert\` makes it`,
  );
}
