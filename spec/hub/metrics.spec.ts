import fc from 'fast-check';
import { CLOSINGS } from '../../machines/closing.js';
import { Histogram, Metrics, type Gauges } from '../../machines/hub/metrics.js';

function counted(gauges: Partial<Gauges> = {}): Metrics {
  return new Metrics(() => ({
    now: 0,
    active: 0,
    limit: 100,
    bytesQueued: 0,
    retryTokens: 100,
    pendingDials: 0,
    waitingDials: 0,
    ...gauges,
  }));
}

describe('hub/metrics: metrics', () => {
  test('success rate is completed over attempted; who came in by themselves is counted apart', () => {
    const metrics = counted();
    for (const id of [1, 2, 3, 4]) metrics.initiated(id, 0);
    metrics.completed(1, 30);
    metrics.completed(2, 50);
    metrics.completed(3, 70);
    metrics.ended(4, 'refused');
    metrics.completed('visitor', 99);
    expect(metrics.toJSON()).toMatchObject({
      attempted: 4,
      completed: 3,
      accepted: 1,
      successRate: 0.75,
      closings: { refused: 1 },
    });
    expect(metrics.toJSON().connectionTime).toMatchObject({ count: 3, meanMs: 50, maxMs: 70 });
  });

  test('an attempt that ended and began again is a second one, timed from its own beginning', () => {
    const metrics = counted();
    metrics.initiated(1, 0);
    metrics.initiated(1, 5);
    metrics.ended(1, 'unreachable');
    metrics.initiated(1, 10_000);
    metrics.completed(1, 10_010);
    expect(metrics.toJSON()).toMatchObject({ attempted: 2, completed: 1, connectionTime: { count: 1, maxMs: 10 } });
  });

  test('gauges are read on request', () => {
    const gauges = { now: 0, active: 1, limit: 10, bytesQueued: 5, retryTokens: 99.5, pendingDials: 2, waitingDials: 3 };
    const metrics = new Metrics(() => gauges);
    gauges.active = 8;
    expect(metrics.toJSON()).toMatchObject({ active: 8, limit: 10, utilisation: 0.8, bytesQueued: 5, retryTokens: 99.5 });
    expect(metrics.toJSON()).toMatchObject({ pendingDials: 2, waitingDials: 3 });
    gauges.limit = 0;
    expect(metrics.toJSON().utilisation).toBe(0);
  });

  test('a hub that has done nothing reports numbers all the same, and survives JSON', () => {
    const report = counted().toJSON();
    expect(report).toMatchObject({ successRate: 1, resumeTime: { count: 0, meanMs: 0, p50Ms: 0, p99Ms: 0, maxMs: 0 } });
    expect(JSON.parse(JSON.stringify(report))).toEqual(report);
    expect(report).not.toHaveProperty('shutdownMs');
  });

  test('reconnections are those of the last sixty minutes, by reason', () => {
    let now = 0;
    const metrics = new Metrics(() => ({
      now,
      active: 0,
      limit: 1,
      bytesQueued: 0,
      retryTokens: 0,
      pendingDials: 0,
      waitingDials: 0,
    }));
    metrics.reconnecting('reset', 30_000);
    metrics.reconnecting('reset', 1_800_000);
    metrics.reconnecting('probe-timeout', 1_800_000);
    now = 3_599_999;
    expect(metrics.toJSON().reconnectionsPerHour).toEqual({ reset: 2, 'probe-timeout': 1 });
    now = 3_600_000;
    expect(metrics.toJSON().reconnectionsPerHour).toEqual({ reset: 1, 'probe-timeout': 1 });
    metrics.reconnecting('reset', now);
    now = 5_400_000;
    expect(metrics.toJSON().reconnectionsPerHour).toEqual({ reset: 1 });
    now = 1e9;
    expect(metrics.toJSON().reconnectionsPerHour).toEqual({});
  });

  test('every closing code has its own label; a million made-up ones share `other`', () => {
    const metrics = counted();
    for (const code of Object.keys(CLOSINGS)) metrics.ended(0, code);
    for (let i = 0; i < 100_000; i++) {
      metrics.ended(0, `made up ${i}`);
      if (i < 1000) metrics.reconnecting(`made up ${i}`, 0);
    }
    const { closings, reconnectionsPerHour } = metrics.toJSON();
    for (const code of Object.keys(CLOSINGS)) expect({ code, count: closings[code] }).toEqual({ code, count: 1 });
    expect(Object.keys(closings).length).toBeLessThanOrEqual(49);
    expect(Object.keys(reconnectionsPerHour).length).toBeLessThanOrEqual(49);
    expect(Object.values(closings).reduce((sum, n) => sum + n, 0)).toBe(100_000 + Object.keys(CLOSINGS).length);
  });

  test('resumptions, duplicates and the shutdown are reported', () => {
    const metrics = counted();
    for (let ms = 1; ms <= 100; ms++) metrics.resumed(ms);
    metrics.duplicatesDropped(3);
    metrics.duplicatesDropped(4);
    metrics.shuttingDown(1000);
    metrics.shuttingDown(1500);
    metrics.shutDown(2234);
    metrics.shutDown(9999);
    const report = metrics.toJSON();
    expect(report).toMatchObject({
      duplicatesDropped: 7,
      shutdownMs: 1234,
      resumeTime: { count: 100, meanMs: 50.5, maxMs: 100 },
    });
    expect(report.resumeTime.p50Ms).toBeGreaterThanOrEqual(50);
    expect(report.resumeTime.p50Ms).toBeLessThanOrEqual(50 * 1.091);
    expect(report.resumeTime.p99Ms).toBeGreaterThanOrEqual(99);
    expect(report.resumeTime.p99Ms).toBeLessThanOrEqual(100);
  });
});

describe('hub/metrics: a histogram', () => {
  test('a quantile is never too low and at most 9 % too high, from 1 ms to weeks', () => {
    const duration = fc.oneof(
      fc.integer({ min: 0, max: 50 }),
      fc.integer({ min: 0, max: 2 ** 31 }),
      fc.double({ min: 0, max: 1e6, noNaN: true }),
    );
    fc.assert(
      fc.property(
        fc.array(duration, { minLength: 1, maxLength: 200 }),
        fc.constantFrom(0.01, 0.5, 0.9, 0.99, 1),
        (durations, share) => {
          const histogram = new Histogram();
          for (const ms of durations) histogram.add(ms);
          const sorted = [...durations].sort((a, b) => a - b);
          const exact = sorted[Math.ceil(sorted.length * share) - 1]!;
          const told = histogram.quantile(share);
          expect(told).toBeGreaterThanOrEqual(exact * (1 - 1e-9));
          expect(told).toBeLessThanOrEqual(Math.max(1, exact * 1.0906));
        },
      ),
      { seed: 4, numRuns: 500 },
    );
  });

  test('absurd durations find a bucket', () => {
    const histogram = new Histogram();
    for (const ms of [-5, 0, 1e300, Infinity]) histogram.add(ms);
    expect(histogram.count).toBe(4);
    expect(histogram.quantile(0.5)).toBeLessThanOrEqual(1);
  });
});
