import { createServer as createHttp } from 'node:http';
import { connect, createServer as createTcp, type AddressInfo, type Socket } from 'node:net';
import { WebSocket, WebSocketServer } from 'ws';
import { noise, transportCompliance } from '../compliance/transport.js';
import { Witness, type End } from '../compliance/witness.js';
import { makeIdentity } from '../../adapters/identity/index.js';
import { websocket, type WebSocketOptions } from '../../transports/websocket.js';

const server = makeIdentity({ commonName: 'server' });
const client = makeIdentity({ commonName: 'client' });

transportCompliance('ws', () => ({
  transport: websocket(),
  address: 'ws://127.0.0.1:0/',
  nowhere: 'ws://127.0.0.1:1',
  badAddresses: [
    'ws:127.0.0.1:1',
    'tcp://127.0.0.1:7000',
    'wss://127.0.0.1:7000',
    'ws://127.0.0.1:70000',
    'ws://a b:1',
    'ws://u:p@a:1',
    'ws://a:1/#b',
  ],
}));

transportCompliance('wss', async () => ({
  transport: websocket({ identity: await server, trust: [(await client).fingerprint] }),
  dialer: websocket({ identity: await client, trust: [(await server).fingerprint] }),
  address: 'wss://[::1]:0/some/where',
  nowhere: 'wss://127.0.0.1:1',
  badAddresses: ['ws://127.0.0.1:7000', 'wss://127.0.0.1:70000', 'wss://'],
}));

describe('transports/websocket: websocket', () => {
  let watched: Witness;
  let accepted: End[];

  beforeEach(() => {
    accepted = [];
    watched = new Witness(websocket());
  });

  afterEach(async () => {
    await watched.sweep();
    expect(watched.complaints).toEqual([]);
  });

  async function listen(options: WebSocketOptions = {}, address = 'ws://127.0.0.1:0/here'): Promise<string> {
    const listener = watched.listen(websocket(options), address, (offer) => accepted.push(watched.accept(offer)));
    await watched.until(() => listener.address !== '');
    return listener.address;
  }

  async function pair(options: WebSocketOptions = {}): Promise<{ a: End; b: End }> {
    const a = watched.dial(await listen(options));
    await watched.until(() => a.isOpen && accepted[0]?.isOpen === true);
    return { a, b: accepted[0]! };
  }

  /** A strange client of the `ws` package, in place of our dialer. */
  async function stranger(address: string, protocol = 'holdfast.resume.v1'): Promise<WebSocket> {
    const client = new WebSocket(address, protocol).on('error', () => {});
    await new Promise((resolve) => client.once('open', resolve));
    await watched.until(() => accepted[0]?.isOpen === true);
    return client;
  }

  test('a refusal is HTTP 503 with Retry-After, and the dialer gets the time to return', async () => {
    const listener = watched.listen(websocket(), 'ws://127.0.0.1:0', (offer) =>
      offer.refuse({ code: 'busy', retryAfterMs: 1500 }),
    );
    await watched.until(() => listener.address !== '');
    const response = await new Promise<{ status?: number; retryAfter?: string }>((resolve) => {
      const client = new WebSocket(listener.address, 'holdfast.resume.v1').on('error', () => {});
      client.on('unexpected-response', (request, { statusCode, headers }) => {
        request.destroy();
        resolve({ status: statusCode!, retryAfter: headers['retry-after']! });
      });
    });
    expect(response).toEqual({ status: 503, retryAfter: '2' });
    expect(await watched.dial(listener.address).closed()).toMatchObject({ kind: 'refused', status: 503, retryAfterMs: 2000 });
  });

  test.each([
    ['another subprotocol', 400, '/here', 'chat'],
    ['no subprotocol', 400, '/here', undefined],
    ['another path', 404, '/there', 'holdfast.resume.v1'],
  ])('a dialer with %s gets %i, and no offer is made', async (_, status, path, protocol) => {
    const address = new URL(path, await listen());
    const client = new WebSocket(address, protocol ? [protocol] : []).on('error', () => {});
    const answered = new Promise((resolve) =>
      client.on('unexpected-response', (request, response) => {
        request.destroy();
        resolve(response.statusCode);
      }),
    );
    expect(await answered).toBe(status);
    expect(accepted).toEqual([]);
  });

  test('a query does not hide the path', async () => {
    const a = await watched.dial(`${await listen()}?room=1`).opened();
    expect(a.isOpen).toBe(true);
  });

  test('the listener chooses by its own preference among the subprotocols it lists', async () => {
    const address = await listen({ protocols: ['b', 'a'] });
    const client = new WebSocket(address, ['a', 'b', 'c']);
    await new Promise((resolve) => client.once('open', resolve));
    expect(client.protocol).toBe('b');
    client.terminate();
  });

  test('an ordinary request is asked to upgrade', async () => {
    const response = await fetch((await listen()).replace('ws:', 'http:'));
    expect([response.status, response.headers.get('upgrade')]).toEqual([426, 'websocket']);
  });

  test('text is malformed, and its sender gets that reason', async () => {
    const client = await stranger(await listen());
    client.send('text');
    const code = await new Promise((resolve) => client.once('close', resolve));
    expect(code).toBe(1003);
    expect(await accepted[0]!.closed()).toMatchObject({ kind: 'malformed', code: 1003 });
  });

  test('a message above the limit is oversized on both sides, one at the limit is not', async () => {
    const { a, b } = await pair({ messageBytesMax: 1000 });
    a.send(noise(1, 1000));
    await b.got(1000);
    a.send(noise(2, 1001));
    expect(await b.closed()).toMatchObject({ kind: 'oversized' });
    expect(await a.closed()).toMatchObject({ kind: 'oversized', code: 1009 });
    expect(b.receivedBytes).toBe(1000);
  });

  test('broken frames are malformed', async () => {
    const client = await stranger(await listen());
    rawSocketOf(client).write(Buffer.from([0xff, 0x80, 0, 0, 0, 0]));
    expect(await accepted[0]!.closed()).toMatchObject({ kind: 'malformed' });
  });

  test('close codes and reasons arrive, as far as they may be sent', async () => {
    for (const [code, reason, heard] of [
      [4001, 'Close', { kind: 'ended', code: 4001, reason: 'Close' }],
      [1006, 'ä'.repeat(100), { kind: 'ended', code: 1000, reason: 'ä'.repeat(61) }],
      [undefined, undefined, { kind: 'ended' }],
    ] as const) {
      accepted = [];
      const { a, b } = await pair();
      watched.inside(() => a.wire.close(code, reason));
      expect(await b.closed()).toEqual(heard);
      expect(await a.closed()).toEqual({ kind: 'aborted' });
    }
  });

  test('a peer that vanishes without a close frame is a reset', async () => {
    const client = await stranger(await listen());
    client.terminate();
    expect(await accepted[0]!.closed()).toMatchObject({ kind: 'reset' });
  });

  test('a probe is a ping, and its answer is reported', async () => {
    const { a, b } = await pair();
    for (const end of [a, b]) {
      watched.inside(() => end.wire.probe?.());
      await watched.until(() => end.probeAnswers === 1);
    }
  });

  test('a listener that is no WebSocket, or picks no subprotocol, is reported as malformed or refused', async () => {
    const http = createHttp((_, response) => response.end());
    await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
    const port = (http.address() as AddressInfo).port;
    expect(await watched.dial(`ws://127.0.0.1:${port}`).closed()).toMatchObject({ kind: 'refused', status: 200 });
    http.close();
    const other = new WebSocketServer({ port: 0, host: '127.0.0.1', handleProtocols: () => false });
    await new Promise((resolve) => other.once('listening', resolve));
    const cause = await watched.dial(`ws://127.0.0.1:${(other.address() as AddressInfo).port}`).closed();
    expect(cause).toMatchObject({ kind: 'malformed', reason: 'Server sent no subprotocol' });
    other.close();
  });

  test('small pieces under a cork are one message, unless each send has to be one', async () => {
    for (const pack of [true, false]) {
      accepted = [];
      watched = new Witness(websocket({ pack }));
      const { a, b } = await pair();
      a.call('cork');
      for (let i = 0; i < 100; i++) a.send(noise(i, 100));
      a.call('uncork');
      await b.got(10_000);
      expect({ pack, messages: b.chunks.length }).toEqual({ pack, messages: pack ? 1 : 100 });
      await watched.sweep();
    }
  });

  test('masks are zeros where asked for, and random otherwise', async () => {
    for (const mask of ['zero', 'random'] as const) {
      const frames: Buffer[] = [];
      const proxy = createTcp((near) => {
        const far = connect(port, '127.0.0.1');
        far.pipe(near);
        near.on('data', (chunk: Buffer) => {
          far.write(chunk);
          if (chunk[0] === 0x82) frames.push(chunk);
        });
        for (const each of [near, far]) each.on('error', () => {}).on('close', () => (near.destroy(), far.destroy()));
      });
      await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
      accepted = [];
      watched = new Witness(websocket({ mask }));
      const port = Number(new URL(await listen()).port);
      const a = await watched.dial(`ws://127.0.0.1:${(proxy.address() as AddressInfo).port}/here`).opened();
      await watched.until(() => accepted.length === 1);
      a.send(noise(1, 100));
      await accepted[0]!.got(100);
      expect({ mask, isZero: frames[0]!.readUInt32BE(2) === 0 }).toEqual({ mask, isZero: mask === 'zero' });
      proxy.close();
      await watched.sweep();
    }
  });

  test('dialers that stay silent make way for the next, and an honest one gets in', async () => {
    const address = await listen({ handshakesMax: 2 });
    const silent = Array.from({ length: 10 }, () => connect(Number(new URL(address).port), '127.0.0.1').on('error', () => {}));
    await new Promise<void>((resolve) => {
      let closed = 0;
      for (const each of silent) each.on('close', () => ++closed === 8 && resolve()).resume();
    });
    await watched.dial(address).opened();
    for (const each of silent) each.destroy();
  });

  test('with an identity it speaks wss alone, and the key is checked before the upgrade', async () => {
    const secure = websocket({ identity: await server });
    expect([secure.schemes, secure.secure, websocket().schemes, websocket().secure]).toEqual([['wss'], true, ['ws'], false]);
    watched = new Witness(websocket({ identity: await client }));
    const address = await listen({ identity: await server }, 'wss://127.0.0.1:0');
    const wrong = watched.dial(address, {}, { fingerprints: [(await client).fingerprint] });
    expect(await wrong.closed()).toMatchObject({ kind: 'identity-mismatch' });
    expect(accepted).toEqual([]);
    const right = await watched.dial(address, {}, { fingerprints: [(await server).fingerprint] }).opened();
    expect(right.wire.identity).toEqual({ fingerprint: (await server).fingerprint });
    expect((await accepted[0]!.opened()).wire.identity).toEqual({ fingerprint: (await client).fingerprint });
  });
});

/** What a client with no manners has at hand. */
function rawSocketOf(client: WebSocket): Socket {
  return (client as WebSocket & { readonly _socket: Socket })._socket;
}
