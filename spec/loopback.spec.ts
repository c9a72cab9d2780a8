import { createEngine } from '../adapters/index.js';
import { resume } from '../adapters/resume/index.js';
import { isLoopbackAddress, isLoopbackHost } from '../machines/loopback.js';
import { addressKeyOf } from '../machines/hub/accept/opening-limits.js';
import { tcp } from '../transports/tcp.js';

const own = [
  ...['127.0.0.1', '127.1.2.3', '127.255.255.255', 'localhost', 'LocalHost'],
  ...['::1', '0:0:0:0:0:0:0:1', '0000::0001', '0::1', '::0:1', '::ffff:127.0.0.1', '::FFFF:7f00:1', '0:0:0:0:0:ffff:127.9.9.9'],
];
const others = [
  ...['0.0.0.0', '10.0.0.1', '128.0.0.1', '12.7.0.1', '127.0.0', '127.1', '127.0.0.256', '127.0.0.1.', '127.0.0.1.example', ''],
  ...['localhost.example', 'app.localhost', 'localhost.', 'xlocalhost', 'holdfast', '2130706433', '0x7f.0.0.1'],
  ...[
    '::',
    '::2',
    '1::1',
    '::1:1',
    '::ffff:10.0.0.1',
    '::fffe:127.0.0.1',
    '::127.0.0.1',
    '64:ff9b::127.0.0.1',
    '::1::',
    '::ffff:127.0.0.300',
  ],
  ...['fe80::1%lo', ':1', '1', '0:0:0:0:0:0:0:0:1'],
];

describe('loopback: which hosts are this machine', () => {
  test.each(own)('%s is', (host) => {
    const bracketed = host.includes(':') ? `[${host}]` : host;
    expect([isLoopbackHost(host), isLoopbackHost(bracketed)]).toEqual([true, true]);
    for (const address of [
      `tcp://${bracketed}:7000`,
      `wss://${bracketed}`,
      `ws://${bracketed}:0/path?x=1`,
      `TLS://${bracketed}:1/`,
    ])
      expect({ address, is: isLoopbackAddress(address) }).toEqual({ address, is: true });
    expect(addressKeyOf(host.includes(':') ? `[${host}]:7` : `${host}:7`)).toBe('');
  });

  test.each(others)('"%s" is not', (host) => {
    const bracketed = host.includes(':') ? `[${host}]` : host;
    expect([isLoopbackHost(host), isLoopbackAddress(`tcp://${bracketed}:7000`)]).toEqual([false, false]);
  });

  test.each([
    'tcp://localhost:1@example.org:80',
    'ws://127.0.0.1@example.org/',
    'ws://localhost:80/@x@example.org',
    'tcp://localhost:7000 tcp://0.0.0.0:1',
    'tcp://[::1',
    'localhost:7000',
    'tcp:localhost:7000',
    '//localhost:7000',
  ])('%s is no address of this machine', (address) => {
    expect(isLoopbackAddress(address)).toBe(false);
  });

  test.each(['tcp://0.0.0.0:0', 'tcp://127.0.0.1.example:0', 'tcp://app.localhost:0', 'tcp://[::]:0'])(
    'an engine refuses to listen at %s without proven identities',
    async (address) => {
      const engine = createEngine({ transports: [tcp()], protocols: [resume()], listen: [address] });
      await expect(engine.start()).rejects.toMatchObject({ code: 'insecure' });
    },
  );
});
