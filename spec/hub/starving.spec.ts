import { Town } from './town.js';

/** An engine with one healthy session, and `count` others whose server is gone. */
async function beside(seed: number, count: number, dead: 'refuses' | 'swallows', options: object = {}) {
  const town = new Town(seed);
  const healthy = town.server('well');
  const others = Array.from({ length: count }, (_, i) => `dead${i % (count > 100 ? 1 : count)}`);
  for (const name of new Set(others)) town.server(name);
  const client = town.engine('a', { reconnectWindowMs: 60_000, idleMs: 0, ...options });
  const closings: string[] = [];
  const resumed: number[] = [];
  client.on((event) => {
    if (event.type === 'closing') closings.push(event.closing.code);
    if (event.type === 'resumed') resumed.push(event.afterMs);
  });
  const session = town.connect(client, 'sim://well:1');
  const lost = others.map((name) => town.connect(client, `sim://${name}:1`));
  await town.pass(10_000);
  expect(lost.filter(({ connection }) => connection === undefined)).toEqual([]);
  for (const name of new Set(others)) {
    town.network.restart(name, 'crash');
    if (dead === 'swallows') town.network.partition(['a'], [name]);
  }
  await town.pass(5000);
  return { town, client, healthy, session, closings, resumed, lost };
}

test.each([
  ['refuses', 600, 1],
  ['swallows', 600, 2],
  ['refuses', 90, 3], // Ninety dead places, each with a session of its own.
  ['swallows', 90, 4],
] as const)(
  '[DIAL-3] dial budget: a dead place (%s, %d sessions) keeps neither a session that was cut nor a new connect waiting',
  async (dead, count, seed) => {
    const { town, client, session, closings, resumed } = await beside(seed, count, dead);
    town.network.cutBetween('a', 'well');
    await town.pass(500);
    expect({ resumed: resumed.length, state: session.connection!.state, closings }).toEqual({
      ...{ resumed: 1, state: 'completed', closings: [] },
    });
    town.server('new');
    const fresh = town.connect(client, 'sim://new:1');
    await town.pass(500);
    expect(fresh.connection?.state).toBe('completed');
  },
  60_000,
);

test('[DIAL-7] dial budget: a session that was never granted a dial says so, and one whose place is dead says that', async () => {
  const { town, lost } = await beside(5, 300, 'refuses', { limits: { burst: 4, perSecond: 1 }, reconnectWindowMs: 30_000 });
  await town.pass(60_000);
  const endings = new Map<string, number>();
  for (const { connection } of lost) {
    const { code, side, detail } = await connection!.closed;
    const word = `${code} ${side} ${detail?.cause?.kind ?? detail?.message ?? ''}`;
    endings.set(word, (endings.get(word) ?? 0) + 1);
  }
  endings.delete('window-expired remote '); // Its dial was under way when its window ended.
  expect([...endings.keys()].sort()).toEqual([
    expect.stringMatching(/^limit-reached local no dial was granted in time.*limits\.burst/),
    'window-expired remote refused',
  ]);
  expect([...endings.values()].reduce((sum, count) => sum + count, 0)).toBeGreaterThan(295);
}, 60_000);

test('[DIAL-2] dial budget: a refusal gives its token back', async () => {
  const town = new Town(6);
  town.server('full', { limits: { connectionsMax: 1 } });
  const client = town.engine('a', { limits: { burst: 10, perSecond: 0 } });
  const outcomes = Array.from({ length: 40 }, () => town.connect(client, 'sim://full:1'));
  await town.pass(5000);
  expect(outcomes.filter(({ connection }) => connection !== undefined)).toHaveLength(1);
  expect(outcomes.filter(({ closing }) => closing?.code === 'limit-reached')).toHaveLength(39);
  expect(client.metrics().retryTokens).toBe(10);
});

test('dial budget: the metrics say how many dials are under way, and how many wait', async () => {
  const town = new Town(8);
  town.mute('b');
  const client = town.engine('a', { limits: { burst: 2, perSecond: 0, burstPerTarget: 2 } });
  for (let i = 0; i < 5; i++) town.connect(client, 'sim://b:1');
  expect(client.metrics()).toMatchObject({ pendingDials: 0, waitingDials: 5 });
  town.clock.settle();
  expect(client.metrics()).toMatchObject({ pendingDials: 2, waitingDials: 3, retryTokens: 0 });
  await town.pass(500);
  expect(client.metrics()).toMatchObject({ pendingDials: 0, waitingDials: 3 });
});
