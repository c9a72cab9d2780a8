import { readFileSync } from 'node:fs';
import { createActor, fromCallback, fromTransition, setup, type AnyActorRef } from 'xstate';
import { installScheduler } from '../../machines/runtime/scheduler.js';
import { CountingClock } from '../hub/counting-clock.js';

/** Knows every way by which XState arms a timer: `after`, a delayed raise, and a delayed send to somebody else. */
const alarm = setup({
  types: {
    events: {} as { type: 'arm' } | { type: 'disarm' } | { type: 'rang' } | { type: 'leave' },
    context: {} as { rings: number },
  },
  delays: { patience: 100 },
}).createMachine({
  context: { rings: 0 },
  initial: 'waiting',
  states: {
    waiting: {
      after: { patience: 'bored' },
      on: {
        arm: { actions: ({ self, system }) => system.scheduler.schedule(self, self, { type: 'rang' }, 50, 'bell') },
        disarm: { actions: ({ self, system }) => system.scheduler.cancel(self, 'bell') },
        rang: { actions: ({ context }) => void context.rings++ },
        leave: 'left',
      },
    },
    bored: {},
    left: {},
  },
});

function alarmUnder(clock: CountingClock) {
  const root = createActor(alarm, { clock });
  const timers = installScheduler(root, clock);
  return { root: root.start(), timers };
}

type CrowdEvent = { type: 'stop.child'; who: AnyActorRef } | { type: 'break' } | { type: `bell.${string}` };

/** A root with actors of its own that do nothing but have timers; on request it stops one, and one on request breaks. */
function crowd(clock: CountingClock, size: number) {
  const got: string[] = [];
  const logic = fromTransition((_state: undefined, event: CrowdEvent, scope) => {
    if (event.type.startsWith('bell.')) got.push(event.type.slice('bell.'.length));
    if (event.type === 'stop.child') scope.stopChild(event.who);
    if (event.type === 'break') throw new Error('broken on request');
    return undefined;
  }, undefined);
  const root = createActor(logic, { clock });
  const timers = installScheduler(root, clock);
  root.start();
  const actors = Array.from({ length: size }, () => createActor(logic, { parent: root }).start());
  return { root, actors, timers, got, scheduler: root.system.scheduler };
}

describe('runtime/scheduler: the contract with XState', () => {
  test('it is held against 5.33; read the release notes before you change this line', () => {
    const { version } = JSON.parse(readFileSync(require.resolve('xstate/package.json'), 'utf8')) as { version: string };
    expect(version).toMatch(/^5\.33\./);
  });

  test('`after` is scheduled, fires through the relay, and leaves nothing behind', () => {
    const clock = new CountingClock();
    const { root, timers } = alarmUnder(clock);
    expect(timers.pending).toBe(1);
    clock.advance(99);
    expect(root.getSnapshot().value).toBe('waiting');
    clock.advance(1);
    expect(root.getSnapshot().value).toBe('bored');
    expect({ pending: timers.pending, actors: timers.actors, clock: clock.pending }).toEqual({ pending: 0, actors: 0, clock: 0 });
  });

  test('leaving a state cancels its `after`', () => {
    const clock = new CountingClock();
    const { root, timers } = alarmUnder(clock);
    root.send({ type: 'leave' });
    expect({ pending: timers.pending, clock: clock.pending }).toEqual({ pending: 0, clock: 0 });
    clock.advance(1000);
    expect(root.getSnapshot().value).toBe('left');
  });

  test('a named timer can be cancelled, and one of the same name takes its place', () => {
    const clock = new CountingClock();
    const { root, timers } = alarmUnder(clock);
    root.send({ type: 'arm' });
    root.send({ type: 'disarm' });
    clock.advance(20);
    root.send({ type: 'arm' });
    root.send({ type: 'arm' });
    expect({ pending: timers.pending, clock: clock.pending }).toEqual({ pending: 2, clock: 2 });
    clock.advance(50);
    expect(root.getSnapshot().context.rings).toBe(1);
  });

  test('an inspector sees what a timer brings, with its source', () => {
    const clock = new CountingClock();
    const seen: unknown[] = [];
    const root = createActor(alarm, {
      clock,
      inspect: (event) => {
        if (event.type === '@xstate.event' && event.event.type.startsWith('xstate.after'))
          seen.push(event.sourceRef === event.actorRef);
      },
    });
    installScheduler(root, clock);
    root.start();
    clock.advance(100);
    expect(seen).toEqual([true]);
  });

  test('an actor that is stopped or breaks takes its timers with it and no others', () => {
    const clock = new CountingClock();
    const { root, actors, timers, scheduler, got } = crowd(clock, 4);
    for (const [i, actor] of actors.entries())
      for (const id of ['a', 'b']) scheduler.schedule(actor, root, { type: `bell.${id}${i}` }, 10, id);
    expect({ pending: timers.pending, actors: timers.actors }).toEqual({ pending: 8, actors: 4 });
    root.send({ type: 'stop.child', who: actors[1]! });
    actors[2]!.subscribe({ error: () => undefined });
    actors[2]!.send({ type: 'break' });
    expect({ pending: timers.pending, actors: timers.actors, clock: clock.pending }).toEqual({ pending: 4, actors: 2, clock: 4 });
    clock.advance(10);
    expect(got).toEqual(['a0', 'b0', 'a3', 'b3']);
    expect(timers.pending).toBe(0);
  });

  test('a child invoked by a chart is covered, because there is one scheduler per system', () => {
    const clock = new CountingClock();
    const nested = setup({ actors: { inner: alarm, idle: fromCallback(() => undefined) } }).createMachine({
      initial: 'on',
      states: { on: { invoke: { src: 'inner', id: 'inner' }, on: { off: 'off' } }, off: { invoke: { src: 'idle', id: 'idle' } } },
    });
    const root = createActor(nested, { clock });
    const timers = installScheduler(root, clock);
    root.start();
    expect(timers.pending).toBe(1);
    root.send({ type: 'off' });
    expect(timers.pending).toBe(0);
  });
});

describe('runtime/scheduler: timers', () => {
  test('unnamed ones are all kept apart, and their names die with them', () => {
    const clock = new CountingClock();
    const { root, timers, scheduler, got } = crowd(clock, 0);
    for (let i = 0; i < 5; i++) scheduler.schedule(root, root, { type: `bell.u${i}` }, i, undefined);
    expect(timers.pending).toBe(5);
    clock.advance(5);
    expect(got).toEqual(['u0', 'u1', 'u2', 'u3', 'u4']);
    expect({ pending: timers.pending, actors: timers.actors }).toEqual({ pending: 0, actors: 0 });
  });

  test('the same name on two actors is two timers', () => {
    const clock = new CountingClock();
    const { root, actors, scheduler, got } = crowd(clock, 2);
    for (const actor of actors) scheduler.schedule(actor, root, { type: 'bell.bell' }, 1, 'bell');
    scheduler.cancel(actors[0]!, 'bell');
    clock.advance(1);
    expect(got).toEqual(['bell']);
  });

  test('a delay beyond what a platform can is waited for in several, neither at once nor too early', () => {
    const clock = new CountingClock();
    const { root, scheduler, got, timers } = crowd(clock, 0);
    const sixtyDays = 60 * 86_400_000;
    scheduler.schedule(root, root, { type: 'bell.late' }, sixtyDays, 'late');
    clock.advance(sixtyDays - 1);
    expect({ got, longestMs: clock.longestMs, pending: timers.pending }).toEqual({ got: [], longestMs: 2 ** 31 - 1, pending: 1 });
    clock.advance(1);
    expect({ got, pending: timers.pending }).toEqual({ got: ['late'], pending: 0 });
  });

  test('an infinite delay never fires and can be cancelled, also after it was armed again', () => {
    const clock = new CountingClock();
    const { root, scheduler, got, timers } = crowd(clock, 0);
    scheduler.schedule(root, root, { type: 'bell.never' }, Infinity, 'never');
    clock.advance(2 ** 33);
    scheduler.cancel(root, 'never');
    expect({ got, clock: clock.pending, pending: timers.pending }).toEqual({ got: [], clock: 0, pending: 0 });
  });

  test.each([-5, Number.NaN])('a delay of %d is none', (delay) => {
    const clock = new CountingClock();
    const { root, scheduler, got } = crowd(clock, 0);
    scheduler.schedule(root, root, { type: 'bell.now' }, delay, undefined);
    clock.advance(0);
    expect(got).toEqual(['now']);
  });

  test('one that is armed while another fires is not lost', () => {
    const clock = new CountingClock();
    const again = fromTransition((count: number, event: { type: string }, { self, system }) => {
      if (event.type !== 'again') return count;
      if (count < 3) system.scheduler.schedule(self, self, { type: 'again' }, 10, 'again');
      return count + 1;
    }, 0);
    const root = createActor(again, { clock });
    const timers = installScheduler(root, clock);
    root.start();
    root.send({ type: 'again' });
    clock.advance(100);
    expect(root.getSnapshot().context).toBe(4);
    expect(timers.pending).toBe(0);
  });
});

test('runtime/scheduler: stopping one of many touches its own timers alone, however many others wait', () => {
  const work = [10, 1000, 10_000].map((size) => {
    const clock = new CountingClock();
    const { root, actors, scheduler, timers } = crowd(clock, size);
    for (const actor of actors) scheduler.schedule(actor, root, { type: 'bell.x' }, 1e6, 'x');
    clock.cleared = 0;
    const touched = countingMapWork(() => scheduler.cancelAll(actors[size >> 1]!));
    return { cleared: clock.cleared, touched, left: size - timers.pending };
  });
  // Found, taken out of the index, and its one timer visited.
  expect(work).toEqual(new Array(3).fill({ cleared: 1, touched: 3, left: 1 }));
});

/** How many entries of maps `run` looked up, removed or walked over. */
function countingMapWork(run: () => void): number {
  const { get, has, delete: remove, values, entries, keys, forEach } = Map.prototype;
  let touched = 0;
  function* counted<T>(walk: Iterable<T>): Generator<T> {
    for (const item of walk) {
      touched++;
      yield item;
    }
  }
  const counting = {
    get(this: Map<unknown, unknown>, key: unknown) {
      touched++;
      return get.call(this, key) as unknown;
    },
    has(this: Map<unknown, unknown>, key: unknown) {
      touched++;
      return has.call(this, key);
    },
    delete(this: Map<unknown, unknown>, key: unknown) {
      touched++;
      return remove.call(this, key);
    },
    values(this: Map<unknown, unknown>) {
      return counted({ [Symbol.iterator]: () => values.call(this) });
    },
    entries(this: Map<unknown, unknown>) {
      return counted({ [Symbol.iterator]: () => entries.call(this) });
    },
    keys(this: Map<unknown, unknown>) {
      return counted({ [Symbol.iterator]: () => keys.call(this) });
    },
    [Symbol.iterator](this: Map<unknown, unknown>) {
      return counted({ [Symbol.iterator]: () => entries.call(this) });
    },
    forEach(this: Map<unknown, unknown>, fn: (value: unknown, key: unknown, map: Map<unknown, unknown>) => void) {
      for (const [key, value] of counted({ [Symbol.iterator]: () => entries.call(this) })) fn(value, key, this);
    },
  };
  const original = { get, has, delete: remove, values, entries, keys, forEach, [Symbol.iterator]: entries };
  Object.assign(Map.prototype, counting);
  try {
    run();
  } finally {
    Object.assign(Map.prototype, original);
  }
  return touched;
}
