import { assign, createActor, setup, type ActorRefFrom, type InspectionEvent } from 'xstate';
import { createRootActor } from '../../machines/runtime/root-actor.js';
import { SimClock } from '../sim/clock.js';

const counting = setup({
  types: { context: {} as { count: number }, events: {} as { type: 'go' } },
  actions: { note: () => undefined, count: assign({ count: ({ context }) => context.count + 1 }) },
}).createMachine({
  context: { count: 0 },
  initial: 'on',
  states: { on: { on: { go: { actions: ['note', 'count'] } } } },
});

const roots: readonly [string, () => ActorRefFrom<typeof counting>][] = [
  ['compact', () => createRootActor(counting, { clock: new SimClock(), input: undefined })],
  ['xstate', () => createRootActor(counting, { runtime: 'xstate', clock: new SimClock(), input: undefined })],
  ["an application's own createActor", () => createActor(counting)],
];

describe.each(roots)('inspection: an actor of %s', (_, make) => {
  test('reports to an inspector that comes later, and no more once it has gone', () => {
    const actor = make();
    actor.start();
    const seen: string[] = [];
    const inspect = (name: string) => actor.system.inspect(({ type }: InspectionEvent) => seen.push(`${name} ${type}`));
    const send = (): string[] => {
      seen.length = 0;
      actor.send({ type: 'go' });
      return [...seen];
    };
    const [first, second] = [inspect('first'), inspect('second')];
    const both = ['event', 'action', 'microstep', 'snapshot'].flatMap((each) => [
      `first @xstate.${each}`,
      `second @xstate.${each}`,
    ]);
    expect(send()).toEqual(both);
    first.unsubscribe();
    first.unsubscribe(); // Counts once.
    expect(send()).toEqual(both.filter((each) => each.startsWith('second')));
    second.unsubscribe();
    expect(send()).toEqual([]);
    inspect('third');
    expect(send()).toHaveLength(4);
    expect(actor.getSnapshot()).toMatchObject({ context: { count: 4 } });
  });
});
