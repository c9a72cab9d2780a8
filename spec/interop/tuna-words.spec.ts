import { framed } from '../../adapters/tuna/envelope.js';
import { ncpCodec } from '../../adapters/tuna/index.js';
import type { Connection, Engine } from '../../adapters/index.js';
import { Packet } from '../../machines/tuna/tuna.messages.js';
import type { TunaPlane } from '../../machines/tuna/tuna.plane.js';
import { tcp } from '../../transports/tcp.js';
import { hear, pour } from '../tuna/flow.js';
import { responderOf } from '../tuna/state-checks.js';
import { buildNcpGo, ncpGoAvailable } from './ncp-go.js';
import { News } from './news.js';
import { tunaPair, type TunaPair } from './tuna-pair.js';
import { Watched } from './watched.js';

const withGo = ncpGoAvailable() ? describe : describe.skip;
const ROLES = ['dials', 'is dialed'] as const;

const planeOf = (engine: Engine): TunaPlane => [...responderOf(engine).records()][0]!.session!.plane as unknown as TunaPlane;

withGo('tuna/words: what nkn-tuna-session loses, asks and is told', () => {
  let pair: TunaPair | undefined;
  const news = new News();
  beforeAll(() => buildNcpGo(), 240_000);
  afterEach(async () => {
    await pair?.stop();
    pair = undefined;
  });

  const round = 256 << 10;
  async function bothWays({ go, near }: TunaPair, from: number, ear: { bytes: number }): Promise<void> {
    const [received] = await Promise.all([go.receive(round, from), go.send(round, from), pour(near, round, from)]);
    expect(received).toMatchObject({ bytes: round, wrongAt: -1 });
    await news.until(() => ear.bytes >= from + round);
  }
  function listenTo(near: Connection, total: number): { bytes: number; whole: Promise<number> } {
    const ear = { bytes: 0, whole: Promise.resolve(-1) };
    ear.whole = hear(near, total, (bytes) => {
      ear.bytes = bytes;
      news.tell();
    });
    return ear;
  }

  for (const role of ROLES)
    for (const links of [1, 4])
      for (const answers of ['all that it says', 'its acknowledgements too'] as const)
        test(`[NCP-12] holdfast ${role}, ${links} link(s): the only news of a window of 100 kB is lost (${answers}), and it goes on within 3 s`, async () => {
          pair = await tunaPair(role, { numTunaListeners: links, idleMs: 0 }, { links, window: 100_000 });
          const { go, near, engine } = pair;
          const plane = planeOf(engine);
          const { ncp } = plane;
          const total = 300_000;
          // What says how much was read is lost on the way, once.
          const packet = new Packet();
          const receive = ncp.receive.bind(ncp);
          let isLossy = false;
          let lost = 0;
          ncp.receive = (link, bytes, start, end, ...rest) => {
            news.tell();
            ncpCodec.read(bytes, start, end, packet);
            const isLost = packet.bytesRead > 0 || (answers === 'its acknowledgements too' && packet.ranges > 0);
            if (!isLossy || !isLost) return receive(link, bytes, start, end, ...rest);
            lost++;
            return true;
          };
          void pour(near, total);
          await news.until(() => ncp.outbound.acknowledged >= 99_000);
          expect(ncp.outbound.read).toBe(0);
          isLossy = true;
          const received = go.receive(total);
          await news.until(() => lost >= links);
          isLossy = false;
          const from = performance.now();
          await news.until(() => ncp.outbound.read > 0);
          expect(performance.now() - from).toBeLessThan(3000);
          expect(await received).toMatchObject({ bytes: total, wrongAt: -1 });
        }, 30_000);

  for (const links of [1, 4])
    for (const times of [1, 3])
      test(`[NCP-5] holdfast is dialed, ${links} link(s): the answer to the handshake is lost on all of them, ${times} time(s), and the original's dial succeeds all the same`, async () => {
        const wires = new Watched(tcp());
        wires.loses = (write) => write < times;
        pair = await tunaPair('is dialed', { numTunaListeners: links }, { links }, wires);
        news.of(pair.engine);
        const ear = listenTo(pair.near, round);
        await bothWays(pair, 0, ear);
        expect([await ear.whole, pair.ended()]).toEqual([-1, 0]);
      }, 30_000);

  for (const role of ROLES)
    test(`[NCP-16] holdfast ${role}: the original skips why its wire was ended and keeps its session; beside a close it ends with it`, async () => {
      const links = 2;
      pair = await tunaPair(role, { numTunaListeners: links }, { links });
      const { go, near, engine } = pair;
      news.of(engine);
      const { onClosed } = pair.wires;
      pair.wires.onClosed = () => {
        onClosed?.();
        news.tell(); // A wire that was ended politely ends later, and no actor hears of it.
      };
      const ear = listenTo(near, 2 * round);
      await bothWays(pair, 0, ear);
      const { pump } = [...responderOf(engine).records()][0]!.handle!;
      const plane = planeOf(engine);
      const corrupt = (): void => {
        const slot = plane.conns.phases.indexOf('joined');
        pump.receive(slot, framed(new Uint8Array(60)), false); // As if the original had said what can't be opened.
      };
      corrupt();
      await news.until(() => pair!.ended() === 1);
      await bothWays(pair, round, ear);
      expect([await ear.whole, (await go.state()).closed, near.state]).toEqual([-1, false, 'completed']);
      const closed = near.closed;
      for (let i = 0; i < 3 * links && near.state === 'completed'; i++) {
        await news.until(() => plane.conns.connCount === links || near.state !== 'completed');
        if (near.state === 'completed') corrupt();
      }
      expect(await closed).toMatchObject({ code: 'malformed', side: 'remote', detail: { rule: 'TUNA-4' } });
      await news.until(() => pair!.ended() >= links);
      for (let isClosed = false; !isClosed;) ({ closed: isClosed } = await go.state());
    }, 60_000);
});
