import { setup, type AnyMachineSnapshot } from 'xstate';
import { explore, recordPath, WalkError, type Model, type PlayedWorld } from './index.js';
import { RecordingMemory } from '../../visualizer/index.js';
import { readRecording } from '../../visualizer/reader/index.js';

interface Counter extends PlayedWorld {
  count: number;
}

/** A switch that any number of presses turns; the world counts them up to three. */
const lamp = setup({}).createMachine({
  id: 'lamp',
  initial: 'off',
  states: { off: { on: { press: 'on' } }, on: { on: { press: 'off' } } },
});

const lampModel: Model<Counter> = {
  machine: lamp,
  worlds: { new: () => ({ count: 0 }) },
  samples: { press: (world) => (world.count++, { type: 'press' }) },
  facts: ({ count }) => Math.min(count, 3),
};

/** Planted: it holds in each state and after each transition, until the third press. */
const fault = ({ count }: Counter): void => {
  if (count === 3) throw new Error('the third press breaks it');
};

describe('explore: a check is asked in every situation', () => {
  test('a fault behind the last untaken transition is found', () => {
    expect(() => explore({ ...lampModel, check: fault })).toThrow(
      'in world "new", press, press, press: the third press breaks it',
    );
  });

  test('without a check it ends when every transition was taken; `exhaustive` decides otherwise', () => {
    expect(explore(lampModel).situations).toBe(3);
    expect(explore({ ...lampModel, check: () => {} }).situations).toBe(5);
    expect(explore(lampModel, { exhaustive: true }).situations).toBe(5);
    expect(explore({ ...lampModel, check: fault }, { exhaustive: false }).situations).toBe(3);
  });

  test('transitions named in `never` do not end it early either', () => {
    expect(() => explore({ ...lampModel, check: fault }, { never: ['on: press → off'] })).toThrow('the third press breaks it');
  });
});

describe('explore: a guard over data that no facts tell apart', () => {
  const counting = setup({
    types: { context: {} as { tries: number; names: readonly string[] }, events: {} as { type: 'try' } | { type: 'rest' } },
    guards: { isTired: ({ context }) => context.tries >= 3, isFresh: () => true },
  });
  const again = counting.assign({ tries: ({ context }) => Math.min(context.tries + 1, 5) });
  const machine = counting.createMachine({
    id: 'm',
    context: { tries: 0, names: [] },
    initial: 'trying',
    states: { trying: { on: { try: [{ guard: 'isTired', target: 'tired' }, { actions: again }] } }, tired: {} },
  });
  const model: Model<PlayedWorld> = { machine, worlds: { new: () => ({}) }, samples: { try: { type: 'try' } } };
  const tries = (_: PlayedWorld, { context }: AnyMachineSnapshot): unknown => (context as { tries: number }).tries;

  test('warns: it names the guard, the data and two values, and the transition is not found', () => {
    const heard: string[] = [];
    const { warnings, coverage } = explore(model, { warn: (warning) => heard.push(warning) });
    expect(coverage.neverTaken).toEqual(['trying: try [isTired] → tired']);
    expect(warnings).toEqual([
      expect.stringMatching(/^guard "isTired" reads context\.tries, which is 0 and 1 in "new trying active undefined"/),
    ]);
    expect(heard).toEqual(warnings);
  });

  test('facts silence the warning, and find the transition', () => {
    const { warnings, coverage } = explore({ ...model, facts: tries });
    expect(warnings).toEqual([]);
    expect(coverage.neverTaken).toEqual([]);
  });

  test.each([
    ['written in place', ({ context }: { context: { tries: number } }) => context.tries >= 3, '"inline" reads context.tries'],
    [
      'on the size of a list',
      ({ context }: { context: { names: readonly string[] } }) => context.names.length > 2,
      'context.names.length',
    ],
    [
      'on what is inside a list',
      ({ context }: { context: { names: readonly string[] } }) => context.names[0] === 'bob',
      'context.names.0',
    ],
  ])('a guard %s is seen', (_, guard, said) => {
    const grown = counting.assign({
      tries: ({ context }) => Math.min(context.tries + 1, 5),
      names: ({ context }) => [...context.names, 'alice'].slice(0, 4),
    });
    const inline = counting.createMachine({
      id: 'm',
      context: { tries: 0, names: [] },
      initial: 'trying',
      states: { trying: { on: { try: [{ guard, target: 'tired' }, { actions: grown }] } }, tired: {} },
    });
    const { warnings } = explore({ ...model, machine: inline }, { warn: () => {} });
    expect(warnings.some((warning) => warning.includes(said))).toBe(true);
  });

  test('data that changes and that no guard reads is no reason to warn', () => {
    const harmless = counting.createMachine({
      id: 'm',
      context: { tries: 0, names: [] },
      initial: 'trying',
      states: { trying: { on: { rest: { guard: 'isFresh', target: 'tired' }, try: { actions: again } } }, tired: {} },
    });
    expect(explore({ ...model, machine: harmless }, { warn: () => {} }).warnings).toEqual([]);
  });
});

test('explore: a failed exploration has its path, which can be recorded', () => {
  const model = { ...lampModel, check: fault };
  let path: WalkError['path'] | undefined;
  try {
    explore(model);
  } catch (error) {
    if (error instanceof WalkError) path = error.path;
  }
  const memory = new RecordingMemory();
  recordPath(model, path!, memory);
  const { header, lines } = readRecording(memory.text()).recording;
  expect(header.label).toBe('model: new');
  const taken = lines.flatMap((line) => (line.type === 'step' && line.to.length > 0 ? [[line.event.type, ...line.to]] : []));
  expect(taken).toEqual([
    ['xstate.init', 'lamp.off'],
    ['press', 'lamp.on'],
    ['press', 'lamp.off'],
    ['press', 'lamp.on'],
  ]);
});
