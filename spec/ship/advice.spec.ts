import { CLOSINGS, type ClosingCode } from '../../machines/closing.js';
import { shipAdvice } from '../../adapters/ship/index.js';

const codes = Object.keys(CLOSINGS) as ClosingCode[];

test.each(['identity-mismatch', 'identity-unknown'] as const)(
  'SHIP/advice: SHIP advice about %s speaks of SKIs, not of fingerprints',
  (code) => {
    expect(shipAdvice(code)).toMatch(/\bSKI\b/);
    expect(shipAdvice(code)).not.toMatch(/fingerprint/i);
  },
);

test('SHIP advice: every ending has one, a sentence, and the common one where SHIP knows nothing more', () => {
  for (const code of codes)
    expect({ code, advice: shipAdvice(code) }).toMatchObject({ code, advice: expect.stringMatching(/^[A-Z].*\.$/) });
  const others = codes.filter((code) => shipAdvice(code) !== CLOSINGS[code].advice);
  expect(others.sort()).toEqual(['identity-mismatch', 'identity-unknown']);
});
