import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { WebSocket, WebSocketServer } from 'ws';
import { noise } from '../compliance/bytes.js';
import { turns, Witness, type End } from '../compliance/witness.js';
import { websocket, type WebSocketOptions } from '../../transports/websocket.js';

/** Real peers: the `ws` package in both roles, and sockets with a hand of their own. */

const PROTOCOL = 'holdfast.resume.v1';
let watched: Witness;
let accepted: End[];
const ends: (() => void)[] = [];

beforeEach(() => {
  accepted = [];
  watched = new Witness(websocket());
});

afterEach(async () => {
  for (const end of ends.splice(0)) end();
  await watched.sweep();
  expect(watched.complaints).toEqual([]);
});

async function listen(options: WebSocketOptions = {}): Promise<string> {
  const listener = watched.listen(websocket(options), 'ws://127.0.0.1:0/', (offer) => accepted.push(watched.accept(offer)));
  await watched.until(() => listener.address !== '');
  return listener.address;
}

/** A client of the `ws` package, connected to our listener. */
async function wsClient(options: WebSocketOptions = {}): Promise<{ client: WebSocket; b: End }> {
  const client = new WebSocket(await listen(options), PROTOCOL, { perMessageDeflate: true }).on('error', () => {});
  ends.push(() => client.terminate());
  await once(client, 'open');
  await watched.until(() => accepted[0]?.isOpen === true);
  return { client, b: accepted[0]! };
}

/** A server of the `ws` package, to which our dialer is connected. */
async function wsServer(): Promise<{ a: End; server: WebSocket }> {
  const wss = new WebSocketServer({ port: 0, host: '127.0.0.1', perMessageDeflate: true });
  ends.push(() => wss.close());
  await once(wss, 'listening');
  const connected = once(wss, 'connection') as Promise<[WebSocket]>;
  const a = await watched.dial(`ws://127.0.0.1:${(wss.address() as AddressInfo).port}/`).opened();
  const [server] = await connected;
  server.on('error', () => {});
  ends.push(() => server.terminate());
  return { a, server };
}

/** A bare client behind its upgrade, and everything that it gets from then on. */
async function bareClient(
  options: WebSocketOptions = {},
): Promise<{ socket: Socket; got(bytes: number): Promise<Buffer>; b: End }> {
  const { port } = new URL(await listen(options));
  const mine = accepted.length;
  const socket = connect(Number(port), '127.0.0.1').on('error', () => {});
  ends.push(() => socket.destroy());
  let all = Buffer.alloc(0);
  socket.on('data', (chunk: Buffer) => (all = Buffer.concat([all, chunk])));
  socket.write(
    `GET / HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n` +
      `Sec-WebSocket-Key: ${'A'.repeat(22)}==\r\nSec-WebSocket-Protocol: ${PROTOCOL}\r\n\r\n`,
  );
  while (!all.includes('\r\n\r\n')) await once(socket, 'data');
  await watched.until(() => accepted[mine]?.isOpen === true);
  const start = all.indexOf('\r\n\r\n') + 4;
  const got = async (bytes: number): Promise<Buffer> => {
    while (all.length < start + bytes) await once(socket, 'data');
    return all.subarray(start);
  };
  return { socket, got, b: accepted[mine]! };
}

const masked = (first: number, data: Uint8Array): Buffer =>
  Buffer.concat([Uint8Array.of(first, 0x80 | data.length, 1, 2, 3, 4), data.map((byte, i) => byte ^ ((i & 3) + 1))]);
const text = (words: string): Uint8Array => new TextEncoder().encode(words);

test('websocket with ws: messages of all sizes and in fragments arrive both ways, pings are answered with their data', async () => {
  const asListener = await wsClient();
  expect(asListener.client.extensions).toBe('');
  const asDialer = await wsServer();
  for (const [end, peer] of [
    [asListener.b, asListener.client],
    [asDialer.a, asDialer.server],
  ] as const) {
    const heard: Buffer[] = [];
    const pongs: string[] = [];
    peer.on('message', (message: Buffer) => heard.push(message));
    peer.on('pong', (data: Buffer) => pongs.push(String(data)));
    const sizes = [1, 125, 126, 1000, 65535, 65536, 300_000, 2_000_000];
    for (const size of sizes) {
      end.send(noise(size, size));
      peer.send(noise(size, size));
    }
    peer.ping('are you there?');
    peer.send(noise(1, 50_000), { fin: false });
    peer.ping('x'.repeat(125));
    peer.send(noise(2, 70_000), { fin: true });
    const whole = Buffer.concat([...sizes.map((size) => noise(size, size)), noise(1, 50_000), noise(2, 70_000)]);
    expect((await end.got(whole.length)).equals(whole)).toBe(true);
    expect(end.chunks.map(({ length }) => length)).toEqual([...sizes, 120_000]);
    while (heard.length < sizes.length || pongs.length < 2) await turns(1);
    expect(heard.every((each, i) => each.equals(noise(sizes[i]!, sizes[i]!)))).toBe(true);
    expect(pongs).toEqual(['are you there?', 'x'.repeat(125)]);
  }
});

test.each([
  [4321, 'so long', { kind: 'ended', code: 4321, reason: 'so long' }],
  [1000, undefined, { kind: 'ended', code: 1000 }],
  [1001, 'ä', { kind: 'ended', code: 1001, reason: 'ä' }],
  [1009, undefined, { kind: 'oversized', code: 1009 }],
  [undefined, undefined, { kind: 'ended' }],
] as const)('websocket with ws: its close code %s arrives, and is sent back', async (code, reason, cause) => {
  const asListener = await wsClient();
  const asDialer = await wsServer();
  for (const [end, peer] of [
    [asListener.b, asListener.client],
    [asDialer.a, asDialer.server],
  ] as const) {
    const closed = once(peer, 'close');
    if (code === undefined) peer.close();
    else peer.close(code, reason);
    expect(await end.closed()).toEqual(cause);
    const [answer, words] = (await closed) as [number, Buffer];
    expect([answer, String(words)]).toEqual([code ?? 1005, reason ?? '']);
  }
});

test.each([
  ['a reserved bit', masked(0xc2, text('x')), 1002, { kind: 'malformed', code: 'WS_ERR_UNEXPECTED_RSV_1' }],
  ['an unknown opcode', masked(0x83, text('x')), 1002, { kind: 'malformed', code: 'WS_ERR_INVALID_OPCODE' }],
  ['no mask', Buffer.from([0x82, 1, 0]), 1002, { kind: 'malformed', code: 'WS_ERR_EXPECTED_MASK' }],
  ['a ping of 126 bytes', Buffer.from([0x89, 0xfe]), 1002, { kind: 'malformed', code: 'WS_ERR_INVALID_CONTROL_PAYLOAD_LENGTH' }],
  ['a close code of 1005', masked(0x88, Uint8Array.of(3, 237)), 1002, { kind: 'malformed', code: 'WS_ERR_INVALID_CLOSE_CODE' }],
  [
    'a close reason that is no UTF-8',
    masked(0x88, Uint8Array.of(3, 232, 0xff)),
    1007,
    { kind: 'malformed', code: 'WS_ERR_INVALID_UTF8' },
  ],
  ['text that is no UTF-8', masked(0x81, Uint8Array.of(0xc0)), 1007, { kind: 'malformed', code: 'WS_ERR_INVALID_UTF8' }],
  ['text', masked(0x81, text('hello')), 1003, { kind: 'malformed', code: 1003 }],
  [
    'the announcement of 4 GiB',
    Buffer.from([0x82, 0xff, 0, 0, 0, 1, 0, 0, 0, 0]),
    1009,
    { kind: 'oversized', code: 'WS_ERR_UNSUPPORTED_MESSAGE_LENGTH' },
  ],
])('websocket: %s ends the wire, and the peer reads the close code for it', async (_, bytes, status, cause) => {
  const { socket, got, b } = await bareClient();
  socket.write(bytes);
  const frame = await got(4);
  expect([frame[0], frame.readUInt16BE(2)]).toEqual([0x88, status]);
  if (status === 1003) socket.write(masked(0x88, frame.subarray(2, 4)));
  socket.end();
  expect(await b.closed()).toMatchObject(cause);
  expect(b.receivedBytes).toBe(0);
});

test('websocket: a FIN without a close frame is a reset, and what came before it is delivered', async () => {
  const { socket, b } = await bareClient();
  socket.end(masked(0x82, text('last words')));
  expect(await b.closed()).toEqual({ kind: 'reset', code: 1006 });
  expect(String(b.received)).toBe('last words');
});

test('websocket: wires whose frames arrive in parts at the same time do not mix', async () => {
  const peers = [await bareClient(), await bareClient(), await bareClient()];
  const streams = peers.map((_, i) => {
    const data = noise(i, 120);
    const parts = [masked(0x02, data.subarray(0, 50)), masked(0x89, data.subarray(0, 9)), masked(0x80, data.subarray(50))];
    return Buffer.concat([...parts, masked(0x82, data)]);
  });
  // Cut inside heads, inside data, between the frames of a message.
  const cuts = [0, 1, 3, 20, 56, 57, 60, 71, 72, 100, 147, 148, 150, 300];
  for (const [i, cut] of cuts.slice(1).entries())
    for (const [k, { socket }] of peers.entries()) {
      socket.write(streams[k]!.subarray(cuts[i], cut));
      await turns(4);
    }
  for (const [i, { b, got }] of peers.entries()) {
    expect((await b.got(240)).equals(Buffer.concat([noise(i, 120), noise(i, 120)]))).toBe(true);
    expect(await got(11)).toEqual(Buffer.concat([Uint8Array.of(0x8a, 9), noise(i, 120).subarray(0, 9)]));
  }
});

test('websocket: nothing is sent behind a close frame, ours or the answer to the peer’s', async () => {
  const { socket, got, b } = await bareClient();
  b.script.onBytes = () => b.call('cork');
  const closed = once(socket, 'close');
  socket.write(Buffer.concat([masked(0x82, text('x')), masked(0x88, Uint8Array.of(3, 232)), masked(0x89, text('ping'))]));
  await b.got(1);
  b.send(text('too late'));
  watched.inside(() => b.wire.probe?.());
  b.call('uncork');
  await closed;
  expect(await got(4)).toEqual(Buffer.from([0x88, 2, 3, 232]));
});

test('websocket: a ping behind our close frame has no answer', async () => {
  const { socket, got, b } = await bareClient();
  const closed = once(socket, 'close');
  b.call('close');
  await got(2);
  socket.write(Buffer.concat([masked(0x89, text('ping')), masked(0x88, new Uint8Array(0))]));
  await closed;
  expect(await got(2)).toEqual(Buffer.from([0x88, 0]));
});

test('websocket: a peer that leaves our close frame without an answer is cut off when the farewell has lasted too long', async () => {
  const farewell = new AbortController();
  const timeout = jest.spyOn(AbortSignal, 'timeout').mockReturnValue(farewell.signal);
  const { got, b } = await bareClient();
  timeout.mockClear();
  b.call('close');
  expect((await got(2))[0]).toBe(0x88);
  await turns(5);
  expect([timeout.mock.calls, b.causes]).toEqual([[[3000]], []]);
  timeout.mockRestore();
  farewell.abort();
  expect(await b.closed()).toEqual({ kind: 'aborted' });
});

test('websocket: a peer that asks for signs of life and does not read gets the newest answer alone', async () => {
  const { socket, got, b } = await bareClient();
  socket.pause();
  const piece = noise(3, 256 * 1024);
  let sentBytes = 0;
  do {
    b.send(piece);
    sentBytes += piece.length + 10;
    await turns(3);
  } while (b.send(Uint8Array.of(1)) ? (sentBytes += 3) : false);
  sentBytes += 3;
  const pings = 1000;
  for (let i = 1; i <= pings; i++) socket.write(masked(0x89, text(String(i))));
  socket.write(masked(0x82, text('done')));
  await b.got(4);
  socket.resume();
  const rest = (await got(sentBytes + 6)).subarray(sentBytes);
  expect(rest).toEqual(Buffer.concat([Uint8Array.of(0x8a, 4), text(String(pings))]));
});

test('websocket: frames that come in one piece with the answer to the upgrade are read after onOpen', async () => {
  const server = createServer((socket) => {
    ends.push(() => socket.destroy());
    socket
      .on('error', () => {})
      .once('data', (request: Buffer) => {
        const key = /sec-websocket-key: (\S+)/i.exec(String(request))![1]!;
        const accept = createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');
        const answer =
          'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n' +
          `Sec-WebSocket-Accept: ${accept}\r\nSec-WebSocket-Protocol: ${PROTOCOL}\r\n\r\n`;
        socket.write(Buffer.concat([text(answer), Uint8Array.of(0x82, 5), text('early')]));
      });
  });
  ends.push(() => server.close());
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const a = watched.dial(`ws://127.0.0.1:${(server.address() as AddressInfo).port}/`);
  expect(String(await a.got(5))).toBe('early');
});
