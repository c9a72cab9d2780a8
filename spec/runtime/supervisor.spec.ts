import { assign, createActor, setup, type AnyActorRef, type AnyEventObject } from 'xstate';
import fc from 'fast-check';
import { installScheduler } from '../../machines/runtime/scheduler.js';
import { setDefaultRuntime } from '../../machines/runtime/runtime.js';
import { fromSupervisor, supervised, type ChildKey, type SupervisorNotice } from '../../machines/runtime/supervisor.js';
import { CountingClock } from '../hub/counting-clock.js';

type ChildEvent = { type: 'end'; word: string } | { type: 'throw' };

/** A session as the supervisor sees one: it has a timer, it ends with an output, and it may break at birth or later. */
const session = setup({
  types: { events: {} as ChildEvent, input: {} as { born?: 'dead' | 'broken' }, context: {} as { born: string; word: string } },
  actions: {
    breakDown: () => {
      throw new Error('broken on request');
    },
  },
  guards: { isBornDead: ({ context }) => context.born === 'dead' },
  delays: { forever: 1e6 },
}).createMachine({
  context: ({ input }) => {
    if (input.born === 'broken') throw new Error('broken at birth');
    return { born: input.born ?? 'well', word: '' };
  },
  initial: 'alive',
  output: ({ context }) => context.word,
  states: {
    alive: {
      always: { guard: 'isBornDead', target: 'ended', actions: assign({ word: 'stillborn' }) },
      after: { forever: 'ended' },
      on: {
        end: { target: 'ended', actions: assign({ word: ({ event }) => event.word }) },
        throw: { actions: 'breakDown' },
      },
    },
    ended: { type: 'final' },
  },
});

/** A hub that hears notices, and does with each what `onNotice` says. */
function house(onNotice: (notice: SupervisorNotice, supervisor: AnyActorRef) => void = () => undefined) {
  const clock = new CountingClock();
  const heard: string[] = [];
  const hub = setup({
    types: { events: {} as SupervisorNotice | { type: 'leave' } },
    actors: { supervisor: fromSupervisor(session, 'session') },
  }).createMachine({
    initial: 'open',
    states: {
      open: {
        invoke: { src: 'supervisor', id: 'supervisor' },
        on: {
          'connection.*': {
            actions: ({ event, self }) => {
              const { key } = event;
              const what = event.type === 'connection.crashed' ? (event.error as Error).message : String(event.output);
              heard.push(`${key} ${event.type.slice('connection.'.length)}: ${what}`);
              onNotice(event, supervisorOf(self));
            },
          },
          leave: 'left',
        },
      },
      left: {},
    },
  });
  const root = createActor(hub, { clock });
  const timers = installScheduler(root, clock);
  root.start();
  const supervisor = supervisorOf(root);
  return { root, supervisor, heard, timers, children: supervised<typeof session>(supervisor) };
}

const supervisorOf = (hub: AnyActorRef): AnyActorRef =>
  (hub.getSnapshot() as { children: { supervisor: AnyActorRef } }).children.supervisor;
const spawn = (key: ChildKey, born?: 'dead' | 'broken'): AnyEventObject => ({ type: 'spawn', key, input: born ? { born } : {} });

describe.each(['compact', 'xstate'] as const)('runtime: the supervisor, under %s,', (runtime) => {
  beforeEach(() => setDefaultRuntime(runtime));
  afterAll(() => setDefaultRuntime('compact'));

  test('its children are real ones: same system, parent set, one constant id', () => {
    const { supervisor, children } = house();
    supervisor.send(spawn(1));
    supervisor.send(spawn('two'));
    expect([...children.keys()]).toEqual([1, 'two']);
    for (const child of children.values()) {
      expect(child._parent).toBe(supervisor);
      expect(child.system).toBe(supervisor.system);
      expect(child.id).toBe('session');
    }
  });

  test('sends the hub a notice of an end with its output, and the key is free again', () => {
    const { supervisor, children, heard, timers } = house();
    supervisor.send(spawn(7));
    children.get(7)!.send({ type: 'end', word: 'farewell' });
    expect(heard).toEqual(['7 ended: farewell']);
    expect({ size: children.size, timers: timers.pending }).toEqual({ size: 0, timers: 0 });
    supervisor.send(spawn(7));
    expect(children.size).toBe(1);
  });

  test('a child that throws stops neither its siblings nor the supervisor nor the hub', () => {
    const { root, supervisor, children, heard } = house();
    for (const key of [1, 2, 3]) supervisor.send(spawn(key));
    children.get(2)!.send({ type: 'throw' });
    expect(heard).toEqual(['2 crashed: broken on request']);
    expect([...children.keys()]).toEqual([1, 3]);
    expect([1, 3].map((key) => children.get(key)!.getSnapshot().status)).toEqual(['active', 'active']);
    expect([root.getSnapshot().status, (supervisor.getSnapshot() as { status: string }).status]).toEqual(['active', 'active']);
    children.get(3)!.send({ type: 'end', word: 'well' });
    expect(heard.at(-1)).toBe('3 ended: well');
  });

  test('a child that throws in its initial state crashes, one that is final from the start ends, and neither stays', () => {
    const { supervisor, children, heard } = house();
    supervisor.send(spawn('a', 'broken'));
    supervisor.send(spawn('b', 'dead'));
    expect(heard).toEqual(['a crashed: broken at birth', 'b ended: stillborn']);
    expect(children.size).toBe(0);
  });

  test('a key that is held is not given twice', () => {
    const { supervisor, children } = house();
    supervisor.send(spawn(1));
    const first = children.get(1);
    supervisor.send(spawn(1));
    expect(children.get(1)).toBe(first);
    expect(children.size).toBe(1);
  });

  test('the hub may spawn anew under the same key out of the notice itself', () => {
    let spawned = 0;
    const { supervisor, children, heard } = house((notice, self) => {
      if (spawned++ < 2) self.send(spawn(notice.key));
    });
    supervisor.send(spawn(5));
    children.get(5)!.send({ type: 'end', word: 'one' });
    children.get(5)!.send({ type: 'throw' });
    children.get(5)!.send({ type: 'end', word: 'three' });
    expect(heard).toEqual(['5 ended: one', '5 crashed: broken on request', '5 ended: three']);
    expect(children.size).toBe(0);
  });

  test('after its own end no child and no timer is left, and no notice was sent', () => {
    const { root, supervisor, children, heard, timers } = house();
    for (let key = 0; key < 50; key++) supervisor.send(spawn(key));
    const all = [...children.values()];
    root.send({ type: 'leave' });
    expect({ size: children.size, timers: timers.pending, heard }).toEqual({ size: 0, timers: 0, heard: [] });
    expect(new Set(all.map((child) => child.getSnapshot().status))).toEqual(new Set(['stopped']));
  });

  test('stopping the root stops the children too', () => {
    const { root, supervisor, children, timers } = house();
    for (let key = 0; key < 3; key++) supervisor.send(spawn(key));
    root.stop();
    expect({ size: children.size, timers: timers.pending }).toEqual({ size: 0, timers: 0 });
  });

  test('children are neither copied with a snapshot nor persisted with it', () => {
    const { root, supervisor } = house();
    const before = supervisor.getSnapshot() as unknown;
    supervisor.send(spawn(1));
    expect(supervisor.getSnapshot()).toBe(before);
    expect(JSON.stringify(supervisor.getSnapshot())).toContain('"size":1');
    expect(JSON.stringify(root.getPersistedSnapshot())).not.toContain('session');
  });

  test('whatever the order of births, ends and crashes, it holds what a plain map would', () => {
    const key = fc.integer({ min: 0, max: 4 });
    const deed = fc.record({ what: fc.constantFrom('spawn', 'dead', 'broken', 'end', 'throw'), key });
    fc.assert(
      fc.property(fc.array(deed, { maxLength: 80 }), (deeds) => {
        const { supervisor, children, heard, timers } = house();
        const model = new Set<number>();
        const told: string[] = [];
        for (const { what, key } of deeds) {
          const held = model.has(key);
          switch (what) {
            case 'spawn':
              supervisor.send(spawn(key));
              model.add(key);
              break;
            case 'dead':
            case 'broken':
              supervisor.send(spawn(key, what));
              if (!held) told.push(what === 'dead' ? `${key} ended: stillborn` : `${key} crashed: broken at birth`);
              break;
            case 'end':
              children.get(key)?.send({ type: 'end', word: 'x' });
              if (model.delete(key)) told.push(`${key} ended: x`);
              break;
            default:
              children.get(key)?.send({ type: 'throw' });
              if (model.delete(key)) told.push(`${key} crashed: broken on request`);
          }
        }
        expect({ keys: [...children.keys()].sort(), heard, timers: timers.pending }).toEqual({
          keys: [...model].sort(),
          heard: told,
          timers: model.size,
        });
      }),
      { seed: 11, numRuns: 200 },
    );
  });
});
