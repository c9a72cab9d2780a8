import type { AnyActorRef, AnyMachineSnapshot } from 'xstate';
import { resume } from '../../adapters/resume/index.js';
import { Engine, type Runtime } from '../../machines/engine.js';
import { readRecording } from '../../visualizer/reader/index.js';
import { stateAt, type Recording, type RecordedState, type RecordingLine, type StepLine } from '../../visualizer/index.js';
import { SeededRandom, SimClock, SimNetwork } from '../sim/index.js';

/** Two engines in virtual time. */
export function world(runtime: Runtime = 'compact', seed = 7) {
  const clock = new SimClock();
  const random = new SeededRandom(seed);
  const network = new SimNetwork(clock, random.split('network'));
  const engineOf = (name: string, listen: string[]): Engine => {
    const own = random.split(name);
    const redial = { kind: 'exponential', baseMs: 10, capMs: 200, immediateIfLivedMs: 1000 } as const;
    const protocols = [resume({ idleMs: 1000, probeTimeoutMs: 500, reconnectWindowMs: 20_000, redial })];
    const ports = { clock, random: own.next, entropy: own.bytes };
    return new Engine(ports, { transports: [network.transport(name)], protocols, listen, runtime });
  };
  const b = engineOf('b', ['sim://b:1']);
  const a = engineOf('a', []);
  return { clock, random, network, a, b };
}

/** Keeps the lines. */
export class Lines {
  readonly lines: RecordingLine[] = [];
  write(line: RecordingLine): void {
    this.lines.push(line);
  }
  get text(): string {
    return this.lines.map((line) => `${JSON.stringify(line)}\n`).join('');
  }
  get recording(): Recording {
    return readRecording(this.text).recording;
  }
}

export const stepsOf = ({ lines }: Recording): readonly StepLine[] => lines.filter((line) => line.type === 'step');

export function run(clock: SimClock, ms: number): void {
  const until = clock.now() + ms;
  while (clock.nextMs <= until) clock.step();
  clock.advance(Math.max(0, until - clock.now()));
}

/** The innermost states of every chart that runs, by the actor's id and chart. */
export function live(ref: AnyActorRef, found: Record<string, readonly string[]> = {}): Record<string, readonly string[]> {
  const snapshot = ref.getSnapshot() as AnyMachineSnapshot;
  if ('machine' in snapshot && snapshot.status === 'active')
    found[`${snapshot.machine.id} ${ref.id}`] = snapshot._nodes
      .filter(({ type }) => type === 'atomic' || type === 'final')
      .map(({ id }) => id)
      .sort();
  const { byKey, ...own } = ((snapshot as { children?: object }).children ?? {}) as {
    byKey?: Map<unknown, AnyActorRef>;
  } & Record<string, AnyActorRef>;
  for (const child of byKey instanceof Map ? byKey.values() : Object.values<AnyActorRef>(own)) live(child, found);
  return found;
}

/** The same of a recording. */
export function replayed(recording: Recording, t: number): Record<string, readonly string[]> {
  return statesOf(stateAt(recording, t));
}

export function statesOf(state: RecordedState): Record<string, readonly string[]> {
  const charts = [...state.values()].filter(({ chart }) => chart !== undefined);
  return Object.fromEntries(charts.map(({ kind, id, states }) => [`${kind} ${id}`, [...states].sort()]));
}

/** The states whose timers are armed. */
export function timersAt(recording: Recording, t: number): readonly string[] {
  const names = [...stateAt(recording, t).values()].flatMap(({ timers }) => Object.keys(timers));
  return names.map((name) => name.replace(/^xstate\.after\.[^.]+\./, ''));
}
