import { and, assign, createMachine, enqueueActions, fromPromise, not, raise, setup } from 'xstate';
import * as machines from '../../machines/index.js';
import { chartsOf } from '../../visualizer/draw.js';
import { graphOf } from '../../visualizer/graph.js';
import { sampleMachine } from '../visualizer/sample.js';
import { explore, freeModel, pathText, Subject, walkPath, type Coverage } from './index.js';
import { interpreters } from './interpreters.js';

/**
 * Transitions that no order of events, timers and answers of guards ever takes, and why they are in their charts
 * nevertheless. One that joins this list by accident is a mistake in its chart.
 */
const NEVER: Readonly<Record<string, readonly string[]>> = {};

const charts = { ...chartsOf(machines), sample: sampleMachine };

describe.each(Object.entries(charts))('model/free: the chart %s', (name, machine) => {
  const model = freeModel(machine);
  const { coverage, paths, graph } = explore(model);

  test('can go everywhere it says, whatever its guards will answer', () => {
    expect({ never: coverage.neverTaken, neverIn: coverage.neverEntered }).toEqual({ never: NEVER[name] ?? [], neverIn: [] });
    expect(coverage.transitions.of).toBe(graph.edges.length);
  });

  test.each(Object.entries(interpreters))('is walked alike by %s', (_, make) => {
    const subject = new Subject(model);
    for (const path of paths) expect(walkPath(subject, path, undefined, make)).toEqual(path);
  });
});

describe('model/free: a chart that is wrong is found out', () => {
  const coverageOf = (machine: Parameters<typeof freeModel>[0]): Coverage => explore(freeModel(machine)).coverage;

  test('by a state that nothing leads to, and a transition behind one that always wins', () => {
    const machine = createMachine({
      id: 'm',
      initial: 'a',
      states: { a: { on: { go: [{ target: 'b' }, { target: 'c' }] } }, b: {}, c: {} },
    });
    const coverage = coverageOf(machine);
    expect(coverage.neverTaken).toEqual(['a: go → c']);
    expect(coverage.neverEntered).toEqual(['m.c']);
    expect(String(coverage)).toBe('m: 1 of 2 transitions, 3 of 4 states');
  });

  test('by an interpreter that does not do what the drawing says', () => {
    const machine = createMachine({ id: 'm', initial: 'a', states: { a: { on: { go: 'b' } }, b: { on: { back: 'a' } } } });
    const model = freeModel(machine);
    const [path] = explore(model).paths;
    // It takes `b` for the beginning: as wrong as a forgotten entry.
    const astray = machine.root.states['b']!;
    expect(() =>
      walkPath(new Subject(model), path!, undefined, (each, parent, input) => {
        const beginning = each.root.initial.target as unknown[];
        beginning.splice(0, 1, each.root.states[astray.key]);
        return interpreters.xstate(each, parent, input);
      }),
    ).toThrow('in world "free": the states after the start are m | m.b, where the chart says m | m.a');
  });

  test('by a loop without an end', () => {
    const machine = setup({ guards: { isSure: () => true } }).createMachine({
      id: 'm',
      options: { maxIterations: 20 },
      initial: 'a',
      states: { a: { always: { guard: 'isSure', target: 'b' } }, b: { always: 'a' } },
    });
    expect(() => explore({ ...freeModel(machine), guards: 'real' })).toThrow('Infinite loop detected');
  });
});

describe('freeModel: what is written in place is replaced', () => {
  const calls: string[] = [];
  const call = (name: string) => (): boolean => (calls.push(name), false);
  interface Data {
    readonly user: { readonly name: string };
  }
  const machine = createMachine({
    id: 'm',
    context: (): Data => ({ user: { name: call('context')() ? 'x' : 'y' } }),
    initial: 'a',
    entry: ({ context }) => calls.push((context as Data).user.name),
    states: {
      a: {
        entry: [
          assign({ user: ({ context }) => ({ name: (context as Data).user.name.toUpperCase() }) }),
          raise({ type: 'raised' }),
        ],
        invoke: {
          src: fromPromise(() => Promise.resolve(calls.push('service'))),
          input: ({ context }) => (context as Data).user.name,
          onDone: { guard: ({ event }) => (event.output as number) > 0, target: 'b' },
          onError: { target: 'c' },
        },
        on: {
          raised: { actions: call('raised') },
          go: [
            { guard: ({ context }) => (context as Data).user.name === 'bob', target: 'b' },
            { guard: and([not(call('not')), ({ context }) => (context as Data).user.name === 'al']), target: 'c' },
            {
              guard: function isLast(): boolean {
                return call('isLast')();
              },
              target: 'd',
            },
          ],
        },
        after: { 60_000: { guard: call('after'), target: 'd', actions: enqueueActions(() => void calls.push('enqueued')) } },
      },
      b: { always: { guard: call('always'), target: 'd' }, exit: () => calls.push('exit'), on: { go: 'a' } },
      c: {
        type: 'parallel',
        onDone: 'd',
        states: { left: { initial: 'x', states: { x: { on: { go: 'y' } }, y: { type: 'final' } } } },
      },
      d: { type: 'final', output: call('output') },
    },
  });

  test('no function of the machine is called, and both answers of every guard are tried', () => {
    const { coverage } = explore(freeModel(machine));
    expect({ calls, never: coverage.neverTaken, neverIn: coverage.neverEntered }).toEqual({ calls: [], never: [], neverIn: [] });
    expect(coverage.transitions.of).toBe(graphOf(machine).edges.length);
  });

  test('guards have names that tell them apart, those of their functions where they have some', () => {
    const guards = graphOf(freeModel(machine).machine).edges.flatMap(({ guard }) => guard ?? []);
    expect(guards).toEqual(['inline-2', '!inline-3 && inline-4', 'isLast', 'inline', 'inline-5', 'inline-6']);
  });
});

test('model/free: a path reads as a sentence, with the answers of its guards', () => {
  const { paths } = explore(freeModel(machines.connectionMachine));
  expect(paths.slice(0, 3).map(pathText)).toEqual([
    'free, connect, redial.permitted, crossed',
    'free, offered (yes), trust.established, pin.requested, handshake.completed',
    'free, offered (yes), trust.established, handshake.completed, cancel',
  ]);
});
