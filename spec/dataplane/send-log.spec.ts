import { MESSAGE_COST_BYTES, SendLog, SlabPool, type LogCodec } from '../../machines/dataplane/send-log.js';
import { SeededRandom } from '../sim/random.js';

/** Head: number (4) and length (2). */
const codec: LogCodec = {
  dataHeadBytes: 6,
  putData(into, at, sequence, payload) {
    new DataView(into.buffer, into.byteOffset).setUint32(at, sequence >>> 0);
    new DataView(into.buffer, into.byteOffset).setUint16(at + 4, payload.length);
    into.set(payload, at + 6);
  },
};
const numbersIn = (view: Uint8Array): number[] => {
  const numbers: number[] = [];
  const data = new DataView(view.buffer, view.byteOffset, view.length);
  for (let at = 0; at < view.length; at += 6 + data.getUint16(at + 4)) numbers.push(data.getUint32(at));
  return numbers;
};
const sizeOfFirst = (view: Uint8Array): number => new DataView(view.buffer, view.byteOffset).getUint16(4);

test('[RES-14] dataplane/send log: pushes, sends, acknowledgements and new wires in any order: the log agrees with a plain list', () => {
  for (let seed = 1; seed <= 300; seed++) {
    const random = new SeededRandom(seed);
    const first = random.pick([1, 1000, 2 ** 32 - 3]);
    const bytesMax = random.pick([2000, 100_000]);
    const log = new SendLog(codec, new SlabPool(), bytesMax, first);
    const model: { payload: Uint8Array }[] = []; // From `first` on.
    let base = 0;
    let cursor = 0;
    let handed = 0;
    let limit = 0;
    const costOf = (n: number): number => model[n]!.payload.length + MESSAGE_COST_BYTES;
    const costTo = (n: number): number => Array.from({ length: n }, (_, i) => costOf(i)).reduce((a, b) => a + b, 0);
    for (let step = 0; step < 200; step++) {
      switch (random.int(6)) {
        case 0:
        case 1: {
          const payload = random.bytes(random.pick([0, 10, 500, 30_000]));
          const fits = costTo(model.length) - costTo(base) + payload.length + MESSAGE_COST_BYTES <= bytesMax;
          expect({ seed, step, fits: log.hasRoomFor(payload.length) }).toEqual({ seed, step, fits });
          if (fits) {
            log.push(payload, false);
            model.push({ payload: payload.slice() });
          } else expect(() => log.push(payload, false)).toThrow(expect.objectContaining({ code: 'queue-full' }));
          break;
        }
        case 2: {
          const view = log.poll();
          for (const number of view === undefined ? [] : numbersIn(view)) {
            expect({ seed, step, number }).toEqual({ seed, step, number: (first + cursor) >>> 0 });
            cursor++;
          }
          if (view === undefined)
            expect({ seed, step, left: cursor < model.length && costTo(cursor + 1) <= limit }).toEqual({
              seed,
              step,
              left: false,
            });
          expect(costTo(cursor)).toBeLessThanOrEqual(limit);
          handed = Math.max(handed, cursor);
          break;
        }
        case 3: {
          const to = base - 1 + random.int(handed - base + 3);
          const isLegal = to >= base && to <= handed;
          expect({ seed, step, isLegal: log.ackBefore(first + to) }).toEqual({ seed, step, isLegal });
          if (isLegal) {
            base = to;
            cursor = Math.max(cursor, base);
          }
          break;
        }
        case 4:
          log.rewind();
          cursor = base;
          break;
        default:
          log.grant((limit += random.int(2000)));
      }
      expect({ seed, step, base: log.base, cursor: log.cursor, next: log.next, handed: log.handed, cost: log.costBytes }).toEqual(
        {
          seed,
          step,
          base: first + base,
          cursor: first + cursor,
          next: first + model.length,
          handed: first + handed,
          cost: costTo(model.length) - costTo(base),
        },
      );
    }
  }
});

test('dataplane/send log: a slab is used again once everything in it was acknowledged on the wire that carried it, and not after a new wire', () => {
  const given: Uint8Array[] = [];
  class Watched extends SlabPool {
    override put(slab: Uint8Array): void {
      given.push(slab);
    }
  }
  const log = new SendLog(codec, new Watched(), 1 << 20);
  log.grant(1 << 20);
  log.push(new Uint8Array(10), false);
  const sent = log.poll()!;
  log.ackBefore(2);
  expect(given.map((slab) => slab.buffer)).toEqual([sent.buffer]);
  log.push(new Uint8Array(10), false);
  log.poll();
  log.rewind(); // The old wire may still be reading the slab.
  log.poll();
  log.ackBefore(3);
  expect(given).toHaveLength(1);
});

test('slabs: a message above the largest class is put into memory that was used before, within the bound of the pool', () => {
  const MiB = 1 << 20;
  const pool = new SlabPool(8 * MiB);
  const log = new SendLog(codec, pool, 4 * MiB);
  log.grant(1e9);
  const seen = new Set<ArrayBufferLike>();
  for (let n = 1; n <= 50; n++) {
    log.push(new Uint8Array(MiB), false);
    seen.add(log.poll()!.buffer);
    if (n > 2) log.ackBefore(n - 1);
  }
  expect(seen.size).toBeLessThanOrEqual(4);
  // A slab much larger than needed is left for those who need it, and what passes the bound is not kept.
  const large = pool.get(3 * MiB);
  pool.put(large);
  expect(pool.get(MiB + 1).buffer).not.toBe(large.buffer);
  expect(pool.get(2 * MiB).buffer).toBe(large.buffer);
  const slabs = Array.from({ length: 10 }, () => pool.get(2 * MiB));
  for (const each of slabs) pool.put(each);
  const again = new Set(Array.from({ length: 10 }, () => pool.get(2 * MiB)));
  expect(slabs.filter((each) => again.has(each)).length).toBeLessThanOrEqual(4);
});

test.each([0, 30, 31, 32, 1000])(
  'dataplane/send log: a wire that puts messages together from parts gets whole frames, as many as %d bytes hold and one at least',
  (bytesMax) => {
    const log = new SendLog(codec, new SlabPool(), 1 << 20);
    log.grant(1 << 20);
    for (const size of [10, 9, 10, 500, 0, 0, 0]) log.push(new Uint8Array(size), false);
    const views: Uint8Array[] = [];
    for (let view; (view = log.poll(bytesMax)) !== undefined;) views.push(view);
    expect(views.flatMap(numbersIn)).toEqual([1, 2, 3, 4, 5, 6, 7]);
    for (const view of views) expect(view.length <= bytesMax || numbersIn(view).length === 1).toBe(true);
    const isFullest = views.slice(1).every((view, i) => views[i]!.length + (codec.dataHeadBytes + sizeOfFirst(view)) > bytesMax);
    expect({ bytesMax, isFullest }).toEqual({ bytesMax, isFullest: true });
    log.rewind();
    expect(numbersIn(log.poll()!)).toEqual([1, 2, 3, 4, 5, 6, 7]); // The next wire has a bound of its own, or none.
  },
);
