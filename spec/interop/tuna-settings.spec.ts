import type { TunaOptions } from '../../adapters/tuna/index.js';
import { hear, pour } from '../tuna/flow.js';
import { fill } from '../tuna/ncp-channel.js';
import { buildNcpGo, ncpGoAvailable } from './ncp-go.js';
import type { TunaGoOptions } from './tuna-go.js';
import { tunaPair, type TunaPair } from './tuna-pair.js';

const withGo = ncpGoAvailable() ? describe : describe.skip;
const ROLES = ['dials', 'is dialed'] as const;
type Ours = TunaOptions & { readonly numTunaListeners: number };
type Theirs = Omit<TunaGoOptions, 'name'>;

withGo('tuna/settings: nkn-tuna-session and a holdfast that are set differently', () => {
  let pair: TunaPair | undefined;
  beforeAll(() => buildNcpGo(), 240_000);
  afterEach(async () => {
    await pair?.stop();
    pair = undefined;
  });

  async function bothWays(role: (typeof ROLES)[number], ours: Ours, theirs: Theirs, total = 1 << 20): Promise<void> {
    pair = await tunaPair(role, ours, theirs);
    const { go, near } = pair;
    const heard = hear(near, total);
    const [received] = await Promise.all([go.receive(total), go.send(total), pour(near, total)]);
    expect(received).toMatchObject({ bytes: total, wrongAt: -1 });
    expect(await heard).toBe(-1);
    const { code, detail } = await near.close();
    expect([code, detail?.unknown, detail?.unsent]).toEqual(['closed', undefined, undefined]);
  }

  const mtus = [500, 1024, 1300, 2000];
  for (const role of ROLES) {
    for (const mtu of mtus)
      for (const theirs of mtus)
        if (mtu !== theirs)
          test(`[NCP-5] interop/tuna settings: holdfast ${role}, its MTU is ${mtu} and the other's ${theirs}`, async () => {
            await bothWays(role, { mtu, numTunaListeners: 2 }, { mtu: theirs, links: 2 });
          }, 30_000);

    for (const [links, theirs] of [
      [1, 4],
      [4, 1],
      [3, 2],
      [2, 3],
    ] as const)
      test(`[NCP-5] interop/tuna settings: holdfast ${role}, it has ${links} link(s) and the other ${theirs}`, async () => {
        await bothWays(role, { numTunaListeners: links }, { links: theirs });
      }, 30_000);

    for (const [what, ours, theirs] of [
      ['a window of 20 kB', { windowBytes: 20_000 }, {}],
      ['a peer with a window of 20 kB', {}, { window: 20_000 }],
      ['a window of 32 MiB', { windowBytes: 32 << 20, sendBytesMax: 64 << 20 }, { window: 100_000 }],
      ['a queue of 100 kB', { sendBytesMax: 100_000 }, {}],
      ['a table of 64 packets', { packetsMax: 64 }, {}],
      ['a peer that acknowledges every 200 ms', { idleMs: 1000 }, { ackIntervalMs: 200 }],
      ['a peer that acknowledges every 5 ms', { ackDelayMs: 100 }, { ackIntervalMs: 5, ackRanges: 4 }],
      ['a peer that is quick to repeat', {}, { rtoInitialMs: 300, rtoMaxMs: 600 }],
      ['timeouts of our own', { rtoInitialMs: 3000, rtoMinMs: 1000, idleMs: 0, lingerMs: 5000 }, { flushMs: 100 }],
    ] as const)
      test(`[NCP-1] holdfast ${role}: ${what}`, async () => {
        const mtu = { mtu: 1024 };
        await bothWays(role, { numTunaListeners: 2, ...ours }, { links: 2, ...mtu, ...theirs }, 1 << 19);
      }, 60_000);

    for (const links of [1, 4])
      test(`[NCP-13] holdfast ${role} and closes: a reader of 64 KiB per 20 ms reads all 2 MiB, over ${links} link(s)`, async () => {
        pair = await tunaPair(role, { numTunaListeners: links }, { links });
        const { go, near } = pair;
        const received = go.process.receive(undefined, true);
        const total = 2 << 20;
        near.write(fill(new Uint8Array(total), 0));
        const { code, detail } = await near.close();
        expect(await received).toMatchObject({ bytes: total, wrongAt: -1 });
        expect([code, detail?.unknown, detail?.unsent]).toEqual(['closed', undefined, undefined]);
      }, 30_000);
  }
});
