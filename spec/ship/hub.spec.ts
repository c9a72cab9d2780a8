import { ports } from '#platform';
import { memoryTrust } from '../../adapters/ship/index.js';
import { makeIdentity } from '../../adapters/identity/index.js';
import { API_STATES } from '../../machines/connection/api-state.js';
import { forgedIdentity } from '../interop/scripted-identity.js';
import { endHubs, node } from './nodes.js';

afterEach(endHubs);
const identities = Promise.all([makeIdentity(), makeIdentity(), makeIdentity()]);

test('two nodes pair: one registers and dials, the other’s user accepts; data goes both ways', async () => {
  const [ida, idb] = await identities;
  const [a, b] = [await node(ida, 'id-a'), await node(idb, 'id-b')];
  a.see(b);
  a.hub.registerRemoteService(b.hub.ski.toUpperCase().replace(/(..)/g, '$1 '));
  await b.until(`state ${API_STATES.receivedPairingRequest}`);
  expect(b.hub.getConnectionState(a.hub.ski)).toBe(API_STATES.receivedPairingRequest);
  b.hub.registerRemoteService(a.hub.ski);
  await Promise.all([a.until('connected'), b.until('connected')]);
  expect(a.story).toEqual([
    'state 1',
    'state 2',
    'state 4',
    'state 5',
    'state 6',
    'setup',
    'id id-b',
    'state 7',
    'connected, count 1',
  ]);
  expect(b.story).toEqual(['state 3', 'state 4', 'state 5', 'state 6', 'setup', 'id id-a', 'state 7', 'connected, count 1']);
  const hostile = { datagram: { text: 'a},{b [{ [] }]', list: [], nested: [{ x: 1 }, { x: 2, y: [] }] } };
  await a.hub.getConnection(b.hub.ski)!.connection.send(hostile);
  await b.until('data');
  expect(JSON.stringify(b.got[0])).toContain('a},{b [{ [] }]');
  await b.hub.getConnection(a.hub.ski)!.connection.send({ datagram: { n: 1 } });
  await a.until('data');
  expect(a.got).toEqual([{ datagram: { n: 1 } }]);
}, 15_000);

test('SHIP/hub: after a loss the pair finds each other again; ends are reported once, with everything cleaned up before', async () => {
  const [ida, idb] = await identities;
  const a = await node(ida, 'id-a', { trust: memoryTrust([{ ski: idb.ski! }]) });
  const b = await node(idb, 'id-b', { trust: memoryTrust([{ ski: ida.ski! }]) });
  a.see(b);
  await Promise.all([a.until('connected'), b.until('connected')]);
  await b.hub.disconnectSKI(a.hub.ski);
  await Promise.all([a.until('connected', 2), b.until('connected', 2)]);
  expect(a.story.filter((word) => word.startsWith('disconnected'))).toEqual(['disconnected peer-goodbye, count 0, gone']);
  expect(b.story.filter((word) => word.startsWith('disconnected'))).toEqual(['disconnected closed, count 0, gone']);
  expect(a.hub.debugConnectionState()).toContain(`${b.hub.ski}  7 completed, paired, attempt 0`);
}, 20_000);

test('SHIP/hub: a node that ends waits until its pairings are kept', async () => {
  const [ida] = await identities;
  const story: string[] = [];
  let keep = (): void => {};
  let isAsked = (): void => {};
  const kept = new Promise<void>((resolve) => (keep = resolve));
  const asked = new Promise<void>((resolve) => (isAsked = resolve));
  const written = (): Promise<void> => (isAsked(), kept);
  const { hub } = await node(ida, 'id-a', { trust: { ...memoryTrust(), written } });
  const over = hub.shutdown().then(() => story.push('over'));
  await asked;
  await new Promise((resolve) => setImmediate(resolve));
  story.push('kept');
  keep();
  await over;
  expect(story).toEqual(['kept', 'over']);
});

test.each(['initiator', 'mostRecent'] as const)(
  '[SHIP-11] both dial at once (%s): one connection, and both mean the same',
  async (doubleConnection) => {
    const [ida, idb] = await identities;
    const eager = { doubleConnection, ports: { ...ports, random: () => 0 } };
    const a = await node(ida, 'id-a', { trust: memoryTrust([{ ski: idb.ski! }]), ...eager });
    const b = await node(idb, 'id-b', { trust: memoryTrust([{ ski: ida.ski! }]), ...eager });
    a.see(b);
    b.see(a);
    await Promise.all([a.until('connected'), b.until('connected')]);
    const ends = (): number[] => [a, b].map(({ story }) => story.filter((word) => word.startsWith('disconnected')).length);
    const begins = (): number[] => [a, b].map(({ story }) => story.filter((word) => word.startsWith('connected')).length);
    const meet = async (): Promise<void> => {
      const got = b.got.length;
      await a.hub
        .getConnection(idb.ski!)
        ?.connection.send({ datagram: { n: got } })
        .catch(() => {});
      await b.until('data', got + 1);
    };
    await meet();
    expect([a.hub.getConnectionCount(), b.hub.getConnectionCount()]).toEqual([1, 1]);
    expect([a, b].map(({ hub }) => hub.engine.metrics().wires)).toEqual([1, 1]);
    expect(begins().map((count, i) => count - ends()[i]!)).toEqual([1, 1]);
    if (doubleConnection === 'initiator') expect(ends()).toEqual([0, 0]);
  },
  15_000,
);

test('denied: the other side gets it, and does not come again', async () => {
  const [ida, idb] = await identities;
  const [a, b] = [await node(ida, 'id-a'), await node(idb, 'id-b')];
  a.see(b);
  a.hub.registerRemoteService(b.hub.ski);
  await b.until('state 3');
  b.hub.cancelPairing(a.hub.ski);
  await a.until('state 8');
  expect(a.hub.getConnectionState(b.hub.ski)).toBe(API_STATES.none);
  expect(a.hub.getNextDelay(b.hub.ski)).toBeUndefined();
  expect(b.hub.isRemoteServicePaired(a.hub.ski)).toBe(false);
}, 15_000);

test('[SHIP-13] at the limit: 503 before the upgrade for strangers, and a typed error for a dial of our own', async () => {
  const [ida, idb, idc] = await identities;
  const trust = memoryTrust([{ ski: ida.ski! }, { ski: idc.ski! }]);
  const b = await node(idb, 'id-b', { trust, maxConnections: 1 });
  const a = await node(ida, 'id-a');
  const c = await node(idc, 'id-c');
  a.see(b);
  a.hub.registerRemoteService(b.hub.ski);
  await b.until('connected');
  c.see(b);
  c.hub.registerRemoteService(b.hub.ski);
  await c.until('state 9');
  expect(c.hub.engine.peers.lastClosing(b.hub.ski)).toMatchObject({
    code: 'busy',
    detail: { cause: { status: 503 }, retryAfterMs: 1000 },
  });
  b.see(c);
  await expect(b.hub.connectSKI(c.hub.ski)).rejects.toMatchObject({ closing: { code: 'limit-reached' } });
  expect(b.hub.getConnectionCount()).toBe(1);
  b.hub.setMaxConnections(0);
  expect(b.hub.getMaxConnections()).toBe(10);
}, 20_000);

test('SHIP/hub: bad SKIs, the own SKI and unknown peers are clear errors', async () => {
  const [ida, idb] = await identities;
  const a = await node(ida, 'id-a');
  expect(() => a.hub.registerRemoteService('12')).toThrow('expected 40 hex digits, got 2');
  expect(() => a.hub.registerRemoteService(ida.ski!)).toThrow("this node's own SKI");
  await expect(a.hub.connectSKI(idb.ski!)).rejects.toThrow('is not registered');
  expect(a.hub.getConnection(idb.ski!)).toBeUndefined();
  a.hub.unregisterRemoteService(idb.ski!); // Safe.
});

test('[SHIP-1] SHIP/hub: a certificate that claims the SKI of a paired device proves no identity, on both sides of a dial', async () => {
  const [ida, idb] = await identities;
  const forged = await forgedIdentity({ ski: ida.ski! });
  const b = await node(idb, 'id-b', { trust: memoryTrust([{ ski: ida.ski! }]) });
  const thief = await node(forged, 'id-a', { ski: ida.ski!, trust: memoryTrust([{ ski: idb.ski! }]) });
  thief.see(b);
  await thief.until('state 9');
  b.see(thief);
  await b.until('state 9');
  expect(b.hub.engine.peers.lastClosing(ida.ski!)).toMatchObject({ code: 'identity-mismatch' });
  expect([b.hub.getConnectionCount(), thief.hub.getConnectionCount(), b.story.includes('state 3')]).toEqual([0, 0, false]);
}, 20_000);
