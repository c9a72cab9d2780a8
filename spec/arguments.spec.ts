import { createEngine, Engine, type ConnectOptions, type EngineOptions, type ShutdownOptions } from '../adapters/index.js';
import { makeIdentity } from '../adapters/identity/index.js';
import { pool, type PoolOptions } from '../adapters/pool/index.js';
import { createNode, makeNodeKey, signingWith } from '../adapters/rendezvous/index.js';
import { resume } from '../adapters/resume/index.js';
import { ports } from '../adapters/node.js';
import { tcp, type TcpOptions } from '../transports/tcp.js';
import { tls, type TlsOptions } from '../transports/tls.js';
import { websocket, type WebSocketOptions } from '../transports/websocket.js';

/** What callers without types may hand in: it is named, and ends neither the process nor a promise. */

const engines: Engine[] = [];
const make = (options: Partial<EngineOptions> = {}, platform = ports): Engine => {
  const engine = new Engine(platform, { transports: [tcp()], protocols: [resume()], ...options });
  engines.push(engine);
  return engine;
};
afterEach(async () => {
  await Promise.all(engines.splice(0).map((engine) => engine.shutdown({ deadlineMs: 100 })));
});
const dial = 'tcp://127.0.0.1:1';

describe('engine: an address to listen at that can’t be right rejects, and the process lives', () => {
  test.each(['tcp://127.0.0.1:99999', 'tcp://127.0.0.1', 'tcp://[1::2::3]:0', 'ws://127.0.0.1:99999/', 'ws://a:b@127.0.0.1:0/'])(
    '%s',
    async (address) => {
      const engine = make({ transports: [tcp(), websocket()], insecure: true });
      await engine.start();
      await expect(engine.listen(address)).rejects.toMatchObject({
        code: 'bad-address',
        message: expect.stringContaining(address) as string,
      });
      await expect(make({ transports: [tcp(), websocket()], listen: [address], insecure: true }).start()).rejects.toMatchObject({
        code: 'bad-address',
      });
      expect(await engine.listen('tcp://127.0.0.1:0')).toContain('tcp://127.0.0.1:');
    },
  );

  test('a transport of the application whose listen() throws', async () => {
    const listen = (): never => {
      throw new Error('mine');
    };
    const engine = make({ transports: [{ ...tcp(), listen }] });
    await engine.start();
    await expect(engine.listen('tcp://127.0.0.1:0')).rejects.toThrow('mine');
  });
});

describe('engine: wrong arguments are named, with what was expected', () => {
  test.each<[unknown, string]>([
    [null, 'connect: expected an object, got null'],
    [{ retry: 'yes' }, 'connect.retry: expected true or false, got "yes"'],
    [{ signal: {} }, 'connect.signal: expected an AbortSignal, got an object'],
    [{ peer: 5 }, 'connect.peer: expected the id of a peer, got 5'],
    [{ fingerprints: 'abc' }, 'connect.fingerprints: expected a list of fingerprints, got "abc"'],
    [{ reuse: 1 }, 'connect.reuse: expected true or false, got 1'],
    [{ timeoutMs: 5 }, 'connect: there is no option "timeoutMs"'],
  ])('connect(address, %j)', async (options, message) => {
    const engine = make();
    await engine.start();
    await expect(engine.connect(dial, options as ConnectOptions)).rejects.toMatchObject({ code: 'bad-option', message });
  });

  test('connect: fingerprints are refused where the transport proves none', async () => {
    const engine = make({ transports: [tcp(), websocket()] });
    await engine.start();
    for (const address of [dial, 'ws://127.0.0.1:1/'])
      await expect(engine.connect(address, { fingerprints: ['a'.repeat(64)] })).rejects.toMatchObject({
        code: 'bad-option',
        message: `connect.fingerprints: ${address} proves no identity; use tls:// or wss://`,
      });
  });

  test.each<[unknown, string]>([
    [null, 'shutdown: expected an object'],
    [{ deadlineMs: -1 }, 'shutdown.deadlineMs: expected a finite number of milliseconds of at least 0, got -1'],
    [{ deadlineMs: NaN }, 'shutdown.deadlineMs'],
    [{ drainOverMs: '1s' }, 'shutdown.drainOverMs: expected a finite number of milliseconds of at least 0, got "1s"'],
    [{ deadline: 1 }, 'shutdown: there is no option "deadline"'],
  ])('shutdown(%j)', async (options, message) => {
    const engine = make();
    await engine.start();
    await expect(engine.shutdown(options as ShutdownOptions)).rejects.toThrow(message);
    expect(await engine.listen('tcp://127.0.0.1:0')).toContain('tcp:'); // It still serves.
  });

  test.each([undefined, null, 5, {}, []])('peers of no name: %j', async (peer) => {
    const engine = make();
    await engine.start();
    const { peers } = engine;
    for (const method of ['register', 'unregister', 'reset', 'state', 'lastClosing', 'accept', 'deny'] as const)
      expect(() => peers[method](peer as never)).toThrow('expected the address or id of a peer');
    await expect(peers.disconnect(peer as never)).rejects.toMatchObject({ code: 'bad-address' });
  });

  test.each([undefined, 5, {}])('on(%j)', (listener) => {
    expect(() => make().on(listener as never)).toThrow('on.listener: expected a function');
    expect(() => make().on(() => {}, (listener ?? 'x') as never)).toThrow('on.done: expected a function');
  });

  test('limits: no dial at a time would never dial', () => {
    const limits = { pendingDialsMax: 0 };
    expect(() => createEngine({ transports: [tcp()], protocols: [resume()], limits })).toThrow('limits.pendingDialsMax');
  });
});

describe('transports: wrong options are named when the transport is made', () => {
  test.each<[unknown, string]>([
    [null, 'tcp: expected an object, got null'],
    [{ connectTimeoutMs: -1 }, 'tcp.connectTimeoutMs: expected a number of milliseconds from 1 to 2147483647, got -1'],
    [{ connectTimeoutMs: Infinity }, 'tcp.connectTimeoutMs'],
    [{ keepAliveMs: true }, 'tcp.keepAliveMs: expected false, or a number of milliseconds'],
    [{ noDelay: true }, 'tcp: there is no option "noDelay"'],
  ])('tcp(%j)', (options, message) => {
    expect(() => tcp(options as TcpOptions)).toThrow(message);
  });

  test.each<[unknown, string]>([
    ['x', 'websocket: expected an object, got "x"'],
    [{ origins: 'https://app.example' }, 'websocket.origins: expected a list of origins, got "https://app.example"'],
    [{ hosts: [5] }, 'websocket.hosts: expected a list of host names'],
    [{ messageBytesMax: '1MiB' }, 'websocket.messageBytesMax: expected a whole number of bytes'],
    [{ mask: 'none' }, 'websocket.mask: expected random or zero, got "none"'],
    [{ origin: [] }, 'websocket: there is no option "origin"'],
  ])('websocket(%j)', (options, message) => {
    expect(() => websocket(options as WebSocketOptions)).toThrow(message);
  });

  test('tls() without an identity, or with one that is none', () => {
    expect(() => tls({} as TlsOptions)).toThrow('tls.identity: expected an identity, got nothing');
    expect(() => tls({ identity: 'me' } as never)).toThrow('tls.identity: expected an identity with key and certificate');
  });
});

describe('TLS trust: only `true`, at once, lets a key in; whatever else the function does ends nothing', () => {
  test.each<[string, () => unknown, string]>([
    ['throws', () => { throw new Error('mine'); }, 'trust() failed: mine'], // prettier-ignore
    ['rejects', () => Promise.reject(new Error('mine')), 'with a promise'],
    ['promises true', () => Promise.resolve(true), 'with a promise'],
    ['never settles', () => new Promise(() => {}), 'with a promise'],
    ['answers with text', () => 'no', 'answered string'],
    ['answers nothing', () => undefined, 'answered undefined'],
  ])('a function that %s', async (_, trust, why) => {
    const [server, client] = await Promise.all([makeIdentity({ commonName: 's' }), makeIdentity({ commonName: 'c' })]);
    const listener = make({
      transports: [tls({ identity: server, trust: trust as () => boolean })],
      listen: ['tls://127.0.0.1:0'],
    });
    const refused = new Promise<string>((resolve) =>
      listener.on((event) => event.type === 'refused' && resolve(`${event.code} ${event.reason}`)),
    );
    await listener.start();
    const dialer = make({ transports: [tls({ identity: client })] });
    await dialer.start();
    dialer.connect(listener.addresses[0]!).catch(() => {}); // Over TLS 1.3 it hears of it as a lost wire.
    expect(await refused).toContain(why);

    const distrustful = make({ transports: [tls({ identity: client, trust: trust as () => boolean })] });
    await distrustful.start();
    await expect(distrustful.connect(listener.addresses[0]!)).rejects.toMatchObject({ closing: { code: 'identity-mismatch' } });
  });
});

describe('callbacks: whatever they do ends nothing', () => {
  const fails: [string, () => unknown][] = [
    ['throws', () => { throw new Error('mine'); }], // prettier-ignore
    ['rejects', () => Promise.reject(new Error('mine'))],
  ];

  test.each(fails)('an inspector that %s is reported', async (_, inspect) => {
    const reported = new Set<string>();
    const platform = { ...ports, report: (callback: string) => void reported.add(callback) };
    const engine = make({ inspect: { next: inspect } as never }, platform);
    await engine.start();
    await engine.shutdown();
    expect([...reported]).toEqual(['inspect']);
  });

  test.each(fails)('a report that %s itself', async (_, report) => {
    const engine = make({ inspect: report as () => void }, { ...ports, report: report as () => void });
    engine.on(report as () => void);
    await engine.start();
    await expect(engine.connect(dial)).rejects.toMatchObject({ closing: { code: 'refused' } });
    await engine.shutdown();
  });

  test.each<[string, () => unknown]>([...fails, ['answers with a number', () => 7], ['promises', () => Promise.resolve('a')]])(
    'pool: peerOf that %s names a stranger, who is refused',
    async (_, peerOf) => {
      const protocol = pool({ identity: 'by-address', peerOf: peerOf as PoolOptions['peerOf'] & object });
      const server = make({ protocols: [protocol], listen: ['tcp://127.0.0.1:0'] });
      const refused = new Promise((resolve) => server.on((event) => event.type === 'refused' && resolve(event.code)));
      await server.start();
      const client = make({ protocols: [pool({ identity: 'by-address' })] });
      await client.start();
      const connection = await client.connect(server.addresses[0]!);
      connection.write(new Uint8Array(1)); // A listener identifies by what comes.
      expect(await refused).toBe('identity-unknown');
    },
  );

  test('rendezvous: a key whose functions promise is refused, and what they reject with later ends nothing', async () => {
    const rejects = (): never => Promise.reject(new Error('mine')) as never;
    const { id, sign } = signingWith(makeNodeKey());
    for (const key of [
      { id, sign: rejects, verify: () => true },
      { id, sign, verify: rejects },
    ])
      // prettier-ignore
      expect(() => createNode({ key, transports: [tcp()] })).toThrow('createNode.key');
    await new Promise((resolve) => setImmediate(resolve));
  });
});
