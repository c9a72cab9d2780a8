import { FaultProxy } from '../../adapters/cli/fault-proxy.js';
import { createEngine, type Engine } from '../../adapters/index.js';
import { resume } from '../../adapters/resume/index.js';
import { Keeper, StreamSession } from '../../adapters/streams/index.js';
import { tuna } from '../../adapters/tuna/index.js';
import { tcp } from '../../transports/tcp.js';

const endings: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const end of endings.splice(0).reverse()) await end();
});

const protocols = { resume: () => resume(), tuna: () => tuna({ numTunaListeners: 1 }) };

/** A kept session with a server that can die without a goodbye: its links are cut, and nothing accepts any more. */
async function kept(protocol: keyof typeof protocols) {
  const make = (listen: string[]): Engine => createEngine({ transports: [tcp()], protocols: [protocols[protocol]()], listen });
  const [server, client] = [make(['tcp://127.0.0.1:0']), make([])];
  for (const engine of [server, client]) {
    endings.push(() => engine.shutdown({ deadlineMs: 100 }));
    await engine.start();
  }
  const cutter = new FaultProxy(Number(/\d+$/.exec(server.addresses[0]!)![0]));
  const port = await cutter.listen();
  void (async () => {
    for await (const connection of server.incoming)
      new StreamSession(connection).onOffer = (offer) => void offer.accept().on('error', () => {});
  })();
  const keeper = new Keeper(client, `tcp://127.0.0.1:${port}`);
  const running = keeper.run();
  const session = await keeper.opened(AbortSignal.timeout(5000));
  const die = async (): Promise<void> => {
    const lost = new Promise<void>((resolve) => {
      const off = client.on((event) => {
        if (event.type !== 'lost') return;
        off();
        resolve();
      });
    });
    await cutter.close();
    await lost;
  };
  endings.push(() => cutter.close().catch(() => {}));
  return { keeper, running, session, die };
}

describe('keeper: stop() ends within its grace when the peer has died without a goodbye', () => {
  test.each(['resume', 'tuna'] as const)(
    '%s: with bytes under way, idle, and with a stream that is being opened',
    async (protocol) => {
      for (const load of ['bytes', 'nothing', 'an opening'] as const) {
        const { keeper, running, session, die } = await kept(protocol);
        const stream = load === 'bytes' ? await session.open('sink') : undefined;
        stream?.on('error', () => {});
        await die();
        stream?.write(new Uint8Array(100_000)); // Can't be acknowledged.
        if (load === 'an opening') void session.open('sink').catch(() => {});
        const beganMs = performance.now();
        await keeper.stop({ graceMs: 200 });
        await running;
        // The window is 60 s, and a goodbye would take 3 s more.
        expect({ load, isSoon: performance.now() - beganMs < 2500 }).toEqual({ load, isSoon: true });
        expect(keeper.session).toBeUndefined();
      }
    },
    20_000,
  );

  test('waits 3 s by default, as long as asked, and not at all with `now`', async () => {
    for (const [given, used] of [
      [undefined, { graceMs: 3000 }],
      [{ graceMs: 5 }, { graceMs: 5 }],
      [{ now: true }, { now: true, graceMs: 3000 }],
    ] as const) {
      const { keeper, running, session } = await kept('resume');
      const close = jest.spyOn(session, 'close');
      await keeper.stop(given);
      await running;
      expect(close.mock.calls).toEqual([[used]]);
    }
  });
});
