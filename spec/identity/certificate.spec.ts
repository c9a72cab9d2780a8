import { createHash, createPublicKey, generateKeyPairSync, X509Certificate } from 'node:crypto';
import {
  expectedKeyIdentifier,
  fingerprintOf,
  keyIdentifierOf,
  makeIdentity,
  readIdentity,
} from '../../adapters/identity/index.js';

const identity = makeIdentity({ commonName: 'a, CN=b', validDays: 10 });

describe('identity/certificate: an identity', () => {
  test('is a P-256 key and a self-signed certificate that belong together', async () => {
    const { key, certificate } = await identity;
    const parsed = new X509Certificate(certificate);
    expect(parsed.verify(parsed.publicKey)).toBe(true);
    expect(parsed.publicKey.asymmetricKeyDetails).toEqual({ namedCurve: 'prime256v1' });
    expect(parsed.subject).toBe('CN=a\\, CN=b');
    expect(readIdentity(key, certificate)).toEqual(await identity);
  });

  test('has as fingerprint the SHA-256 of its public key, as other tools compute it', async () => {
    const { certificate, fingerprint } = await identity;
    const spki = createPublicKey(certificate).export({ type: 'spki', format: 'der' });
    expect(fingerprint).toBe(createHash('sha256').update(spki).digest('hex'));
    expect(fingerprintOf(new X509Certificate(certificate))).toBe(fingerprint);
  });

  test('has as SKI the SHA-1 of its 65-byte public point', async () => {
    const { certificate, ski } = await identity;
    const spki = createPublicKey(certificate).export({ type: 'spki', format: 'der' });
    const point = spki.subarray(-65);
    expect(point[0]).toBe(4);
    expect(ski).toBe(createHash('sha1').update(point).digest('hex'));
    expect(expectedKeyIdentifier(spki)).toBe(ski);
  });

  test('is another one each time', async () => {
    expect((await makeIdentity()).fingerprint).not.toBe((await identity).fingerprint);
  });

  test('is refused where key and certificate do not belong together, or are none', async () => {
    const { key, certificate } = await identity;
    const other = generateKeyPairSync('ec', {
      namedCurve: 'P-256',
      privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
      publicKeyEncoding: { type: 'spki', format: 'pem' },
    });
    expect(() => readIdentity(other.privateKey, certificate)).toThrow('does not belong');
    expect(() => readIdentity('abc', certificate)).toThrow("the private key can't be read");
    expect(() => readIdentity(key, 'abc')).toThrow("the certificate can't be read");
  });
});

describe('identity/certificate: the Subject Key Identifier', () => {
  test('is read from a certificate, and from no part of one', async () => {
    const der = new X509Certificate((await identity).certificate).raw;
    expect(keyIdentifierOf(der)).toBe((await identity).ski);
    for (let length = 0; length < der.length; length++) {
      expect({ length, ski: keyIdentifierOf(der.subarray(0, length)) }).toEqual({ length, ski: undefined });
    }
  });

  test('is undefined in a certificate without one', () => {
    expect(keyIdentifierOf(new X509Certificate(bare).raw)).toBeUndefined();
  });

  test('of damaged bytes is something or nothing, but never an exception', async () => {
    const der = new X509Certificate((await identity).certificate).raw;
    for (let at = 0; at < der.length; at++) {
      const damaged = Buffer.from(der);
      damaged[at]! ^= 0xff;
      const found = keyIdentifierOf(damaged);
      expect({ at, isEither: found === undefined || /^([0-9a-f]{2})*$/.test(found) }).toEqual({ at, isEither: true });
    }
  });
});

/** Ed25519, made with `openssl req -x509 -newkey ed25519 -nodes -subj /CN=bare` and no extensions. */
const bare = `-----BEGIN CERTIFICATE-----
MIHaMIGNAhQbJQ2FyR33Mg9slcW8IoW9OBfVaTAFBgMrZXAwDzENMAsGA1UEAwwE
YmFyZTAgFw0yNjExMjEwMzEyMTVaGA8yMTI2MTAyODAzMTIxNVowDzENMAsGA1UE
AwwEYmFyZTAqMAUGAytlcAMhAJ15tHz05ol0epVf9FsjWPwcDiDWzpZS+ZCzas27
56lfMAUGAytlcANBAPr3tKHjlZVA9YPT4XaNc19jAIXkx8EpybAnANzyatdNLFgL
6VLteJxaJaoMUGLH/364B/IIK4s9y8kA/oGeUwc=
-----END CERTIFICATE-----
`;
