import { createNode, makeNodeKey, signingWith, type NodeNews, type NodeOptions } from '../../adapters/rendezvous/index.js';
import { tcp } from '../../transports/tcp.js';
import { real } from '../sim/rendezvous-keys.js';
import { Hosts, Liar, NOTHING } from './hosts.js';

const hosts: Hosts[] = [];
const world = (): Hosts => {
  const made = new Hosts(1);
  hosts.push(made);
  return made;
};
afterEach(async () => {
  for (const each of hosts.splice(0)) expect(await each.end()).toEqual(NOTHING);
});

/** What a callback of a careless application may do, whatever its type says. */
const broken = new Proxy([], {
  get: () => {
    throw new Error('reading me fails');
  },
});
const SHAPES: Readonly<Record<string, () => unknown>> = {
  undefined: () => undefined,
  null: () => null,
  text: () => 'sim://contact:1',
  number: () => 7,
  object: () => ({ addresses: ['sim://contact:1'] }),
  'a Set': () => new Set(['sim://contact:1']),
  'a list with a hole': () => ['sim://contact:1', undefined],
  'a list of objects': () => [{ address: 'sim://contact:1' }],
  'a list whose iterator throws': () =>
    Object.assign(['sim://contact:1'], {
      [Symbol.iterator]: () => {
        throw new Error('no iterating');
      },
    }),
  'a list that can’t be read': () => broken,
  'a rejected promise': () => Promise.reject(new Error('mine')),
  'a promise rejected with nothing': () => Promise.reject(Object.create(null) as Error),
  'a promise of text': () => Promise.resolve('sim://contact:1'),
  'an error': () => {
    throw new Error('mine');
  },
  'a thrown object without a prototype': () => {
    throw Object.create(null);
  },
};

describe('rendezvous: when contacts() fails, the round has no contact and the next one asks again', () => {
  test.each(Object.keys(SHAPES))('[RDV-9] contacts() gives %s', async (shape) => {
    const h = world();
    h.start('contact');
    let asked = 0;
    const why: string[] = [];
    const contacts = (): unknown => (asked++ < 2 ? SHAPES[shape]!() : ['sim://contact:1']);
    const node = h.make('node', { contacts: contacts as () => string[] });
    node.on((news) => void (news.type === 'contacts-failed' && why.push(news.reason)));
    void node.start();
    await h.until(() => node.phase === 'connected');
    expect({ asked, told: why.length, named: why.every((each) => each.startsWith('contacts()')) }).toEqual({
      asked: 3,
      told: 2,
      named: true,
    });
  });

  test('[RDV-9] contacts() that never settles is asked again after its time limit, and its late answer is ignored', async () => {
    const h = world();
    h.start('contact');
    let late: (addresses: string[]) => void = () => {};
    let asked = 0;
    const why: string[] = [];
    const contacts = (): Promise<string[]> =>
      ++asked === 1 ? new Promise((resolve) => (late = resolve)) : Promise.resolve(['sim://contact:1']);
    const node = h.make('node', { contacts, limits: { contactsTimeoutMs: 5000 } });
    node.on((news) => void (news.type === 'contacts-failed' && why.push(news.reason)));
    void node.start();
    await h.live(4900);
    expect([asked, why]).toEqual([1, []]);
    await h.live(110);
    expect([why, node.sizes.timers]).toEqual([['contacts() has not answered within 5000 ms'], 0]);
    late(['sim://nowhere:1']);
    await h.until(() => node.phase === 'connected');
    expect(asked).toBe(2);
  });
});

describe('rendezvous: the other callbacks of an application', () => {
  /** A node whose callbacks' errors are gathered, as a platform's `report` does. */
  const reporting = (
    h: Hosts,
    options: Omit<Partial<NodeOptions>, 'key'>,
  ): { node: ReturnType<Hosts['make']>; reports: string[] } => {
    const reports: string[] = [];
    const clock = h.clock.process();
    const own = h.random.split('reporting');
    const ports = { clock, random: own.next, entropy: own.bytes, report: (name: string) => void reports.push(name) };
    return {
      node: h.make('node', { transports: [h.network.transport('node', { process: clock })], ports, ...options }),
      reports,
    };
  };

  test.each<[string, () => unknown]>([
    ['a promise of true', () => Promise.resolve(true)],
    ['text', () => 'yes'],
    ['nothing', () => undefined],
    ['an error', () => { throw new Error('mine'); }], // prettier-ignore
    ['a rejected promise', () => Promise.reject(new Error('mine'))],
  ])('[RDV-3] wants() that gives %s has said no, and says so', async (_, wants) => {
    const h = world();
    const { node, reports } = reporting(h, { wants: wants as () => boolean });
    void node.start();
    const stranger = await new Liar(h, 'stranger').join('node');
    expect([node.peers.length, node.counts.newcomer, stranger.result]).toEqual([0, undefined, 'limit-reached']);
    expect(reports).toContain('wants');
  });

  test('a listener that throws, or whose promise rejects, costs no news and no node', async () => {
    const h = world();
    h.start('contact');
    const { node, reports } = reporting(h, { contacts: ['sim://contact:1'] });
    const heard: NodeNews['type'][] = [];
    node.on(() => {
      throw new Error('mine');
    });
    node.on((() => Promise.reject(new Error('mine'))) as () => void);
    node.on((news) => void heard.push(news.type));
    void node.start();
    await h.until(() => node.phase === 'connected');
    expect([heard.includes('peer'), new Set(reports)]).toEqual([true, new Set(['node.on listener'])]);
  });

  test.each<[string, () => unknown]>([
    ['throws', () => { throw new Error('mine'); }], // prettier-ignore
    ['rejects', () => Promise.reject(new Error('mine'))],
  ])('signaling that %s: a meeting ends unanswered, in its time', async (_, send) => {
    const h = world();
    const { node, reports } = reporting(h, { signaling: { send: send as () => void } });
    void node.start();
    await h.live(10);
    const meeting = node.meet(real().id);
    await h.live(30_100);
    expect([(await meeting).outcome, reports]).toEqual(['unanswered', ['signaling.send']]);
  });

  test('peer.onMessage that throws costs none of the messages that waited, nor those after them', async () => {
    const h = world();
    const contact = h.start('contact');
    const { node, reports } = reporting(h, { contacts: ['sim://contact:1'] });
    void node.start();
    await h.until(() => node.phase === 'connected' && contact.peers.length === 1);
    for (const word of ['a', 'b', 'c']) contact.peers[0]!.write(Buffer.from(word));
    await h.live(100);
    const heard: string[] = [];
    node.peers[0]!.onMessage = (message) => {
      heard.push(Buffer.from(message).toString());
      throw new Error('mine');
    };
    contact.peers[0]!.write(Buffer.from('d'));
    await h.live(100);
    expect([heard, reports.length]).toEqual([['a', 'b', 'c', 'd'], 4]);
  });

  const right = signingWith(makeNodeKey());
  test.each<[string, object]>([
    ['sign promises', { ...right, sign: async (bytes: Uint8Array) => right.sign(bytes) }],
    ['sign gives too little', { ...right, sign: () => new Uint8Array(3) }],
    ['sign throws', { ...right, sign: () => { throw new Error('no HSM'); } }], // prettier-ignore
    ['verify promises', { ...right, verify: async () => true }],
    ['verify belongs to another key', { ...right, verify: () => false }],
  ])('a key whose %s is refused when the node is made', (_, key) => {
    expect(() => createNode({ key: key as typeof right, transports: [tcp()] })).toThrow(/createNode\.key: /);
  });

  test('[RDV-8] a verify that returns a promise later on proves no peer', async () => {
    const h = world();
    let isLying = false;
    const key = real();
    const verify = (...args: Parameters<typeof key.verify>): unknown => (isLying ? Promise.resolve(true) : key.verify(...args));
    const node = h.start('node', { key: { ...key, verify: verify as typeof key.verify } });
    isLying = true;
    const stranger = await new Liar(h, 'stranger').join('node');
    expect([node.peers.length, stranger.result]).toEqual([0, 'identity-mismatch']);
  });
});
