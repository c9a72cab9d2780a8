import { ConnectionManager } from '../../adapters/pool/index.js';
import { resume } from '../../adapters/resume/index.js';
import { CALM } from '../sim/network.options.js';
import { idOf, NOTHING, PoolHosts, watched } from '../sim/pool-hosts.js';

const bytes = (length: number): Uint8Array => new Uint8Array(length);

describe('pool/limits: the byte budget of an engine', () => {
  test('what all connections hold together is bounded: queue-full beyond it, and what an end gives back is free again', async () => {
    const world = new PoolHosts(1, { ...CALM, highWaterBytes: 1000 });
    const options = { receiveBytesHigh: 1000 };
    const a = world.host('a', { limits: { bytesQueuedMax: 20_000 } });
    const [b, c] = [world.host('b', { options }), world.host('c', { options })];
    const slow = watched(a.engine.connect(b.id));
    const quick = watched(a.engine.connect(c.id));
    await world.live(20);
    const take = (): void => {};
    c.connections[0]!.onMessage = take;
    let held = 0;
    const fill = async (): Promise<void> => {
      for (;;) {
        try {
          slow.value!.write(bytes(1000));
        } catch (error) {
          return expect(error).toMatchObject({
            code: 'queue-full',
            message: expect.stringContaining('all connections together'),
          });
        }
        await world.live(5);
      }
    };
    await fill();
    held = slow.value!.stats()['queuedBytes']!;
    expect([held > 18_000, held <= 20_000 + 68]).toEqual([true, true]);
    expect(a.engine.metrics()).toMatchObject({ bytesQueued: held, active: 2, limit: 1000, utilisation: 0.002 });
    // Somebody else's writes are refused as well, and take nothing; a send says the same.
    expect(() => quick.value!.write(bytes(2000))).toThrow(expect.objectContaining({ code: 'queue-full' }));
    const sent = watched(quick.value!.send(bytes(2000)));
    await world.live(1);
    expect([sent.error?.code, quick.value!.stats()['accepted']]).toEqual(['queue-full', 0]);
    // The end gives all of it back, whatever it was.
    for (const link of world.network.links) if (link.isBetween('a', 'b')) link.cut('both', { withinMs: 0 });
    await world.live(20);
    expect(a.story).toContain('closing reset remote');
    const again = watched(quick.value!.send(bytes(19_000)));
    await world.live(50);
    expect([again.error, quick.value!.stats()['handed']]).toEqual([undefined, 1]);
    // And so does what is handed over.
    for (let n = 0; n < 50; n++) {
      quick.value!.write(bytes(15_000));
      await world.live(50);
    }
    expect(quick.value!.stats()).toMatchObject({ accepted: 51, queuedBytes: 0 });
    expect(await world.end(a, b, c)).toEqual(NOTHING);
  });

  test('[POOL-7] a send that waits for room goes on when there is some, also where the bound is one message', async () => {
    const world = new PoolHosts();
    const options = { messageBytesMax: 5 << 20, sendBytesMax: (5 << 20) + 128, receiveBytesHigh: 1000 };
    const [a, b] = [world.host('a', { options }), world.host('b', { options })];
    const here = watched(a.engine.connect(b.id));
    await world.live(20);
    const sends: ReturnType<typeof watched<void>>[] = [];
    for (let n = 0; n < 6; n++) {
      sends.push(watched(here.value!.send(bytes(5 << 20))));
      await world.live(100);
    }
    const settled = (): number => sends.filter((each) => 'value' in each).length;
    expect(settled()).toBeLessThan(4);
    expect(sends.at(-1)!.error?.code).toBe('queue-full'); // One that large may wait beside what is queued, and no second.
    b.connections[0]!.onMessage = () => {};
    await world.live(1000);
    expect([settled(), sends.filter(({ error }) => error !== undefined).length]).toEqual([4, 2]);
  });
});

describe('pool/limits: connections of one peer', () => {
  test('limits.connectionsPerPeerMax: a proven identity has so many sessions, others have theirs, and an end makes room', async () => {
    const world = new PoolHosts();
    const protocols = [resume()];
    const server = world.host('a', { protocols, limits: { connectionsPerPeerMax: 2 } });
    const [b, c] = [world.host('b', { protocols }), world.host('c', { protocols })];
    const ask = (of: typeof b): ReturnType<typeof watched<unknown>> =>
      watched(of.engine.connect('sim://a:1', { protocol: 'resume' }));
    const first = [ask(b), ask(b), ask(b), ask(c)];
    await world.live(100);
    expect(first.map(({ error }) => error?.closing?.code)).toEqual([undefined, undefined, 'limit-reached', undefined]);
    expect(server.story.filter((each) => each.startsWith('refused'))).toEqual(['refused limit-reached']);
    void b.connections[0]!.close();
    await world.live(100);
    const second = [ask(b), ask(b)];
    await world.live(100);
    expect(second.map(({ error }) => error?.closing?.code)).toEqual([undefined, 'limit-reached']);
  });

  test('[POOL-9] limits.connectionsMax counts all protocols together, and pool says why it sends away', async () => {
    const world = new PoolHosts();
    const protocols = [resume()];
    world.host('a', { protocols, limits: { connectionsMax: 2 } });
    const [b, c] = [world.host('b', { protocols }), world.host('c', { protocols })];
    const asked = [b, b].map((of) => watched(of.engine.connect('sim://a:1', { protocol: 'resume' })));
    await world.live(50);
    const third = watched(c.engine.connect(idOf('a')));
    await world.live(50);
    expect([...asked, third].map(({ error }) => error?.closing)).toMatchObject([
      undefined,
      undefined,
      { code: 'limit-reached', side: 'remote', detail: { retryAfterMs: 1000 } },
    ]);
  });
});

/** A manager on virtual time; its peers are engines. */
describe('pool/limits: the settings of the seed are all used', () => {
  function managed(config: object): { world: PoolHosts; manager: ConnectionManager } {
    const world = new PoolHosts();
    const clock = world.clock.process();
    const manager = new ConnectionManager({
      id: idOf('f'),
      identity: 'stated',
      transports: [world.network.transport('f', { process: clock })],
      resolver: { resolve: (id) => [`sim://${id[0]!}:1`] },
      config,
      ports: { clock, random: world.random.next, entropy: world.random.bytes },
    });
    return { world, manager };
  }

  test('[POOL-12] connectTimeoutMs: an attempt without an answer is over then, and not sooner', async () => {
    const { world, manager } = managed({ connectTimeoutMs: 700, retryAttempts: 0 });
    world.host('b');
    world.network.observer = (note, { link }) => void (note === 'open' && link.silence('near'));
    const asked = watched(manager.connect(idOf('b')));
    await world.live(699);
    expect(asked.error).toBeUndefined();
    await world.live(1);
    expect(asked.error?.closing?.code).toBe('handshake-timeout');
    expect(world.network.links.size).toBeLessThanOrEqual(1); // The acceptor's end, which has not heard of it.
  });

  test('[POOL-6] keepaliveIntervalMs: a peer that vanished silently leaves the pool then, not on the next query', async () => {
    const { world, manager } = managed({ keepaliveIntervalMs: 2000, probeTimeoutMs: 500, retryAttempts: 0 });
    world.host('b');
    const here = watched(manager.connect(idOf('b')));
    await world.live(100);
    for (const link of world.network.links) link.cut('far', { withinMs: 0, keep: 'none' });
    for (const link of world.network.links) link.answersReset = false;
    await world.live(2300);
    expect([manager.connectionCount(), here.value!.isAlive()]).toEqual([1, true]);
    world.network.refuse('b', 60_000);
    await world.live(250);
    expect([manager.connectionCount(), manager.connectedPeers(), here.value!.isAlive()]).toEqual([0, [], false]);
  });

  test('[POOL-9] maxConnections: one more is a clear error here, and those there are stay', async () => {
    const { world, manager } = managed({ maxConnections: 2, retryAttempts: 0 });
    for (const digit of 'bcd') world.host(digit);
    const asked = [...'bcd'].map((digit) => watched(manager.connect(idOf(digit))));
    await world.live(100);
    expect(asked.map(({ error }) => error?.closing?.code)).toEqual([undefined, undefined, 'limit-reached']);
    expect(manager.connectionCount()).toBe(2);
  });

  test('[POOL-10] retryAttempts and retryDelayMs: so many dials more, so far apart', async () => {
    const { world, manager } = managed({ retryAttempts: 2, retryDelayMs: 300 });
    const dials: number[] = [];
    world.network.onLink = () => dials.push(world.clock.now());
    world.host('b');
    world.network.refuse('b', 60_000);
    const asked = watched(manager.connect(idOf('b')));
    await world.live(2000);
    expect(asked.error?.closing?.code).toBe('refused');
    expect(dials.map((at) => Math.round((at - dials[0]!) / 100))).toEqual([0, 3, 6]);
  });

  test('[POOL-10] a connection that breaks is dialed again without being asked for, and given to who asks meanwhile', async () => {
    const { world, manager } = managed({ retryDelayMs: 300 });
    const b = world.host('b');
    const here = watched(manager.connect(idOf('b')));
    await world.live(50);
    world.network.cutAll('both', { withinMs: 0 });
    world.network.refuse('b', 100);
    await world.live(20);
    expect([here.value!.isAlive(), manager.connectionCount()]).toEqual([false, 0]);
    const waiting = watched(manager.connect(idOf('b')));
    await world.live(1000);
    expect([waiting.value?.isAlive(), manager.connectionCount(), b.connections.length]).toEqual([true, 1, 2]);
  });

  test('[POOL-12] after a close nothing of the connection is left: no timer that probes it, no wire that is held', async () => {
    const { world, manager } = managed({ keepaliveIntervalMs: 100 });
    world.host('b');
    await world.live(10);
    const before = world.clock.pending;
    const here = watched(manager.connect(idOf('b')));
    await world.live(500);
    expect(world.network.links.size).toBe(1);
    void here.value!.close();
    await world.live(500);
    expect([world.network.links.size, world.clock.pending]).toEqual([0, before]);
  });

  test('[POOL-8] counts and lists name live connections alone: none that has sent or received a goodbye', async () => {
    const { world, manager } = managed({});
    const b = world.host('b');
    const here = watched(manager.connect(idOf('b')));
    await world.live(50);
    expect([manager.connectionCount(), manager.connectedPeers()]).toEqual([1, [idOf('b')]]);
    void here.value!.close();
    expect([manager.connectionCount(), manager.connectedPeers(), manager.getConnection(idOf('b'))]).toEqual([0, [], undefined]);
    const next = watched(manager.connect(idOf('b')));
    await world.live(50);
    expect(next.value!.isAlive()).toBe(true);
    void b.connections.at(-1)!.close();
    await world.live(50);
    expect([manager.connectionCount(), manager.connectedPeers(), next.value!.isAlive()]).toEqual([0, [], false]);
  });
});
