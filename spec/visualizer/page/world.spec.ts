import { setup } from 'xstate';
import { graphOf } from '../../../visualizer/graph.js';
import { folded, mergedSteps, rowAt } from '../../../visualizer/page/model/happened.js';
import { crowdOf, rowsAt } from '../../../visualizer/page/model/sessions.js';
import { below, causesOf, stepAt } from '../../../visualizer/page/model/track.js';
import { World } from '../../../visualizer/page/model/world.js';
import type { RecordingLine } from '../../../visualizer/recording/format.js';

/** Two sessions by hand: the first is interrupted at 40 and back at 70, the second ends badly at 90. */
const connection = setup({}).createMachine({
  id: 'connection',
  initial: 'queued',
  states: {
    queued: {},
    engaged: { initial: 'initiated', states: { initiated: {}, completed: { tags: 'accepts-data' } } },
    error: {},
  },
});
const resume = setup({}).createMachine({
  id: 'resume',
  initial: 'opening',
  states: { opening: {}, flowing: { tags: 'flows' }, asking: {} },
});
const T = 1000; // The recording began then.
const line = (t: number, of: object): RecordingLine => ({ ...of, t: T + t }) as RecordingLine;
const step = (
  t: number,
  number: number,
  actor: number,
  type: string,
  from: string,
  to: string,
  more: object = {},
): RecordingLine =>
  line(t, {
    type: 'step',
    ...{ step: number, actor, event: { type }, cause: {}, from: from === '' ? [] : [from], to: to === '' ? [] : [to] },
    ...more,
  });
const lines: readonly RecordingLine[] = [
  line(0, { type: 'header', format: 'holdfast-recording', version: 1, product: '0', wallMs: 0 }),
  { type: 'chart', chart: 'connection', graph: graphOf(connection) },
  { type: 'chart', chart: 'resume', graph: graphOf(resume) },
  ...[1, 3].flatMap((actor) => [
    line(0, { type: 'actor', actor, id: `resume abc.${actor}`, kind: 'connection', chart: 'connection' }),
    line(0, {
      type: 'session',
      actor,
      session: `resume abc.${actor}`,
      peer: `tcp://h:${actor}`,
      protocol: 'resume',
      role: 'dialer',
    }),
    step(0, actor * 100, actor, 'xstate.init', '', 'connection.queued', { context: { tries: 0, last: { code: 'none' } } }),
    line(5, { type: 'actor', actor: actor + 1, id: 'protocol', kind: 'resume', chart: 'resume', parent: actor }),
    step(5, actor * 100 + 1, actor + 1, 'xstate.init', '', 'resume.opening', { cause: { step: actor * 100 } }),
    step(10, actor * 100 + 2, actor, 'handshake.completed', 'connection.queued', 'connection.engaged.completed', {
      cause: { step: actor * 100 + 1, actor: actor + 1 },
    }),
    step(10, actor * 100 + 3, actor + 1, 'peer.greeted', 'resume.opening', 'resume.flowing'),
  ]),
  line(20, { type: 'timer', actor: 2, timer: 'probe', event: 'xstate.after.idle.resume', at: T + 120 }),
  line(30, { type: 'figures', actor: 1, figures: { acknowledged: 5, queuedBytes: 100 } }),
  step(40, 500, 2, 'wire.closed', 'resume.flowing', 'resume.asking', { cause: { actor: 9 }, context: { strikes: 1 } }),
  step(40, 501, 1, 'session.lost', '', '', { cause: { step: 500, actor: 2 }, context: { tries: 1 } }),
  line(60, { type: 'figures', actor: 1, figures: { acknowledged: 9 } }),
  step(70, 502, 2, 'peer.greeted', 'resume.asking', 'resume.flowing', {
    guards: [{ guard: 'isTrusted', state: 'resume.asking', event: '' }],
  }),
  line(80, { type: 'timer-cancelled', actor: 2, timer: 'probe' }),
  step(90, 503, 3, 'done', 'connection.engaged.completed', 'connection.error', { context: { last: { code: 'window-expired' } } }),
  line(90, {
    type: 'closing',
    actor: 3,
    session: 'resume abc.3',
    peer: '',
    closing: { code: 'window-expired', side: 'remote', reason: '' },
  }),
  line(95, { type: 'dropped', n: 7 }),
  line(95, { type: 'of-a-later-version', actor: 77 }),
];
const world = new World(new Map());
for (const each of lines) world.apply(each, 10);
const [first, second] = [world.track('1')!, world.track('3')!];

test('inspector/sessions: their tones follow connection and protocol, and those in trouble come first', () => {
  const at = (ms: number): unknown => rowsAt(world.sessions, ms).map(({ name, tone, word }) => [name, tone, word]);
  expect(at(0)).toEqual([
    ['resume #1', 'working', 'queued'],
    ['resume #3', 'working', 'queued'],
  ]);
  expect(at(50)).toEqual([
    ['resume #1', 'broken', 'suspended'],
    ['resume #3', 'good', 'flowing'],
  ]);
  expect(at(75)).toEqual([
    ['resume #1', 'good', 'flowing'],
    ['resume #3', 'good', 'flowing'],
  ]);
  expect(at(95)).toEqual([
    ['resume #3', 'broken', 'window-expired'],
    ['resume #1', 'good', 'flowing'],
  ]);
});

test('inspector/sessions: interruptions, peers and states are those of the moment', () => {
  expect(rowsAt(world.sessions, 39)[0]).toMatchObject({ resumes: 0, closing: undefined });
  expect(rowsAt(world.sessions, 75)[0]).toMatchObject({
    resumes: 1,
    peer: 'tcp://h:1',
    states: ['engaged.completed', 'flowing', 'flowing'],
  });
});

test('inspector/sessions: a crowd is thinned out evenly, and a small one is not', () => {
  const rows = rowsAt(world.sessions, 95);
  expect(crowdOf(rows, 400).map(({ id }) => id)).toEqual(['3', '1']);
  const many = Array.from({ length: 1000 }, (_, index) => ({ ...rows[0]!, id: String(index) }));
  expect(crowdOf(many, 4).map(({ id }) => id)).toEqual(['0', '250', '500', '750']);
});

test('inspector/why: from an effect to its first cause, and where that came from', () => {
  const lost = stepAt(first.steps, 45)!;
  expect(causesOf(lost).map(({ actor, event }) => `${actor.name}: ${event}`)).toEqual([
    'resume #1: session.lost',
    'resume: wire.closed',
  ]);
  const [, wire] = causesOf(lost);
  expect(wire).toMatchObject({ from: ['flowing'], to: ['asking'], at: ['asking'] });
  expect(stepAt(first.children[0]!.steps, 71)).toMatchObject({ refused: ['isTrusted'] });
});

test('inspector/time travel: context, figures and timers are those of the moment', () => {
  expect(world.contextAt(first, -1)).toBeUndefined();
  expect(world.contextAt(first, 39)).toEqual({ tries: 0, last: { code: 'none' } });
  expect(world.contextAt(first, 40)).toEqual({ tries: 1, last: { code: 'none' } });
  expect(world.contextAt(second, 99)).toEqual({ tries: 0, last: { code: 'window-expired' } });
  expect(world.figuresOf(first).map(({ ms, values }) => [ms, values])).toEqual([
    [30, { acknowledged: 5, queuedBytes: 100 }],
    [60, { acknowledged: 9, queuedBytes: 100 }],
  ]);
  expect(world.waitsOf(first, 19)).toEqual([]);
  expect(world.waitsOf(first, 50)).toEqual([{ what: 'resume: after idle', inMs: 70 }]);
  expect(world.waitsOf(first, 80)).toEqual([]);
});

test('inspector/recording: lines left out are counted, unknown ones ignored', () => {
  expect(world).toMatchObject({
    leftOut: 7,
    stepsSeen: world.steps.length,
    bytes: lines.length * 10,
    range: { fromMs: 0, toMs: 95 },
  });
});

test('inspector/events: repeats in a row fold, and the row of a moment is the last before it', () => {
  const repeated = new World(new Map());
  for (const each of lines.slice(0, 10)) repeated.apply(each, 1);
  for (const t of [20, 21, 22]) repeated.apply(step(t, t, 1, 'probe', '', ''), 1);
  repeated.apply(step(23, 23, 1, 'other', '', ''), 1);
  const rows = folded(mergedSteps(below(repeated.track('1')!)));
  expect(rows.slice(-2).map(({ step: { event }, times }) => [event, times])).toEqual([
    ['probe', 3],
    ['other', 1],
  ]);
  expect([-1, 0, 20, 22.5, 99].map((ms) => rowAt(rows, ms))).toEqual([
    undefined,
    0,
    rows.length - 2,
    rows.length - 2,
    rows.length - 1,
  ]);
});

test('inspector/time travel: where steps were left out, the state that they led to counts, and says so', () => {
  const gaps = new World(new Map());
  for (const each of lines.slice(0, 10)) gaps.apply(each, 1);
  gaps.apply(line(50, { type: 'dropped', n: 3 }), 1);
  gaps.apply(line(50, { type: 'state', actor: 2, states: ['resume.asking'], context: { strikes: 4 } }), 1);
  const [protocol] = gaps.track('1')!.children;
  expect(stepAt(protocol!.steps, 60)).toMatchObject({
    event: 'steps left out',
    from: ['flowing'],
    to: ['asking'],
    at: ['asking'],
  });
  expect(gaps.contextAt(protocol!, 60)).toEqual({ strikes: 4 });
  expect(rowsAt(gaps.sessions, 60)[0]).toMatchObject({ tone: 'broken', word: 'suspended' });
});
