import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { WebSocket } from 'ws';
import { makeIdentity, saveIdentity } from '../../adapters/identity/index.js';
import { createEngine } from '../../adapters/index.js';
import { resume } from '../../adapters/resume/index.js';
import { tls } from '../../transports/tls.js';
import { websocket } from '../../transports/websocket.js';
import { Command } from './command.js';

/** Whom a listener sends away its user hears of, with the reason and what would help. */

let directory = '';
const commands: Command[] = [];
beforeEach(() => (directory = mkdtempSync(join(tmpdir(), 'holdfast-refusals-'))));
afterEach(async () => {
  await Promise.all(commands.splice(0).map((command) => command.interrupt('SIGTERM')));
  rmSync(directory, { recursive: true });
});
const listen = async (command: string, address: string, ...more: string[]): Promise<{ at: string; run: Command }> => {
  const args =
    command === 'receive'
      ? ['receive', '--listen', address, '--dir', join(directory, 'in')]
      : ['tunnel', 'listen', address, '--to', '127.0.0.1:9'];
  const run = new Command([...args, ...more]);
  commands.push(run);
  return { at: String((await run.heard('listening'))['address']), run };
};

test.each([
  ['receive', 'tls'],
  ['receive', 'wss'],
  ['tunnel', 'tls'],
  ['tunnel', 'wss'],
])('%s over %s: a peer whose key is not trusted is reported as refused, with its fingerprint', async (command, scheme) => {
  const [own, stranger] = await Promise.all([makeIdentity({ commonName: 'own' }), makeIdentity({ commonName: 'stranger' })]);
  await saveIdentity(join(directory, 'me'), own, {});
  const { at, run } = await listen(command, `${scheme}://127.0.0.1:0`, '--identity', join(directory, 'me'), '--trust', own.fingerprint); // prettier-ignore
  const engine = createEngine({ transports: [tls({ identity: stranger }), websocket({ identity: stranger })], protocols: [resume()] }); // prettier-ignore
  await engine.start();
  engine.connect(at).catch(() => {});
  const { code, reason } = await run.heard('refused');
  expect([code, reason]).toEqual(['identity-unknown', `the peer has the key ${stranger.fingerprint}, which is not trusted`]);
  await engine.shutdown({ deadlineMs: 0 });
});

test.each(['receive', 'tunnel'])('%s: a web page, and a foreign name, are reported as refused', async (command) => {
  const { at, run } = await listen(command, 'ws://127.0.0.1:0');
  for (const [headers, code] of [
    [{ origin: 'https://evil.example' }, 'origin-refused'],
    [{ host: 'evil.example' }, 'host-unknown'],
  ] as const) {
    const page = new WebSocket(at, ['holdfast.resume.v1'], { headers });
    const status = await new Promise((resolve) => {
      page.on('unexpected-response', (_, response) => resolve(response.statusCode)).on('error', () => {});
    });
    page.terminate();
    expect(status).toBe(403);
    await run.heard('refused', code === 'origin-refused' ? 1 : 2);
    expect(run.last).toMatchObject({ event: 'refused', code });
  }
});
