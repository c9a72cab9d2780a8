import fc from 'fast-check';
import { REDIAL, backoffMs, type RedialPolicy } from '../machines/backoff.js';

const lowest = 0;
const highest = 1 - 2 ** -53;

describe('backoff: SHIP waits in bands', () => {
  test.each([
    [1, 0, 3000],
    [2, 3000, 10_000],
    [3, 10_000, 20_000],
    [4, 10_000, 20_000],
    [1_000_000, 10_000, 20_000],
  ])('attempt %d waits from %d to below %d ms', (attempt, fromMs, toMs) => {
    expect(backoffMs(REDIAL.ship, attempt, lowest)).toBe(fromMs);
    expect(backoffMs(REDIAL.ship, attempt, 0.5)).toBe((fromMs + toMs) / 2);
    expect(backoffMs(REDIAL.ship, attempt, highest)).toBe(toMs - 1);
  });

  test('a band is never skipped, however long the wire had lived', () => {
    expect(backoffMs(REDIAL.ship, 1, 0.5, 3_600_000)).toBe(1500);
    expect(backoffMs(REDIAL.ship, 1, 0.5, undefined)).toBe(1500);
  });

  test('inside the band every millisecond is as likely as any other', () => {
    const tenths = new Array<number>(10).fill(0);
    for (let i = 0; i < 10_000; i++) tenths[Math.floor((Number(backoffMs(REDIAL.ship, 2, i / 10_000)) - 3000) / 700)]!++;
    expect(tenths).toEqual(new Array(10).fill(1000));
  });
});

describe('backoff: sessions wait exponentially with full jitter', () => {
  test('at once for a first dial, and where the wire had lived a second', () => {
    expect(backoffMs(REDIAL.session, 1, highest)).toBe(0);
    expect(backoffMs(REDIAL.session, 1, highest, 1000)).toBe(0);
    expect(backoffMs(REDIAL.session, 1, highest, 999)).toBe(49);
  });

  test('ceilings double from 50 ms to 5 s', () => {
    const ceilings = [2, 3, 4, 5, 6, 7, 8, 9, 10, 2000].map(
      (attempt) => Number(backoffMs(REDIAL.session, attempt, highest, 5000)) + 1,
    );
    expect(ceilings).toEqual([50, 100, 200, 400, 800, 1600, 3200, 5000, 5000, 5000]);
  });

  test('a wire that died young begins at the first ceiling, not behind it', () => {
    const ceilings = [1, 2, 3].map((attempt) => Number(backoffMs(REDIAL.session, attempt, highest, 10)) + 1);
    expect(ceilings).toEqual([50, 100, 200]);
  });

  test('jitter survives the cap: late attempts spread over all of it', () => {
    const waits = [0, 0.25, 0.5, 0.75].map((random) => backoffMs(REDIAL.session, 40, random, 0));
    expect(waits).toEqual([0, 1250, 2500, 3750]);
  });

  test('without a bound on retries it never gives up', () => {
    expect(backoffMs(REDIAL.session, 1e9, 0.5)).toBe(2500);
  });
});

describe('backoff: the pool waits three times one second', () => {
  test('a first dial goes at once and has three retries', () => {
    expect([1, 2, 3, 4, 5].map((attempt) => backoffMs(REDIAL.pool, attempt, 0.5))).toEqual([0, 1000, 1000, 1000, 'give-up']);
  });

  test('a lost connection has three retries', () => {
    expect([1, 2, 3, 4].map((attempt) => backoffMs(REDIAL.pool, attempt, 0.5, 60_000))).toEqual([1000, 1000, 1000, 'give-up']);
  });
});

test('backoff: every wait is a whole number of milliseconds within its policy, and never falls as attempts rise', () => {
  const policy: fc.Arbitrary<RedialPolicy> = fc.oneof(
    fc.record({
      kind: fc.constant('exponential' as const),
      baseMs: fc.integer({ min: 1, max: 1000 }),
      capMs: fc.integer({ min: 1000, max: 60_000 }),
      immediateIfLivedMs: fc.integer({ min: 0, max: 5000 }),
    }),
    fc.record({ kind: fc.constant('constant' as const), delayMs: fc.integer({ min: 0, max: 60_000 }), retriesMax: fc.nat(9) }),
    fc.constant(REDIAL.ship),
  );
  const chance = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
  const lived = fc.option(fc.nat(10_000), { nil: undefined });
  fc.assert(
    fc.property(policy, chance, lived, fc.integer({ min: 1, max: 5000 }), (redial, random, livedMs, attempt) => {
      const wait = backoffMs(redial, attempt, random, livedMs);
      const next = backoffMs(redial, attempt + 1, random, livedMs);
      if (wait === 'give-up') return expect(next).toBe('give-up');
      expect(Number.isInteger(wait)).toBe(true);
      expect(wait).toBeGreaterThanOrEqual(0);
      expect(wait).toBeLessThanOrEqual(60_000);
      if (next !== 'give-up') expect(next).toBeGreaterThanOrEqual(wait);
    }),
    { seed: 7, numRuns: 2000 },
  );
});

test.each([
  [0, 0.5],
  [1, 1],
  [1, -0.1],
  [1, Number.NaN],
  [Number.NaN, 0.5],
])('backoff: attempt %d with chance %d is a defect of the caller and says so', (attempt, random) => {
  expect(() => backoffMs(REDIAL.session, attempt, random)).toThrow('broken invariant');
});
