import type { networkInterfaces } from 'node:os';
import { mdnsDiscovery, type MdnsOptions } from '../../adapters/ship/discovery-mdns.js';
import { hostAddresses } from '../../adapters/ship/mdns-network.js';
import { txtStrings } from '../../adapters/ship/txt-record.js';
import { Lan } from './lan.js';

const [a, b] = ['a', 'b'].map((each) => each.repeat(40)) as [string, string];
const OF_HOST = ['192.0.2.1', '198.51.100.7', '2001:db8::1'];

/** What another node learns of one that listens at these addresses; nothing where it isn't announced. */
async function announced(addresses: string[], options: Partial<MdnsOptions> = {}): Promise<readonly string[] | undefined> {
  const lan = new Lan();
  const common = { ports: { clock: lan.clock, random: lan.random }, open: lan.open, addressesOfHost: () => OF_HOST };
  const one = await mdnsDiscovery({ ...common, ski: a, shipId: 'i:a', ...options });
  const two = await mdnsDiscovery({ ...common, ski: b, shipId: 'i:b' });
  await one.announce!({ addresses, isRegistering: false });
  await lan.pass(100);
  const found = two.find(a)?.addresses;
  await one.close();
  await two.close();
  return found;
}

describe('announced: the families and addresses that are listened at, and no others', () => {
  test.each([
    [['wss://0.0.0.0:4711/ship/'], ['192.0.2.1', '198.51.100.7']],
    [['wss://[::]:4711/ship/'], OF_HOST],
    [['wss://192.0.2.1:4711/ship/'], ['192.0.2.1']],
    [['wss://[2001:db8::1]:4711/ship/'], ['2001:db8::1']],
    [
      ['wss://192.0.2.1:4711/ship/', 'wss://[2001:db8::1]:4711/ship/'],
      ['192.0.2.1', '2001:db8::1'],
    ],
    [['wss://0.0.0.0:4711/ship/', 'wss://[2001:db8::1]:4711/ship/'], OF_HOST],
    [['wss://192.0.2.1:4711/ship/', 'wss://198.51.100.7:4712/ship/'], ['192.0.2.1']], // One record has one port.
    [['tcp://0.0.0.0:1'], undefined],
  ])('%j', async (addresses, expected) => {
    expect(await announced(addresses)).toEqual(expected);
  });

  test('a host without an address of the family that is listened at is not announced, and says so', async () => {
    const troubles: string[] = [];
    const options = { addressesOfHost: () => ['2001:db8::1'], onTrouble: (each: string) => troubles.push(each) };
    expect(await announced(['wss://0.0.0.0:4711/ship/'], options)).toBeUndefined();
    expect(troubles).toEqual([expect.stringContaining('not announced')]);
  });
});

describe('announced: interfaces', () => {
  const at = (address: string, internal = false): object => ({
    address,
    internal,
    family: address.includes(':') ? 'IPv6' : 'IPv4',
  });
  const interfaces = {
    lo: [at('127.0.0.1', true), at('::1', true)],
    eth0: [at('192.0.2.1'), at('2001:db8::1'), at('fe80::1')],
    wlan0: [at('198.51.100.7')],
    docker0: [at('172.17.0.1')],
    'br-0123456789ab': [at('172.18.0.1')],
    br0: [at('192.0.2.9')], // A bridge of the host's own, as routers and hypervisors have it.
    veth12ab: [at('169.254.1.1')],
    virbr0: [at('192.168.122.1')],
    cni0: [at('10.42.0.1')],
    'flannel.1': [at('10.42.0.0')],
    podman0: [at('10.88.0.1')],
    'vEthernet (WSL (Hyper-V firewall))': [at('172.20.0.1')],
    tun0: [at('10.8.0.2')],
  } as ReturnType<typeof networkInterfaces>;

  test('those of containers and virtual machines are left out', () => {
    expect(hostAddresses(undefined, interfaces)).toEqual(['192.0.2.1', '2001:db8::1', '198.51.100.7', '192.0.2.9', '10.8.0.2']);
  });
  test('an allow list by name or by address has the last word', () => {
    expect(hostAddresses(['eth0'], interfaces)).toEqual(['192.0.2.1', '2001:db8::1']);
    expect(hostAddresses(['198.51.100.7', 'docker0'], interfaces)).toEqual(['198.51.100.7', '172.17.0.1']);
    expect(hostAddresses(['eth7'], interfaces)).toEqual([]);
  });
  test('an allow list that names nothing here is a trouble that is reported, and tried again', async () => {
    const troubles: string[] = [];
    const discovery = await mdnsDiscovery({
      ski: a,
      shipId: 'i:a',
      interfaces: ['nosuch0'],
      onTrouble: (each) => troubles.push(each),
    });
    await discovery.close();
    expect(troubles).toEqual([expect.stringContaining('none of the interfaces nosuch0 has an IPv4 address')]);
  });
});

test.each(['', ' ', 'a b', 'a\tb', 'a\u00a0b', 'a\n', '\u0000'])(
  'announced: the SHIP id %j is refused where the record is made',
  (shipId) => {
    expect(() => txtStrings({ ski: a, shipId, path: '/ship/', isRegistering: false })).toThrow('no white space');
  },
);
