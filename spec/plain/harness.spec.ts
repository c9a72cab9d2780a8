import { assign, createActor, fromCallback, sendTo, setup, type AnyStateMachine } from 'xstate';
import { parent } from '../../machines/protocol.setup.js';
import { CompactActor } from '../../machines/runtime/actor.js';
import { Recorder } from './record.js';
import { replay } from './replay.js';

/** The world beside a chart: it changes, and no event says so. */
class Table {
  #count = 0;
  readonly name: string = 'a table';
  add(): number {
    return ++this.#count;
  }
  get count(): number {
    return this.#count;
  }
  toJSON(): string {
    return this.name;
  }
}

type Kind = 'pure' | 'guard' | 'assign' | 'action' | 'constant';

/** A chart that counts; `kind` says which of its parts reaches for the table, or changes the context in place. */
function counter(kind: Kind): AnyStateMachine {
  return setup({
    types: {
      context: {} as { table: Table; count: number; seen: { last: number } },
      events: {} as { type: 'add'; at: number } | { type: 'child.came' },
      input: {} as { table: Table },
    },
    actors: { child: fromCallback(() => undefined) },
    actions: {
      touch: ({ context }) => {
        context.table.add();
        if (kind === 'action') context.seen.last++;
      },
      count: assign({
        count: ({ context, event }) => {
          if (kind === 'assign') return context.table.count;
          if (kind === 'constant') return context.count + context.table.name.length;
          return context.count + (event.type === 'add' ? event.at : 0);
        },
      }),
    },
    guards: { isMany: ({ context }) => (kind === 'guard' ? context.table.count >= 3 : context.count >= 3) },
  }).createMachine({
    id: 'counter',
    context: ({ input: { table } }) => ({ table, count: 0, seen: { last: 0 } }),
    invoke: { src: 'child', id: 'child' },
    initial: 'few',
    states: {
      few: { always: { guard: 'isMany', target: 'many' }, on: { add: { actions: ['count', 'touch'] } } },
      many: { on: { add: { actions: ['count', 'touch', sendTo(parent, { type: 'child.came' })] } }, after: { 50: 'over' } },
      over: { type: 'final' },
    },
  });
}

function recorded(kind: Kind): Recorder {
  const recorder = new Recorder((name) => name === 'counter');
  const above = createActor(setup({}).createMachine({}));
  recorder.watch(above);
  above.start();
  const logic = counter(kind);
  const actor = new CompactActor(logic, { id: 'it', src: 'counter', parent: above, input: { table: new Table() } });
  actor.start();
  for (let at = 1; at <= 4; at++) actor.send({ type: 'add', at } as never);
  return recorder;
}

const only = (kind: Kind): Parameters<typeof replay>[0] => [...recorded(kind).runs.values()][0]!;

describe('replay: a chart whose next state depends on its context and its events alone', () => {
  test('gives the same snapshots again', () => {
    expect(only('pure').steps.map(({ event }) => event.type)).toEqual(['xstate.init', 'add', 'add', 'add', 'add']);
    expect(replay(only('pure'))).toBeUndefined();
    expect(replay(only('pure'), { isStrict: true })).toBeUndefined();
  });

  test.each([
    ['guard', 'a guard that reads a live table', 'event 0'],
    ['assign', 'an assignment that reads a live table', 'event 1'],
    ['action', 'an action that changes the context in place', 'event 1'],
  ] as const)('turns red for %s: %s', (kind, _, where) => {
    const difference = replay(only(kind));
    if (kind === 'guard') expect(difference).toContain('few'); // The table had grown by the time of the replay.
    expect(difference).toContain(kind === 'guard' ? 'counter' : where);
  });

  test('turns red, strictly, for an assignment that reads what happens to stay the same', () => {
    expect(replay(only('constant'))).toBeUndefined();
    expect(replay(only('constant'), { isStrict: true })).toContain('the chart reads `name` of Table');
  });
});

describe('plain data: a snapshot', () => {
  function faultsOf(context: object, secret?: Uint8Array): readonly string[] {
    const recorder = new Recorder();
    if (secret !== undefined) recorder.keepSecret(secret);
    const actor = createActor(setup({}).createMachine({ id: 'keeper', context: context as never }));
    recorder.watch(actor);
    actor.start();
    return recorder.faults;
  }
  const secret = Uint8Array.from({ length: 32 }, (_, i) => 200 - i);
  const circle: { self?: object } = {};
  circle.self = circle;

  test('that is small and without secrets is well', () => {
    expect(faultsOf({ id: 'a', count: 1, table: new Table() }, secret)).toEqual([]);
  });

  test.each([
    ['a circle', { circle }, "can't be written"],
    ['too much', { text: 'ä'.repeat(2100) }, 'takes 42'],
    ['a function, which JSON drops', { deep: [{ act: () => 1 }] }, 'context.deep.0.act is a function'],
    ['a symbol', { mark: Symbol('a') }, 'context.mark is a symbol'],
    ['a Map, which JSON empties', { table: new Map([[1, 2]]) }, 'context.table is a Map'],
    ['a Date, which comes back as a text', { at: new Date(0) }, 'context.at is a Date'],
    ['a number without end', { limitMs: Infinity }, 'context.limitMs is Infinity'],
    ['an instance that does not describe itself', { error: new TypeError('x') }, 'context.error is a TypeError'],
    ['bytes', { bytes: Uint8Array.of(1, 2, 3) }, 'holds bytes'],
    ['a Buffer', { bytes: Buffer.from('abc') }, 'holds bytes'],
    ['a secret as hexadecimal digits', { token: Buffer.from(secret).toString('hex') }, 'holds the secret'],
    ['a secret in base 64', { token: Buffer.from(secret).toString('base64') }, 'holds the secret'],
    ['a secret as a list of numbers', { token: [...secret] }, 'holds the secret'],
    ['a private key', { pem: '-----BEGIN PRIVATE KEY-----' }, 'holds bytes'],
  ])('with %s is a fault', (_, context, words) => {
    expect(faultsOf(context, secret).join('\n')).toContain(words);
  });
});
