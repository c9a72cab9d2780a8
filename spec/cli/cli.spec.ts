import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { Command } from './command.js';

const main = join(__dirname, '../../dist/adapters/cli/main.js');

interface Ran {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** Runs the command as people do; one that doesn't end by itself has failed. */
const holdfast = (...args: string[]): Promise<Ran> =>
  new Promise((resolve) =>
    execFile(process.execPath, [main, ...args], { timeout: 25_000 }, (error, out, err) =>
      resolve({ code: error === null ? 0 : typeof error.code === 'number' ? error.code : -1, out, err }),
    ),
  );

const lastLine = (out: string): Record<string, unknown> => JSON.parse(out.trim().split('\n').at(-1)!) as Record<string, unknown>;

let scratch: string;

beforeAll(() => {
  if (!existsSync(main)) throw new Error('dist is missing: npm run build');
  scratch = mkdtempSync(join(tmpdir(), 'holdfast-cli-'));
});
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

describe('command line: rendezvous', () => {
  test('nodes find each other, lose their contact, lose all peers and come back, each pair with one connection', async () => {
    const { code, out, err } = await holdfast('rendezvous', '--nodes', '5', '--json');
    const events = out.trim().split('\n').slice(0, -1).map((line) => (JSON.parse(line) as { event: string }).event); // prettier-ignore
    expect({ code, err, events }).toEqual({ code: 0, err: '', events: ['together', 'contact-died', 'cut', 'together-again'] });
    expect(lastLine(out)).toMatchObject({ nodes: 5, together: 10, withoutContact: 6, togetherAgain: 6 });
    expect((await holdfast('rendezvous')).out).toContain('Each pair had one connection each time');
    expect((await holdfast('rendezvous', '--nodes', '2')).code).toBe(2);
  }, 30_000);
});

describe('command line: demo', () => {
  test('takes as long as it is asked to, its cuts spread over that time', async () => {
    const { code, out } = await holdfast('demo', '--size', '1MiB', '--cuts', '4', '--seconds', '1', '--json');
    expect([code, lastLine(out)]).toMatchObject([0, { cuts: 4, lost: 0 }]);
    expect(lastLine(out)['seconds']).toBeGreaterThanOrEqual(0.9); // The last piece ends its share.
  }, 30_000);

  test('sends everything once and in order although the link is cut, says so in its last line, and ends by itself', async () => {
    const { code, out, err } = await holdfast('demo', '--size', '4MiB', '--cuts', '10', '--seed', '7', '--json');
    const summary = lastLine(out);
    expect({ code, err, summary }).toMatchObject({
      code: 0,
      err: '',
      summary: { bytes: 4 << 20, links: 4, cuts: 10, resumes: 10, lost: 0, duplicated: 0, outOfOrder: 0 },
    });
    expect(summary['sha256Received']).toBe(summary['sha256Sent']);
    expect(summary['sha256Sent']).toMatch(/^[0-9a-f]{64}$/);
    for (const name of ['seconds', 'resumeMsP50', 'resumeMsP99', 'rssGrowthMiB'])
      expect({ name, type: typeof summary[name] }).toEqual({ name, type: 'number' });
  }, 30_000);

  test('makes all its cuts even where there is less to send than to cut', async () => {
    const { code, out } = await holdfast('demo', '--size', '1', '--cuts', '3', '--json');
    expect({ code, summary: lastLine(out) }).toMatchObject({ code: 0, summary: { bytes: 1, cuts: 3, resumes: 3, lost: 0 } });
  }, 30_000);

  test('sends a file, and nothing at all', async () => {
    const file = await holdfast('demo', '--file', __filename, '--cuts', '0', '--json');
    expect({ ...file, out: lastLine(file.out) }).toMatchObject({ code: 0, out: { bytes: statSync(__filename).size, lost: 0 } });
    const nothing = await holdfast('demo', '--size', '0', '--cuts', '0', '--json');
    expect({ ...nothing, out: lastLine(nothing.out) }).toMatchObject({ code: 0, out: { bytes: 0, lost: 0, resumes: 0 } });
  }, 30_000);

  test('tells people a story', async () => {
    const { code, out } = await holdfast('demo', '--size', '2MiB', '--cuts', '2');
    expect(code).toBe(0);
    expect(out).toContain('Everything arrived, once and in order.');
    expect(out).toMatch(/cut 1 of 2/);
    expect(out).not.toContain('{');
  }, 30_000);

  test('ends with 1 and a clean exit when it is interrupted', async () => {
    const child = spawn(process.execPath, [main, 'demo', '--size', '64GiB', '--cuts', '100000', '--json'], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let err = '';
    child.stderr.on('data', (chunk: Buffer) => (err += chunk.toString()));
    const ended = new Promise((resolve) => child.once('exit', (code, signal) => resolve({ code, signal })));
    createInterface(child.stdout).once('line', () => child.kill('SIGINT'));
    expect({ ended: await ended, err }).toEqual({ ended: { code: 1, signal: null }, err: '' });
  }, 30_000);

  test('shows its charts while they run, to who asks for them', async () => {
    const demo = new Command(['demo', '--size', '64GiB', '--cuts', '100000', '--inspect']);
    try {
      const { url } = await demo.heard('inspect');
      expect(await (await fetch(String(url))).text()).toContain('<script nonce=');
      expect(await (await fetch(`${String(url)}facts`)).text()).toContain('data-state=\\"connection.engaged.completed\\"');
      await demo.heard('resumed');
      // Everything from the beginning on, of both engines.
      const told = new Set<string>();
      for await (const chunk of (await fetch(`${String(url)}stream`)).body!.pipeThrough(new TextDecoderStream()))
        if (
          chunk.match(/wire\.closed|"name":"(client|server)"/g)?.forEach((each) => told.add(each)) === undefined &&
          told.size === 3
        )
          break;
      expect([...told].sort()).toEqual(['"name":"client"', '"name":"server"', 'wire.closed']);
    } finally {
      await demo.interrupt();
    }
    expect({ ended: await demo.ended, err: demo.err }).toEqual({ ended: { code: 1, signal: null }, err: '' });
  }, 30_000);

  test('ends by itself although a viewer is connected, and says when it can show nothing', async () => {
    const demo = new Command(['demo', '--size', '64MiB', '--cuts', '20', '--inspect']);
    const { url } = await demo.heard('inspect');
    const told = await (await fetch(`${String(url)}stream`)).text();
    expect(await demo.ended).toEqual({ code: 0, signal: null });
    expect(told.match(/"to":\["hub.closed"\],"edges"/g)).toHaveLength(2);
    expect(told.trim().split('\n\n').at(-1)).toBe('event: end\ndata:');
    const occupier = createServer().listen(0, '127.0.0.1');
    await once(occupier, 'listening');
    const { port } = occupier.address() as AddressInfo;
    const taken = await holdfast('demo', '--size', '1', '--cuts', '0', '--inspect', String(port));
    occupier.close();
    expect(taken).toMatchObject({ code: 1, err: expect.stringContaining('--inspect: listen EADDRINUSE') as unknown });
  }, 30_000);

  test.each([
    ['Ctrl-C', (child: ChildProcess) => child.kill('SIGINT')],
    ['the end of standard input', (child: ChildProcess) => child.stdin!.end()],
  ])(
    'demo --inspect: prints the address first, and keeps the page until %s',
    async (_, end) => {
      const child = spawn(process.execPath, [main, 'demo', '--size', '1MiB', '--cuts', '1', '--inspect'], { stdio: 'pipe' });
      const ended = once(child, 'exit');
      const lines: string[] = [];
      for await (const line of createInterface(child.stdout)) {
        lines.push(line);
        if (!line.startsWith('The inspector runs until Ctrl-C')) continue;
        const [, url = ''] = /(http:\S+)/.exec(lines[0]!) ?? [];
        expect(line).toContain(url);
        expect(await (await fetch(url)).text()).toContain('<script nonce=');
        end(child);
      }
      expect(await ended).toEqual([0, null]);
    },
    30_000,
  );

  test('is quiet when its reader has seen enough', async () => {
    const child = spawn(process.execPath, [main, 'demo', '--size', '64GiB', '--cuts', '100000', '--json'], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let err = '';
    child.stderr.on('data', (chunk: Buffer) => (err += chunk.toString()));
    const ended = new Promise((resolve) => child.once('exit', (code, signal) => resolve({ code, signal })));
    child.stdout.once('data', () => child.stdout.destroy());
    expect({ ended: await ended, err }).toEqual({ ended: { code: 0, signal: null }, err: '' });
  }, 30_000);
});

describe('command line: a reader that has left', () => {
  /** Nobody reads one of its outputs, from the beginning on. */
  const unread = async (which: 'stdout' | 'stderr', ...args: string[]): Promise<number | null> => {
    const child = spawn(process.execPath, [main, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
    child[which].destroy();
    child[which === 'stdout' ? 'stderr' : 'stdout'].resume();
    const [code] = (await once(child, 'close')) as [number | null];
    return code;
  };

  test('changes nothing about what a command does, and about its exit code', async () => {
    expect(await unread('stdout', 'draw', '--check', '--out', scratch)).toBe(1);
    expect(await unread('stdout', 'send', main, '--to', 'tcp://127.0.0.1:1', '--window', '0s')).toBe(1);
    expect(await unread('stderr', 'send', main, '--to', 'nowhere')).toBe(2);
    expect(await unread('stderr', 'demo', '--file', scratch)).toBe(2);
  }, 30_000);
});

test.each([
  [['demo', '--size', 'much'], "option '--size <bytes>' argument 'much' is invalid. expected a size such as 64MiB"],
  [['demo', '--cuts', '-1'], "option '--cuts <n>' argument '-1' is invalid. expected a whole number from 0 to 100000"],
  [['demo', '--file', '/nowhere/at/all'], '--file: ENOENT'],
  [['demo', '--file', __dirname], '--file: '],
  [['demo', '--speed', '9'], "unknown option '--speed'"],
  [['demo', 'twice'], "too many arguments for 'demo'"],
  [['introspect'], 'introspect: unknown command'],
  [['bench', '--quick'], 'bench: unknown command'],
  [['fly'], 'fly: unknown command'],
  [[], 'Usage: holdfast'],
])('misuse exits 2 and names what was wrong: %j', async (args, message) => {
  const { code, out, err } = await holdfast(...args);
  expect({ code, out, err }).toEqual({ code: 2, out: '', err: expect.stringContaining(message) });
});

test('command line: with --json the last line says what was wrong', async () => {
  for (const wrong of [['demo', '--size', 'much'], ['demo', '--file', '/nowhere/at/all'], ['fly']]) {
    const { code, out } = await holdfast(...wrong, '--json');
    expect({ wrong, code, line: lastLine(out) }).toMatchObject({ wrong, code: 2, line: { failed: 'misuse' } });
  }
});

test('command line: what is not there yet is absent from the help', async () => {
  const { code, out } = await holdfast('--help');
  expect(code).toBe(0);
  expect(out).toMatch(/^\s+demo\b/m);
  expect(out).not.toMatch(/^\s+(testgen|check|bench)\b/m);
});

test('command line: cert makes an identity, prints what peers know it by, and does not replace it unasked', async () => {
  const directory = join(scratch, 'me');
  const made = await holdfast('cert', '--out', directory, '--json');
  expect({ ...made, out: lastLine(made.out) }).toEqual({
    code: 0,
    err: '',
    out: { directory, fingerprint: expect.stringMatching(/^[0-9a-f]{64}$/), ski: expect.stringMatching(/^[0-9a-f]{40}$/) },
  });
  expect(existsSync(join(directory, 'key.pem')) && existsSync(join(directory, 'cert.pem'))).toBe(true);
  expect(await holdfast('cert', '--out', directory)).toMatchObject({ code: 2, err: expect.stringContaining('already holds') });
  expect(await holdfast('cert', '--out', directory, '--force')).toMatchObject({ code: 0, out: expect.stringContaining('SKI') });
});

test('command line: draw writes the drawings; --check says that they show their machines, and fails where they do not', async () => {
  const directory = join(scratch, 'charts');
  expect(await holdfast('draw', '--check', '--out', directory)).toMatchObject({ code: 1 });
  expect(existsSync(directory)).toBe(false);
  expect(await holdfast('draw', '--out', directory)).toMatchObject({ code: 0 });
  const { code, out } = await holdfast('draw', '--check', '--out', directory, '--json');
  expect({ code, last: lastLine(out) }).toMatchObject({ code: 0, last: { drifted: [] } });
}, 60_000);
