import {
  and,
  assign,
  createActor,
  fromCallback,
  fromTransition,
  not,
  raise,
  sendParent,
  sendTo,
  setup,
  stateIn,
  type AnyActorLogic,
  type AnyActorRef,
  type AnyEventObject,
  type AnyMachineSnapshot,
  type AnyStateMachine,
  type EventObject,
  type InspectionEvent,
} from 'xstate';
import { connectionMachine } from '../../machines/connection/connection.machine.js';
import { Chart } from '../../machines/lean/chart.js';
import { Places, type Transition } from '../../machines/lean/plan.js';
import { swift } from '../../machines/lean/swift.js';
import { LeanActor, sparing } from '../../machines/lean/actor.js';
import { installScheduler } from '../../machines/hub/scheduler.js';
import { resumeMachine } from '../../machines/resume/resume.machine.js';
import { RESUME_LIMITS } from '../../machines/resume/resume.timing.js';
import { SimClock } from '../sim/clock.js';
import { SeededRandom } from '../sim/random.js';

/** Everything that an observer can see of one actor and those below it, in order. */
interface Life {
  readonly actor: AnyActorRef;
  readonly clock: SimClock;
  readonly seen: string[];
  readonly pending: () => number;
}

type Make = (logic: AnyActorLogic, parent: AnyActorRef, input: unknown) => AnyActorRef;
const fat: Make = (logic, parent, input) => createActor<AnyActorLogic>(logic, { id: 'it', parent, input });
const lean: Make = (logic, parent, input) => new LeanActor(logic, { id: 'it', src: 'it', parent, input });

function live(make: Make, logicOf: (note: (word: string) => void) => AnyActorLogic, input: unknown = {}): Life {
  const clock = new SimClock();
  const seen: string[] = [];
  const parent = createActor(
    fromTransition((state: object, event: EventObject & { output?: unknown; error?: unknown }) => {
      const { type, output, error } = event;
      seen.push(`parent hears ${type} ${JSON.stringify({ output, error: error instanceof Error ? error.message : error })}`);
      return state;
    }, {}),
    { clock, inspect: (event) => seen.push(...told(event)) },
  );
  const timers = installScheduler(parent, clock);
  parent.start();
  const actor = make(
    logicOf((word) => seen.push(word)),
    parent,
    input,
  );
  actor.subscribe({
    next: (snapshot: AnyMachineSnapshot) => void seen.push(`next ${JSON.stringify(snapshot.value)} ${snapshot.status}`),
    error: (error: unknown) => void seen.push(`error ${(error as Error).message}`),
    complete: () => void seen.push('complete'),
  });
  actor.start();
  return { actor, clock, seen, pending: () => timers.pending };
}

/** Steps and the house's own actions; that a child was spawned is seen by what it does. */
function told(event: InspectionEvent): string[] {
  if (event.type === '@xstate.microstep') {
    const { value, context, status } = event.snapshot as AnyMachineSnapshot;
    return [`step ${event.event.type}: ${JSON.stringify(value)} ${JSON.stringify(plain(context))} ${status}`];
  }
  if (event.type === '@xstate.action') return event.action.type.startsWith('xstate.') ? [] : [`action ${event.action.type}`];
  return [];
}

const plain = (context: object): object =>
  Object.fromEntries(Object.entries(context).filter(([, value]) => value === null || typeof value !== 'object'));

function stateOf({ actor, clock, pending }: Life): object {
  const { status, value, tags, children, output } = actor.getSnapshot() as AnyMachineSnapshot;
  const ids = Object.entries(children as Record<string, AnyActorRef>).map(
    ([id, child]) => `${id} ${(child.getSnapshot() as { status: string }).status}`,
  );
  return { status, value, tags: [...tags].sort(), ids, output: output as unknown, pending: pending(), now: clock.now() };
}

/** Both get the same events at the same times; whatever can be seen must be the same. */
function compare(
  seed: number,
  logicOf: Parameters<typeof live>[1],
  events: readonly AnyEventObject[],
  input?: unknown,
  make = lean,
): string[] {
  const random = new SeededRandom(seed);
  const [reference, candidate] = [live(fat, logicOf, input), live(make, logicOf, input)];
  const done: string[] = [];
  for (let n = 0; n < 40; n++) {
    const event = random.chance(0.2) ? undefined : random.pick(events);
    const ms = random.int(40);
    for (const { actor, clock } of [reference, candidate]) {
      if (event === undefined) clock.advance(ms);
      else actor.send(event);
    }
    done.push(event?.type ?? `${ms} ms`);
    expect({ seed, done, state: stateOf(candidate), seen: candidate.seen }).toEqual({
      seed,
      done,
      state: stateOf(reference),
      seen: reference.seen,
    });
  }
  return candidate.seen;
}

/** A little of everything: regions, reentry, eventless steps, raised and delayed events, children of both kinds, endings. */
const motley = (note: (word: string) => void): AnyActorLogic => {
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
const mortal = (note: (word: string) => void): AnyActorLogic =>
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

const names = (...types: string[]): AnyEventObject[] => types.map((type) => ({ type }));

describe('a lean actor', () => {
  test('is told from XState’s own by nothing that can be seen, whatever happens to a chart of every kind of state', () => {
    const events = names(
      'go',
      'go',
      'home',
      'self',
      'same',
      'up',
      'ask',
      'ring',
      'again',
      'finish',
      'stop',
      'any.move',
      'any.thing',
      'none',
    );
    expect(Chart.of(motley(() => undefined) as never)).toBeInstanceOf(Chart); // Undefined would be: left to XState.
    const seen = new Set<string>();
    for (let seed = 1; seed <= 150; seed++) for (const line of compare(seed, motley, events)) seen.add(line.split(' ')[0]!);
    expect([...seen].sort()).toEqual(expect.arrayContaining(['action', 'call', 'kid', 'next', 'step', 'walk']));
  });

  test('ends, breaks and exits as XState’s own', () => {
    expect(Chart.of(mortal(() => undefined) as never)).toBeInstanceOf(Chart);
    const seen: string[] = [];
    for (let seed = 1; seed <= 100; seed++)
      seen.push(...compare(seed, mortal, names('a', 'b', 'both', 'count', 'end', 'fail', 'count')));
    expect(seen.some((line) => line.startsWith('parent hears xstate.done.actor.it'))).toBe(true);
    expect(seen.some((line) => line.startsWith('parent hears xstate.error.actor.it'))).toBe(true);
  });

  test('carries the house’s connection chart as XState does', () => {
    const protocol = fromCallback<EventObject>(() => undefined);
    const logicOf = (): AnyActorLogic => connectionMachine.provide({ actors: { protocol: protocol as never } });
    const opener = (): (() => void) => () => undefined;
    const port = {
      grantDesk: () => () => undefined,
      begin: () => ({}),
      report: () => undefined,
      ended: () => undefined,
      rested: () => undefined,
      lost: () => undefined,
      resumed: () => undefined,
      isDuplicate: () => false,
      identified: () => undefined,
      yielded: () => undefined,
    };
    const closing = { code: 'closed', side: 'local', reason: '', retry: true };
    const events: AnyEventObject[] = [
      ...names('connect', 'cancel', 'handshake.started', 'trust.established', 'pin.requested', 'handshake.completed'),
      ...names('session.lost', 'session.resumed', 'accept', 'deny', 'probe', 'redial.given-up', 'pairing.requested'),
      { type: 'offered', opener, isTrusted: true },
      { type: 'offered', opener, isTrusted: false },
      { type: 'redial.granted', opener },
      { type: 'close', now: false, reason: 'closed' },
      { type: 'abort', closing },
      { type: 'xstate.done.actor.protocol', output: { closing } },
      { type: 'xstate.error.actor.protocol', error: new Error('a defect') },
    ];
    expect(Chart.of(connectionMachine)).toBeInstanceOf(Chart);
    for (let seed = 1; seed <= 150; seed++) {
      compare(seed, logicOf, events, { port: { ...port, mayRetry: () => seed % 2 === 0 } });
    }
  });

  test('carries the house’s resume chart as XState does', () => {
    const plane = {
      ...{ greet() {}, listen() {}, open() {}, drain() {}, goodbye() {}, announceDrain() {}, probe() {} },
      ...{
        limits: { ...RESUME_LIMITS, greetingTimeoutMs: 60, handshakeTimeoutMs: 90, closeGraceMs: 50 },
        windowMs: 120,
        isHeard: true,
      },
      ...{ acknowledged: 0, stats: { received: 0 } },
    };
    const pump = { bind() {}, flush() {}, stop() {}, attach() {}, plane };
    const opener = () => () => undefined;
    const clock = { now: () => 5 };
    const events: AnyEventObject[] = [
      ...names(
        'wire.opened',
        'wire.opened',
        'peer.greeted',
        'peer.greeted',
        'session.born',
        'session.born',
        'log.drained',
        'wire.silent',
      ),
      ...names('goodbye.acknowledged', 'probe', 'unheard.of'),
      { type: 'wire.closed', cause: { kind: 'reset' } },
      { type: 'wire.spoilt', code: 'malformed' },
      { type: 'wire.offered', opener },
      { type: 'redial.granted', opener },
      { type: 'close', now: false, reason: 'closed' },
      { type: 'peer.goodbye', code: 'closed' },
      { type: 'peer.draining', afterMs: 5 },
    ];
    expect(Chart.of(resumeMachine)).toBeInstanceOf(Chart);
    for (let seed = 1; seed <= 300; seed++) {
      const role = seed % 2 === 0 ? 'dialer' : 'acceptor';
      compare(seed, () => resumeMachine, events, { role, pump, clock, desk: () => () => undefined, opener });
    }
  });

  test('leaves a chart with history to XState, and carries it all the same', () => {
    const logicOf = (): AnyActorLogic =>
      setup({ types: { events: {} as { type: string } } }).createMachine({
        initial: 'in',
        states: {
          in: {
            initial: 'a',
            states: { a: { on: { go: 'b' } }, b: { on: { go: 'a' } }, was: { type: 'history' } },
            on: { out: 'out' },
          },
          out: { on: { back: 'in.was' } },
        },
      });
    expect(Chart.of(logicOf() as never)).toBeUndefined();
    for (let seed = 1; seed <= 20; seed++) compare(seed, logicOf, names('go', 'out', 'back'));
  });
});

describe('plans', () => {
  test('are made once, those of transitions that exclude each other too', () => {
    const place = new Places(resumeMachine).beginning().next;
    const both = (place.selector('wire.closed')?.inner ?? []).flatMap(function all(each): readonly Transition[] {
      return [...each.own, ...each.inner.flatMap(all)];
    });
    expect(both).toHaveLength(2); // Unborn, it ends; linked, it is apart.
    const plan = place.plan(both);
    expect(plan.transitions).toHaveLength(1);
    expect(place.plan([...both])).toBe(plan);
    for (const each of both) expect(place.plan([each])).toBe(place.plan([each]));
  });

  test('and the configurations they lead to are one object each', () => {
    const places = new Places(resumeMachine);
    expect(places.beginning().next).toBe(places.beginning().next);
  });
});

test('XState’s own actor goes by plans as it goes without', () => {
  const quick: Make = (logic, parent, input) => fat(swift(logic as AnyStateMachine), parent, input);
  for (let seed = 1; seed <= 60; seed++)
    compare(seed, motley, names('go', 'home', 'self', 'up', 'ask', 'ring', 'again', 'finish', 'any.move'), {}, quick);
});
