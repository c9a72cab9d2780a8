import { tuna, type TunaOptions } from '../../adapters/tuna/index.js';
import { tunaIdentity } from '../../adapters/tuna/nacl.js';
import type { TunaIdentity } from '../../adapters/tuna/index.js';
import type { Closing } from '../../machines/closing.js';
import { Engine } from '../../machines/engine.js';
import type { Connection } from '../../machines/connection/connection-handle.js';
import { SimClock } from '../sim/clock.js';
import { SimNetwork } from '../sim/network.js';
import { SeededRandom } from '../sim/random.js';
import { byteAt, fill } from './ncp-channel.js';

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** A dialer and an acceptor with settings of their own, on a simulated network. */
class Unequal {
  readonly clock = new SimClock();
  readonly network: SimNetwork;
  readonly near: Connection;
  readonly far: Connection;
  readonly engines: Engine[];

  constructor(a: TunaOptions, b: TunaOptions, peer?: string) {
    const random = new SeededRandom(31);
    this.network = new SimNetwork(this.clock, random.split('network'), { boundaries: 'stream' });
    let near: Connection | undefined;
    let far: Connection | undefined;
    this.engines = (['a', 'b'] as const).map((name) => {
      const own = random.split(name);
      const engine = new Engine(
        { clock: this.clock, random: own.next, entropy: own.bytes },
        {
          transports: [this.network.transport(name, {})],
          protocols: [tuna(name === 'a' ? a : b)],
          listen: name === 'b' ? ['sim://b:1'] : [],
        },
      );
      engine.on((event) => {
        if (event.type !== 'connected') return;
        if (name === 'a') near = event.connection as Connection;
        else far = event.connection as Connection;
      });
      void engine.start();
      return engine;
    });
    this.clock.settle();
    this.engines[0]!.connect('sim://b:1', peer === undefined ? {} : { peer }).catch(() => {});
    this.clock.runUntil(() => near !== undefined && far !== undefined, { withinMs: 10_000 });
    this.near = near!;
    this.far = far!;
  }

  /** Writes as fast as is taken. */
  pour(from: Connection, total: number, piece = 10_000): void {
    let written = 0;
    const more = (): void => {
      while (written < total) {
        const bytes = fill(new Uint8Array(Math.min(piece, total - written)), written);
        written += bytes.length;
        if (!from.write(bytes)) break;
      }
      if (written < total) void from.drained().then(more, () => {});
    };
    more();
  }

  /** Promises and virtual time, by turns. */
  async until(isMet: () => boolean, withinMs: number): Promise<void> {
    for (const to = this.clock.now() + withinMs; !isMet() && this.clock.now() < to;) {
      this.clock.advance(5);
      await turn();
    }
    expect(isMet()).toBe(true);
  }

  async end(): Promise<void> {
    for (const engine of this.engines) void engine.shutdown();
    for (let i = 0; i < 40; i++) {
      this.clock.advance(500);
      await turn();
    }
    expect(this.clock.pending).toBe(0);
  }
}

/** Counts what comes, and finds the first wrong byte. */
function sink(connection: Connection): { bytes: number; wrongAt: number } {
  const seen = { bytes: 0, wrongAt: -1 };
  connection.onMessage = (bytes) => {
    for (const byte of bytes) {
      if (byte !== byteAt(seen.bytes) && seen.wrongAt < 0) seen.wrongAt = seen.bytes;
      seen.bytes++;
    }
  };
  return seen;
}

const MTUS = [60, 500, 1024, 1300, 2000, 9000, 60_000];

describe('tuna/mtu: bytes go both ways whatever the two sides set', () => {
  let ends: readonly [TunaIdentity, TunaIdentity];
  beforeAll(async () => {
    const random = new SeededRandom(9);
    ends = [await tunaIdentity(random.bytes(32)), await tunaIdentity(random.bytes(32))];
  });
  for (const mtu of MTUS)
    for (const theirs of MTUS)
      for (const isSealed of mtu === 2000 || theirs === 2000 ? [true, false] : [false])
        test(`[NCP-5] ${mtu} to ${theirs}${isSealed ? ', sealed' : ''}`, async () => {
          const w = new Unequal(
            { mtu, numTunaListeners: 2, ...(isSealed ? { identity: ends[0] } : {}) },
            { mtu: theirs, numTunaListeners: 2, ...(isSealed ? { identity: ends[1] } : {}) },
            isSealed ? ends[1].address : undefined,
          );
          const seen = [sink(w.near), sink(w.far)];
          const total = Math.min(mtu, theirs) < 500 ? 100_000 : 1_000_000;
          for (const end of [w.near, w.far]) w.pour(end, total);
          await w.until(() => seen.every(({ bytes }) => bytes === total), 5000);
          expect(seen.map(({ wrongAt }) => wrongAt)).toEqual([-1, -1]);
          await w.end();
        });

  test('[NCP-5] messages: the smaller of both MTUs is the most that one may hold, on both sides', async () => {
    for (const [mtu, theirs] of [
      [2000, 500],
      [500, 2000],
    ] as const) {
      const w = new Unequal({ mtu, isStream: false }, { mtu: theirs, isStream: false });
      for (const end of [w.near, w.far])
        expect(() => end.write(new Uint8Array(501))).toThrow(expect.objectContaining({ code: 'too-large' }));
      const heard: number[] = [];
      w.near.onMessage = (bytes) => heard.push(bytes.length);
      w.far.onMessage = (bytes) => heard.push(bytes.length);
      for (const end of [w.near, w.far]) for (const size of [500, 1, 499]) end.write(new Uint8Array(size));
      await w.until(() => heard.length === 6, 2000);
      expect(heard.toSorted((a, b) => a - b)).toEqual([1, 1, 499, 499, 500, 500]);
      await w.end();
    }
  });

  test('[NCP-10] of packets much smaller than ours the window can be filled, and the table stays bounded', async () => {
    const w = new Unequal({ mtu: 60_000, numTunaListeners: 2 }, { mtu: 500, numTunaListeners: 2 });
    const { a, b } = { a: sink(w.near), b: sink(w.far) };
    w.pour(w.near, 3_000_000);
    w.pour(w.far, 3_000_000);
    await w.until(() => a.bytes === 3_000_000 && b.bytes === 3_000_000, 20_000);
    expect([a.wrongAt, b.wrongAt]).toEqual([-1, -1]);
    expect([w.near.stats()['dropped'], w.far.stats()['dropped']]).toEqual([0, 0]);
    await w.end();
  });
});

describe('tuna/windows: bytes go both ways whatever the two sides set', () => {
  for (const [a, b] of [
    [{ windowBytes: 1000 }, {}],
    [{}, { windowBytes: 1000 }],
    [
      { windowBytes: 100 << 20, sendBytesMax: 1 << 20 },
      { windowBytes: 5000, mtu: 9000 },
    ],
    [{ windowBytes: 1 }, { windowBytes: 1 << 20 }],
  ] as const)
    test(`[NCP-11] ${JSON.stringify(a)} to ${JSON.stringify(b)}`, async () => {
      const w = new Unequal({ numTunaListeners: 1, ...a }, { numTunaListeners: 1, ...b });
      const seen = [sink(w.near), sink(w.far)];
      const total = 'windowBytes' in a && a.windowBytes === 1 ? 200 : 50_000;
      for (const end of [w.near, w.far]) w.pour(end, total, 1000);
      await w.until(() => seen.every(({ bytes }) => bytes === total), 30_000);
      expect(seen.map(({ wrongAt }) => wrongAt)).toEqual([-1, -1]);
      await w.end();
    });
});

/** Takes so many bytes every so often, as an application that can't be faster; counts them. */
function readSlowly(w: Unequal, connection: Connection, chunk: number, everyMs: number, most = Infinity): { bytes: number } {
  const seen = { bytes: 0 };
  connection.onMessage = undefined;
  const reader = connection[Symbol.asyncIterator]();
  const next = async (): Promise<void> => {
    if (seen.bytes >= most) return;
    let left = chunk;
    while (left > 0) {
      const { done, value } = await reader.next();
      if (done === true) return;
      seen.bytes += value.length;
      left -= value.length;
    }
    w.clock.setTimeout(() => void next(), everyMs);
  };
  void next();
  return seen;
}

describe('tuna/close: it waits until the peer has read, and not for ever', () => {
  async function close(
    w: Unequal,
    options: { now?: boolean } = {},
    withinMs = 70_000,
  ): Promise<{ ms: number; closing: Closing }> {
    const from = w.clock.now();
    let endedAt: number | undefined;
    let closing: Closing | undefined;
    void w.near.close(options).then((told) => {
      closing = told;
      endedAt = w.clock.now();
    });
    await w.until(() => closing !== undefined, withinMs);
    return { ms: endedAt! - from, closing: closing! };
  }

  for (const [chunk, everyMs] of [
    [65_536, 20],
    [65_536, 400],
    [200_000, 3000],
  ] as const)
    for (const links of [1, 4])
      test(`[NCP-13] a reader of ${chunk} bytes per ${everyMs} ms reads all of it, over ${links} link(s), and nothing is unknown`, async () => {
        const w = new Unequal({ numTunaListeners: links }, { numTunaListeners: links });
        const seen = readSlowly(w, w.far, chunk, everyMs);
        const total = 2 << 20;
        w.near.write(fill(new Uint8Array(total), 0));
        const { closing } = await close(w);
        expect([closing.code, closing.detail?.unknown, closing.detail?.unsent]).toEqual(['closed', undefined, undefined]);
        await w.until(() => seen.bytes === total, 100);
        await w.end();
      });

  test('[NCP-13] what was read goes before a close: its peer knows what became of its bytes', async () => {
    for (const links of [1, 3]) {
      const w = new Unequal({ numTunaListeners: links }, { numTunaListeners: links });
      const seen = sink(w.far);
      w.near.write(fill(new Uint8Array(30_000), 0));
      w.far.onMessage = ((take) => (bytes: Uint8Array) => {
        take(bytes);
        if (seen.bytes === 30_000) void w.far.close();
      })(w.far.onMessage!);
      let closing: Closing | undefined;
      void w.near.closed.then((told) => (closing = told));
      await w.until(() => closing !== undefined, 3000);
      expect([closing!.code, closing!.detail]).toEqual(['peer-goodbye', undefined]);
      await w.end();
    }
  });

  test('[NCP-13] a peer that has everything and reads nothing is waited for 5 s, and what it did not read is named', async () => {
    const w = new Unequal({}, {});
    w.far.onMessage = undefined;
    w.near.write(fill(new Uint8Array(300_000), 0));
    const { ms, closing } = await close(w);
    expect(ms).toBeGreaterThan(4900);
    expect(ms).toBeLessThan(6500);
    expect(closing.detail?.unknown).toBeDefined();
    await w.end();
  });

  test('[NCP-13] one that stops in the middle is waited for 5 s more', async () => {
    const w = new Unequal({ numTunaListeners: 1 }, { numTunaListeners: 1 });
    const seen = readSlowly(w, w.far, 100_000, 1000, 300_000);
    w.near.write(fill(new Uint8Array(1_000_000), 0));
    const { ms, closing } = await close(w);
    expect(seen.bytes).toBeGreaterThanOrEqual(300_000);
    expect(ms).toBeGreaterThan(7000);
    expect(ms).toBeLessThan(9500);
    expect(closing.detail?.unknown).toMatchObject({ to: 1_000_000 });
    await w.end();
  });

  for (const lingerMs of [0, 100, 700, 3000])
    test(`[NCP-13] lingerMs ${lingerMs} bounds it, whatever it waits for`, async () => {
      for (const fault of ['reads nothing', 'reads slowly', 'is away', 'is silent'] as const) {
        const w = new Unequal({ lingerMs, idleMs: 0 }, { idleMs: 0 });
        if (fault === 'reads slowly') readSlowly(w, w.far, 10_000, 400);
        else w.far.onMessage = undefined;
        w.clock.advance(200);
        if (fault === 'is away') w.network.partition(['a'], ['b'], 'told');
        if (fault === 'is silent') w.network.partition(['a'], ['b'], 'silent');
        w.near.write(fill(new Uint8Array(400_000), 0));
        const { ms } = await close(w);
        expect({ fault, ms: ms <= lingerMs + 20 }).toEqual({ fault, ms: true });
        await w.end();
      }
    });
});
