import { Source } from '../../../visualizer/page/model/source.js';
import type { RecordingLine } from '../../../visualizer/recording/format.js';

const header = { type: 'header', format: 'holdfast-recording', version: 1, product: '0', t: 0, wallMs: 0 };
const textOf = (lines: readonly object[]): string => lines.map((line) => `${JSON.stringify(line)}\n`).join('');
const fileOf = (lines: readonly object[]): Blob => new Blob([textOf(lines)]);
const actor = (n: number): object => ({ type: 'actor', t: 0, actor: n, id: `resume a.${n}`, kind: 'connection', chart: 'c' });
const session = (n: number): object => ({
  type: 'session',
  t: 0,
  actor: n,
  session: `resume a.${n}`,
  peer: 'p',
  protocol: 'resume',
  role: 'dialer',
});
const step = (n: number, of: number, from: string, to: string): object => ({
  ...{ type: 'step', t: n, step: n, actor: of, event: { type: 'go' }, cause: {}, from: [from], to: [to] },
});

test('inspector/memory: a page that watches for hours keeps what is new, and where everything stands', async () => {
  const source = new Source(64 << 10);
  const lines: RecordingLine[] = [];
  for (let n = 1; n <= 200_000; n++)
    lines.push(step(n, 2, n % 2 === 0 ? 'c.on' : 'c.off', n % 2 === 0 ? 'c.off' : 'c.on') as RecordingLine);
  await source.import(fileOf([header, actor(1), session(1), actor(2), session(2), step(0, 1, 'c.off', 'c.on'), ...lines]));
  expect(source.world.steps.length).toBeLessThan(60_000);
  expect(source.world.leftOut).toBeGreaterThan(100_000);
  expect(source.world.sessions.map(({ name }) => name).sort()).toEqual(['resume #1', 'resume #2']);
  expect(source.world.track('2')!.steps.at(-1)).toMatchObject({ ms: 200_000, at: ['off'] });
  expect(source.recordings).toBe(1); // It is the same recording still.
});

test('inspector/memory: a recording that is refused leaves the one that is shown', async () => {
  const source = new Source();
  await source.import(fileOf([header, actor(1), session(1)]));
  for (const [text, problem] of [
    ['', 'it is empty'],
    ['{"type":"step"}\n', 'its first line is no header'],
    [`${JSON.stringify({ ...header, version: 2 })}\n`, 'it has version 2'],
    ['hello\n', 'its first line is no JSON'],
  ] as const) {
    await source.import(new Blob([text]));
    expect(source.message).toContain(problem);
    expect([source.recordings, source.world.sessions.length]).toEqual([1, 1]);
  }
  await source.import(new Blob([textOf([header, actor(1), session(1), actor(2), session(2)]).slice(0, -30)]));
  expect(source.message).toBe('Line 5 is not readable; what is before it is shown.');
  expect([source.recordings, source.world.sessions.length]).toEqual([2, 1]);
});
