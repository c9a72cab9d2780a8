import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { connect, type TLSSocket } from 'node:tls';
import { ports } from '#platform';
import { makeIdentity, type OwnIdentity } from '../../adapters/identity/index.js';
import { memoryTrust, type HubOptions } from '../../adapters/ship/index.js';
import { shipTransport } from '../../transports/ship.js';
import type { Closing } from '../../machines/closing.js';
import { handshake, phases } from '../interop/scripted-handshake.js';
import { listenPeer, type ListenOptions, type ScriptedListener } from '../interop/scripted-listener.js';
import { dialPeer, UpgradeRefused, type DialOptions, type ScriptedPeer } from '../interop/scripted-peer.js';
import { data, dataOf } from '../interop/ship-messages.js';
import { heldBytes } from '../sim/held.js';
import { endsAfterEach, node, type Node } from './nodes.js';

const ends = endsAfterEach();

let own: OwnIdentity;
let friend: OwnIdentity;
let other: OwnIdentity;
beforeAll(async () => {
  [own, friend, other] = await Promise.all([makeIdentity(), makeIdentity(), makeIdentity()]);
});

/** A node that trusts both friends, and whose first dial is at once. */
async function trusting(options: Partial<HubOptions> = {}): Promise<Node & { readonly closings: Closing[] }> {
  const trust = memoryTrust([{ ski: friend.ski! }, { ski: other.ski! }]);
  const made = await node(own, 'own-id', { trust, ports: { ...ports, random: () => 0 }, ...options });
  const closings: Closing[] = [];
  made.hub.engine.on((event) => event.type === 'closing' && closings.push(event.closing));
  return { ...made, closings };
}
const dial = async (options: DialOptions): Promise<ScriptedPeer> => {
  const peer = await dialPeer({ identity: friend, ...options });
  ends.push(() => peer.drop());
  return peer;
};
const listen = async (options: Partial<ListenOptions> = {}): Promise<ScriptedListener> => {
  const listener = await listenPeer({ identity: friend, ...options });
  ends.push(() => listener.close());
  return listener;
};
/** The friend has dialed, and the handshake is done. */
async function meet(we: Node): Promise<ScriptedPeer> {
  const times = we.story.filter((word) => word.startsWith('connected')).length;
  const peer = await dial({ port: we.port });
  await Promise.all([handshake(peer), we.until('connected', times + 1)]);
  return peer;
}
const disconnects = (we: Node): string[] => we.story.filter((word) => word.startsWith('disconnected'));

const UPGRADE = (...more: string[]): string =>
  [
    'GET /any/path?at=all HTTP/1.1',
    'Host: here',
    'Connection: Upgrade',
    'Upgrade: websocket',
    'Sec-WebSocket-Version: 13',
    'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==',
    ...more,
    '\r\n',
  ].join('\r\n');

/** A TLS connection of the friend on which anything can be written; the first answer. */
async function raw(port: number, request: string): Promise<{ socket: TLSSocket; answer: string }> {
  const socket = connect({ port, host: '127.0.0.1', rejectUnauthorized: false, key: friend.key, cert: friend.certificate });
  ends.push(() => socket.destroy());
  socket.on('error', () => {});
  await once(socket, 'secureConnect');
  socket.write(request);
  const [answer] = (await once(socket, 'data')) as [Buffer];
  return { socket, answer: answer.toString('latin1') };
}

describe('SHIP/wire: what is no SHIP message', () => {
  test('a text frame ends the connection, in the handshake and afterwards, and is reported once', async () => {
    const we = await trusting();
    const early = await dial({ port: we.port });
    await early.sendText('\0\0');
    expect(await early.expectClose()).toMatchObject({ code: 1003 });
    const late = await meet(we);
    await late.sendText('{"data":[]}');
    expect(await late.expectClose()).toMatchObject({ code: 1003 });
    await we.until('disconnected');
    expect([we.closings.at(-1)?.code, disconnects(we)]).toEqual(['malformed', ['disconnected malformed, count 0, gone']]);
  });

  test('a message of one byte or none ends a handshake, and is nothing to a connection', async () => {
    const we = await trusting();
    const early = await dial({ port: we.port });
    await early.sendBytes(Uint8Array.of(0));
    await early.expectCmi();
    expect(await early.expectClose()).toMatchObject({ code: 4001 });
    const late = await meet(we);
    await late.sendBytes(Uint8Array.of(2));
    await late.sendBytes(new Uint8Array(0));
    await late.send(dataOf(30));
    await we.until('data');
    expect([we.got.length, disconnects(we)]).toEqual([1, []]);
  });

  test.each(phases)(
    '1006 is as good as any close code: dropped after %s, it is a loss, told once if it was connected',
    async (phase) => {
      const we = await trusting();
      const peer = await dial({ port: we.port });
      await handshake(peer, { until: phase });
      if (phase === 'access') await we.until('connected');
      peer.drop();
      await we.until('state 9');
      expect([we.closings.at(-1)?.code, disconnects(we).length]).toEqual(['reset', phase === 'access' ? 1 : 0]);
      expect(we.hub.getConnectionCount()).toBe(0);
    },
  );
});

describe('SHIP/wire: subprotocol', () => {
  test('who offers none, or another one, gets 400 and no WebSocket', async () => {
    const we = await trusting();
    for (const protocols of [[], ['spine']]) {
      await expect(dial({ port: we.port, protocols })).rejects.toMatchObject({ status: 400 });
    }
    const peer = await dial({ port: we.port, protocols: ['spine', 'ship'], path: '/any/path?at=all' });
    expect(peer.protocol).toBe('ship');
  });

  test('a server that selects none is no SHIP node: the dial fails, and says so', async () => {
    const we = await trusting();
    const listener = await listen({ protocols: [] });
    we.board.show(friend.ski!, listener.port);
    await we.until('state 9');
    expect(we.closings[0]).toMatchObject({
      code: 'malformed',
      detail: { cause: { reason: expect.stringContaining('subprotocol') } },
    });
  });

  test('permessage-deflate is never negotiated: not offered by us, not taken from others', async () => {
    const we = await trusting();
    const { answer, socket } = await raw(
      we.port,
      UPGRADE('Sec-WebSocket-Protocol: ship', 'Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits'),
    );
    expect(answer).toMatch(/^HTTP\/1.1 101 .*Sec-WebSocket-Protocol: ship/s);
    expect(answer).not.toMatch(/extensions/i);
    socket.destroy();
    await we.until('state 9');
    const listener = await listen();
    const asked = once(listener.server, 'upgrade') as Promise<[IncomingMessage]>;
    we.board.show(friend.ski!, listener.port);
    const [{ headers, url }] = await asked;
    expect([url, headers['sec-websocket-protocol'], headers['sec-websocket-extensions']]).toEqual(['/ship/', 'ship', undefined]);
  });
});

describe('SHIP/wire: size', () => {
  test('a message above the limit ends the connection as oversized: 10 MB twenty times over leave nothing behind', async () => {
    const we = await trusting();
    const large = data(`{"datagram":[{"fill":"${'x'.repeat(10 << 20)}"}]}`);
    let peer = await meet(we);
    const overload = async (round: number): Promise<void> => {
      await peer.send(large).catch(() => {}); // The wire may be gone before all is written.
      await peer.untilClose();
      await we.until('disconnected', round);
    };
    await overload(1);
    const before = await heldBytes();
    for (let round = 2; round <= 20; round++) {
      peer = await meet(we);
      await overload(round);
    }
    expect(new Set(disconnects(we))).toEqual(new Set(['disconnected oversized, count 0, gone']));
    expect((await heldBytes()) - before).toBeLessThan(4 << 20);
    expect(we.got).toEqual([]);
  }, 20_000);

  test('the announced length decides, before the bytes come: a header alone that says 10 MB is enough', async () => {
    const we = await trusting();
    const { socket } = await raw(we.port, UPGRADE('Sec-WebSocket-Protocol: ship'));
    const header = Buffer.from([0x82, 0x80 | 127, 0, 0, 0, 0, 0, 0xa0, 0, 0, 1, 2, 3, 4]);
    socket.write(header);
    const heard = (await once(socket, 'data')) as [Buffer];
    expect([heard[0][0], heard[0].readUInt16BE(2)]).toEqual([0x88, 1009]);
    await we.until('state 9');
    expect(we.closings.at(-1)?.code).toBe('oversized');
  });

  test('fragments that never end are stopped at the limit', async () => {
    const we = await trusting();
    const peer = await meet(we);
    await peer.sendFragments(dataOf(110_000), 4096, false).catch(() => {});
    expect(await peer.untilClose()).toMatchObject({ code: 1009 });
    await we.until('disconnected');
    expect(we.closings.at(-1)?.code).toBe('oversized');
  });

  test('the limit is a setting: with a larger one 1.5 MB come in and go out, as ship-go 2024 takes them', async () => {
    const messageBytesMax = 2 << 20;
    const we = await trusting({
      transports: [shipTransport({ identity: own, messageBytesMax })],
      protocol: { messageBytesMax },
    });
    const peer = await meet(we);
    await peer.sendFragments(dataOf(1_500_000), 4096);
    await we.until('data');
    await we.hub.getConnection(friend.ski!)!.connection.send(we.got[0]!);
    const { text } = await peer.expectNamed('data');
    expect(text.length).toBeGreaterThan(1_500_000);
    await peer.send(dataOf(3 << 20)).catch(() => {});
    expect(await peer.untilClose()).toMatchObject({ code: 1009 });
  });

  test.each([4096, 1000, 1])('a message in fragments of %d bytes is put together', async (frameBytes) => {
    const we = await trusting();
    const peer = await meet(we);
    const message = dataOf(frameBytes === 1 ? 300 : 100_000);
    await peer.sendFragments(message, frameBytes);
    await we.until('data');
    const fill = /"fill":"(\w*)"/.exec(message.text)![1]!;
    expect(we.got).toEqual([{ datagram: { fill } }]);
  });
});

describe('SHIP/wire: pings', () => {
  test('are answered while messages stream in', async () => {
    const we = await trusting();
    const peer = await meet(we);
    for (let i = 0; i < 10; i++) {
      for (let n = 0; n < 20; n++) void peer.send(dataOf(50_000));
      peer.ping();
    }
    await we.until('data', 200);
    await we.hub.getConnection(friend.ski!)!.connection.send({ datagram: {} });
    await peer.expectNamed('data'); // Behind the last pong.
    expect(peer.pongs).toBe(10);
  });
});

describe('SHIP/wire: at the limit', () => {
  test('a stranger gets 503 with Retry-After; a peer that replaces its own connection gets in', async () => {
    const we = await trusting({ maxConnections: 1 });
    const first = await meet(we);
    const refusal = await dial({ port: we.port, identity: other }).catch((error: unknown) => error);
    expect(refusal).toBeInstanceOf(UpgradeRefused);
    expect(refusal).toMatchObject({ status: 503, headers: { 'retry-after': '1' } });
    const second = await meet(we);
    expect((await first.untilClose()).messages).toEqual([]);
    await second.send(dataOf(30));
    await we.until('data');
    expect([we.hub.getConnectionCount(), disconnects(we)]).toEqual([1, ['disconnected replaced, count 0, gone']]);
  });
});
