import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { makeIdentity } from '../../adapters/identity/index.js';
import type { Listening, Transport } from '../../machines/ports.js';
import { shipTransport } from '../../transports/ship.js';
import { tls } from '../../transports/tls.js';
import { websocket } from '../../transports/websocket.js';

const made = makeIdentity({ commonName: 'server' });
const TIMEOUT_MS = 300;
let listening: Listening | undefined;
let sockets: Socket[] = [];
let drips: NodeJS.Timeout[] = [];

afterEach(() => {
  for (const drip of drips) clearInterval(drip);
  for (const socket of sockets) socket.destroy();
  listening?.close();
  sockets = [];
  drips = [];
});

async function listen(transport: Transport, address: string): Promise<number> {
  return new Promise((resolve, reject) => {
    listening = transport.listen(address, {
      onListening: (bound) => resolve(Number(/:(\d+)/.exec(bound)![1])),
      onOffer: ({ refuse }) => refuse({ code: 'busy', retryAfterMs: 0 }),
      onFailed: reject,
    });
  });
}

/** A dialer that says one byte at a time and never gets to the end. */
async function dripping(port: number, text: Buffer): Promise<Socket> {
  const socket = connect(port, '127.0.0.1').on('error', () => {});
  sockets.push(socket);
  await once(socket, 'connect');
  let at = 0;
  drips.push(setInterval(() => socket.writable && socket.write(text.subarray(at, ++at)), 20));
  return socket;
}

const HTTP = Buffer.from(`GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX: ${'x'.repeat(5000)}`);
const HELLO = Buffer.concat([Buffer.from('160301020001', 'hex'), Buffer.alloc(5000)]); // The head of a TLS ClientHello.

const LISTENERS: readonly (readonly [string, () => Promise<Transport>, string, Buffer])[] = [
  ['an upgrade', async () => websocket({ connectTimeoutMs: TIMEOUT_MS }), 'ws://127.0.0.1:0/', HTTP],
  ['a TLS handshake', async () => tls({ identity: await made, connectTimeoutMs: TIMEOUT_MS }), 'tls://127.0.0.1:0', HELLO],
  [
    'a TLS handshake of wss',
    async () => websocket({ identity: await made, connectTimeoutMs: TIMEOUT_MS }),
    'wss://127.0.0.1:0/',
    HELLO,
  ],
  [
    'a TLS handshake of SHIP',
    async () => shipTransport({ identity: await made, connectTimeoutMs: TIMEOUT_MS }),
    'wss://127.0.0.1:0/',
    HELLO,
  ],
];

test.each(LISTENERS)(
  'slow dialers: %s a byte at a time ends when its time is up, however it talks',
  async (_what, make, address, text) => {
    const port = await listen(await make(), address);
    const socket = await dripping(port, text);
    socket.resume();
    // Never, where each byte would buy new time. A reset is as good an end as any.
    await new Promise((resolve) => socket.once('close', resolve));
  },
);
