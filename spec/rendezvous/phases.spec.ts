import { createActor } from 'xstate';
import { createNode, makeNodeKey, type NodeNews, type RendezvousNode } from '../../adapters/rendezvous/index.js';
import { installScheduler } from '../../machines/runtime/scheduler.js';
import { nodeMachine, rendezvousMachine } from '../../machines/index.js';
import { RENDEZVOUS_LIMITS } from '../../machines/rendezvous/rendezvous.timing.js';
import type { PeerEvent, PeerPort } from '../../machines/rendezvous/rendezvous.setup.js';
import { memory } from '../../transports/memory.js';
import { SimClock } from '../sim/clock.js';
import { Hosts, Liar, NOTHING } from './hosts.js';

const hosts: Hosts[] = [];
const world = (seed = 1): Hosts => {
  const made = new Hosts(seed);
  hosts.push(made);
  return made;
};
afterEach(async () => {
  for (const each of hosts.splice(0)) expect(await each.end()).toEqual(NOTHING);
});
const phasesOf = (node: RendezvousNode): string[] => {
  const phases: string[] = [];
  node.on((news: NodeNews) => void (news.type === 'phase' && phases.push(news.phase)));
  return phases;
};

describe('rendezvous/phases: the phases of a node', () => {
  test('the four of them, and no other, at the top of the chart', () => {
    expect(Object.keys(nodeMachine.root.states)).toEqual(['disconnected', 'bootstrapping', 'connected', 'terminated']);
  });

  test('[RDV-9] contacts are tried one after the other, in their order; an empty round waits, longer each time, and tries again', async () => {
    const h = world();
    const dialed: string[] = [];
    h.network.onLink = (link) => dialed.push(`${Math.round(h.clock.now())} ${link.far.host.name}`);
    for (const name of ['c1', 'c2']) h.network.host(name);
    const node = h.start('node', { contacts: ['sim://c1:1', 'sim://node:1', 'sim://c2:1'] });
    await h.live(4000);
    const names = dialed.map((line) => line.split(' ')[1]);
    expect(names.slice(0, 6)).toEqual(['c1', 'c2', 'c1', 'c2', 'c1', 'c2']); // Never itself.
    expect([node.phase, node.engine.metrics().wires]).toEqual(['bootstrapping', 0]);
    const rounds = dialed.filter((_, i) => i % 2 === 0).map((line) => Number(line.split(' ')[0]));
    const ceilings = rounds.slice(1).map((at, i) => at - rounds[i]! <= 500 * 2 ** i + 10);
    expect([rounds.length > 3, ceilings.every(Boolean)]).toEqual([true, true]);
    h.start('c2');
    await h.until(() => node.phase === 'connected');
    expect(node.peers.length).toBe(1);
  });

  test('[RDV-9] one bootstrap connection, never two at a time; the next contact is only asked when this one failed', async () => {
    const h = world();
    for (const name of ['c1', 'c2', 'c3']) h.start(name);
    const release = h.network.silence('node', 'c1');
    let most = 0;
    const node = h.make('node', { contacts: ['sim://c1:1', 'sim://c2:1', 'sim://c3:1'] });
    h.network.onLink = () => (most = Math.max(most, h.network.links.size));
    void node.start();
    await h.until(() => node.phase === 'connected');
    expect([most, node.peers.length]).toEqual([1, 1]);
    release();
  });

  test('[RDV-9] a peer that dials in counts as well: a first node needs no contact', async () => {
    const h = world();
    const first = h.start('first');
    const phases = phasesOf(first);
    await h.live(1000);
    const second = h.start('second', { contacts: ['sim://first:1'] });
    await h.until(() => first.phase === 'connected' && second.phase === 'connected');
    expect([first.peers.length, phases]).toEqual([1, ['bootstrapping', 'connected']]);
  });

  test('[RDV-9] who loses the last connection is disconnected, has forgotten everything, and bootstraps again by itself', async () => {
    const h = world();
    const contact = h.start('contact');
    const node = h.start('node', { contacts: ['sim://contact:1'] });
    await h.until(() => node.phase === 'connected');
    const mute = await new Liar(h, 'mute').join('contact');
    const lapsed = node.meet(mute.id);
    const phases = phasesOf(node);
    expect(node.sizes).toMatchObject({ expected: 1, pending: 1 });
    h.network.cutAll('both', { withinMs: 0 });
    await h.until(() => phases.includes('connected'));
    expect(phases).toEqual(['disconnected', 'bootstrapping', 'connected']);
    expect([(await lapsed).outcome, node.sizes]).toEqual(['reset', { expected: 0, pending: 0, routes: 0, timers: 0 }]);
    await h.until(() => contact.phase === 'connected'); // It was alone as well.
  });

  test('a client accepts no peer, is in no peer’s table, has no table, and keeps one bootstrap connection', async () => {
    const h = world();
    const [contact, other] = [h.start('contact'), h.start('other', { contacts: ['sim://contact:1'] })];
    const client = h.start('client', { listen: [], contacts: ['sim://contact:1', 'sim://other:1'] });
    await h.until(() => client.phase === 'connected');
    await h.live(100_000);
    expect([client.table, client.peers.length, client.engine.addresses]).toEqual([[], 1, []]);
    expect([contact.peers.length, contact.table]).toEqual([2, [other.id]]);
    // It may still meet whom it likes, and nobody else gets to know it.
    expect((await settled(h, client.meet(other.id))).outcome).toBe('met');
    expect([other.table, client.table]).toEqual([[contact.id], []]);
    expect((await settled(h, other.meet('b'.repeat(64)))).outcome).toBe('unroutable');
    expect(() => createNode({ key: makeNodeKey(), transports: [memory({ clock: h.clock })], listen: ['memory://x'], isClient: true })).toThrow('a client accepts no connections'); // prettier-ignore
  });

  test('after terminate there is nothing: no dial, no timer, no answer; and it is for good', async () => {
    const h = world();
    const contact = h.start('contact');
    const node = h.start('node', { contacts: ['sim://contact:1'] });
    await h.until(() => node.phase === 'connected');
    const waiting = node.meet('a'.repeat(64));
    await h.live(1);
    void node.terminate();
    expect([node.phase, (await settled(h, waiting)).outcome, (await node.meet(contact.id)).outcome]).toEqual(['terminated', 'terminated', 'terminated']); // prettier-ignore
    await h.live(5000);
    expect(node.sizes).toEqual({ expected: 0, pending: 0, routes: 0, timers: 0 });
    expect(node.receive(new Uint8Array(1))).toBe('terminated');
    await expect(node.start()).rejects.toThrow('started once');
    const [before, links] = [h.network.counts.dials, h.network.links.size];
    await h.live(300_000);
    expect([h.network.counts.dials - before, links, h.network.links.size]).toEqual([0, 0, 0]);
    // One that was never started is terminated as well.
    const idle = h.make('idle');
    await idle.terminate();
    expect([idle.phase, (await idle.meet(contact.id)).outcome]).toEqual(['terminated', 'terminated']);
  });

  test('[RDV-9] bootstrap and ordinary connections take one path', async () => {
    const h = world();
    const contact = h.start('contact');
    const handled: string[] = [];
    const nodes = ['one', 'two'].map((name) => h.make(name, { contacts: ['sim://contact:1'] }));
    for (const node of nodes) {
      const handle = node.handleNewConnection.bind(node);
      node.handleNewConnection = (connection) => {
        handled.push(`${node === nodes[0] ? 'one' : 'two'} ${node.phase}`);
        handle(connection);
      };
      void node.start();
    }
    await h.until(() => nodes.every((node) => node.peers.length === 2) && contact.peers.length === 2);
    expect(handled.sort()).toEqual(['one bootstrapping', 'one connected', 'two bootstrapping', 'two connected']);
  });

  test('contacts may be found anew for each round, and a failed search has found none', async () => {
    const h = world();
    h.start('contact');
    let asked = 0;
    const node = h.start('node', {
      contacts: async () => {
        await Promise.resolve();
        if (++asked < 3) throw new Error('the directory is down');
        return ['sim://contact:1'];
      },
    });
    await h.until(() => node.phase === 'connected');
    expect(asked).toBe(3);
  });
});

async function settled<T>(h: Hosts, promise: Promise<T>): Promise<T> {
  let value: { of: T } | undefined;
  void promise.then((of) => (value = { of }));
  await h.until(() => value !== undefined, 400_000);
  return value!.of;
}

describe('rendezvous/phases: one peer that is expected', () => {
  function played(
    because: 'asked' | 'answered',
    isReachable = true,
  ): { say(...events: PeerEvent['type'][]): string; wait(ms: number): string; calls: string[] } {
    const clock = new SimClock();
    const calls: string[] = [];
    let hasMessage = because === 'answered';
    const note = (what: string) => () => void calls.push(what);
    const port: PeerPort = { sendRequest: note('ask'), dial: note('dial'), cancelDial: note('hang up'), hasMessage: () => hasMessage, isReachable: () => isReachable, limits: RENDEZVOUS_LIMITS }; // prettier-ignore
    const actor = createActor(rendezvousMachine, { clock, input: { peer: 'p', port } });
    installScheduler(actor, clock);
    actor.start();
    const state = (): string => {
      const { value, status, output } = actor.getSnapshot();
      return status === 'done' ? `${JSON.stringify(value)} ${output?.outcome}`.replaceAll('"', '') : JSON.stringify(value).replace(/[{}"]/g, '').replace('expected:', ''); // prettier-ignore
    };
    return {
      calls,
      say(...events) {
        for (const type of events) {
          hasMessage ||= type.endsWith('.accepted');
          actor.send((type === 'lapse' ? { type, outcome: 'displaced' } : { type }) as PeerEvent);
        }
        return state();
      },
      wait(ms) {
        clock.advance(ms);
        return state();
      },
    };
  }

  test('[RDV-6] asked: 30 s, then unanswered; a route that fails ends it at once', () => {
    const one = played('asked');
    expect([one.say(), one.wait(29_999), one.wait(1), one.calls]).toEqual(['asked', 'asked', 'lapsed unanswered', ['ask']]);
    expect(played('asked').say('route.failed')).toBe('lapsed unroutable');
  });
  test('[RDV-6] dialing: 90 s, then the peer is awaited, then it was unreachable; the dial is given up on the way', () => {
    const one = played('answered');
    expect([one.say(), one.wait(89_999), one.wait(1), one.wait(119_999), one.wait(1)]).toEqual([
      'reaching:dialing',
      'reaching:dialing',
      'awaited',
      'awaited',
      'lapsed unreachable',
    ]);
    expect(one.calls).toEqual(['dial', 'hang up']);
  });
  test('[RDV-6] unidentified: 60 s, for both roles', () => {
    const one = played('answered');
    expect([one.say('wire.opened'), one.wait(59_999), one.wait(1)]).toEqual(['reaching:unidentified', 'reaching:unidentified', 'awaited']); // prettier-ignore
    const two = played('answered', false);
    expect([two.say(), two.say('wire.opened'), two.wait(60_000)]).toEqual(['awaited', 'unidentified', 'awaited']);
    expect(two.say('wire.opened', 'attempt.failed')).toBe('awaited');
  });
  test('[RDV-6] met from wherever it was, and lapsed from wherever it was', () => {
    const ways: PeerEvent['type'][][] = [[], ['response.accepted'], ['response.accepted', 'wire.opened'], ['response.accepted', 'attempt.failed'], ['wire.opened']]; // prettier-ignore
    for (const way of ways) {
      expect(played('asked').say(...way, 'connection.made')).toBe('met met');
      expect(played('asked').say(...way, 'lapse')).toBe('lapsed displaced');
    }
  });
  test('[RDV-2] an accepted letter leads to a dial, where the letter says where to', () => {
    expect(played('asked').say('response.accepted')).toBe('reaching:dialing');
    expect(played('asked').say('request.accepted')).toBe('reaching:dialing');
    expect(played('asked', false).say('response.accepted')).toBe('awaited');
    expect(played('answered', false).say('response.accepted')).toBe('awaited');
  });
});

describe('rendezvous/phases: expectations in a node', () => {
  test('[RDV-1] an expectation that lapses drops its dial, and its callers get the reason', async () => {
    const h = world();
    const signedMessages: Uint8Array[] = [];
    const node = h.start('node', {
      signaling: { send: (_, signed) => signedMessages.push(signed) },
      limits: { expectationLifeMs: 1000, expectationsMax: 2 },
    });
    h.network.host('void');
    h.network.silence('node', 'void');
    await h.live(1);
    const visitors = [1, 2, 3].map((n) => new Liar(h, `guest ${n}`));
    const ask = (visitor: Liar): string =>
      node.receive(
        visitor.codec.writeRequest({ from: visitor.id, to: node.id, nonce: '1'.repeat(32), transport: 'sim', addresses: ['sim://void:1'], isClient: false, certificate: undefined }).bytes, // prettier-ignore
      );
    expect([ask(visitors[0]!), ask(visitors[1]!), node.sizes]).toEqual(['stored', 'stored', { expected: 2, pending: 2, routes: 0, timers: 1 }]); // prettier-ignore
    await h.live(10);
    expect(node.engine.metrics().wires).toBe(2); // Being dialed.
    expect(ask(visitors[2]!)).toBe('stored');
    await h.live(10);
    expect([node.counts.displaced, node.sizes.pending, node.engine.metrics().wires]).toEqual([1, 2, 2]);
    await h.live(1000);
    expect([node.counts.expired, node.sizes, node.engine.metrics().wires]).toEqual([2, { expected: 0, pending: 0, routes: 0, timers: 0 }, 0]); // prettier-ignore
    const waiting = node.meet(visitors[0]!.id);
    expect((await settled(h, waiting)).outcome).toBe('expired');
  });

  test('[RDV-3] a dial that rests on no letter says nothing on the wire that it gets', async () => {
    const h = world();
    const [node, other] = [h.start('node'), h.start('other')];
    await h.live(1);
    const failed = settled(
      h,
      node.engine.connect('sim://other:1', { peer: other.id }).catch(({ closing }: { closing: object }) => closing),
    );
    expect(await failed).toMatchObject({ code: 'cancelled', side: 'local', detail: { message: 'late' } });
    await h.live(70_000);
    expect([node.counts, other.counts]).toEqual([{ late: 1 }, {}]); // Not even a knock.
    expect(h.network.counts.sentBytes).toBe(0);
  });

  test('[RDV-12] an injected function carries letters both ways, where no connection does', async () => {
    const h = world();
    const book = new Map<string, RendezvousNode>();
    const signaling = {
      send: (to: string, signed: Uint8Array) => void h.clock.setTimeout(() => book.get(to)?.receive(signed), 5),
    };
    const [a, b] = ['a', 'b'].map((name) => h.start(name, { signaling })) as [RendezvousNode, RendezvousNode];
    for (const node of [a, b]) book.set(node.id, node);
    await h.live(1);
    const result = await settled(h, a.meet(b.id));
    await h.until(() => b.peers.length === 1);
    expect([result.outcome, result.peer?.id, a.counts.answered, b.counts.stored]).toEqual(['met', b.id, 1, 1]);
    expect((await settled(h, a.meet('c'.repeat(64)))).outcome).toBe('unanswered');
    expect([(await a.meet(a.id)).outcome, (await a.meet(b.id)).outcome]).toEqual(['misdirected', 'met']);
    expect(() => a.meet('xyz')).toThrow('expected 64 lower-case hex digits, got "xyz"');
  });
});
