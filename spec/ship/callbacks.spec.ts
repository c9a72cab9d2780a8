import type { HubReader } from '../../adapters/ship/index.js';
import { see, skiOf, Town, trusting, type Citizen } from './town.js';

const CALLS = ['remoteSKIConnected', 'remoteSKIDisconnected', 'serviceConnectionStateChanged', 'serviceShipIDUpdate'] as const;

/** Two hubs that trust each other; the reader of the first does something at one of its calls. */
async function pair(call: (typeof CALLS)[number], act: (a: Citizen) => void): Promise<{ town: Town; a: Citizen; b: Citizen }> {
  const town = new Town();
  const reader: HubReader = { [call]: () => act(a) };
  const a: Citizen = await town.hub('a', { trust: trusting('b') }, reader);
  const b = await town.hub('b', { trust: trusting('a') });
  see(a, 'b');
  return { town, a, b };
}

/** Virtual time goes on, whatever is thrown; how often that was. */
function passing({ clock }: Town, ms: number): number {
  const end = clock.now() + ms;
  let thrown = 0;
  while (clock.now() < end && thrown < 1000) {
    try {
      clock.advance(end - clock.now());
    } catch {
      thrown++;
    }
  }
  return thrown;
}

test('SHIP/callbacks: a callback that throws when asked whether a user may decide means no, and nothing else breaks', async () => {
  const town = new Town();
  const a = await town.hub(
    'a',
    {},
    {
      allowWaitingForTrust: () => {
        throw new Error('the application’s own fault');
      },
    },
  );
  const b = await town.hub('b', { trust: trusting('a') });
  see(b, 'a');
  expect(passing(town, 6000)).toBe(1);
  expect(b.story.slice(-2)).toEqual(['a 8', 'a 0']);
  expect(a.story.slice(-2)).toEqual(['b 9', 'b 0']);
});

describe.each(CALLS)('SHIP/callbacks: inside %s', (call) => {
  const ends = call === 'remoteSKIDisconnected';

  test('an application may throw: its error is reported, and the hub goes on', async () => {
    const { town, a, b } = await pair(call, () => {
      throw new Error('the application’s own fault');
    });
    let thrown = passing(town, 4000);
    if (ends) {
      town.network.cutBetween('a', 'b', 'both', { withinMs: 0 });
      thrown += passing(town, 15_000);
    }
    expect(thrown).toBeGreaterThan(0);
    expect([a.hub.getConnectionCount(), b.hub.getConnectionCount()]).toEqual([1, 1]);
  });

  const deeds: readonly (readonly [string, (a: Citizen) => void])[] = [
    ['disconnect', (a: Citizen) => void a.hub.disconnectSKI(skiOf('b'))],
    ['unregister', (a: Citizen) => a.hub.unregisterRemoteService(skiOf('b'))],
    ['register again', (a: Citizen) => a.hub.registerRemoteService(skiOf('b'))],
    ['cancel', (a: Citizen) => a.hub.cancelPairing(skiOf('b'))],
    ['connect', (a: Citizen) => void a.hub.connectSKI(skiOf('b')).catch(() => {})],
    [
      'send',
      (a: Citizen) =>
        void a.hub
          .getConnection(skiOf('b'))
          ?.connection.send({ datagram: {} })
          .catch(() => {}),
    ],
    ['shut down', (a: Citizen) => void a.hub.shutdown()],
  ];
  test.each(deeds)('it may %s: nothing is thrown, ends are balanced, and nothing is left', async (_, act) => {
    let isDone = false;
    const { town, a, b } = await pair(call, (citizen) => {
      if (isDone) return; // Once: `disconnect` at every connect would have no end.
      isDone = true;
      act(citizen);
    });
    town.clock.advance(4000);
    if (ends) town.network.cutBetween('a', 'b', 'both', { withinMs: 0 });
    town.clock.advance(30_000);
    expect(isDone).toBe(true);
    const over = Promise.all([a, b].map(({ hub }) => hub.shutdown()));
    await Promise.resolve();
    town.clock.advance(10_000);
    await over;
    for (const { story } of [a, b]) {
      const words = story.filter((word) => / (dis)?connected/.test(word)).map((word) => word.split(' ')[1]);
      if (call.startsWith('remoteSKI')) continue; // The story of `a` has not heard them all.
      expect(words.filter((word, i) => word !== (i % 2 === 0 ? 'connected' : 'disconnected'))).toEqual([]);
      expect(words.length % 2).toBe(0);
    }
    expect([a.hub.getConnectionCount(), b.hub.getConnectionCount(), town.network.ends, town.clock.pending]).toEqual([0, 0, 0, 0]);
  });
});
