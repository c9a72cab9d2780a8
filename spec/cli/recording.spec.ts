import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readRecording } from '../../visualizer/reader/index.js';
import { Command } from './command.js';

const dir = mkdtempSync(join(tmpdir(), 'holdfast-record-'));
afterAll(() => rmSync(dir, { recursive: true }));
const read = (path: string) => readRecording(readFileSync(path, 'utf8'));

test('cli/record: the demo writes both engines; inspect tells the cuts, and why a link was dialed again', async () => {
  const path = join(dir, 'demo.rec');
  const demo = new Command(['demo', '--size', '8MiB', '--cuts', '3', '--record', path]);
  expect((await demo.ended).code).toBe(0);
  const { recording, warning } = read(path);
  expect([recording.header.label, warning]).toEqual(['holdfast demo', undefined]);
  const roots = recording.lines.flatMap((line) => (line.type === 'actor' && line.parent === undefined ? [line.name] : []));
  expect(roots).toEqual(['server', 'client']);
  const inspect = new Command(['inspect', path, '--text']);
  expect((await inspect.ended).code).toBe(0);
  const closed = inspect.lines.filter((line) => (line['event'] as { type?: string } | undefined)?.type === 'wire.closed');
  expect(closed.length).toBeGreaterThanOrEqual(3);
  expect(inspect.last).toMatchObject({ label: 'holdfast demo', lines: recording.lines.length });
}, 30_000);

test('cli/record: a command that is killed leaves a file that can be read', async () => {
  const path = join(dir, 'killed.rec');
  const listen = new Command(['tunnel', 'listen', 'tcp://127.0.0.1:0', '--to', '127.0.0.1:9', '--record', path]);
  await listen.heard('listening');
  await new Promise((resolve) => listen.child.once('exit', resolve) && setTimeout(() => listen.child.kill('SIGKILL'), 400));
  const { recording } = read(path);
  expect(recording.lines.some((line) => line.type === 'engine' && line.event.type === 'listening')).toBe(true);
}, 30_000);

test('cli/record: an interrupted command writes its end', async () => {
  const path = join(dir, 'interrupted.rec');
  const listen = new Command(['tunnel', 'listen', 'tcp://127.0.0.1:0', '--to', '127.0.0.1:9', '--record', path]);
  await listen.heard('listening');
  await listen.interrupt();
  const { recording, warning } = read(path);
  expect([recording.lines.some((line) => line.type === 'step' && line.to.includes('hub.closed')), warning]).toEqual([
    true,
    undefined,
  ]);
}, 30_000);

test.each([
  ['a folder that is not there', join(dir, 'nowhere', 'x.rec'), /ENOENT/],
  ['a folder', dir, /EISDIR/],
])(
  'cli/record: refuses %s before it begins',
  async (_, path, words) => {
    const demo = new Command(['demo', '--record', path]);
    expect([(await demo.ended).code, demo.err]).toEqual([2, expect.stringMatching(/--record: can't write/)]);
    expect(demo.err).toMatch(words);
  },
  30_000,
);

test('cli/inspect: broken, cut-off and missing files are named, with the line; filters choose', async () => {
  const good = join(dir, 'good.rec');
  const header = '{"type":"header","format":"holdfast-recording","version":1,"product":"0.1.0","t":0,"wallMs":0}\n';
  const actor = (n: number): string =>
    `{"type":"actor","t":0,"actor":${n},"id":"c${n}","kind":"connection"}\n{"type":"session","t":0,"actor":${n},"session":"resume ${n}","peer":"p${n}","protocol":"resume","role":"dialer"}\n`;
  const step = (n: number, actorNumber: number, t: number): string =>
    `{"type":"step","t":${t},"step":${n},"actor":${actorNumber},"event":{"type":"go"},"cause":{},"from":["c.x"],"to":["c.y"]}\n`;
  const text = header + actor(1) + actor(2) + step(1, 1, 100) + step(2, 2, 3000) + step(3, 1, 5000);
  writeFileSync(good, text);
  const toldBy = async (...args: string[]): Promise<unknown[]> => {
    const inspect = new Command(['inspect', good, '--text', ...args]);
    expect([(await inspect.ended).code, inspect.err]).toEqual([0, '']);
    return inspect.lines.slice(0, -1).map((line) => line['step']);
  };
  expect(await toldBy()).toEqual([1, 2, 3]);
  expect(await toldBy('--session', 'p1')).toEqual([1, 3]);
  expect(await toldBy('--session', 'resume 2')).toEqual([2]);
  expect(await toldBy('--since', '3s', '--session', 'p1')).toEqual([3]);
  writeFileSync(good, text.slice(0, -9));
  const cut = new Command(['inspect', good, '--text']);
  expect([(await cut.ended).code, cut.err]).toEqual([0, expect.stringMatching(/line 8 is cut off: the 7 lines/)]);
  writeFileSync(good, text.replace('"t":100', '"t":"soon"'));
  const broken = new Command(['inspect', good, '--text']);
  expect([(await broken.ended).code, broken.err]).toEqual([1, expect.stringMatching(/line 6: t: /)]);
  const missing = new Command(['inspect', join(dir, 'none'), '--text']);
  expect([(await missing.ended).code, missing.err]).toEqual([2, expect.stringMatching(/can't read .*ENOENT/)]);
}, 60_000);

describe('cli/inspect: a page', () => {
  test('shows a recording until it is interrupted', async () => {
    const path = join(dir, 'page.rec');
    await new Command(['demo', '--size', '2MiB', '--cuts', '1', '--record', path]).ended;
    const inspect = new Command(['inspect', path]);
    const { url, lines } = await inspect.heard('inspect');
    const told = await (await fetch(`${String(url)}stream`)).text();
    expect(told.match(/^data: \{/gm)).toHaveLength(Number(lines) + 1); // And the header.
    expect(told.endsWith('event: end\ndata:\n\n')).toBe(true);
    expect((await inspect.interrupt()).code).toBe(0);
  }, 30_000);

  test('of a running command is followed as text to its end, from the beginning', async () => {
    const listen = new Command(['tunnel', 'listen', 'tcp://127.0.0.1:0', '--to', '127.0.0.1:9', '--inspect']);
    const { url } = await listen.heard('inspect');
    const follow = new Command(['inspect', String(url)]);
    await follow.heard('listening', 0); // It runs.
    for (;;) {
      const isThere = follow.lines.some((line) => (line['to'] as string[] | undefined)?.includes('hub.up.serving') === true);
      if (isThere) break;
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect((await listen.interrupt()).code).toBe(0);
    expect((await follow.ended).code).toBe(0);
    const entered = follow.lines.flatMap((line) => (line['to'] as string[] | undefined) ?? []);
    expect([entered[0], entered.at(-1)]).toEqual(['hub.idle', 'hub.closed']);
  }, 30_000);

  test.each([
    ['http://127.0.0.1:1/', 2, /expected the URL that --inspect prints/],
    ['http://127.0.0.1:1/0123456789abcdef0123456789abcdef/', 1, /ECONNREFUSED/],
  ])('that is not there is named: %s', async (url, code, words) => {
    const inspect = new Command(['inspect', url]);
    expect([(await inspect.ended).code, inspect.err]).toEqual([code, expect.stringMatching(words)]);
  }, 30_000); // prettier-ignore
});
