import type { OwnIdentity } from '../../adapters/identity/index.js';
import { handshake } from './scripted-handshake.js';
import { forgedIdentity, honestIdentity } from './scripted-identity.js';
import { listenPeer, type ListenOptions, type ScriptedListener } from './scripted-listener.js';
import { dialPeer, UpgradeRefused, type DialOptions, type ScriptedPeer } from './scripted-peer.js';
import { bytesOf, connectionClose, data, dataOf, hello, memberOf, pinState, protocolHandshake } from './ship-messages.js';
import { buildShipGo, ShipGo, shipGoAvailable, shipGoState, type ShipGoOptions } from './ship-go.js';

// ship-go 0.6.0 loses a CMI or a hello in about one of a thousand handshakes (README.md beside this file): once more, then.
jest.retryTimes(2, { logErrorsBeforeRetry: true });

const withShipGo = shipGoAvailable() ? describe : describe.skip;

let me: OwnIdentity;
const ends: (() => unknown)[] = [];

beforeAll(async () => {
  me = await honestIdentity();
});
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

const startGo = async (options: ShipGoOptions = {}): Promise<ShipGo> => {
  const go = await ShipGo.start(options);
  ends.push(() => go.stop());
  return go;
};
const listen = async (options: Partial<ListenOptions> = {}): Promise<ScriptedListener> => {
  const listener = await listenPeer({ identity: me, ...options });
  ends.push(() => listener.close());
  return listener;
};
const dial = async (options: DialOptions): Promise<ScriptedPeer> => {
  const peer = await dialPeer({ identity: me, ...options });
  ends.push(() => peer.drop());
  return peer;
};

withShipGo('a scripted client of ship-go', () => {
  beforeAll(() => buildShipGo(), 240_000);

  test('interop/scripted peer: exchanges the connection mode initialisation, and sees whom it talks to', async () => {
    const go = await startGo({ trusted: [me.ski!] });
    const peer = await dial({ port: go.port });
    expect(peer).toMatchObject({ role: 'client', protocol: 'ship', ski: go.ski });
    expect(peer.tls.getProtocol()).toBe('TLSv1.3');
    await peer.sendBytes(Uint8Array.of(0, 0));
    await peer.expectCmi();
    await peer.expect(hello('ready'));
  });

  test('interop/scripted peer: plays the whole handshake; data goes both ways; the end is announced and confirmed', async () => {
    const go = await startGo({ trusted: [me.ski!], shipId: 'go-id' });
    const peer = await dial({ port: go.port });
    expect(await handshake(peer, { shipId: 'my-id' })).toMatchObject({ shipId: 'go-id' });
    expect(await go.event('shipId')).toMatchObject({ ski: me.ski, shipId: 'my-id' });
    await go.event('setup');
    await peer.send(data('{"datagram":[{"a":[[{"b":1}],[{"b":2}]]}]}'));
    expect(await go.event('data')).toMatchObject({ payload: '{"datagram":{"a":[{"b":1},{"b":2}]}}' });
    await go.send(me.ski!, '{"datagram":{"a":[{"b":1},{"b":2}]}}');
    await peer.expect(data('{"datagram":[{"a":[[{"b":1}],[{"b":2}]]}]}'));
    await peer.send(connectionClose('announce', 500, 'unspecific'));
    await peer.expect(connectionClose('confirm'));
    expect(await peer.expectClose()).toMatchObject({ code: 4001, reason: 'close' });
    await go.event('disconnected');
  });

  test('interop/scripted peer: waits as long as it is pending', async () => {
    const go = await startGo({ allowWaiting: true, log: true });
    const peer = await dial({ port: go.port });
    await handshake(peer, { until: 'cmi' });
    await peer.expect(hello('pending'));
    await peer.send(hello('ready'));
    await go.received('"phase":"ready"'); // ship-go can't stand being accepted before.
    await go.register(me.ski!);
    await peer.expect(hello('ready'));
    await handshake(peer, { from: 'protocol' });
    await go.event('setup');
  });

  test('interop/scripted peer: is turned away where no user may decide', async () => {
    const go = await startGo({ allowWaiting: false });
    const peer = await dial({ port: go.port });
    await handshake(peer, { until: 'cmi' });
    const { messages, code } = await peer.untilClose();
    expect(messages).toEqual([hello('pending'), hello('aborted')]);
    expect(code).toBe(4452);
  });

  test('interop/scripted peer: sends fragments of 4096 bytes, and messages far above the limit of later versions', async () => {
    const go = await startGo({ trusted: [me.ski!] });
    const peer = await dial({ port: go.port });
    await handshake(peer);
    await peer.sendFragments(dataOf(20_000));
    expect(await go.event('data')).toMatchObject({ bytes: 20_000 });
    const after = go.lastEvent;
    await peer.send(dataOf(1_500_000));
    expect(await go.event('data', { after })).toMatchObject({ bytes: 1_500_000 });
  });

  const misdeeds: readonly (readonly [
    what: string,
    deed: (peer: ScriptedPeer) => Promise<void>,
    code: number,
    reason: string,
  ])[] = [
    ['a text frame', (peer) => peer.sendText('{}'), 1006, ''],
    ['a message of one byte', (peer) => peer.sendBytes(Uint8Array.of(0)), 1006, ''],
    [
      'a wrong CMI type',
      (peer) => peer.sendBytes(Uint8Array.of(1, 0)),
      4001,
      'Invalid SHIP MessageType, expected 0 and got \x01',
    ],
    [
      'a hello instead of the CMI',
      (peer) => peer.send(hello('ready')),
      4001,
      'Invalid SHIP MessageType, expected 0 and got \x01',
    ],
  ];
  test.each(misdeeds)('interop/scripted peer: is dropped for %s', async (_what, deed, code, reason) => {
    const go = await startGo({ trusted: [me.ski!] });
    const peer = await dial({ port: go.port });
    await deed(peer);
    expect(await peer.expectClose()).toMatchObject({ code, reason });
    await go.event('pairing', { where: ({ state }) => state === shipGoState.error });
  });

  test.each([
    ['a negative waiting', hello('ready', { waiting: -1 })],
    ['a ready without waiting', hello('ready', {})],
    ['a protocol handshake before its time', protocolHandshake('announceMax')],
  ])('interop/scripted peer: is sent away for %s while pending', async (_what, message) => {
    const go = await startGo({ allowWaiting: true });
    const peer = await dial({ port: go.port });
    await handshake(peer, { until: 'cmi' });
    await peer.expect(hello('pending'));
    await peer.send(message);
    const { messages, code } = await peer.untilClose();
    expect(messages).toEqual([hello('aborted')]);
    expect(code).toBe(4452);
  });

  test('interop/scripted peer: is dropped for asking for a PIN', async () => {
    const go = await startGo({ trusted: [me.ski!] });
    const peer = await dial({ port: go.port });
    await handshake(peer, { until: 'protocol' });
    await peer.send(pinState('required', 'ok'));
    const { code, reason } = await peer.untilClose();
    expect({ code, reason }).toEqual({ code: 4001, reason: 'Got pin state: required (unsupported)' });
  });

  test('interop/scripted peer: may forge its SKI here, but must show one, and must speak ship', async () => {
    const go = await startGo({ trusted: ['aa'.repeat(20)] });
    const forged = await dial({ port: go.port, identity: await forgedIdentity({ ski: 'aa'.repeat(20) }) });
    await handshake(forged);
    expect(await go.event('setup')).toMatchObject({ ski: 'aa'.repeat(20) });
    await expect(dial({ port: go.port, identity: undefined })).rejects.toThrow(/certificate required|ECONNRESET|hang up/);
    await expect(dial({ port: go.port, identity: await forgedIdentity({ ski: 'none' }) })).rejects.toThrow(
      /bad certificate|ECONNRESET|hang up/,
    );
    const mute = await dial({ port: go.port, protocols: [] });
    expect(mute.protocol).toBe('');
    expect(await mute.expectClose()).toMatchObject({ code: 1006 });
  });

  test('interop/scripted peer: may come with TLS 1.2 and an expired certificate', async () => {
    const expired = await forgedIdentity({ expired: true });
    const go = await startGo({ trusted: [expired.ski!] });
    const peer = await dial({ port: go.port, identity: expired, maxVersion: 'TLSv1.2' });
    expect(peer.tls.getCipher().name).toBe('ECDHE-ECDSA-AES128-GCM-SHA256');
    await handshake(peer);
  });
});

withShipGo('a scripted server of ship-go', () => {
  const meet = async (listener: ScriptedListener, options: ShipGoOptions = {}): Promise<readonly [ShipGo, ScriptedPeer]> => {
    const go = await startGo(options);
    await go.register(me.ski!);
    await go.see([{ ski: me.ski!, port: listener.port }]);
    return [go, await listener.peer()];
  };

  test('interop/scripted peer: plays the whole handshake; data goes both ways; the end is announced', async () => {
    const [go, peer] = await meet(await listen(), { shipId: 'go-id' });
    expect(peer).toMatchObject({ role: 'server', protocol: 'ship', path: '/ship/', ski: go.ski });
    expect(await handshake(peer)).toMatchObject({ shipId: 'go-id' });
    await go.event('setup');
    await go.sendFilled(me.ski!, 50_000);
    expect((await peer.expectNamed('data')).text).toHaveLength(50_000 + data('').text.length + '[]'.length);
    await peer.send(dataOf(30_000));
    expect(await go.event('data')).toMatchObject({ bytes: 30_000 });
    await go.disconnect(me.ski!, 'enough');
    const announced = await peer.expectNamed('connectionClose');
    expect(announced).toEqual(connectionClose('announce', 500, 'enough'));
    await peer.send(connectionClose('confirm'));
    expect((await peer.expectClose()).code).toBe(4001);
  });

  test('interop/scripted peer: drops without a close frame, and is dialled again', async () => {
    const listener = await listen();
    const [go, peer] = await meet(listener);
    await handshake(peer);
    await go.event('setup');
    peer.drop();
    await go.event('disconnected');
    await handshake(await listener.peer(15_000));
  }, 20_000);

  test('interop/scripted peer: keeps it pending, then aborts', async () => {
    const [go, peer] = await meet(await listen());
    await handshake(peer, { until: 'cmi' });
    await peer.expect(hello('ready'));
    await peer.send(hello('pending'));
    await peer.send(hello('pending', { prolongationRequest: true }));
    await peer.expect(hello('ready'));
    await peer.send(hello('aborted'));
    expect((await peer.expectClose()).code).toBe(4452);
    await go.event('pairing', { where: ({ state }) => state === shipGoState.remoteDeniedTrust });
  });

  test('interop/scripted peer: is left at once where its SKI is not the expected one', async () => {
    const listener = await listen();
    const go = await startGo({ log: true });
    await go.register('bb'.repeat(20));
    await go.see([{ ski: 'bb'.repeat(20), port: listener.port }]);
    expect((await (await listener.peer()).expectClose()).code).toBe(1006);
    await go.event('log', { where: ({ text }) => text.includes('SKI does not match') });
  });

  test('refuses the upgrade: the dialled path, then the bare address', async () => {
    let asked = 0;
    const listener = await listen({ refuse: () => (++asked, 503) });
    const go = await startGo({ trusted: [me.ski!], log: true });
    await go.see([{ ski: me.ski!, port: listener.port }]);
    await go.event('log', { where: ({ text }) => text.includes('failed:') });
    expect(asked).toBe(2);
  });
});

describe('interop/scripted peer: a scripted peer among its own', () => {
  test('plays both roles at once', async () => {
    const listener = await listen();
    const other = await honestIdentity();
    const client = await dial({ port: listener.port, identity: other, path: '/any' });
    const server = await listener.peer();
    expect([client.ski, server.ski, server.path]).toEqual([listener.ski, other.ski, '/any']);
    const results = await Promise.all([handshake(client, { shipId: 'c' }), handshake(server, { shipId: 's' })]);
    expect(results.map(({ shipId }) => shipId)).toEqual(['s', 'c']);
    expect(results[0].received.map((each) => each.type)).toEqual([0, 1, 1, 1, 1, 1]);
  });

  test('says what it expected and what came instead', async () => {
    const listener = await listen();
    const client = await dial({ port: listener.port });
    const server = await listener.peer();
    await client.send(hello('pending', { waiting: -5 }));
    await expect(server.expect(hello('ready'))).rejects.toThrow('{"phase":"pending"},{"waiting":-5}');
    await client.sendText('words');
    await expect(server.expectCmi()).rejects.toThrow('expected the CMI, got a text frame words');
    await expect(server.next(20)).rejects.toThrow('nothing came within 20 ms');
    client.close(4500, 'User close');
    await expect(server.expectNamed('data')).rejects.toThrow('got the close (4500 "User close")');
    expect(await server.expectClose()).toMatchObject({ code: 4500 });
  });

  test('counts pings, answered or not', async () => {
    const listener = await listen();
    const client = await dial({ port: listener.port, autoPong: false });
    const server = await listener.peer();
    server.ping();
    client.ping();
    await server.send(hello('ready'));
    await client.send(hello('ready'));
    await Promise.all([server.next(), client.next()]);
    expect({ client: client.pings, server: server.pings, answered: server.pongs }).toEqual({ client: 1, server: 1, answered: 0 });
  });

  test('is refused with the status of the answer', async () => {
    const listener = await listen({ refuse: () => 503 });
    await expect(dial({ port: listener.port })).rejects.toThrow(UpgradeRefused);
  });

  test('writes and reads messages', () => {
    expect(bytesOf(hello('ready')).toString('latin1')).toBe('\x01{"connectionHello":[{"phase":"ready"},{"waiting":60000}]}');
    expect(memberOf(hello('pending', { waiting: 7, prolongationRequest: true }), 'prolongationRequest')).toBe('true');
    expect(memberOf(hello('ready', {}), 'waiting')).toBeUndefined();
  });
});
