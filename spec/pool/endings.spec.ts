import type { MessageRange } from '../../machines/closing.js';
import type { Connection } from '../../machines/connection/connection-handle.js';
import { CALM } from '../sim/network.options.js';
import { idOf, NOTHING, PoolHosts, watched, type PoolHost } from '../sim/pool-hosts.js';

async function pair(
  options = {},
  network = CALM,
): Promise<{ world: PoolHosts; a: PoolHost; b: PoolHost; here: Connection; far: Connection }> {
  const world = new PoolHosts(1, network);
  const [a, b] = [world.host('a', { options }), world.host('b', { options })];
  const asked = watched(a.engine.connect(b.id));
  await world.live(200);
  return { world, a, b, here: asked.value!, far: b.connections[0]! };
}
function reading(connection: Connection): number[] {
  const got: number[] = [];
  connection.onMessage = (message) => got.push(message.length);
  return got;
}

describe('pool/endings: a slow peer is not a dead one', () => {
  const timing = { keepaliveIntervalMs: 1000, probeTimeoutMs: 2500 };

  test('[POOL-6] a reader that takes nothing for a minute is waited for, by a writer that has much to say', async () => {
    const { world, a, b, here, far } = await pair({ ...timing, receiveBytesHigh: 10_000, sendBytesMax: 20 << 20 });
    for (let n = 0; n < 60; n++) {
      if (n < 30) here.write(new Uint8Array(100_000));
      await world.live(1000);
    }
    expect([a.live.size, b.live.size]).toEqual([1, 1]);
    const got = reading(far);
    await world.live(1000);
    expect(got).toHaveLength(30);
  });

  test('[POOL-6] the same from both sides at once, and for an hour', async () => {
    const { world, a, b, here, far } = await pair({ ...timing, receiveBytesHigh: 10_000 });
    for (const each of [here, far]) for (let n = 0; n < 5; n++) each.write(new Uint8Array(100_000));
    await world.live(3_600_000);
    const got = [reading(here), reading(far)];
    await world.live(1000);
    expect([a.live.size, b.live.size, ...got.map((each) => each.length)]).toEqual([1, 1, 5, 5]);
  });

  test('[POOL-6] much on a thin line may take as long as it takes', async () => {
    const { world, a, b, here, far } = await pair(timing, { ...CALM, bytesPerMs: 1 });
    const got = reading(far);
    for (let n = 0; n < 120; n++) {
      here.write(new Uint8Array(500)); // One minute, and a ping would stand behind all of it.
      await world.live(1);
    }
    await world.live(30_000);
    expect([a.live.size, b.live.size, got.length > 50, got.length < 70]).toEqual([1, 1, true, true]);
    await world.live(35_000);
    expect(got).toHaveLength(120);
  });

  test('[POOL-6] and a dead one is not a slow one: both sides find out, also where one had a full reader', async () => {
    const { world, a, b, here, far } = await pair({ ...timing, receiveBytesHigh: 10_000, sendBytesMax: 20 << 20 });
    for (let n = 0; n < 5; n++) here.write(new Uint8Array(100_000));
    await world.live(1000);
    world.network.partition(['a'], ['b']);
    await world.live(5000);
    expect([a.live.size, b.live.size]).toEqual([0, 1]); // Who doesn't read judges nobody …
    reading(far);
    await world.live(5000);
    expect(b.live.size).toBe(0); // … until it does.
    expect(a.story.concat(b.story).filter((each) => each.startsWith('closing'))).toEqual(
      Array(2).fill('closing probe-timeout remote'),
    );
  });
});

describe('pool/endings: goodbyes', () => {
  test('[POOL-8] both close at once with much to say: all of it arrives, both ways', async () => {
    const { world, a, b, here, far } = await pair(
      { sendBytesMax: 20 << 20 },
      { ...CALM, highWaterBytes: 10_000, bytesPerMs: 1000 },
    );
    const got = [reading(here), reading(far)];
    for (const each of [here, far]) for (let n = 0; n < 10; n++) each.write(new Uint8Array(100_000));
    const ends = [watched(here.close()), watched(far.close())];
    await world.live(2500);
    expect(got.map((each) => each.length)).toEqual([10, 10]);
    expect(ends.map(({ value }) => [value?.code, value?.side, value?.detail])).toEqual(
      Array(2).fill(['closed', 'local', undefined]),
    );
    expect(await world.end(a, b)).toEqual(NOTHING);
  });

  test('[POOL-8] the peer closes as well while much is on its way to it: it gets all of it first', async () => {
    const { world, here, far } = await pair({ sendBytesMax: 20 << 20 }, { ...CALM, highWaterBytes: 10_000, bytesPerMs: 1000 });
    const got = reading(far);
    for (let n = 0; n < 10; n++) here.write(new Uint8Array(100_000));
    const ends = [watched(here.close()), watched(far.close())];
    await world.live(2500);
    expect([got.length, ...ends.map(({ value }) => value?.detail)]).toEqual([10, undefined, undefined]);
  });

  test('[POOL-8] a side that reads a goodbye still sends its queue, and takes nothing new', async () => {
    const { world, b, here, far } = await pair({ sendBytesMax: 20 << 20 }, { ...CALM, highWaterBytes: 10_000, bytesPerMs: 1000 });
    const got = reading(here);
    for (let n = 0; n < 10; n++) far.write(new Uint8Array(100_000));
    const closing = new Promise<void>((resolve) => b.engine.on((event) => event.type === 'closeStarted' && resolve()));
    const ended = watched(here.close());
    await world.live(20);
    await closing;
    expect(() => far.write(new Uint8Array(1))).toThrow(expect.objectContaining({ code: 'closed' }));
    await world.live(2500);
    expect([got.length, ended.value?.code, (await far.closed).code]).toEqual([10, 'closed', 'peer-goodbye']);
  });

  test('[POOL-8] a close that does not drain says so at once, and names what was left behind', async () => {
    const { world, a, here, far } = await pair({ receiveBytesHigh: 1000, sendBytesMax: 20 << 20 });
    for (let n = 0; n < 5; n++) {
      here.write(new Uint8Array(100_000));
      await world.live(5);
    }
    const told: unknown[] = [];
    a.engine.on((event) => 'closing' in event && told.push(event.closing));
    const ended = watched(here.close({ now: true }));
    const got = reading(far);
    await world.live(100);
    expect(told).toEqual([ended.value, ended.value]); // Events say the same, ranges included.
    const unsent = ended.value!.detail!.unsent as MessageRange;
    expect([ended.value!.code, unsent.to, unsent.from - 1]).toEqual(['closed', 5, got.length]);
    expect((await far.closed).code).toBe('peer-goodbye');
  });

  test('[POOL-8] a peer that never answers is waited for no longer than the grace', async () => {
    const { world, a, here } = await pair({ closeGraceMs: 400, keepaliveIntervalMs: 0 });
    world.network.partition(['a'], ['b']);
    const ended = watched(here.close());
    await world.live(399);
    expect([a.live.size, ended.value]).toEqual([1, undefined]);
    await world.live(1);
    expect([a.live.size, ended.value?.code]).toEqual([0, 'closed']);
  });

  test('[POOL-8] a draining engine says when to come back', async () => {
    const { world, a, b } = await pair();
    void b.engine.shutdown({ drainOverMs: 60_000 });
    await world.live(100);
    const closing = await a.connections[0]!.closed;
    expect(closing).toMatchObject({ code: 'drained', side: 'remote', retry: true });
    expect(closing.detail!.retryAfterMs).toBeGreaterThan(0);
    expect(closing.detail!.retryAfterMs).toBeLessThanOrEqual(60_000);
  });

  test('[POOL-11] an unused connection says goodbye as idle', async () => {
    const { world, a, b } = await pair({ idleTimeoutMs: 5000, keepaliveIntervalMs: 1000 });
    await world.live(4700);
    expect([a.live.size, b.live.size]).toEqual([1, 1]);
    await world.live(400);
    expect([a.live.size, b.live.size]).toEqual([0, 0]);
    expect(
      a.story
        .concat(b.story)
        .filter((each) => each.startsWith('closing'))
        .every((each) => !each.includes('reset')),
    ).toBe(true);
  });
});

describe('pool/endings: bare connections that cross, both sides calling each other by id', () => {
  test('[POOL-5] end as one, and the same one', async () => {
    for (let seed = 1; seed <= 20; seed++) {
      const world = new PoolHosts(seed, { ...CALM, latencyMs: [1, 10] });
      const peerOf = (address: string): string => idOf(address[0]!);
      const options = { identity: 'by-address' as const, peerOf };
      const [a, b] = [world.host('a', { options }), world.host('b', { options })];
      watched(a.engine.connect(b.id));
      watched(b.engine.connect(a.id));
      await world.live(200);
      expect({ seed, live: [a.live.size, b.live.size] }).toEqual({ seed, live: [1, 1] });
      const [[near], [far]] = [[...a.live], [...b.live]];
      const got = reading(far!);
      near!.write(new Uint8Array(3));
      await world.live(50);
      expect({ seed, got, roles: [near!.role, far!.role] }).toEqual({ seed, got: [3], roles: ['acceptor', 'dialer'] });
      expect({ seed, left: await world.end(a, b) }).toEqual({ seed, left: NOTHING });
    }
  });
});

test('pool/endings: an attempt that is called off leaves nothing, at any moment and with several addresses', async () => {
  for (let ms = 0; ms < 12; ms++) {
    const world = new PoolHosts(1, CALM);
    const a = world.host('a');
    const b = world.host('b', { addresses: ['sim://b:1', 'sim://b:2', 'sim://b:3'] });
    const patience = new AbortController();
    const asked = watched(a.engine.connect(b.id, { signal: patience.signal }));
    await world.live(ms / 2);
    patience.abort();
    await world.live(100);
    if (asked.value === undefined) expect({ ms, wires: a.engine.metrics().wires }).toEqual({ ms, wires: 0 });
    expect({ ms, left: await world.end(a, b) }).toEqual({ ms, left: NOTHING });
  }
});
