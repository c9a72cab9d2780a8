import { createHash } from 'node:crypto';
import { makeIdentity, type OwnIdentity } from '../../adapters/identity/index.js';
import { memoryTrust } from '../../adapters/ship/index.js';
import { endHubs, node, type Node } from '../ship/nodes.js';
import { Relay } from './relay.js';
import { ShipGo, shipGoAvailable, shipGoState } from './ship-go.js';

const withShipGo = shipGoAvailable() ? describe : describe.skip;
const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

withShipGo('holdfast and ship-go', () => {
  const running: ShipGo[] = [];
  const relays: Relay[] = [];
  const start = async (options: Parameters<typeof ShipGo.start>[0] = {}): Promise<ShipGo> => {
    const go = await ShipGo.start({ shipId: 'ship-go', ...options });
    running.push(go);
    return go;
  };
  let identity: OwnIdentity;
  beforeAll(async () => {
    identity = await makeIdentity();
    await start().then((go) => go.stop()); // Builds the program.
  }, 240_000);
  afterEach(async () => {
    await endHubs();
    await Promise.all(running.splice(0).map((go) => go.stop()));
    await Promise.all(relays.splice(0).map((relay) => relay.close()));
  }, 20_000);

  /** Both trust each other; `dials` says who sees whom. */
  async function pair(
    dials: 'we' | 'they' | 'both',
    options: Parameters<typeof ShipGo.start>[0] = {},
  ): Promise<{ we: Node; go: ShipGo }> {
    const go = await start(options);
    const we = await node(identity, 'holdfast', { trust: memoryTrust([{ ski: go.ski }]) });
    await go.register(we.hub.ski);
    if (dials !== 'they') we.board.show(go.ski, go.port);
    if (dials !== 'we') await go.see([{ ski: we.hub.ski, port: we.port }]);
    await Promise.all([we.until('connected'), go.event('setup')]);
    return { we, go };
  }

  /** We trust ship-go and dial it; its user has been asked whether it may wait for him, and has not said more. */
  async function asking(): Promise<{ we: Node; go: ShipGo }> {
    const go = await start({ allowWaiting: true, log: true });
    const we = await node(identity, 'holdfast');
    we.board.show(go.ski, go.port);
    we.hub.registerRemoteService(go.ski);
    await go.event('allowWaiting');
    await go.received('"phase":"ready"');
    return { we, go };
  }

  test.each(['we', 'they'] as const)(
    'interop/ship hub: pair when %s dial; both learn the other’s SHIP id',
    async (dials) => {
      const { we, go } = await pair(dials);
      expect(we.story).toContain('id ship-go');
      expect(await go.event('shipId')).toMatchObject({ ski: we.hub.ski, shipId: 'holdfast' });
      expect((await go.state(we.hub.ski)).state).toBe(shipGoState.completed);
    },
    20_000,
  );

  test.each(['we', 'they'] as const)(
    'interop/ship hub: data of every size up to the limit, both ways, in order, when %s dial',
    async (dials) => {
      const { we, go } = await pair(dials);
      const connection = we.hub.getConnection(go.ski)!.connection;
      const after = go.lastEvent;
      const sizes = [0, 1, 125, 126, 1000, 4000, 4096, 4097, 20_000, 65_535, 65_536, 100_000];
      const payloads = sizes.map((bytes, n) => ({ datagram: { n, text: 'x'.repeat(bytes) } }));
      for (const payload of payloads) await connection.send(payload);
      const seen: string[] = [];
      for await (const event of go.watch(after)) {
        if (event.event === 'data') seen.push(event.sha256);
        if (seen.length === sizes.length) break;
      }
      expect(seen).toEqual(payloads.map((payload) => sha256(JSON.stringify(payload))));
      for (const payload of payloads) await go.send(we.hub.ski, JSON.stringify(payload));
      await we.until('data', sizes.length);
      expect(we.got.map((each) => sha256(JSON.stringify(each)))).toEqual(seen);
    },
    30_000,
  );

  test('interop/ship hub: strings that ship-go’s own reader tears survive the way to us', async () => {
    const { we, go } = await pair('we');
    const hostile = { datagram: { a: 'a},{b [{ [] }]', b: '[{', c: '}]' } };
    await go.send(we.hub.ski, JSON.stringify(hostile));
    await we.until('data');
    expect(we.got).toEqual([hostile]);
  }, 20_000);

  test('our user decides: ship-go waits, then comes in; denied, it gets the reason', async () => {
    const go = await start();
    const we = await node(identity, 'holdfast');
    await go.register(we.hub.ski);
    await go.see([{ ski: we.hub.ski, port: we.port }]);
    await we.until('state 3');
    we.hub.registerRemoteService(go.ski);
    await Promise.all([we.until('connected'), go.event('setup')]);
    const other = await start();
    await other.register(we.hub.ski);
    await other.see([{ ski: we.hub.ski, port: we.port }]);
    await we.until('state 3', 2);
    we.hub.cancelPairing(other.ski);
    await other.event('pairing', { where: ({ state }) => state === shipGoState.remoteDeniedTrust });
  }, 20_000);

  test('their user decides: we wait, then come in', async () => {
    const { we, go } = await asking();
    await go.register(we.hub.ski);
    await Promise.all([we.until('connected'), go.event('setup')]);
  }, 20_000);

  test('denied by them: a state of its own, and we don’t come again', async () => {
    const { we, go } = await asking();
    await go.cancel(we.hub.ski);
    await we.until('state 8');
    expect(we.hub.getNextDelay(go.ski)).toBeUndefined();
    expect(we.hub.getConnectionState(go.ski)).toBe(0);
  }, 20_000);

  test('both dial at once: one connection, balanced events on our side', async () => {
    const { we, go } = await pair('both');
    expect(we.hub.getConnectionCount()).toBe(1);
    await we.hub.getConnection(go.ski)!.connection.send({ datagram: { n: 1 } });
    await go.event('data');
    const ends = we.story.filter((word) => word.startsWith('disconnected')).length;
    expect(we.story.filter((word) => word.startsWith('connected')).length - ends).toBe(1);
  }, 20_000);

  test('a known SHIP id is checked: another one ends the connection as such', async () => {
    const go = await start();
    const we = await node(identity, 'holdfast', { trust: memoryTrust([{ ski: go.ski, shipId: 'somebody else' }]) });
    await go.register(we.hub.ski);
    we.board.show(go.ski, go.port);
    await we.until('state 9');
    expect(we.hub.engine.peers.lastClosing(go.ski)).toMatchObject({ code: 'ship-id-mismatch' });
  }, 20_000);

  test('a known SHIP id on their side: the session is set up all the same', async () => {
    const go = await start();
    await go.setShipId(identity.ski!, 'holdfast');
    const we = await node(identity, 'holdfast', { trust: memoryTrust([{ ski: go.ski, shipId: 'ship-go' }]) });
    await go.register(we.hub.ski);
    we.board.show(go.ski, go.port);
    await Promise.all([we.until('connected'), go.event('setup')]);
    expect(we.story).not.toContain('id ship-go');
  }, 20_000);

  test('interop/ship hub: close from our side is announced and confirmed; afterwards both find each other again', async () => {
    const { we, go } = await pair('we', { log: true });
    const after = go.lastEvent;
    await we.hub.disconnectSKI(go.ski);
    await go.received('"phase":"announce"');
    expect(we.story.at(-1)).not.toBe('connected');
    await Promise.all([we.until('connected', 2), go.event('setup', { after })]);
  }, 20_000);

  test('interop/ship hub: close from their side is the peer’s goodbye, told once', async () => {
    const { we, go } = await pair('we');
    await go.unregister(we.hub.ski);
    await we.until('disconnected');
    expect(we.story.filter((word) => word.startsWith('disconnected'))).toEqual(['disconnected peer-goodbye, count 0, gone']);
  }, 20_000);

  test('interop/ship hub: a cut wire is a loss for both, and they meet again', async () => {
    const go = await start();
    const relay = await Relay.to(go.port);
    relays.push(relay);
    const we = await node(identity, 'holdfast', { trust: memoryTrust([{ ski: go.ski }]) });
    await go.register(we.hub.ski);
    we.board.show(go.ski, relay.port);
    await we.until('connected');
    relay.cut();
    await we.until('connected', 2);
    expect(we.story.filter((word) => word.startsWith('disconnected'))).toEqual(['disconnected reset, count 0, gone']);
  }, 20_000);

  test('ship-go restarts: the same SKI is met again', async () => {
    const { we, go } = await pair('we');
    go.kill();
    await we.until('disconnected');
    const successor = await start({ ...go.identity });
    await successor.register(we.hub.ski);
    we.board.show(successor.ski, successor.port);
    await Promise.all([we.until('connected', 2), successor.event('setup')]);
  }, 30_000);

  test('interop/ship hub: after shutdown nothing dials, and the port is free', async () => {
    const { we, go } = await pair('both');
    await we.hub.shutdown();
    expect(we.hub.engine.metrics()).toMatchObject({ connections: 0, wires: 0, openings: 0 });
    await go.event('disconnected');
  }, 20_000);
});
