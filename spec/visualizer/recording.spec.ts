import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { AnyActorRef, AnyMachineSnapshot } from 'xstate';
import { resume } from '../../adapters/resume/index.js';
import { Engine, type Runtime } from '../../machines/engine.js';
import { readRecording } from '../../visualizer/reader/index.js';
import { record, stateAt, type Recording, type RecordingLine, type StepLine } from '../../visualizer/index.js';
import { PRODUCT_VERSION } from '../../visualizer/recording/recorder.js';
import { SimClock, SimNetwork, SeededRandom } from '../sim/index.js';

/** Two engines with a session; `a` is recorded. */
function world(runtime: Runtime) {
  const clock = new SimClock();
  const random = new SeededRandom(7);
  const network = new SimNetwork(clock, random.split('network'));
  const engineOf = (name: string, listen: string[]): Engine => {
    const own = random.split(name);
    const transports = [network.transport(name)];
    return new Engine(
      { clock, random: own.next, entropy: own.bytes },
      { transports, protocols: [resume({ idleMs: 1000, probeTimeoutMs: 500 })], listen, runtime },
    );
  };
  const b = engineOf('b', ['sim://b:1']);
  const a = engineOf('a', []);
  const lines: RecordingLine[] = [];
  const sink = { write: (line: RecordingLine) => void lines.push(line) };
  return { clock, network, a, b, lines, sink };
}

const textOf = (lines: readonly RecordingLine[]): string => lines.map((line) => `${JSON.stringify(line)}\n`).join('');
const read = (lines: readonly RecordingLine[]): Recording => readRecording(textOf(lines)).recording;
const stepsOf = ({ lines }: Recording): readonly StepLine[] => lines.filter((line) => line.type === 'step');

function run(clock: SimClock, ms: number): void {
  const until = clock.now() + ms;
  while (clock.nextMs <= until) clock.step();
  clock.advance(Math.max(0, until - clock.now()));
}

/** Every chart's states and counts as they are, by the actor's id and chart. */
function live(ref: AnyActorRef, found: Record<string, unknown> = {}): Record<string, unknown> {
  const snapshot = ref.getSnapshot() as AnyMachineSnapshot & { children?: { byKey?: Map<unknown, AnyActorRef> } };
  if ('machine' in snapshot && snapshot.status === 'active')
    found[`${snapshot.machine.id} ${ref.id}`] = snapshot._nodes
      .filter(({ type }) => type === 'atomic' || type === 'final')
      .map(({ id }) => id)
      .sort();
  const { byKey, ...own } = (snapshot.children ?? {}) as { byKey?: Map<unknown, AnyActorRef> } & Record<string, AnyActorRef>;
  for (const child of byKey instanceof Map ? byKey.values() : Object.values<AnyActorRef>(own)) live(child, found);
  return found;
}

/** The states whose timers are armed. */
function timersAt(recording: Recording, t: number): readonly string[] {
  const names = [...stateAt(recording, t).values()].flatMap(({ timers }) => Object.keys(timers));
  return names.map((name) => name.replace(/^xstate\.after\.[^.]+\./, ''));
}

function replayed(recording: Recording, t: number): Record<string, unknown> {
  const charts = [...stateAt(recording, t).values()].filter(({ chart }) => chart !== undefined);
  return Object.fromEntries(charts.map(({ kind, id, states }) => [`${kind} ${id}`, [...states].sort()]));
}

describe.each<Runtime>(['compact', 'xstate'])('visualizer/recording: under the runtime %s,', (runtime) => {
  test('from `expiring` the causes lead back to the cut of the wire', () => {
    const { clock, network, a, b, lines, sink } = world(runtime);
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
    const recording = read(lines);
    const steps = stepsOf(recording);
    const lost = steps.find((step) => step.to.includes('resume.alive.patience.expiring'))!;
    expect(lost.event.type).toBe('wire.closed');
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
});

test("visualizer/recording: the header carries the package's version", () => {
  const { version } = JSON.parse(readFileSync(join(__dirname, '../../package.json'), 'utf8')) as { version: string };
  expect(PRODUCT_VERSION).toBe(version);
});
