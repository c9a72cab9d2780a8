import { createEngine, type Connection, type Engine, type EngineEvent } from '../../adapters/index.js';
import { pool } from '../../adapters/pool/index.js';
import { resume } from '../../adapters/resume/index.js';
import { startEngine } from '../../machines/engine.js';
import type { Protocol } from '../../machines/protocol.js';
import { ports } from '../../adapters/node.js';
import { tcp } from '../../transports/tcp.js';

const open: Engine[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((engine) => engine.shutdown({ deadlineMs: 2000 })));
});

const ADDRESS = 'tcp://127.0.0.1:0';
const [ALICE, BOB] = ['a'.repeat(64), 'b'.repeat(64)] as const;

async function started(protocol: Protocol<unknown>, listen: string[] = [], entropy = ports.entropy): Promise<Engine> {
  const engine = startEngine({ ...ports, entropy }, { transports: [tcp()], protocols: [protocol], listen });
  open.push(engine);
  await engine.start();
  return engine;
}

async function accepted(engine: Engine): Promise<Connection> {
  for await (const connection of engine.incoming) return connection;
  throw new Error('nothing came');
}

describe('handles/ids: connection.id', () => {
  test('is unique: on both sides, for each of several connections, with `reuse`, and again after a restart', async () => {
    const ids: string[] = [];
    for (let start = 0; start < 2; start++) {
      const server = await started(resume(), [ADDRESS]);
      const client = await started(resume());
      const [address] = server.addresses as [string];
      for (const options of [{}, {}, { reuse: true }]) {
        const near = await client.connect(address, options);
        ids.push(near.id, (await accepted(server)).id);
        if (options.reuse === true) await near.close(); // The next one under that address is another one.
      }
      const again = await client.connect(address, { reuse: true });
      ids.push(again.id, (await accepted(server)).id);
    }
    expect(new Set(ids).size).toBe(ids.length);
    expect(ids.filter((id) => !/^resume [0-9a-f]{12}\.\d+(\.\d+)?( \S+)?$/.test(id))).toEqual([]);
  });

  test('is unique where there is one connection per peer: the one after it has another id', async () => {
    const [a, b] = [
      await started(pool({ identity: 'stated', id: ALICE })),
      await started(pool({ identity: 'stated', id: BOB }), [ADDRESS]),
    ];
    const ids: string[] = [];
    for (let n = 0; n < 3; n++) {
      const near = await a.connect(b.addresses[0]!, { peer: BOB });
      const far = await accepted(b);
      ids.push(near.id, far.id);
      await near.close();
      await far.closed;
    }
    expect(new Set(ids).size).toBe(6);
  });

  test('comes from the entropy that was injected, and is made when it is first asked for', async () => {
    let asked = 0;
    const entropy = (bytes: number): Uint8Array => {
      if (bytes === 6) asked++;
      return bytes === 6 ? Uint8Array.of(1, 2, 3, 4, 5, 6) : ports.entropy(bytes);
    };
    const server = await started(resume(), [ADDRESS]);
    const client = await started(resume(), [], entropy);
    const connections = [await client.connect(server.addresses[0]!), await client.connect(server.addresses[0]!)];
    expect([connections.map(({ id }) => id), asked]).toEqual([['resume 010203040506.1', 'resume 010203040506.2'], 1]);
  });

  test('is the same in every event of a connection, from its first state to its last', async () => {
    const server = await started(resume(), [ADDRESS]);
    const client = await started(resume());
    const events: EngineEvent[] = [];
    client.on((event) => events.push(event));
    server.on((event) => events.push(event));
    const near = await client.connect(server.addresses[0]!);
    const far = await accepted(server);
    await near.close();
    await far.closed;
    const ids = events.flatMap((event) => ('id' in event ? [event.id] : 'connection' in event ? [event.connection.id] : []));
    expect(new Set(ids)).toEqual(new Set([near.id, far.id]));
  });
});

describe('handles/ids: a handle and its actor', () => {
  test('are found from each other, by `engine.actor.system.get` and `engine.connection`, on both sides', async () => {
    const server = await started(resume(), [ADDRESS]);
    const client = await started(resume());
    const pairs: [Engine, Connection][] = [];
    for (let n = 0; n < 3; n++) {
      pairs.push([client, await client.connect(server.addresses[0]!)]);
      pairs.push([server, await accepted(server)]);
    }
    for (const [engine, connection] of pairs) {
      const actor = engine.actor.system.get(connection.id)!;
      expect(actor.getSnapshot()).toMatchObject({ value: { engaged: 'completed' } });
      expect(actor.id).toBe(connection.id); // Inspectors show it by this name.
      expect(engine.connection(actor)).toBe(connection);
      expect(engine.connection(connection.id)).toBe(connection);
      expect(engine.peers.state(connection.id)).toMatchObject({ state: 'completed' });
    }
    const [[engine, connection], [other]] = pairs as [[Engine, Connection], [Engine, Connection]];
    expect([other.connection(connection.id), other.actor.system.get(connection.id)]).toEqual([undefined, undefined]);
    await connection.close();
    expect([engine.connection(connection.id), engine.actor.system.get(connection.id)]).toEqual([undefined, undefined]);
    for (const nothing of ['', 'resume', 'resume 0.1', connection.id.replace('.', '.9')])
      expect([engine.connection(nothing), engine.actor.system.get(nothing)]).toEqual([undefined, undefined]);
  });

  test('an id names one session: the actor goes on to the next, and the id before leads to it no more', async () => {
    const [a, b] = [
      await started(pool({ identity: 'stated', id: ALICE })),
      await started(pool({ identity: 'stated', id: BOB }), [ADDRESS]),
    ];
    const address = b.addresses[0]!;
    a.peers.register(address);
    const next = (): Promise<Connection<unknown>> =>
      new Promise((resolve) => {
        const off = a.on((event) => {
          if (event.type !== 'connected') return;
          off();
          resolve(event.connection);
        });
      });
    const first = await next();
    const second = next();
    const far = await accepted(b);
    await far.close({ now: true });
    expect(await first.closed).toBeDefined();
    void a.connect(address).catch(() => {}); // Whatever a registration makes of that ending, somebody wants it again.
    const again = await second;
    expect(again.id).not.toBe(first.id);
    expect([a.connection(first.id), a.connection(again.id)]).toEqual([undefined, again]);
    expect(a.connection(a.actor.system.get(again.id)!)).toBe(again);
  });

  test('`createEngine` finds none before it has started', () => {
    const engine = createEngine({ transports: [tcp()], protocols: [resume()] });
    expect([engine.connection('resume 010203040506.1'), engine.actor.system.get('resume 010203040506.1')]).toEqual([
      undefined,
      undefined,
    ]);
  });
});
