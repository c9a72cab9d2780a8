import { ports } from '#platform';
import { makeIdentity, type OwnIdentity } from '../../adapters/identity/index.js';
import { memoryTrust } from '../../adapters/ship/index.js';
import { handshake } from '../interop/scripted-handshake.js';
import { listenPeer } from '../interop/scripted-listener.js';
import { dialPeer } from '../interop/scripted-peer.js';
import { accessMethodsRequest, connectionClose, dataOf, memberOf } from '../interop/ship-messages.js';
import { endsAfterEach, node, type Node } from './nodes.js';

const ends = endsAfterEach();

let own: OwnIdentity;
let [one, two]: OwnIdentity[] = [];
beforeAll(async () => {
  [own, one, two] = await Promise.all([makeIdentity(), makeIdentity(), makeIdentity()]);
});

const trusting = (): Promise<Node> =>
  node(own, 'own-id', {
    trust: memoryTrust([{ ski: one!.ski! }, { ski: two!.ski! }]),
    ports: { ...ports, random: () => 0 }, // Its first dial is at once.
  });

/** Both ways, from a node to a peer that is through with the handshake. */
async function exchange(we: Node, ski: string, peer: Awaited<ReturnType<typeof dialPeer>>, nth: number): Promise<void> {
  await peer.send(dataOf(100 + nth));
  await we.until('data', nth);
  await we.hub.getConnection(ski)!.connection.send({ datagram: { nth } });
  expect(memberOf(await peer.expectNamed('data'), 'nth')).toBe(String(nth));
}

test('TC_SHIP_ROLE_001 as server: a peer dials, the handshake completes, data goes both ways', async () => {
  const we = await trusting();
  const peer = await dialPeer({ port: we.port, identity: one });
  ends.push(() => peer.drop());
  expect(await handshake(peer)).toMatchObject({ shipId: 'own-id' });
  await we.until('connected');
  await exchange(we, one!.ski!, peer, 1);
});

test('TC_SHIP_ROLE_002 as client: we dial, the handshake completes, data goes both ways', async () => {
  const listener = await listenPeer({ identity: one! });
  ends.push(() => listener.close());
  const we = await trusting();
  we.board.show(one!.ski!, listener.port);
  const peer = await listener.peer();
  expect(peer).toMatchObject({ role: 'server', protocol: 'ship', path: '/ship/', ski: own.ski });
  expect(await handshake(peer)).toMatchObject({ shipId: 'own-id' });
  await we.until('connected');
  await exchange(we, one!.ski!, peer, 1);
});

test('SHIP/roles: TC_SHIP_ROLE_003 both roles at once to different peers: neither connection is troubled by the other', async () => {
  const listener = await listenPeer({ identity: two! });
  ends.push(() => listener.close());
  const we = await trusting();
  we.board.show(two!.ski!, listener.port);
  const [client, server] = await Promise.all([dialPeer({ port: we.port, identity: one }), listener.peer()]);
  ends.push(() => client.drop());
  await Promise.all([handshake(client), handshake(server)]); // Phase by phase beside each other.
  await we.until('connected', 2);
  await exchange(we, one!.ski!, client, 1);
  await exchange(we, two!.ski!, server, 2);
  await client.send(connectionClose('announce', 500, 'unspecific'));
  expect(await client.expectNamed('connectionClose')).toEqual(connectionClose('confirm'));
  await we.until('disconnected');
  await exchange(we, two!.ski!, server, 3);
  expect(we.hub.getConnectionCount()).toBe(1);
});

test('TC_SHIP_AMDATA_004 does not apply: this node declares to ask, and asks on every connection, in both roles', async () => {
  const listener = await listenPeer({ identity: two! });
  ends.push(() => listener.close());
  const we = await trusting();
  we.board.show(two!.ski!, listener.port);
  for (const peer of [await dialPeer({ port: we.port, identity: one }), await listener.peer()]) {
    ends.push(() => peer.drop());
    await handshake(peer, { until: 'pin' });
    await peer.expect(accessMethodsRequest);
  }
});
