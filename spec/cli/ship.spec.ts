import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { makeIdentity, saveIdentity } from '../../adapters/identity/index.js';
import { Command } from './command.js';

let folder: string;
const running: Command[] = [];
const command = (...args: string[]): Command => {
  const started = new Command(args);
  running.push(started);
  return started;
};
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'holdfast-ship-'));
  for (const name of ['a', 'b']) await saveIdentity(join(folder, name), await makeIdentity());
});
afterEach(async () => {
  await Promise.all(running.splice(0).map((each) => each.kill()));
});
afterAll(() => rm(folder, { recursive: true }));

const serving = (...more: string[]): Command =>
  command('ship', 'serve', '--no-mdns', '--identity', join(folder, 'a'), '--listen', 'wss://127.0.0.1:0/ship/', ...more);
const dialing = (address: unknown, ski: unknown, ...more: string[]): Command =>
  command('ship', 'dial', String(address), '--ski', String(ski), '--identity', join(folder, 'b'), ...more);

test('serve and dial pair, exchange data, and both tell every step', async () => {
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

test('without anybody to ask, a device that nobody knows is denied, and hears why', async () => {
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

test('another device at the address is named as such', async () => {
  const serve = serving('--auto-accept');
  const { address } = await serve.heard('listening');
  const dial = dialing(address, 'c'.repeat(40));
  expect((await dial.ended).code).toBe(1);
  expect(dial.lines.find((line) => line['event'] === 'ended')).toMatchObject({ code: 'identity-mismatch' });
}, 30_000);

test.each([
  [['ship', 'dial', '--ski', '12', '--identity', 'x'], 'expected 40 hex digits, got 2'],
  [['ship', 'dial', 'wss://127.0.0.1:1/', '--identity', 'x'], 'which device?'],
  [['ship', 'serve', '--no-mdns'], "required option '--identity <dir>'"],
  [['ship', 'dial', 'wss://h:1/', '--ski', 'a'.repeat(40), '--send', '{', '--identity', 'x'], 'no JSON'],
])('asked for wrongly, it says what was wrong: %s', async (args, words) => {
  const wrong = command(...args);
  expect((await wrong.ended).code).toBe(2);
  expect(wrong.err).toContain(words);
});
