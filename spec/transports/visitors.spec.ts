import { request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest, type RequestOptions } from 'node:https';
import { connect, type Socket } from 'node:net';
import { createEngine, type Engine, type EngineEvent } from '../../adapters/index.js';
import { makeIdentity } from '../../adapters/identity/index.js';
import { ConnectionManager } from '../../adapters/pool/index.js';
import { createNode, makeNodeKey } from '../../adapters/rendezvous/index.js';
import { resume } from '../../adapters/resume/index.js';
import type { Transport } from '../../machines/ports.js';
import { visitorsAt } from '../../transports/visitors.js';
import { shipTransport } from '../../transports/ship.js';
import { websocket, type WebSocketOptions } from '../../transports/websocket.js';

const made = Promise.all([makeIdentity({ commonName: 'server' }), makeIdentity({ commonName: 'client' })]);
let engine: Engine | undefined;
let events: EngineEvent[];
const refusals = (): string[] => events.flatMap((event) => (event.type === 'refused' ? [event.code] : []));

afterEach(async () => {
  await engine?.shutdown({ deadlineMs: 0 });
  engine = undefined;
});

async function listen(transport: Transport, address: string, protocols = [resume()]): Promise<URL> {
  events = [];
  engine = createEngine({ transports: [transport], protocols, listen: [address], insecure: true });
  engine.on((event) => events.push(event));
  await engine.start();
  return new URL(engine.addresses[0]!);
}

/** What an upgrade with these headers is answered: its status, and the word for a refusal. */
async function upgrade(
  url: URL,
  headers: Record<string, string>,
  more: RequestOptions = {},
  protocol = 'holdfast.resume.v1',
): Promise<unknown> {
  const ask = url.protocol === 'wss:' ? httpsRequest : httpRequest;
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1').replace('0.0.0.0', '127.0.0.1');
  const request = ask({
    host,
    port: url.port,
    path: url.pathname,
    rejectUnauthorized: false,
    ...more,
    headers: {
      Connection: 'Upgrade',
      Upgrade: 'websocket',
      'Sec-WebSocket-Version': '13',
      'Sec-WebSocket-Key': 'AAAAAAAAAAAAAAAAAAAAAA==',
      'Sec-WebSocket-Protocol': protocol,
      ...headers,
    },
  });
  request.end();
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    request.on('upgrade', (upgraded, socket) => {
      socket.destroy();
      resolve(upgraded);
    });
    request.on('response', resolve).on('error', reject);
  });
  response.resume();
  return response.headers['x-refusal'] ?? response.statusCode;
}

const FOREIGN: readonly (readonly [string, Record<string, string>, string])[] = [
  ['a page of the web', { Origin: 'https://evil.example' }, 'origin-refused'],
  ['a page of this machine', { Origin: 'http://localhost:3000' }, 'origin-refused'],
  ['a page that hides where it is from', { Origin: 'null' }, 'origin-refused'],
  ['an empty origin', { Origin: '' }, 'origin-refused'],
  ['a name that was bound to this machine', { Host: 'evil.example' }, 'host-unknown'],
  ['the same with the right port', { Host: 'evil.example:7000' }, 'host-unknown'],
  ['a name that begins like ours', { Host: '127.0.0.1.evil.example' }, 'host-unknown'],
  ['a name that ends nearly like ours', { Host: 'evillocalhost' }, 'host-unknown'],
  ['an address that is another machine’s', { Host: '192.0.2.7' }, 'host-unknown'],
  ['a page and its own name', { Origin: 'http://evil.example', Host: 'evil.example' }, 'origin-refused'],
];
const OWN = [
  '127.0.0.1',
  '127.0.0.1:1',
  'localhost',
  'LOCALHOST:80',
  'localhost.',
  'app.localhost:3000',
  '[::1]:7000',
  '127.8.8.8',
];

describe('websocket/visitors: a listener on this machine', () => {
  test.each(FOREIGN)('answers 403 to %s, reports it, and shows it to no session', async (_what, headers, code) => {
    const url = await listen(websocket(), 'ws://127.0.0.1:0/');
    expect(await upgrade(url, headers)).toBe(code);
    expect(refusals()).toEqual([code]);
    expect(engine!.metrics()).toMatchObject({ openings: 0, connections: 0 });
  });

  test.each(OWN)('may be called %s', async (Host) => {
    const url = await listen(websocket(), 'ws://127.0.0.1:0/');
    expect(await upgrade(url, { Host })).toBe(101);
    expect(refusals()).toEqual([]);
  });

  test('accepts the pages in `origins`, and no others', async () => {
    const url = await listen(websocket({ origins: ['https://App.example/', 'http://localhost:3000'] }), 'ws://127.0.0.1:0/');
    const answers = [
      'https://app.example',
      'http://localhost:3000',
      'http://app.example',
      'https://app.example.evil',
      'http://localhost',
    ];
    expect(await Promise.all(answers.map((Origin) => upgrade(url, { Origin })))).toEqual([
      101,
      101,
      'origin-refused',
      'origin-refused',
      'origin-refused',
    ]);
  });

  test('a request without `Host` is no browser’s, and no name that is known', async () => {
    const url = await listen(websocket(), 'ws://127.0.0.1:0/');
    const socket = connect(Number(url.port), '127.0.0.1');
    socket.write(
      'GET / HTTP/1.0\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Protocol: holdfast.resume.v1\r\n\r\n',
    );
    const answer = await new Promise((resolve) => socket.once('data', resolve));
    socket.destroy();
    expect(String(answer)).toMatch(/^HTTP\/1\.1 403 Forbidden\r\n/);
  });
});

test.each([
  [['proxy.example'], 'proxy.example', 101],
  [['proxy.example'], 'other.example', 'host-unknown'],
  [['*.example'], 'proxy.example', 101],
  [['*'], 'evil.example', 101],
])('websocket/visitors: with hosts %p, %s is answered %p', async (hosts, Host, answer) => {
  const url = await listen(websocket({ hosts }), 'ws://127.0.0.1:0/');
  expect(await upgrade(url, { Host })).toBe(answer);
});

test('websocket/visitors: a listener at every address may be called by any address, since only names can be turned elsewhere', async () => {
  const url = await listen(websocket(), 'ws://0.0.0.0:0/');
  expect(await upgrade(url, { Host: 'evil.example' })).toBe('host-unknown');
  expect(await upgrade(url, { Host: 'localhost' })).toBe(101);
});

test.each(FOREIGN)('websocket/visitors: wss answers 403 to %s, also where its key is trusted', async (_what, headers, code) => {
  const [server, client] = await made;
  const url = await listen(websocket({ identity: server, trust: [client.fingerprint] }), 'wss://127.0.0.1:0/');
  const more = { key: client.key, cert: client.certificate };
  expect(await upgrade(url, { Host: '127.0.0.1', ...headers }, more)).toBe(code);
  expect(await upgrade(url, { Host: 'localhost' }, more)).toBe(101);
  expect(refusals()).toEqual([code]);
});

test('websocket/visitors: a SHIP listener takes devices by whatever name, and no page of the web', async () => {
  const [server, client] = await made;
  const url = await listen(shipTransport({ identity: server }), 'wss://127.0.0.1:0/ship/');
  const more = { key: client.key, cert: client.certificate };
  const answers = [{ Host: 'device.local:4711' }, { Host: '' }, { Host: '192.0.2.1' }, { Origin: 'https://evil.example' }];
  const heard = [];
  for (const headers of answers) heard.push(await upgrade(url, headers as Record<string, string>, more, 'ship'));
  expect(heard).toEqual([101, 101, 101, 'origin-refused']);
});

test('websocket/visitors: a holdfast that dials an unknown name gets the reason', async () => {
  const url = await listen(websocket(), 'ws://127.0.0.1:0/');
  const cause = await new Promise((onClose) => {
    const nothing = (): void => {};
    const open = websocket().dial(`ws://[::ffff:127.0.0.1]:${url.port}/`); // Leads here, and is no address of the listener's.
    open({ onOpen: nothing, onBytes: nothing, onDrain: nothing, onProbeAnswer: nothing, onClose });
  });
  expect(cause).toMatchObject({ kind: 'refused', status: 403, reason: 'host-unknown' });
});

test.each<[WebSocketOptions, string]>([
  [{ origins: ['app.example'] }, 'expected an origin such as https://app.example'],
  [{ origins: ['https://app.example/path'] }, 'expected an origin'],
  [{ hosts: ['app.example:80'] }, 'expected a host name without port'],
  [{ hosts: ['https://app.example'] }, 'expected a host name'],
])('websocket/visitors: %p is a bad option', (options, words) => {
  expect(() => websocket(options)).toThrow(
    expect.objectContaining({ code: 'bad-option', message: expect.stringContaining(words) }),
  );
});

describe('websocket/visitors: listeners of every protocol keep foreign pages and foreign names out', () => {
  const SOME = FOREIGN.filter(([, , code], i) => code === 'host-unknown' || i < 3);
  const closers: (() => Promise<unknown>)[] = [];
  afterEach(async () => {
    await Promise.all(closers.splice(0).map((close) => close()));
  });

  async function listenerOf(protocol: 'pool' | 'rendezvous'): Promise<{ url: URL; connections: () => number }> {
    if (protocol === 'pool') {
      const resolver = { resolve: () => [] };
      const manager = new ConnectionManager({ id: 'a'.repeat(64), identity: 'stated', transports: [websocket()], resolver });
      closers.push(() => manager.shutdown());
      return { url: new URL(await manager.listen('ws://127.0.0.1:0/')), connections: () => manager.connectionCount() };
    }
    const node = createNode({ key: makeNodeKey(), transports: [websocket()], listen: ['ws://127.0.0.1:0/'] });
    closers.push(() => node.terminate());
    await node.start();
    return { url: new URL(node.engine.addresses[0]!), connections: () => node.peers.length };
  }

  test.each(['pool', 'rendezvous'] as const)('%s', async (protocol) => {
    const { url, connections } = await listenerOf(protocol);
    for (const [what, headers, code] of SOME) expect([what, await upgrade(url, headers)]).toEqual([what, code]);
    for (const Host of OWN) expect([Host, await upgrade(url, { Host })]).toEqual([Host, 101]);
    expect(connections()).toBe(0);
  });
});

describe('websocket/visitors: an IP address as the host', () => {
  const answer = (listenHost: string, localAddress: string, host: string): string =>
    visitorsAt(listenHost, {})({ headers: { host } } as IncomingMessage, { localAddress } as Socket) ?? 'welcome';

  test.each(['192.0.2.5', '::ffff:192.0.2.5', '2001:db8::5', 'fe80::5%eth0'])(
    'is welcome where the wire came in at %s, whichever it is: it leads where it says',
    (local) => {
      for (const host of ['192.0.2.5', '192.0.2.9:7000', '198.51.100.1', '[2001:db8::5]', '[2001:DB8::9]:7000', '[fe80::5]:1'])
        expect([host, answer('0.0.0.0', local, host)]).toEqual([host, 'welcome']);
    },
  );

  test.each(['127.0.0.1', '::1', '::ffff:127.0.0.1'])(
    'is foreign where the wire came in at %s, unless it is loopback',
    (local) => {
      for (const host of ['192.0.2.9', '10.0.0.1:80', '[2001:db8::5]:80', '0.0.0.1'])
        expect([host, answer('0.0.0.0', local, host)]).toEqual([host, 'host-unknown']);
      for (const host of ['127.0.0.1', '[::1]:80']) expect([host, answer('0.0.0.0', local, host)]).toEqual([host, 'welcome']);
    },
  );

  test('is none where it is part of a name, or is written like one', () => {
    const strange = [
      '192.0.2.5.evil.example',
      'evil192.0.2.5',
      '192.0.2.5:80:80',
      '[192.0.2.5',
      '192.0.2',
      '0x7f.1',
      '3232235777',
      '',
    ];
    for (const host of strange) expect([host, answer('0.0.0.0', '192.0.2.6', host)]).toEqual([host, 'host-unknown']);
  });
});
