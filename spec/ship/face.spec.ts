import { API_STATES } from '../../machines/connection/api-state.js';
import { memoryTrust } from '../../adapters/ship/index.js';
import { see, skiOf, Town, trusting, type Citizen } from './town.js';
import { serviceOf } from './world.js';

describe('SHIP/face: the warning before the limit', () => {
  test('comes at 80 % of it, with every connection from there on, and not before', async () => {
    const town = new Town();
    const near: [number, number][] = [];
    const a = await town.hub('a', { maxConnections: 5, autoAccept: true }, { connectionLimitNear: (...told) => near.push(told) });
    for (const name of ['1', '2', '3', '4', '5']) {
      const each = await town.hub(name, { trust: trusting('a') });
      see(each, 'a');
      town.clock.advance(3100);
      expect(a.hub.getConnectionCount()).toBe(Number(name));
      expect(near).toEqual([[4, 5] as const, [5, 5] as const].slice(0, Math.max(0, Number(name) - 3)));
    }
  });

  test('follows the limit when that is changed, and connections beyond a lower one live on', async () => {
    const town = new Town();
    const near: [number, number][] = [];
    const a = await town.hub('a', { autoAccept: true }, { connectionLimitNear: (...told) => near.push(told) });
    for (const name of ['1', '2', '3']) {
      if (name === '3') a.hub.setMaxConnections(2);
      const each = await town.hub(name, { trust: trusting('a') });
      see(each, 'a');
      town.clock.advance(3100);
    }
    expect([a.hub.getMaxConnections(), a.hub.getConnectionCount()]).toEqual([2, 2]); // The third was sent away.
    a.hub.setMaxConnections(1);
    town.clock.advance(60_000);
    expect([a.hub.getConnectionCount(), near]).toEqual([2, []]);
  });
});

describe('SHIP/face: what an application asks about a peer', () => {
  test('[SHIP-12] getNextDelay and the attempt count follow the bands, and are over with a handshake', async () => {
    const town = new Town();
    const a = await town.hub('a');
    const b = await town.hub('b', { autoAccept: true });
    town.network.refuse('b', 60_000);
    expect([a.hub.getNextDelay(skiOf('b')), a.hub.getConnectionAttemptCount(skiOf('b'))]).toEqual([undefined, 0]);
    see(a, 'b');
    a.hub.registerRemoteService(skiOf('b'));
    const bands = [
      [0, 3000],
      [3000, 10_000],
      [10_000, 20_000],
      [10_000, 20_000],
    ] as const;
    for (const [i, [from, to]] of bands.entries()) {
      const attempt = i + 1;
      const delayMs = a.hub.getNextDelay(skiOf('b'))!;
      expect(a.hub.getConnectionAttemptCount(skiOf('b'))).toBe(attempt);
      expect(delayMs).toBeGreaterThanOrEqual(from - 10);
      expect(delayMs).toBeLessThan(to);
      expect(a.hub.debugConnectionState()).toBe(
        `connections 0 of 10\n${skiOf('b')}  1 queued, paired, attempt ${attempt}, next dial in ${Math.ceil(delayMs / 1000)} s`,
      );
      town.clock.advance(delayMs + 10);
    }
    town.clock.advance(60_000);
    expect(a.hub.debugConnectionState()).toBe(`connections 1 of 10\n${skiOf('b')}  7 completed, paired, attempt 0`);
    expect([a.hub.getNextDelay(skiOf('b')), a.hub.getConnectionAttemptCount(skiOf('b'))]).toEqual([undefined, 0]);
    expect(b.hub.getConnection(skiOf('a'))?.isConnected()).toBe(true);
  });

  test('a handle says that it is over when another one has taken its place', async () => {
    const town = new Town();
    const a = await town.hub('a', { trust: trusting('b') });
    await town.hub('b', { trust: trusting('a') });
    see(a, 'b');
    town.clock.advance(3100);
    const first = a.hub.getConnection(skiOf('b'))!;
    expect(first.isConnected()).toBe(true);
    town.network.cutBetween('a', 'b', 'both', { withinMs: 0 });
    town.clock.advance(10);
    expect([first.isConnected(), a.hub.getConnection(skiOf('b'))]).toEqual([false, undefined]);
    town.clock.advance(20_000);
    expect([first.isConnected(), a.hub.getConnection(skiOf('b'))?.isConnected()]).toEqual([false, true]);
  });
});

test('the five steps of an end: out of the registry, timers cancelled, handshake state gone, the application told, then the next dial', async () => {
  const town = new Town();
  const at: unknown[] = [];
  const a: Citizen = await town.hub(
    'a',
    { trust: trusting('b') },
    {
      remoteSKIDisconnected: (ski) =>
        at.push([
          a.hub.getConnection(ski),
          a.hub.getConnectionCount(),
          a.hub.getNextDelay(ski),
          a.hub.engine.metrics().wires,
          a.hub.getConnectionAttemptCount(ski),
          town.network.counts.dials,
        ]),
    },
  );
  await town.hub('b', { trust: trusting('a') });
  see(a, 'b');
  town.clock.advance(3100);
  town.network.cutBetween('a', 'b', 'both', { withinMs: 0 });
  town.clock.advance(10);
  expect(at).toEqual([[undefined, 0, undefined, 0, 0, 1]]);
  expect(a.hub.getNextDelay(skiOf('b'))).toBeLessThan(3000); // The first band; inside the callback there was none yet.
  town.clock.advance(20_000);
  expect([town.network.counts.dials, a.hub.getConnectionCount()]).toEqual([2, 1]);
});

describe('SHIP/face: a peer', () => {
  test('is dialed again after a loss also where discovery only knows it from before', async () => {
    const town = new Town();
    const a = await town.hub('a', { trust: trusting('b') });
    await town.hub('b', { trust: trusting('a') });
    see(a, 'b');
    town.clock.advance(3100);
    see(a, 'b', false);
    town.network.cutBetween('a', 'b');
    town.clock.advance(20_000);
    expect(a.story.filter((word) => /connected/.test(word))).toEqual(['b connected', 'b disconnected reset', 'b connected']);
  });

  test('that was never completed is dialed again while it is registered, and never after unregistering', async () => {
    const town = new Town();
    const a = await town.hub('a');
    await town.hub('b');
    town.network.refuse('b', 3_600_000);
    see(a, 'b');
    a.hub.registerRemoteService(skiOf('b'));
    town.clock.advance(60_000);
    const { dials } = town.network.counts;
    expect(dials).toBeGreaterThan(6); // With and without the path.
    a.hub.unregisterRemoteService(skiOf('b'));
    town.clock.advance(60_000);
    expect([town.network.counts.dials, a.hub.getConnectionState(skiOf('b')), a.hub.getNextDelay(skiOf('b'))]).toEqual([
      dials,
      API_STATES.none,
      undefined,
    ]);
  });

  test('that is connected and unregistered gets a goodbye, and is not dialed', async () => {
    const town = new Town();
    const a = await town.hub('a', { trust: trusting('b') });
    const b = await town.hub('b', { trust: trusting('a') });
    see(a, 'b');
    town.clock.advance(3100);
    a.hub.unregisterRemoteService(skiOf('b'));
    town.clock.advance(60_000);
    expect(b.story.filter((word) => /connected/.test(word))).toEqual(['a connected', 'a disconnected peer-goodbye']);
    expect([a.story.at(-1), a.hub.isRemoteServicePaired(skiOf('b')), town.network.counts.dials]).toEqual(['b 0', false, 1]);
  });

  test('with a name that leads nowhere is met at its address, within the same attempt; one dial at a time', async () => {
    const town = new Town();
    const a = await town.hub('a', { trust: trusting('b') });
    await town.hub('b', { trust: trusting('a') });
    let most = 0;
    town.network.onLink = () => (most = Math.max(most, town.network.links.size));
    a.board.put({ ...serviceOf('nowhere', skiOf('b')), addresses: ['b'] });
    town.clock.advance(3500);
    expect([a.hub.getConnectionCount(), most]).toEqual([1, 1]);
    expect([town.network.counts.unresolved, town.network.counts.dials]).toEqual([2, 3]); // With its path, and without.
    expect(a.story.filter((word) => word === 'b 2' || word === 'b 9')).toEqual(['b 2']);
  });

  test('asked for twice at once is dialed once, and both callers have the same connection', async () => {
    const town = new Town();
    const a = await town.hub('a', { trust: trusting('b') });
    await town.hub('b', { trust: trusting('a') });
    see(a, 'b');
    const both = Promise.all([a.hub.connectSKI(skiOf('b')), a.hub.connectSKI(skiOf('b').toUpperCase())]);
    town.clock.advance(3100);
    const [one, other] = await both;
    expect([one === other, town.network.counts.dials]).toEqual([true, 1]);
    expect(await a.hub.connectSKI(skiOf('b'))).toBe(one);
  });
});

test('SHIP/face: disconnectAllSKIs says goodbye to all; paired devices are connected again', async () => {
  const town = new Town();
  const a = await town.hub('a', { trust: trusting('1', '2', '3') });
  const others: Citizen[] = [];
  for (const name of ['1', '2', '3']) {
    others.push(await town.hub(name, { trust: trusting('a') }));
    see(a, name);
  }
  town.clock.advance(3100);
  expect(a.hub.getConnectionCount()).toBe(3);
  const done = a.hub.disconnectAllSKIs();
  town.clock.advance(600);
  await done;
  expect(others.map(({ story }) => story.filter((word) => word.includes('disconnected')))).toEqual(
    new Array(3).fill(['a disconnected peer-goodbye']),
  );
  town.clock.advance(4000);
  expect(a.hub.getConnectionCount()).toBe(3);
});

describe('SHIP/face: auto-accept', () => {
  test('begins and ends at any time, is announced, and pairs whom it lets in', async () => {
    const town = new Town();
    const a = await town.hub('a', {}, { allowWaitingForTrust: () => false });
    const b = await town.hub('b', { trust: trusting('a') });
    see(b, 'a');
    town.clock.advance(5000);
    expect(b.story).toContain(`a ${API_STATES.remoteDeniedTrust}`);
    a.hub.setAutoAccept(true);
    b.hub.registerRemoteService(skiOf('a'));
    town.clock.advance(5000);
    expect(b.story.at(-1)).toBe('a connected');
    a.hub.setAutoAccept(false);
    expect(a.announced.map(({ isRegistering }) => isRegistering)).toEqual([false, true, false]);
    expect(a.hub.isRemoteServicePaired(skiOf('b'))).toBe(true);
  });

  test('connects a peer that there is no room to remember, and says so', async () => {
    const town = new Town();
    const full = {
      ...memoryTrust(),
      set: (): never => {
        throw new Error('full');
      },
    };
    const notKept: string[] = [];
    const a = await town.hub(
      'a',
      { autoAccept: true, trust: full },
      { trustNotKept: (ski, { message }) => notKept.push(`${ski[0]} ${message}`) },
    );
    const b = await town.hub('b', { trust: trusting('a') });
    see(b, 'a');
    town.clock.advance(3100);
    expect([a.hub.getConnectionCount(), new Set(notKept)]).toEqual([1, new Set(['b full'])]);
    expect(() => a.hub.registerRemoteService(skiOf('c'))).toThrow('full');
  });
});

test('SHIP/face: visibleRemoteServicesUpdated tells what is announced now, not what is known from before', async () => {
  const town = new Town();
  const seen: string[][] = [];
  const a = await town.hub(
    'a',
    {},
    { visibleRemoteServicesUpdated: (services) => seen.push(services.map(({ ski }) => ski[0]!)) },
  );
  see(a, 'b');
  see(a, 'c', false);
  see(a, 'b', false);
  expect(seen).toEqual([[], ['b'], ['b'], []]);
});
