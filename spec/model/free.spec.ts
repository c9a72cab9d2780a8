import { createMachine, setup } from 'xstate';
import * as machines from '../../machines/index.js';
import { chartsOf } from '../../visualizer/draw.js';
import { sampleMachine } from '../visualizer/sample.js';
import { explore, freeModel, pathText, Subject, walkPath, type Coverage } from './index.js';
import { interpreters } from './interpreters.js';

/**
 * Transitions that no order of events, timers and answers of guards ever takes, and why they are in their charts
 * nevertheless. One that joins this list by accident is a mistake in its chart.
 */
const NEVER: Readonly<Record<string, readonly string[]>> = {
  connection: [
    // The table of the ten states has it: registered again → queued. A chart leaves this state in the very step that enters it,
    // so who registers again is heard one state later, in `resting`, and queued from there.
    'remoteDeniedTrust: connect → queued',
  ],
};

const charts = { ...chartsOf(machines), sample: sampleMachine };

describe.each(Object.entries(charts))('the chart %s', (name, machine) => {
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

describe('a chart that is wrong is found out', () => {
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

test('a path reads as a sentence, with the answers of its guards', () => {
  const { paths } = explore(freeModel(machines.hubMachine));
  expect(paths.slice(0, 3).map(pathText)).toEqual([
    'free, start, shutdown (yes, yes, yes)',
    'free, start, shutdown (yes, yes), desk.changed (yes)',
    'free, start, shutdown (yes, yes), after wiresTimeout',
  ]);
});
