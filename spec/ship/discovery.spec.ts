import { staticDiscovery } from '../../adapters/ship/discovery-static.js';
import { candidatesOf, type RemoteService } from '../../adapters/ship/discovery.js';
import { KnownServices } from '../../adapters/ship/services.js';

const [a, b, c] = ['a', 'b', 'c'].map((each) => each.repeat(40)) as [string, string, string];

test('SHIP/discovery: a visible service is never forgotten for a new one, one that is gone is', () => {
  const known = new KnownServices();
  const service = (index: number): RemoteService => ({ ski: index.toString(16).padStart(40, '0'), addresses: [], port: 1, isRegistering: false, isVisible: true }); // prettier-ignore
  const show = (from: number, to: number): void =>
    known.show(new Map(Array.from({ length: to - from }, (_, i) => [service(from + i).ski, service(from + i)])));
  show(0, 257);
  expect([known.find(service(0).ski)?.isVisible, known.find(service(256).ski)]).toEqual([true, undefined]);
  show(1, 256);
  show(1, 257);
  expect([known.find(service(0).ski), known.find(service(1).ski)?.isVisible, known.entries().length]).toEqual([
    undefined,
    true,
    256,
  ]);
});

describe('SHIP/discovery: a service is dialed', () => {
  test('by host name, IPv4, IPv6, each with and without its path; not by addresses of the link alone', () => {
    const service = { ski: a, host: 'x.local', addresses: ['fe80::1', 'fd00::1', '192.0.2.1'], port: 4711, path: '/p/', isRegistering: false, isVisible: true }; // prettier-ignore
    expect(candidatesOf(service)).toEqual([
      'wss://x.local:4711/p/',
      'wss://x.local:4711/',
      'wss://192.0.2.1:4711/p/',
      'wss://192.0.2.1:4711/',
      'wss://[fd00::1]:4711/p/',
      'wss://[fd00::1]:4711/',
    ]);
  });
});

describe('SHIP/discovery: SHIP services at places that are known', () => {
  test('are there from the begin, and can come, move and go', async () => {
    const discovery = staticDiscovery([{ ski: a.toUpperCase(), host: 'wallbox.local', port: 4711 }]);
    const heard: string[][] = [];
    discovery.subscribe((services) => heard.push(services.map(({ ski, port, isVisible }) => `${ski[0]} ${port} ${isVisible}`)));
    discovery.add({ ski: b, host: '192.0.2.1', port: 4712, path: 'x/', shipId: 'i:b', name: 'B' });
    discovery.add({ ski: b, host: '[2001:db8::1]', port: 4712, path: '/x/' });
    discovery.remove(a);
    expect(heard).toEqual([['a 4711 true'], ['a 4711 true', 'b 4712 true'], ['a 4711 true', 'b 4712 true'], ['b 4712 true', 'a 4711 false']]); // prettier-ignore
    expect(candidatesOf(discovery.find(a)!)[0]).toBe('wss://wallbox.local:4711/ship/');
    expect(candidatesOf(discovery.find(b)!)[0]).toBe('wss://[2001:db8::1]:4712/x/');
    await discovery.close();
    discovery.add({ ski: c, host: 'c', port: 1 });
    expect(heard).toHaveLength(4);
  });

  test.each([
    [{ ski: 'x', host: 'a', port: 1 }, 'bad SKI "x"'],
    [{ ski: a, host: 'a', port: 0 }, 'bad port 0 of a: expected 1 to 65535'],
    [{ ski: a, host: 'a', port: 65536 }, 'bad port 65536'],
    [{ ski: a, host: '', port: 1 }, 'bad host ""'],
    [{ ski: a, host: 'a/b', port: 1 }, 'bad host "a/b"'],
    [{ ski: a, host: 'u@b', port: 1 }, 'bad host "u@b"'],
    [{ ski: a, host: 'a b', port: 1 }, 'bad host "a b"'],
  ])('are refused where they name no place: %j', (service, message) => {
    expect(() => staticDiscovery([service])).toThrow(message);
  });

  test('are as many as may be, and no more', () => {
    const discovery = staticDiscovery();
    for (let i = 0; i < 256; i++) discovery.add({ ski: i.toString(16).padStart(40, '0'), host: 'a', port: 1 });
    expect(() => discovery.add({ ski: a, host: 'a', port: 1 })).toThrow('as many static services as there may be (256)');
  });
});
