import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { nearest } from '../../adapters/cli/nearest.js';
import { isLoopbackHost } from '../../adapters/cli/parse.js';

const root = join(__dirname, '../..');
const holdfast = (...args: string[]): Promise<{ code: number; out: string; err: string }> =>
  new Promise((resolve) =>
    execFile(process.execPath, [join(root, 'dist/adapters/cli/main.js'), ...args], { timeout: 25_000 }, (error, out, err) =>
      resolve({ code: error === null ? 0 : Number(error.code), out, err }),
    ),
  );

test('command line: --version prints the version of the package, and nothing else', async () => {
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string };
  expect(await holdfast('--version')).toEqual({ code: 0, out: `${version}\n`, err: '' });
});

test.each([
  [['tunel'], '`holdfast tunnel`'],
  [['recieve', '--keep'], '`holdfast receive`'],
  [['TUNNEL'], '`holdfast tunnel`'],
  [['rend'], '`holdfast rendezvous`'],
  [['tunnel', 'dail'], 'dial'],
  [['ship', 'serv'], 'serve'],
  [['demo', '--lnks', '3'], '--links'],
  [['send', 'x', '--too', 'tcp://127.0.0.1:1'], '--to'],
  [['receive', '--lisen=tcp://127.0.0.1:0', '--dir', 'x'], '--listen'],
])('command line: %j is refused with the nearest word: %s', async (args, meant) => {
  const { code, err } = await holdfast(...args);
  expect([code, err.includes(`Did you mean ${meant}?`)]).toEqual([2, true]);
});

test('command line: a word that is near to none gets no suggestion', async () => {
  const { code, err } = await holdfast('bogus');
  expect([code, err]).toEqual([2, 'holdfast: bogus: not in this version; `holdfast --help` lists what is.\n']);
  expect(nearest('x'.repeat(100_000), ['send', 'tunnel'])).toBeUndefined();
});

test.each(['0.0.0.0:0', '[::]:0', '192.0.2.1:0', 'example.org:0', '127.0.0.1.example.org:0'])(
  'tunnel dial: --listen %s, where anybody could get through the tunnel, needs --insecure',
  async (place) => {
    const { code, err } = await holdfast('tunnel', 'dial', 'tcp://127.0.0.1:1', '--listen', place);
    expect([code, err]).toEqual([2, expect.stringContaining('pass --insecure if that is meant')]);
  },
);

test('tunnel dial: what only this machine reaches needs nothing', () => {
  const own = ['127.0.0.1', '127.1.2.3', 'localhost', 'LOCALHOST', '::1', '[::1]', '0:0:0:0:0:0:0:1', '::ffff:127.0.0.1'];
  const others = ['0.0.0.0', '::', '10.0.0.1', 'localhost.example.org', '127.0.0.1.nip.io', '::ffff:10.0.0.1', '1::1'];
  expect([own.filter((host) => !isLoopbackHost(host)), others.filter(isLoopbackHost)]).toEqual([[], []]);
});
