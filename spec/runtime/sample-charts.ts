import {
  and,
  assign,
  fromCallback,
  not,
  raise,
  sendParent,
  sendTo,
  setup,
  stateIn,
  type AnyActorLogic,
  type EventObject,
} from 'xstate';
import { sparing } from '../../machines/runtime/actor.js';

/** A little of everything: regions, reentry, eventless steps, raised and delayed events, children of both kinds, endings. */
export const motley = (note: (word: string) => void): AnyActorLogic => {
  const kid = setup({ types: { events: {} as { type: 'say' | 'end' }, input: {} as { name: string } } }).createMachine({
    context: ({ input }) => ({ name: input.name }),
    initial: 'well',
    states: {
      well: {
        entry: () => note('kid begins'),
        after: { 30: 'over' },
        on: { say: { actions: [() => note('kid hears'), sendParent({ type: 'kid.said' })] }, end: 'over' },
      },
      over: { type: 'final' },
    },
    output: ({ context }) => context.name,
  });
  const call = fromCallback<EventObject, { n: number }>(({ input, sendBack, receive }) => {
    note(`call begins ${input.n}`);
    receive(() => sendBack({ type: 'up' }));
    return () => note('call ends');
  });
  return setup({
    types: {
      context: {} as { n: number; words: string },
      events: {} as { type: string; by?: number },
      tags: {} as 'hot' | 'cold',
    },
    actors: { kid: sparing(kid), call },
    actions: {
      note: (_, { word }: { word: string }) => note(word),
      count: assign({ n: ({ context, event }) => context.n + (event.by ?? 1) }),
      shout: assign(({ context }, { word }: { word: string }) => ({ words: (context.words + word).slice(-12) })),
      break: ({ context }) => {
        if (context.n > 25) throw new Error('too many');
      },
    },
    guards: { isOdd: ({ context }) => context.n % 2 === 1, isMany: ({ context }, { max }: { max: number }) => context.n > max },
    delays: { soon: 10, later: ({ context }) => 20 + (context.n % 3) },
  }).createMachine({
    id: 'motley',
    context: { n: 0, words: '' },
    options: { maxIterations: 100 },
    type: 'parallel',
    entry: { type: 'note', params: { word: 'born' } },
    on: {
      'any.*': { actions: { type: 'shout', params: { word: 'w' } } },
      stop: { guard: { type: 'isMany', params: { max: 30 } }, target: '.end.over' },
    },
    states: {
      walk: {
        initial: 'left',
        on: { home: { target: '.left', reenter: true }, 'any.move': '.right' },
        exit: { type: 'note', params: { word: 'walk exits' } },
        states: {
          left: {
            tags: 'cold',
            entry: 'count',
            exit: { type: 'note', params: { word: 'left exits' } },
            on: { go: { guard: 'isOdd', target: 'right' }, up: 'dizzy' },
            after: { soon: 'right' },
          },
          right: {
            tags: 'hot',
            initial: 'near',
            exit: { type: 'shout', params: { word: 'x' } },
            on: { go: '#motley.walk.left', self: { target: '.far', reenter: true }, same: { target: '.far' } },
            states: {
              near: { on: { go: 'far' }, after: { later: { target: 'far', actions: 'count' } } },
              far: {
                entry: raise({ type: 'raised' }),
                exit: { type: 'note', params: { word: 'far exits' } },
                on: { up: '#motley.walk.turn' },
              },
            },
          },
          dizzy: { always: 'turn' },
          turn: {
            always: [
              { guard: and(['isOdd', not('isOdd')]), target: 'right' },
              { guard: 'isOdd', target: 'left' },
              { target: 'right.far' },
            ],
          },
        },
      },
      talk: {
        initial: 'silent',
        states: {
          silent: {
            on: {
              go: 'busy',
              raised: { actions: 'count' },
              ask: { actions: raise({ type: 'late' }, { delay: 15, id: 'late' }) },
              late: 'busy',
            },
          },
          busy: {
            invoke: [
              {
                src: 'kid',
                id: 'kid',
                input: ({ context }) => ({ name: `kid ${context.n}` }),
                onDone: { target: 'silent', actions: 'count' },
              },
              { src: 'call', id: 'call', input: ({ context }) => ({ n: context.n }) },
            ],
            entry: sendTo('kid', { type: 'say' }),
            on: {
              ask: { actions: sendTo('kid', { type: 'say' }) },
              ring: { actions: sendTo('call', { type: 'ring' }) },
              'kid.said': { actions: 'count' },
              up: { guard: stateIn('#motley.walk.left'), actions: 'break' },
              again: { target: 'busy', reenter: true },
            },
          },
        },
      },
      end: { initial: 'not', states: { not: { on: { finish: { guard: 'isOdd', target: 'over' } } }, over: { type: 'final' } } },
      rest: {
        initial: 'not',
        states: { not: { on: { finish: 'over' } }, over: { type: 'final', entry: 'count' } },
        onDone: { actions: 'count' },
      },
    },
  });
};

/** What ends: by a final state below, with output; or by a defect. */
export const mortal = (note: (word: string) => void): AnyActorLogic =>
  setup({
    types: { context: {} as { n: number }, events: {} as { type: string } },
    actions: {
      count: assign({ n: ({ context }) => context.n + 1 }),
      fail: () => {
        throw new Error('on request');
      },
    },
  }).createMachine({
    context: { n: 0 },
    initial: 'work',
    output: ({ context, event }) => ({ n: context.n, type: event.type }),
    states: {
      work: {
        type: 'parallel',
        states: {
          a: { initial: 'on', states: { on: { on: { a: 'off' } }, off: { type: 'final' } }, exit: () => note('a exits') },
          b: { initial: 'on', states: { on: { on: { b: 'off', both: 'off' } }, off: { type: 'final' } } },
        },
        onDone: 'last',
        on: { fail: { actions: 'fail' }, count: { actions: 'count' } },
      },
      last: { on: { end: 'over', fail: 'broken' }, exit: () => note('last exits') },
      over: { type: 'final', entry: 'count', exit: () => note('over exits') },
      broken: { entry: 'fail' },
    },
  });
