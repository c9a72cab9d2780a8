import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { AnyActorRef, AnyMachineSnapshot } from 'xstate';
import { createActor } from 'xstate';
import type { Runtime } from '../../machines/engine.js';
import { readRecording, RecordingError } from '../../visualizer/reader/index.js';
import { createRecorder, record, stateBehind, storyOf } from '../../visualizer/index.js';
import { membersOf } from '../../visualizer/recording/plain.js';
import { PRODUCT_VERSION } from '../../visualizer/recording/recorder.js';
import { Lines, live, replayed, run, statesOf, stepsOf, timersAt, world } from './recorded-world.js';
import { sampleMachine } from './sample.js';

describe.each<Runtime>(['compact', 'xstate'])('visualizer/recording: under the runtime %s,', (runtime) => {
  test('from `expiring` the causes lead back to the cut of the wire', () => {
    const { clock, network, a, b } = world(runtime);
    const sink = new Lines();
    const recorder = record(a, sink, { label: 'a cut' });
    void b.start();
    void a.start();
    void a.connect('sim://b:1').catch(() => {});
    run(clock, 500);
    for (const link of [...network.links]) link.cut();
    run(clock, 0);
    const before = live(a.actor);
    const t = clock.now();
    run(clock, 3000);
    expect(recorder.failures).toBe(0);
    const { recording } = sink;
    const steps = stepsOf(recording);
    const lost = steps.find((step) => step.to.includes('resume.alive.patience.expiring'))!;
    expect(lost.event).toEqual({ type: 'wire.closed', cause: { kind: 'reset', code: 'ECONNRESET' }, at: 500 });
    const wire = recording.lines.find((line) => line.type === 'actor' && line.actor === lost.cause.actor);
    expect([wire, lost.cause.step]).toMatchObject([{ kind: 'wire' }, undefined]);
    // The connection's chart got its news from that step.
    const news = steps.find((step) => step.event.type === 'session.lost')!;
    expect(news.cause).toEqual({ step: lost.step, actor: lost.actor });
    expect(timersAt(recording, t)).toEqual(['resume.alive.patience.expiring']);
    expect(timersAt(recording, clock.now())).toEqual([]);
    expect(replayed(recording, t)).toEqual(before);
    expect(replayed(recording, clock.now())).toEqual(live(a.actor));
  });

  test('the window’s end is caused by its timer, and by the cut that set it; the closing says how it ended', () => {
    const { clock, network, a, b } = world(runtime);
    const sink = new Lines();
    record(a, sink);
    void b.start();
    void a.start();
    void a.connect('sim://b:1').catch(() => {});
    run(clock, 500);
    network.partition(['a'], ['b']);
    for (const link of [...network.links]) link.cut();
    run(clock, 25_000);
    const { recording } = sink;
    const steps = stepsOf(recording);
    const last = steps.find((step) => step.to.includes('resume.closed'))!;
    expect(last.cause.timer).toBe(last.event.type);
    const armed = steps.find((step) => step.step === last.cause.step)!;
    expect([armed.event.type, armed.to]).toEqual(['wire.closed', expect.arrayContaining(['resume.alive.patience.expiring'])]);
    expect(recording.lines.find((line) => line.type === 'closing')).toMatchObject({ closing: { code: 'window-expired' } });
  });

  test('a recording that begins late knows the actors that were there', () => {
    const { clock, network, a, b } = world(runtime);
    void b.start();
    void a.start();
    void a.connect('sim://b:1').catch(() => {});
    run(clock, 500);
    const sink = new Lines();
    const recorder = record(a, sink);
    expect(replayed(sink.recording, clock.now())).toEqual(live(a.actor));
    for (const link of [...network.links]) link.cut();
    run(clock, 2000);
    expect(replayed(sink.recording, clock.now())).toEqual(live(a.actor));
    recorder.stop();
    const lines = sink.lines.length;
    for (const link of [...network.links]) link.cut();
    run(clock, 2000);
    expect([sink.lines.length, recorder.failures]).toEqual([lines, 0]);
  });

  test.each([1, 2, 3, 4, 5, 6])('seed %i: the replay has the states and the contexts of each moment', (seed) => {
    const { clock, random, network, a, b } = world(runtime, seed);
    const sink = new Lines();
    const recorder = createRecorder(clock, sink);
    recorder.add(a, 'a');
    recorder.add(b, 'b');
    void b.start();
    void a.start();
    for (let n = 0; n < 3; n++) a.connect('sim://b:1', { reuse: false }).catch(() => {});
    const cuts = random.split('cuts');
    const seen: { lines: number; states: object; contexts: object }[] = [];
    for (let n = 0; n < 60; n++) {
      run(clock, cuts.int(120));
      if (cuts.chance(0.4)) network.cutAll(cuts.pick(['both', 'near', 'far'] as const));
      if (n === 40) void a.shutdown();
      run(clock, 0);
      seen.push({ lines: sink.lines.length - 1, states: { ...live(a.actor), ...live(b.actor) }, contexts: contextsOf(a.actor) });
    }
    const { recording } = sink;
    for (const { lines, states, contexts } of seen) {
      const state = stateBehind(recording, lines);
      expect({ seed, lines, states: statesOf(state) }).toEqual({ seed, lines, states });
      const found = [...state.values()].map(({ kind, id, context }) => [`${kind} ${id}`, context] as const);
      expect(Object.fromEntries(found)).toMatchObject(contexts);
    }
    expect([recorder.failures, new Set(stepsOf(recording).map(({ step }) => step)).size]).toEqual([0, stepsOf(recording).length]);
  });
});

/** Of the charts below sessions, whose ids only one engine has: the harmless part of their contexts. */
function contextsOf(ref: AnyActorRef, found: Record<string, object> = {}): Record<string, object> {
  const snapshot = ref.getSnapshot() as AnyMachineSnapshot & { children?: object };
  if ('machine' in snapshot && snapshot.machine.id === 'connection' && snapshot.status === 'active')
    found[`connection ${ref.id}`] = membersOf(snapshot.context as object);
  const { byKey, ...own } = (snapshot.children ?? {}) as { byKey?: Map<unknown, AnyActorRef> } & Record<string, AnyActorRef>;
  for (const child of byKey instanceof Map ? byKey.values() : Object.values<AnyActorRef>(own)) contextsOf(child, found);
  return found;
}

test('visualizer/recording: causes come before their effects, in one order of steps', () => {
  const { clock, network, a, b } = world();
  const sink = new Lines();
  record(a, sink);
  void b.start();
  void a.start();
  void a.connect('sim://b:1').catch(() => {});
  for (let n = 0; n < 5; n++) {
    run(clock, 400);
    network.cutAll();
  }
  const known = new Set<number>();
  for (const { step, cause } of stepsOf(sink.recording)) {
    if (cause.step !== undefined) expect(known).toContain(cause.step);
    expect(step).toBeGreaterThan(Math.max(0, ...known));
    known.add(step);
  }
});

test('visualizer/recording: guards that refused are named, with the transition that was taken', () => {
  const { clock, a, b } = world();
  const sink = new Lines();
  record(b, sink);
  void b.start();
  void a.start();
  void a.connect('sim://b:1').catch(() => {});
  run(clock, 500);
  for (const link of [...sink.lines].filter((line) => line.type === 'step').flatMap(({ guards }) => guards ?? []))
    expect(link).toEqual({ guard: expect.any(String) as string, state: expect.any(String) as string, event: expect.any(String) as string }); // prettier-ignore
  run(clock, 100);
  const story = [...storyOf(sink.recording)].map(({ text }) => text);
  expect(story.some((text) => text.includes('⟵'))).toBe(true);
});

test('visualizer/recording: above its rate it leaves out lines, says how many, and still tells each state', () => {
  const { clock, network, a, b } = world();
  const sink = new Lines();
  const recorder = record(a, sink, { linesPerSecondMax: 20 });
  void b.start();
  void a.start();
  for (let n = 0; n < 40; n++) a.connect('sim://b:1', { reuse: false }).catch(() => {});
  run(clock, 900);
  network.cutAll();
  run(clock, 20_000);
  const { recording } = sink;
  const left = recording.lines.reduce((sum, line) => sum + (line.type === 'dropped' ? line.n : 0), 0);
  expect(left).toBeGreaterThan(100);
  const perSecond = new Map<number, number>();
  for (const line of recording.lines)
    if (line.type === 'step' || line.type === 'state') perSecond.set(Math.floor(line.t / 1000), (perSecond.get(Math.floor(line.t / 1000)) ?? 0) + 1); // prettier-ignore
  expect(Math.max(...perSecond.values())).toBeLessThanOrEqual(2 * 20);
  expect(replayed(recording, clock.now())).toEqual(live(a.actor));
  expect(recorder.failures).toBe(0);
});

test('visualizer/recording: an actor system of one’s own can be recorded beside an engine', () => {
  const { clock } = world();
  const sink = new Lines();
  const recorder = createRecorder(clock, sink);
  const actor = createActor(sampleMachine, { clock }).start();
  recorder.addActor(actor, 'mine');
  actor.send({ type: 'go' });
  recorder.stop();
  const [root] = [...stateBehind(sink.recording, sink.lines.length - 1).values()];
  expect(root).toMatchObject({ name: 'mine', chart: 'sample', states: ['sample.busy.work.asking', 'sample.busy.patience.held'] });
  actor.stop();
});

test('visualizer/recording: events for an actor that has ended make no new one', async () => {
  const { clock, a } = world();
  const sink = new Lines();
  const recorder = createRecorder(clock, sink);
  recorder.add(a, 'a');
  void a.start();
  run(clock, 10);
  void a.shutdown();
  run(clock, 10_000);
  void a.shutdown();
  a.actor.send({ type: 'shutdown' } as never);
  run(clock, 10);
  recorder.stop();
  const roots = sink.recording.lines.filter((line) => line.type === 'actor' && line.parent === undefined);
  expect(roots).toEqual([expect.objectContaining({ name: 'a' })]);
});

test.each([
  ['no header', '{"type":"step"}\n', 1, /header/],
  ['an empty file', '', 1, /header.*nothing/],
  ['another version', '{"type":"header","format":"holdfast-recording","version":2}\n', 1, /version 1.*got 2/],
  ['a broken line in the middle', 'HEADER{"type":"step"\n{"type":"dropped","t":1,"n":1}\n', 2, /JSON object/],
  ['a line with a wrong field', 'HEADER{"type":"dropped","t":1,"n":-1}\n{"type":"dropped","t":1,"n":1}\n', 2, /^line 2: n:/],
  ['a second header', 'HEADERHEADER{"type":"dropped","t":1,"n":1}\n', 2, /one header/],
])('visualizer/reader: refuses %s, and names the line', (_, text, line, words) => {
  const header = '{"type":"header","format":"holdfast-recording","version":1,"product":"0.1.0","t":0,"wallMs":0}\n';
  const read = (): unknown => readRecording(text.replaceAll('HEADER', header));
  expect(read).toThrow(RecordingError);
  expect(read).toThrow(words);
  expect(read).toThrow(expect.objectContaining({ line }) as Error);
});

test('visualizer/reader: reads up to a last line that is cut off anywhere, and skips types that it does not know', () => {
  const header = '{"type":"header","format":"holdfast-recording","version":1,"product":"0.1.0","t":0,"wallMs":0}\n';
  const text = `${header}{"type":"of-tomorrow","t":1}\n{"type":"dropped","t":1,"n":1}\n{"type":"dropped","t":2,"n":2}\n`;
  for (let cut = 1; cut < 30; cut++) {
    const { recording, warning, unknownLines } = readRecording(text.slice(0, text.length - cut));
    expect([recording.lines.length, unknownLines]).toEqual([cut === 1 ? 2 : 1, 1]);
    expect(warning).toEqual(cut === 1 ? undefined : expect.stringMatching(/^line 4 is cut off/));
  }
});

test("visualizer/recording: the header carries the package's version", () => {
  const { version } = JSON.parse(readFileSync(join(__dirname, '../../package.json'), 'utf8')) as { version: string };
  expect(PRODUCT_VERSION).toBe(version);
});
