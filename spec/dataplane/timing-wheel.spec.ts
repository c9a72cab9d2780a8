import fc from 'fast-check';
import { NOT_FILED, TimingWheel, type WheelTimer } from '../../machines/dataplane/timing-wheel.js';
import { SimClock } from '../sim/clock.js';

class Visited implements WheelTimer {
  wheelPlace = NOT_FILED;
  readonly visits: number[] = [];
  constructor(
    readonly clock: SimClock,
    readonly then: (self: Visited) => void = () => {},
  ) {}
  expire(): void {
    this.visits.push(this.clock.now());
    this.then(this);
  }
}

const SLOT_MS = 50;
const many = (count: number, make: (n: number) => Visited): Visited[] => Array.from({ length: count }, (_, n) => make(n));

test('dataplane/timing wheel: each is visited once, never late, and early by slack and a slot at most; one timer of the clock for all', () => {
  const deed = fc.record({
    who: fc.nat(9),
    what: fc.constantFrom('file', 'file', 'remove', 'wait'),
    ms: fc.nat(11_000),
    slackMs: fc.nat(500),
  });
  fc.assert(
    fc.property(fc.array(deed, { maxLength: 60 }), (deeds) => {
      const clock = new SimClock();
      const wheel = TimingWheel.of(clock);
      const all = many(10, () => new Visited(clock));
      const wanted = new Map<Visited, { at: number; slackMs: number }>();
      const check = (ms: number): void => {
        clock.advance(ms);
        for (const each of all) {
          const want = wanted.get(each);
          const [visit, ...more] = each.visits.splice(0);
          expect(more).toEqual([]);
          if (visit === undefined) expect(want === undefined || want.at > clock.now()).toBe(true);
          else {
            expect(visit).toBeLessThanOrEqual(want!.at);
            expect(visit).toBeGreaterThanOrEqual(want!.at - want!.slackMs - SLOT_MS);
            wanted.delete(each);
          }
        }
      };
      for (const { who, what, ms, slackMs } of deeds) {
        const each = all[who]!;
        if (what === 'wait') check(ms);
        else if (what === 'remove') {
          wheel.remove(each);
          wanted.delete(each);
        } else {
          wheel.remove(each); // Otherwise it may stay where it was.
          wheel.file(each, clock.now() + ms, slackMs, clock.now());
          wanted.set(each, { at: clock.now() + ms, slackMs });
        }
        expect({ size: wheel.size, isFew: clock.pending <= 1 }).toEqual({ size: wanted.size, isFew: true });
        if (wanted.size === 0) expect(clock.pending).toBe(0);
      }
      check(30_000);
      expect([wheel.size, clock.pending]).toEqual([0, 0]);
    }),
    { seed: 5, numRuns: 300 },
  );
});

test('dataplane/timing wheel: filed again for later it stays, filed for earlier it moves', () => {
  const clock = new SimClock();
  const wheel = TimingWheel.of(clock);
  const one = new Visited(clock);
  wheel.file(one, 5000, 0, 0);
  wheel.file(one, 9000, 0, 0);
  wheel.file(one, 2000, 0, 0);
  clock.advance(20_000);
  expect(one.visits).toEqual([2000]);
});

test('dataplane/timing wheel: what lies beyond its horizon is visited early, and files itself again', () => {
  const clock = new SimClock();
  const wheel = TimingWheel.of(clock);
  const one = new Visited(clock, (self) => clock.now() < 60_000 && wheel.file(self, 60_000, 0, clock.now()));
  wheel.file(one, 60_000, 0, 0);
  clock.advance(120_000);
  expect(one.visits.at(-1)).toBe(60_000);
  expect(one.visits.length).toBeLessThan(8);
});

test('dataplane/timing wheel: ten thousand that began at once spread within a minute, and no turn visits more than 256', () => {
  const clock = new SimClock();
  const wheel = TimingWheel.of(clock);
  const perTurn = new Map<number, number>();
  const perSlot = new Map<number, number>();
  const again = (self: Visited): void => {
    perTurn.set(clock.steps, (perTurn.get(clock.steps) ?? 0) + 1);
    perSlot.set(clock.now(), (perSlot.get(clock.now()) ?? 0) + 1);
    wheel.file(self, clock.now() + 4750, 250, clock.now());
  };
  for (const each of many(10_000, () => new Visited(clock, again))) wheel.file(each, 5000, 0, 0);
  clock.advance(60_000);
  expect(Math.max(...perTurn.values())).toBeLessThanOrEqual(256);
  perSlot.clear();
  clock.advance(10_000);
  expect(Math.max(...perSlot.values())).toBeLessThan(1000); // Of ten thousand; an even spread would be a hundred.
});

test('dataplane/timing wheel: one that throws takes no turn from the others', () => {
  const clock = new SimClock();
  const wheel = TimingWheel.of(clock);
  let isFirst = true;
  const all = many(3, () => {
    return new Visited(clock, () => {
      const fails = isFirst;
      isFirst = false;
      if (fails) throw new Error('a bad visit');
    });
  });
  for (const each of all) wheel.file(each, 1000, 0, 0);
  expect(() => clock.advance(1000)).toThrow('a bad visit');
  clock.advance(1);
  expect(all.map(({ visits }) => visits.length)).toEqual([1, 1, 1]);
});

test('dataplane/timing wheel: after a freeze of an hour each is visited once, and again when it asked for', () => {
  const clock = new SimClock();
  const wheel = TimingWheel.of(clock);
  const all = many(600, () => new Visited(clock, (self) => wheel.file(self, clock.now() + 5000, 0, clock.now())));
  for (const each of all) wheel.file(each, 5000, 0, 0);
  clock.advance(1);
  clock.freeze(3_600_000);
  clock.advance(4000);
  expect(new Set(all.map(({ visits }) => visits.length))).toEqual(new Set([1]));
  clock.advance(2000);
  expect(new Set(all.map(({ visits }) => visits.length))).toEqual(new Set([2]));
});
