import * as xstate from 'xstate';
import type { AnyActorRef, AnyMachineSnapshot, EventObject, InspectionEvent } from 'xstate';
import {
  EXPECTED_SHAPES,
  nodesOf,
  phaseOf,
  NOT_STARTED,
  parentOf,
  RUNNING,
  schedulerOf,
  STOPPED,
  halt,
  type Shape,
} from './xstate-internals.js';

/** The part of XState that the check exercises; tests hand in altered ones. */
export type Library = Pick<
  typeof xstate,
  | 'createActor' | 'setup' | 'fromCallback' | 'assign' | 'sendTo' | 'raise' | 'cancel' | 'emit' | 'spawnChild' | 'stopChild'
  | 'enqueueActions' | 'and'
>; // prettier-ignore

/** The order in which XState 5.33 reports the small chart below; the compact runtime reports its charts in this order. */
const EXPECTED_REPORTS = [
  ...['actor root', 'actor c', 'microstep root xstate.init', 'event root xstate.init', 'event c xstate.init', 'snapshot c'],
  ...['action root xstate.spawnChild', 'snapshot root', 'event root go', 'action root xstate.raise', 'action root xstate.sendTo'],
  ...['microstep root go', 'microstep root next', 'event c hello', 'snapshot c', 'snapshot root'],
];

/** The first difference between this XState and the one that the compact runtime is written for; undefined: there is none. */
export function mismatchOf(library: Library): string | undefined {
  try {
    exercise(library);
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

function exercise({ createActor, setup, fromCallback, and, ...library }: Library): void {
  const reports: string[] = [];
  let microstep: object | undefined;
  const received: string[] = [];
  const { assign, sendTo, raise, cancel, emit, spawnChild, stopChild, enqueueActions } = library;
  const event: EventObject = { type: 'go' };
  const actions = {
    assign: assign(() => ({})),
    sendTo: sendTo('c', event),
    raise: raise(event),
    cancel: cancel('x'),
    emit: emit(event),
    spawnChild: spawnChild('c', { id: 'c' }),
    stopChild: stopChild('c'),
    enqueueActions: enqueueActions(() => undefined),
  };
  const isTrue = and([() => true]);
  const machine = setup({
    actors: { c: fromCallback(({ receive }) => receive(({ type }) => void received.push(type))) },
  }).createMachine({
    context: () => ({}),
    initial: 'a',
    invoke: { src: 'c', id: 'c' },
    always: { guard: () => false, target: '.b' },
    states: {
      a: { always: { guard: isTrue, target: 'b' } },
      b: { on: { go: { target: 'c', actions: raise({ type: 'next' }) } } },
      c: { entry: sendTo('c', { type: 'hello' }), on: { next: {} } },
    },
  });
  const clock = { setTimeout: () => 0, clearTimeout: () => undefined };
  const root: AnyActorRef = createActor(machine, {
    id: 'root',
    clock,
    inspect: (report: InspectionEvent) => {
      if (report.type === '@xstate.microstep') microstep = report;
      reports.push(textOf(report));
    },
  });
  const child = (root.getSnapshot() as AnyMachineSnapshot).children['c'] as AnyActorRef;
  root.subscribe({ error: () => undefined }); // Errors of an altered XState are found below.
  expect('an actor that was not started', phaseOf(root), NOT_STARTED);
  root.start();
  expect('a started actor', phaseOf(root), RUNNING);
  root.send(event);
  const snapshot = root.getSnapshot() as AnyMachineSnapshot;
  const [first] = nodesOf(snapshot) ?? [];
  const { system } = root;
  const subjects: Record<keyof typeof EXPECTED_SHAPES, unknown> = {
    ...{ root, child, system, timers: schedulerOf(system), snapshot, node: first, initial: first?.initial },
    ...{ transition: first?.always?.[0], implementations: machine.implementations, microstep, and: isTrue },
    ...actions,
  };
  for (const [name, shape] of Object.entries(EXPECTED_SHAPES)) compare(name, subjects[name as keyof typeof subjects], shape);
  expect(
    'the properties of a snapshot',
    Object.keys(snapshot).sort().join(),
    Object.keys(EXPECTED_SHAPES.snapshot).sort().join(),
  );
  for (const [name, action] of Object.entries(actions)) expect(`${name}.type`, kindNameOf(action), `xstate.${name}`);
  expect('the parent of a child', parentOf(child), root);
  expect('the active states', nodesOf(snapshot).map(({ key }) => key).join(), '(machine),c'); // prettier-ignore
  expect('the order of reports', reports.slice(0, EXPECTED_REPORTS.length).join(), EXPECTED_REPORTS.join());
  expect('what a child received', received.join(), 'hello');
  halt(root);
  expect('a stopped actor', phaseOf(root), STOPPED);
  expect('a child of a stopped actor', phaseOf(child), STOPPED);
}

const kindNameOf = (action: object): unknown => (action as { readonly type?: unknown }).type;

function textOf({ type, actorRef, ...report }: InspectionEvent): string {
  const { event, action } = report as { event?: EventObject; action?: { type: string } };
  const detail = type === '@xstate.snapshot' ? '' : ` ${event?.type ?? action?.type ?? ''}`;
  return `${type.slice('@xstate.'.length)} ${(actorRef as AnyActorRef).id}${detail}`.trim();
}

function compare(name: string, subject: unknown, shape: Shape): void {
  for (const [key, expected] of Object.entries(shape)) {
    const value = (subject as Readonly<Record<string, unknown>> | undefined)?.[key];
    expect(`${name}.${key}`, typeOf(value), expected);
  }
}

function typeOf(value: unknown): Shape[string] | 'unknown' {
  if (value === undefined) return 'absent';
  if (Array.isArray(value)) return 'array';
  if (value instanceof Map) return 'map';
  if (value instanceof Set) return 'set';
  const type = typeof value;
  return type === 'function' || type === 'number' || type === 'string' || type === 'object' ? type : 'unknown';
}

function expect(what: string, found: unknown, expected: unknown): void {
  if (found !== expected) throw new Error(`${what}: expected ${wordOf(expected)}, found ${wordOf(found)}`);
}

const wordOf = (value: unknown): string => (typeof value === 'object' ? 'another object' : String(value));

const mismatch = mismatchOf(xstate);

/** How the installed XState differs from 5.33.3 as far as the compact runtime is concerned; undefined: it does not. */
export function internalsMismatch(): string | undefined {
  return mismatch;
}
/** Whether the installed XState is what the compact runtime is written for; checked once, when this module is loaded. */
export function internalsOk(): boolean {
  return mismatch === undefined;
}
