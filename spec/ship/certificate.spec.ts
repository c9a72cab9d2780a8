import 'reflect-metadata';
import { X509Certificate as Parsed } from '@peculiar/x509';
import { execFileSync, spawnSync } from 'node:child_process';
import { createHash, createPublicKey, X509Certificate } from 'node:crypto';
import fc from 'fast-check';
import { makeIdentity } from '../../adapters/identity/index.js';
import { makeShipIdentity } from '../../adapters/ship/certificate.js';
import { normaliseSki, skiMatchesKey, skiOf } from '../../adapters/ship/ski.js';

const identity = makeShipIdentity({
  commonName: 'EVSE-0815',
  country: 'de',
  organization: 'Ünlü, O=x',
  organizationalUnit: 'cars',
});
/** A second reader, of whom nothing in this project knows. As with the Go peers: a machine without it skips, and says so; CI may not. */
function opensslAvailable(): boolean {
  if (spawnSync('openssl', ['version']).status === 0) return true;
  if (process.env['CI']) throw new Error('CI needs the command `openssl`: it reads our certificates');
  process.stderr.write('skipped: certificates as openssl reads them (the command `openssl` was not found)\n');
  return false;
}
const derOf = (pem: string): Buffer => new X509Certificate(pem).raw;

describe('SHIP/certificate: the certificate of a SHIP device', () => {
  test('is signed by its own P-256 key, and belongs to it', async () => {
    const parsed = new X509Certificate((await identity).certificate);
    expect(parsed.verify(parsed.publicKey)).toBe(true);
    expect(parsed.publicKey.asymmetricKeyDetails).toEqual({ namedCurve: 'prime256v1' });
    expect(parsed.issuer).toBe(parsed.subject);
  });

  test('states its SKI: SHA-1 over the 65 bytes of the point', async () => {
    const { certificate, ski } = await identity;
    const point = createPublicKey(certificate).export({ type: 'spki', format: 'der' }).subarray(-65);
    expect(point[0]).toBe(4);
    expect(ski).toBe(createHash('sha1').update(point).digest('hex'));
    expect(skiOf(derOf(certificate))).toBe(ski);
    expect(skiMatchesKey(derOf(certificate))).toBe(true);
  });

  test('has the three extensions that ship-go has, in its order, and a subject of C, O, OU, CN', async () => {
    const { extensions, subjectName } = new Parsed((await identity).certificate);
    const [usage, basic, keyIdentifier] = ['2.5.29.15', '2.5.29.19', '2.5.29.14'];
    expect(extensions.map(({ type, critical }) => ({ type, critical }))).toEqual([
      { type: usage, critical: true },
      { type: basic, critical: true },
      { type: keyIdentifier, critical: false },
    ]);
    expect(extensions.map(({ value }) => Buffer.from(value).toString('hex')).slice(0, 2)).toEqual(['03020780', '30030101ff']);
    expect(subjectName.toJSON()).toEqual([{ C: ['DE'] }, { O: ['Ünlü, O=x'] }, { OU: ['cars'] }, { CN: ['EVSE-0815'] }]);
  });

  test('is valid for ten years, from a day ago on, since clocks may be slow', async () => {
    const { notBefore, notAfter } = new Parsed((await identity).certificate);
    expect(Date.now() - notBefore.getTime()).toBeGreaterThan(86_000_000);
    expect(Math.round((notAfter.getTime() - Date.now()) / 86_400_000)).toBe(3650);
  });

  test('has a positive random serial number of 127 bits', async () => {
    const numbers = await Promise.all([identity, makeShipIdentity()].map(async (each) => new Parsed((await each).certificate)));
    const serials = numbers.map(({ serialNumber }) => serialNumber);
    for (const serial of serials) expect(serial).toMatch(/^[4-7][0-9a-f]{31}$/);
    expect(serials[0]).not.toBe(serials[1]);
  });

  test('needs no more than a name, and refuses a country that is none', async () => {
    expect(new X509Certificate((await makeShipIdentity()).certificate).subject).toBe('CN=holdfast');
    await expect(makeShipIdentity({ country: 'Germany' })).rejects.toThrow('bad country "Germany": expected two letters');
  });

  (opensslAvailable() ? test : test.skip)('is what openssl reads it as', async () => {
    const { certificate, ski } = await identity;
    const text = execFileSync('openssl', ['x509', '-noout', '-text'], { input: certificate, encoding: 'utf8' });
    const flat = text.replace(/\s+/g, ' ');
    expect(flat).toContain('Signature Algorithm: ecdsa-with-SHA256');
    expect(flat).toContain('NIST CURVE: P-256');
    expect(flat).toContain(
      'X509v3 extensions: X509v3 Key Usage: critical Digital Signature X509v3 Basic Constraints: critical CA:TRUE',
    );
    expect(flat).toContain(`X509v3 Subject Key Identifier: ${ski.toUpperCase().replace(/..(?=.)/g, '$&:')} Signature`);
    expect(flat).not.toMatch(/Alternative|Extended|Authority/);
  });
});

describe('SHIP/certificate: a SKI is read', () => {
  test('from a certificate that ship-go made', () => {
    expect(skiOf(derOf(shipGo))).toBe('5be1f1a689c4ac0726881d8e88511806b81fd8e3');
    expect(skiMatchesKey(derOf(shipGo))).toBe(true);
  });

  test('although the CA boolean is 1 instead of 255, or zeros follow the end', () => {
    const odd = Buffer.from(derOf(shipGo).toString('hex').replace('30030101ff', '3003010101'), 'hex');
    expect(odd.equals(derOf(shipGo))).toBe(false);
    expect({ ski: skiOf(odd), matches: skiMatchesKey(odd) }).toEqual({ ski: skiOf(derOf(shipGo)), matches: true });
    expect(new X509Certificate(odd).subject).toContain('CN=model-serial'); // Nor does the platform mind.
    const padded = Buffer.concat([odd, Buffer.alloc(7)]);
    expect({ ski: skiOf(padded), matches: skiMatchesKey(padded) }).toEqual({ ski: skiOf(odd), matches: true });
  });

  test('but does not match where it was forged', () => {
    const ski = skiOf(derOf(shipGo))!;
    const forged = Buffer.from(derOf(shipGo).toString('hex').replace(ski, '00'.repeat(20)), 'hex');
    expect({ ski: skiOf(forged), matches: skiMatchesKey(forged) }).toEqual({ ski: '00'.repeat(20), matches: false });
  });

  test('from no part of a certificate, and from no garbage, and never with an exception', async () => {
    const der = derOf((await makeIdentity()).certificate);
    expect(skiMatchesKey(der)).toBe(true);
    for (let length = 0; length < der.length; length++) {
      const part = der.subarray(0, length);
      expect({ length, ski: skiOf(part), matches: skiMatchesKey(part) }).toEqual({ length, ski: undefined, matches: false });
    }
    fc.assert(
      fc.property(fc.nat({ max: der.length - 1 }), fc.nat({ max: 255 }), (at, byte) => {
        const damaged = Buffer.from(der);
        damaged[at] = byte;
        expect(skiOf(damaged) ?? '0'.repeat(40)).toMatch(/^[0-9a-f]{40}$/);
        skiMatchesKey(damaged);
      }),
      { numRuns: 2000, seed: 5 },
    );
  });
});

describe('SHIP/certificate: a SKI that people write', () => {
  const ski = '5be1f1a689c4ac0726881d8e88511806b81fd8e3';
  test.each([
    ski,
    ski.toUpperCase(),
    ` ${ski.replace(/.{4}/g, '$& ')}\n`,
    ski.replace(/.{4}(?=.)/g, '$&-'),
    ski.replace(/..(?=.)/g, '$&:'),
  ])('%j', (text) => {
    expect(normaliseSki(text)).toBe(ski);
  });

  test.each([
    ['', 'bad SKI "": expected 40 hex digits, got 0'],
    [ski.slice(1), 'expected 40 hex digits, got 39'],
    [`${ski}0`, 'expected 40 hex digits, got 41'],
    [ski.replace('5', 'g'), 'got something that is not hex'],
    [ski.replace('5', '5/'), 'got something that is not hex'],
  ])('%j is none', (text, message) => {
    expect(() => normaliseSki(text)).toThrow(message);
  });
});

/** Made by the function `cert.CreateCertificate` of ship-go 0.6.0. */
const shipGo = `-----BEGIN CERTIFICATE-----
MIIB1TCCAXugAwIBAgIRA4lfvCthNMwWrjWUUHz8u+0wCgYIKoZIzj0EAwIwSjEL
MAkGA1UEBhMCREUxFTATBgNVBAoTDG9yZ2FuaXphdGlvbjENMAsGA1UECxMEdW5p
dDEVMBMGA1UEAxMMbW9kZWwtc2VyaWFsMB4XDTI2MTEyMTA4MzMwM1oXDTM2MTEx
ODA4MzMwM1owSjELMAkGA1UEBhMCREUxFTATBgNVBAoTDG9yZ2FuaXphdGlvbjEN
MAsGA1UECxMEdW5pdDEVMBMGA1UEAxMMbW9kZWwtc2VyaWFsMFkwEwYHKoZIzj0C
AQYIKoZIzj0DAQcDQgAEJtWj5FNXTLuBIwg3esgOy0R1XiG5QFh0YiIsXVf/cz0d
S1dXikUOf/i+Yd24iBHfU1jbKIqIILkawKOkpGdtvaNCMEAwDgYDVR0PAQH/BAQD
AgeAMA8GA1UdEwEB/wQFMAMBAf8wHQYDVR0OBBYEFFvh8aaJxKwHJogdjohRGAa4
H9jjMAoGCCqGSM49BAMCA0gAMEUCIQDI9HYSm8MiX5/hwG6YcxxLYnQvDKZY//iu
4fUEg8m0lQIgVj8nqYmsxZEHDAhDZpPhz4Di30CqP/baNfSyCUi5Sto=
-----END CERTIFICATE-----
`;
