import { InvalidArgumentError } from 'commander';
import { addressOf, bytesOf, hostAndPortOf, millisecondsOf, schemeOf, wholeOf } from '../../adapters/cli/parse.js';

test('command line/parse: sizes', () => {
  expect(['0', '1048576', '64MiB', '10KB', '1.5KiB', '2 GiB', '1gib'].map(bytesOf)).toEqual([
    0,
    1048576,
    64 * 2 ** 20,
    10_000,
    1536,
    2 * 2 ** 30,
    2 ** 30,
  ]);
  refuses(bytesOf, ['', 'MiB', '64 MiBs', '-1', '1e3', '9999999999GiB'], 'expected a size such as 64MiB');
});

test('command line/parse: times', () => {
  expect(['500ms', '60s', '2m', '1h', '0.5s'].map(millisecondsOf)).toEqual([500, 60_000, 120_000, 3_600_000, 500]);
  refuses(millisecondsOf, ['', '60', '1d', '-1s', 's'], 'expected a time such as 60s');
  expect(millisecondsOf('596h')).toBe(596 * 3_600_000);
  refuses(millisecondsOf, ['597h', '99999999h', '2147483648ms'], 'expected a time of at most 596h');
});

test('command line/parse: whole numbers', () => {
  expect(['1', '64'].map(wholeOf(1, 64))).toEqual([1, 64]);
  refuses(wholeOf(1, 64), ['0', '65', '', '1.5', '1e1', 'four', '0x10'], 'expected a whole number from 1 to 64');
  refuses(wholeOf(0), ['-1', '99999999999999999999'], 'expected a whole number of at least 0');
});

test('command line/parse: addresses', () => {
  const listens = ['tcp://127.0.0.1:0', 'tls://[::1]:7000', 'ws://localhost:80/a/b', 'wss://[::]:0/x', 'TCP://h:1'];
  expect(listens.map(addressOf('listen'))).toEqual(listens);
  expect(listens.map(schemeOf)).toEqual(['tcp', 'tls', 'ws', 'wss', 'tcp']);
  refuses(addressOf('dial'), ['tcp://127.0.0.1:0', 'ws://h:0/'], 'port 0 can be listened at, not dialed');
  refuses(addressOf('dial'), ['tcp://h', 'tls://h:1/path', 'wss://'], 'bad address');
  refuses(addressOf('dial'), ['h:1', '', 'udp://h:1', 'http://h:1'], 'expected tcp://, tls://, ws://, wss:// and host:port');
  refuses(addressOf('dial'), ['memory://here'], 'works inside one process only');
});

test('command line/parse: host and port', () => {
  expect(hostAndPortOf('dial')('localhost:22')).toEqual({ host: 'localhost', port: 22 });
  expect(hostAndPortOf('listen')('[::1]:0')).toEqual({ host: '::1', port: 0 });
  refuses(hostAndPortOf('dial'), ['22', 'localhost', 'localhost:0', 'localhost:99999', ''], 'expected host:port');
});

function refuses(parse: (text: string) => unknown, texts: readonly string[], message: string): void {
  for (const text of texts) {
    let said: unknown;
    try {
      said = parse(text);
    } catch (error) {
      expect(error).toBeInstanceOf(InvalidArgumentError);
      said = (error as Error).message;
    }
    expect({ text, said }).toEqual({ text, said: expect.stringContaining(message) });
  }
}
