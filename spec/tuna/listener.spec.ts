import { createEngine, type Connection, type Engine } from '../../adapters/index.js';
import { FaultProxy } from '../../adapters/cli/fault-proxy.js';
import {
  addressesOver,
  answerAddresses,
  directExit,
  resolverOf,
  tuna,
  TunaListener,
  type NewTunaExit,
  type TunaOptions,
} from '../../adapters/tuna/index.js';
import { tunaIdentity } from '../../adapters/tuna/nacl.js';
import { resume } from '../../adapters/resume/index.js';
import { tcp } from '../../transports/tcp.js';
import { News } from '../interop/news.js';
import { hear } from './flow.js';
import { fill } from './ncp-channel.js';

const news = new News();
const open: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of open.splice(0).reverse()) await close();
});

const portIn = (address: string): number => Number(/\d+$/.exec(address)![0]);

async function engineWith(options: Parameters<typeof createEngine>[0]): Promise<Engine> {
  const engine = createEngine(options);
  open.push(() => engine.shutdown({ deadlineMs: 2000 }));
  news.of(engine);
  await engine.start();
  return engine;
}

/** Exits that forward to their listeners, as those of Tuna nodes do, each at a port of its own; `gone` ends one. */
class Forwarders {
  readonly made: number[] = [];
  readonly #gone: (() => Promise<void>)[] = [];

  readonly newTunaExit: NewTunaExit = async (index, listener) => {
    this.made.push(index);
    const cutter = new FaultProxy(portIn(listener));
    const publicAddress = `tcp://127.0.0.1:${await cutter.listen()}`;
    let end!: () => void;
    const closed = new Promise<void>((resolve) => (end = resolve));
    let closing: Promise<void> | undefined;
    const close = (): Promise<void> => (closing ??= cutter.close().then(end));
    this.#gone[index] = close;
    news.tell();
    return { publicAddress, closed, close };
  };

  gone(index: number): Promise<void> {
    return this.#gone[index]!();
  }
}

test('[TUNA-5] [TUNA-23] tuna/listener: a dialer that knows a name asks for addresses over another connection, and for fresh ones when exits have gone', async () => {
  const [alice, bob] = await Promise.all([1, 2].map((n) => tunaIdentity(new Uint8Array(32).fill(n))));
  const transports = [tcp()];
  const server = await engineWith({ transports, protocols: [tuna({ identity: bob! }), resume()] });
  const forwarders = new Forwarders();
  const { newTunaExit } = forwarders;
  const listener = await TunaListener.listen(server, { newTunaExit, reconnectIntervalMs: 20 });
  open.push(() => listener.close());
  await news.until(() => listener.addresses.every((address) => address !== undefined));

  // The way to ask: any connection, here resume.
  const asked = await server.listen('tcp://127.0.0.1:0');
  const incoming = server.incoming[Symbol.asyncIterator]();
  const asking = await engineWith({ transports, protocols: [resume()] });
  const question = await asking.connect(asked);
  answerAddresses((await incoming.next()).value as Connection, listener);
  const addresses = addressesOver(question, { from: alice!.address });

  const options: TunaOptions = { identity: alice!, addresses, reconnectIntervalMs: 20 };
  const client = await engineWith({ transports, protocols: [tuna(options)], resolver: resolverOf(addresses) });
  const near = await client.connect(bob!.address);
  const far = (await incoming.next()).value as Connection;
  await news.until(() => near.stats()['links'] === 4 && far.stats()['links'] === 4);

  const total = 4 << 20;
  const heard = hear(far, total);
  const before = listener.addresses;
  for (let at = 0; at < total; at += 65_536) {
    if (!near.write(fill(new Uint8Array(65_536), at))) await near.drained();
    if (at === 1 << 20) await Promise.all([forwarders.gone(1), forwarders.gone(3)]);
    if (at === 3 << 20)
      await Promise.all([0, 1, 2, 3].filter((i) => listener.addresses[i] !== undefined).map((i) => forwarders.gone(i)));
  }
  expect(await heard).toBe(-1);
  await news.until(() => near.stats()['links'] === 4);
  expect(listener.addresses.filter((address, i) => address === before[i])).toEqual([]);
  expect([...new Set(forwarders.made)].sort()).toEqual([0, 1, 2, 3]);
  expect(forwarders.made.length).toBeGreaterThanOrEqual(8);
  expect([near.state, far.state]).toEqual(['completed', 'completed']);

  // And a session that is over is said to be.
  const session = Uint8Array.from(Buffer.from(/[0-9a-f]{16}$/.exec(far.id)![0], 'hex'));
  expect(listener.reply({ from: alice!.address, session })).toMatchObject({ word: 'addresses' });
  await near.close();
  await far.closed;
  await news.until(() => listener.reply({ from: alice!.address, session }).word === 'session-closed');
  expect(listener.reply({ from: bob!.address, session })).toMatchObject({ word: 'addresses' });
}, 30_000);

test('[TUNA-23] tuna/listener: has as many listeners as the protocol has links, which are set in one place', async () => {
  for (const numTunaListeners of [1, 3, undefined]) {
    const server = await engineWith({
      transports: [tcp()],
      protocols: [resume(), tuna(numTunaListeners === undefined ? {} : { numTunaListeners })],
    });
    const listener = await TunaListener.listen(server);
    expect(listener.addresses.length).toBe(numTunaListeners ?? 4);
    await listener.close();
  }
});

describe('tuna/listener: exits', () => {
  test('listeners that are public themselves are known by where they are bound, or by a name', async () => {
    const server = await engineWith({ transports: [tcp()], protocols: [tuna()] });
    const own = await TunaListener.listen(server, { numTunaListeners: 2 });
    await news.until(() => own.addresses.every((address) => address !== undefined));
    expect([...own.addresses].sort()).toEqual([...server.addresses].sort());
    for (const [host, expected] of [
      ['host.example', 'host.example'],
      ['203.0.113.7', '203.0.113.7'],
      ['2001:db8::1', '[2001:db8::1]'],
    ]) {
      const exit = await directExit({ host: host! })(0, 'tcp://0.0.0.0:30001');
      expect(exit.publicAddress).toBe(`tcp://${expected}:30001`);
    }
    expect((await directExit({ host: 'a' })(0, 'tcp://[::]:1')).publicAddress).toBe('tcp://a:1');
    await own.close();
  });

  test('[TUNA-23] that can not be had are tried again, as often as was said, and then it is an error', async () => {
    const server = await engineWith({ transports: [tcp()], protocols: [tuna()] });
    const lost: string[] = [];
    const onLost = (index: number, why: Error | undefined): void => void lost.push(`${index} ${why?.message}`);
    let tries = 0;
    const never: NewTunaExit = () => Promise.reject(new Error(`no node (${++tries})`));
    await expect(
      TunaListener.listen(server, {
        numTunaListeners: 1,
        newTunaExit: never,
        reconnectRetries: 2,
        reconnectIntervalMs: 1,
        onLost,
      }),
    ).rejects.toThrow('no node (3)');
    expect(lost).toEqual(['0 no node (1)', '0 no node (2)', '0 no node (3)']);
    const late: NewTunaExit = (...args) => (++tries < 6 ? never(...args) : directExit()(...args));
    const listener = await TunaListener.listen(server, { numTunaListeners: 1, newTunaExit: late, reconnectIntervalMs: 1 });
    expect(listener.addresses).toEqual([server.addresses.at(-1)]);
    await listener.close();
  });

  test('[TUNA-23] one that comes when the listener is closed already is given up, and options that can not be are named', async () => {
    const server = await engineWith({ transports: [tcp()], protocols: [tuna()] });
    let release!: () => void;
    const released = new Promise<void>((resolve) => (release = resolve));
    let isClosed = false;
    const newTunaExit: NewTunaExit = async (index, listener) => {
      const exit = await directExit()(index, listener);
      if (index === 0) return exit;
      await released;
      return { ...exit, close: async () => void (isClosed = true) };
    };
    const listener = await TunaListener.listen(server, { numTunaListeners: 2, newTunaExit });
    const closing = listener.close();
    release();
    await closing;
    expect({ isClosed, addresses: listener.addresses }).toEqual({ isClosed: true, addresses: [undefined, undefined] });
    await expect(TunaListener.listen(server, { numTunaListeners: 99 })).rejects.toThrow(
      'TunaListener.numTunaListeners: expected a whole number from 1 to 15, got 99',
    );
    await expect(TunaListener.listen(server, { reconnectInterval: 1 } as object)).rejects.toThrow(
      'no option "reconnectInterval"',
    );
  });
});
