import { execFileSync } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ports } from '#platform';
import { Hub, memoryTrust } from '../../adapters/ship/index.js';
import { warningsOf } from '../../adapters/ship/own-certificate.js';
import { makeIdentity, readIdentity, type OwnIdentity } from '../../adapters/identity/index.js';
import { makeSelfSigned } from '../../adapters/identity/certificate.js';
import { shipTransport } from '../../transports/ship.js';
import { forgedIdentity } from '../interop/scripted-identity.js';
import { SimClock } from '../sim/clock.js';
import { HubStage } from './hub-stage.js';
import { endHubs, node, type Node } from './nodes.js';

afterEach(endHubs);

/** What a node says about its own certificate when it starts. */
async function warnings(identity: OwnIdentity, atMs = Date.now()): Promise<string[]> {
  const said: string[] = [];
  const clock = Object.assign(Object.create(ports.clock) as typeof ports.clock, { wall: () => atMs });
  await node(
    identity,
    'id',
    { ports: { ...ports, clock } },
    { certificateWarning: ({ code, message }) => said.push(`${code}: ${message}`) },
  );
  return said;
}
const lasting = (validDays: number): Promise<OwnIdentity> =>
  makeSelfSigned({ name: [{ CN: [{ utf8String: 'x' }] }], validDays, extensions: () => [] });

describe('SHIP/own certificate: our own certificate is looked at when a node starts', () => {
  test('a right one is not worth a word', async () => {
    expect(await warnings(await makeIdentity())).toEqual([]);
  });
  test('one whose key identifier is not its key’s', async () => {
    const forged = await forgedIdentity({ ski: '7'.repeat(40) });
    const [first] = await warnings(forged);
    expect(first).toEqual(
      expect.stringMatching(/^wrong-key-identifier: .*states the SKI 7{40}, but that of its key is [0-9a-f]{40}/),
    );
  });
  test.each(['none', '7'.repeat(38), '7'.repeat(42)])('one without a key identifier of 20 bytes (%s)', async (ski) => {
    const { certificate, key } = await forgedIdentity({ ski });
    const [first, second] = warningsOf(certificate, Date.now());
    expect(first).toMatchObject({
      code: 'no-key-identifier',
      message: expect.stringMatching(/states no Subject Key Identifier of 20 bytes.*, with SKI [0-9a-f]{40}$/) as string,
    });
    expect([second?.code, key]).toEqual(['expires-soon', key]);
  });
  test('it is looked at again every day, until the node ends', async () => {
    const identity = await lasting(400);
    const said: string[] = [];
    const s = await HubStage.of([]);
    const endsMs = Date.parse(new X509Certificate(identity.certificate).validTo);
    const clock = new SimClock({ wallMs: endsMs - 31.5 * 86_400_000 });
    const [transport] = s.hub.options.transports;
    const hub = new Hub(
      {
        ...s.hub.options,
        ski: identity.ski!,
        transports: [Object.assign({ ...transport! }, { certificate: identity.certificate })],
        ports: { ...s.hub.options.ports!, clock },
        listen: [],
      },
      { certificateWarning: ({ code }) => said.push(code) },
    );
    const started = hub.start();
    clock.settle();
    await started;
    const days: number[] = [];
    for (let day = 1; day <= 4; day++) {
      clock.advance(86_400_000);
      days.push(said.length);
    }
    expect(days).toEqual([0, 1, 2, 3]);
    const over = hub.shutdown();
    for (let i = 0; i < 5; i++) await Promise.resolve();
    clock.advance(15_000);
    await over;
    clock.advance(5 * 86_400_000);
    expect(said).toEqual(['expires-soon', 'expires-soon', 'expires-soon']);
    await s.end();
  });
  test.each([
    [31, []],
    [30, ['expires-soon']],
    [1, ['expires-soon']],
    [0, ['expired']],
    [-400, ['expired']],
  ])('one that ends in %s days', async (days, codes) => {
    const said = await warnings(
      await lasting(400),
      Date.now() + (400 - days) * 86_400_000 + 3_600_000 * (days === 31 ? -1 : 0) + (days === 0 ? 1000 : 0),
    );
    expect(said.map((each) => each.split(':')[0])).toEqual(codes);
  });
  test('one that is not valid yet: the clock of a device without battery', async () => {
    expect((await warnings(await makeIdentity(), 0)).map((each) => each.split(':')[0])).toEqual(['not-yet-valid']);
  });
  test('one of another SKI than the node is given is an error', async () => {
    await expect(node(await makeIdentity(), 'id', { ski: '7'.repeat(40) })).rejects.toThrow(
      /is to be 7{40}, but its certificate states the SKI/,
    );
  });
});

test('SHIP/own certificate: what is wrong with a certificate counts to the hour', async () => {
  const { certificate } = await lasting(400);
  const endMs = Date.parse(new X509Certificate(certificate).validTo);
  const codes = (beforeMs: number): string[] => warningsOf(certificate, endMs - beforeMs).map(({ code }) => code);
  const day = 86_400_000;
  expect([codes(30 * day + 3_600_000), codes(30 * day), codes(1), codes(0)]).toEqual([
    [],
    ['expires-soon'],
    ['expires-soon'],
    ['expired'],
  ]);
});

describe('SHIP/own certificate: a peer’s certificate that won’t do is refused with a reason on both sides', () => {
  const meeting = async (forged: OwnIdentity, isForgedDialing: boolean): Promise<{ b: Node; thief: Node; refused: string[] }> => {
    const right = await makeIdentity();
    const refused: string[] = [];
    const reader = { connectionRefused: (_: string, code: string, reason?: string) => void refused.push(`${code}: ${reason}`) };
    const b = await node(right, 'b', { trust: memoryTrust([{ ski: forged.ski! }]) }, reader);
    const thief = await node(forged, 'a', { trust: memoryTrust([{ ski: right.ski! }]) });
    const [dialer, other] = isForgedDialing ? [thief, b] : [b, thief];
    dialer.see(other);
    await dialer.until('state 9');
    return { b, thief, refused };
  };

  test('the dialer’s', async () => {
    const { b, thief, refused } = await meeting(await forgedIdentity({ ski: '7'.repeat(40) }), true);
    const reason = /the certificate states the SKI 7{40}, but that of its key is [0-9a-f]{40}/;
    expect(refused[0]).toMatch(reason);
    expect(refused[0]).toMatch(/^identity-unknown/);
    const closing = thief.hub.engine.peers.lastClosing(b.hub.ski);
    expect(closing).toMatchObject({ code: 'tls-failed', retry: false });
    expect(closing?.detail?.cause?.reason).toMatch(reason);
    expect(b.hub.getConnectionCount()).toBe(0);
  }, 15_000);

  test('the listener’s', async () => {
    const { b, thief } = await meeting(await forgedIdentity({ ski: '7'.repeat(40) }), false);
    const closing = b.hub.engine.peers.lastClosing(thief.hub.ski);
    expect(closing?.code).toBe('identity-mismatch');
    expect(closing?.detail?.cause?.reason).toMatch(/states the SKI 7{40}, but that of its key is/);
  }, 15_000);
});

describe('SHIP/own certificate: keys as other programs write them', () => {
  const openssl = (...args: string[]): string =>
    execFileSync('openssl', args, { encoding: 'utf8', stdio: ['pipe', 'pipe', 'ignore'] });
  const hasOpenssl = ((): boolean => {
    try {
      return openssl('version') !== '';
    } catch {
      return false;
    }
  })();
  const made = (curve: string): { key: string; certificate: string } => {
    const key = openssl('ecparam', '-name', curve, '-genkey');
    const file = join(folder, `${curve}.key`);
    writeFileSync(file, key);
    const certificate = openssl('req', '-x509', '-new', '-key', file, '-days', '10', '-subj', '/CN=x');
    return { key, certificate };
  };
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-keys-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  const maybe = hasOpenssl ? test : test.skip;

  maybe(
    'EC PRIVATE KEY (SEC 1), with and without EC PARAMETERS, loads and is spoken with',
    async () => {
      const { key, certificate } = made('prime256v1');
      expect(key).toContain('BEGIN EC PARAMETERS');
      const bare = key.slice(key.indexOf('-----BEGIN EC PRIVATE KEY'));
      const [with_, without] = [readIdentity(key, certificate), readIdentity(bare, certificate)];
      expect(with_.ski).toBe(without.ski);
      const a = await node(with_, 'a', { autoAccept: true });
      const b = await node(await makeIdentity(), 'b', { trust: memoryTrust([{ ski: with_.ski! }]) });
      b.see(a);
      await b.until('connected');
    },
    15_000,
  );

  maybe.each(['brainpoolP256r1', 'secp256k1'])('%s is refused by name', (curve) => {
    expect(() => shipTransport({ identity: made(curve) })).toThrow(
      `on the curve ${curve}, which TLS does not speak here: SHIP uses P-256`,
    );
  });
});
