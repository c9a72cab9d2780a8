import {
  createActor,
  fromTransition,
  type AnyActorLogic,
  type AnyActorRef,
  type AnyEventObject,
  type AnyMachineSnapshot,
  type EventObject,
  type InspectionEvent,
} from 'xstate';
import { ActorSystem } from '../../machines/runtime/actor-system.js';
import { CompactActor } from '../../machines/runtime/actor.js';
import { installScheduler } from '../../machines/runtime/scheduler.js';
import { SimClock } from '../sim/clock.js';
import { SeededRandom } from '../sim/random.js';

/** Everything that an observer can see of one actor and those below it, in order. */
interface Life {
  readonly actor: AnyActorRef;
  readonly clock: SimClock;
  readonly seen: string[];
  readonly pending: () => number;
}

export type Make = (logic: AnyActorLogic, parent: AnyActorRef, input: unknown) => AnyActorRef;
/** XState's own actor and interpreter. */
export const reference: Make = (logic, parent, input) =>
  createActor<AnyActorLogic>(logic, { id: 'it', src: 'it', parent, input });
export const compact: Make = (logic, parent, input) => new CompactActor(logic, { id: 'it', src: 'it', parent, input });

function live(make: Make, logicOf: (note: (word: string) => void) => AnyActorLogic, input: unknown, isWatched: boolean): Life {
  const clock = new SimClock();
  const seen: string[] = [];
  const parentLogic = fromTransition((state: object, event: EventObject & { output?: unknown; error?: unknown }) => {
    const { type, output, error } = event;
    seen.push(`parent hears ${type} ${JSON.stringify({ output, error: error instanceof Error ? error.message : error })}`);
    return state;
  }, {});
  const parent: AnyActorRef =
    !isWatched && make !== reference
      ? new CompactActor(parentLogic, { id: 'parent', src: parentLogic, parent: undefined, input: {} }, ActorSystem.make(clock))
      : createActor(parentLogic, {
          id: 'parent',
          clock,
          logger: (...words: unknown[]) => seen.push(`log ${words.join(' ')}`),
          ...(isWatched && {
            inspect: (event: InspectionEvent) => seen.push(...told(event).map((line) => line.replace(/\bx:\d+\b/g, 'unnamed'))),
          }),
        });
  const timers = installScheduler(parent, clock);
  parent.start();
  const actor = make(
    logicOf((word) => seen.push(word)),
    parent,
    input,
  );
  actor.subscribe({
    next: (snapshot: AnyMachineSnapshot) => void seen.push(`next ${JSON.stringify(snapshot.value)} ${snapshot.status}`),
    error: (error: unknown) => void seen.push(`error ${error instanceof Error ? error.message : String(error)}`),
    complete: () => void seen.push('complete'),
  });
  actor.start();
  return { actor, clock, seen, pending: () => timers.pending };
}

/** Everything that an inspector can see of a report, the actor first. */
function told(report: InspectionEvent): string[] {
  const who = nameOf(report.actorRef);
  switch (report.type) {
    case '@xstate.actor':
      return [`${who}: actor`];
    case '@xstate.event':
      return [`${who}: event ${report.event.type} from ${nameOf(report.sourceRef)} ${keysOf(report.event)}`];
    case '@xstate.snapshot':
      return [`${who}: snapshot after ${report.event.type}: ${snapshotText(report.snapshot)}`];
    case '@xstate.microstep': {
      const taken = report._transitions.map(({ source, eventType, target }) => {
        const targets = (target ?? []).map(({ id }) => id);
        return `${source.id} ${eventType} -> ${targets.join()}`;
      });
      return [`${who}: microstep ${report.event.type}: ${snapshotText(report.snapshot)} by ${taken.join('; ')}`];
    }
    case '@xstate.action': {
      const { type, params } = report.action as { type: string; params?: unknown };
      return [`${who}: action ${type} ${keysOf(params)}`];
    }
    default:
      return [JSON.stringify(report)];
  }
}

/** Session ids are counted over all actors of the process. */
const nameOf = (actor: unknown): string =>
  actor === undefined ? 'no actor' : (actor as AnyActorRef).id.replace(/^x:\d+$/, 'unnamed');

/** The properties of an object and what is plain of them; actors by their ids. */
function keysOf(value: unknown): string {
  if (typeof value !== 'object' || value === null) return String(value);
  if ('getSnapshot' in value) return `the actor ${nameOf(value)}`;
  return Object.entries(value as object)
    .map(([key, each]) => {
      if (typeof each === 'function') return `${key}: a function`;
      if (each instanceof Error) return `${key}: ${each.message}`;
      if (typeof each === 'object' && each !== null) return `${key}: ${'getSnapshot' in each ? nameOf(each) : 'an object'}`;
      return `${key}: ${String(each)}`;
    })
    .join(', ');
}

function snapshotText(snapshot: unknown): string {
  const { status, value, context, output, error, children, tags } = snapshot as Partial<AnyMachineSnapshot>;
  if (value === undefined) return `${status} ${keysOf({ output, error })}`;
  const ids = Object.entries(children as Record<string, AnyActorRef>).map(([id, child]) => `${id} = ${nameOf(child)}`);
  const words = [JSON.stringify(value), JSON.stringify(plain(context as object)), [...(tags ?? [])].join(), ids.join()];
  return `${status} ${words.join(' ')} ${keysOf({ output, error })}`;
}

const plain = (context: object): object =>
  Object.fromEntries(Object.entries(context).filter(([, value]) => value === null || typeof value !== 'object'));

function stateOf({ actor, clock, pending }: Life): object {
  const { status, value, tags, children, output } = actor.getSnapshot() as AnyMachineSnapshot;
  // What a broken chart had begun goes on in XState, and is stopped here: how it stands is no part of the comparison.
  if (status === 'error') return { status, value, tags: [...tags].sort(), now: clock.now() };
  const ids = Object.entries(children as Record<string, AnyActorRef>).map(
    ([id, child]) => `${id.replace(/^x:\d+$/, 'unnamed')} ${(child.getSnapshot() as { status: string }).status}`,
  );
  return { status, value, tags: [...tags].sort(), ids, output: output as unknown, pending: pending(), now: clock.now() };
}

/** What is written of an actor: its snapshot, and what is persisted of it and its children. */
function textsOf(actor: AnyActorRef): readonly unknown[] {
  const texts = [
    actor.getSnapshot(),
    actor,
    (actor.getSnapshot() as { status: string }).status === 'error' ? undefined : actor.getPersistedSnapshot(),
  ];
  // Both are falsy, and XState has one for children of `assign` and the other for the rest.
  return texts.map((each) =>
    JSON.stringify(each)
      ?.replace(/"syncSnapshot":false,?/g, '')
      .replace(/x:\d+/g, 'unnamed')
      .replace(/,}/g, '}'),
  );
}

/** The same without an inspector: what can be seen of actors and timers, and what the chart's own actions note, must be the same too. */
export function compareUnwatched(...[seed, logicOf, events, input]: Parameters<typeof compare>): string[] {
  return compare(seed, logicOf, events, input, compact, false);
}

/**
 * Both get the same events at the same times, and whatever can be seen must be the same. The children of a chart that threw are the one
 * exception: the compact runtime stops them, XState leaves them running.
 */
export function compare(
  seed: number,
  logicOf: Parameters<typeof live>[1],
  events: readonly AnyEventObject[],
  input?: unknown,
  make = compact,
  isWatched = true,
): string[] {
  const random = new SeededRandom(seed);
  const inputOf = (): unknown => (typeof input === 'function' ? (input as () => unknown)() : input);
  const [left, right] = [reference, make].map((each) => live(each, logicOf, inputOf() ?? {}, isWatched)) as [Life, Life];
  const done: string[] = [];
  const from = [0, 0];
  for (let n = 0; n < 40; n++) {
    const event = random.chance(0.2) ? undefined : random.pick(events);
    const ms = random.int(40);
    for (const { actor, clock } of [left, right]) {
      if (event === undefined) clock.advance(ms);
      else actor.send(event);
    }
    done.push(event?.type ?? `${ms} ms`);
    const isBroken = (left.actor.getSnapshot() as { status: string }).status === 'error';
    const [leftSeen, rightSeen] = [left, right].map(({ seen }, side) => {
      const fresh = seen.slice(from[side]).filter((line) => isWatched || !line.startsWith('log ')); // To another logger.
      from[side] = seen.length;
      return isBroken ? fresh.filter((line) => /^(it|parent|error)\b/.test(line)) : fresh;
    });
    const found = { seed, done, state: stateOf(right), seen: rightSeen };
    const wanted = { seed, done, state: stateOf(left), seen: leftSeen };
    if (JSON.stringify(found) !== JSON.stringify(wanted)) expect(found).toEqual(wanted);
    if (isBroken) break;
  }
  expect({ seed, texts: textsOf(right.actor) }).toEqual({ seed, texts: textsOf(left.actor) });
  return right.seen;
}
