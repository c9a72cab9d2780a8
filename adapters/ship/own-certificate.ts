import { X509Certificate } from 'node:crypto';
import { expectedKeyIdentifierIn, keyIdentifierOf } from '../../transports/identity/key-identifier.js';

/** Something about our own certificate that will keep peers away, now or soon. */
export interface CertificateWarning {
  readonly code: 'wrong-key-identifier' | 'no-key-identifier' | 'expired' | 'expires-soon' | 'not-yet-valid';
  /** One sentence for people: what is wrong, and what to do. */
  readonly message: string;
}

const DAY_MS = 86_400_000;
/** From when on an expiry is warned of; chosen so that a monthly look at a log sees it. */
const SOON_DAYS = 30;
const RENEW = 'make a certificate for the same key, so that pairings stay valid';

/**
 * The faults that peers find in our certificate (PEM): most refuse one whose Subject Key Identifier is not that of its key, and
 * some look at its dates.
 *
 * @param wallMs the time of day, milliseconds since 1970
 */
export function warningsOf(certificate: string, wallMs: number): readonly CertificateWarning[] {
  const { raw, validFrom, validTo } = new X509Certificate(certificate);
  const warnings: CertificateWarning[] = [];
  const stated = keyIdentifierOf(raw);
  const right = expectedKeyIdentifierIn(raw);
  if (stated?.length !== 40)
    warnings.push({
      code: 'no-key-identifier',
      message: `this node's certificate states no Subject Key Identifier of 20 bytes, so that no SHIP peer knows it: ${RENEW}, with SKI ${right}`,
    });
  else if (stated !== right)
    warnings.push({
      code: 'wrong-key-identifier',
      message: `this node's certificate states the SKI ${stated}, but that of its key is ${right}: peers that check it refuse the connection. Make a new identity (\`holdfast cert\`) and pair anew`,
    });
  const [from, to] = [Date.parse(validFrom), Date.parse(validTo)];
  const days = Math.floor((to - wallMs) / DAY_MS);
  if (to <= wallMs) warnings.push({ code: 'expired', message: `this node's certificate expired on ${dayOf(to)}: ${RENEW}` });
  else if (to - wallMs <= SOON_DAYS * DAY_MS)
    warnings.push({
      code: 'expires-soon',
      message: `this node's certificate expires on ${dayOf(to)}, in ${days} days: ${RENEW}`,
    });
  if (from > wallMs)
    warnings.push({
      code: 'not-yet-valid',
      message: `this node's certificate is valid from ${dayOf(from)} on: is this host's clock right?`,
    });
  return warnings;
}

/** The Subject Key Identifier that our certificate states; undefined where it states none. */
export function statedSki(certificate: string): string | undefined {
  return keyIdentifierOf(new X509Certificate(certificate).raw);
}

function dayOf(timeMs: number): string {
  return new Date(timeMs).toISOString().slice(0, 10);
}
