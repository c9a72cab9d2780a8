import { fill, Sink } from '../tuna/ncp-channel.js';
import { TcpEnd } from '../tuna/tcp-end.js';
import { buildNcpGo, NcpGo, ncpGoAvailable } from './ncp-go.js';

const withGo = ncpGoAvailable() ? describe : describe.skip;

/** Writes so many bytes of the pattern, and resolves when all are acknowledged. */
function pour(end: TcpEnd, total: number): Promise<void> {
  return new Promise((resolve) => {
    let written = 0;
    const more = (): void => {
      while (written < total && end.plane.canTake(65_536)) {
        const bytes = fill(new Uint8Array(Math.min(65_536, total - written)), written);
        written += bytes.length;
        if (!end.pump.write(bytes)) break;
      }
      if (written === total && end.plane.queuedBytes === 0) resolve();
    };
    end.onRoom = more;
    more();
  });
}

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

  for (const links of [1, 4]) {
    test(`[NCP-1] takes a session of ours, and bytes go both ways, over ${links} links`, async () => {
      const peer = await go();
      const end = keep(new TcpEnd('dialer', links));
      await end.dial(await peer.listen({ links, mtu: 1300 }));
      const sink = new Sink(end as never);
      const total = 8 << 20;
      const back = arrived(end, sink, total);
      const [received] = await Promise.all([peer.receive(total), pour(end, total), peer.send(total), back]);
      expect({ ...received, longestMs: 0 }).toMatchObject({ bytes: total, wrongAt: -1 });
      expect([sink.bytes, sink.wrongAt]).toEqual([total, -1]);
    }, 30_000);

    test(`[NCP-1] opens a session with us, and bytes go both ways, over ${links} links`, async () => {
      const peer = await go();
      const end = keep(new TcpEnd('acceptor', links));
      await Promise.all([peer.dial(await end.listen(), { links, mtu: 1024 }), end.established()]);
      const sink = new Sink(end as never);
      const total = 8 << 20;
      const back = arrived(end, sink, total);
      const [received] = await Promise.all([peer.receive(total), pour(end, total), peer.send(total), back]);
      expect(received).toMatchObject({ bytes: total, wrongAt: -1 });
      expect([sink.bytes, sink.wrongAt]).toEqual([total, -1]);
    }, 30_000);
  }

  test('[NCP-13] hears our close, after all that came before it', async () => {
    const peer = await go();
    const end = keep(new TcpEnd('dialer', 2));
    await end.dial(await peer.listen({ links: 2, mtu: 1300 }));
    const receiving = peer.receive(100_000);
    await pour(end, 100_000);
    expect(await receiving).toMatchObject({ bytes: 100_000, wrongAt: -1 });
    end.plane.close(performance.now());
    end.pump.flush();
    await expect(peer.receive()).resolves.toMatchObject({ bytes: 0 });
    expect(await peer.state()).toMatchObject({ closed: true, closedByRemote: true });
  }, 20_000);

  test('[NCP-13] closes, and we have heard everything it wrote', async () => {
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

  test('[NCP-11] a slow reader slows us, and nothing is lost', async () => {
    const peer = await go();
    const end = keep(new TcpEnd('dialer', 1));
    await end.dial(await peer.listen({ links: 1, mtu: 1300, window: 65_536 }));
    const [received] = await Promise.all([peer.receive(1 << 20, true), pour(end, 1 << 20)]);
    expect(received).toMatchObject({ bytes: 1 << 20, wrongAt: -1 });
  }, 30_000);

  for (const direction of ['to', 'from'] as const)
    test(`[NCP-9] 128 MiB ${direction} it while one of four sockets is killed every 0.7 s: nothing wrong, and we stall nothing`, async () => {
      const peer = await go();
      const end = keep(new TcpEnd('dialer', 4));
      await end.dial(await peer.listen({ links: 4, mtu: 1300 }));
      const total = 128 << 20;
      let kills = 0;
      const killing = setInterval(() => end.cut(kills++ % 4), 700);
      const sink = new Sink(end as never, () => performance.now());
      try {
        const longestMs =
          direction === 'to'
            ? (
                await Promise.all([peer.receive(total).then((r) => (expect(r.wrongAt).toBe(-1), r.longestMs)), pour(end, total)])
              )[0]
            : await Promise.all([arrived(end, sink, total), peer.send(total)]).then(() => sink.longestGapMs);
        process.stderr.write(
          `${direction}: kills ${kills}, longest wait ${longestMs.toFixed(0)} ms, rejoins ${end.rejoinsMs.map((ms) => ms.toFixed(0)).join(' ')} ms, resent ${end.plane.stats.resent}\n`,
        );
        // What it had sent into the killed socket it sends again by its own timeout, which follows its round trips: usually 250 ms,
        // seconds where processors are busy. Its first one is 5 s.
        expect(longestMs).toBeLessThan(direction === 'to' ? 500 : 6000);
        expect(sink.wrongAt).toBe(-1);
      } finally {
        clearInterval(killing);
      }
    }, 60_000);
});
