import { bytesText, durationText, momentText } from '../../../visualizer/page/model/format.js';
import { cardsOf, rateOf } from '../../../visualizer/page/model/figures.js';
import { ticksOf, zoomed } from '../../../visualizer/page/model/ticks.js';

test('inspector/figures: bytes, lengths of time and moments have their units', () => {
  expect([0, 1023, 1024, 1536, 300 * 1024, 5 << 20, 2 ** 41].map(bytesText)).toEqual([
    '0 B',
    '1023 B',
    '1.0 KiB',
    '1.5 KiB',
    '300 KiB',
    '5.0 MiB',
    '2.0 TiB',
  ]);
  expect([0.4, 12, 999, 3400, 59_900, 125_000, 3_840_000].map(durationText)).toEqual([
    '0.4 ms',
    '12 ms',
    '999 ms',
    '3.40 s',
    '59.9 s',
    '2 min 5 s',
    '1 h 4 min',
  ]);
  expect([0, 3452.9, 62_003, 3_723_004].map(momentText)).toEqual(['0:00.000', '0:03.452', '1:02.003', '1:02:03.004']);
});

test('inspector/figures: a card has the value of the moment; what was never more than nothing has none', () => {
  const samples = [
    { ms: 0, values: { queuedBytes: 0, rttMs: 1, lost: 0 } },
    { ms: 1000, values: { queuedBytes: 2048, rttMs: 3, lost: 0 } },
  ];
  expect(cardsOf(samples, 500).map(({ label, text }) => `${label} ${text}`)).toEqual(['queued 0 B', 'rtt 1 ms']);
  expect(cardsOf(samples, 1000).map(({ label, text }) => `${label} ${text}`)).toEqual(['queued 2.0 KiB', 'rtt 3 ms']);
  expect(cardsOf(samples, -1).map(({ text }) => text)).toEqual(['–', '–']);
});

test('inspector/figures: a rate is per second, and never negative', () => {
  const samples = [0, 500, 400].map((acknowledged, index) => ({ ms: index * 100, values: { acknowledged } }));
  expect(rateOf(samples, 'acknowledged')).toEqual([
    { ms: 100, value: 5000 },
    { ms: 200, value: 0 },
  ]);
});

describe('inspector/timeline: the axis', () => {
  test.each([
    [0, 50, 5],
    [0, 7000, 8],
    [123_456, 123_999, 6],
    [0, 86_400_000, 9],
  ])('from %d to %d ms has round moments, about %d', (fromMs, toMs, about) => {
    const ticks = ticksOf({ fromMs, toMs }, about);
    expect(ticks.length).toBeGreaterThan(1);
    expect(ticks.length).toBeLessThanOrEqual(about + 1);
    expect(ticks.every(({ atMs }) => atMs >= fromMs && atMs <= toMs)).toBe(true);
    expect(new Set(ticks.map(({ label }) => label)).size).toBe(ticks.length);
  });

  test('zooming keeps the moment under the pointer, stays inside, and ends with the whole', () => {
    const whole = { fromMs: 0, toMs: 1000 };
    expect(zoomed(whole, whole, 0.5, 200, 0)).toEqual({ fromMs: 100, toMs: 600 });
    expect(zoomed(whole, { fromMs: 100, toMs: 600 }, 1, 200, -500)).toEqual({ fromMs: 0, toMs: 500 });
    expect(zoomed(whole, { fromMs: 100, toMs: 600 }, 1, 200, 5000)).toEqual({ fromMs: 500, toMs: 1000 });
    expect(zoomed(whole, { fromMs: 100, toMs: 600 }, 4, 200, 0)).toBeUndefined();
    expect(zoomed(whole, { fromMs: 100, toMs: 110 }, 0.0001, 105, 0)).toEqual({ fromMs: 102.5, toMs: 107.5 });
  });
});
