import { Framer } from '../../machines/dataplane/framer.js';
import { SeededRandom } from '../sim/random.js';

const head = { headBytes: 2, frameBytes: (b: Uint8Array, at: number): number => 2 + ((b[at]! << 8) | b[at + 1]!) };
const frameOf = (body: Uint8Array): Uint8Array => Uint8Array.of(body.length >> 8, body.length, ...body);

/** Pushes chunks and takes all bodies; a lent chunk is overwritten as soon as the framer has said `more`. */
function read(framer: Framer, chunks: readonly Uint8Array[], lent: boolean): Uint8Array[] {
  const bodies: Uint8Array[] = [];
  for (const chunk of chunks) {
    const given = new Uint8Array(chunk);
    framer.push(given, lent);
    while (framer.poll() === 'frame') bodies.push(framer.take(framer.start + 2, framer.end));
    if (lent) given.fill(0xee);
  }
  return bodies;
}

test.each([true, false])(
  'dataplane/framer: however a stream is chopped, the same frames come out, and lent chunks are not kept (lent: %s)',
  (lent) => {
    for (let seed = 1; seed <= 300; seed++) {
      const random = new SeededRandom(seed);
      const bodies = Array.from({ length: 1 + random.int(20) }, () => random.bytes(random.pick([0, 1, 5, 100, 1000])));
      const stream = Buffer.concat(bodies.map(frameOf));
      const chunks: Uint8Array[] = [];
      for (let at = 0; at < stream.length;) {
        const size = 1 + random.int(random.pick([3, 50, 2000]));
        chunks.push(stream.subarray(at, (at += size)));
      }
      expect({ seed, got: read(new Framer(head, 2000), chunks, lent).map((b) => new Uint8Array(b)) }).toEqual({
        seed,
        got: bodies,
      });
    }
  },
);

test('dataplane/framer: every split of two frames in two chunks gives both', () => {
  const stream = Buffer.concat([frameOf(Uint8Array.of(1, 2, 3)), frameOf(new Uint8Array(0)), frameOf(Uint8Array.of(4))]);
  for (let at = 0; at <= stream.length; at++) {
    const got = read(new Framer(head, 10), [stream.subarray(0, at), stream.subarray(at)], true);
    expect({ at, got: got.map((b) => new Uint8Array(b)) }).toEqual({
      at,
      got: [Uint8Array.of(1, 2, 3), new Uint8Array(0), Uint8Array.of(4)],
    });
  }
});

test('[RES-16] dataplane/framer: an announced length above the limit is reported before its bytes arrive, and again when asked again', () => {
  const framer = new Framer(head, 100);
  framer.push(Uint8Array.of(0xff, 0xff), true);
  expect([framer.poll(), framer.poll(), framer.heldBytes]).toEqual(['oversized', 'oversized', 0]);
  const split = new Framer(head, 100);
  split.push(Uint8Array.of(0xff), true);
  expect(split.poll()).toBe('more');
  split.push(Uint8Array.of(0xff), true);
  expect(split.poll()).toBe('oversized');
});

test('[RES-10] an announcement alone reserves little: memory follows the bytes that arrive', () => {
  const wide = {
    headBytes: 4,
    frameBytes: (b: Uint8Array, at: number): number => 4 + ((b[at]! << 24) | (b[at + 1]! << 16) | (b[at + 2]! << 8) | b[at + 3]!),
  };
  const framer = new Framer(wide, 32 << 20);
  framer.push(Uint8Array.of(1, 0, 0, 0, 9), true); // 16 MiB to come.
  expect(framer.poll()).toBe('more');
  expect(framer.heldBytes).toBeLessThanOrEqual((64 << 10) + 64);
  for (let arrived = 5; arrived < 16 << 20; arrived += 50_000) {
    framer.push(new Uint8Array(50_000), true);
    if (framer.poll() === 'frame') break;
    expect(framer.heldBytes).toBeLessThanOrEqual(Math.max((64 << 10) + 64, 16 * (arrived + 50_000)));
  }
});

test('dataplane/framer: a frame of 1 MiB that comes in chunks moves to a larger buffer once', () => {
  const wide = { headBytes: 4, frameBytes: (): number => (1 << 20) + 13 };
  const framer = new Framer(wide, 32 << 20);
  const sizes = new Set<number>();
  for (let i = 0; i < 17; i++) {
    framer.push(new Uint8Array(64 << 10), true);
    framer.poll();
    sizes.add(framer.heldBytes);
  }
  expect([...sizes].slice(0, 2)).toEqual([(64 << 10) + 64, (1 << 20) + 13]);
});

test('dataplane/framer: asked again when nothing is left, it changes nothing; a reset forgets what was half read', () => {
  const framer = new Framer(head, 100);
  framer.push(Uint8Array.of(0, 3, 1), true);
  expect([framer.poll(), framer.poll()]).toEqual(['more', 'more']);
  framer.reset();
  expect(read(framer, [frameOf(Uint8Array.of(7))], true)).toEqual([Uint8Array.of(7)]);
});

test.each([true, false])(
  'dataplane/framer: a message is a plain Uint8Array, whatever the chunk is and however it was cut (lent: %s)',
  (lent) => {
    const bodies = [new Uint8Array(200).fill(1), Uint8Array.of(2), new Uint8Array(0), new Uint8Array(300).fill(3)];
    const stream = Buffer.concat(bodies.map(frameOf));
    const framer = new Framer(head, 2000);
    const got: Uint8Array[] = [];
    for (let at = 0; at < stream.length; at += 250) {
      framer.push(Buffer.from(stream.subarray(at, at + 250)), lent);
      while (framer.peek()) got.push(framer.takeAhead(framer.start + 2));
      while (framer.poll() === 'frame') got.push(framer.take(framer.start + 2, framer.end));
    }
    expect(got).toEqual(bodies);
    expect(got.map((each) => Object.getPrototypeOf(each) === Uint8Array.prototype)).toEqual(bodies.map(() => true));
  },
);

test('dataplane/framer: looking ahead reads nothing, and what `poll` would refuse or wait for is left to it', () => {
  const framer = new Framer(head, 100);
  framer.push(Buffer.concat([frameOf(Uint8Array.of(1)), Uint8Array.of(0xff, 0xff)]), false);
  expect([framer.peek(), framer.peek(), framer.poll(), framer.start, framer.end]).toEqual([true, true, 'frame', 0, 3]);
  expect([framer.peek(), framer.poll()]).toEqual([false, 'oversized']);
  framer.reset();
  framer.push(Uint8Array.of(0, 2, 7), true);
  expect([framer.peek(), framer.poll()]).toEqual([false, 'more']);
  framer.push(Uint8Array.of(8, 0, 1, 9), true);
  expect(framer.peek()).toBe(false); // The frame that began in the chunk before comes first.
  expect([framer.poll(), framer.peek(), framer.takeAhead(framer.start + 2)]).toEqual(['frame', true, Uint8Array.of(9)]);
});
