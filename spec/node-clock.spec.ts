import { clock, listedTimers, type Platform } from '../adapters/node-clock.js';
import { SeededRandom } from './sim/random.js';

/** A platform in virtual time, whose timers count whole milliseconds, rounded down, as Node's do. */
class VirtualPlatform implements Platform {
  at = 0;
  armed: { readonly dueAt: number; readonly fn: () => void; isHolding: boolean; ref(): void; unref(): void }[] = [];

  now(): number {
    return this.at;
  }
  setTimeout(fn: () => void, ms: number) {
    const timer = {
      dueAt: Math.floor(this.at) + Math.max(1, Math.floor(ms)),
      fn,
      isHolding: true,
      ref: () => void (timer.isHolding = true),
      unref: () => void (timer.isHolding = false),
    };
    this.armed.push(timer);
    return timer;
  }
  clearTimeout(timer: unknown): void {
    this.armed = this.armed.filter((each) => each !== timer);
  }
  advance(ms: number): void {
    const end = this.at + ms;
    for (let due; (due = this.#next(end)) !== undefined;) {
      this.clearTimeout(due);
      this.at = Math.max(this.at, due.dueAt);
      due.fn();
    }
    this.at = end;
  }
  #next(end: number) {
    return this.armed.filter(({ dueAt }) => dueAt <= end).sort((a, b) => a.dueAt - b.dueAt)[0];
  }
  get holding(): number {
    return this.armed.filter(({ isHolding }) => isHolding).length;
  }
}

describe("node's clock: timers that share those of the platform", () => {
  test('fire once, in the order of their deadlines, and not when cleared', () => {
    const platform = new VirtualPlatform();
    const timers = listedTimers(platform);
    const fired: string[] = [];
    const set = (name: string, ms: number): unknown => timers.setTimeout(() => fired.push(name), ms);
    set('late', 20);
    const first = set('first', 10);
    set('second', 10);
    platform.advance(5);
    set('third', 10);
    timers.clearTimeout(first);
    timers.clearTimeout(first);
    platform.advance(100);
    expect(fired).toEqual(['second', 'third', 'late']);
    expect(platform.armed).toHaveLength(0);
  });

  test('hold the process while there is one, and need one of the platform for each delay', () => {
    const platform = new VirtualPlatform();
    const timers = listedTimers(platform);
    const set = Array.from({ length: 100 }, (_, i) => timers.setTimeout(() => undefined, i % 2 === 0 ? 10 : 20));
    expect([platform.armed.length, platform.holding]).toEqual([2, 2]);
    for (const timer of set) timers.clearTimeout(timer);
    expect(platform.holding).toBe(0);
    timers.setTimeout(() => undefined, 10);
    expect([platform.armed.length, platform.holding]).toEqual([2, 1]);
    platform.advance(1000);
    expect(platform.armed).toHaveLength(0);
  });

  test('go on behind one that throws, and in one that sets another', () => {
    const platform = new VirtualPlatform();
    const timers = listedTimers(platform);
    const fired: string[] = [];
    timers.setTimeout(() => {
      fired.push('throws');
      throw new Error('a defect');
    }, 10);
    timers.setTimeout(() => {
      fired.push('sets another');
      timers.setTimeout(() => fired.push('another'), 10);
    }, 10);
    timers.setTimeout(() => fired.push('last'), 10);
    expect(() => platform.advance(10)).toThrow('a defect');
    platform.advance(100);
    expect(fired).toEqual(['throws', 'sets another', 'last', 'another']);
  });

  test.each(Array.from({ length: 20 }, (_, i) => i + 1))('fire within 2 ms of what was asked (seed %i)', (seed) => {
    const random = new SeededRandom(seed);
    const platform = new VirtualPlatform();
    const timers = listedTimers(platform);
    const open = new Map<unknown, { readonly dueAt: number }>();
    const late: number[] = [];
    for (let step = 0; step < 400; step++) {
      if (random.chance(0.5)) {
        const ms = random.pick([1, 5, 5, 30, 7.5, 2000]);
        const about = { dueAt: platform.at + ms };
        const handle: unknown = timers.setTimeout(() => {
          open.delete(handle);
          late.push(platform.at - about.dueAt);
        }, ms);
        open.set(handle, about);
      } else if (random.chance(0.5) && open.size > 0) {
        const handle = random.pick([...open.keys()]);
        open.delete(handle);
        timers.clearTimeout(handle);
      } else platform.advance(random.int(200) / 10);
      for (const { dueAt } of open.values()) expect(platform.at - dueAt).toBeLessThan(2);
    }
    platform.advance(3000);
    expect([open.size, platform.armed.length]).toEqual([0, 0]);
    for (const by of late) {
      expect(by).toBeGreaterThan(-2); // The platform counts whole milliseconds, and rounds down twice.
      expect(by).toBeLessThan(2);
    }
  });
});

describe("node's clock: the end of the turn", () => {
  test('comes once, in order, before timers, and for work that is asked for meanwhile', async () => {
    const done: string[] = [];
    const over = new Promise<void>((resolve) => clock.setTimeout(() => resolve(void done.push('timer')), 1));
    clock.soon(() => {
      done.push('a');
      clock.soon(() => done.push('c'));
    });
    clock.soon(() => done.push('b'));
    expect(done).toEqual([]);
    await over;
    expect(done).toEqual(['a', 'b', 'c', 'timer']);
  });
});
