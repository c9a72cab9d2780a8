import { ports } from '#platform';
import { once } from 'node:events';
import { connect, createServer, type SecureVersion, type TLSSocket } from 'node:tls';
import type { AddressInfo } from 'node:net';
import { makeIdentity, type OwnIdentity } from '../../adapters/identity/index.js';
import { memoryTrust } from '../../adapters/ship/index.js';
import { shipTransport } from '../../transports/ship.js';
import { handshake } from '../interop/scripted-handshake.js';
import { forgedIdentity } from '../interop/scripted-identity.js';
import { listenPeer } from '../interop/scripted-listener.js';
import { dialPeer, type DialOptions, type ScriptedPeer } from '../interop/scripted-peer.js';
import { endsAfterEach, node, type Node } from './nodes.js';

const versions = ['TLSv1.2', 'TLSv1.3'] as const;
const ends = endsAfterEach();

let own: OwnIdentity;
let friend: OwnIdentity;
beforeAll(async () => {
  [own, friend] = await Promise.all([makeIdentity(), makeIdentity()]);
});

/** A node that trusts these, and whose first dial is at once. */
const trusting = (...skis: string[]): Promise<Node> =>
  node(own, 'own-id', { trust: memoryTrust(skis.map((ski) => ({ ski }))), ports: { ...ports, random: () => 0 } });

const closed = (socket: TLSSocket): Promise<void> => new Promise((resolve) => socket.once('close', () => resolve()));

const dial = async (options: DialOptions): Promise<ScriptedPeer> => {
  const peer = await dialPeer(options);
  ends.push(() => peer.drop());
  return peer;
};

const UPGRADE = [
  'GET /ship/ HTTP/1.1',
  'Host: here',
  'Connection: Upgrade',
  'Upgrade: websocket',
  'Sec-WebSocket-Version: 13',
  'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==',
  'Sec-WebSocket-Protocol: ship',
  '\r\n',
].join('\r\n');

/** Asks for an upgrade on a bare TLS connection: what came back, and whether TLS itself said no. */
async function ask(port: number, identity: OwnIdentity | undefined, maxVersion: SecureVersion): Promise<string> {
  const shown = identity && { key: identity.key, cert: identity.certificate };
  const socket = connect({ port, host: '127.0.0.1', rejectUnauthorized: false, maxVersion, ...shown });
  let answer = '';
  socket.on('data', (bytes: Buffer) => {
    answer += bytes.toString('latin1');
    socket.destroy();
  });
  socket.on('error', () => {});
  socket.on('secureConnect', () => socket.write(UPGRADE));
  await closed(socket);
  return answer;
}

/** Somebody who listens with this certificate, and keeps what the node says to him. */
async function trap(
  identity: OwnIdentity,
  maxVersion: SecureVersion = 'TLSv1.3',
): Promise<{ port: number; heard: () => string; over: Promise<void> }> {
  let heard = '';
  let tell!: () => void;
  const over = new Promise<void>((resolve) => (tell = resolve));
  const server = createServer({
    key: identity.key,
    cert: identity.certificate,
    requestCert: true,
    rejectUnauthorized: false,
    maxVersion,
  });
  server.on('tlsClientError', tell); // With TLS 1.3 we are gone before the handshake is over.
  server.on('secureConnection', (socket: TLSSocket) => {
    socket.on('data', (bytes: Buffer) => (heard += bytes.toString('latin1')));
    socket.on('error', () => {}).on('close', tell);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  ends.push(() => server.close());
  return { port: (server.address() as AddressInfo).port, heard: () => heard, over };
}

describe('SHIP/security: a Subject Key Identifier that is not that of the key', () => {
  test.each(versions)(
    'TC_SHIP_SEC_001 as server, without earlier pairing: over before a byte of HTTP is answered (%s)',
    async (version) => {
      const we = await node(own, 'own-id', { autoAccept: true });
      const forged = await forgedIdentity({ ski: friend.ski! });
      expect(await ask(we.port, friend, version)).toMatch(/^HTTP\/1.1 101/); // So the question is a good one.
      const before = we.story.length;
      expect(await ask(we.port, forged, version)).toBe('');
      expect(we.story.slice(before).filter((word) => !word.startsWith('state'))).toEqual([]);
      expect(we.hub.isRemoteServicePaired(forged.ski!)).toBe(false);
    },
  );

  test.each(versions)(
    'TC_SHIP_SEC_002 as server, with earlier pairing: the paired one’s name gives no access, and its connection lives on (%s)',
    async (version) => {
      const we = await trusting(friend.ski!);
      const paired = await dial({ port: we.port, identity: friend });
      await Promise.all([handshake(paired), we.until('connected')]);
      const story = [...we.story];
      expect(await ask(we.port, await forgedIdentity({ ski: friend.ski! }), version)).toBe('');
      expect(we.story).toEqual(story);
      paired.drop();
      await we.until('disconnected');
      expect(await ask(we.port, await forgedIdentity({ ski: friend.ski! }), version)).toBe('');
      expect(we.hub.getConnectionCount()).toBe(0);
    },
  );

  test.each(versions)('TC_SHIP_SEC_001 as client, without earlier pairing: it gets not a byte from us (%s)', async (version) => {
    const { port, heard, over } = await trap(await forgedIdentity({ ski: friend.ski! }), version);
    const we = await trusting();
    we.board.show(friend.ski!, port);
    we.hub.registerRemoteService(friend.ski!);
    await expect(we.hub.connectSKI(friend.ski!)).rejects.toMatchObject({ closing: { code: 'identity-mismatch' } });
    await over;
    expect(heard()).toBe('');
  });

  test.each(versions)('TC_SHIP_SEC_002 as client, with earlier pairing: it gets not a byte from us (%s)', async (version) => {
    const we = await trusting(friend.ski!);
    const paired = await dial({ port: we.port, identity: friend });
    await Promise.all([handshake(paired), we.until('connected')]);
    paired.drop();
    await we.until('disconnected');
    const { port, heard, over } = await trap(await forgedIdentity({ ski: friend.ski! }), version);
    we.board.show(friend.ski!, port);
    await expect(we.hub.connectSKI(friend.ski!)).rejects.toMatchObject({ closing: { code: 'identity-mismatch' } });
    await over;
    expect(heard()).toBe('');
    expect(we.hub.isRemoteServicePaired(friend.ski!)).toBe(true);
  });

  test('another device’s good certificate at a peer’s address: an ending of its own, and no SHIP byte', async () => {
    const other = await makeIdentity();
    const they = await node(other, 'other-id', { autoAccept: true });
    const we = await trusting(friend.ski!);
    we.board.show(friend.ski!, they.port);
    await expect(we.hub.connectSKI(friend.ski!)).rejects.toMatchObject({ closing: { code: 'identity-mismatch' } });
    // The pairing dials, and so does the call: a wire comes, and is gone before it says a word.
    expect(they.story.filter((word) => !/^state [049]$/.test(word))).toEqual([]);
  });

  test('keyIdentifier: stated lets an old device in, in both roles; one without any stays outside', async () => {
    const old = await forgedIdentity({ ski: 'ab'.repeat(20) });
    const transports = [shipTransport({ identity: own, keyIdentifier: 'stated' })];
    const we = await node(own, 'own-id', {
      trust: memoryTrust([{ ski: old.ski! }]),
      ports: { ...ports, random: () => 0 },
      transports,
    });
    const peer = await dial({ port: we.port, identity: old });
    await Promise.all([handshake(peer), we.until('connected')]);
    peer.drop();
    await we.until('disconnected');
    expect(await ask(we.port, await forgedIdentity({ ski: 'none' }), 'TLSv1.3')).toBe('');
    const listener = await listenPeer({ identity: old });
    ends.push(() => listener.close());
    we.board.show(old.ski!, listener.port);
    const theirs = await listener.peer();
    await Promise.all([handshake(theirs), we.until('connected', 2)]);
  });
});

describe('SHIP/security: certificates', () => {
  test.each([
    ['an expired one', { expired: true }],
    ['one with the CA flag 0x01, as devices in the field have it', { sloppyBoolean: true }],
  ])('%s is as good as any: the key is who the peer is; in both roles, TLS 1.2 and 1.3', async (_, oddity) => {
    const odd = await forgedIdentity(oddity);
    const we = await trusting(odd.ski!);
    let times = 0;
    for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
      const peer = await dial({ port: we.port, identity: odd, maxVersion });
      expect(peer.tls.getProtocol()).toBe(maxVersion);
      await Promise.all([handshake(peer), we.until('connected', ++times)]);
      peer.drop();
      await we.until('disconnected', times);
    }
    const they = await node(odd, 'scripted', { trust: memoryTrust([{ ski: own.ski! }]) });
    we.see(they);
    await we.hub.connectSKI(odd.ski!);
  });

  test.each(versions)('without one no peer comes in (%s)', async (version) => {
    const we = await node(own, 'own-id', { autoAccept: true });
    expect(await ask(we.port, undefined, version)).toBe('');
    expect(we.story).toEqual([]);
  });
});

describe('SHIP/security: TLS', () => {
  test('1.1 is refused', async () => {
    const we = await trusting(friend.ski!);
    const old = { minVersion: 'TLSv1.1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' } as const;
    await expect(dialPeer({ port: we.port, identity: friend, ...old })).rejects.toMatchObject({
      message: expect.stringContaining('alert protocol version'),
    });
  });

  test.each([
    ['TLSv1.2', 'ECDHE-ECDSA-AES128-SHA256'], // 0xC023, CBC, the mandatory one
    ['TLSv1.2', 'ECDHE-ECDSA-AES128-GCM-SHA256'], // 0xC02B
    ['TLSv1.3', 'TLS_AES_128_GCM_SHA256'],
  ] as const)('%s with %s works, in both roles', async (maxVersion, suite) => {
    const ciphers = maxVersion === 'TLSv1.3' ? {} : { ciphers: suite };
    const we = await trusting(friend.ski!);
    const peer = await dial({ port: we.port, identity: friend, maxVersion, ...ciphers });
    if (maxVersion === 'TLSv1.2') expect(peer.tls.getCipher().name).toBe(suite);
    await Promise.all([handshake(peer), we.until('connected')]);
    peer.drop();
    await we.until('disconnected');

    const server = createServer({
      key: friend.key,
      cert: friend.certificate,
      requestCert: true,
      rejectUnauthorized: false,
      maxVersion,
      ...ciphers,
    });
    const met = new Promise<TLSSocket>((resolve) => server.once('secureConnection', resolve));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    ends.push(() => server.close());
    we.board.show(friend.ski!, (server.address() as AddressInfo).port);
    const socket = await met;
    expect([socket.getProtocol(), socket.getCipher().name]).toEqual([
      maxVersion,
      maxVersion === 'TLSv1.3' ? expect.stringMatching(/^TLS_/) : suite,
    ]);
    const head = await new Promise<Buffer>((resolve) => socket.once('data', resolve));
    expect(head.toString()).toContain('Sec-WebSocket-Protocol: ship');
    socket.destroy();
  });

  test.each(versions)(
    'a session can’t be taken up again, so that each connection proves its certificate anew (%s)',
    async (maxVersion) => {
      const we = await trusting(friend.ski!);
      const first = await dial({ port: we.port, identity: friend, maxVersion });
      await Promise.all([handshake(first), we.until('connected')]);
      const session = first.session ?? first.tls.getSession(); // A dialer may save what it likes.
      first.drop();
      await we.until('disconnected');
      // Whoever had got hold of it, and shows nothing or another certificate, is not taken for the friend.
      const again = await dial({ port: we.port, identity: friend, maxVersion, ...(session && { session }) });
      expect(again.tls.isSessionReused()).toBe(false);
      await Promise.all([handshake(again), we.until('connected', 2)]);
      again.drop();
      await we.until('disconnected', 2);
      const stranger = connect({
        port: we.port,
        host: '127.0.0.1',
        rejectUnauthorized: false,
        maxVersion,
        ...(session && { session }),
      });
      stranger.on('error', () => {});
      let answer = '';
      stranger.on('data', (bytes: Buffer) => (answer += bytes.toString('latin1')));
      stranger.on('secureConnect', () => {
        expect(stranger.isSessionReused()).toBe(false);
        stranger.write(UPGRADE);
      });
      await closed(stranger);
      expect(answer).toBe('');
    },
  );
});
