import type { SessionStream } from '../../adapters/streams/index.js';
import { FaultPlan } from '../sim/fault-plan.js';
import { CALM } from '../sim/network.options.js';
import { StreamWorld } from './stream-world.js';

const SEEDS = Number(process.env['SIM_SEEDS'] ?? 60);
const FROM = Number(process.env['SIM_FROM'] ?? 1);

/** One stream as both of its users see it. */
interface Seen {
  readonly sent: [number, number]; // Written at the near and at the far end.
  readonly got: [number, number];
  readonly wrong: string[];
  ended: number; // Ends that saw the end of the other's direction,
  closed: number; // and that are over.
  code: string | undefined;
}

const at = (stream: number, side: number, offset: number): number => (stream * 31 + side * 7 + offset + (offset >> 8)) & 0xff;

/** Uses one end: writes, sometimes slowly, ends or resets, and checks what comes. */
function use(stream: SessionStream, seen: Seen, side: 0 | 1, world: StreamWorld, fate: Fate): void {
  const { random, clock } = world;
  let left = fate.bytes[side]!;
  const more = (): void => {
    if (stream.destroyed) return;
    if (fate.resetAfter !== undefined && seen.sent[side] >= fate.resetAfter && side === fate.resetBy)
      return stream.reset('reset');
    if (left === 0) return void stream.end();
    const length = Math.min(left, 1 + random.int(6000));
    const from = seen.sent[side];
    const chunk = Uint8Array.from({ length }, (_, i) => at(stream.id, side, from + i));
    left -= length;
    seen.sent[side] += length;
    stream.write(chunk, () => {
      chunk.fill(0xdd); // The buffer is the writer's again.
      clock.setTimeout(more, random.int(20));
    });
  };
  more();
  stream.on('data', (chunk: Uint8Array) => {
    const other = 1 - side;
    for (const byte of chunk) {
      if (byte === at(stream.id, other, seen.got[side]++)) continue;
      seen.wrong.push(`stream ${stream.id} side ${side} at ${seen.got[side]}`);
      break;
    }
    if (random.chance(0.1)) {
      stream.pause(); // A reader that takes nothing for a while.
      clock.setTimeout(() => stream.resume(), random.int(300));
    }
  });
  stream.on('end', () => seen.ended++);
  stream.on('error', (error) => (seen.code = (error as { code?: string }).code));
  stream.on('close', () => seen.closed++);
}

interface Fate {
  readonly bytes: readonly [number, number];
  readonly resetAfter: number | undefined;
  readonly resetBy: number;
}

test(
  `[STR-1] [STR-2] [STR-3] streams/simulation: streams are whole, in order and ended once, whatever is cut and whenever (${SEEDS} seeds from ${FROM})`,
  async () => {
    const sums = { bytes: 0, resets: 0, cuts: 0, refused: 0 };
    for (let seed = FROM; seed < FROM + SEEDS; seed++) {
      const world = await StreamWorld.open(seed, {
        network: { bytesPerMs: [Infinity, 500, 50][seed % 3]! },
        session: {
          idleMs: 3000,
          probeTimeoutMs: 3000,
          helloTimeoutMs: 2000,
          reconnectWindowMs: 120_000,
          handshakeTimeoutMs: 60_000,
        },
        limits:
          seed % 2 === 0
            ? { windowBytes: 3000, windowBytesMin: 100, grantsBytesMax: 20_000, streamsMax: 40, chunkBytes: 700 }
            : {},
      });
      const { random, clock, network } = world;
      const seens: { seen: Seen; fate: Fate }[] = [];
      const fates = new Map<string, { seen: Seen; fate: Fate }>();
      for (const session of [world.near, world.far]) {
        session.onOffer = (offer) => {
          const known = fates.get(offer.purpose)!;
          clock.setTimeout(() => {
            if (random.chance(0.1)) {
              sums.refused++;
              return offer.refuse('forbidden');
            }
            use(offer.accept(), known.seen, 1, world, known.fate);
          }, random.int(50));
        };
      }
      const startMs = clock.now();
      const plan = FaultPlan.drawn(network, random.split('faults'), {
        hosts: ['a', 'b'],
        startMs,
        stopMs: startMs + 1500,
        everyMs: [1, 150],
      }).start();
      const count = 2 + random.int(12);
      for (let n = 0; n < count; n++) {
        const seen: Seen = { sent: [0, 0], got: [0, 0], wrong: [], ended: 0, closed: 0, code: undefined };
        const bytes = [random.int(60_000), random.int(60_000)] as const;
        const fate: Fate = { bytes, resetAfter: random.chance(0.2) ? random.int(20_000) : undefined, resetBy: random.int(2) };
        const entry = { seen, fate };
        seens.push(entry);
        fates.set(`s${n}`, entry);
        clock.setTimeout(() => {
          const opener = random.pick([world.near, world.far]);
          opener.open(`s${n}`).then(
            (stream) => use(stream, seen, 0, world, fate),
            (error: { code: string }) => {
              seen.code = error.code;
              seen.closed = 2;
            },
          );
        }, random.int(1000));
      }
      await world
        .until(() => seens.every(({ seen }) => seen.closed === 2) && plan.isOver)
        .catch((error: Error) => {
          const left = seens.filter(({ seen }) => seen.closed < 2);
          throw new Error(`seed ${seed}: ${error.message} ${JSON.stringify(left)} ${world.near.connection.state}`);
        });
      for (const { seen, fate } of seens) {
        const wasReset =
          fate.resetAfter !== undefined && fate.resetAfter <= fate.bytes[fate.resetBy]! && seen.code !== 'forbidden';
        sums.bytes += seen.got[0] + seen.got[1];
        if (seen.code === 'reset') sums.resets++;
        expect({ seed, wrong: seen.wrong }).toEqual({ seed, wrong: [] });
        if (wasReset || seen.code === 'forbidden') continue;
        expect({ seed, ...seen, fate }).toMatchObject({ seed, got: [fate.bytes[1], fate.bytes[0]], ended: 2, code: undefined });
      }
      expect({ seed, open: [world.near.size, world.far.size] }).toEqual({ seed, open: [0, 0] });
      sums.cuts += network.counts.cuts;
      await world.close();
      expect({ seed, near: (await world.near.closed).code }).not.toMatchObject({ near: 'violated' });
    }
    for (const [what, times] of Object.entries(sums)) expect({ what, happened: times > 0 }).toEqual({ what, happened: true });
  },
  60_000 + 300 * SEEDS,
);

test.each([
  [1_000, 10],
  [10_000, 10],
  [10_000, 2],
  [100_000, 1],
])(
  '[STR-4] streams/simulation: beside a download at full rate the echo of one byte takes less than five times as long (%d bytes/ms, %d ms)',
  async (bytesPerMs, delayMs) => {
    const world = await StreamWorld.open(1, {
      network: { ...CALM, bytesPerMs, latencyMs: [delayMs, delayMs], highWaterBytes: 256 << 10 },
    });
    world.far.onOffer = (offer) => {
      const stream = offer.accept().on('error', () => {});
      if (offer.purpose === 'echo') return void stream.pipe(stream);
      const block = new Uint8Array(64 << 10);
      const more = (): void => {
        while (stream.write(block));
        stream.once('drain', more);
      };
      more();
    };
    const echo = await world.until(world.near.open('echo'));
    const percentile99 = async (): Promise<number> => {
      const times: number[] = [];
      for (let i = 0; i < 300; i++) {
        const atMs = world.clock.now();
        const back = new Promise((resolve) => echo.once('data', resolve));
        echo.write('x');
        await world.until(back);
        times.push(world.clock.now() - atMs);
      }
      return times.sort((a, b) => a - b)[297]!;
    };
    const idleMs = await percentile99();
    const bulk = await world.until(world.near.open('bulk'));
    let bytes = 0;
    bulk.on('data', (chunk: Uint8Array) => (bytes += chunk.length)).on('error', () => {});
    const warmMs = world.clock.now() + 2000;
    await world.until(() => world.clock.now() >= warmMs);
    bytes = 0;
    const beganMs = world.clock.now();
    const busyMs = await percentile99();
    const share = bytes / (world.clock.now() - beganMs) / Math.min(bytesPerMs, (256 << 10) / (2 * delayMs)); // Of the way, or of what the credit allows.
    expect({ idleMs, busyMs, share, isFair: busyMs < 5 * idleMs, isFast: share > 0.7 }).toMatchObject({
      isFair: true,
      isFast: true,
    });
    echo.on('error', () => {});
    await world.close();
  },
  60_000,
);
