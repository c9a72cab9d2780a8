import { makeIdentity } from '../../adapters/identity/index.js';
import { FaultTransport } from '../../adapters/cli/fault-transport.js';
import { createNode, makeNodeKey, type NodeOptions, type Peer, type RendezvousNode } from '../../adapters/rendezvous/index.js';
import type { Transport } from '../../machines/ports.js';
import { tcp } from '../../transports/tcp.js';
import { tls } from '../../transports/tls.js';
import { websocket } from '../../transports/websocket.js';

const nodes: RendezvousNode[] = [];
const QUICK = {
  refreshMs: 300,
  bootstrapBaseMs: 30,
  bootstrapCapMs: 300,
  repeatFilterMs: 300,
  askTimeoutMs: 600,
  peersWanted: 16,
};

async function node(scheme: string, transport: Transport, options: Partial<NodeOptions> = {}): Promise<RendezvousNode> {
  const made = createNode({
    key: makeNodeKey(),
    transports: [transport],
    listen: [`${scheme}://127.0.0.1:0`],
    limits: QUICK,
    ...options,
  });
  nodes.push(made);
  await made.start();
  return made;
}
afterEach(async () => void (await Promise.all(nodes.splice(0).map((each) => each.terminate()))));

/** Resolves when it is true, looking whenever anything happens to any of them. */
function until(of: readonly RendezvousNode[], isTrue: () => boolean): Promise<void> {
  return new Promise((resolve) => {
    const look = (): void => {
      if (!isTrue()) return;
      for (const off of offs) off();
      resolve();
    };
    const offs = of.map((each) => each.on(() => setImmediate(look)));
    setImmediate(look);
  });
}
const together = (of: readonly RendezvousNode[]): Promise<void> =>
  until(of, () => of.every(({ peers, phase }) => phase === 'connected' && peers.length === of.length - 1));

/** A word each way between each pair, on what both hold for their one connection. */
async function talk(of: readonly RendezvousNode[]): Promise<void> {
  const heard: Promise<string>[] = [];
  for (const a of of)
    for (const b of of) {
      if (a === b) continue;
      const [here, there] = [a.peer(b.id), b.peer(a.id)] as [Peer, Peer];
      expect(new Set([here.connection.role, there.connection.role]).size).toBe(2);
      heard.push(new Promise((resolve) => (there.onMessage = (message) => resolve(Buffer.from(message).toString()))));
      await here.send(Buffer.from(`${a.id} ${b.id}`));
    }
  expect((await Promise.all(heard)).sort()).toEqual(
    of.flatMap((a) => of.filter((b) => b !== a).map((b) => `${a.id} ${b.id}`)).sort(),
  );
}

const transports: [string, () => Promise<{ transport: Transport; certificate?: string }>][] = [
  ['tcp', () => Promise.resolve({ transport: tcp() })],
  ['ws', () => Promise.resolve({ transport: websocket() })],
  [
    'tls',
    async () => {
      const identity = await makeIdentity();
      return { transport: tls({ identity }), certificate: identity.fingerprint };
    },
  ],
];

test.each(transports)(
  '[RDV-9] over %s: five find each other through one contact, the contact dies, all links die, and they come back',
  async (scheme, make) => {
    const contacts: string[] = [];
    const plugs: FaultTransport[] = [];
    const all: RendezvousNode[] = [];
    for (let n = 0; n < 5; n++) {
      const { transport, certificate } = await make();
      const plug = new FaultTransport(transport);
      plugs.push(plug);
      all.push(await node(scheme, plug, { contacts: () => contacts, ...(certificate === undefined ? {} : { certificate }) }));
      if (n < 2) contacts.push(all[n]!.engine.addresses[0]!);
    }
    await together(all);
    await talk(all);
    const [contact, ...rest] = all as [RendezvousNode, ...RendezvousNode[]];
    const phases: string[] = [];
    for (const each of rest) each.on((news) => void (news.type === 'phase' && phases.push(news.phase)));
    await contact.terminate();
    await until(rest, () => rest.every(({ peers }) => peers.length === 3));
    expect(phases).toEqual([]); // Nobody was alone for a moment.
    await talk(rest);
    const back = until(rest, () => phases.filter((phase) => phase === 'connected').length >= 4);
    for (const plug of plugs) plug.cut();
    await back;
    expect(phases.filter((phase) => phase === 'disconnected').length).toBeGreaterThanOrEqual(4);
    await together(rest);
    await talk(rest);
    const open = rest.map(({ engine }) => engine.metrics());
    expect(open.map(({ connections, wires }) => [connections, wires])).toEqual(Array(4).fill([3, 3]));
    await Promise.all(rest.map((each) => each.terminate()));
    for (const each of rest) {
      const { connections, wires, openings } = each.engine.metrics();
      expect([connections, wires, openings, each.sizes]).toEqual([0, 0, 0, { expected: 0, pending: 0, routes: 0, timers: 0 }]);
    }
  },
  20_000,
);

test('[RDV-4] rendezvous/mesh: over TLS a Hello vouches for the certificate: a relay between two nodes is detected', async () => {
  const [alice, bob] = await Promise.all([makeIdentity(), makeIdentity()]);
  const b = await node('tls', tls({ identity: bob }), { certificate: bob.fingerprint });
  // Somebody in between shows a certificate of their own, and Alice's Hello vouches for hers.
  const between = await node('tls', tls({ identity: await makeIdentity() }), {
    certificate: alice.fingerprint,
    contacts: b.engine.addresses,
  });
  await until([b, between], () => (b.counts['identity-mismatch'] ?? 0) > 0);
  expect([b.peers.length, between.peers.length]).toEqual([0, 0]);
  // And where the listener shows another one than it vouches for, the dialer finds out.
  const mask = await node('tls', tls({ identity: await makeIdentity() }), { certificate: bob.fingerprint });
  const a = await node('tls', tls({ identity: alice }), { certificate: alice.fingerprint, contacts: mask.engine.addresses });
  await until([a, mask], () => (a.counts['identity-mismatch'] ?? 0) > 0);
  expect([a.peers.length, mask.peers.length]).toEqual([0, 0]);
  const honest = await node('tls', tls({ identity: alice }), { certificate: alice.fingerprint, contacts: b.engine.addresses });
  await until([honest, b], () => honest.phase === 'connected' && b.phase === 'connected');
}, 20_000);

test('rendezvous/mesh: options say what is wrong with them', () => {
  const make = (change: object) => () => createNode({ key: makeNodeKey(), transports: [tcp()], ...change });
  expect(make({ key: 5 })).toThrow('createNode.key: expected a private key in PEM, or an object with id, sign and verify, got 5');
  expect(make({ key: 'x' })).toThrow("the node's key can't be read");
  expect(make({ transports: [] })).toThrow('createNode.transports: expected at least one of transports, got 0');
  expect(make({ listen: ['tcp://127.0.0.1:0', 'ws://127.0.0.1:0'] })).toThrow('expected addresses of one scheme, got tcp, ws');
  expect(make({ announce: ['tcp://a b:1'] })).toThrow('expected scheme://… in printable ASCII');
  expect(make({ announce: [1, 2, 3, 4, 5].map((n) => `tcp://a:${n}`) })).toThrow('expected at most four addresses');
  expect(make({ limits: { banMs: -1 } })).toThrow('createNode.limits.banMs: expected a finite number of at least 0, got -1');
  expect(make({ limits: { patience: 1 } })).toThrow('createNode.limits: there is no option "patience"');
  expect(make({ signaling: {} })).toThrow('createNode.signaling');
  expect(make({ certificate: 'abc' })).toThrow('bad fingerprint');
});

test('rendezvous/mesh: a listener that others than this machine reach needs proof by TLS, or a word', async () => {
  const announce = ['tcp://192.0.2.1:7000'];
  const open = createNode({ key: makeNodeKey(), transports: [tcp()], listen: ['tcp://0.0.0.0:0'], announce });
  nodes.push(open);
  await expect(open.start()).rejects.toMatchObject({ code: 'insecure' });
});
