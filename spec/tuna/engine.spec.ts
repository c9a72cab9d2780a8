import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { createEngine, type Connection, type Engine } from '../../adapters/index.js';
import { FaultProxy } from '../../adapters/cli/fault-proxy.js';
import { framed } from '../../adapters/tuna/envelope.js';
import { putMetadata } from '../../adapters/tuna/metadata.js';
import { ncpCodec, tuna, type TunaOptions } from '../../adapters/tuna/index.js';
import { tunaIdentity } from '../../adapters/tuna/nacl.js';
import { tcp } from '../../transports/tcp.js';
import { News } from '../interop/news.js';
import { hear, pour } from './flow.js';

const news = new News();
const open: { shutdown?(): Promise<void>; close?(): Promise<void> }[] = [];
afterEach(async () => {
  for (const one of open.splice(0)) await (one.shutdown?.() ?? one.close?.());
});

interface Pair {
  readonly server: Engine;
  readonly client: Engine;
  readonly near: Connection;
  readonly far: Connection;
  readonly cutter: FaultProxy;
}

/** Two engines on loopback with a proxy between them that cuts. */
async function pairOf(options: TunaOptions = {}, serverOptions: TunaOptions = {}, peer?: string): Promise<Pair> {
  const transports = [tcp()];
  const server = createEngine({ transports, protocols: [tuna({ ...options, ...serverOptions })], listen: ['tcp://127.0.0.1:0'] });
  const client = createEngine({ transports, protocols: [tuna(options)] });
  open.push(client, server);
  for (const engine of [client, server]) news.of(engine);
  await Promise.all([server.start(), client.start()]);
  const cutter = new FaultProxy(Number(/\d+$/.exec(server.addresses[0]!)![0]));
  open.push(cutter);
  const address = `tcp://127.0.0.1:${await cutter.listen()}`;
  const accepted = server.incoming[Symbol.asyncIterator]().next();
  const near = await client.connect(address, peer === undefined ? {} : { peer });
  return { server, client, near, far: (await accepted).value as Connection, cutter };
}

test('[TUNA-1] tuna/engine: a stream over four links, both ways, and a close that reaches both', async () => {
  const { near, far } = await pairOf();
  const total = 8 << 20;
  const heard = Promise.all([hear(near, total), hear(far, total)]);
  await Promise.all([pour(near, total), pour(far, total)]);
  expect(await heard).toEqual([-1, -1]);
  await news.until(() => near.stats()['links'] === 4 && far.stats()['links'] === 4);
  await near.send(Buffer.from('acknowledged'));
  expect(await near.close()).toMatchObject({ code: 'closed', side: 'local' });
  expect(await far.closed).toMatchObject({ code: 'peer-goodbye', side: 'remote' });
}, 20_000);

test('[TUNA-4] tuna/engine: the same between two identities, sealed; a stranger is sent away', async () => {
  const [alice, bob, eve] = await Promise.all([1, 2, 3].map((n) => tunaIdentity(new Uint8Array(32).fill(n))));
  const accepts = (address: string): boolean => address !== eve!.address;
  const { near, far, server } = await pairOf({ identity: alice! }, { identity: bob!, accepts }, bob!.address);
  const total = 2 << 20;
  const heard = hear(far, total);
  await pour(near, total);
  expect(await heard).toBe(-1);
  for (const identity of [eve!, alice!]) {
    const stranger = createEngine({ transports: [tcp()], protocols: [tuna({ identity, handshakeTimeoutMs: 300 })] });
    open.push(stranger);
    await stranger.start();
    const peer = identity === eve ? bob!.address : eve!.address; // Not let in, or sealed for somebody else.
    await expect(stranger.connect(server.addresses[0]!, { peer })).rejects.toMatchObject({
      closing: { code: 'handshake-timeout' },
    });
  }
  expect([near.state, far.state]).toEqual(['completed', 'completed']);
}, 20_000);

for (const links of [1, 4])
  test(`[TUNA-7] tuna/engine: ${links} link(s), all cut at once, again and again: the session stays, and nothing is lost`, async () => {
    const { near, far, cutter } = await pairOf({ numTunaListeners: links, redial: { kind: 'constant', delayMs: 5 } });
    const total = 16 << 20;
    const come = [0, 0]; // Bytes, at each side.
    const heard = Promise.all(
      [near, far].map((side, i) =>
        hear(side, total, (bytes) => {
          come[i] = bytes;
          news.tell();
        }),
      ),
    );
    const isThrough = (): boolean => {
      let through = 0;
      cutter.cut((all) => (through = all)); // A place behind the last one: none is cut.
      return through === links;
    };
    const writing = Promise.all([pour(near, total), pour(far, total)]);
    for (let cuts = 0; cuts < 8; cuts++) {
      await news.until(() => isThrough() && near.stats()['links'] === links);
      const before = [...come]; // In the middle of the streams: something comes each way between two cuts.
      await news.until(() => come.every((bytes, i) => bytes > before[i]!));
      expect(cutter.cut()).toBe(links);
    }
    expect(come.every((bytes) => bytes < total)).toBe(true);
    await writing;
    expect(await heard).toEqual([-1, -1]);
    expect([near.state, far.state]).toEqual(['completed', 'completed']);
    await near.close();
  }, 30_000);

describe('tuna/engine: an attacker that has recorded an opening', () => {
  /** Opens a socket of its own and says something; resolves once the server has closed it. */
  async function intrude(server: Engine, bytes: Uint8Array): Promise<{ socket: Socket; closed: Promise<void> }> {
    const socket = connect(Number(/\d+$/.exec(server.addresses[0]!)![0]), '127.0.0.1');
    open.push({ close: async () => void socket.destroy() });
    const closed = new Promise<void>((resolve) => socket.on('error', () => {}).on('close', () => resolve()));
    socket.resume();
    await once(socket, 'connect');
    socket.write(bytes);
    return { socket, closed };
  }

  test('[TUNA-6] displaces no live link by repeating it; nonsense and silence after it cost its own wire', async () => {
    const { near, far, server } = await pairOf({ openingTimeoutMs: 300 });
    await news.until(() => near.stats()['links'] === 4 && far.stats()['links'] === 4);
    const id = Uint8Array.from(Buffer.from(/:([0-9a-f]{16})$/.exec(far.id)![1]!, 'hex'));
    const opening = Buffer.concat([framed(Buffer.from('holdfast')), framed(putMetadata({ id, type: 1, link: 2 }))]);
    const silent = await intrude(server, opening);
    const foolish = await intrude(server, Buffer.concat([opening, framed(Uint8Array.of(0xff))]));
    const mute = await intrude(server, new Uint8Array(0)); // Half open, as it were.
    const total = 1 << 20;
    const heard = hear(far, total);
    await pour(near, total);
    expect(await heard).toBe(-1);
    await Promise.all([silent.closed, foolish.closed, mute.closed]);
    expect([near.stats()['links'], far.stats()['links'], near.state, far.state]).toEqual([4, 4, 'completed', 'completed']);
  }, 20_000);

  test('[TUNA-6] can displace one with a packet of the session, as its own dialer does', async () => {
    const { near, far, server } = await pairOf({ numTunaListeners: 1 });
    const id = Uint8Array.from(Buffer.from(/:([0-9a-f]{16})$/.exec(far.id)![1]!, 'hex'));
    const probe = new Uint8Array(20);
    const packet = probe.subarray(0, ncpCodec.putDataHead(probe, 0, 2 ** 32 - 1, 0));
    await intrude(
      server,
      Buffer.concat([framed(Buffer.from('holdfast')), framed(putMetadata({ id, type: 1, link: 0 })), framed(packet)]),
    );
    // The dialer finds its wire closed, dials again and displaces in turn.
    const total = 1 << 20;
    const heard = hear(far, total);
    await pour(near, total);
    expect(await heard).toBe(-1);
  }, 20_000);
});
