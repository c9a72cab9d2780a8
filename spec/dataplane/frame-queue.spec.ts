import fc from 'fast-check';
import { FrameQueue, type FrameLayer } from '../../machines/dataplane/frame-queue.js';

/** Two bytes of length. */
const layer: FrameLayer = {
  dataHeadBytes: 2,
  putDataHead: (into, at, payloadBytes) => {
    into[at] = payloadBytes >>> 8;
    into[at + 1] = payloadBytes;
  },
};
const framed = (payload: Uint8Array): Buffer => Buffer.concat([Uint8Array.of(payload.length >>> 8, payload.length), payload]);
const COST = 64 + 2;

function drained(queue: FrameQueue): Uint8Array[] {
  const pieces: Uint8Array[] = [];
  for (let piece; (piece = queue.poll()) !== undefined;) pieces.push(piece);
  return pieces;
}

test('dataplane/frame queue: frames leave in order, whole, each once, and small ones side by side', () => {
  const queue = new FrameQueue(layer, 1 << 20);
  const payloads = [Uint8Array.of(1), new Uint8Array(0), Uint8Array.of(2, 3)];
  for (const payload of payloads) queue.push(payload);
  expect([queue.accepted, queue.handed, queue.isEmpty]).toEqual([3, 0, false]);
  const pieces = drained(queue);
  expect(pieces).toHaveLength(1);
  expect(Buffer.concat(pieces)).toEqual(Buffer.concat(payloads.map(framed)));
  expect([queue.accepted, queue.handed, queue.isEmpty, queue.costBytes]).toEqual([3, 3, true, 0]);
});

test('dataplane/frame queue: the bound counts the message about to be added, its head and 64 bytes more; what is refused leaves no trace', () => {
  const queue = new FrameQueue(layer, 3 * (100 + COST));
  for (let n = 0; n < 3; n++) queue.push(new Uint8Array(100).fill(n));
  expect([queue.costBytes, queue.hasRoomFor(0)]).toEqual([3 * (100 + COST), false]);
  expect(() => queue.push(new Uint8Array(0))).toThrow(expect.objectContaining({ code: 'queue-full' }));
  expect([queue.accepted, queue.costBytes]).toEqual([3, 3 * (100 + COST)]);
  expect(Buffer.concat(drained(queue)).length).toBe(3 * 102);
  expect([queue.hasRoomFor(300 + 2 * COST), queue.hasRoomFor(301 + 2 * COST)]).toEqual([true, false]);
});

test('dataplane/frame queue: a million empty messages are not free', () => {
  const queue = new FrameQueue(layer, 66_000);
  let taken = 0;
  while (queue.hasRoomFor(0)) {
    queue.push(new Uint8Array(0));
    taken++;
  }
  expect(taken).toBe(1000);
});

test('dataplane/frame queue: the caller may change its buffer at once, and what was polled is never written again', () => {
  const queue = new FrameQueue(layer, 1 << 20);
  const mine = Uint8Array.of(1, 2, 3);
  queue.push(mine);
  mine.fill(9);
  const first = queue.poll()!;
  const before = Buffer.from(first);
  for (let n = 0; n < 5000; n++) {
    queue.push(mine);
    if (n % 7 === 0) drained(queue);
  }
  expect(Buffer.from(first)).toEqual(before);
  expect([...before]).toEqual([0, 3, 1, 2, 3]);
});

test('an idle queue holds little: memory follows what goes through', () => {
  const queues = Array.from({ length: 1000 }, () => new FrameQueue(layer, 1 << 20));
  const before = process.memoryUsage().arrayBuffers;
  for (const queue of queues) {
    queue.push(Uint8Array.of(1));
    drained(queue);
  }
  expect((process.memoryUsage().arrayBuffers - before) / queues.length).toBeLessThan(3000);
});

test('dataplane/frame queue: as a plain list of frames would, in any order of pushes and polls, around the sizes where buffers change', () => {
  const size = fc.oneof(fc.nat(300), fc.constantFrom(12_000, 16_381, 16_382, 16_383, 20_000, 65_000));
  const step = fc.oneof(
    size.map((bytes) => ({ push: bytes })),
    fc.constant({ push: undefined }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const queue = new FrameQueue(layer, 300_000);
      const model: Buffer[] = [];
      const given: Buffer[] = [];
      const got: Buffer[] = [];
      let held: { view: Uint8Array; copy: Buffer }[] = [];
      steps.forEach(({ push }, n) => {
        if (push !== undefined) {
          const frame = framed(new Uint8Array(push).fill(n));
          const cost = model.reduce((sum, each) => sum + each.length + 64, 0);
          expect(queue.costBytes).toBe(cost);
          const fits = cost + frame.length + 64 <= 300_000;
          expect(queue.hasRoomFor(push)).toBe(fits);
          if (!fits) return expect(() => queue.push(new Uint8Array(push))).toThrow('wait for the peer already');
          queue.push(new Uint8Array(push).fill(n));
          model.push(frame);
          given.push(frame);
          return;
        }
        const view = queue.poll();
        expect(view === undefined).toBe(model.length === 0);
        if (view === undefined) return;
        held.push({ view, copy: Buffer.from(view) });
        got.push(Buffer.from(view));
        let bytes = view.length;
        while (bytes > 0) bytes -= model.shift()!.length;
        expect([bytes, queue.accepted - queue.handed]).toEqual([0, model.length]);
      });
      for (const view of drained(queue)) got.push(Buffer.from(view));
      expect(Buffer.concat(got).equals(Buffer.concat(given))).toBe(true);
      for (const { view, copy } of held) expect(Buffer.from(view).equals(copy)).toBe(true);
      held = [];
    }),
    { seed: 11, numRuns: 300 },
  );
});
