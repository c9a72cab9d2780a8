import { Readable } from 'node:stream';
import { createEngine, type Connection, type Engine } from '../../adapters/index.js';
import { messagesOver } from '../../adapters/messages.js';
import { ConnectionManager } from '../../adapters/pool/index.js';
import { createNode, makeNodeKey } from '../../adapters/rendezvous/index.js';
import { resume } from '../../adapters/resume/index.js';
import { Hub, makeShipIdentity } from '../../adapters/ship/index.js';
import { ReconnectingSession, StreamSession, TunnelEntrance, TunnelExit } from '../../adapters/streams/index.js';
import { PipeSource, Receiver } from '../../adapters/streams/transfer/index.js';
import { tuna, TunaListener } from '../../adapters/tuna/index.js';
import { shipTransport } from '../../transports/ship.js';
import { tcp } from '../../transports/tcp.js';
import { checkHeld, persisted } from './held.js';

const open: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of open.splice(0).reverse()) await close();
});

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

describe('handles: a machine that has one in its context is persisted, and the text holds no secret', () => {
  test('connections of both sides, with messages under way, their states, and engines with what hangs on them', async () => {
    const [near, far, client] = await pair();
    near.write(new Uint8Array(100_000));
    checkHeld(near, far, near.states, client, client.peers, client.events, client.incoming, client.metrics());
    expect(JSON.parse(persisted(near))).toMatchObject({
      context: { held: { it: { id: near.id, protocol: 'resume', state: 'completed', number: 7 } } },
    });
    expect(JSON.parse(JSON.stringify(client))).toEqual({ addresses: [], protocols: ['resume'], connections: 1, isServing: true });
    const seen: unknown[] = [];
    client.on((event) => seen.push(event));
    const closing = await near.close();
    checkHeld(closing, near, client);
    expect(seen.length).toBeGreaterThan(2);
    checkHeld(...seen);
  });

  test('an engine that was not started, and one that is over', async () => {
    const engine = createEngine({ transports: [tcp()], protocols: [resume()] });
    checkHeld(engine);
    await engine.start();
    await engine.shutdown();
    checkHeld(engine);
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
    const kept = new ReconnectingSession(client, 'tcp://127.0.0.1:1');
    const place = { host: '127.0.0.1', port: 1 };
    checkHeld(near, ...sessions, stream, await offered, sessions[0].connection, kept);
    checkHeld(
      new TunnelEntrance(kept),
      new TunnelExit(place),
      new Receiver({ directory: '.' }),
      new PipeSource(new Readable(), 'it'),
    );
    const [one] = await pair('tuna');
    checkHeld(messagesOver(one));
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
    checkHeld(...pools, lease, pools[0]!.getConnection(b));
    const [, client] = await started('tuna');
    const listener = await TunaListener.listen(client, { numTunaListeners: 1 });
    open.push(() => listener.close());
    checkHeld(listener);
  });

  test('rendezvous nodes and their peers, SHIP hubs and their connections', async () => {
    const node = createNode({ key: makeNodeKey(), transports: [tcp()], listen: [ADDRESS] });
    open.push(() => node.terminate());
    await node.start();
    const other = createNode({ key: makeNodeKey(), transports: [tcp()], contacts: [node.engine.addresses[0]!] });
    open.push(() => other.terminate());
    const met = new Promise<unknown>((resolve) => other.on((news) => news.type === 'peer' && resolve(news.peer)));
    await other.start();
    checkHeld(node, other, await met, node.peers);

    const identity = await makeShipIdentity();
    const hub = new Hub({
      ski: identity.ski!,
      shipId: 'me',
      transports: [shipTransport({ identity })],
      listen: ['wss://127.0.0.1:0'],
    });
    open.push(() => hub.shutdown());
    await hub.start();
    checkHeld(hub);
  });
});
