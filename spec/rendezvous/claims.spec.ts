import { createNode, makeNodeKey, type NodeNews, type RendezvousNode } from '../../adapters/rendezvous/index.js';
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
const outcomesOf = (node: RendezvousNode): string[] => {
  const outcomes: string[] = [];
  node.on((news: NodeNews) => void (news.type === 'outcome' && outcomes.push(news.outcome)));
  return outcomes;
};

describe('rendezvous: addresses that can not be true', () => {
  test.each([
    [['tcp://0.0.0.0:0'], undefined],
    [['tcp://[::]:0'], undefined],
    [['tcp://0:0'], undefined],
    [['tcp://127.0.0.1:0'], ['tcp://0.0.0.0:7000']],
    [['tcp://127.0.0.1:0'], ['tcp://[0:0:0:0:0:0:0:0]:7000']],
  ])('[RDV-4] listening at %j, announcing %j is refused at start, with what to say instead', async (listen, announce) => {
    const node = createNode({
      key: makeNodeKey(),
      transports: [tcp()],
      listen,
      insecure: true,
      ...(announce ? { announce } : {}),
    });
    await expect(node.start()).rejects.toThrow(/can dial.*announce: \['tcp:\/\/192\.0\.2\.7:/);
    await node.terminate();
  });

  test('a wildcard with announce, and a client, start', async () => {
    for (const options of [{ listen: ['tcp://0.0.0.0:0'], announce: ['tcp://192.0.2.7:7000'], insecure: true }, {}]) {
      const node = createNode({ key: makeNodeKey(), transports: [tcp()], ...options });
      await node.start();
      await node.terminate();
    }
  });

  test('[RDV-4] two homes with the same private address: all three are together, and the second has no claim', async () => {
    const h = world();
    const hub = h.start('hub');
    const homes = ['home1', 'home2'].map((name) => h.start(name, { contacts: ['sim://hub:1'], announce: ['sim://10.0.0.5:1'] }));
    await h.until(() => hub.peers.length === 2, 240_000);
    expect([hub.peers.map(({ address }) => address).sort(), hub.counts['claim-dropped']]).toEqual([['', 'sim://10.0.0.5:1'], 1]);
    expect(homes.map(({ phase }) => phase)).toEqual(['connected', 'connected']);
  });

  test('[RDV-4] a node whose address is that of its contact, seen from elsewhere, comes in without it', async () => {
    const h = world();
    const hub = h.start('hub');
    const home = h.start('home', { contacts: ['sim://hub:1'], announce: ['sim://hub:1', 'sim://home:1'] });
    await h.live(1000);
    expect([home.phase, hub.peers.length]).toEqual(['bootstrapping', 0]); // It takes its contact for itself, and does not dial.
    const other = await new Liar(h, 'other').join('hub', { address: 'sim://hub:1' });
    expect(hub.peer(other.id)?.address).toBe('');
  });

  test('[RDV-4] a node with a new key at its old address is in at once, and the silent holder is probed and lost', async () => {
    const h = world();
    const hub = h.start('hub');
    const old = await new Liar(h, 'home').join('hub', { address: 'sim://home:1' });
    expect(hub.peer(old.id)).toBeDefined();
    await h.live(30_000);
    const silence = h.network.silence('hub', 'home'); // Its host went, and nobody heard of it.
    const again = await new Liar(h, 'home2').join('hub', { address: 'sim://home:1' });
    expect([hub.peer(again.id) !== undefined, hub.counts['claim-dropped']]).toEqual([true, 1]);
    const began = h.clock.now();
    await h.until(() => hub.peer(old.id) === undefined, 120_000);
    expect(h.clock.now() - began).toBeLessThan(30_000); // It was 65 s without the question.
    silence();
  });
});

describe('rendezvous: refused, and both sides know', () => {
  test('[RDV-10] the dialer of a refused meeting counts and reports it, as the refusing side does', async () => {
    const h = world();
    const picky = h.start('picky', { wants: () => false });
    const node = h.make('node', { contacts: ['sim://picky:1'] });
    const heard = [outcomesOf(node), outcomesOf(picky)];
    void node.start();
    await h.live(300);
    expect([node.counts.refused! > 0, picky.counts.unwanted! > 0]).toEqual([true, true]);
    expect([heard[0]!.includes('refused'), heard[1]!.includes('unwanted')]).toEqual([true, true]);
  });

  test('[RDV-10] banned by its contact: refused on one side, banned on the other', async () => {
    const h = world();
    const contact = h.start('contact');
    const node = h.make('node', { contacts: ['sim://contact:1'] });
    contact.ban(node.id);
    void node.start();
    await h.live(300);
    expect([node.counts.refused! > 0, contact.counts.banned! > 0]).toEqual([true, true]);
  });

  test('[RDV-10] two processes with one key, one the contact of the other: both know, and the dialing ends', async () => {
    const h = world();
    const key = real();
    const first = h.start('first', { key });
    const second = h.make('second', { key, contacts: ['sim://first:1'] });
    const heard = [outcomesOf(first), outcomesOf(second)];
    let dials = 0;
    h.network.onLink = () => dials++;
    void second.start();
    await h.live(240_000);
    expect(heard).toEqual([['duplicate-key'], ['duplicate-key']]);
    expect(dials).toBe(1); // It was one every half minute, and many before.
  });

  test('[RDV-10] two processes with one key and one contact: refusals are counted on both sides, and the dialing ends', async () => {
    const h = world();
    const key = real();
    const contact = h.start('contact');
    h.start('first', { key, contacts: ['sim://contact:1'] });
    await h.until(() => contact.peers.length === 1);
    const second = h.make('second', { key, contacts: ['sim://contact:1'] });
    const heard = outcomesOf(second);
    let dials = 0;
    h.network.onLink = () => dials++;
    void second.start();
    await h.live(240_000);
    expect([heard.includes('crossed'), heard.includes('duplicate-key'), contact.counts.crossed! > 0]).toEqual([true, true, true]);
    const before = dials;
    await h.live(60_000);
    expect(dials - before).toBe(0);
  });

  test('[RDV-9] a node that dials itself under a name it does not know is no other process, and does so once', async () => {
    const h = world();
    const node = h.make('node', { contacts: ['sim://node:1'], announce: ['sim://public:1'] });
    let dials = 0;
    h.network.onLink = () => dials++;
    void node.start();
    await h.live(200_000);
    expect([dials, node.counts]).toEqual([1, {}]);
  });
});
