import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FaultProxy } from '../../adapters/cli/fault-proxy.js';
import { Command } from './command.js';

const MIB = 1 << 20;
let scratch: string;
const running: { kill(): Promise<void> }[] = [];
const track = <T extends { kill(): Promise<void> }>(it: T): T => {
  running.push(it);
  return it;
};
const command = (...args: string[]): Command => track(new Command(args, scratch));

beforeEach(() => (scratch = mkdtempSync(join(tmpdir(), 'holdfast-links-'))));
afterEach(async () => {
  await Promise.all(running.splice(0).map((each) => each.kill()));
  rmSync(scratch, { recursive: true, force: true });
});

const portIn = (address: unknown): number => Number(/\d+$/.exec(String(address))![0]);
const digestOf = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

function file(name: string, bytes: number): { path: string; digest: string } {
  const content = randomBytes(bytes);
  writeFileSync(join(scratch, name), content);
  return { path: join(scratch, name), digest: digestOf(content) };
}
async function receiver(...options: string[]): Promise<{ far: Command; cutter: FaultProxy; address: string }> {
  const far = command('receive', '--listen', 'tcp://127.0.0.1:0', '--dir', join(scratch, 'out'), ...options);
  const cutter = new FaultProxy(portIn((await far.heard('listening'))['address']));
  track({ kill: () => cutter.close() });
  return { far, cutter, address: `tcp://127.0.0.1:${await cutter.listen()}` };
}

describe('command line/links: demo', () => {
  const summaryOf = async (...args: string[]): Promise<Record<string, unknown>> => {
    const demo = command('demo', '--size', '8MiB', ...args);
    expect({ ended: await demo.ended, err: demo.err }).toEqual({ ended: { code: 0, signal: null }, err: '' });
    expect(demo.last!['sha256Received']).toBe(demo.last!['sha256Sent']);
    return demo.last!;
  };

  test('[TUNA-7] has four links, of which one is cut at a time and now and then all, and loses nothing', async () => {
    const summary = await summaryOf('--cuts', '30', '--seed', '3');
    expect(summary).toMatchObject({ protocol: 'tuna', links: 4, cuts: 30, resumes: 30, lost: 0, duplicated: 0, outOfOrder: 0 });
    // This seed takes all four links some of the times: each of those counts as one cut, of four links.
    expect(Number(summary['linksCut'])).toBeGreaterThan(30);
    expect((Number(summary['linksCut']) - 30) % 3).toBe(0);
  }, 30_000);

  test('one link is resume unless tuna is asked for; fifteen are the most there can be', async () => {
    expect(await summaryOf('--cuts', '1', '--protocol', 'resume')).toMatchObject({ protocol: 'resume', links: 1, resumes: 1 });
    expect(await summaryOf('--cuts', '5', '--links', '1')).toMatchObject({ protocol: 'resume', links: 1, linksCut: 5, lost: 0 });
    expect(await summaryOf('--cuts', '5', '--links', '1', '--protocol', 'tuna')).toMatchObject({ protocol: 'tuna', links: 1, resumes: 5, lost: 0 }); // prettier-ignore
    expect(await summaryOf('--cuts', '5', '--links', '15')).toMatchObject({ protocol: 'tuna', links: 15, resumes: 5, lost: 0 });
  }, 30_000);
});

test.each([
  [
    ['demo', '--links', '4', '--protocol', 'resume'],
    '--links 4: expected 1 with resume, which has one link; pass --protocol tuna for up to 15',
  ],
  [['demo', '--links', '0'], "argument '0' is invalid. expected a whole number from 1 to 15"],
  [['demo', '--links', '16'], "argument '16' is invalid. expected a whole number from 1 to 15"],
  [['demo', '--protocol', 'ship'], 'expected resume or tuna, got "ship"'],
  [['send', 'x', '--to', 'tcp://127.0.0.1:1', '--links', '2', '--protocol', 'resume'], '--links 2: expected 1 with resume'],
  [['tunnel', 'dial', 'tcp://127.0.0.1:1', '--listen', '127.0.0.1:0', '--links', '2', '--protocol', 'resume'], 'has one link'],
  [['receive', '--listen', 'tcp://127.0.0.1:0', '--dir', 'x', '--links', '4'], "unknown option '--links'"],
])('command line/links: links that cannot be are misuse, and said so: %j', async (args, message) => {
  const wrong = command(...args);
  expect({ ended: await wrong.ended, err: wrong.err }).toEqual({
    ended: { code: 2, signal: null },
    err: expect.stringContaining(message) as unknown,
  });
});

test('[XFER-4] command line/links: a file over four links, one cut, then all: it arrives, and the summary counts every link that came back', async () => {
  const { far, cutter, address } = await receiver();
  const { path, digest } = file('big', 96 * MIB);
  const near = command('send', path, '--to', address, '--links', '4');
  await near.heard('progress');
  expect(cutter.cut(() => 0)).toBe(1);
  expect(await near.heard('resumed')).toMatchObject({ link: expect.any(Number) as unknown });
  expect(cutter.cut()).toBeGreaterThan(0);
  await near.heard('resumed', 2);
  expect(await near.ended).toEqual({ code: 0, signal: null });
  expect(await far.ended).toEqual({ code: 0, signal: null });
  expect(near.last).toMatchObject({ bytes: 96 * MIB, sha256: digest, restarts: 0 });
  expect(near.last!['resumes']).toBeGreaterThan(1);
  expect(digestOf(readFileSync(join(scratch, 'out', 'big')))).toBe(digest);
}, 60_000);

test('command line/links: a listener detects both protocols, unless an option restricts it to one', async () => {
  const both = await receiver('--keep');
  const files = [file('a', 1000), file('b', 2000), file('c', 3000)];
  const links = [[], ['--links', '3'], ['--protocol', 'tuna']];
  for (const [i, { path, digest }] of files.entries()) {
    const near = command('send', path, '--to', both.address, ...links[i]!);
    expect(await near.ended).toEqual({ code: 0, signal: null });
    expect(near.last).toMatchObject({ sha256: digest });
  }
  const one = await receiver('--keep', '--protocol', 'resume');
  const near = command('send', files[0]!.path, '--to', one.address, '--links', '2', '--window', '300ms');
  expect(await near.ended).toEqual({ code: 1, signal: null });
  expect(near.err).toContain('no receiver answered');
}, 60_000);

test.each(['wss', 'tls'])(
  'command line/links: links over %s, each of them proven',
  async (scheme) => {
    const [mine, theirs] = await Promise.all(
      ['mine', 'theirs'].map(async (name) => {
        const made = command('cert', '--out', join(scratch, name));
        await made.ended;
        return ['--identity', join(scratch, name), String(made.last!['fingerprint'])] as const;
      }),
    );
    const at = `${scheme}://127.0.0.1:0${scheme === 'wss' ? '/files' : ''}`;
    const trusting = (own: typeof mine, peer: typeof mine): string[] => [own![0], own![1], '--trust', peer![2]];
    const far = command('receive', '--listen', at, '--dir', join(scratch, 'out'), '--keep', ...trusting(theirs, mine));
    const to = String((await far.heard('listening'))['address']);
    const { path, digest } = file('a', 2 * MIB);
    const near = command('send', path, '--to', to, '--links', '4', ...trusting(mine, theirs));
    expect({ ended: await near.ended, err: near.err }).toEqual({ ended: { code: 0, signal: null }, err: '' });
    expect(near.last).toMatchObject({ sha256: digest, restarts: 0 });
    const stranger = command('send', path, '--to', to, '--links', '2', '--window', '300ms', ...trusting(theirs, mine));
    expect(await stranger.ended).toMatchObject({ code: 1 });
  },
  30_000,
);

test('[STR-6] command line/links: a sender that is killed is missed no longer than its own window, though the listener would wait for an hour', async () => {
  const { far, address } = await receiver('--keep');
  const { path } = file('big', 512 * MIB);
  const near = command('send', path, '--to', address, '--links', '2', '--window', '500ms');
  await near.heard('progress');
  await near.kill();
  const again = command('send', file('small', 10).path, '--to', address, '--links', '2');
  expect(await again.ended).toEqual({ code: 0, signal: null });
  expect(await far.heard('broken')).toMatchObject({ message: expect.stringContaining('window') as unknown });
}, 30_000);

describe('command line/links: a tunnel over four links', () => {
  /** An echo behind `tunnel listen`, a proxy that cuts, `tunnel dial`. */
  async function tunnel(...options: string[]): Promise<{ near: Command; far: Command; cutter: FaultProxy; socket: Socket }> {
    const target = createServer((socket) => void socket.on('error', () => {}).pipe(socket)).listen(0, '127.0.0.1');
    track({ kill: () => new Promise<void>((resolve) => target.close(() => resolve())) });
    await once(target, 'listening');
    const to = `127.0.0.1:${(target.address() as AddressInfo).port}`;
    const far = command('tunnel', 'listen', 'tcp://127.0.0.1:0', '--to', to);
    const cutter = new FaultProxy(portIn((await far.heard('listening'))['address']));
    track({ kill: () => cutter.close() });
    const near = command('tunnel', 'dial', `tcp://127.0.0.1:${await cutter.listen()}`, '--listen', '127.0.0.1:0', ...options);
    const socket = connect(portIn((await near.heard('listening'))['address']), '127.0.0.1');
    track({ kill: () => Promise.resolve(void socket.destroy()) });
    return { near, far, cutter, socket };
  }

  test('loses one, and its connections notice nothing; all of them, and they wait', async () => {
    const { near, far, cutter, socket } = await tunnel('--links', '4');
    await near.heard('link-joined', 4);
    let heard = '';
    socket.on('data', (chunk: Buffer) => (heard += chunk.toString()));
    const echoed = async (word: string): Promise<void> => {
      socket.write(word);
      while (!heard.endsWith(word)) await once(socket, 'data');
    };
    await echoed('before;');
    expect(cutter.cut(() => 2)).toBe(1);
    expect(await near.heard('link-lost')).toMatchObject({ carrying: 3 });
    await echoed('one is gone;');
    expect(await near.heard('link-back')).toMatchObject({ carrying: 4, afterMs: expect.any(Number) as unknown });
    expect(near.lines.some(({ event }) => event === 'lost')).toBe(false);
    expect(cutter.cut()).toBe(4);
    await near.heard('lost');
    await echoed('all were gone;');
    await near.heard('link-back', 5);
    socket.end();
    await Promise.all([once(socket, 'close'), near.heard('closed'), far.heard('closed')]);
    expect(await far.interrupt()).toEqual({ code: 0, signal: null });
    expect(far.last).toMatchObject({ sessions: 1, connections: 1, failed: 0 });
    expect(await near.interrupt()).toEqual({ code: 0, signal: null });
    expect(near.last).toMatchObject({ sessions: 1, connections: 1, failed: 0, linksResumed: 5 });
    expect(heard).toBe('before;one is gone;all were gone;');
  }, 30_000);
});
