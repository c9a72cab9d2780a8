import {
  and,
  assign,
  emit,
  enqueueActions,
  fromCallback,
  fromTransition,
  log,
  not,
  raise,
  sendParent,
  sendTo,
  setup,
  spawnChild,
  stateIn,
  stopChild,
  type AnyActorLogic,
  type AnyActorRef,
  type EventObject,
} from 'xstate';

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
    actors: { kid: kid, call },
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

/** Every way to begin and to end a child, and the actions that the other charts have not: `emit`, `log`, `enqueueActions`. */
export const parental = (note: (word: string) => void): AnyActorLogic => {
  const kid = setup({ types: { input: {} as { name: string }, events: {} as { type: 'say' | 'end' } } }).createMachine({
    context: ({ input }) => ({ name: input.name }),
    initial: 'well',
    states: {
      well: { entry: ({ context }) => note(`${context.name} begins`), on: { say: 'said', end: 'over' } },
      said: { on: { end: 'over' } },
      over: { type: 'final' },
    },
    output: ({ context }) => context.name,
  });
  const pulse = fromTransition((count: number, event: { type: string }) => (event.type === 'beat' ? count + 1 : count), 0);
  return setup({
    types: {
      context: {} as { n: number; ref: AnyActorRef | undefined },
      events: {} as { type: string },
      emitted: {} as { type: 'word' | 'other'; n: number },
    },
    actors: { kid, pulse },
    actions: {
      count: assign({ n: ({ context }) => context.n + 1 }),
      spawnKid: spawnChild('kid', {
        id: ({ context }: { context: { n: number } }) => (context.n % 2 === 0 ? 'kid' : 'first'),
        input: ({ context }: { context: { n: number } }) => ({ name: `kid ${context.n}` }),
      } as never),
      spawnPulse: spawnChild('pulse', { id: 'pulse' }),
      spawnAssigned: assign({
        ref: ({ spawn, context }) => spawn('kid', { id: 'inContext', input: { name: `assigned ${context.n}` } }),
      }),
      spawnUnnamed: assign({ ref: ({ spawn }) => spawn('pulse') }),
      stopKid: stopChild('kid'),
      stopAssigned: stopChild(({ context }) => context.ref!),
      tellAll: enqueueActions(({ context, enqueue, check }) => {
        enqueue(() => note('enqueued'));
        if (check(() => context.n % 3 === 0)) enqueue.emit({ type: 'word', n: context.n });
        else enqueue.raise({ type: 'raised' });
        enqueue.assign({ n: ({ context: { n } }) => n + 1 });
      }),
      speak: emit(({ context }) => ({ type: 'other', n: context.n })),
      write: log(({ context }) => `n is ${context.n}`),
      note: (_, { word }: { word: string }) => note(word),
    },
  }).createMachine({
    context: ({ spawn }) => ({ n: 0, ref: spawn('kid', { id: 'inContext', input: { name: 'born' } }) }),
    entry: ['spawnPulse', 'stopKid'],
    initial: 'a',
    states: {
      a: {
        entry: ['spawnKid', { type: 'note', params: { word: 'a entered' } }],
        exit: 'stopKid',
        on: { go: 'b', same: { target: 'a', reenter: true } },
      },
      b: {
        invoke: [
          { src: 'kid', id: 'named', systemId: 'the one', input: { name: 'with a system id' } },
          { src: 'pulse', id: 'reported', onSnapshot: { actions: 'count' } },
        ],
        on: { go: 'a', again: { target: 'b', reenter: true }, beat: { actions: sendTo('reported', { type: 'beat' }) } },
      },
    },
    on: {
      tell: { actions: 'tellAll' },
      raised: { actions: ['count', 'speak', 'write'] },
      spawn: { actions: 'spawnKid' },
      assigned: { guard: ({ context }) => context.ref?.getSnapshot().status !== 'active', actions: 'spawnAssigned' },
      unnamed: { actions: 'spawnUnnamed' },
      stop: { actions: ['stopKid', 'count'] },
      stopAssigned: { actions: 'stopAssigned' },
      both: { actions: ['spawnKid', 'stopKid'] }, // Never started.
      say: { actions: sendTo(({ context }) => context.ref!, { type: 'say' }) },
      end: { actions: sendTo(({ context }) => context.ref!, { type: 'end' }) },
      'xstate.done.actor.*': { actions: 'count' },
    },
  });
};

/** Has a history state: XState's own interpreter runs it under both runtimes. */
export const historic = (note: (word: string) => void): AnyActorLogic =>
  setup({ types: { events: {} as { type: string } } }).createMachine({
    initial: 'in',
    states: {
      in: {
        initial: 'a',
        entry: () => note('in entered'),
        states: { a: { on: { go: 'b' } }, b: { on: { go: 'a' } }, was: { type: 'history' } },
        on: { out: 'out' },
      },
      out: { on: { back: 'in.was' }, after: { 25: 'in.was' } },
    },
  });

/** A supported chart whose child is not supported, and has a child itself. */
export const mixed = (note: (word: string) => void): AnyActorLogic =>
  setup({ types: { events: {} as { type: string } }, actors: { inner: historic(note) } }).createMachine({
    initial: 'on',
    states: {
      on: {
        invoke: { src: 'inner', id: 'inner' },
        on: {
          off: 'off',
          again: { target: 'on', reenter: true },
          go: { actions: sendTo('inner', { type: 'go' }) },
          out: { actions: sendTo('inner', { type: 'out' }) },
          back: { actions: sendTo('inner', { type: 'back' }) },
        },
      },
      off: { on: { on: 'on' } },
    },
  });
