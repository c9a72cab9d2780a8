import { connect as dialTcp, createServer, type AddressInfo } from 'node:net';
import nodeTls, { connect } from 'node:tls';
import { transportCompliance, Witness, type End } from '../compliance/transport.js';
import { makeIdentity } from '../../adapters/identity/index.js';
import type { DialOptions, Offer } from '../../machines/ports.js';
import { tls, type TlsOptions } from '../../transports/tls.js';
import { websocket } from '../../transports/websocket.js';

const server = makeIdentity({ commonName: 'server' });
const client = makeIdentity({ commonName: 'client' });
const badAddresses = ['tls://127.0.0.1', 'tcp://127.0.0.1:7000', 'tls://127.0.0.1:70000', 'tls://[1::2::3]:7000'];

transportCompliance('tls', async () => ({
  transport: tls({ identity: await server, trust: [(await client).fingerprint] }),
  dialer: tls({ identity: await client, trust: [(await server).fingerprint] }),
  address: 'tls://127.0.0.1:0',
  nowhere: 'tls://127.0.0.1:1',
  badAddresses,
}));

describe('transports/tls: tls', () => {
  let watched: Witness;

  afterEach(async () => {
    await watched.sweep();
    expect(watched.complaints).toEqual([]);
  });

  /** Listens with `listener`'s options, dials with `dialer`'s, and returns both ends (the accepted one where it came to that). */
  async function meet(listener: Partial<TlsOptions>, dialer: Partial<TlsOptions>, options?: DialOptions) {
    const accepted: End[] = [];
    const offers: Offer[] = [];
    watched = new Witness(tls({ identity: await client, ...dialer }));
    const entry = watched.listen(tls({ identity: await server, ...listener }), 'tls://127.0.0.1:0', (offer) => {
      offers.push(offer);
      accepted.push(watched.accept(offer));
    });
    await watched.until(() => entry.address !== '');
    const a = watched.dial(entry.address, {}, options);
    await watched.until(() => a.cause !== undefined || (a.isOpen && accepted.length > 0));
    return { a, accepted, offers, entry };
  }

  for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
    test(`tells each side the fingerprint of the other's key, by ${maxVersion}`, async () => {
      const before = nodeTls.DEFAULT_MAX_VERSION;
      nodeTls.DEFAULT_MAX_VERSION = maxVersion;
      try {
        const { a, offers, accepted } = await meet({}, {}, { fingerprints: [(await server).fingerprint.toUpperCase()] });
        expect(a.wire.identity).toEqual({ fingerprint: (await server).fingerprint });
        expect(offers[0]?.identity).toEqual({ fingerprint: (await client).fingerprint });
        expect((await accepted[0]!.opened()).wire.identity).toEqual({ fingerprint: (await client).fingerprint });
      } finally {
        nodeTls.DEFAULT_MAX_VERSION = before;
      }
    });
  }

  test('a listener with another key than the dialer asked for is an identity mismatch, before onOpen', async () => {
    const { a } = await meet({}, {}, { fingerprints: [(await client).fingerprint] });
    expect(a.cause).toMatchObject({
      kind: 'identity-mismatch',
      reason: expect.stringContaining((await server).fingerprint) as string,
    });
    expect(() => a.wire).toThrow('has not opened');
  });

  test('a listener whose key the dialer does not trust is an identity mismatch', async () => {
    const { a } = await meet({}, { trust: () => false });
    expect(a.cause).toMatchObject({ kind: 'identity-mismatch' });
  });

  test('a dialer whose key is not trusted never becomes an offer', async () => {
    const { a, offers } = await meet({ trust: [(await server).fingerprint] }, {});
    expect(['reset', 'ended']).toContain((await a.closed()).kind);
    expect(offers).toEqual([]);
  });

  test('a dialer without a certificate never becomes an offer, unless certificates are optional', async () => {
    for (const clientCertificate of ['required', 'optional'] as const) {
      const { entry, offers } = await meet({ clientCertificate }, {});
      const anonymous = connect({ ...hostOf(entry.address), rejectUnauthorized: false, ALPNProtocols: ['holdfast.resume.v1'] });
      anonymous.on('error', () => {});
      anonymous.resume();
      if (clientCertificate === 'required') await new Promise((resolve) => anonymous.on('close', resolve));
      else await watched.until(() => offers.length === 2);
      expect(offers.slice(1).map((offer) => offer.identity)).toEqual(clientCertificate === 'required' ? [] : [undefined]);
      anonymous.destroy();
      await watched.sweep();
    }
  });

  test('a session that is offered again is not resumed: the key is proven each time', async () => {
    const { entry, offers } = await meet({}, {});
    const { key, certificate: cert } = await client;
    const how = { ...hostOf(entry.address), key, cert, rejectUnauthorized: false, ALPNProtocols: ['holdfast.resume.v1'] };
    for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
      const first = connect({ ...how, minVersion: version, maxVersion: version });
      const session = await new Promise<Buffer>((resolve) => first.once('session', resolve));
      const again = connect({ ...how, minVersion: version, maxVersion: version, session });
      await new Promise((resolve) => again.once('secureConnect', resolve));
      expect({ version, isReused: again.isSessionReused() }).toEqual({ version, isReused: false });
      for (const each of [first, again]) each.on('error', () => {});
      for (const each of [first, again]) each.end();
    }
    await watched.until(() => offers.length === 5);
    expect(new Set(offers.map((offer) => offer.identity?.fingerprint))).toEqual(new Set([(await client).fingerprint]));
  });

  test('peers that share no protocol end in the TLS handshake', async () => {
    const { a } = await meet({ protocols: ['other'] }, {});
    expect(a.cause).toMatchObject({ kind: 'tls-failed' });
  });

  test('a listener without TLS is reported as such', async () => {
    const plain = createServer((socket) => socket.on('error', () => {}).end('220 mail.example ready\r\n'));
    await new Promise<void>((resolve) => plain.listen(0, '127.0.0.1', resolve));
    watched = new Witness(tls({ identity: await client }));
    const a = watched.dial(`tls://127.0.0.1:${(plain.address() as AddressInfo).port}`);
    expect(await a.closed()).toMatchObject({ kind: 'tls-failed' });
    plain.close();
  });

  test('a listener that says nothing at all is unreachable after a while', async () => {
    const silent = createServer((socket) => socket.on('error', () => {}));
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
    const { port } = silent.address() as AddressInfo;
    for (const [transport, address] of [
      [tls({ identity: await client, connectTimeoutMs: 30 }), `tls://127.0.0.1:${port}`],
      [websocket({ connectTimeoutMs: 30 }), `ws://127.0.0.1:${port}`],
    ] as const) {
      watched = new Witness(transport);
      expect(await watched.dial(address).closed()).toMatchObject({ kind: 'unreachable', code: 'ETIMEDOUT' });
    }
    silent.close();
  });

  test('dialers that stay silent make way for the next, and an honest one gets in', async () => {
    const { entry } = await meet({ handshakesMax: 2 }, {});
    const silent = Array.from({ length: 10 }, () => dialTcp(hostOf(entry.address)).on('error', () => {}));
    await new Promise<void>((resolve) => {
      let closed = 0;
      for (const each of silent) each.on('close', () => ++closed === 8 && resolve()).resume();
    });
    const a = await watched.dial(entry.address).opened();
    for (const each of silent) each.destroy();
    expect(a.isOpen).toBe(true);
  });

  test('options that make no sense are thrown back', async () => {
    const identity = await server;
    expect(() => tls({ identity, trust: ['abc'] })).toThrow(expect.objectContaining({ code: 'bad-option' }) as Error);
    expect(() => tls({ identity: { ...identity, key: 'abc' } })).toThrow(
      expect.objectContaining({ code: 'bad-option' }) as Error,
    );
    expect(() => tls({ identity }).dial('tls://a:1', { fingerprints: ['abc'] })).toThrow('expected 64 hex digits');
    expect(tls({ identity }).dial('tls://a:1')).toBeInstanceOf(Function);
  });
});

function hostOf(address: string): { host: string; port: number } {
  const { hostname: host, port } = new URL(address);
  return { host, port: Number(port) };
}
