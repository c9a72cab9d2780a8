import { OneReader, QUEUED_BYTES_MAX } from './one-reader.js';

const sum = (of: readonly number[]): number => of.reduce((a, b) => a + b, 0);
const spread = (of: readonly number[]): number => Math.max(...of) / Math.min(...of);

describe('tuna/shares: links that are equal carry the same', () => {
  for (const [links, bytesPerMs, stallMs] of [
    [4, 100_000, 0],
    [4, 100_000, 3],
    [4, 50_000, 30],
    [2, 100_000, 3],
    [3, 50_000, 10],
    [8, 100_000, 3],
  ] as const)
    test(`[NCP-9] ${links} links into a process that reads ${bytesPerMs} bytes in a millisecond and waits for ${stallMs} ms at times`, () => {
      const w = new OneReader({ seed: links, links, bytesPerMs, stallMs });
      w.carriedIn(100 + 10 * stallMs);
      const carried = w.carriedIn(200 + 20 * stallMs);
      expect(spread(carried)).toBeLessThan(1.5);
      // As much as with one link, and not more memory than the window, what is not sent yet, and one piece.
      const alone = new OneReader({ seed: links, links: 1, bytesPerMs, stallMs });
      alone.carriedIn(100 + 10 * stallMs);
      expect(sum(carried)).toBeGreaterThan(0.9 * sum(alone.carriedIn(200 + 20 * stallMs)));
      expect(w.queuedBytesMost).toBeLessThanOrEqual(QUEUED_BYTES_MAX);
    });

  test('[NCP-9] a share that has shrunk to nothing comes back', () => {
    const w = new OneReader({ seed: 1, links: 4, bytesPerMs: 100_000 });
    w.carriedIn(50);
    const { striping } = w.near.plane.ncp;
    for (let i = 0; i < 20; i++) striping.lost(2);
    striping.scale();
    expect(striping.shareOf(2)).toBeLessThan(striping.shareOf(1) / 10);
    w.carriedIn(300);
    expect(spread([0, 1, 2, 3].map((link) => striping.shareOf(link)))).toBeLessThan(1.25);
  });

  test('[NCP-9] links that are unequal carry what they can: a slow one holds up none', () => {
    const rates = [20_000, 20_000, 20_000, 2000];
    const w = new OneReader({ seed: 1, links: 4, bytesPerMs: 400_000, rates, limits: {} });
    w.carriedIn(400);
    const carried = w.carriedIn(400);
    expect(sum(carried)).toBeGreaterThan(0.95 * 400 * sum(rates));
    expect(carried[3]).toBeGreaterThan(0.9 * 400 * 2000);
  });
});
