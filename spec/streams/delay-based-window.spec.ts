import { DelayBasedWindow, type Mark } from '../../machines/streams/delay-based-window.js';
import { SimClock } from '../sim/clock.js';
import { SeededRandom } from '../sim/random.js';

interface Way {
  readonly bytesPerMs: number;
  readonly delayMs: number;
  readonly jitterMs?: number;
}

/** A sender that always has more, a way with a queue of any length, and a receiver that acknowledges at once. */
function send(
  way: (nowMs: number) => Way,
  { forMs, countFromMs = 0, seed = 1 }: { forMs: number; countFromMs?: number; seed?: number },
): { bytesPerMs: number; queueMs: number; ahead: DelayBasedWindow } {
  const clock = new SimClock();
  const random = new SeededRandom(seed);
  const ahead = new DelayBasedWindow();
  let freeAt = 0; // When the way has sent what waits for it.
  let acked = 0;
  let queueMs = 0;
  const more = (): void => {
    while (ahead.isOpen) {
      const bytes = Math.min(16 << 10, ahead.chunkBytes);
      const { bytesPerMs, delayMs, jitterMs = 0 } = way(clock.now());
      freeAt = Math.max(freeAt, clock.now()) + bytes / bytesPerMs;
      if (clock.now() >= countFromMs) queueMs = Math.max(queueMs, freeAt - clock.now());
      const isMarked = ahead.needsAck(bytes, clock.now());
      ahead.sent(bytes);
      const mark: Mark | undefined = isMarked ? ahead.mark(clock.now()) : undefined;
      clock.setTimeout(
        () => {
          if (clock.now() >= countFromMs) acked += bytes;
          if (mark === undefined) return;
          ahead.acknowledged(mark, clock.now());
          more();
        },
        freeAt - clock.now() + 2 * delayMs + random.next() * jitterMs,
      );
    }
  };
  more();
  clock.advance(forMs);
  return { bytesPerMs: acked / (forMs - countFromMs), queueMs, ahead };
}

test('[STR-4] streams/delay based window: a slow way is kept busy, and what waits in front of it stays short', () => {
  for (const way of [
    { bytesPerMs: 2_000, delayMs: 20 },
    { bytesPerMs: 10_000, delayMs: 20 },
    { bytesPerMs: 10_000, delayMs: 5 },
    { bytesPerMs: 1_000, delayMs: 10 },
  ]) {
    const { bytesPerMs, queueMs } = send(() => way, { forMs: 20_000, countFromMs: 5_000 });
    const idleMs = 2 * way.delayMs; // Of an echo; it may take five times that beside a download.
    if (process.env.FIG) console.log(JSON.stringify({ way, bytesPerMs, queueMs }));
    expect({ way, isBusy: bytesPerMs > 0.85 * way.bytesPerMs, isShort: queueMs < 4 * idleMs }).toEqual({
      way,
      isBusy: true,
      isShort: true,
    });
  }
});

test('[STR-4] streams/delay based window: a long and fast way is filled up to the bound', () => {
  const { bytesPerMs, ahead } = send(() => ({ bytesPerMs: 1e6, delayMs: 20 }), { forMs: 10_000, countFromMs: 5_000 });
  expect(ahead.windowBytes).toBe(2 << 20);
  expect(bytesPerMs).toBeGreaterThan((0.8 * (2 << 20)) / 40);
});

test('[STR-4] streams/delay based window: acknowledgements that come late by chance do not slow it down', () => {
  for (let seed = 1; seed <= 5; seed++) {
    const way = { bytesPerMs: 10_000, delayMs: 2, jitterMs: 30 };
    const { bytesPerMs } = send(() => way, { forMs: 20_000, countFromMs: 5_000, seed });
    expect({ seed, isBusy: bytesPerMs > 0.5 * way.bytesPerMs, bytesPerMs: bytesPerMs > 0 }).toMatchObject({ seed, isBusy: true });
  }
});

test('[STR-4] streams/delay based window: when the way becomes longer for good, it is used as the long way it is', () => {
  const way = (nowMs: number): Way => ({ bytesPerMs: 10_000, delayMs: nowMs < 5_000 ? 1 : 50 });
  const { bytesPerMs } = send(way, { forMs: 40_000, countFromMs: 25_000 });
  expect(bytesPerMs).toBeGreaterThan(5_000);
});
