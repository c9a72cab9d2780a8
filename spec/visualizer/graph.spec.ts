import { createMachine, fromPromise, not, or, setup, stateIn } from 'xstate';
import { childrenOf, graphOf } from '../../visualizer/graph.js';
import { wordsOf } from '../../visualizer/words.js';
import { sampleMachine } from './sample.js';

const graph = graphOf(sampleMachine);
const vertexOf = (id: string) => graph.vertices.find((vertex) => vertex.id === id);
const edgesOf = (from: string) =>
  graph.edges
    .filter((edge) => edge.from === from)
    .map(({ event, guard, to, actions }) => [event, guard, to.join(), actions.join()]);

describe('visualizer/graph: the graph of a chart', () => {
  test('has every state once, the machine first, each after the state around it', () => {
    expect(graph.vertices.map(({ id, type }) => `${id} ${type}`)).toEqual([
      'sample compound',
      'sample.idle atomic',
      'sample.busy parallel',
      'sample.busy.work compound',
      'sample.busy.work.asking atomic',
      'sample.busy.work.finished final',
      'sample.busy.work.recent history',
      'sample.busy.patience compound',
      'sample.busy.patience.held atomic',
      'sample.busy.patience.expiring atomic',
      'sample.busy.patience.over final',
      'sample.resting atomic',
      'sample.failed atomic',
      'sample.closed final',
    ]);
    expect(childrenOf(graph, 'sample.busy').map(({ key }) => key)).toEqual(['work', 'patience']);
  });

  test('tells of a state what it does, runs, is tagged with, enforces, and is called by the standard', () => {
    expect(vertexOf('sample.busy')).toMatchObject({
      ...{ parent: 'sample', initial: [], invoke: ['wire'], exit: ['closeGate'] },
      entry: ['openGate', 'tell(open)'],
    });
    expect(vertexOf('sample.idle')).toMatchObject({ rule: 'SMP-1', name: 'SME_STATE_IDLE' });
    expect(vertexOf('sample.idle')?.description).toBe('Nothing is asked for yet.');
    expect(vertexOf('sample.closed')?.tags).toEqual(['terminal']);
    expect(vertexOf('sample.busy.work')?.initial).toEqual(['sample.busy.work.asking']);
  });

  test('a history state says how much it remembers, and where one goes that has nothing to remember', () => {
    expect(vertexOf('sample.busy.work.recent')).toMatchObject({ history: 'shallow', initial: ['sample.busy.work.asking'] });
    const machine = setup({}).createMachine({
      ...{ id: 'h', initial: 'a' },
      states: {
        ...{ a: {}, b: { initial: 'c', states: { c: {}, d: {} } } },
        relative: { type: 'history', history: 'deep', target: 'b.d' },
        absolute: { type: 'history', target: '#h.a' },
      },
    });
    const found = graphOf(machine).vertices.filter(({ type }) => type === 'history');
    expect(found.map(({ key, history, initial }) => [key, history, initial])).toEqual([
      ['relative', 'deep', ['h.b.d']],
      ['absolute', 'shallow', ['h.a']],
    ]);
  });

  test('timers of `after` are edges with a named delay, and not actions as well', () => {
    const after = graph.edges.filter(({ delay }) => delay !== undefined);
    expect(after.map(({ from, event, delay }) => [from, event, delay])).toEqual([
      ['sample.busy.patience.held', 'after patience', 'patience'],
      ['sample.busy.patience.expiring', 'after 1000 ms', 1000],
      ['sample.resting', 'after backoff', 'backoff'],
    ]);
    expect(vertexOf('sample.busy.patience.held')).toMatchObject({ entry: [], exit: [] });
    // Those that a chart sets itself are its own.
    expect(vertexOf('sample.busy.patience.expiring')).toMatchObject({ entry: ['raise(tick)'], exit: ['cancel(later)'] });
  });

  test('transitions come in the order they are tried, with guards as formulas and results of actors in words', () => {
    expect(edgesOf('sample.idle')).toEqual([
      ['go', 'isReady', 'sample.busy', ''],
      ['go', undefined, 'sample.failed', ''],
      ['again', undefined, 'sample.idle', ''],
      ['always', 'isFull && !isReady', 'sample.failed', ''],
    ]);
    expect(edgesOf('sample.busy')).toEqual([
      ['stop', undefined, 'sample.busy.work.asking', ''],
      ['pause', undefined, 'sample.resting', ''],
      ['done', undefined, 'sample.closed', 'count'],
      ['error wire', undefined, 'sample.failed', ''],
    ]);
    expect(edgesOf('sample.busy.work.asking')).toContainEqual(['done asking', undefined, 'sample.busy.work.finished', '']);
    expect(edgesOf('sample')).toEqual([
      ['halt', undefined, 'sample.closed', 'count'],
      ['tick', undefined, '', 'count'],
    ]);
  });

  test('what is written in place has no name, and says so; no XState name is left anywhere', () => {
    const machine = createMachine({
      ...{ id: 'inline', initial: 'a', entry: () => {} },
      states: {
        a: {
          invoke: { src: fromPromise(() => Promise.resolve()), onDone: { guard: () => true, target: 'b' } },
          on: {
            one: { guard: or([not(or(['isA', 'isB'])), stateIn('a')]), target: 'b' },
            two: { actions: () => {} },
            '*': { actions: { type: 'named', params: { of: { x: 1 }, by: () => 1 } } },
          },
        },
        b: {},
      },
    });
    const { vertices, edges } = graphOf(machine);
    expect(vertices[0]?.entry).toEqual(['inline']);
    expect(edges.map(({ event, guard, actions }) => [event, guard, ...actions])).toEqual([
      ['one', '!(isA || isB) || in a'],
      ['two', undefined, 'inline'],
      ['*', undefined, 'named({"x":1}, inline)'],
      ['done a', 'inline'],
    ]);
    const shown = [graph, { vertices, edges }].flatMap((each) => [
      ...each.vertices.flatMap(({ entry, exit, invoke }) => [...entry, ...exit, ...invoke]),
      ...each.edges.flatMap(({ event, guard, actions }) => [event, guard ?? '', ...actions]),
    ]);
    expect(shown.filter((text) => text.includes('xstate.'))).toEqual([]);
  });

  test.each([
    ['', 'always'],
    ['xstate.init', 'start'],
    ['xstate.stop', 'stop'],
    ['xstate.after.backoff.resume.apart', 'after backoff'],
    ['xstate.after.500.resume.apart', 'after 500 ms'],
    ['xstate.done.actor.protocol', 'done protocol'],
    ['xstate.error.actor.0.chart.outer.inner', 'error inner'],
    ['xstate.error.actor.*', 'error *'],
    ['xstate.snapshot.feed', 'snapshot feed'],
    ['xstate.done.state.sample.busy', 'done'],
    ['wire.closed', 'wire.closed'],
  ])('%j is said %j', (eventType, words) => expect(wordsOf(eventType)).toBe(words));
});
