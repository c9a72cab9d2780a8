import { Sink } from '../tuna/ncp-channel.js';
import { TcpEnd } from '../tuna/tcp-end.js';
import { buildNcpGo, NcpGo, ncpGoAvailable } from './ncp-go.js';
import { ncpGo as fireAt, pourInto, underFire } from './under-fire.js';

const withGo = ncpGoAvailable() ? describe : describe.skip;

function arrived(end: TcpEnd, sink: Sink, total: number): Promise<void> {
  return new Promise((resolve) => {
    const onData = end.onData!;
    end.onData = (bytes) => {
      onData(bytes);
      if (sink.bytes >= total) resolve();
    };
  });
}

withGo('the real ncp-go', () => {
  const running: { stop(): unknown }[] = [];
  const keep = <T extends { stop(): unknown }>(one: T): T => {
    running.push(one);
    return one;
  };
  const go = async (): Promise<NcpGo> => keep(await NcpGo.start());
  beforeAll(() => buildNcpGo(), 240_000);
  afterEach(async () => {
    for (const one of running.splice(0)) await one.stop();
  });

  /** 8 MiB each way at once, and none of it is wrong. */
  async function bothWays(peer: NcpGo, end: TcpEnd): Promise<void> {
    const sink = new Sink(end as never);
    const total = 8 << 20;
    const back = arrived(end, sink, total);
    const [received] = await Promise.all([peer.receive(total), pourInto(end, total), peer.send(total), back]);
    expect(received).toMatchObject({ bytes: total, wrongAt: -1 });
    expect([sink.bytes, sink.wrongAt]).toEqual([total, -1]);
  }

  for (const links of [1, 4]) {
    test(`[NCP-1] interop/ncp go: takes a session of ours, and bytes go both ways, over ${links} links`, async () => {
      const peer = await go();
      const end = keep(new TcpEnd('dialer', links));
      await end.dial(await peer.listen({ links, mtu: 1300 }));
      await bothWays(peer, end);
    }, 30_000);

    test(`[NCP-1] interop/ncp go: opens a session with us, and bytes go both ways, over ${links} links`, async () => {
      const peer = await go();
      const end = keep(new TcpEnd('acceptor', links));
      await Promise.all([peer.dial(await end.listen(), { links, mtu: 1024 }), end.established()]);
      await bothWays(peer, end);
    }, 30_000);
  }

  test('[NCP-13] interop/ncp go: reads our close, after all that came before it', async () => {
    const peer = await go();
    const end = keep(new TcpEnd('dialer', 2));
    await end.dial(await peer.listen({ links: 2, mtu: 1300 }));
    const receiving = peer.receive(100_000);
    await pourInto(end, 100_000);
    expect(await receiving).toMatchObject({ bytes: 100_000, wrongAt: -1 });
    end.plane.close(performance.now());
    end.pump.flush();
    await expect(peer.receive()).resolves.toMatchObject({ bytes: 0 });
    expect(await peer.state()).toMatchObject({ closed: true, closedByRemote: true });
  }, 20_000);

  test('[NCP-13] interop/ncp go: closes, and we have received everything it wrote', async () => {
    const peer = await go();
    const end = keep(new TcpEnd('acceptor', 2));
    await Promise.all([peer.dial(await end.listen(), { links: 2, mtu: 1300 }), end.established()]);
    const sink = new Sink(end as never);
    const closed = new Promise<void>((resolve) => {
      end.onSignal = (signal) => signal.type === 'peer.closed' && resolve();
    });
    await peer.send(100_000);
    await peer.close();
    await closed;
    expect([sink.bytes, sink.wrongAt]).toEqual([100_000, -1]);
  }, 20_000);

  test('[NCP-11] interop/ncp go: a slow reader slows us, and nothing is lost', async () => {
    const peer = await go();
    const end = keep(new TcpEnd('dialer', 1));
    await end.dial(await peer.listen({ links: 1, mtu: 1300, window: 65_536 }));
    const [received] = await Promise.all([peer.receive(1 << 20, true), pourInto(end, 1 << 20)]);
    expect(received).toMatchObject({ bytes: 1 << 20, wrongAt: -1 });
  }, 30_000);

  for (const direction of ['to', 'from'] as const)
    test(`[NCP-9] interop/ncp go: 128 MiB ${direction} it while one of four sockets is killed every 0.35 s: nothing is wrong, and no pause is ours`, async () => {
      const target = await fireAt(direction);
      keep(target);
      // From it: `underFire` fails with the first pause that isn't the original's own.
      const { sight, lagMs, killedAt } = await underFire(target, 128 << 20, 350, false);
      expect(sight.wrongAt).toBe(-1);
      expect(killedAt.length).toBeGreaterThan(0);
      const longestMs = Math.max(0, ...sight.waits.map(([, ms]) => ms));
      // Where processes don't get to run, nothing can be said about time; what they were kept from counts three times.
      if (direction === 'to') expect(longestMs).toBeLessThan(500 + 3 * lagMs);
    }, 60_000);

  test('[NCP-7] interop/ncp go: 32 MiB to it while all four sockets are killed every 0.3 s: it loses acknowledgements, and comes out of it', async () => {
    const target = await fireAt('to');
    keep(target);
    const { sight, killedAt } = await underFire(target, 32 << 20, 300, true);
    expect(sight.wrongAt).toBe(-1);
    expect(killedAt.length).toBeGreaterThan(0);
  }, 60_000);
});
