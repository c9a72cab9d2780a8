import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { makeIdentity, saveIdentity } from '../../adapters/identity/index.js';

const MAIN = join(__dirname, '../../dist/adapters/cli/main.js');
let folder: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'holdfast-ready-'));
  await saveIdentity(join(folder, 'me'), await makeIdentity());
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Runs in the command: the signal comes in the very call that writes the line, which is sooner than any reader could send it. */
function signalAt(word: string, signal: string): string {
  const code = `
    const write = process.stdout.write.bind(process.stdout);
    let isDone = false;
    process.stdout.write = (text, ...rest) => {
      const result = write(text, ...rest);
      if (!isDone && String(text).includes(${JSON.stringify(word)})) {
        isDone = true;
        process.kill(process.pid, ${JSON.stringify(signal)});
      }
      return result;
    };`;
  return `data:text/javascript,${encodeURIComponent(code)}`;
}

async function endedAt(word: string, signal: NodeJS.Signals, words: readonly string[]): Promise<unknown> {
  const child = spawn(process.execPath, ['--import', signalAt(word, signal), MAIN, ...words], {
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  let out = '';
  child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()));
  const [code, by] = (await once(child, 'close')) as [number | null, string | null];
  return { code, by, saidIt: out.includes(word), out };
}

/** Each command that waits for others, the word of the line that says that it is ready, and how it ends when it is ended. */
const READY: readonly (readonly [string, readonly string[], number])[] = [
  ['receive', ['receive', '--listen', 'tcp://127.0.0.1:0', '--dir', 'DIR'], 1],
  ['receive --keep', ['receive', '--listen', 'tcp://127.0.0.1:0', '--dir', 'DIR', '--keep'], 0],
  ['tunnel listen', ['tunnel', 'listen', 'tcp://127.0.0.1:0', '--to', '127.0.0.1:1'], 0],
  ['tunnel dial', ['tunnel', 'dial', 'tcp://127.0.0.1:1', '--listen', '127.0.0.1:0'], 0],
  ['ship serve', ['ship', 'serve', '--no-mdns', '--identity', 'ME', '--listen', 'wss://127.0.0.1:0/ship/'], 0],
];
const filled = (words: readonly string[]): string[] =>
  words.map((word) => (word === 'DIR' ? join(folder, 'in') : word === 'ME' ? join(folder, 'me') : word));

describe('cli/signals: a command that is ended in the moment in which it says that it listens ends as it would later', () => {
  test.each(READY)('%s: by SIGTERM, with a summary and the exit code of its own', async (_, words, code) => {
    const ended = await endedAt('"listening"', 'SIGTERM', [...filled(words), '--json']);
    expect(ended).toMatchObject({ code, by: null, saidIt: true });
    const lines = (ended as { out: string }).out.trim().split('\n');
    expect(lines.length).toBeGreaterThan(1); // The summary is the last.
    expect(JSON.parse(lines.at(-1)!)).not.toHaveProperty('event', 'listening');
  });

  test.each(READY)('%s: by SIGINT, as people see it', async (name, words, code) => {
    const word = name === 'ship serve' ? 'This node is' : 'Listening at';
    expect(await endedAt(word, 'SIGINT', filled(words))).toMatchObject({ code, by: null, saidIt: true });
  });

  const ski = ['--ski', 'a'.repeat(40), '--identity', 'ME'];
  test.each<readonly string[]>([
    ['ship', 'dial', 'wss://127.0.0.1:1/ship/', ...ski, '--no-mdns'],
    ['ship', 'dial', 'wss://127.0.0.1:1/ship/', ...ski, '--no-mdns', '--stay', '--json'],
    ['send', 'ME/cert.pem', '--to', 'tcp://127.0.0.1:1'],
    ['demo', '--size', '64MiB'],
    ['demo', '--json', '--inspect'],
    ['rendezvous', '--nodes', '3'],
  ])('%s %s …: by SIGINT at the first thing that it prints', async (...words) => {
    const places = words.map((word) => word.replace(/^ME/, join(folder, 'me')));
    expect(await endedAt('', 'SIGINT', places)).toMatchObject({ code: 1, by: null });
  });

  test.each(['SIGINT', 'SIGTERM'] as const)('demo --inspect: by %s, when it prints the address of its page', async (signal) => {
    const ended = await endedAt('http://', signal, ['demo', '--inspect', '--size', '1MiB']);
    expect(ended).toMatchObject({ code: 1, by: null, saidIt: true });
  });
});
