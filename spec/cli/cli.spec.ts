import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';

const main = join(__dirname, '../../dist/adapters/cli/main.js');

interface Ran {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}
const holdfast = (...args: string[]): Promise<Ran> =>
  new Promise((resolve) =>
    execFile(process.execPath, [main, ...args], (error, out, err) =>
      resolve({ code: (error?.code as number | undefined) ?? 0, out, err }),
    ),
  );

beforeAll(() => {
  if (!existsSync(main)) throw new Error('dist is missing: npm run build');
});

test('the demo sends everything once and in order although the link is cut, and says so', async () => {
  const { code, out } = await holdfast('demo', '--size', '4MiB', '--cuts', '8', '--json');
  const summary = JSON.parse(out.trim().split('\n').at(-1)!) as Record<string, unknown>;
  expect({ code, summary }).toMatchObject({
    code: 0,
    summary: { bytes: 4 << 20, links: 1, cuts: 8, resumes: 8, lost: 0, duplicated: 0, outOfOrder: 0 },
  });
  expect(summary['sha256Received']).toBe(summary['sha256Sent']);
  expect(summary['sha256Sent']).toMatch(/^[0-9a-f]{64}$/);
}, 30_000);

test('the demo sends a file', async () => {
  const { code, out } = await holdfast('demo', '--file', __filename, '--cuts', '0', '--json');
  expect({ code, lost: (JSON.parse(out) as { lost: number }).lost }).toEqual({ code: 0, lost: 0 });
}, 30_000);

test.each([
  [['demo', '--size', 'much'], 'expected a size such as 64MiB, got "much"'],
  [['demo', '--cuts', '-1'], 'expected a whole number from 0 to 100000, got "-1"'],
  [['demo', '--file', '/nowhere/at/all'], '--file: ENOENT'],
  [['demo', '--speed', '9'], "unknown option '--speed'"],
  [['ship', 'serve'], 'not in this version'],
  [['fly'], 'not in this version'],
])('misuse exits 2 and names what was wrong: %j', async (args, message) => {
  const { code, err } = await holdfast(...args);
  expect({ code, err }).toEqual({ code: 2, err: expect.stringContaining(message) });
});

test('what is not there yet is absent from the help', async () => {
  const { code, out } = await holdfast('--help');
  expect(code).toBe(0);
  expect(out).not.toMatch(/^\s+(ship|inspect|testgen|bench)\b/m);
});

test('draw --check says that every drawing shows its machine, and fails for a folder without drawings', async () => {
  expect(await holdfast('draw', '--check')).toMatchObject({ code: 0 });
  expect(await holdfast('draw', '--check', '--out', join(__dirname, 'nothing-here'))).toMatchObject({ code: 1 });
});
