import { setup } from 'xstate';
import { graphOf } from '../../visualizer/graph.js';
import { layoutOf, type Place } from '../../visualizer/layout.js';
import { sketchOf } from '../../visualizer/sketch.js';
import { svgOf } from '../../visualizer/svg.js';
import { sampleMachine } from './sample.js';

const graph = graphOf(sampleMachine);
const valuesOf = (svg: string, attribute: string): readonly string[] =>
  [...svg.matchAll(new RegExp(` ${attribute}="([^"]*)"`, 'g'))].map((match) => match[1]!);

describe('visualizer/svg: a chart as a picture', () => {
  test('has a group for each state and for each arrow, under the names of the chart', async () => {
    const svg = await svgOf(graph);
    expect(valuesOf(svg, 'data-state')).toEqual(graph.vertices.map(({ id }) => id));
    const { arrows } = sketchOf(graph);
    expect(valuesOf(svg, 'data-from')).toEqual(arrows.map(({ from }) => from));
    expect(valuesOf(svg, 'data-to')).toEqual(arrows.map(({ to }) => to));
    expect(valuesOf(svg, 'data-trigger')).toContain('always [isFull &amp;&amp; !isReady]');
    expect(svg).toContain('<title>Nothing is asked for yet.</title>');
  });

  test('is the same however often it is drawn', async () => {
    expect(await svgOf(graph)).toBe(await svgOf(graph));
  });

  test('every state lies inside the state around it and beside its siblings; every arrow arrives', async () => {
    const { states, beginnings, arrows, width, height } = await layoutOf(sketchOf(graph));
    const whole: Place = { x: 0, y: 0, width, height };
    const placeOf = new Map(states.map((state) => [state.vertex.id, state]));
    for (const state of states) {
      const outer = state.vertex.parent === undefined ? whole : placeOf.get(state.vertex.parent)!;
      expect({ id: state.vertex.id, inside: contains(outer, state) }).toEqual({ id: state.vertex.id, inside: true });
      const siblings = states.filter(({ vertex }) => vertex.parent === state.vertex.parent && vertex.id !== state.vertex.id);
      expect(siblings.filter((sibling) => overlap(sibling, state)).map(({ vertex }) => vertex.id)).toEqual([]);
    }
    expect(beginnings).toHaveLength(graph.vertices.filter(({ type }) => type === 'compound').length);
    for (const { arrow, points, label } of arrows) {
      expect(points.length).toBeGreaterThan(1);
      expect(points.every(({ x, y }) => contains(whole, { x, y, width: 0, height: 0 }))).toBe(true);
      if (arrow === undefined) continue;
      expect(touches(placeOf.get(arrow.to)!, points.at(-1)!)).toBe(true);
      expect(touches(placeOf.get(arrow.from)!, points[0]!)).toBe(true);
      expect(label?.lines.join(' ')).toContain(arrow.trigger.split(' ')[0]);
    }
  });

  test('text is only text, whatever a chart calls its events', async () => {
    const machine = setup({}).createMachine({
      id: 'm',
      initial: '<script>',
      states: { '<script>': { on: { '"><b>&\u0000': 'b' } }, b: {} },
    });
    const svg = await svgOf(graphOf(machine));
    expect(svg).not.toMatch(/<script|<b>|\u0000/);
    expect(svg).toContain('data-trigger="&quot;&gt;&lt;b&gt;&amp;"');
    expect(svg).toContain('data-state="m.&lt;script&gt;"');
  });
});

test('visualizer/svg: without the layout package the error says which one it is and how to get it', async () => {
  jest.resetModules();
  jest.doMock('elkjs/lib/elk.bundled.js', () => {
    throw Object.assign(new Error('Cannot find module'), { code: 'MODULE_NOT_FOUND' });
  });
  const { svgOf: svgWithout } = await import('../../visualizer/svg.js');
  await expect(svgWithout(graph)).rejects.toThrow('"elkjs", which is not installed: npm install elkjs');
});

function contains(outer: Place, inner: Place): boolean {
  const { x, y, width, height } = inner;
  return x >= outer.x && y >= outer.y && x + width <= outer.x + outer.width + 0.2 && y + height <= outer.y + outer.height + 0.2;
}

function overlap(a: Place, b: Place): boolean {
  return a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height;
}

function touches({ x, y, width, height }: Place, point: { readonly x: number; readonly y: number }): boolean {
  return contains({ x: x - 0.2, y: y - 0.2, width: width + 0.4, height: height + 0.4 }, { ...point, width: 0, height: 0 });
}
