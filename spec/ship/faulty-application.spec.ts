import { memoryTrust, type HubOptions, type HubReader, type ShipTrust } from '../../adapters/ship/index.js';
import { see, skiOf, Town, trusting, type Citizen } from './town.js';

/** What an application may do wrong, whatever it throws. */
const FAULTS: Readonly<Record<string, () => unknown>> = {
  'throws an error': () => {
    throw new Error('the application’s own fault');
  },
  'throws undefined': () => {
    throw undefined; // eslint-disable-line @typescript-eslint/only-throw-error
  },
  'throws what has no text': () => {
    throw Object.create(null);  
  },
  'rejects': () => Promise.reject(new Error('the application’s own fault')),
  'uses JSON.stringify on a bigint': () => JSON.stringify({ n: 9007199254740993n }),
}; // prettier-ignore

const READER = [
  'serviceConnectionStateChanged',
  'remoteSKIConnected',
  'serviceShipIDUpdate',
  'setupRemoteDevice',
  'visibleRemoteServicesUpdated',
  'connectionLimitNear',
] as const;

/** Two hubs that trust each other, one of them with a faulty application; both ways of data show that nothing stalls. */
async function meet(options: Partial<HubOptions>, reader: HubReader, dials: 'a' | 'b'): Promise<Meeting> {
  const town = new Town();
  const reported: unknown[] = [];
  const report = (_: string, error: unknown): number => reported.push(error);
  const a = await town.hub('a', { trust: trusting('b'), maxConnections: 1, ...options, report }, reader);
  const got: unknown[] = [];
  const b = await town.hub('b', { trust: trusting('a') }, { setupRemoteDevice: () => (message) => void got.push(message) });
  if (dials === 'a') see(a, 'b');
  else see(b, 'a');
  for (let i = 0; i < 40; i++) {
    town.clock.advance(100);
    await Promise.resolve(); // Rejections come between.
  }
  return { town, a, b, got, reported };
}
interface Meeting {
  readonly town: Town;
  readonly a: Citizen;
  readonly b: Citizen;
  readonly got: unknown[];
  readonly reported: unknown[];
}

/** 3 MB each way: more than may wait for an application that takes nothing. */
async function exchanges({ town, a, b, got }: Meeting): Promise<void> {
  const [there, back] = [a.hub.getConnection(b.hub.ski)!.connection, b.hub.getConnection(a.hub.ski)!.connection];
  await settled(town, there.send({ datagram: { from: 'a' } }));
  expect(got).toEqual([{ datagram: { from: 'a' } }]);
  for (let i = 0; i < 60; i++) await settled(town, back.send({ datagram: { i, fill: 'x'.repeat(50_000) } }));
  await settled(town, back.close());
}
async function settled(town: Town, promise: Promise<unknown>): Promise<void> {
  let isDone = false;
  const done = promise.finally(() => (isDone = true));
  for (let i = 0; i < 200 && !isDone; i++) {
    town.clock.advance(5);
    await Promise.resolve();
  }
  expect(isDone).toBe(true);
  await done;
}

const cases = Object.entries(FAULTS).flatMap(([fault, act]) => READER.map((call) => [call, fault, act] as const));
describe('[SHIP-16] SHIP hub: a callback of the application ends no connection and no process', () => {
  test.each(cases)('reader %s %s', async (call, _, act) => {
    const meeting = await meet({}, { setupRemoteDevice: () => () => {}, [call]: act }, 'a');
    expect(meeting.reported.length).toBeGreaterThan(0);
    await exchanges(meeting);
  });

  test.each(Object.entries(FAULTS))('a message handler %s', async (_, act) => {
    for (const reader of [{ setupRemoteDevice: () => act }, { setupRemoteDevice: () => undefined }]) {
      const meeting = await meet({}, reader, 'b');
      if (reader.setupRemoteDevice() === undefined) meeting.a.hub.getConnection(skiOf('b'))!.connection.onMessage = act;
      await exchanges(meeting);
      expect(meeting.reported).toHaveLength(60);
    }
  });

  test.each(Object.entries(FAULTS))('trace %s', async (_, act) => {
    const meeting = await meet({ protocol: { trace: act } }, { setupRemoteDevice: () => () => {} }, 'a');
    await exchanges(meeting);
    expect(meeting.reported.length).toBeGreaterThan(70);
  });

  test.each(Object.entries(FAULTS))('a listener of the engine %s', async (_, act) => {
    const meeting = await meet({}, { setupRemoteDevice: () => () => {} }, 'b');
    meeting.a.hub.engine.on(act);
    await exchanges(meeting);
    expect(meeting.reported.length).toBeGreaterThan(0);
  });

  const stores = ['has', 'get', 'set', 'written'] as const;
  test.each(Object.entries(FAULTS).flatMap(([fault, act]) => stores.map((call) => [call, fault, act] as const)))(
    'trust store %s %s: nothing but that peer’s trust is lost',
    async (call, _, act) => {
      const trust = { ...memoryTrust(), [call]: act } as ShipTrust;
      const meeting = await meet({ trust, autoAccept: true }, { setupRemoteDevice: () => () => {} }, 'b');
      await exchanges(meeting);
    },
  );

  test.each(Object.entries(FAULTS))('discovery %s: nothing is found, and who comes is served', async (_, act) => {
    const discovery = {
      entries: () => [],
      find: act as never,
      subscribe: (listener: (found: readonly never[]) => void) => {
        listener([]);
        return act as () => void;
      },
      close: act as () => Promise<void>,
    };
    const meeting = await meet({ discovery }, { setupRemoteDevice: () => () => {} }, 'b');
    await exchanges(meeting);
    const over = meeting.a.hub.shutdown().then(() => true);
    for (let i = 0; i < 20; i++) {
      meeting.town.clock.advance(1000);
      await Promise.resolve();
    }
    expect(await over).toBe(true);
  });

  test('an async yes is no yes', async () => {
    const town = new Town();
    const answer = (): Promise<boolean> => Promise.resolve(true);
    const a = await town.hub('a', { report: () => {} }, { allowWaitingForTrust: answer as never });
    const b = await town.hub('b', { trust: trusting('a') });
    see(b, 'a');
    town.clock.advance(6000);
    expect(a.hub.getConnectionCount()).toBe(0);
    expect(b.story).toContain('a 8');
  });

  test('an async setupRemoteDevice is waited for, and no message is lost', async () => {
    const got: unknown[] = [];
    const meeting = await meet(
      {},
      { setupRemoteDevice: (async () => (message: unknown) => void got.push(message)) as never },
      'a',
    );
    await exchanges(meeting);
    expect([got.length, meeting.reported]).toEqual([60, []]);
  });
});
