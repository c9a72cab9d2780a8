import { CLOSINGS, type ClosingCode } from '../../machines/closing.js';

/** Remedies that SHIP can state more exactly: identities are SKIs here. */
const OF_SHIP: Partial<Readonly<Record<ClosingCode, string>>> = {
  'identity-mismatch':
    'Compare the SKI that the device shows with the one registered here; if the device was replaced, register the new SKI.',
  'identity-unknown': 'The device has to show a certificate with a Subject Key Identifier (SKI); register that SKI.',
};

/** A remedy for the end of a SHIP connection or attempt, in a sentence. */
export function shipAdvice(code: ClosingCode): string {
  return OF_SHIP[code] ?? CLOSINGS[code].advice;
}
