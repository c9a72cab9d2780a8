import fc from 'fast-check';
import { IndexedHeap, type Ranked } from '../../../machines/hub/dial/indexed-heap.js';

interface Runner extends Ranked {
  readonly time: number;
  readonly order: number;
}

test('indexed heap: after any insertions and removals the first is the least, and every item knows its place', () => {
  const deed = fc.record({ enters: fc.boolean(), time: fc.nat(30), pick: fc.nat(1000) });
  fc.assert(
    fc.property(fc.array(deed, { minLength: 150, maxLength: 300 }), (deeds) => {
      const isBefore = (a: Runner, b: Runner): boolean => a.time < b.time || (a.time === b.time && a.order < b.order);
      const ranking = new IndexedHeap<Runner>(isBefore);
      let model: Runner[] = [];
      let order = 0;
      for (const { enters, time, pick } of deeds) {
        if (enters || model.length < 40) {
          const runner: Runner = { time, order: order++, rank: -1 };
          ranking.add(runner);
          model.push(runner);
        } else {
          const leaver = model[pick % model.length]!;
          ranking.remove(leaver);
          ranking.remove(leaver);
          expect(ranking.has(leaver)).toBe(false);
          model = model.filter((runner) => runner !== leaver);
        }
        model.sort((a, b) => (isBefore(a, b) ? -1 : 1));
        expect(ranking.first).toBe(model[0]);
        expect(ranking.size).toBe(model.length);
      }
      expect(model.map((runner) => ranking.countBefore(runner))).toEqual(model.map((_, place) => place));
      for (const runner of model) {
        expect(ranking.first).toBe(runner);
        ranking.remove(runner);
      }
      expect(ranking.first).toBeUndefined();
    }),
    { seed: 2, numRuns: 40 },
  );
});

test('hub/dial/indexed heap: all may leave at once, and enter another', () => {
  const ranking = new IndexedHeap<Runner>((a, b) => a.order < b.order);
  const runners = [3, 1, 2].map((order) => ({ time: 0, order, rank: -1 }));
  for (const runner of runners) ranking.add(runner);
  expect(new Set(ranking.clear())).toEqual(new Set(runners));
  expect({ size: ranking.size, has: ranking.has(runners[0]!) }).toEqual({ size: 0, has: false });
});
