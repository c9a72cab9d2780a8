import fc from 'fast-check';
import { mdnsDiscovery, type MdnsOptions } from '../../adapters/ship/discovery-mdns.js';
import { candidatesOf, type Discovery } from '../../adapters/ship/discovery.js';
import type { DnsRecord } from '../../adapters/ship/mdns-network.js';
import { Lan } from './lan.js';

const [a, b, c] = ['a', 'b', 'c'].map((each) => each.repeat(40)) as [string, string, string];
const SERVICE = '_ship._tcp.local';

let lan: Lan;
let troubles: string[];
let open: Discovery[];
beforeEach(() => {
  lan = new Lan();
  troubles = [];
  open = [];
});
afterEach(async () => {
  for (const each of open) await each.close();
});

async function node(ski: string, options: Partial<MdnsOptions> = {}): Promise<Discovery> {
  const discovery = await mdnsDiscovery({
    ski,
    shipId: `i:${ski.slice(0, 4)}`,
    ports: { clock: lan.clock, random: lan.random },
    open: lan.open,
    addressesOfHost: () => ['192.0.2.1', '2001:db8::1'],
    onTrouble: (message) => troubles.push(message),
    ...options,
  });
  open.push(discovery);
  return discovery;
}
const silent = { onQuestions: () => {}, onRecords: () => {}, onLost: () => {} };
const listening = { addresses: ['wss://[::]:4711/ship/'], isRegistering: false };
const skisOf = (discovery: Discovery, isVisible = true): string[] =>
  discovery.entries().filter((each) => each.isVisible === isVisible).map(({ ski }) => ski); // prettier-ignore

/** What a device says in one packet. */
function device(ski: string, { txt = {}, port = 4711, label = 'Wallbox', target = 'wallbox.local', addresses = ['192.0.2.7'], ttl = 120 } = {}): DnsRecord[] {
  const members: Record<string, string> = { txtvers: '1', path: '/ship/', id: 'i:1', ski, register: 'false', ...txt };
  const name = `${label}.${SERVICE}`;
  return [
    { name: SERVICE, type: 'PTR', ttl, data: name },
    { name, type: 'SRV', ttl, flush: true, data: { target, port } },
    { name, type: 'TXT', ttl, flush: true, data: Object.entries(members).map(([key, value]) => Buffer.from(`${key}=${value}`)) },
    ...addresses.map((data): DnsRecord => ({ name: target, type: data.includes(':') ? 'AAAA' : 'A', ttl, flush: true, data })),
  ];
} // prettier-ignore

describe('SHIP/mdns: SHIP services found by mDNS', () => {
  test('[TC_SHIP_MDNS_001] are shown with everything they say about themselves, and do not find themselves', async () => {
    const one = await node(a, { brand: 'Brand', model: 'Model', type: 'Wallbox', serial: '0815', categories: [3, 2] });
    const two = await node(b);
    await one.announce!({ ...listening, isRegistering: true });
    await lan.pass(100);
    expect(two.entries()).toEqual([
      {
        ski: a,
        shipId: 'i:aaaa',
        name: 'Brand Model aaaaaaaa',
        host: 'ship-aaaaaaaaaaaaaaaa.local',
        addresses: ['192.0.2.1', '2001:db8::1'],
        port: 4711,
        path: '/ship/',
        brand: 'Brand',
        model: 'Model',
        type: 'Wallbox',
        serial: '0815',
        categories: [3, 2],
        isRegistering: true,
        isVisible: true,
      },
    ]);
    expect(two.find(a)).toBe(two.entries()[0]);
    expect(one.entries()).toEqual([]);
    const txt = lan.told[0]!.records.find(({ type }) => type === 'TXT')!.data as Buffer[];
    expect(txt.map(String)).toEqual(['txtvers=1', 'path=/ship/', 'id=i:aaaa', `ski=${a}`, 'brand=Brand', 'model=Model', 'type=Wallbox', 'serial=0815', 'cat=3,2', 'register=true']); // prettier-ignore
    expect(troubles).toEqual([]);
    await lan.pass(20_000);
    expect(lan.told.map(({ atMs }) => atMs).slice(0, 2)).toEqual([0, 1000]); // Twice, in case the first got lost.
  });

  test('are found by who comes later, since they answer; at most once a second, and after a polite while', async () => {
    const one = await node(a);
    await one.announce!(listening);
    await lan.pass(10_000);
    const before = lan.told.length;
    const two = await node(b);
    const three = await node(c);
    await lan.pass(500);
    expect([skisOf(two), skisOf(three), lan.told.length - before]).toEqual([[a], [a], 1]);
    const delayMs = lan.told.at(-1)!.atMs - lan.asked.at(-1)!.atMs;
    expect({ delayMs, isPolite: delayMs >= 20 && delayMs <= 125 }).toMatchObject({ isPolite: true });
    for (let i = 0; i < 100; i++) {
      for (const type of ['PTR', 'ANY'] as const) (await lan.open(silent)).ask([{ name: SERVICE, type }]);
      await lan.pass(20);
    }
    expect(lan.told.length - before).toBeLessThanOrEqual(4);
  });

  test('stay visible for as long as they are there', async () => {
    const one = await node(a);
    const two = await node(b);
    await one.announce!(listening);
    let news = 0;
    two.subscribe(() => news++);
    await lan.pass(3_600_000);
    expect({ skis: skisOf(two), news }).toEqual({ skis: [a], news: 2 });
  });

  test('are known from before when they say goodbye', async () => {
    const one = await node(a);
    const two = await node(b);
    await one.announce!(listening);
    await lan.pass(100);
    const place = candidatesOf(two.find(a)!);
    await one.close();
    await lan.pass(100);
    expect(lan.told.at(-1)!.records.map(({ type, name, ttl }) => ({ type, isShip: name.endsWith(SERVICE), ttl }))).toEqual(
      ['PTR', 'SRV', 'TXT'].map((type) => ({ type, isShip: true, ttl: 0 })), // Addresses and the list of kinds are others' too.
    );
    expect([skisOf(two, true), skisOf(two, false)]).toEqual([[], [a]]);
    expect(candidatesOf(two.find(a)!)).toEqual(place);
  });

  test('are known from before when nothing is received from them for 120 s, and visible again at their first word', async () => {
    const two = await node(b);
    lan.say(device(a));
    await lan.pass(119_000);
    expect(skisOf(two)).toEqual([a]);
    await lan.pass(2000);
    expect([skisOf(two, true), skisOf(two, false)]).toEqual([[], [a]]);
    lan.say(device(a));
    await lan.pass(10);
    expect(skisOf(two)).toEqual([a]);
  });

  test('can move: path, port, host, addresses and what they say are taken over at once', async () => {
    const two = await node(b);
    lan.say(device(a));
    await lan.pass(10);
    lan.say(device(a, { port: 5000, target: 'new.local', addresses: ['fd00::9', 'fe80::9', '192.0.2.9'], txt: { path: '/other/', register: 'TRUE', brand: 'B' } })); // prettier-ignore
    await lan.pass(10);
    expect(two.entries()).toEqual([
      {
        ski: a,
        shipId: 'i:1',
        path: '/other/',
        isRegistering: true,
        brand: 'B',
        name: 'Wallbox',
        host: 'new.local',
        addresses: ['192.0.2.9', 'fd00::9'],
        port: 5000,
        isVisible: true,
      },
    ]);
  });

  test('may say it in pieces: what is missing is asked for', async () => {
    const two = await node(b);
    await lan.pass(1500);
    const [ptr, srv, txt, address] = device(a) as [DnsRecord, DnsRecord, DnsRecord, DnsRecord];
    lan.say([ptr]);
    await lan.pass(10);
    expect(lan.asked.at(-1)!.questions).toEqual([{ name: srv.name, type: 'SRV' }, { name: srv.name, type: 'TXT' }]); // prettier-ignore
    lan.say([srv, txt]);
    await lan.pass(1500);
    expect(lan.asked.flatMap(({ questions }) => questions)).toContainEqual({ name: 'wallbox.local', type: 'AAAA' });
    expect(two.find(a)).toMatchObject({ host: 'wallbox.local', addresses: [] });
    lan.say([address]);
    await lan.pass(10);
    expect(two.find(a)?.addresses).toEqual(['192.0.2.7']);
  });

  test('are ignored, with a reason told once, where their record is none', async () => {
    const two = await node(b);
    const bad: Record<string, object> = {
      'txtvers is 1, got "2"': { txtvers: '2' },
      'id is missing': { id: '' },
      'path begins with a slash, got "ship"': { path: 'ship' },
      'path begins with a slash, got "/a b"': { path: '/a b' },
      'path begins with a slash, got "/a#b"': { path: '/a#b' },
      'register is true or false, got "yes"': { register: 'yes' },
      'ski is 40 hex digits, got "abc"': { ski: 'abc' },
    };
    for (const [index, txt] of Object.values(bad).entries()) lan.say(device(a, { txt, label: `Device ${index}` }));
    lan.say(device(a, { port: 0, label: 'Device x' }));
    await lan.pass(60_000);
    expect(two.entries()).toEqual([]);
    const reasons = [
      ...Object.keys(bad).map((reason, index) => `ignored "Device ${index}": ${reason}`),
      'ignored "Device x": its port is 0',
    ];
    expect(troubles).toEqual(reasons);
  });

  test('can not smuggle an address into their host name', async () => {
    const two = await node(b);
    lan.say(device(a, { target: 'evil.example:80/x', addresses: [] }));
    await lan.pass(10);
    expect(candidatesOf(two.find(a)!)).toEqual([]);
  });

  test('are one entry for one SKI, in any spelling', async () => {
    const two = await node(b);
    lan.say(device(a.toUpperCase()));
    lan.say(device(a, { label: 'Wallbox-2', port: 5000 }));
    await lan.pass(10);
    expect(two.entries().map(({ ski, port }) => ({ ski, port }))).toEqual([{ ski: a, port: 5000 }]);
  });

  test('are no more than 256, however many there seem to be; old ones make room', async () => {
    const two = await node(b);
    const many = (from: number): void => {
      for (let i = from; i < from + 300; i++)
        lan.say(device(i.toString(16).padStart(40, '0'), { label: `D${i}`, target: `d${i}.local` }));
    };
    many(1);
    await lan.pass(10);
    expect(skisOf(two)).toHaveLength(256);
    await lan.pass(125_000);
    many(1001);
    await lan.pass(10);
    expect([two.entries().length, skisOf(two).length]).toEqual([256, 256]);
  });

  test('are reported to listeners now and after each change, until they unsubscribe', async () => {
    const two = await node(b);
    const heard: string[][] = [];
    const enough = two.subscribe((services) =>
      heard.push(services.map(({ ski, isVisible }) => `${ski[0]}${isVisible ? '' : ' gone'}`)),
    );
    lan.say(device(a));
    await lan.pass(10);
    lan.say(device(a));
    await lan.pass(10);
    lan.say(device(c, { label: 'C', target: 'c.local' }));
    await lan.pass(10);
    lan.say(device(a, { ttl: 0 }));
    await lan.pass(10);
    enough();
    lan.say(device(a));
    await lan.pass(10);
    expect(heard).toEqual([[], ['a'], ['a', 'c'], ['c', 'a gone']]);
  });
});

describe('SHIP/mdns: SHIP discovery by mDNS outlives', () => {
  test('the loss of its network: it tries again, ever less often, and asks and announces anew', async () => {
    const one = await node(a);
    const two = await node(b);
    await one.announce!(listening);
    await lan.pass(100);
    lan.cut();
    lan.attempts = [];
    const cutMs = lan.clock.now();
    await lan.pass(70_000);
    const attempts = [...new Set(lan.attempts.map((each) => each - cutMs))];
    expect(attempts).toEqual([1000, 3000, 7000, 15_000, 31_000, 63_000]);
    expect(troubles).toContain('mDNS is not available and will be tried again: the cable is out');
    await lan.pass(60_000);
    expect([skisOf(two, true), skisOf(two, false)]).toEqual([[], [a]]);
    lan.isDown = false;
    await lan.pass(61_000);
    expect([lan.nodes, skisOf(two)]).toEqual([2, [a]]);
  });

  test('a host without a network at its start', async () => {
    lan.isDown = true;
    const one = await node(a);
    await one.announce!(listening);
    lan.isDown = false;
    const two = await node(b);
    await lan.pass(2000);
    expect(skisOf(two)).toEqual([a]);
  });

  test('new addresses of its host, which it announces', async () => {
    let addresses = ['192.0.2.1'];
    const one = await node(a, { addressesOfHost: () => addresses });
    const two = await node(b);
    await one.announce!(listening);
    await lan.pass(40_000);
    addresses = ['192.0.2.2'];
    await lan.pass(31_000);
    expect([two.find(a)?.addresses, lan.nodes]).toEqual([['192.0.2.2'], 2]);
  });

  test('another node with its name: it takes another name', async () => {
    const one = await node(a, { name: 'Gate.way' });
    await one.announce!(listening);
    const two = await node(b);
    await lan.pass(200);
    lan.say(device(c, { label: 'Gate-way', target: 'other.local' }));
    await lan.pass(2000);
    expect(troubles).toEqual(['the name of this node is taken already; from now on it is "Gate.way (2)"']);
    expect(two.entries().filter(({ isVisible }) => isVisible).map(({ ski, name }) => [ski, name])).toEqual([[c, 'Gate-way'], [a, 'Gate-way (2)']]); // prettier-ignore
  });

  test('any packet', async () => {
    const two = await node(b);
    const name = fc.constantFrom(SERVICE, `Wallbox.${SERVICE}`, `.${SERVICE}`, 'wallbox.local', '', 'x', '__proto__');
    const base = { name, ttl: fc.constantFrom(0, 1, 120, 2 ** 32 - 1), flush: fc.boolean() };
    const text = fc.oneof(fc.string(), fc.constantFrom(`ski=${a}`, 'txtvers=1', 'path=/x', 'id=y', 'register=true', '=', '')).map((each) => Buffer.from(each)); // prettier-ignore
    const record = fc.oneof(
      fc.record({ ...base, type: fc.constant('PTR' as const), data: name }),
      fc.record({ ...base, type: fc.constant('SRV' as const), data: fc.record({ target: name, port: fc.nat({ max: 65535 }) }) }),
      fc.record({ ...base, type: fc.constant('TXT' as const), data: fc.array(text, { maxLength: 8 }) }),
      fc.record({ ...base, type: fc.constantFrom('A' as const, 'AAAA' as const), data: fc.constantFrom('192.0.2.7', 'fe80::1', 'fd00::1') }),
    ); // prettier-ignore
    await fc.assert(
      fc.asyncProperty(fc.array(record, { maxLength: 12 }), fc.nat({ max: 200_000 }), async (records, ms) => {
        lan.say(records);
        await lan.pass(ms);
        for (const service of two.entries()) for (const each of candidatesOf(service)) expect(URL.canParse(each)).toBe(true);
        expect(lan.clock.pending).toBeLessThan(5);
      }),
      { numRuns: 300, seed: 3 },
    );
  });
});

describe('SHIP/mdns: SHIP discovery by mDNS', () => {
  test('leaves nothing behind when it is closed', async () => {
    const one = await node(a);
    await one.announce!(listening);
    lan.say(device(c));
    await lan.pass(10);
    let news = 0;
    one.subscribe(() => news++);
    await one.close();
    await one.close();
    await lan.pass(1000);
    expect({ pending: lan.clock.pending, nodes: lan.nodes, news }).toEqual({ pending: 0, nodes: 0, news: 1 });
    expect(() => one.announce!(listening)).toThrow('this discovery is closed');
  });

  test('leaves nothing behind either when it is closed while it waits for a network', async () => {
    lan.isDown = true;
    const one = await node(a);
    await one.close();
    await lan.pass(10);
    expect(lan.clock.pending).toBe(0);
  });

  test('leaves nothing behind when it is closed while a network opens', async () => {
    let letIn = (): void => {};
    const open: MdnsOptions['open'] = (handler) =>
      lan.attempts.push(0) === 1
        ? Promise.reject(new Error('not yet'))
        : new Promise((resolve) => (letIn = () => resolve(lan.open(handler))));
    const one = await node(a, { open });
    await lan.pass(1000);
    await one.close();
    letIn();
    await lan.pass(10);
    expect({ pending: lan.clock.pending, nodes: lan.nodes }).toEqual({ pending: 0, nodes: 0 });
  });

  test('shows a change of what it says, and takes back what is no longer true', async () => {
    const one = await node(a);
    const two = await node(b);
    await one.announce!(listening);
    await lan.pass(100);
    await one.announce!({ ...listening, isRegistering: true });
    await lan.pass(100);
    expect(two.find(a)).toMatchObject({ isRegistering: true, isVisible: true });
    await one.announce!({ addresses: [], isRegistering: false });
    await lan.pass(100);
    expect(two.find(a)?.isVisible).toBe(false);
  });

  test('announces the one address it listens at, or none where it can’t be dialed', async () => {
    const one = await node(a);
    const two = await node(b);
    await one.announce!({ addresses: [], isRegistering: false });
    await lan.pass(3000);
    expect([lan.told, two.entries()]).toEqual([[], []]);
    await one.announce!({ addresses: ['tcp://0.0.0.0:1', 'wss://127.0.0.1:5000/'], isRegistering: false });
    await lan.pass(100);
    expect(two.find(a)).toMatchObject({ addresses: ['127.0.0.1'], port: 5000, path: '/ship/' });
  });

  test('refuses what fits in no record', async () => {
    await expect(mdnsDiscovery({ ski: 'abc', shipId: 'x' })).rejects.toThrow('bad SKI');
    await expect(mdnsDiscovery({ ski: a, shipId: 'x'.repeat(300) })).rejects.toThrow('id is too long for a TXT record');
  });
});
