import { createActor, fromCallback, setup, type AnyActorRef, type InspectionEvent } from 'xstate';
import { resume } from '../../adapters/resume/index.js';
import { Engine } from '../../machines/engine.js';
import type { Connection } from '../../machines/connection/connection-handle.js';
import { createTranscript } from '../../visualizer/transcript.js';
import { SeededRandom, SimClock, SimNetwork } from '../sim/index.js';
import { sampleMachine } from './sample.js';

/** Columns are for people; here one space is enough. */
const narrow = (lines: readonly string[]): readonly string[] => lines.map((line) => line.trim().replace(/\s+/g, ' '));

function told(linesMax?: number) {
  const clock = new SimClock();
  const transcript = createTranscript({ clock, ...(linesMax === undefined ? {} : { linesMax }) });
  const actor = createActor(sampleMachine, { clock, inspect: transcript.inspect });
  return { clock, transcript, actor };
}

test('each transition is one line: time, actor, event in words, from → to', () => {
  const { clock, transcript, actor } = told();
  actor.start();
  actor.send({ type: 'go' });
  clock.advance(50);
  actor.send({ type: 'pause' });
  clock.advance(20);
  expect(transcript.lines).toEqual([
    '    0 sample         start                → idle',
    '    0 sample         go                   idle → asking·held',
    '   50 sample         after patience       asking·held → asking·expiring',
    '   50 sample         pause                asking·expiring → resting',
    '   70 sample         after backoff        resting → idle',
  ]);
});

test('visualizer/transcript: a state that is left and entered anew is a transition; an event that is only acted upon, or not at all, is none', () => {
  const { transcript, actor } = told();
  actor.start();
  actor.send({ type: 'again' });
  actor.send({ type: 'tick' });
  actor.send({ type: 'back' });
  expect(narrow(transcript.lines)).toEqual(['0 sample start → idle', '0 sample again idle → idle']);
});

test('it says how an actor ended: in a final state, stopped from outside, or by a failure', () => {
  const { transcript, actor } = told();
  actor.start();
  actor.send({ type: 'halt' });
  expect(narrow(transcript.lines).at(-1)).toBe('0 sample halt idle → closed');

  const stopped = told();
  stopped.actor.start();
  stopped.actor.stop();
  expect(narrow(stopped.transcript.lines).at(-1)).toBe('0 sample stop idle → idle (stopped)');

  // What throws inside a chart is seen by its parent alone; a child's failure that nobody answers ends the parent.
  const failing = createTranscript({ clock: new SimClock() });
  const src = fromCallback(() => {
    throw new Error('we were wrong');
  });
  const machine = setup({ actors: { child: src } }).createMachine({
    ...{ id: 'f', initial: 'a' },
    states: { a: { on: { go: 'b' } }, b: { invoke: { src: 'child', id: 'child' } } },
  });
  const parent = createActor(machine, { inspect: failing.inspect });
  parent.subscribe({ error: () => {} });
  parent.start();
  parent.send({ type: 'go' });
  expect(narrow(failing.lines)).toEqual(['0 f start → a', '0 f go a → b', '0 f error child b → b (failed)']);
});

test('visualizer/transcript: a parallel state is said by its regions, in the order of the chart, and never by its own name', () => {
  const inner = { initial: 'x', states: { x: {}, y: {} } } as const;
  const machine = setup({}).createMachine({
    ...{ id: 'deep', initial: 'alive' },
    states: { alive: { type: 'parallel', states: { one: { initial: 'in', states: { in: inner } }, two: inner, empty: {} } } },
  });
  const transcript = createTranscript({ clock: new SimClock() });
  createActor(machine, { inspect: transcript.inspect }).start();
  expect(narrow(transcript.lines)).toEqual(['0 deep start → in.x·x']);
});

test('visualizer/transcript: it keeps `linesMax` lines, forgets the oldest first, and counts what it has forgotten', () => {
  const { transcript, actor } = told(3);
  actor.start();
  for (let i = 0; i < 10; i++) actor.send({ type: 'again' });
  actor.send({ type: 'halt' });
  expect(narrow(transcript.lines)).toEqual([
    '0 sample again idle → idle',
    '0 sample again idle → idle',
    '0 sample halt idle → closed',
  ]);
  expect(transcript.forgotten).toBe(9);
});

test('visualizer/transcript: a name that throws costs its lines, is counted, and harms no actor; actors without a name are left out', () => {
  const clock = new SimClock();
  const name = (): string => {
    throw new Error('no name');
  };
  const throwing = createTranscript({ clock, name });
  const actor = createActor(sampleMachine, { clock, inspect: throwing.inspect }).start();
  actor.send({ type: 'go' });
  expect(actor.getSnapshot().matches('busy')).toBe(true);
  expect(throwing).toMatchObject({ lines: [], failures: 2 });

  const silent = createTranscript({ clock, name: () => undefined });
  createActor(sampleMachine, { clock, inspect: silent.inspect }).start();
  expect(silent).toMatchObject({ lines: [], failures: 0 });
});

describe('visualizer/transcript: a session of two engines whose wire is cut', () => {
  const { lines, ids } = cutOnce(1);

  test('reads as it happened, causes before their effects', () => {
    const story = narrow(lines).filter((line) => line.includes(' a '));
    expect(story).toEqual(
      expect.arrayContaining([expect.stringMatching(/a connection handshake\.completed .* → engaged\.completed/)]),
    );
    expect(story).toEqual(expect.arrayContaining([expect.stringMatching(/a resume wire\.closed .*flowing → /)]));
    const indexOf = (part: RegExp): number => story.findIndex((line) => part.test(line));
    // The session's own step is told before the step of the connection that it caused.
    expect(indexOf(/a resume .* → closed/)).toBeGreaterThan(0);
    expect(indexOf(/a resume .* → closed/)).toBeLessThan(indexOf(/a connection done protocol/));
    const times = lines.map((line) => Number.parseInt(line, 10));
    expect(times).toEqual([...times].sort((a, b) => a - b));
  });

  test('is written the same each time, and without any id that XState or the protocol gave', () => {
    expect(cutOnce(1).lines).toEqual(lines);
    expect(ids.size).toBeGreaterThan(4);
    expect(lines.filter((line) => [...ids].some((id) => line.split(/\s/).includes(id)))).toEqual([]);
    expect(lines.filter((line) => /x:\d|[0-9a-f]{16}/.test(line))).toEqual([]);
  });
});

/** One message each way, a cut, one more, a goodbye. Also the ids of all actors seen. */
function cutOnce(seed: number): { readonly lines: readonly string[]; readonly ids: ReadonlySet<string> } {
  const clock = new SimClock();
  const random = new SeededRandom(seed);
  const network = new SimNetwork(clock, random.split('network'));
  const transcript = createTranscript({ clock, name: (actorRef) => nameIn(actorRef, names), linesMax: 200 });
  const names = new Map<unknown, string>();
  const ids = new Set<string>();
  const inspect = (event: InspectionEvent): void => {
    ids.add(event.actorRef.sessionId);
    transcript.inspect(event);
  };
  const engines = ['a', 'b'].map((name) => {
    const own = random.split(name);
    const ports = { clock, random: own.next, entropy: own.bytes };
    const listen = name === 'b' ? ['sim://b:1'] : [];
    const engine = new Engine(ports, { transports: [network.transport(name)], protocols: [resume()], listen, inspect });
    names.set(engine.actor.system, name);
    return engine;
  });
  for (const engine of engines) void engine.start();
  clock.settle();
  let connection: Connection | undefined;
  engines[0]!.on((event) => {
    if (event.type === 'connected') connection = event.connection as Connection;
  });
  void engines[0]!.connect('sim://b:1');
  clock.runUntil(() => connection !== undefined, { withinMs: 5000 });
  network.cutAll();
  clock.runUntil(() => connection?.stats()['resumes'] === 1, { withinMs: 20_000 });
  void connection!.close();
  clock.advance(1000);
  for (const engine of engines) void engine.shutdown();
  clock.runUntil(() => clock.pending === 0, { withinMs: 20_000 });
  return { lines: transcript.lines, ids };
}

function nameIn(actorRef: AnyActorRef, names: ReadonlyMap<unknown, string>): string | undefined {
  const { machine } = actorRef.getSnapshot() as { readonly machine?: { readonly id: string } };
  return machine === undefined ? undefined : `${names.get(actorRef.system) ?? '?'} ${machine.id}`;
}
