import { createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { parseFingerprint, publicKeyOf } from '../../adapters/identity/index.js';

const digits = '0123456789abcdef'.repeat(4);

describe('identity/fingerprint: a fingerprint', () => {
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

describe('identity/fingerprint: the key of a certificate', () => {
  const spkiOf = (key: KeyObject): Buffer => key.export({ type: 'spki', format: 'der' });

  test.each([
    ['P-256', () => generateKeyPairSync('ec', { namedCurve: 'P-256' })],
    ['P-384', () => generateKeyPairSync('ec', { namedCurve: 'P-384' })],
    ['secp256k1, as long as P-256', () => generateKeyPairSync('ec', { namedCurve: 'secp256k1' })],
    ['P-256 with its curve written out', () => generateKeyPairSync('ec', { namedCurve: 'P-256', paramEncoding: 'explicit' })],
    ['brainpool, as long as P-256', () => generateKeyPairSync('ec', { namedCurve: 'brainpoolP256r1' })],
    ['RSA', () => generateKeyPairSync('rsa', { modulusLength: 1024 })],
    ['Ed25519', () => generateKeyPairSync('ed25519')],
  ])('on %s is what OpenSSL writes', (name, make) => {
    const { publicKey } = make();
    const named = name.includes('written out') ? renamed(publicKey) : publicKey;
    expect(publicKeyOf({ publicKey })).toEqual(spkiOf(named));
  });

  test('on P-256 is so too where a number of its point begins with zeros', () => {
    let zeros = 0;
    for (let n = 0; zeros < 2 && n < 20_000; n++) {
      const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
      const spki = spkiOf(publicKey);
      if (spki[27] !== 0 && spki[59] !== 0) continue;
      zeros++;
      expect(publicKeyOf({ publicKey }).toString('hex')).toBe(spki.toString('hex'));
    }
    expect(zeros).toBe(2);
  });

  test('on P-256 is the same with its point compressed: one key, one fingerprint', () => {
    const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const whole = spkiOf(publicKey);
    const point = Buffer.concat([Buffer.of(2 + (whole.at(-1)! & 1)), whole.subarray(27, 59)]);
    const head = Buffer.from('3039301306072a8648ce3d020106082a8648ce3d030107032200', 'hex');
    const compressed = createPublicKey({ key: Buffer.concat([head, point]), format: 'der', type: 'spki' });
    expect(spkiOf(compressed)).not.toEqual(whole);
    expect(publicKeyOf({ publicKey: compressed })).toEqual(whole);
  });
});

/** The same point on the curve of that name. */
const renamed = (key: KeyObject): KeyObject => createPublicKey({ key: key.export({ format: 'jwk' }), format: 'jwk' });
