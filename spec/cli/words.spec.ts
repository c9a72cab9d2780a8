import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { nearest } from '../../adapters/cli/nearest.js';

const root = join(__dirname, '../..');
const main = join(root, 'dist/adapters/cli/main.js');
const holdfastIn = (cwd: string, ...args: string[]): Promise<{ code: number; out: string; err: string }> =>
  new Promise((resolve) =>
    execFile(process.execPath, [main, ...args], { timeout: 25_000, cwd }, (error, out, err) =>
      resolve({ code: error === null ? 0 : Number(error.code), out, err }),
    ),
  );
const holdfast = (...args: string[]): ReturnType<typeof holdfastIn> => holdfastIn(root, ...args);

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

test.each([
  ['--id', ''],
  ['--id', 'a b'],
  ['--id', '\t'],
  ['--interfaces', ''],
])('command line: ship serve %s %j is refused by the name of the option, before anything is opened', async (option, value) => {
  const { code, out, err } = await holdfast('ship', 'serve', '--identity', 'nosuch', option, value);
  expect([code, out, err.includes(`option '${option}`), err.includes('expected ')]).toEqual([2, '', true, true]);
});

test('command line: a word that is near to none gets no suggestion', async () => {
  const { code, err } = await holdfast('bogus');
  expect([code, err]).toEqual([2, 'holdfast: bogus: unknown command; `holdfast --help` lists the commands.\n']);
  expect(nearest('x'.repeat(100_000), ['send', 'tunnel'])).toBeUndefined();
});

test.each(['0.0.0.0:0', '[::]:0', '192.0.2.1:0', 'example.org:0', '127.0.0.1.example.org:0'])(
  'tunnel dial: --listen %s, which other machines reach, needs --insecure',
  async (place) => {
    const { code, err } = await holdfast('tunnel', 'dial', 'tcp://127.0.0.1:1', '--listen', place);
    expect([code, err]).toEqual([2, expect.stringContaining('pass --insecure to allow it')]);
  },
);

test.each([
  [['help', 'recieve'], '`holdfast receive`'],
  [['help', 'tunnel', 'dail'], '`holdfast tunnel dial`'],
  [['help', 'ship', 'srve'], '`holdfast ship serve`'],
])('command line: help about what there is not names the nearest: %j', async (args, meant) => {
  const { code, err } = await holdfast(...args);
  expect([code, err]).toEqual([2, expect.stringContaining(`Did you mean ${meant}?`)]);
});

test.each<[string[], string]>([
  [['send', '-', '--name', '../x', '--to', 'tcp://127.0.0.1:1'], '--name: expected the name of a file, got "../x"'],
  [['send', '-', '--name', '', '--to', 'tcp://127.0.0.1:1'], '--name: expected the name of a file, got ""'],
  [['send', 'package.json', '--name', 'x', '--to', 'tcp://127.0.0.1:1'], '--name: expected standard input (-) among the files'],
  [['inspect', 'x.rec', '--session', 'p'], '--session and --since need --text'],
  [['inspect', 'x.rec', '--text', '--port', '1'], '--port is that of a page'],
  [['inspect', 'http://127.0.0.1:1/', '--port', '1'], '--port is that of a page'],
  [['demo', '--inspect', 'abc'], "'--inspect [port]' argument 'abc' is invalid. expected a whole number from 0 to 65535"],
  [['demo', '--inspect=70000'], "'--inspect [port]' argument '70000' is invalid"],
  [['tunnel', 'listen', 'tcp://127.0.0.1:0', '--to', '127.0.0.1:99999'], 'port 99999 is above 65535'],
  [['tunnel', 'listen', 'tcp://127.0.0.1:0', '--to', '127.0.0.1:0'], 'port 0 can be listened at, not dialed'],
  [
    ['tunnel', 'listen', 'tcp://127.0.0.1:0', '--to', '127.0.0.1:9', '--host', 'a.b'],
    '--host: expected a ws:// or wss:// address, got tcp://',
  ],
  [
    ['receive', '--listen', 'tcp://127.0.0.1:0', '--dir', 'x', '--origin', 'https://a.b'],
    '--origin: expected a ws:// or wss:// address',
  ],
  [['receive', '--listen', 'ws://127.0.0.1:0', '--dir', 'x', '--origin', 'a.b'], '--origin: expected an origin such as'],
  [
    ['receive', '--listen', 'ws://127.0.0.1:0', '--dir', 'x', '--host', 'http://a.b'],
    '--host: expected a host name without port',
  ],
])(
  'command line: what can’t be right is refused at once, naming the option, in words and as JSON: %j',
  async (args, message) => {
    const cwd = mkdtempSync(join(tmpdir(), 'holdfast-words-'));
    try {
      const { code, out, err } = await holdfastIn(args[1] === 'package.json' ? root : cwd, ...args);
      expect([code, out, err]).toEqual([2, '', expect.stringContaining(message)]);
      const json = await holdfastIn(args[1] === 'package.json' ? root : cwd, ...args, '--json');
      expect([json.code, JSON.parse(json.out)]).toEqual([2, expect.objectContaining({ message: expect.stringContaining(message) as string })]); // prettier-ignore
    } finally {
      rmSync(cwd, { recursive: true });
    }
  },
  30_000,
);

test('command line: the hint at a misspelt option is in the JSON, too', async () => {
  const { code, out } = await holdfast('receive', '--lisen=tcp://127.0.0.1:0', '--dir', 'x', '--json');
  expect([code, JSON.parse(out)]).toEqual([2, { failed: 'misuse', message: expect.stringContaining('Did you mean --listen?') }]); // prettier-ignore
});
