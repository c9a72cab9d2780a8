import fc from 'fast-check';
import { NOT_QUEUED, DeadlineHeap, type Timer } from '../../machines/dataplane/deadline-heap.js';
import { SimClock } from '../sim/clock.js';

class Person implements Timer {
  dueAt = Infinity;
  heapIndex = NOT_QUEUED;
  constructor(
    readonly name: number,
    readonly woken: (person: Person) => void,
  ) {}
  expire(): void {
    this.woken(this);
  }
}

test('deadlines: each expires once, when it was set last, in order, by one timer of the clock', () => {
  const deed = fc.record({ who: fc.nat(9), what: fc.constantFrom('set', 'set', 'clear', 'wait'), ms: fc.nat(30) });
  fc.assert(
    fc.property(fc.array(deed, { maxLength: 60 }), (deeds) => {
      const clock = new SimClock();
      const heap = DeadlineHeap.of(clock);
      const heard: string[] = [];
      const people = Array.from({ length: 10 }, (_, name) => new Person(name, () => heard.push(`${name} at ${clock.now()}`)));
      const deadlines = new Map<number, number>();
      const expected: string[] = [];
      const pass = (ms: number): void => {
        clock.advance(ms);
        const due = [...deadlines].filter(([, at]) => at <= clock.now()).sort((a, b) => a[1] - b[1]);
        for (const [name, at] of due) {
          expected.push(`${name} at ${at}`);
          deadlines.delete(name);
        }
      };
      for (const { who, what, ms } of deeds) {
        if (what === 'wait') pass(ms);
        else if (what === 'clear') {
          heap.clear(people[who]!);
          deadlines.delete(who);
        } else {
          heap.set(people[who]!, clock.now() + 1 + ms);
          deadlines.set(who, clock.now() + 1 + ms);
        }
        expect(clock.pending).toBeLessThanOrEqual(1);
        if (deadlines.size === 0) expect(clock.pending).toBe(0);
      }
      pass(100);
      // Equal deadlines may come in any order.
      const sorted = (lines: string[]): string[] => [...lines].sort();
      expect({ deeds, heard: sorted(heard), pending: clock.pending }).toEqual({ deeds, heard: sorted(expected), pending: 0 });
      const times = heard.map((line) => Number(line.split(' ')[2]));
      expect(times).toEqual([...times].sort((a, b) => a - b));
    }),
    { seed: 3, numRuns: 300 },
  );
});

test('deadlines: one that throws does not take the turn of others', () => {
  const clock = new SimClock();
  const heap = DeadlineHeap.of(clock);
  const woken: number[] = [];
  const people = [1, 2, 3].map(
    (name) =>
      new Person(name, () => {
        woken.push(name);
        if (name === 1) throw new Error('a bad morning');
      }),
  );
  for (const person of people) heap.set(person, 10);
  expect(() => clock.advance(10)).toThrow('a bad morning');
  clock.advance(10);
  expect(woken.sort()).toEqual([1, 2, 3]);
  expect(clock.pending).toBe(0);
});

test('dataplane/deadline heap: one that is cleared, or put off, by another who is woken first sleeps on', () => {
  const clock = new SimClock();
  const heap = DeadlineHeap.of(clock);
  const woken: string[] = [];
  const second = new Person(2, () => woken.push(`2 at ${clock.now()}`));
  const third = new Person(3, () => woken.push('3'));
  const first = new Person(1, () => {
    heap.set(second, 50);
    heap.clear(third);
  });
  heap.set(first, 10);
  heap.set(second, 11);
  heap.set(third, 11);
  clock.freeze(20); // All three are due in the same moment.
  clock.advance(100);
  expect(woken).toEqual(['2 at 50']);
});

test('dataplane/deadline heap: a deadline that has passed wakes in a turn of its own, not from inside', () => {
  const clock = new SimClock();
  const heap = DeadlineHeap.of(clock);
  let turns = 0;
  const person = new Person(1, (self) => {
    if (++turns < 5) heap.set(self, 0);
  });
  heap.set(person, 0);
  expect(turns).toBe(0);
  const { steps } = clock;
  clock.advance(1);
  expect({ turns, steps: clock.steps - steps }).toEqual({ turns: 5, steps: 5 });
});

test('deferred work: runs at the end of the turn, in order, also when some of it throws', () => {
  const clock = new SimClock();
  const heap = DeadlineHeap.of(clock);
  const done: string[] = [];
  const say = (word: string, then: () => void = () => undefined) => ({
    runDeferred: () => {
      done.push(word);
      then();
    },
  });
  const fail = (): never => {
    throw new Error('a bad turn');
  };
  heap.defer(say('a', () => heap.defer(say('d'))));
  heap.defer(say('b', fail));
  heap.defer(say('c'));
  expect(done).toEqual([]);
  expect(() => clock.settle()).toThrow('a bad turn');
  clock.settle();
  expect(done).toEqual(['a', 'b', 'd', 'c']);
});
