import { createActor } from 'xstate';
import { LiveView } from '../../visualizer/live.js';
import { sampleMachine } from './sample.js';

const clock = { now: () => 0 };

test('visualizer/live: counts, for each state, the actors that are in it; what ends is counted apart', () => {
  const view = new LiveView({ clock });
  let changes = 0;
  const stop = view.watch(() => changes++);
  const actors = [1, 2, 3].map(() => createActor(sampleMachine, { inspect: view.inspect }).start());
  expect(view.state.charts).toEqual({ sample: { actors: 3, ended: 0, states: { sample: 3, 'sample.idle': 3 } } });
  actors[0]!.send({ type: 'go' });
  expect(view.state.charts['sample']).toMatchObject({ actors: 3, ended: 0 });
  expect(view.state.charts['sample']!.states).toMatchObject({ sample: 3, 'sample.idle': 2, 'sample.busy': 1 });
  actors[1]!.send({ type: 'halt' });
  actors[2]!.stop();
  expect(view.state.charts['sample']).toMatchObject({ actors: 1, ended: 2 });
  expect(view.state.charts['sample']!.states).not.toHaveProperty(['sample.idle']);
  expect(view.state.lines.at(-1)).toContain('sample');
  expect(changes).toBeGreaterThanOrEqual(6);
  const before = changes;
  stop();
  actors[0]!.stop();
  expect(changes).toBe(before);
});

test('visualizer/live: an event that changes nothing is no change to look at', () => {
  const view = new LiveView({ clock });
  const actor = createActor(sampleMachine, { inspect: view.inspect }).start();
  let changes = 0;
  view.watch(() => changes++);
  for (let i = 0; i < 10; i++) actor.send({ type: 'tick' });
  expect(changes).toBe(0);
  actor.stop();
});

test('visualizer/live: its memory depends on the charts, not on how many actors there were', () => {
  const view = new LiveView({ clock, linesMax: 5 });
  for (let i = 0; i < 500; i++) createActor(sampleMachine, { inspect: view.inspect }).start().stop();
  const { charts, lines } = view.state;
  expect(charts).toEqual({ sample: { actors: 0, ended: 500, states: {} } });
  expect(lines.length).toBe(5);
});
