import { setup } from 'xstate';
import { graphOf } from '../../visualizer/graph.js';
import { galleryOf } from '../../visualizer/gallery.js';
import { VIEW_WIDTH_MAX, viewsOf } from '../../visualizer/views.js';
import { durationText } from '../../visualizer/words.js';

const words = 'alpha bravo charlie delta echo foxtrot golf hotel india juliet kilo lima'.split(' ');

/** Wide on purpose: from one of a dozen inner states one goes to each of the others, and from all of them to the same state. */
const wide = setup({
  types: { meta: {} as { delays?: object } },
  delays: { grace: 60_000, own: ({ event }) => event.type.length },
}).createMachine({
  id: 'wide',
  meta: { delays: { own: 'as long as it takes' } },
  initial: 'outer',
  states: {
    outer: {
      initial: 'alpha',
      on: { stop: 'over' },
      states: Object.fromEntries(
        words.map((word, i) => [
          word,
          {
            on: {
              ...(i === 0 && Object.fromEntries(words.slice(1).map((each) => [`choose-the-one-called-${each}`, each]))),
              broken: '#wide.over',
            },
            after: { grace: words[0]!, own: words[1]! },
          },
        ]),
      ),
    },
    over: { type: 'final' },
  },
});

describe('visualizer/views: views of a chart', () => {
  const graph = graphOf(wide);

  test('a state that makes the picture too wide is closed, and drawn open in a view of its own', async () => {
    const views = await viewsOf(graph);
    expect(views.map(({ of, closed }) => ({ of, closed }))).toEqual([
      { of: 'wide', closed: ['wide.outer'] },
      { of: 'wide.outer', closed: [] },
    ]);
    const [whole, outer] = views;
    expect(whole!.layout.width).toBeLessThanOrEqual(VIEW_WIDTH_MAX);
    expect(whole!.layout.states.map(({ title }) => title)).toEqual(['outer ▸ 12 states', 'over']);
    expect(outer!.layout.states.map(({ vertex }) => vertex.key)).toEqual(['outer', ...words]);
  });

  test('every state is in some view, and every transition an arrow, a line in its state, or an exit', async () => {
    const views = await viewsOf(graph);
    const shown = new Set(views.flatMap(({ layout }) => layout.states.map(({ vertex }) => vertex.id)));
    expect(graph.vertices.filter(({ id }) => id !== 'wide' && !shown.has(id))).toEqual([]);
    const told = views.flatMap(({ layout, exits }) => [
      ...layout.arrows.map(({ arrow }) => arrow?.trigger.replace(/\n/g, ' ') ?? ''),
      ...layout.states.flatMap(({ lines }) => lines.join(' ')),
      ...exits.map(({ trigger }) => trigger),
    ]);
    expect(graph.edges.filter(({ event }) => !told.some((text) => text.includes(event)))).toEqual([]);
  });

  test('what many states have in common, and what leaves a view, is an exit with all its beginnings', async () => {
    const [, outer] = await viewsOf(graph);
    const inner = words.map((word) => `wide.outer.${word}`);
    expect(outer!.exits).toContainEqual({ from: inner, trigger: 'broken', to: ['wide.over'], actions: [] });
    expect(outer!.exits).toContainEqual({ from: ['wide.outer'], trigger: 'stop', to: ['wide.over'], actions: [] });
    expect(outer!.exits).toContainEqual(expect.objectContaining({ from: inner, trigger: 'after grace', to: [inner[0]] }));
    expect(outer!.layout.arrows.some(({ arrow }) => arrow?.trigger.includes('after grace'))).toBe(false);
  });

  test('a small chart is one view', async () => {
    const small = setup({}).createMachine({
      id: 's',
      initial: 'a',
      states: { a: { initial: 'b', states: { b: {} }, on: { go: 'c' } }, c: {} },
    });
    expect((await viewsOf(graphOf(small))).map(({ of, closed }) => [of, closed])).toEqual([['s', []]]);
  });
});

test('visualizer/views: the gallery shows every view, the exits, and the defaults of delays', async () => {
  const files = await galleryOf([graphOf(wide)]);
  expect([...files.keys()]).toEqual(['wide.svg', 'wide.outer.svg', 'README.md']);
  const page = files.get('README.md')!;
  expect(page).toContain('![wide.outer](wide.outer.svg)');
  expect(page).toContain('| after grace (60 s) |');
  expect(page).toContain('| own | as long as it takes |');
  expect(page).toContain('| grace | 60 s |');
});

test.each([
  [0, '0 ms'],
  [999, '999 ms'],
  [1500, '1.5 s'],
  [60_000, '60 s'],
  [90_000, '90 s'],
  [120_000, '2 min'],
  ['by chance', 'by chance'],
])('visualizer/views: a delay of %j reads as %s', (delay, text) => {
  expect(durationText(delay)).toBe(text);
});
