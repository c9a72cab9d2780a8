import { poolCodec } from '../../adapters/pool/codec.js';
import { CALM } from '../sim/network.options.js';
import { NOTHING, PoolHosts, watched, type PoolHost } from '../sim/pool-hosts.js';

/** `a` is the lower id: where both dial, the dial of `b` counts. */
function two(seed = 1, network = CALM, options = {}): { world: PoolHosts; a: PoolHost; b: PoolHost } {
  const world = new PoolHosts(seed, network);
  return { world, a: world.host('a', { options }), b: world.host('b', { options }) };
}
const both = ({ a, b }: { a: PoolHost; b: PoolHost }): number[] => [a.live.size, b.live.size];

test('[POOL-4] pool/crossing: crossing dials end as one connection that both sides mean, and neither loses it, at whatever latencies', async () => {
  for (let seed = 1; seed <= 120; seed++) {
    const { world, a, b } = two(seed, { ...CALM, latencyMs: [1, 40], opensEarly: seed % 2, chop: 0.5 });
    const near = watched(a.engine.connect(b.id));
    await world.live(world.random.int(60));
    const far = watched(b.engine.connect(a.id));
    await world.live(400);
    const [here, there] = [near.value, far.value];
    expect({ seed, lines: [a.connections.length, b.connections.length], errors: [near.error, far.error] }).toEqual({
      seed,
      lines: [1, 1],
      errors: [undefined, undefined],
    });
    here!.write(Buffer.from('across'));
    let got = '';
    there!.onMessage = (message) => (got = Buffer.from(message).toString());
    await world.live(100);
    expect({ seed, got }).toEqual({ seed, got: 'across' });
    expect({ seed, left: await world.end(a, b) }).toEqual({ seed, left: NOTHING });
  }
});

describe("pool/crossing: crossing dials where the winner's can't get through", () => {
  test.each([
    ['is refused', 100],
    ['is answered by nobody', 100],
    ['opens and then is mute', 6000], // The loser is sent away once, waits yieldMs and retryDelayMs, and is heard then.
  ] as const)('[POOL-4] the dial of the higher id %s: connected by the other one within %i ms', async (how, withinMs) => {
    const { world, a, b } = two();
    world.network.onLink = (link) => {
      if (link.near.host.name !== 'b') return;
      if (how === 'is answered by nobody') link.silence('far');
    };
    world.network.observer = (note, { side, host, link }) => {
      if (how === 'opens and then is mute' && note === 'open' && side === 'near' && host.name === 'b') link.silence('both');
    };
    if (how === 'is refused') world.network.refuse('a', 60_000);
    const near = watched(a.engine.connect(b.id, { retry: true }));
    const far = watched(b.engine.connect(a.id, { retry: true }));
    await world.live(withinMs);
    expect({ live: both({ a, b }), roles: [near.value?.role, far.value?.role] }).toEqual({
      live: [1, 1],
      roles: ['dialer', 'acceptor'],
    });
    expect(a.story.filter((each) => each.startsWith('connected'))).toHaveLength(1);
    expect(await world.end(a, b)).toEqual(NOTHING);
  });
});

test('[POOL-4] pool/crossing: a peer that lost its end silently is accepted once a probe has found the old connection dead', async () => {
  const { world, a, b } = two();
  watched(b.engine.connect(a.id)); // By the one who wins: its role says nothing about who is right.
  await world.live(1100);
  // a forgets: its wire is gone, and b is not told.
  for (const link of world.network.links) link.cut('far', { withinMs: 0, keep: 'none' });
  for (const link of world.network.links) link.answersReset = false;
  await world.live(10);
  expect(both({ a, b })).toEqual([0, 1]);
  const again = watched(a.engine.connect(b.id, { retry: true }));
  await world.live(6000);
  expect(again.value?.state).toBe('completed');
  expect(both({ a, b })).toEqual([1, 1]);
  expect(b.story).toContain('closing probe-timeout remote');
});

test('pool/crossing: a connection that is retried, and was there once, is dialed on when a later caller gives up', async () => {
  const { world, a, b } = two();
  watched(a.engine.connect(b.id, { retry: true }));
  await world.live(50);
  world.network.refuse('b', 3_000);
  for (const link of world.network.links) link.cut('both', { withinMs: 0 });
  await world.live(50);
  const patience = new AbortController();
  const later = watched(a.engine.connect(b.id, { signal: patience.signal }));
  await world.live(50);
  patience.abort();
  await world.live(20_000);
  expect(later.error).toMatchObject({ code: 'aborted' });
  expect(both({ a, b })).toEqual([1, 1]);
  expect(await world.end(a, b)).toEqual(NOTHING);
});

test('[POOL-4] pool/crossing: a dialer that dials again after it lost its end takes the place of the old connection at once', async () => {
  const { world, a, b } = two();
  watched(a.engine.connect(b.id));
  await world.live(20);
  for (const link of world.network.links) link.cut('near', { withinMs: 0, keep: 'none' });
  for (const link of world.network.links) link.answersReset = false;
  await world.live(5);
  const again = watched(a.engine.connect(b.id));
  await world.live(20);
  expect(again.value?.state).toBe('completed');
  expect(b.story).toContain('closing replaced remote');
  expect(both({ a, b })).toEqual([1, 1]);
});

describe('pool/crossing: addresses instead of ids', () => {
  test('[POOL-4] a second address of a peer that is connected: its caller gets the connection there is, which stays', async () => {
    for (const who of ['a', 'b'] as const) {
      const world = new PoolHosts();
      const a = world.host('a', { addresses: ['sim://a:1', 'sim://a:2'] });
      const b = world.host('b', { addresses: ['sim://b:1', 'sim://b:2'] });
      const [dialer, other, name] = who === 'a' ? [a, b, 'b'] : [b, a, 'a'];
      const first = watched(dialer.engine.connect(`sim://${name}:1`));
      await world.live(20);
      const second = watched(dialer.engine.connect(`sim://${name}:2`));
      const third = watched(dialer.engine.connect(other.id));
      await world.live(20);
      expect(first.value).toBe(dialer.connections[0]);
      expect(second.value).toBe(first.value);
      expect(third.value).toBe(first.value);
      expect([dialer.connections.length, other.connections.length, ...both({ a, b })]).toEqual([1, 1, 1, 1]);
      expect(await world.end(a, b)).toEqual(NOTHING);
    }
  });

  test('[POOL-4] two addresses and the id of one peer at once: one connection, and all callers have it, at whatever latencies', async () => {
    for (let seed = 1; seed <= 60; seed++) {
      const world = new PoolHosts(seed, { ...CALM, latencyMs: [1, 30] });
      const a = world.host('a', { addresses: ['sim://a:1', 'sim://a:2'] });
      const b = world.host('b', { addresses: ['sim://b:1', 'sim://b:2'] });
      const asked = ['sim://b:1', 'sim://b:2', b.id].map((target) => watched(a.engine.connect(target)));
      if (seed % 2 === 0) asked.push(watched(b.engine.connect(seed % 4 === 0 ? a.id : 'sim://a:2')));
      await world.live(12_000);
      expect({ seed, errors: asked.map(({ error }) => error?.message) }).toEqual({ seed, errors: asked.map(() => undefined) });
      expect({ seed, live: both({ a, b }) }).toEqual({ seed, live: [1, 1] });
      const [here] = a.live;
      const latest = asked.slice(0, 3).map(({ value }) => value === here || value?.isClosing === true);
      expect({ seed, latest }).toEqual({ seed, latest: [true, true, true] });
      expect({ seed, left: await world.end(a, b) }).toEqual({ seed, left: NOTHING });
    }
  });

  test('[POOL-4] two addresses of one peer at once, where the refused one gets its answer first: the other is not lost', async () => {
    for (let seed = 1; seed <= 60; seed++) {
      const world = new PoolHosts(seed, { ...CALM, latencyMs: [1, 30] });
      const a = world.host('a');
      const b = world.host('b', { addresses: ['sim://b:1', 'sim://b:2'] });
      const asked = ['sim://b:1', 'sim://b:2'].map((target) => watched(a.engine.connect(target)));
      await world.live(300);
      expect({ seed, lines: b.connections.length, same: asked[0]!.value === asked[1]!.value, live: both({ a, b }) }).toEqual({
        seed,
        lines: 1,
        same: true,
        live: [1, 1],
      });
    }
  });

  test('[POOL-5] an address with another peer than the expected one', async () => {
    const { world, a, b } = two();
    const asked = watched(a.engine.connect('sim://b:1', { peer: 'c'.repeat(64) }));
    await world.live(20);
    expect(asked.error?.closing).toMatchObject({ code: 'identity-mismatch' });
    const own = watched(a.engine.connect('sim://a:1'));
    await world.live(20);
    expect(own.error?.closing?.code).toBe('identity-mismatch'); // Nobody connects to oneself.
    expect(both({ a, b })).toEqual([0, 0]);
  });
});

test('[POOL-5] pool/crossing: a peer that answers by our own id, or by that of another peer, is not connected', async () => {
  const world = new PoolHosts();
  const a = world.host('a');
  for (const [port, digit] of [
    [1, 'a'],
    [2, 'c'],
  ] as const) {
    world.network.transport('liar').listen(`sim://liar:${port}`, {
      onListening: () => {},
      onFailed: () => {},
      onOffer: ({ open }) =>
        void open({
          onOpen: (wire) =>
            wire.send(poolCodec.putHello('welcome', { versionMin: 1, versionMax: 1, id: digit.repeat(64), isInquiry: false })),
          onBytes: () => {},
          onDrain: () => {},
          onProbeAnswer: () => {},
          onClose: () => {},
        }),
    });
    world.clock.settle();
    const asked = watched(a.engine.connect(`sim://liar:${port}`, port === 2 ? { peer: 'b'.repeat(64) } : {}));
    await world.live(50);
    expect(asked.error?.closing).toMatchObject({ code: 'identity-mismatch', side: 'remote' });
  }
});

describe('pool/crossing: one after the other', () => {
  test.each([true, false])(
    '[POOL-8] who dials an address of a peer that is just said goodbye to gets the next one too (with a resolver: %s)',
    async (canResolve) => {
      const world = new PoolHosts();
      const options = { receiveBytesHigh: 1000, sendBytesMax: 64 << 20 };
      const a = world.host('a', { options, canResolve });
      const b = world.host('b', { options, addresses: ['sim://b:1', 'sim://b:2'] });
      const first = watched(b.engine.connect(a.id));
      await world.live(20);
      const [own] = a.connections;
      for (let n = 0; n < 3; n++) {
        own!.write(new Uint8Array(1 << 20)); // The end takes its time: nobody reads there.
        await world.live(5);
      }
      void own!.close();
      const next = watched(a.engine.connect('sim://b:2'));
      await world.live(100);
      expect([own!.isClosing, own!.state, next.value]).toEqual([true, 'completed', undefined]);
      await world.live(8000);
      expect(next.value?.state).toBe('completed');
      expect([next.value === own, first.value!.isClosing, ...both({ a, b })]).toEqual([false, true, 1, 1]);
      expect(await world.end(a, b)).toEqual(NOTHING);
    },
  );

  test('[POOL-8] who connects while the connection says goodbye gets the next one', async () => {
    for (const who of ['a', 'b'] as const) {
      const { world, a, b } = two(1, CALM, { receiveBytesHigh: 1000, sendBytesMax: 64 << 20 });
      const first = watched(a.engine.connect(b.id));
      await world.live(20);
      first.value!.write(new Uint8Array(1 << 20)); // The end takes its time: nobody reads there, and the wire is full.
      for (let n = 0; n < 2; n++) {
        await world.live(5);
        first.value!.write(new Uint8Array(1 << 20));
      }
      await world.live(5);
      let next: { value?: unknown } | undefined;
      let state = '';
      a.engine.on((event) => {
        if (event.type !== 'closeStarted' || next !== undefined) return;
        state = event.connection.state;
        next = watched(a.engine.connect(b.id));
      });
      void (who === 'a' ? a : b).connections[0]!.close();
      await world.live(7000);
      expect([first.value!.isClosing, state]).toEqual([true, 'completed']);
      expect(next?.value).toMatchObject({ state: 'completed' });
      expect(next?.value).not.toBe(first.value);
      expect(both({ a, b })).toEqual([1, 1]);
    }
  });

  test('a dialer that connects during a shutdown gets that reason', async () => {
    const { world, a, b } = two();
    watched(a.engine.connect(b.id));
    await world.live(20);
    void a.connections[0]!.close();
    const next = watched(a.engine.connect(b.id));
    void a.engine.shutdown();
    await world.live(100);
    expect(next.error?.closing?.code).toBe('shutdown');
  });
});
