import { SeededRandom } from './random.js';
import { SimClock } from './clock.js';
import type { SimTimer } from './timers.js';

describe('simulation/clock: virtual time', () => {
  test('goes from deadline to deadline, and a timer set by a timer is in order with the others', () => {
    const clock = new SimClock();
    const story: string[] = [];
    clock.setTimeout(() => story.push(`b ${clock.now()}`), 20);
    clock.setTimeout(() => {
      story.push(`a ${clock.now()}`);
      clock.setTimeout(() => story.push(`c ${clock.now()}`), 5);
    }, 10);
    clock.advance(30);
    expect(story).toEqual(['a 10', 'c 15', 'b 20']);
    expect({ now: clock.now(), pending: clock.pending, steps: clock.steps }).toEqual({ now: 30, pending: 0, steps: 3 });
  });

  test('equal deadlines fire in the order of setting, whatever was cancelled between them', () => {
    for (let seed = 1; seed <= 100; seed++) {
      const random = new SeededRandom(seed);
      const clock = new SimClock();
      const expected: { at: number; n: number }[] = [];
      const fired: number[] = [];
      const handles: SimTimer[] = [];
      for (let n = 0; n < 60; n++) {
        const at = random.int(8);
        handles.push(clock.setTimeout(() => fired.push(n), at));
        expected.push({ at, n });
        if (!random.chance(0.3)) continue;
        const gone = random.int(n + 1);
        clock.clearTimeout(handles[gone]);
        const index = expected.findIndex((each) => each.n === gone);
        if (index >= 0) expected.splice(index, 1);
      }
      expect({ seed, pending: clock.pending }).toEqual({ seed, pending: expected.length });
      while (clock.step());
      expect({ seed, fired }).toEqual({ seed, fired: expected.sort((a, b) => a.at - b.at || a.n - b.n).map(({ n }) => n) });
    }
  });

  test('what is asked for soon runs in order, after each fired timer and before the next', () => {
    const clock = new SimClock();
    const story: string[] = [];
    clock.setTimeout(() => story.push('second timer'), 5);
    clock.setTimeout(() => story.push('third timer'), 5);
    clock.soon(() => {
      story.push('soon 1');
      clock.soon(() => story.push('soon 3'));
      clock.setTimeout(() => story.push('first timer') && clock.soon(() => story.push('soon after it')), 1);
    });
    clock.soon(() => story.push('soon 2'));
    expect(clock.pending).toBe(4);
    while (clock.step());
    expect(story).toEqual(['soon 1', 'soon 2', 'soon 3', 'first timer', 'soon after it', 'second timer', 'third timer']);
    clock.setTimeout(() => clock.soon(() => story.push('the end of the turn')), 1);
    clock.step();
    expect([story.at(-1), clock.pending]).toEqual(['the end of the turn', 0]);
  });

  test('a timer that throws is gone, and the others are not', () => {
    const clock = new SimClock();
    const story: string[] = [];
    const fail = (): never => {
      throw new Error('a handler failed');
    };
    clock.setTimeout(fail, 1);
    clock.soon(fail);
    clock.soon(() => story.push('soon'));
    clock.setTimeout(() => story.push('timer'), 2);
    expect(() => clock.step()).toThrow('a handler failed');
    expect(() => clock.step()).toThrow('a handler failed');
    while (clock.step());
    expect(story).toEqual(['soon', 'timer']);
  });

  test('delays below zero and no numbers are zero; endless ones are what a platform can count', () => {
    const clock = new SimClock();
    const story: string[] = [];
    clock.setTimeout(() => story.push('-5'), -5);
    clock.setTimeout(() => story.push('NaN'), NaN);
    clock.setTimeout(() => story.push('Infinity'), Infinity);
    clock.advance(0);
    expect(story).toEqual(['-5', 'NaN']);
    expect(clock.nextMs).toBe(2 ** 31 - 1);
  });

  test('a limit holds back what is due later', () => {
    const clock = new SimClock();
    clock.setTimeout(() => {}, 10);
    expect([clock.step(9), clock.now()]).toEqual([false, 0]);
    expect([clock.step(10), clock.now()]).toEqual([true, 10]);
  });

  test('clearing twice, clearing what has fired, and clearing nonsense are void', () => {
    const clock = new SimClock();
    const handle = clock.setTimeout(() => {}, 1);
    clock.setTimeout(() => {}, 2);
    clock.step();
    for (const each of [handle, handle, undefined, 7, {}]) clock.clearTimeout(each);
    expect(clock.pending).toBe(1);
  });

  test('after a freeze overdue timers fire at the new time, in the order of deadlines', () => {
    const clock = new SimClock();
    const story: string[] = [];
    for (const ms of [30, 10, 20, 200]) clock.setTimeout(() => story.push(`${ms} at ${clock.now()}`), ms);
    const wall = clock.wall();
    clock.freeze(100);
    expect(story).toEqual([]);
    expect(clock.wall() - wall).toBe(100);
    while (clock.step());
    expect(story).toEqual(['10 at 100', '20 at 100', '30 at 100', '200 at 200']);
  });

  test('after a suspension the wall clock has gone on and monotonic time has not', () => {
    const clock = new SimClock();
    const fired: number[] = [];
    clock.setTimeout(() => fired.push(clock.now()), 10);
    const wall = clock.wall();
    clock.suspend(5000);
    expect([clock.now(), clock.wall() - wall]).toEqual([0, 5000]);
    clock.advance(10);
    expect(fired).toEqual([10]);
    clock.jumpWall(-60_000);
    expect(clock.wall() - wall).toBe(10 + 5000 - 60_000);
  });
});

describe('simulation/clock: running until something holds', () => {
  test('stops as soon as it does, and says how many steps that took', () => {
    const clock = new SimClock();
    const tick = (): void => void clock.setTimeout(tick, 10);
    tick();
    expect(clock.runUntil(() => clock.now() >= 50)).toBe(5);
    expect(clock.runUntil(() => true)).toBe(0);
  });

  test('throws at the step limit, at the time limit, and where nothing is left', () => {
    const clock = new SimClock();
    function isNever(): boolean {
      return false;
    }
    expect(() => clock.runUntil(isNever)).toThrow("nothing is left to happen and the condition isn't met after 0 steps");
    const tick = (): void => void clock.setTimeout(tick, 10);
    tick();
    expect(() => clock.runUntil(isNever, { stepsMax: 7 })).toThrow(
      "the step limit is reached and the condition isn't met after 7 steps, at 70 ms, with 1 pending: isNever",
    );
    expect(() => clock.runUntil(isNever, { withinMs: 35 })).toThrow('35 ms have passed');
  });

  test('a world that spins without time moving is stopped', () => {
    const spinning = new SimClock({ stallMax: 50 });
    const spin = (): void => void spinning.setTimeout(spin, 0);
    spin();
    expect(() => spinning.advance(1)).toThrow('stalled: 50 timers fired and it is still 0 ms');
    const chattering = new SimClock({ stallMax: 50 });
    const chatter = (): void => chattering.soon(chatter);
    chatter();
    expect(() => chattering.step()).toThrow('stalled at 0 ms: 50 calls of soon in one turn');
  });
});

describe('simulation/clock: one process among others', () => {
  test('frozen, it does nothing until the thaw, while the world goes on; then its timers fire in the order of deadlines', () => {
    const clock = new SimClock();
    const frozen = clock.process();
    const other = clock.process();
    const story: string[] = [];
    for (const ms of [100, 30, 10, 20]) frozen.setTimeout(() => story.push(`frozen ${ms} at ${frozen.now()}`), ms);
    other.setTimeout(() => story.push(`other at ${other.now()}`), 25);
    clock.advance(15);
    expect(frozen.freeze(85)).toBe(true);
    expect([frozen.freeze(1), frozen.isStopped, frozen.pending, other.pending]).toEqual([false, true, 3, 1]);
    while (clock.step());
    expect(story).toEqual(['frozen 10 at 10', 'other at 25', 'frozen 20 at 100', 'frozen 30 at 100', 'frozen 100 at 100']);
    expect(frozen.isStopped).toBe(false);
  });

  test('asleep, its monotonic time stands still and all its deadlines move', () => {
    const clock = new SimClock();
    const host = clock.process();
    const fired: number[][] = [];
    host.setTimeout(() => fired.push([host.now(), clock.now()]), 20);
    clock.advance(10);
    const wall = host.wall();
    host.suspend(1000);
    clock.advance(500);
    expect(host.now()).toBe(10);
    host.setTimeout(() => fired.push([host.now(), clock.now()]), 5);
    clock.advance(500);
    expect([host.now(), host.wall() - wall]).toEqual([10, 1000]);
    while (clock.step());
    expect(fired).toEqual([
      [15, 1015],
      [20, 1020],
    ]);
    host.jumpWall(77);
    expect(host.wall() - clock.wall()).toBe(77);
  });

  test('killed, it never does anything again', () => {
    const clock = new SimClock();
    const host = clock.process();
    const story: string[] = [];
    for (let ms = 0; ms < 20; ms++) (ms % 3 ? clock : host).setTimeout(() => story.push(ms % 3 ? 'world' : 'host'), ms);
    host.kill();
    host.setTimeout(() => story.push('host'), 1);
    host.soon(() => story.push('host'));
    expect([host.pending, clock.pending]).toEqual([0, 13]);
    while (clock.step());
    expect(story).toEqual(Array<string>(13).fill('world'));
  });
});
