import { happyEyeballs } from '../../../machines/hub/dial/happy-eyeballs.js';
import type { Opener, WireCause, WireHandler } from '../../../machines/ports.js';
import { SimClock } from '../../sim/clock.js';

/** Addresses where nothing answers until the test says so. An abort is answered in a later turn, as transports do. */
function addresses(count: number, clock: SimClock): { openers: Opener[]; tried: WireHandler[] } {
  const tried: WireHandler[] = [];
  const opener: Opener = (handler) => {
    tried.push(handler);
    return () => clock.setTimeout(() => handler.onClose({ kind: 'aborted' }), 0);
  };
  return { openers: new Array<Opener>(count).fill(opener), tried };
}

function raced(
  count: number,
  staggerMs: number,
): { clock: SimClock; tried: WireHandler[]; ends: WireCause[]; abort: () => void } {
  const clock = new SimClock();
  const ends: WireCause[] = [];
  const { openers, tried } = addresses(count, clock);
  const handler = { onOpen: () => {}, onBytes: () => {}, onDrain: () => {}, onProbeAnswer: () => {} };
  const abort = happyEyeballs(openers, clock, staggerMs)({ ...handler, onClose: (cause) => ends.push(cause) });
  return { clock, tried, ends, abort };
}

test.each([Infinity, 250])(
  'hub/dial/happy eyeballs: an attempt given up before every address was tried ends all the same, once (stagger %d ms)',
  (staggerMs) => {
    const { clock, tried, ends, abort } = raced(3, staggerMs);
    abort();
    clock.advance(1000);
    expect([tried.length, ends]).toEqual([1, [{ kind: 'aborted' }]]);
    expect(clock.pending).toBe(0);
  },
);

test('given up while the second is under way: the first failure is the one that counts', () => {
  const { clock, tried, ends, abort } = raced(3, Infinity);
  tried[0]!.onClose({ kind: 'refused' });
  abort();
  clock.advance(1000);
  expect([tried.length, ends]).toEqual([2, [{ kind: 'refused' }]]);
});

test('hub/dial/happy eyeballs: one address after the other, and the first failure is reported after the last', () => {
  const { tried, ends } = raced(3, Infinity);
  for (const [i, kind] of (['refused', 'unreachable', 'reset'] as const).entries()) {
    expect([tried.length, ends.length]).toEqual([i + 1, 0]);
    tried[i]!.onClose({ kind });
  }
  expect(ends).toEqual([{ kind: 'refused' }]);
});
