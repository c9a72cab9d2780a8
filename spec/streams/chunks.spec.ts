import { Chunks } from '../../adapters/streams/chunks.js';
import { SeededRandom } from '../sim/random.js';

/** Everything that waits, and in how many pieces. */
function drained(pieces: Chunks): { bytes: number[]; count: number } {
  const bytes: number[] = [];
  let count = 0;
  for (let piece; (piece = pieces.take()) !== undefined; count++) bytes.push(...piece);
  return { bytes, count };
}

test('[STR-2] streams/chunks: a hundred thousand pieces of one byte are kept as a few', () => {
  const pieces = new Chunks();
  for (let i = 0; i < 100_000; i++) pieces.push(Uint8Array.of(i));
  expect(drained(pieces).count).toBeLessThan(10);
});

test('[STR-2] streams/chunks: a small piece does not pin the large chunk it came in', () => {
  const pieces = new Chunks();
  pieces.push(new Uint8Array(1 << 20).subarray(5, 10));
  expect(pieces.take()!.buffer.byteLength).toBeLessThan(20_000);
});

test('[STR-1] streams/chunks: whatever comes goes in order, whole, and once', () => {
  for (let seed = 1; seed <= 50; seed++) {
    const random = new SeededRandom(seed);
    const pieces = new Chunks();
    const sent: number[] = [];
    const got: number[] = [];
    for (let i = 0; i < 200; i++) {
      const length = random.pick([1, 3, 100, 3000, 5000]);
      const piece = Uint8Array.from({ length }, (_, n) => (i + n) & 0xff);
      pieces.push(piece);
      sent.push(...piece);
      piece.fill(length >= 4096 ? piece[0]! : 0xdd); // Small ones were copied.
      if (length >= 4096) piece.set(sent.slice(-length));
      while (random.chance(0.6)) got.push(...(pieces.take() ?? []));
    }
    got.push(...drained(pieces).bytes);
    expect({ seed, isSame: Buffer.from(got).equals(Buffer.from(sent)) }).toEqual({ seed, isSame: true });
    expect(pieces.isEmpty).toBe(true);
  }
});
