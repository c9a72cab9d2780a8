import { makeIdentity } from '../../adapters/identity/index.js';
import { memoryTrust, type HubOptions } from '../../adapters/ship/index.js';
import { endsAfterEach, node, type Node } from '../ship/nodes.js';
import { Relay } from './relay.js';
import { identityBeside } from './scripted-identity.js';
import { buildShipRust, ShipRust, shipRustAvailable, type ShipRustOptions } from './ship-rust.js';

const withRust = shipRustAvailable() ? describe : describe.skip;
const rules = ['initiator', 'mostRecent'] as const;
const sides = ['above', 'below'] as const;

/** What its SPINE engine answers without any use case. */
const discoveryRead = {
  datagram: {
    header: {
      specificationVersion: '1.3.0',
      addressSource: { device: 'd:_i:46925_holdfast', entity: [0], feature: 0 },
      addressDestination: { entity: [0], feature: 0 },
      msgCounter: 1,
      cmdClassifier: 'read',
    },
    payload: { cmd: [{ nodeManagementDetailedDiscoveryData: {} }] },
  },
};

/** Neither the crate's settings nor holdfast's defaults. */
const theirSettings: ShipRustOptions = { cmiMs: 12_000, helloMs: 90_000, connections: 3 };
const ourSettings = { helloWaitMs: 35_000, initTimeoutMs: 20_000, messageBytesMax: 40_000, accessTimeoutMs: 300 };

withRust('holdfast and the Rust crate eebus 0.10.1', () => {
  const ends = endsAfterEach();
  beforeAll(() => buildShipRust(), 600_000);

  const start = async (options: ShipRustOptions = {}): Promise<ShipRust> => {
    const rust = await ShipRust.start(options);
    ends.push(() => rust.stop());
    return rust;
  };
  const beside = async (rust: ShipRust, side: (typeof sides)[number], options: Partial<HubOptions> = {}): Promise<Node> => {
    const we = await node(await identityBeside(rust.ski, side), 'holdfast', {
      trust: memoryTrust([{ ski: rust.ski }]),
      ...options,
    });
    rust.trust(we.hub.ski);
    return we;
  };
  const classifiers = ({ got }: Node): string[] =>
    got.map((message) => /"cmdClassifier":"(\w+)"/.exec(JSON.stringify(message))?.[1] ?? '?');
  /** Its engine asks by itself as soon as it may; its answer to our question proves the other direction. */
  const dataFlows = async (we: Node, rust: ShipRust): Promise<void> => {
    const before = we.got.length;
    await we.hub.getConnection(rust.ski)!.connection.send(discoveryRead);
    for (let n = before + 1; !classifiers(we).slice(before).includes('reply'); n++) await we.until('data', n);
  };

  describe.each(rules)('interop/ship rust: rule %s', (doubleConnection) => {
    test.each([
      ['we', 'above'],
      ['we', 'below'],
      ['they', 'above'],
      ['they', 'below'],
    ] as const)(
      'unequal settings: %s dial, our SKI is %s, with limits and timeouts of our own; data both ways',
      async (dials, side) => {
        const rust = await start(theirSettings);
        const we = await beside(rust, side, { maxConnections: 1, doubleConnection, protocol: ourSettings });
        if (dials === 'we') we.board.show(rust.ski, rust.port);
        else rust.remember(we.hub.ski, we.port);
        await Promise.all([we.until('connected'), rust.event('connected')]);
        await we.until('data');
        expect(classifiers(we)).toContain('read');
        await dataFlows(we, rust);
        expect([rust.count('failed'), rust.count('disconnected'), we.hub.getConnectionCount()]).toEqual([0, 0, 1]);
      },
      60_000,
    );

    test.each(sides)(
      'a dead twin is not kept: our SKI is %s, its old connection is silently dead, its next one comes in at the first try',
      async (side) => {
        const rust = await start();
        const we = await beside(rust, side, { doubleConnection });
        const relay = await Relay.to(we.port);
        ends.push(() => relay.close());
        rust.remember(we.hub.ski, relay.port);
        await Promise.all([we.until('connected'), rust.event('connected')]);
        relay.strand();
        await rust.event('connected', 2);
        await we.until('connected', 2);
        await dataFlows(we, rust);
        expect([rust.count('failed'), we.hub.getConnectionCount()]).toEqual([0, 1]);
      },
      60_000,
    );

    test.each(sides)(
      'dials that cross: our SKI is %s, one connection is left, and it carries data',
      async (side) => {
        const rust = await start();
        const we = await beside(rust, side, { doubleConnection });
        we.board.show(rust.ski, rust.port);
        rust.remember(we.hub.ski, we.port);
        await Promise.all([we.until('connected'), rust.event('connected')]);
        // Which one is left is settled by the larger SKI at once, by the smaller one after 3 s and a ping round.
        for (;;) {
          const connection = we.hub.getConnection(rust.ski);
          if (connection && rust.count('connected') - rust.count('disconnected') === 1) break;
          await rust.next();
        }
        await dataFlows(we, rust);
        expect(we.hub.getConnectionCount()).toBe(1);
      },
      60_000,
    );
  });

  test('pairing: it dials and waits for our user, whose yes comes while it is ready', async () => {
    const rust = await start();
    const we = await node(await makeIdentity(), 'holdfast');
    rust.trust(we.hub.ski);
    rust.remember(we.hub.ski, we.port);
    await we.until('state 3');
    we.hub.registerRemoteService(rust.ski);
    await Promise.all([we.until('connected'), rust.event('connected')]);
    await dataFlows(we, rust);
    expect(rust.count('failed')).toBe(0);
  }, 60_000);

  test('pairing: we dial and wait for its user, whose yes comes while we are ready', async () => {
    const rust = await start();
    const we = await node(await makeIdentity(), 'holdfast', { trust: memoryTrust([{ ski: rust.ski }]) });
    we.board.show(rust.ski, rust.port);
    await rust.event('waiting');
    rust.trust(we.hub.ski);
    await Promise.all([we.until('connected'), rust.event('connected')]);
    await dataFlows(we, rust);
    expect(we.story.filter((word) => word.startsWith('disconnected'))).toEqual([]);
  }, 60_000);
});
