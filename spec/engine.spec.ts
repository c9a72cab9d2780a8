import { createEngine, Engine, type Connection, type EngineEvent } from '../adapters/index.js';
import { ports } from '../adapters/node.js';
import { makeIdentity } from '../adapters/identity/index.js';
import { resume } from '../adapters/resume/index.js';
import { engines, listening, started } from './engines.js';
import { FaultProxy } from '../adapters/cli/fault-proxy.js';
import { tcp } from '../transports/tcp.js';
import { tls } from '../transports/tls.js';
import { websocket } from '../transports/websocket.js';
import type { Clock } from '../machines/ports.js';

async function firstOf<T>(source: AsyncIterable<T>): Promise<T> {
  for await (const value of source) return value;
  throw new Error('nothing came');
}
/** Those of one kind, from now on. */
async function* events(engine: Engine, type: EngineEvent['type']): AsyncGenerator<EngineEvent> {
  for await (const event of engine.events) if (event.type === type) yield event;
}
const text = (message: Uint8Array): string => Buffer.from(message).toString();

test('the library in twenty lines: an echo over TCP, both ways, and a clean end', async () => {
  const server = await listening();
  const client = await started();
  const accepted = firstOf(server.incoming);
  const connection = await client.connect(server.addresses[0]!);
  const far = await accepted;
  far.onMessage = (message) => far.write(message);
  const echo = firstOf(connection);
  await connection.send(Buffer.from('hello'));
  expect(text(await echo)).toBe('hello');
  expect(connection.state).toBe('completed');
  expect(await connection.close()).toMatchObject({ code: 'closed', side: 'local' });
  expect(await far.closed).toMatchObject({ code: 'peer-goodbye', side: 'remote' });
});

test('engine: over TLS both sides know each other by key, and a wrong key is a typed ending', async () => {
  const [alice, bob] = await Promise.all([makeIdentity(), makeIdentity()]);
  const server = await started({
    transports: [tls({ identity: bob, trust: [alice.fingerprint] })],
    listen: ['tls://127.0.0.1:0'],
  });
  const client = await started({ transports: [tls({ identity: alice })] });
  const accepted = firstOf(server.incoming);
  const connection = await client.connect(server.addresses[0]!, { fingerprints: [bob.fingerprint] });
  expect((await accepted).peer).toBe(alice.fingerprint);
  await connection.send(Buffer.from('hello'));
  const wrong = client.connect(server.addresses[0]!, { fingerprints: [alice.fingerprint] });
  await expect(wrong).rejects.toMatchObject({ closing: { code: 'identity-mismatch' } });
});

test('engine: a connection that was not taken yet waits in `incoming`; beyond its bound others are refused as busy', async () => {
  const server = await listening({ limits: { incomingMax: 2 } });
  const client = await started();
  const address = server.addresses[0]!;
  const first = await client.connect(address);
  await first.send(Buffer.from('kept'));
  const second = await client.connect(address);
  await second.send(Buffer.from('too'));
  await expect(client.connect(address)).rejects.toMatchObject({ closing: { code: 'busy', detail: { retryAfterMs: 1000 } } });
  const far = await firstOf(server.incoming);
  expect(text(await firstOf(far))).toBe('kept');
  expect((await client.connect(address)).state).toBe('completed');
});

test('engine: the same over WebSocket; who is busy says so before the upgrade, with the time to come back', async () => {
  const server = await started({ transports: [websocket()], listen: ['ws://127.0.0.1:0'], limits: { incomingMax: 1 } });
  const client = await started({ transports: [websocket()] });
  const connection = await client.connect(server.addresses[0]!);
  await connection.send(Buffer.from('hello'));
  await expect(client.connect(server.addresses[0]!)).rejects.toMatchObject({
    closing: { code: 'busy', detail: { retryAfterMs: 1000, cause: { status: 503 } } },
  });
  const far = await firstOf(server.incoming);
  expect(text(await firstOf(far))).toBe('hello');
  await connection.close();
  expect(await far.closed).toMatchObject({ code: 'peer-goodbye' });
});

test('engine: states come in order, each once, and end with the connection', async () => {
  const server = await listening();
  const client = await started();
  const connection = await client.connect(server.addresses[0]!);
  const states: string[] = [];
  const read = (async () => {
    for await (const state of connection.states) states.push(state);
  })();
  await connection.close();
  await read;
  expect(states).toEqual(['completed', 'none']);
});

test('engine: twenty cuts in the middle of a stream lose and double nothing, and the iterator sees every message', async () => {
  const server = await listening();
  const cutter = new FaultProxy(Number(server.addresses[0]!.split(':').at(-1)));
  const port = await cutter.listen();
  const client = await started({ protocols: [resume({ redial: { kind: 'constant', delayMs: 1 } })] });
  const got: number[] = [];
  const receiving = (async () => {
    const far = await firstOf(server.incoming);
    for await (const message of far) {
      got.push(Buffer.from(message).readUInt32BE());
      if (got.length % 100 === 0 && got.length <= 2000) cutter.cut();
    }
  })();
  const connection = await client.connect(`tcp://127.0.0.1:${port}`);
  const resumes = { count: 0 };
  client.on((event) => event.type === 'resumed' && resumes.count++);
  for (let n = 0; n < 3000; n++) {
    const message = Buffer.alloc(5000);
    message.writeUInt32BE(n);
    if (!connection.write(message)) await connection.drained();
  }
  await connection.close();
  await receiving;
  await cutter.close();
  expect(got).toEqual(Array.from({ length: 3000 }, (_, n) => n));
  expect(resumes.count).toBeGreaterThan(5);
}, 30_000);

test('engine: the engine counts what it does, and warns once when it comes near its limit', async () => {
  const server = await listening({ limits: { connectionsMax: 5 } });
  const warnings: string[] = [];
  server.on((event) => event.type === 'limitNear' && warnings.push(`${event.connections} of ${event.max}`));
  const client = await started();
  for (let i = 0; i < 5; i++) await client.connect(server.addresses[0]!);
  await expect(client.connect(server.addresses[0]!)).rejects.toMatchObject({ closing: { code: 'limit-reached' } });
  expect(warnings).toEqual(['4 of 5']);
  expect(client.metrics()).toMatchObject({
    attempted: 6,
    completed: 5,
    connections: 5,
    closings: { 'limit-reached': 1 },
    states: { completed: 5 },
  });
  expect(client.metrics().connectionTime.count).toBe(5);
});

test('engine: a dial that has opened frees its slot for the next', async () => {
  const server = await listening();
  const client = await started({ limits: { pendingDialsMax: 1 } });
  for (let i = 0; i < 3; i++) expect((await client.connect(server.addresses[0]!)).state).toBe('completed');
});

test('engine: an aborted caller leaves alone; the attempt of others goes on', async () => {
  const server = await listening();
  const client = await started();
  const abort = new AbortController();
  const first = client.connect(server.addresses[0]!, { reuse: true, signal: abort.signal });
  const second = client.connect(server.addresses[0]!, { reuse: true });
  abort.abort();
  await expect(first).rejects.toMatchObject({ code: 'aborted' });
  const connection = await second;
  expect(await client.connect(server.addresses[0]!, { reuse: true })).toBe(connection);
});

test('engine: a registered peer is dialed until it is there, and again after it was lost', async () => {
  const port = Number((await listening()).addresses[0]!.split(':').at(-1));
  await engines.pop()!.shutdown();
  const client = await started({ protocols: [resume({ redial: { kind: 'constant', delayMs: 10 } })] });
  const connected = (async () => {
    for await (const event of client.events) if (event.type === 'connected') return event.connection;
    throw new Error('no connection');
  })();
  const refused = (async () => {
    for await (const event of client.events) if (event.type === 'closing') return event.closing.code;
    return undefined;
  })();
  const peer = `tcp://127.0.0.1:${port}`;
  client.peers.register(peer);
  expect(await refused).toBe('refused');
  await started({ listen: [peer] });
  expect((await connected).state).toBe('completed');
  expect(client.peers.state(peer)).toMatchObject({ state: 'completed', number: 7, isRegistered: true });
  client.peers.unregister(peer);
});

test('engine: a handler that throws harms neither the session nor the messages behind it; without `report` its error comes on a fresh stack', async () => {
  let caught!: (error: unknown) => void;
  const thrown = new Promise<unknown>((resolve) => (caught = resolve));
  const clock: Clock = {
    ...ports.clock,
    setTimeout: (fn, ms) =>
      ports.clock.setTimeout(() => {
        try {
          fn();
        } catch (error) {
          caught(error);
        }
      }, ms),
  };
  const { random, entropy } = ports;
  const server = new Engine(
    { clock, random, entropy },
    { transports: [tcp()], protocols: [resume()], listen: ['tcp://127.0.0.1:0'] },
  );
  engines.push(server);
  await server.start();
  const client = await started();
  const accepted = firstOf(server.incoming);
  const connection = await client.connect(server.addresses[0]!);
  const far = await accepted;
  const got: string[] = [];
  far.onMessage = (message) => {
    got.push(text(message));
    if (got.length === 1) throw new Error('mine');
  };
  await connection.send(Buffer.from('one'));
  await connection.send(Buffer.from('two'));
  expect(await thrown).toEqual(new Error('mine'));
  expect(got).toEqual(['one', 'two']);
});

test('engine: shutdown from inside a callback, twice, with connections open, ends with nothing left', async () => {
  const server = await listening();
  const client = await started();
  const over = new Promise<void>((resolve) => {
    server.on((event) => {
      if (event.type === 'connected') void Promise.all([server.shutdown(), server.shutdown()]).then(() => resolve());
    });
  });
  const connection: Connection = await client.connect(server.addresses[0]!);
  await over;
  expect(await connection.closed).toMatchObject({ code: 'peer-goodbye' });
  expect(server.metrics()).toMatchObject({ connections: 0, wires: 0 });
});

test('engine: a listener that was taken off is not called any more, also not in the middle of an event; each counts for itself', async () => {
  const server = await listening();
  const client = await started();
  const heard: string[] = [];
  const hear = ({ type }: { type: string }): void => void heard.push(type);
  const offFirst = client.on(() => {
    offFirst();
    offSecond();
  });
  const offSecond = client.on(hear);
  client.on(hear);
  client.on(hear)();
  const connection = await client.connect(server.addresses[0]!);
  await connection.close();
  expect(heard.filter((type) => type === 'connected')).toHaveLength(1);
  expect(heard.filter((type) => type === 'disconnected')).toHaveLength(1);
});

test('engine: an attempt that is to be retried ends with the last who waits for it', async () => {
  const server = await listening();
  const address = server.addresses[0]!;
  await server.shutdown();
  const client = await started();
  const patience = new AbortController();
  const tried = firstOf(events(client, 'closing'));
  const connecting = client.connect(address, { retry: true, signal: patience.signal });
  expect(await tried).toMatchObject({ closing: { code: 'refused' } });
  const ended = firstOf(events(client, 'closing'));
  patience.abort();
  await expect(connecting).rejects.toMatchObject({ code: 'aborted' });
  expect(await ended).toMatchObject({ closing: { code: 'cancelled' } });
  expect(client.metrics()).toMatchObject({ connections: 0 });
});

test('engine: an iterator that has returned is over, whatever is done with it, and the next one reads on', async () => {
  const server = await listening();
  const client = await started();
  const accepted = firstOf(server.incoming);
  const near = await client.connect(server.addresses[0]!);
  const far = await accepted;
  const old = far[Symbol.asyncIterator]();
  await old.return!();
  const message = firstOf(far);
  expect([await old.return!(), await old.next()]).toMatchObject([{ done: true }, { done: true }]);
  await near.send(Buffer.from('for the new one'));
  expect(text(await message)).toBe('for the new one');
});

test('engine: what is no bytes is refused, and not sent as something else', async () => {
  const server = await listening();
  const client = await started();
  const connection = await client.connect(server.addresses[0]!);
  const others: [unknown, string][] = [
    ['text', 'string'],
    [[1, 2], 'Array'],
    [new Uint16Array(2), 'Uint16Array'],
    [new ArrayBuffer(2), 'ArrayBuffer'],
    [null, 'null'],
  ];
  for (const [given, named] of others) {
    const message = given as Uint8Array;
    const error = { code: 'not-a-message', message: expect.stringContaining(`got ${named}`) as string };
    expect(() => connection.write(message)).toThrow(expect.objectContaining(error) as Error);
    await expect(connection.send(message)).rejects.toMatchObject(error);
  }
  expect(connection.stats()).toMatchObject({ accepted: 0 });
  await connection.close();
});

test('engine: an engine that is shut down before its listeners are bound says so, and leaves no call waiting', async () => {
  const engine = createEngine({ transports: [tcp()], protocols: [resume()], listen: ['tcp://127.0.0.1:0'] });
  const starting = engine.start();
  const listens = engine.listen('tcp://127.0.0.1:0');
  const over = engine.shutdown();
  await expect(starting).rejects.toMatchObject({ code: 'shutting-down' });
  await expect(listens).rejects.toMatchObject({ code: 'shutting-down' });
  await over;
});

test('engine: who was shut down does not start again', async () => {
  const engine = await listening();
  await engine.start();
  await engine.shutdown();
  await expect(engine.start()).rejects.toMatchObject({ code: 'shutting-down' });
});

test('engine: who asks for a shutdown at the last moment waits for its end too', async () => {
  const server = await listening();
  const order: string[] = [];
  const late = new Promise<void>((resolve) => {
    server.actor.subscribe({ complete: () => resolve(server.shutdown().then(() => void order.push('late'))) });
  });
  await Promise.all([server.shutdown().then(() => order.push('first')), late]);
  expect(order).toEqual(['first', 'late']);
});
