import { createEngine, type Connection, type Engine } from '../../adapters/index.js';
import { tuna, type TunaOptions } from '../../adapters/tuna/index.js';
import { tunaIdentity } from '../../adapters/tuna/nacl.js';
import type { TunaIdentity } from '../../adapters/tuna/index.js';
import { tcp } from '../../transports/tcp.js';
import { byteAt, fill } from '../tuna/ncp-channel.js';
import { buildNcpGo, ncpGoAvailable } from './ncp-go.js';
import { TunaGo } from './tuna-go.js';
import { Watched } from './watched.js';

const withGo = ncpGoAvailable() ? describe : describe.skip;

/** Resolves with the place of the first wrong byte, or -1, once so many have come. */
function hear(connection: Connection, total: number): Promise<number> {
  return new Promise((resolve) => {
    let at = 0;
    connection.onMessage = (bytes) => {
      for (const byte of bytes) if (byte !== byteAt(at++)) return resolve(at - 1);
      if (at >= total) resolve(-1);
    };
  });
}

async function pour(connection: Connection, total: number): Promise<void> {
  for (let at = 0; at < total; at += 65_536)
    if (!connection.write(fill(new Uint8Array(Math.min(65_536, total - at)), at))) await connection.drained();
}

async function until(isSo: () => boolean): Promise<void> {
  const giveUpAt = Date.now() + 10_000;
  while (!isSo()) {
    if (Date.now() > giveUpAt) throw new Error('it never came to be');
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

withGo('the real nkn-tuna-session', () => {
  const running: { stop?(): Promise<void>; shutdown?(): Promise<void> }[] = [];
  let self: TunaIdentity;
  beforeAll(async () => {
    self = await tunaIdentity(new Uint8Array(32).fill(7), { identifier: 'holdfast' });
    await buildNcpGo();
  }, 240_000);
  afterEach(async () => {
    for (const one of running.splice(0)) await (one.stop?.() ?? one.shutdown?.());
  });
  const partner = async (links: number): Promise<TunaGo> => {
    const go = await TunaGo.start({ name: 'partner', links });
    running.push(go);
    return go;
  };
  const engineWith = async (wires: Watched, options: TunaOptions, listen: readonly string[] = []): Promise<Engine> => {
    const engine = createEngine({ transports: [wires], protocols: [tuna({ identity: self, ...options })], listen });
    running.push(engine);
    await engine.start();
    return engine;
  };

  interface Session {
    readonly go: TunaGo;
    readonly near: Connection;
    readonly wires: Watched;
  }

  /** holdfast dials. */
  async function dialed(links: number, options: TunaOptions = {}): Promise<Session> {
    const go = await partner(links);
    await go.listen();
    const wires = new Watched(tcp());
    const engine = await engineWith(wires, { numTunaListeners: links, addresses: go.bookFor(self.address), ...options });
    const reply = await go.ask(self.address, null);
    const first = reply.word === 'addresses' ? reply.addresses[0]! : '';
    const accepted = go.accept();
    const near = await engine.connect(first, { peer: go.address });
    expect(await accepted).toMatchObject({ remote: self.address });
    return { go, near, wires };
  }

  /** holdfast is dialed. */
  async function accepted(links: number, options: TunaOptions = {}): Promise<Session> {
    const go = await partner(links);
    const wires = new Watched(tcp());
    const engine = await engineWith(wires, { numTunaListeners: links, ...options }, ['tcp://127.0.0.1:0']);
    const incoming = engine.incoming[Symbol.asyncIterator]().next();
    await go.dial(self.address, Number(/\d+$/.exec(engine.addresses[0]!)![0]), links);
    const near = (await incoming).value as Connection;
    expect(near.id).toMatch(new RegExp(`^.*${go.address}:[0-9a-f]{16}$`));
    return { go, near, wires };
  }

  const roles = { dials: dialed, 'is dialed': accepted } as const;

  for (const role of ['dials', 'is dialed'] as const)
    for (const links of [1, 4]) {
      test(`[TUNA-1] [TUNA-4] holdfast ${role}: a sealed session over ${links} link(s), bytes both ways, and our close is heard`, async () => {
        const { go, near } = await roles[role](links);
        await until(() => near.stats()['links'] === links);
        const total = 8 << 20;
        const heard = hear(near, total);
        const [received] = await Promise.all([go.receive(total), go.send(total), pour(near, total)]);
        expect(received).toMatchObject({ bytes: total, wrongAt: -1 });
        expect(await heard).toBe(-1);
        const end = go.receive();
        expect(await near.close()).toMatchObject({ code: 'closed', side: 'local' });
        expect(await end).toMatchObject({ bytes: 0 });
        expect(await go.state()).toMatchObject({ closed: true, closedByRemote: true });
      }, 30_000);

      test(`[NCP-13] holdfast ${role}: its close after 1 MiB over ${links} link(s), and we have heard everything`, async () => {
        const { go, near } = await roles[role](links);
        const heard = hear(near, 1 << 20);
        await go.send(1 << 20);
        await go.close();
        expect(await near.closed).toMatchObject({ code: 'peer-goodbye', side: 'remote' });
        expect(await heard).toBe(-1);
      }, 30_000);
    }

  for (const role of ['dials', 'is dialed'] as const)
    test(`[TUNA-5] holdfast ${role}: one of four links after the other is cut and joins again, and nothing is wrong`, async () => {
      const { go, near, wires } = await roles[role](4);
      await wires.spokenOn(4);
      const total = 32 << 20;
      const heard = hear(near, total);
      const moving = Promise.all([go.receive(total), go.send(total), pour(near, total)]);
      for (let kill = 0; kill < 8; kill++) {
        if (kill % 2 === 0) expect(wires.kill()).toBe(true);
        else await (role === 'dials' ? go.cut(kill % 4) : go.drop(kill % 4));
        await wires.spokenOn(5 + kill);
        await until(() => near.stats()['links'] === 4);
      }
      const [received] = await moving;
      expect(received).toMatchObject({ bytes: total, wrongAt: -1 });
      expect(await heard).toBe(-1);
      expect(await go.state()).toMatchObject({ closed: false });
      expect(near.state).toBe('completed');
    }, 60_000);
});
