import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { createEngine, type Connection, type Engine } from '../../adapters/index.js';
import { resolverOf, relayAddresses, staticAddresses, tuna, type TunaOptions } from '../../adapters/tuna/index.js';
import { tunaIdentity } from '../../adapters/tuna/nacl.js';
import { nknAddress } from '../../adapters/tuna/sealing.js';
import { tcp } from '../../transports/tcp.js';
import { TunaWorld } from './tuna-world.js';

const open: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of open.splice(0).reverse()) await close();
});

const identityOf = (n: number, identifier?: string): ReturnType<typeof tunaIdentity> =>
  tunaIdentity(new Uint8Array(32).fill(n), { ...(identifier === undefined ? {} : { identifier }), library: 'pure' });

async function engineWith(options: TunaOptions, more: Partial<Parameters<typeof createEngine>[0]> = {}): Promise<Engine> {
  const engine = createEngine({ transports: [tcp()], protocols: [tuna(options)], ...more });
  open.push(() => engine.shutdown());
  await engine.start();
  return engine;
}

async function serverOf(take: (socket: Socket) => void): Promise<{ address: string; server: Server }> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    take(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  open.push(async () => {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  });
  return { address: `tcp://127.0.0.1:${(server.address() as AddressInfo).port}`, server };
}

describe('tuna/peer: an address that can be none is named before anything is dialed', () => {
  test.each([
    ['alice', '"alice"'],
    ['', '""'],
    [undefined, 'nothing'],
    ['tcp://127.0.0.1:1', '"tcp://127.0.0.1:1"'],
    ['ab'.repeat(31), `"${'ab'.repeat(31)}"`],
    ['0'.repeat(64), `"${'0'.repeat(64)}"`], // Sixty-four digits, and no usable key.
  ])('`peer` %p', async (peer, got) => {
    const engine = await engineWith({ identity: await identityOf(1) });
    const failed = engine.connect('tcp://127.0.0.1:1', peer === undefined ? {} : { peer });
    await expect(failed).rejects.toMatchObject({ code: 'bad-option' });
    await expect(failed).rejects.toThrow(new RegExp(`got ${got}`));
  });

  test('the name that a resolver would look up', async () => {
    const engine = await engineWith({ identity: await identityOf(1) }, { resolver: resolverOf(staticAddresses({})) });
    await expect(engine.connect('alice')).rejects.toMatchObject({ code: 'bad-option' });
    expect(() => engine.peers.register('alice')).toThrow(expect.objectContaining({ code: 'bad-option' }) as Error);
  });
});

test('tuna/peer: the key of an address may be written in capitals, its name keeps its case', async () => {
  expect(nknAddress(`Alice.${'AB'.repeat(32)}`)).toBe(`Alice.${'ab'.repeat(32)}`);
  expect([nknAddress('alice'), nknAddress(`x${'ab'.repeat(32)}`)]).toEqual([undefined, undefined]);
  const [alice, bob] = [await identityOf(1), await identityOf(2, 'Bob')];
  const server = await engineWith({ identity: bob }, { listen: ['tcp://127.0.0.1:0'] });
  const client = await engineWith({ identity: alice });
  const digits = bob.address.slice(-64);
  const accepted = server.incoming[Symbol.asyncIterator]().next();
  const near = await client.connect(server.addresses[0]!, { peer: `Bob.${digits.toUpperCase()}` });
  const far = (await accepted).value as Connection;
  expect([near.peer, far.peer]).toEqual([bob.address, alice.address]);
});

test('tuna/peer: an accepted connection has the proven NKN address of its peer; where nothing is sealed, the socket is all that is known', async () => {
  const alice = await identityOf(1, 'alice');
  for (const isSealed of [true, false]) {
    const [server, client] = isSealed
      ? [
          await engineWith({ identity: await identityOf(2) }, { listen: ['tcp://127.0.0.1:0'] }),
          await engineWith({ identity: alice }),
        ]
      : [await engineWith({}, { listen: ['tcp://127.0.0.1:0'] }), await engineWith({})];
    const told: string[] = [];
    server.on((event) => event.type === 'state' && told.push(event.peer));
    const accepted = server.incoming[Symbol.asyncIterator]().next();
    await client.connect(server.addresses[0]!, { peer: (await identityOf(2)).address });
    const far = (await accepted).value as Connection;
    if (isSealed) expect([far.peer, ...new Set(told)]).toEqual([alice.address, alice.address]);
    else expect(far.peer).toMatch(/127\.0\.0\.1/);
  }
});

describe('tuna/dial: a peer of another protocol is reported as such', () => {
  const banners: [string, (socket: Socket) => void][] = [
    ['speaks first, as SSH does', (socket) => void socket.write('SSH-2.0-OpenSSH_9.6\r\n')],
    [
      'answers, as an HTTP server does',
      (socket) => void socket.once('data', () => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n')),
    ],
    [
      'sends an alert, as a TLS server does',
      (socket) => void socket.once('data', () => socket.write(Uint8Array.of(21, 3, 1, 0, 2, 2, 70))),
    ],
    [
      'sends frames of another kind',
      (socket) => void socket.once('data', () => socket.write(Uint8Array.of(2, 0, 0, 0, 0xff, 0xff))),
    ],
  ];
  test.each(banners)('one that %s', async (_, take) => {
    const { address } = await serverOf(take);
    for (const numTunaListeners of [1, 4]) {
      const engine = await engineWith({ numTunaListeners });
      await expect(engine.connect(address)).rejects.toMatchObject({ closing: { code: 'malformed', side: 'remote' } });
    }
  });

  test('one that closes each connection without a word is not taken for one that never was there', async () => {
    const { address } = await serverOf((socket) => void socket.once('data', () => socket.end()));
    const engine = await engineWith({ handshakeTimeoutMs: 300 });
    await expect(engine.connect(address)).rejects.toMatchObject({
      closing: {
        code: 'handshake-timeout',
        detail: { message: expect.stringMatching(/^\d+ connections were opened, and closed/) as string },
      },
    });
  });
});

describe('tuna/addresses: a peer that does not answer the question where it is', () => {
  test('is reported as such, before or at the end of the handshake timeout', () => {
    for (const asking of ['never answered', 'answered after 3 s: nothing', 'answered after 3 s: no address']) {
      const w: TunaWorld = new TunaWorld(1, {
        addresses: {
          query: (_, __, answer) => {
            const reply = asking.endsWith('address')
              ? ({ word: 'addresses', addresses: [undefined, undefined] } as const)
              : ({ word: 'no-answer' } as const);
            if (asking !== 'never answered') w.clock.setTimeout(() => answer(reply), 3000);
            return () => {};
          },
        },
      });
      w.clock.settle();
      w.a.connect('sim://b:77').catch((error: Error) => w.events.push(error.message));
      w.advance(15_000);
      // What the first dial met is known for certain, and counts.
      expect({ asking, events: w.events.join(' ').includes('a refused') }).toEqual({ asking, events: true });
      expect(w.events.join(' ')).not.toContain('handshake-timeout');
      w.end();
    }
  });

  test('is `resolve-failed` where it is known by name alone, although asking takes longer than a handshake may', async () => {
    const identity = await identityOf(1);
    const peer = (await identityOf(2)).address;
    const send = (): Promise<unknown> => new Promise(() => {});
    for (const [timeoutMs, handshakeTimeoutMs] of [
      [5, 5000],
      [5000, 60],
    ] as const) {
      const addresses = relayAddresses({ send }, { attempts: 2, intervalMs: 5, timeoutMs });
      const engine = await engineWith({ identity, addresses, handshakeTimeoutMs }, { resolver: resolverOf(addresses) });
      await expect(engine.connect(peer)).rejects.toMatchObject({ closing: { code: 'resolve-failed', retry: true } });
    }
  });
});
