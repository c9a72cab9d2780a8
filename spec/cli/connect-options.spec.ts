import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { failedBy, failureOf, openEngine, Output, transportsFor, type PeerOptions } from '../../adapters/cli/cli-output.js';
import { makeIdentity, saveIdentity } from '../../adapters/identity/index.js';
import { resume } from '../../adapters/resume/index.js';
import { closing } from '../../machines/closing.js';
import { SessionError } from '../../machines/errors.js';

const protocols = [resume()];
const output = new Output(true);
const fingerprint = 'ab'.repeat(32);
let directory: string;
let own: string;

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'holdfast-reach-'));
  const identity = await makeIdentity();
  own = identity.fingerprint;
  await saveIdentity(directory, identity);
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

test.each<[listen: string, reach: PeerOptions, message: string]>([
  ['tcp://0.0.0.0:0', {}, 'without proof of identity; use tls:// or wss://'],
  ['ws://[::]:0/x', {}, 'without proof of identity; use tls:// or wss://'],
  ['tls://0.0.0.0:0', { identity: 'me' }, 'without proof of identity; pass --trust'],
  ['tls://127.0.0.1:0', {}, 'needs --identity'],
  ['wss://0.0.0.0:0/', { trust: [fingerprint] }, 'needs --identity'],
  ['tls://127.0.0.1:0', { identity: '/nowhere/at/all' }, 'no identity in /nowhere/at/all'],
  ['tcp://127.0.0.1:0', { trust: [fingerprint] }, '--trust: tcp:// proves no identities'],
  ['tcp://127.0.0.1:0', { identity: 'me' }, '--identity: tcp:// proves no identities'],
])('a listener that should not be is misuse: %s %j', async (listen, reach, message) => {
  const error: unknown = await openEngine({ protocols, listen: [listen] }, reach, output).catch((reason: unknown) => reason);
  expect(failureOf(error)).toMatchObject({ exitCode: 2, message: expect.stringContaining(message) });
});

test('command line/connect options: each scheme brings its own transport, once', async () => {
  const addresses = ['tcp://a:1', 'tls://a:1', 'ws://a:1/', 'wss://a:1/', 'tcp://b:2'];
  const transports = await transportsFor(addresses, { identity: directory, trust: [fingerprint] });
  expect(transports.map(({ schemes, secure }) => [...schemes, secure])).toEqual([
    ['tcp', false],
    ['tls', true],
    ['ws', false],
    ['wss', true],
  ]);
});

test.each(['tls://127.0.0.1:0', 'wss://127.0.0.1:0/here'])(
  'command line/connect options: trust holds both ways over %s',
  async (listen) => {
    const reach = { identity: directory, trust: [own] };
    const server = await openEngine({ protocols, listen: [listen] }, reach, output);
    const address = server.addresses[0]!;
    const friend = await openEngine({ protocols, dial: [address] }, reach, output);
    const stranger = await openEngine({ protocols, dial: [address] }, { ...reach, trust: [fingerprint] }, output);
    try {
      expect((await friend.connect(address)).state).toBe('completed');
      const refused: unknown = await stranger.connect(address).catch((reason: unknown) => reason);
      expect(failureOf(refused)).toMatchObject({
        exitCode: 1,
        code: 'identity-mismatch',
        advice: expect.stringMatching(/fingerprint/),
      });
    } finally {
      await Promise.all([friend.shutdown(), stranger.shutdown(), server.shutdown()]);
    }
  },
);

test('command line/connect options: an address that is taken is a failure, with what to do', async () => {
  const taken = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => taken.once('listening', resolve));
  const listen = `tcp://127.0.0.1:${(taken.address() as AddressInfo).port}`;
  const error: unknown = await openEngine({ protocols, listen: [listen] }, {}, output).catch((reason: unknown) => reason);
  expect(failureOf(error)).toMatchObject({
    exitCode: 1,
    message: expect.stringContaining(listen),
    advice: expect.stringContaining('Check'),
  });
  await new Promise((resolve) => taken.close(resolve));
});

test('command line/connect options: the end of a session is reported with its cause and with advice', () => {
  const cause = { kind: 'reset', code: 'ECONNRESET' } as const;
  expect(failureOf(failedBy(closing('window-expired', 'remote', { cause })))).toEqual({
    exitCode: 1,
    code: 'window-expired',
    message: 'There was no working link for the whole reconnect window. (ECONNRESET)',
    advice: 'Check the network, or ask for a longer window.',
  });
});

test('command line/connect options: only what the caller can mend is misuse', () => {
  expect(failureOf(new SessionError('bad-option', 'x')).exitCode).toBe(2);
  expect(failureOf(new SessionError('two-readers', 'x')).exitCode).toBe(1);
  expect(failureOf(new Error('x'))).toEqual({ exitCode: 1, code: 'internal', message: 'x' });
});

test.each([[{ origin: ['nonsense'] }], [{ host: ['a:80'] }]])(
  'cli/visitors: origins and hosts are checked, and errors name the option: %p',
  async (reach) => {
    await expect(transportsFor(['ws://127.0.0.1:0'], reach)).rejects.toThrow(/^--(origin|host): expected /);
    await expect(transportsFor(['ws://127.0.0.1:0'], { origin: ['https://app.example'], host: ['a'] })).resolves.toHaveLength(1);
  },
);
