import type { TunaOptions } from '../../adapters/tuna/index.js';
import { hear, pour } from '../tuna/flow.js';
import { buildNcpGo, ncpGoAvailable } from './ncp-go.js';
import { News } from './news.js';
import type { TunaGoOptions } from './tuna-go.js';
import { tunaPair, type TunaPair } from './tuna-pair.js';

const withGo = ncpGoAvailable() ? describe : describe.skip;
type Ours = TunaOptions & { readonly numTunaListeners: number };
type Theirs = Omit<TunaGoOptions, 'name'>;

/** Links of a holdfast and of a nkn-tuna-session, and what else is set differently. */
const UNEQUAL: readonly [Ours, Theirs][] = [
  [{ numTunaListeners: 6 }, { links: 4 }],
  [
    { numTunaListeners: 8, windowBytes: 100_000 },
    { links: 4, mtu: 1024 },
  ],
  [
    { numTunaListeners: 4, idleMs: 500 },
    { links: 6, window: 200_000 },
  ],
  [
    { numTunaListeners: 4, ackDelayMs: 100 },
    { links: 8, ackIntervalMs: 5 },
  ],
  [
    { numTunaListeners: 4, windowBytes: 8 << 20 },
    { links: 1, window: 100_000 },
  ],
  [
    { numTunaListeners: 1, mtu: 2000 },
    { links: 4, rtoInitialMs: 1000 },
  ],
  [{ numTunaListeners: 2 }, { links: 15, mtu: 500 }],
];

withGo('tuna/places: nkn-tuna-session and a holdfast with unequal numbers of links', () => {
  let pair: TunaPair | undefined;
  const news = new News();
  beforeAll(() => buildNcpGo(), 240_000);
  afterEach(async () => {
    await pair?.stop();
    pair = undefined;
  });

  for (const role of ['dials', 'is dialed'] as const)
    for (const [ours, theirs] of UNEQUAL)
      test(`[TUNA-10] interop/tuna links: holdfast ${role} with ${JSON.stringify(ours)}, the other has ${JSON.stringify(theirs)}: none is replaced without end`, async () => {
        pair = await tunaPair(role, ours, theirs);
        news.of(pair.engine);
        const { go, near, wires } = pair;
        const count = Math.min(ours.numTunaListeners, theirs.links);
        const most = Math.max(ours.numTunaListeners, theirs.links);
        await news.until(() => near.stats()['links'] === count);
        const round = 256 << 10;
        let heard = 0;
        const whole = hear(near, 8 * round, (bytes) => {
          heard = bytes;
          news.tell();
        });
        const exchange = async (from: number): Promise<void> => {
          const [received] = await Promise.all([go.receive(round, from), go.send(round, from), pour(near, round, from)]);
          expect(received).toMatchObject({ bytes: round, wrongAt: -1 });
          await news.until(() => heard >= from + round);
        };
        for (let i = 0; i < 4; i++) await exchange(i * round);
        // One that is lost comes back; with its last one the original would end.
        if (count > 1) {
          const { spoken } = wires;
          expect(wires.kill()).toBe(true);
          await wires.spokenOn(spoken + 1);
          await news.until(() => near.stats()['links'] === count);
        }
        for (let i = 4; i < 8; i++) await exchange(i * round);
        expect(await whole).toBe(-1);
        expect(near.stats()['links']).toBe(count);
        // Each of the superfluous ones may be tried twice and found of no use, before and after the loss.
        expect(pair.ended()).toBeLessThanOrEqual(1 + 4 * (most - count));
        const { code, detail } = await near.close();
        expect([code, detail?.unknown, detail?.unsent]).toEqual(['closed', undefined, undefined]);
      }, 30_000);
});
