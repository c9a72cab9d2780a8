import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadIdentity, makeIdentity, saveIdentity } from '../../adapters/identity/index.js';
import { handshake } from '../interop/scripted-handshake.js';
import { listenPeer } from '../interop/scripted-listener.js';
import { buildShipGo, ShipGo, shipGoAvailable } from '../interop/ship-go.js';
import { dialPeer } from '../interop/scripted-peer.js';
import { data, pinState } from '../interop/ship-messages.js';
import { Command } from './command.js';

let folder: string;
const MAIN = join(__dirname, '../../dist/adapters/cli/main.js');
const running: Command[] = [];
const command = (...args: string[]): Command => {
  const started = new Command(args);
  running.push(started);
  return started;
};
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'holdfast-ship-'));
  if (shipGoAvailable()) await buildShipGo();
  for (const name of ['a', 'b']) await saveIdentity(join(folder, name), await makeIdentity());
}, 240_000);
afterEach(async () => {
  await Promise.all(running.splice(0).map((each) => each.kill()));
});
afterAll(() => rm(folder, { recursive: true }));

const serving = (...more: string[]): Command =>
  command('ship', 'serve', '--no-mdns', '--identity', join(folder, 'a'), '--listen', 'wss://127.0.0.1:0/ship/', ...more);
const dialing = (address: unknown, ski: unknown, ...more: string[]): Command =>
  command('ship', 'dial', String(address), '--ski', String(ski), '--identity', join(folder, 'b'), ...more);

test('command line/ship: serve and dial pair, exchange data, and both tell every step', async () => {
  const trustFile = join(folder, 'trust.json');
  const serve = serving('--auto-accept', '--echo', '--trust-file', trustFile);
  const { address, ski } = await serve.heard('listening');
  const dial = dialing(address, ski, '--send', '{"datagram":{"hello":[1,2]}}');
  expect((await dial.ended).code).toBe(0);
  const said = dial.lines.filter((line) => line['event'] === 'message' && line['direction'] === 'said');
  expect(said.map((line) => (line['message'] as { kind: string }).kind)).toEqual([
    ...['init', 'hello', 'protocol', 'protocol', 'pin', 'access-request', 'access', 'data', 'close'],
  ]);
  expect(dial.last).toMatchObject({ connections: 1 });
  await serve.heard('disconnected');
  void serve.interrupt();
  expect((await serve.ended).code).toBe(0);
  expect(await readFile(trustFile, 'utf8')).toContain('holdfast-');
}, 30_000);

test('command line/ship: a dial that stays says goodbye when it is interrupted', async () => {
  const serve = serving('--auto-accept');
  const { address, ski } = await serve.heard('listening');
  const dial = dialing(address, ski, '--stay');
  await serve.heard('connected');
  await dial.heard('connected');
  await dial.interrupt();
  expect(await serve.heard('disconnected')).toMatchObject({ code: 'peer-goodbye' });
}, 30_000);

test('command line/ship: without a terminal to ask at, an unknown device is denied, and gets the reason', async () => {
  const serve = serving();
  const { address, ski } = await serve.heard('listening');
  const dial = dialing(address, ski);
  expect((await dial.ended).code).toBe(1);
  expect(dial.lines.find((line) => line['event'] === 'ended')).toMatchObject({
    code: 'trust-denied',
    side: 'remote',
    advice: 'Accept the peer on the other side, then register it again.',
  });
}, 30_000);

test('command line/ship: another device at the address is named as such', async () => {
  const serve = serving('--auto-accept');
  const { address, ski } = await serve.heard('listening');
  const dial = dialing(address, 'c'.repeat(40));
  expect((await dial.ended).code).toBe(1);
  expect(dial.lines.find((line) => line['event'] === 'ended')).toMatchObject({ code: 'identity-mismatch' });
  expect(dial.err).toContain(`the device there has the SKI ${String(ski)}, not cccc`);
}, 30_000);

test('command line/ship: a port without a listener, and one without TLS, get different errors', async () => {
  const plain = createServer((socket) =>
    socket
      .on('error', () => {})
      .resume()
      .end('SSH-2.0-none\r\n'),
  ).listen(0, '127.0.0.1');
  await once(plain, 'listening');
  const { port } = plain.address() as AddressInfo;
  const stranger = dialing(`wss://127.0.0.1:${port}/ship/`, 'a'.repeat(40));
  expect((await stranger.ended).code).toBe(1);
  expect(stranger.err).toBe(
    'holdfast: The TLS handshake failed. (wrong version number: what answers there does not speak TLS)\n' +
      '          The detail has the alert; check certificates on both sides.\n',
  );
  await new Promise((resolve) => plain.close(resolve));
  const none = dialing(`wss://127.0.0.1:${port}/ship/`, 'a'.repeat(40));
  expect((await none.ended).code).toBe(1);
  expect(none.err).toContain('Check the address, and that the peer runs.');
}, 30_000);

test('command line/ship: a device that asks for a PIN is named as such, and what to do', async () => {
  const device = await listenPeer({ identity: await makeIdentity() });
  try {
    const dial = dialing(`wss://127.0.0.1:${device.port}/ship/`, device.ski);
    const peer = await device.peer();
    await handshake(peer, { until: 'protocol' });
    await peer.send(pinState('required'));
    expect((await dial.ended).code).toBe(1);
    expect(dial.err).toBe('holdfast: The peer asked for a PIN. (PIN state required)\n          Switch PIN off on the peer.\n');
  } finally {
    await device.close();
  }
}, 30_000);

// Without Go it is skipped, and counted so; `shipGoAvailable` says it in a line, and throws in CI.
const withShipGo = shipGoAvailable() ? test : test.skip;
withShipGo(
  'both commands meet the real ship-go: data there and back, and its user’s no',
  async () => {
    const go = await ShipGo.start({ shipId: 'ship-go', allowWaiting: true, log: true });
    try {
      const own = await loadIdentity(join(folder, 'b'));
      const address = `wss://127.0.0.1:${go.port}/ship/`;
      const denied = dialing(address, go.ski);
      await go.event('allowWaiting');
      await go.received('"phase":"ready"');
      await go.cancel(own.ski!);
      expect((await denied.ended).code).toBe(1);
      expect(denied.err).toContain('Trust was denied.');
      await go.register(own.ski!);
      const dial = dialing(address, go.ski, '--send', '{"datagram":{"n":1}}');
      expect((await dial.ended).code).toBe(0);
      await go.event('data');
      const serve = serving('--echo', '--accept', go.ski);
      const { address: ours, ski } = await serve.heard('listening');
      await go.register(String(ski));
      await go.see([{ ski: String(ski), port: Number(new URL(String(ours).replace('wss', 'https')).port) }]);
      const { lastEvent: after } = go;
      await go.event('setup', { where: (event) => event.ski === ski });
      await go.send(String(ski), '{"datagram":{"n":2}}');
      await go.event('data', { after });
      expect(serve.lines.filter((line) => line['event'] === 'shipId')).toMatchObject([{ shipId: 'ship-go' }]);
    } finally {
      await go.stop();
    }
  },
  60_000,
);

test.each([
  [['ship', 'dial', 'ws://h:1/', '--ski', 'a'.repeat(40), '--identity', 'x'], 'expected wss://host:port/ship/'],
  [['ship', 'dial', '--ski', '12', '--identity', 'x'], 'expected 40 hex digits, got 2'],
  [['ship', 'dial', 'wss://127.0.0.1:1/', '--identity', 'x'], 'expected a device'],
  [['ship', 'serve', '--no-mdns'], "required option '--identity <dir>'"],
  [['ship', 'dial', 'wss://h:1/', '--ski', 'a'.repeat(40), '--send', '{', '--identity', 'x'], 'expected JSON'],
])('command line/ship: asked for wrongly, it says what was wrong: %s', async (args, words) => {
  const wrong = command(...args);
  expect((await wrong.ended).code).toBe(2);
  expect(wrong.err).toContain(words);
});

test.each([['--json'], []])(
  'serve %s: a payload with an integer beyond 2^53, before and after the handshake, is printed and served on',
  async (...form) => {
    const identity = await makeIdentity();
    const serve = spawn(
      process.execPath,
      [
        MAIN,
        'ship',
        'serve',
        '--no-mdns',
        '--auto-accept',
        '--echo',
        '--identity',
        join(folder, 'a'),
        '--listen',
        'wss://127.0.0.1:0/ship/',
        ...form,
      ],
      { stdio: ['ignore', 'pipe', 'pipe'] },
    );
    let out = '';
    const grown: (() => void)[] = [];
    const ended = once(serve, 'close');
    serve.stdout.setEncoding('utf8').on('data', (text: string) => {
      out += text;
      for (const look of grown.splice(0)) look();
    });
    const shows = async (what: RegExp): Promise<RegExpExecArray> => {
      for (;;) {
        const found = what.exec(out);
        if (found !== null) return found;
        if (serve.exitCode !== null) throw new Error(`ended: ${out}`);
        await Promise.race([new Promise<void>((resolve) => grown.push(resolve)), ended]);
      }
    };
    try {
      const port = Number((await shows(/wss:\/\/127\.0\.0\.1:(\d+)/))[1]);
      const big = data('{"datagram":[{"n":9007199254740993}]}');
      const early = await dialPeer({ port, identity });
      await early.send(big);
      // Shown although the handshake has not begun; then the device is sent away.
      await shows(/9007199254740993/);
      early.drop();
      out = '';
      const peer = await dialPeer({ port, identity });
      await handshake(peer);
      await peer.send(big);
      expect((await peer.expectNamed('data')).text).toContain('9007199254740993');
      await shows(/9007199254740993/);
      peer.drop();
      expect(serve.exitCode).toBeNull();
    } finally {
      serve.kill('SIGKILL');
      await ended;
    }
  },
  30_000,
);

test('command line/ship: on a terminal, which it reads, serve ends all the same when it can’t listen', async () => {
  const occupier = createServer().listen(0, '127.0.0.1');
  await once(occupier, 'listening');
  const address = `wss://127.0.0.1:${(occupier.address() as AddressInfo).port}/ship/`;
  const terminal = 'data:text/javascript,Object.defineProperty(process.stdin,"isTTY",{value:true})';
  const words = ['ship', 'serve', '--no-mdns', '--identity', join(folder, 'a'), '--listen', address];
  const child = spawn(process.execPath, ['--import', terminal, MAIN, ...words], { stdio: ['pipe', 'ignore', 'pipe'] });
  let err = '';
  child.stderr.on('data', (chunk: Buffer) => (err += chunk.toString()));
  expect([await once(child, 'close'), err]).toEqual([[1, null], expect.stringContaining('EADDRINUSE')]);
  occupier.close();
}, 10_000);
