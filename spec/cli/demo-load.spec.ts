import { createHash } from 'node:crypto';
import {
  CHUNK_BYTES,
  CutPlan,
  inventedSource,
  numbered,
  numberOf,
  percentile,
  DeliveryCounter,
} from '../../adapters/cli/demo-load.js';

describe('command line/demo load: the tally', () => {
  const after = (numbers: readonly number[]): DeliveryCounter => {
    const counts = new DeliveryCounter();
    for (const number of numbers) counts.count(number);
    return counts;
  };
  const said = (numbers: readonly number[], sent: number): object => {
    const counts = after(numbers);
    return { lost: counts.lostOf(sent), duplicated: counts.duplicated, outOfOrder: counts.outOfOrder };
  };

  test('is content with each number once and in order', () => {
    expect(said([0, 1, 2, 3], 4)).toEqual({ lost: 0, duplicated: 0, outOfOrder: 0 });
  });
  test('misses what was left out, at the beginning, in the middle and at the end', () => {
    expect(said([1, 2, 5], 8)).toEqual({ lost: 5, duplicated: 0, outOfOrder: 0 });
    expect(said([], 3)).toEqual({ lost: 3, duplicated: 0, outOfOrder: 0 });
  });
  test('notices what came twice, at once or late', () => {
    expect(said([0, 0, 1, 2, 1], 3)).toEqual({ lost: 0, duplicated: 2, outOfOrder: 0 });
  });
  test('tells late from lost and from doubled', () => {
    expect(said([0, 2, 1, 1, 3], 4)).toEqual({ lost: 0, duplicated: 1, outOfOrder: 1 });
  });
  test('remembers no more than its bound, and still counts', () => {
    expect(said([1_000_000], 1_000_001)).toEqual({ lost: 1_000_000, duplicated: 0, outOfOrder: 0 });
  });
});

test('command line/demo load: the same seed invents the same bytes, another seed others, in chunks of any size', () => {
  const hashOf = (size: number, seed: number): string => {
    const hash = createHash('sha256');
    const source = inventedSource(size, seed);
    const chunk = new Uint8Array(CHUNK_BYTES);
    for (let n; (n = source.read(chunk) as number) > 0;) hash.update(chunk.subarray(0, n));
    return hash.digest('hex');
  };
  for (const size of [1, 3, 4, CHUNK_BYTES, 3 * CHUNK_BYTES + 5]) {
    expect({ size, hash: hashOf(size, 1) }).toEqual({ size, hash: hashOf(size, 1) });
    if (size > 3) expect(new Set([0, 1, 2, 3, 4].map((seed) => hashOf(size, seed))).size).toBe(5);
  }
});

test('command line/demo load: each cut falls into its own part of the stream, elsewhere for another seed', () => {
  const positions = (seed: number): number[] => {
    const plan = new CutPlan(1000, 10, seed);
    const found: number[] = [];
    for (let at = 0; at < 1000; at++) {
      while (plan.isDue(at)) {
        found.push(at);
        plan.done();
      }
    }
    expect({ seed, left: plan.left }).toEqual({ seed, left: 0 });
    return found;
  };
  expect(positions(1).map((at) => Math.floor(at / 100))).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  expect(positions(1)).toEqual(positions(1));
  expect(positions(1)).not.toEqual(positions(2));
});

test('command line/demo load: numbers survive their bytes; percentiles are values that were there', () => {
  expect(numberOf(numbered(2 ** 40 + 1))).toBe(2 ** 40 + 1);
  expect([percentile([], 50), percentile([3, 1, 2], 50), percentile([1, 2, 3, 4], 99), percentile([5.55], 1)]).toEqual([
    0, 2, 4, 5.6,
  ]);
});
