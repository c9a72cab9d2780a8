import { createServer, connect as connectSocket, type Socket } from 'node:net';
import { once } from 'node:events';
import { makeIdentity } from '../../adapters/identity/index.js';
import { ConnectionManager, type ConnectionManagerOptions, type PooledConnection } from '../../adapters/pool/index.js';
import { tcp } from '../../transports/tcp.js';
import { tls } from '../../transports/tls.js';

const A = 'a'.repeat(64);
const B = 'b'.repeat(64);
const managers: ConnectionManager[] = [];
const book = new Map<string, readonly string[]>();
const resolver = { resolve: (id: string) => book.get(id) ?? [] };

function manager(id: string, options: Partial<ConnectionManagerOptions> = {}): ConnectionManager {
  const made = new ConnectionManager({ id, identity: 'stated', transports: [tcp()], resolver, ...options });
  managers.push(made);
  return made;
}
/** A manager that listens and stands in the book. */
async function reachable(
  id: string,
  options: Partial<ConnectionManagerOptions> = {},
  address = 'tcp://127.0.0.1:0',
): Promise<ConnectionManager> {
  const made = manager(id, options);
  book.set(id, [await made.listen(address)]);
  return made;
}
afterEach(async () => {
  await Promise.all(managers.splice(0).map((each) => each.shutdown()));
  book.clear();
});

async function firstOf<T>(source: AsyncIterable<T>): Promise<T> {
  for await (const value of source) return value;
  throw new Error('nothing came');
}
async function gone(of: ConnectionManager): Promise<void> {
  if (of.connectionCount() === 0) return;
  await new Promise<void>((resolve) => {
    const off = of.engine.on((event) => {
      if (event.type !== 'disconnected' || of.connectionCount() > 0) return;
      off();
      resolve();
    });
  });
}
const bytes = (text: string): Uint8Array => Buffer.from(text);
const text = (message: Uint8Array | undefined): string | undefined => message && Buffer.from(message).toString();

describe('pool/manager: one connection per peer', () => {
  test('[POOL-4] a thousand callers at once share one dial', async () => {
    const b = await reachable(B);
    const a = manager(A);
    const held = await Promise.all(Array.from({ length: 1000 }, () => a.connect(B)));
    expect([a.connectionCount(), b.connectionCount(), a.engine.metrics().wires]).toEqual([1, 1, 1]);
    expect(new Set(held.map((each) => each.remoteId()))).toEqual(new Set([B]));
    expect(a.connectedPeers()).toEqual([B]);
    expect(b.connectedPeers()).toEqual([A]);
  });

  test('[POOL-4] a thousand callers on each side, dialing across each other, end with one connection and the same one', async () => {
    const [a, b] = [await reachable(A), await reachable(B)];
    const ask = (of: ConnectionManager, id: string): Promise<PooledConnection>[] =>
      Array.from({ length: 1000 }, () => of.connect(id));
    const held = await Promise.all([...ask(a, B), ...ask(b, A)]);
    expect([a.connectionCount(), b.connectionCount()]).toEqual([1, 1]);
    expect(held.filter((each) => each.isAlive()).length).toBe(2000);
    const read = b.getConnection(A)!.next();
    await held[0]!.send(bytes('across'));
    expect(text(await read)).toBe('across');
  });

  test('the cached connection is given while it is alive, and a new one is dialed once it is not', async () => {
    const b = await reachable(B);
    const a = manager(A);
    const first = await a.connect(B);
    expect((await a.connect(B)).remoteAddr()).toBe(first.remoteAddr());
    await b.disconnect(A);
    await gone(a);
    expect([first.isAlive(), first.remoteAddr(), a.getConnection(B)]).toEqual([false, undefined, undefined]);
    const second = await a.connect(B);
    expect(second.isAlive()).toBe(true);
  });

  test('a caller that gives up leaves alone; the others get the connection', async () => {
    await reachable(B);
    const a = manager(A);
    const patience = new AbortController();
    const [quitter, stayer] = [a.connect(B, { signal: patience.signal }), a.connect(B)];
    patience.abort();
    await expect(quitter).rejects.toMatchObject({ code: 'aborted' });
    expect((await stayer).isAlive()).toBe(true);
  });

  test('a handle that is closed waits for no message any more, and takes none from the others', async () => {
    const b = await reachable(B);
    const a = manager(A);
    const [one, two] = await Promise.all([a.connect(B), a.connect(B)]);
    const left = one.next();
    const stays = two.next();
    await one.close();
    expect(await left).toBeUndefined();
    await (await firstOf(b.incoming())).send(bytes('for who stays'));
    expect(text((await stays)!)).toBe('for who stays');
  });

  test('handles are counted: the last one to close closes, each only once', async () => {
    await reachable(B);
    const a = manager(A);
    const [one, two] = await Promise.all([a.connect(B), a.connect(B)]);
    await one.close();
    await one.close();
    await a.getConnection(B)!.close(); // A look is no lease.
    expect([one.isAlive(), two.isAlive(), a.connectionCount()]).toEqual([false, true, 1]);
    await two.close();
    expect(a.connectionCount()).toBe(0);
  });
});

describe('pool/manager: messages', () => {
  test('whole, in order, each to one reader; a cancelled read loses none', async () => {
    const b = await reachable(B);
    const a = manager(A);
    const here = await a.connect(B);
    const far = await firstOf(b.incoming());
    const patience = new AbortController();
    const cancelled = far.next({ signal: patience.signal });
    const readers = [far.next(), far.next()];
    patience.abort();
    await expect(cancelled).rejects.toMatchObject({ code: 'aborted' });
    await Promise.all(['one', 'two', 'three', ''].map((each) => here.send(bytes(each))));
    expect((await Promise.all(readers)).map(text)).toEqual(['one', 'two']);
    const late = new AbortController();
    const lost = far.next({ signal: late.signal });
    late.abort(); // The message may be on its way to this reader already.
    await lost.catch(() => {});
    const rest = [text(await far.next()), text(await far.next())];
    expect(rest.includes('')).toBe(true);
  });

  test('a reader that takes nothing stops the sender, and both stay alive', async () => {
    const b = await reachable(B, { config: { receiveBytesHigh: 10_000 } });
    const a = manager(A, { config: { sendBytesMax: 200_000, messageBytesMax: 100_000, sendBytesHigh: 50_000 } });
    const here = await a.connect(B);
    const far = await firstOf(b.incoming());
    let settled = 0;
    const sends: Promise<void>[] = [];
    const message = new Uint8Array(50_000);
    while (sends.length < 400)
      sends.push(
        here.send(message).then(
          () => void settled++,
          () => {},
        ),
      );
    await new Promise((resolve) => setImmediate(resolve));
    expect(settled).toBeLessThan(400);
    for (let i = 0; i < 20; i++) expect((await far.next())?.length).toBe(50_000);
    expect([here.isAlive(), far.isAlive()]).toEqual([true, true]);
    await b.disconnect(A);
    await Promise.all(sends);
  });

  test('[POOL-8] what was written before a close arrives before the end', async () => {
    const b = await reachable(B);
    const here = await manager(A).connect(B);
    const far = await firstOf(b.incoming());
    const sent = Array.from({ length: 50 }, (_, i) => here.send(bytes(`message ${i}`)));
    await Promise.all([here.close(), ...sent]);
    const got: string[] = [];
    for await (const message of far) got.push(text(message)!);
    expect(got).toEqual(Array.from({ length: 50 }, (_, i) => `message ${i}`));
    await expect(here.send(bytes('late'))).rejects.toMatchObject({ code: 'closed' });
    expect(await far.next()).toBeUndefined();
  });
});

describe('pool/manager: endings', () => {
  test('a broken wire makes every handle dead at once, and the pool dials again by itself', async () => {
    const b = await reachable(B);
    const address = book.get(B)![0]!;
    const a = manager(A, { config: { retryDelayMs: 1 } });
    const here = await a.connect(B);
    const again = new Promise<void>((resolve) => {
      a.engine.on((event) => {
        if (event.type === 'connected') resolve();
      });
    });
    await b.shutdown({ deadlineMs: 0 });
    managers.splice(managers.indexOf(b), 1);
    await gone(a);
    expect([here.isAlive(), here.remoteAddr(), a.connectionCount()]).toEqual([false, undefined, 0]);
    const reborn = manager(B);
    await reborn.listen(address);
    await a.connect(B);
    await again;
    expect(a.getConnection(B)?.isAlive()).toBe(true);
  });

  test('no answer: tried once and three times more, then a clear error', async () => {
    const closed = createServer().listen(0, '127.0.0.1');
    await once(closed, 'listening');
    const { port } = closed.address() as { port: number };
    closed.close();
    await once(closed, 'close');
    book.set(B, [`tcp://127.0.0.1:${port}`]);
    const a = manager(A, { config: { retryDelayMs: 1, retryAttempts: 3 } });
    const initiated: string[] = [];
    a.engine.on((event) => {
      if (event.type === 'state' && event.state === 'initiated') initiated.push(event.peer);
    });
    await expect(a.connect(B)).rejects.toMatchObject({ closing: { code: 'refused' } });
    expect(initiated).toEqual([B, B, B, B]);
  });

  test.each([undefined, 'tcp://127.0.0.1:1'])(
    'a resolver that gives %p and no list ends the attempt, and nothing else',
    async (found) => {
      const resolver = { resolve: () => found } as unknown as ConnectionManagerOptions['resolver'];
      const failed = manager(A, { resolver, config: { retryAttempts: 0 } }).connect(B);
      await expect(failed).rejects.toMatchObject({
        closing: { code: 'resolve-failed', detail: { cause: { reason: 'the resolver gave no list of addresses' } } },
      });
    },
  );

  test('an unknown peer and a resolver that fails say so', async () => {
    const a = manager(A, { config: { retryAttempts: 0 } });
    await expect(a.connect(B)).rejects.toThrow(`no address is known for ${B}`);
    const sick = manager(A, {
      config: { retryAttempts: 0 },
      resolver: { resolve: () => Promise.reject(new Error('the directory is down')) },
    });
    await expect(sick.connect(B)).rejects.toThrow('the directory is down');
    await expect(a.connect(A)).rejects.toThrow('does not connect to itself');
    await expect(a.connect('xyz')).rejects.toThrow('peer id: expected 64 lower-case hex digits, got "xyz"');
  });

  test('candidates race inside one attempt: a dead address costs no retry', async () => {
    await reachable(B);
    book.set(B, ['tcp://127.0.0.1:1', ...book.get(B)!]);
    const a = manager(A, { config: { retryAttempts: 0 } });
    expect((await a.connect(B)).isAlive()).toBe(true);
  });

  test('the limit is a clear error on the one side and a stated refusal on the other; established connections do not suffer', async () => {
    const b = await reachable(B, { config: { maxConnections: 1 } });
    const first = await manager(A).connect(B);
    const third = manager('c'.repeat(64), { config: { retryAttempts: 0 } });
    await expect(third.connect(B)).rejects.toMatchObject({ closing: { code: 'limit-reached', detail: { retryAfterMs: 1000 } } });
    await expect(b.connect('c'.repeat(64))).rejects.toMatchObject({ closing: { code: 'limit-reached', side: 'local' } });
    expect(first.isAlive()).toBe(true);
  });

  test('closeAll goes on past a connection that fails, and names it', async () => {
    const unread = createServer((socket) => void socket.pause().on('error', () => {})).listen(0, '127.0.0.1');
    await once(unread, 'listening');
    book.set('deaf', [`tcp://127.0.0.1:${(unread.address() as { port: number }).port}`]);
    await reachable(B, { identity: 'by-address' });
    const a = manager(A, { identity: 'by-address', config: { closeGraceMs: 50 } });
    const [toUnread, toB] = await Promise.all([a.connect('deaf'), a.connect(B)]);
    const lost = Promise.allSettled([10, 10, 10].map((mebibytes) => toUnread.send(new Uint8Array(mebibytes << 20))));
    const error = (await a.closeAll().catch((reason: unknown) => reason)) as AggregateError;
    expect([error.name, error.message]).toEqual(['AggregateError', '1 of 2 connections did not close in order']);
    expect(error.errors.map(String)).toEqual(['Error: deaf: This side closed it. (messages 3 to 3 were not sent)']);
    expect((await lost).map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'rejected']);
    expect([toUnread.isAlive(), toB.isAlive(), a.connectionCount()]).toEqual([false, false, 0]);
    expect((await a.connect(B)).isAlive()).toBe(true); // It stays usable.
    unread.close();
  });
});

describe('pool/manager: who it is', () => {
  test('[POOL-5] stated: another peer at the address is a mismatch, not a connection', async () => {
    await reachable('c'.repeat(64));
    book.set(B, book.get('c'.repeat(64))!);
    const a = manager(A, { config: { retryAttempts: 0 } });
    await expect(a.connect(B)).rejects.toMatchObject({ closing: { code: 'identity-mismatch' } });
  });

  test('[POOL-5] over TLS the id is the key: a peer can’t take another one', async () => {
    const [alice, bob, mallory] = await Promise.all([makeIdentity(), makeIdentity(), makeIdentity()]);
    const trust = [alice.fingerprint, bob.fingerprint, mallory.fingerprint];
    const of = (identity: typeof alice): Partial<ConnectionManagerOptions> => ({
      identity: 'tls',
      transports: [tls({ identity, trust })],
      config: { retryAttempts: 0 },
    });
    const b = await reachable(bob.fingerprint, of(bob), 'tls://127.0.0.1:0');
    const here = await manager(alice.fingerprint, of(alice)).connect(bob.fingerprint);
    expect(here.isAlive()).toBe(true);
    expect(b.connectedPeers()).toEqual([alice.fingerprint]);
    const liar = manager(alice.fingerprint, of(mallory));
    await expect(liar.connect(bob.fingerprint)).rejects.toMatchObject({ closing: { code: 'identity-mismatch' } });
    expect([b.connectedPeers(), here.isAlive()]).toEqual([[alice.fingerprint], true]);
  });

  test('there is no silent default: identity must be chosen, and open addresses need a word', async () => {
    const options = { id: A, transports: [tcp()], resolver } as unknown as ConnectionManagerOptions;
    expect(() => new ConnectionManager(options)).toThrow(
      "pool.identity: expected 'tls', 'stated' or 'by-address', got undefined",
    );
    await expect(manager(A).listen('tcp://0.0.0.0:0')).rejects.toMatchObject({ code: 'insecure' });
    expect(() => manager(A, { config: { retryDelayMs: -1 } })).toThrow(
      'pool.retryDelayMs: expected a finite number of at least 0, got -1',
    );
    expect(() => manager(A, { config: { retries: 3 } as object })).toThrow('pool: there is no option "retries"');
  });
});

describe('pool/manager: the skip graph on the wire, by-address', () => {
  const frame = (payload: Uint8Array): Buffer => {
    const head = Buffer.alloc(4);
    head.writeUInt32BE(payload.length);
    return Buffer.concat([head, payload]);
  };

  test('[POOL-1] bare frames out of any chunks, both ways, with a peer that knows nothing of this library', async () => {
    let far: Socket | undefined;
    const heard: Buffer[] = [];
    const server = createServer((socket) => {
      far = socket;
      socket.on('data', (chunk) => heard.push(chunk));
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    book.set('peer', [`tcp://127.0.0.1:${(server.address() as { port: number }).port}`]);
    const here = await manager(A, { identity: 'by-address' }).connect('peer');
    await here.send(bytes('hello'));
    await here.send(new Uint8Array(0));
    while (Buffer.concat(heard).length < 13) await once(far!, 'data');
    expect(Buffer.concat(heard)).toEqual(Buffer.concat([frame(bytes('hello')), frame(new Uint8Array(0))]));
    for (const byte of frame(bytes('to you'))) far!.write(Buffer.of(byte));
    expect(text(await here.next())).toBe('to you');
    far!.end();
    expect(await here.next()).toBeUndefined();
    server.close();
  });

  test('[POOL-3] a length above the limit ends the connection before anything is allocated', async () => {
    const b = await reachable(B, { identity: 'by-address' });
    const { port } = new URL(book.get(B)![0]!.replace('tcp:', 'http:'));
    const ended = new Promise<string>((resolve) => {
      b.engine.on((event) => {
        if (event.type === 'closing') resolve(event.closing.code);
      });
    });
    const before = process.memoryUsage().arrayBuffers;
    const socket = connectSocket(Number(port), '127.0.0.1', () => socket.write(Buffer.from('ffffffff00', 'hex')));
    socket.on('error', () => {});
    expect(await ended).toBe('oversized');
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(8 << 20);
    socket.destroy();
  });

  test('an accepted wire is in the pool by the name its address has', async () => {
    const b = await reachable(B, { identity: 'by-address', peerOf: () => 'the neighbour' });
    const a = manager(A, { identity: 'by-address' });
    const here = await a.connect(B);
    expect(here.remoteId()).toBe(B);
    const far = await firstOf(b.incoming());
    expect([far.remoteId(), b.connectedPeers()]).toEqual(['the neighbour', ['the neighbour']]);
  });
});
