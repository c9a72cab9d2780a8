import { Readable } from 'node:stream';
import { assign, createActor, setup } from 'xstate';
import { createEngine, type Connection, type Engine } from '../../adapters/index.js';
import { messagesOver } from '../../adapters/messages.js';
import { ConnectionManager } from '../../adapters/pool/index.js';
import { createNode, makeNodeKey } from '../../adapters/rendezvous/index.js';
import { resume } from '../../adapters/resume/index.js';
import { Hub, makeShipIdentity } from '../../adapters/ship/index.js';
import { Keeper, StreamSession, TunnelEntrance, TunnelExit } from '../../adapters/streams/index.js';
import { PipeSource, Receiver } from '../../adapters/streams/transfer/index.js';
import { tuna, TunaListener } from '../../adapters/tuna/index.js';
import { shipTransport } from '../../transports/ship.js';
import { tcp } from '../../transports/tcp.js';

const open: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of open.splice(0).reverse()) await close();
});

/** A user's own machine that keeps whatever it is given: by itself, in a list, and in an event that it remembers. */
const keeper = setup({ types: { context: {} as { held: unknown }, events: {} as { type: 'got'; held: unknown } } }).createMachine(
  {
    context: { held: undefined },
    on: { got: { actions: assign({ held: ({ event }) => ({ it: event.held, list: [event.held], event }) }) } },
  },
);

/** What XState persists of a machine with this in its context, as text; the machine goes on from that text. */
function persisted(held: unknown): string {
  const actor = createActor(keeper).start();
  actor.send({ type: 'got', held });
  const text = JSON.stringify(actor.getPersistedSnapshot());
  expect(JSON.stringify(actor.getSnapshot().context).length).toBeGreaterThan(0);
  actor.stop();
  const again = createActor(keeper, { snapshot: JSON.parse(text) as never }).start();
  expect(again.getSnapshot().status).toBe('active');
  again.stop();
  return text;
}

/** Nothing of a handle leads anywhere: what can be listed of it, however deep, is plain and little. */
function listed(value: unknown, depth = 0): number {
  if (typeof value !== 'object' || value === null) return 1;
  if (depth > 4) throw new Error(`deeper than 4, at a ${value.constructor.name}`);
  let sum = 1;
  for (const key in value) sum += listed((value as Record<string, unknown>)[key], depth + 1);
  return sum;
}

const ADDRESS = 'tcp://127.0.0.1:0';

async function started(protocol: 'resume' | 'tuna' = 'resume'): Promise<[Engine, Engine]> {
  const engines = [[ADDRESS], []].map((listen) =>
    createEngine({ transports: [tcp()], protocols: [protocol === 'resume' ? resume() : tuna()], listen }),
  ) as [Engine, Engine];
  for (const engine of engines) {
    open.push(() => engine.shutdown({ deadlineMs: 2000 }));
    await engine.start();
  }
  return engines;
}

async function pair(protocol: 'resume' | 'tuna' = 'resume'): Promise<[Connection, Connection, Engine]> {
  const [server, client] = await started(protocol);
  const near = await client.connect(server.addresses[0]!);
  for await (const far of server.incoming) return [near, far, client];
  throw new Error('nothing came');
}

/** Names that what proves a session, or an identity, goes by. */
const SECRETS = /"\w*(key|token|secret|nonce|seed|session)"|PRIVATE/i;

describe('handles: a machine that has one in its context is persisted, and the text holds no secret', () => {
  const checked = (...handles: unknown[]): void => {
    for (const handle of handles) {
      expect(listed(handle)).toBeLessThan(100);
      const text = persisted(handle);
      expect(text.length).toBeLessThan(10_000);
      expect(text).not.toMatch(SECRETS);
    }
  };

  test('connections of both sides, with messages under way, their states, and engines with what hangs on them', async () => {
    const [near, far, client] = await pair();
    near.write(new Uint8Array(100_000));
    checked(near, far, near.states, client, client.peers, client.events, client.incoming, client.metrics());
    expect(JSON.parse(persisted(near))).toMatchObject({
      context: { held: { it: { id: near.id, protocol: 'resume', state: 'completed', number: 7 } } },
    });
    expect(JSON.parse(JSON.stringify(client))).toEqual({ addresses: [], protocols: ['resume'], connections: 1, isServing: true });
    const seen: unknown[] = [];
    client.on((event) => seen.push(event));
    const closing = await near.close();
    checked(closing, near, client);
    expect(seen.length).toBeGreaterThan(2);
    checked(...seen);
  });

  test('an engine that was not started, and one that is over', async () => {
    const engine = createEngine({ transports: [tcp()], protocols: [resume()] });
    checked(engine);
    await engine.start();
    await engine.shutdown();
    checked(engine);
  });

  test('messages over a stream, stream sessions, streams piped into themselves, tunnels, keepers and transfers', async () => {
    const [near, far, client] = await pair('tuna');
    const sessions = [new StreamSession(near), new StreamSession(far)] as const;
    const offered = new Promise<unknown>((resolve) => {
      sessions[1].onOffer = (offer) => {
        resolve(offer);
        const stream = offer.accept().on('error', () => {}); // It is torn off at the end.
        stream.pipe(stream);
      };
    });
    const stream = await sessions[0].open('echo');
    stream.write('hello');
    stream.pipe(stream);
    const kept = new Keeper(client, 'tcp://127.0.0.1:1');
    const place = { host: '127.0.0.1', port: 1 };
    checked(near, ...sessions, stream, await offered, sessions[0].connection, kept);
    checked(
      new TunnelEntrance(kept),
      new TunnelExit(place),
      new Receiver({ directory: '.' }),
      new PipeSource(new Readable(), 'it'),
    );
    const [one] = await pair('tuna');
    checked(messagesOver(one));
    stream.destroy();
  });

  test('a pool, its handles, and a listener with exits', async () => {
    const [a, b] = ['a'.repeat(64), 'b'.repeat(64)];
    const addresses = new Map<string, string[]>();
    const resolver = { resolve: (id: string) => addresses.get(id) ?? [] };
    const pools = [a, b].map((id) => new ConnectionManager({ id, identity: 'stated', transports: [tcp()], resolver }));
    for (const each of pools) open.push(() => each.shutdown());
    addresses.set(b, [await pools[1]!.listen(ADDRESS)]);
    const lease = await pools[0]!.connect(b);
    checked(...pools, lease, pools[0]!.getConnection(b));
    const [, client] = await started('tuna');
    const listener = await TunaListener.listen(client, { numTunaListeners: 1 });
    open.push(() => listener.close());
    checked(listener);
  });

  test('rendezvous nodes and their peers, SHIP hubs and their connections', async () => {
    const node = createNode({ key: makeNodeKey(), transports: [tcp()], listen: [ADDRESS] });
    open.push(() => node.terminate());
    await node.start();
    const other = createNode({ key: makeNodeKey(), transports: [tcp()], contacts: [node.engine.addresses[0]!] });
    open.push(() => other.terminate());
    const met = new Promise<unknown>((resolve) => other.on((news) => news.type === 'peer' && resolve(news.peer)));
    await other.start();
    checked(node, other, await met, node.peers);

    const identity = await makeShipIdentity();
    const hub = new Hub({
      ski: identity.ski!,
      shipId: 'me',
      transports: [shipTransport({ identity })],
      listen: ['wss://127.0.0.1:0'],
    });
    open.push(() => hub.shutdown());
    await hub.start();
    checked(hub);
  });
});
