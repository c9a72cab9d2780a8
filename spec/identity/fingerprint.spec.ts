import { parseFingerprint } from '../../adapters/identity/index.js';

const digits = '0123456789abcdef'.repeat(4);

describe('a fingerprint', () => {
  test.each([
    ['as it is', digits],
    ['in capitals', digits.toUpperCase()],
    ['with colons', digits.match(/../g)!.join(':')],
    ['with a prefix', `sha256:${digits}`],
    ["with openssl's prefix and colons", `SHA256=${digits.toUpperCase().match(/../g)!.join(':')}`],
    ['with blanks around and within', ` ${digits.slice(0, 32)} ${digits.slice(32)}\n`],
  ])('is read %s', (_, text) => {
    expect(parseFingerprint(text)).toBe(digits);
  });

  test.each([
    ['nothing', '', 'got 0'],
    ['too short', digits.slice(1), 'got 63'],
    ['too long', `${digits}0`, 'got 65'],
    ['no hex', `${digits.slice(1)}g`, 'not hex'],
    ['another hash', `sha1:${digits.slice(0, 40)}`, 'not hex'],
  ])('is refused when it is %s', (_, text, why) => {
    expect(() => parseFingerprint(text)).toThrow(
      expect.objectContaining({ code: 'bad-option', message: expect.stringContaining(why) as string }) as Error,
    );
  });
});
