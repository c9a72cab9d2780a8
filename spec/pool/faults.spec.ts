import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { createEngine } from '../../adapters/index.js';
import { pool, poolCodec as codec } from '../../adapters/pool/index.js';
import { tcp } from '../../transports/tcp.js';
import { NOTHING, PoolHosts, watched, type PoolHost } from '../sim/pool-hosts.js';
import { Rig, data, hello, HERE, THERE, welcome } from './plane-rig.js';

const optional = Uint8Array.of(0x80, 0, 0, 2, 0x90, 1);
const refusal = codec.putRefused({ code: 'busy', retryAfterMs: 0 });

/** What a peer may do against the rules once both have greeted, and the last word it gets for it. */
const FAULTS: readonly (readonly [string, Uint8Array, string])[] = [
  ['a message above the limit', data(new Uint8Array(1001)), 'oversized POOL-3'],
  ['the head of a message far above the limit', Uint8Array.of(0x7f, 0xff, 0xff, 0xff), 'oversized POOL-3'],
  ['a frame far above the limit', Uint8Array.of(0x90, 0, 0, 0), 'oversized POOL-3'],
  ['a second hello', hello, 'violated POOL-5'],
  ['a second welcome', welcome, 'violated POOL-5'],
  ['a refusal after the welcome', refusal, 'violated POOL-5'],
  ['an unknown critical frame', Uint8Array.of(0x80, 0, 0, 1, 0x30), 'malformed POOL-2'],
  ['a frame without a kind', Uint8Array.of(0x80, 0, 0, 0), 'malformed POOL-2'],
  ['a ping cut short', Uint8Array.of(0x80, 0, 0, 2, 4, 1), 'malformed POOL-2'],
  ['a goodbye cut short', Uint8Array.of(0x80, 0, 0, 2, 6, 1), 'malformed POOL-2'],
  ['a fault cut short', Uint8Array.of(0x80, 0, 0, 2, 0xa0, 1), 'malformed POOL-2'],
];

describe.each(['dialer', 'acceptor'] as const)('pool/faults: the %s', (role) => {
  test.each(FAULTS)('[POOL-13] says code and rule, as its last word, for %s', (_what, frame, fault) => {
    const rig = Rig.open({ messageBytesMax: 1000 }, { role });
    rig.plane.write(Uint8Array.of(7));
    rig.hear(frame, data(Uint8Array.of(1)));
    expect([rig.story, rig.got, rig.said()]).toEqual([[`peer.violated ${fault}`], [], [`fault ${fault}`]]);
    expect(() => rig.plane.write(Uint8Array.of(8))).toThrow('closing');
  });

  test('[POOL-13] a message before the greeting is answered by a fault as well', () => {
    const rig = new Rig({ role });
    rig.plane.sendHello();
    rig.said();
    rig.hear(data(Uint8Array.of(1)));
    expect(rig.said()).toEqual(['fault malformed POOL-5']);
  });

  test('[POOL-13] what is allowed is no fault: an unknown optional frame, a message at the limit, an empty one', () => {
    const rig = Rig.open({ messageBytesMax: 1000 }, { role });
    rig.hear(optional, data(new Uint8Array(1000)), data(new Uint8Array(0)));
    expect([rig.story, rig.got.length, rig.said()]).toEqual([[], 2, []]);
  });

  test('[POOL-13] after a fault it reads nothing more and sends nothing', () => {
    const rig = Rig.open({}, { role });
    rig.hear(codec.putFault({ code: 'oversized', rule: 'POOL-3' }), data(Uint8Array.of(1)));
    expect([rig.story, rig.got, rig.said()]).toEqual([['peer.accused oversized POOL-3'], [], []]);
  });
});

describe('pool/faults: between engines', () => {
  const rule = { detail: { rule: 'POOL-3' } };

  async function pair(): Promise<{ world: PoolHosts; near: PoolHost; far: PoolHost }> {
    const world = new PoolHosts();
    const [near, far] = [world.host('a', { options: { messageBytesMax: 1000 } }), world.host('b')];
    const asked = watched(near.engine.connect(far.id, { retry: true }));
    await world.live(50);
    expect(asked.error).toBeUndefined();
    return { world, near, far };
  }

  test.each(['acceptor', 'dialer'] as const)(
    '[POOL-13] a message above the limit: the %s that sent it gets the rule, and stays away',
    async (role) => {
      const world = new PoolHosts();
      const small = { options: { messageBytesMax: 1000 } };
      const [near, far] = [world.host('a', role === 'acceptor' ? small : {}), world.host('b', role === 'dialer' ? small : {})];
      watched(near.engine.connect(far.id, { retry: true }));
      await world.live(50);
      const [sender, receiver] = role === 'acceptor' ? [far, near] : [near, far];
      const [from, to] = [sender.connections[0]!, receiver.connections[0]!];
      from.write(new Uint8Array(5000));
      await world.live(50);
      expect(await from.closed).toMatchObject({ code: 'oversized', side: 'local', ...rule });
      expect(await to.closed).toMatchObject({ code: 'oversized', side: 'remote', ...rule });
      await world.live(60_000);
      expect([near.connections.length, far.connections.length]).toEqual([1, 1]);
      expect(await world.end(near, far)).toEqual(NOTHING);
    },
  );

  test('[POOL-13] the last word is bounded in time: a wire that takes nothing is cut off after two seconds', async () => {
    const { world, near, far } = await pair();
    far.connections[0]!.write(new Uint8Array(5000));
    await world.live(0);
    for (const link of world.network.links) link.silence('far'); // The sender hears neither the fault nor the end.
    await world.live(1900);
    expect([near.connections[0]!.state, near.engine.metrics().wires]).toEqual(['none', 1]);
    await world.live(200);
    expect(near.engine.metrics().wires).toBe(0);
  });
});

describe('pool/faults: on a real socket', () => {
  const closers: (() => unknown)[] = [];
  afterEach(async () => {
    for (const close of closers.splice(0).reverse()) await close();
  });
  const engineOf = (...listen: string[]): ReturnType<typeof createEngine> => {
    const engine = createEngine({ transports: [tcp()], protocols: [pool({ identity: 'stated', id: HERE })], listen });
    closers.push(() => engine.shutdown({ deadlineMs: 500 }));
    return engine;
  };
  /** All that is said to it until the other side ends, which it must by itself. */
  const allOf = async (socket: Socket): Promise<string> => {
    const heard: Buffer[] = [];
    socket.on('data', (chunk) => heard.push(chunk));
    await once(socket, 'end');
    return Buffer.concat(heard).toString('hex');
  };

  test.each(FAULTS.filter(([what]) => what !== 'a message above the limit'))(
    '[POOL-13] a dialer that says %s gets the fault, and then the end of the wire',
    async (_what, frame, fault) => {
      const engine = engineOf('tcp://127.0.0.1:0');
      await engine.start();
      const socket = connect(Number(/\d+$/.exec(engine.addresses[0]!)![0]), '127.0.0.1');
      closers.push(() => socket.destroy());
      const said = allOf(socket);
      socket.write(Buffer.concat([hello, frame]));
      const [code, rule] = fault.split(' ');
      const last = codec.putFault({ code: code as 'violated', rule: rule! });
      expect(await said).toBe(Buffer.concat([codec.putHello('welcome', { ...ABOUT, id: HERE }), last]).toString('hex'));
    },
  );

  test('[POOL-13] an acceptor that greets twice gets the fault, and then the end of the wire', async () => {
    const server = createServer();
    closers.push(() => server.close());
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const engine = engineOf();
    await engine.start();
    const accepted = once(server, 'connection') as Promise<[Socket]>;
    const connecting = engine.connect(`tcp://127.0.0.1:${(server.address() as AddressInfo).port}`);
    const [socket] = await accepted;
    closers.push(() => socket.destroy());
    const said = allOf(socket);
    socket.write(Buffer.concat([welcome, welcome]));
    const connection = await connecting;
    expect(await connection.closed).toMatchObject({ code: 'violated', side: 'remote', detail: { rule: 'POOL-5' } });
    expect(await said).toMatch(
      new RegExp(`${Buffer.from(codec.putFault({ code: 'violated', rule: 'POOL-5' })).toString('hex')}$`),
    );
    expect(connection.peer).toBe(THERE);
  });
});

const ABOUT = { versionMin: 1, versionMax: 1, isInquiry: false };
