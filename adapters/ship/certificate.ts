import { randomBytes } from 'node:crypto';
import { makeSelfSigned, validity, type OwnIdentity } from '../identity/certificate.js';
import { SessionError } from '../../machines/errors.js';
import { anything, checkOptions, members, optional, text } from '../options.js';

/** The contents of a new SHIP certificate, besides its key. */
export interface ShipIdentityOptions {
  /** Model and serial number with a hyphen between them, by convention: `EVSE-0815`. Default `holdfast`. */
  readonly commonName?: string;
  /** Two letters, `DE`. Default: none. */
  readonly country?: string;
  /** The maker. Default: none. */
  readonly organization?: string;
  readonly organizationalUnit?: string;
  /** Default 3650. */
  readonly validDays?: number;
}

const OPTIONS = members({
  commonName: optional(text),
  country: optional(anything), // Below.
  organization: optional(text),
  organizationalUnit: optional(text),
  validDays: optional(validity),
});

/**
 * Makes what a SHIP device shows: an ECDSA key on P-256 and a certificate signed by itself, made up as ship-go makes its own.
 * Extensions in order: key usage (critical: digital signature), basic constraints (critical: CA), Subject Key Identifier;
 * no others. `ski` is what peers register. Pairings hang on the key: keep it (`saveIdentity`).
 *
 * @throws SessionError `bad-option` for a country that isn't two letters, or without the optional X.509 packages
 */
export async function makeShipIdentity(options: ShipIdentityOptions = {}): Promise<OwnIdentity & { readonly ski: string }> {
  checkOptions('makeShipIdentity', OPTIONS, options);
  const { commonName = 'holdfast', country, organization, organizationalUnit, validDays } = options;
  if (country !== undefined && !/^[A-Za-z]{2}$/.test(country)) {
    throw new SessionError('bad-option', `bad country ${JSON.stringify(country)}: expected two letters`);
  }
  const identity = await makeSelfSigned({
    name: [
      ...(country === undefined ? [] : [{ C: [{ printableString: country.toUpperCase() }] }]),
      ...(organization === undefined ? [] : [{ O: [{ utf8String: organization }] }]),
      ...(organizationalUnit === undefined ? [] : [{ OU: [{ utf8String: organizationalUnit }] }]),
      { CN: [{ utf8String: commonName }] },
    ],
    validDays,
    serialNumber: randomSerial(),
    extensions: ({ BasicConstraintsExtension, KeyUsageFlags, KeyUsagesExtension }) => [
      new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
      new BasicConstraintsExtension(true, undefined, true),
    ],
  });
  return { ...identity, ski: identity.ski! }; // A certificate made here has one.
}

/** Positive, 127 bits, no leading zeros: no reader has an excuse. */
function randomSerial(): string {
  const bytes = randomBytes(16);
  bytes[0] = (bytes[0]! & 0x7f) | 0x40;
  return bytes.toString('hex');
}
