import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { ports } from '#platform';
import { createEngine } from '../adapters/index.js';
import { ConnectionManager, type AddressResolver } from '../adapters/pool/index.js';
import { resume } from '../adapters/resume/index.js';
import { StreamError, type Offer } from '../adapters/streams/index.js';
import { answerRelay, relayAddresses, resolverOf, staticAddresses, tuna, type AddressQuery } from '../adapters/tuna/index.js';
import { bounded, type Timers } from '../adapters/tuna/addresses.js';
import type { AddressReply } from '../machines/tuna/tuna.addresses.js';
import { Engine } from '../machines/engine.js';
import type { Resolver } from '../machines/ports.js';
import { tcp } from '../transports/tcp.js';
import { openPair } from './streams/pair.js';

const fails = (): never => {
  throw new Error('mine');
};
/** Whatever was thrown inside a callback is reported, as a process warning; these tests expect it. */
const warnings: string[] = [];
const gather = ({ name }: Error): void => void (name === 'HoldfastCallbackWarning' && warnings.push(name));
beforeAll(() => void process.on('warning', gather));
afterAll(() => void process.off('warning', gather));

describe('pool: whatever a resolver does, its attempt ends as resolve-failed', () => {
  const iterator = Object.assign(['tcp://127.0.0.1:1'], { [Symbol.iterator]: fails });
  const SHAPES: Record<string, () => unknown> = {
    undefined: () => undefined,
    text: () => 'tcp://127.0.0.1:1',
    object: () => ({}),
    'a list of numbers': () => [7],
    'a list whose iterator throws': () => iterator,
    'a rejected promise': () => Promise.reject(new Error('mine')),
    'a promise rejected with an object that has no words': () => Promise.reject(Object.create(null) as Error),
    'an error': fails,
  };
  test.each(Object.keys(SHAPES))('resolve() gives %s', async (shape) => {
    const resolver = { resolve: SHAPES[shape]! } as AddressResolver;
    const manager = new ConnectionManager({ id: 'a'.repeat(64), identity: 'stated', transports: [tcp()], resolver, config: { retryAttempts: 0 } }); // prettier-ignore
    await expect(manager.connect('b'.repeat(64))).rejects.toMatchObject({ closing: { code: 'resolve-failed' } });
    await manager.shutdown();
  });
});

describe('engine: whatever a resolver does, its attempt ends as resolve-failed', () => {
  const answers = (answer: unknown): Resolver => ({
    resolve: ((_: string, found: (addresses: unknown) => void) => (found(answer), () => {})) as Resolver['resolve'],
  });
  test.each<[string, Resolver]>([
    ['it throws', { resolve: fails }],
    ['it answers text', answers('tcp://127.0.0.1:1')],
    ['it answers nothing', answers(undefined)],
    ['it answers a list with an object', answers([{}])],
    ['it answers a list that throws', answers(Object.assign(['x'], { [Symbol.iterator]: fails }))],
  ])('%s', async (_, resolver) => {
    const engine = createEngine({ transports: [tcp()], protocols: [resume()], resolver });
    await engine.start();
    await expect(engine.connect('somebody')).rejects.toMatchObject({ closing: { code: 'resolve-failed' } });
    await engine.shutdown();
  });

  test('a resolver that answers never and gives nothing to stop it by can be given up', async () => {
    const engine = createEngine({
      transports: [tcp()],
      protocols: [resume()],
      resolver: { resolve: (() => undefined) as never },
    });
    await engine.start();
    const giveUp = new AbortController();
    const attempt = engine.connect('somebody', { signal: giveUp.signal });
    giveUp.abort();
    await expect(attempt).rejects.toMatchObject({ code: 'aborted' });
    await engine.shutdown();
  });
});

describe('tuna: whatever an address query does, there is one answer', () => {
  const timers = (): Timers & { due: (() => void)[] } => {
    const due: (() => void)[] = [];
    return {
      due,
      setTimeout: (fn) => due.push(fn),
      clearTimeout: (at) => void (typeof at === 'number' && (due[at - 1] = () => {})),
    };
  };
  const ask = (query: AddressQuery['query'], clock = timers()): AddressReply[] => {
    const replies: AddressReply[] = [];
    bounded({ query }, clock).query('peer', undefined, (reply) => replies.push(reply));
    for (const fire of clock.due) fire();
    return replies;
  };
  const answering = (reply: unknown) => ((_peer, _session, answer: (reply: unknown) => void) => (answer(reply), () => {})) as AddressQuery['query']; // prettier-ignore
  test.each<[string, AddressQuery['query']]>([
    ['throws', fails],
    ['answers nothing', answering(undefined)],
    ['answers text', answering('tcp://127.0.0.1:1')],
    ['answers addresses that are none', answering({ word: 'addresses', addresses: 'tcp://127.0.0.1:1' })],
    ['answers what throws when it is read', answering({ get word() { return fails(); } })], // prettier-ignore
    ['answers never', () => () => {}],
    ['answers never, and gives nothing to stop it by', (() => undefined) as never],
  ])('a query that %s', (_, query) => {
    expect(ask(query)).toEqual([{ word: 'no-answer' }]);
  });

  test('invalid addresses count as none for now; a second answer is ignored', () => {
    const reply = { word: 'addresses', addresses: ['tcp://127.0.0.1:1', 7, null] };
    const twice: AddressQuery['query'] = (_p, _s, answer) => (
      answer(reply as never),
      answer({ word: 'session-closed' }),
      () => {}
    );
    expect(ask(twice)).toEqual([{ word: 'addresses', addresses: ['tcp://127.0.0.1:1', undefined, undefined] }]);
  });

  test.each<[string, unknown]>([
    ['throws', fails],
    ['gives text', () => 'tcp://127.0.0.1:1'],
  ])('a book that %s has no answer', (_, book) => {
    const replies: AddressReply[] = [];
    staticAddresses(book as () => undefined).query('peer', undefined, (reply) => replies.push(reply));
    expect(replies).toEqual([{ word: 'no-answer' }]);
  });

  test('an engine whose query throws: the attempt ends as resolve-failed', async () => {
    const resolver = resolverOf({ query: fails });
    const engine = createEngine({ transports: [tcp()], protocols: [tuna()], resolver });
    await engine.start();
    await expect(engine.connect('server.00')).rejects.toMatchObject({ closing: { code: 'resolve-failed' } });
    await engine.shutdown();
  });

  test.each<[string, (address: string) => unknown, () => unknown]>([
    ['a desk that throws', () => true, fails],
    ['a desk that says nothing', () => true, () => undefined],
    ['accepts that throws', fails, () => ({ word: 'session-closed' })],
    ['accepts that promises', () => Promise.resolve(true), () => ({ word: 'session-closed' })],
  ])('%s answers nothing over a relay', (_, accepts, reply) => {
    let handler: (message: { src: string; payload: string }) => unknown = () => 'none';
    const client = { onMessage: (given: typeof handler) => (handler = given) };
    answerRelay(client as never, { reply: reply as () => AddressReply }, { accepts: accepts as () => boolean });
    const payload = '{"action":"getPubAddr","sessionID":null}';
    expect([undefined, false]).toContain(handler({ src: 'somebody', payload }));
  });

  test('a relay client that throws, or promises nothing, has no answer', () => {
    for (const send of [fails, () => undefined]) {
      const clock = timers();
      const replies: AddressReply[] = [];
      relayAddresses({ send: send as never }, { attempts: 1, clock }).query('peer', undefined, (reply) => replies.push(reply));
      for (const fire of clock.due) fire();
      expect(replies).toEqual([{ word: 'no-answer' }]);
    }
  });
});

describe('streams: an onOffer that fails', () => {
  test.each<[string, (offer: Offer) => unknown]>([
    ['throws', fails],
    ['rejects', () => Promise.reject(new Error('mine'))],
  ])('that %s before it answered: the peer gets `failed`, and the next offer is served', async (_, handler) => {
    const pair = await openPair();
    let offers = 0;
    pair.far.onOffer = ((offer: Offer) => (++offers === 1 ? handler(offer) : void offer.accept().on('error', () => {}))) as (
      offer: Offer,
    ) => void;
    const first = await pair.near.open('first').catch((error: unknown) => error);
    expect([first instanceof StreamError, (first as StreamError).code]).toEqual([true, 'failed']);
    expect((await pair.near.open('second')).on('error', () => {}).purpose).toBe('second');
    await pair.close();
  });

  test('that throws after it answered: the stream is reset at both ends, and no error is left unhandled', async () => {
    const pair = await openPair();
    pair.far.onOffer = (offer) => {
      offer.accept();
      fails();
    };
    const stream = await pair.near.open('first');
    const [error] = (await once(stream, 'error')) as [StreamError];
    expect([error.code, pair.far.size]).toEqual(['failed', 0]);
    await pair.close();
  });

  test('that is set late and throws: all that waited are answered', async () => {
    const pair = await openPair();
    const openings = ['a', 'b', 'c'].map((purpose) => pair.near.open(purpose).catch((error: StreamError) => error.code));
    await pair.near.connection.send(new Uint8Array([0x80, 0, 0, 0, 0])); // Optional: skipped. What came before it is there.
    pair.far.onOffer = fails;
    expect(await Promise.all(openings)).toEqual(['failed', 'failed', 'failed']);
    await pair.close();
  });
});

describe('engine: what its listeners and message handlers throw goes where errors of all callbacks go', () => {
  const rejects = (): Promise<void> => Promise.reject(new Error('mine'));
  test.each<[string, () => void]>([
    ['throw', fails],
    ['reject', rejects as () => void],
    ['throw an object without a prototype', () => { throw Object.create(null); }], // prettier-ignore
  ])('they %s', async (_, fault) => {
    const reported: string[] = [];
    const mine = { ...ports, report: (callback: string) => void reported.push(callback) };
    const server = new Engine(mine, { transports: [tcp()], protocols: [resume()], listen: ['tcp://127.0.0.1:0'] });
    server.on(fault);
    await server.start();
    const client = createEngine({ transports: [tcp()], protocols: [resume()] });
    await client.start();
    const connection = await client.connect(server.addresses[0]!);
    for await (const far of server.incoming) {
      far.onMessage = fault;
      break;
    }
    await connection.send(new Uint8Array(1)); // Acknowledged: the session goes on.
    await connection.send(new Uint8Array(1));
    expect(reported.filter((each) => each === 'connection.onMessage')).toHaveLength(2);
    expect(new Set(reported)).toEqual(new Set(['connection.onMessage', 'engine.on listener']));
    await client.shutdown();
    await server.shutdown();
  });
});

test('callbacks: a process whose callbacks all fail lives on, and says so on standard error', async () => {
  const dist = join(__dirname, '../dist').replaceAll('\\', '/');
  const program = `
    import { createNode, makeNodeKey } from 'file://${dist}/adapters/rendezvous/index.js';
    import { createEngine } from 'file://${dist}/adapters/index.js';
    import { resume } from 'file://${dist}/adapters/resume/index.js';
    import { tcp } from 'file://${dist}/transports/tcp.js';
    const fails = () => { throw new Error('mine'); };
    let rounds = 0;
    const node = createNode({
      key: makeNodeKey(), transports: [tcp()], listen: ['tcp://127.0.0.1:0'],
      contacts: () => (rounds++ === 0 ? undefined : rounds < 3 ? Promise.reject(new Error('mine')) : 'text'),
      limits: { bootstrapBaseMs: 1, bootstrapCapMs: 1 },
    });
    node.on(fails);
    await node.start();
    const server = createEngine({ transports: [tcp()], protocols: [resume()], listen: ['tcp://127.0.0.1:0'] });
    server.on(fails);
    await server.start();
    const client = createEngine({ transports: [tcp()], protocols: [resume()] });
    await client.start();
    const connection = await client.connect(server.addresses[0]);
    for await (const far of server.incoming) { far.onMessage = fails; break; }
    await connection.send(new Uint8Array(1));
    await client.shutdown();
    await server.shutdown();
    const done = setInterval(() => {
      if (rounds < 5) return;
      clearInterval(done);
      void node.terminate().then(() => console.log('lived'));
    }, 1);
  `;
  const { code, out, err } = await new Promise<{ code: unknown; out: string; err: string }>((resolve) =>
    execFile(process.execPath, ['--input-type=module', '-e', program], { timeout: 20_000 }, (error, out, err) =>
      resolve({ code: error?.code ?? 0, out, err }),
    ),
  );
  expect({ code, out }).toEqual({ code: 0, out: 'lived\n' });
  for (const callback of ['node.on listener', 'engine.on listener', 'connection.onMessage'])
    expect(err).toContain(`HoldfastCallbackWarning: ${callback}: mine`);
}, 25_000);
