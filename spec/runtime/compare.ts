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
import { LeanActor } from '../../machines/runtime/actor.js';
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
export const fat: Make = (logic, parent, input) => createActor<AnyActorLogic>(logic, { id: 'it', parent, input });
const lean: Make = (logic, parent, input) => new LeanActor(logic, { id: 'it', src: 'it', parent, input });

function live(make: Make, logicOf: (note: (word: string) => void) => AnyActorLogic, input: unknown = {}): Life {
  const clock = new SimClock();
  const seen: string[] = [];
  const parent = createActor(
    fromTransition((state: object, event: EventObject & { output?: unknown; error?: unknown }) => {
      const { type, output, error } = event;
      seen.push(`parent hears ${type} ${JSON.stringify({ output, error: error instanceof Error ? error.message : error })}`);
      return state;
    }, {}),
    { clock, inspect: (event) => seen.push(...told(event)) },
  );
  const timers = installScheduler(parent, clock);
  parent.start();
  const actor = make(
    logicOf((word) => seen.push(word)),
    parent,
    input,
  );
  actor.subscribe({
    next: (snapshot: AnyMachineSnapshot) => void seen.push(`next ${JSON.stringify(snapshot.value)} ${snapshot.status}`),
    error: (error: unknown) => void seen.push(`error ${(error as Error).message}`),
    complete: () => void seen.push('complete'),
  });
  actor.start();
  return { actor, clock, seen, pending: () => timers.pending };
}

/** Steps and the house's own actions; that a child was spawned is seen by what it does. */
function told(event: InspectionEvent): string[] {
  if (event.type === '@xstate.microstep') {
    const { value, context, status } = event.snapshot as AnyMachineSnapshot;
    return [`step ${event.event.type}: ${JSON.stringify(value)} ${JSON.stringify(plain(context))} ${status}`];
  }
  if (event.type === '@xstate.action') return event.action.type.startsWith('xstate.') ? [] : [`action ${event.action.type}`];
  return [];
}

const plain = (context: object): object =>
  Object.fromEntries(Object.entries(context).filter(([, value]) => value === null || typeof value !== 'object'));

function stateOf({ actor, clock, pending }: Life): object {
  const { status, value, tags, children, output } = actor.getSnapshot() as AnyMachineSnapshot;
  // What a broken chart had begun goes on in XState, and is stopped here: how it stands is no part of the comparison.
  if (status === 'error') return { status, value, tags: [...tags].sort(), now: clock.now() };
  const ids = Object.entries(children as Record<string, AnyActorRef>).map(
    ([id, child]) => `${id} ${(child.getSnapshot() as { status: string }).status}`,
  );
  return { status, value, tags: [...tags].sort(), ids, output: output as unknown, pending: pending(), now: clock.now() };
}

/** Both get the same events at the same times; whatever can be seen must be the same. */
export function compare(
  seed: number,
  logicOf: Parameters<typeof live>[1],
  events: readonly AnyEventObject[],
  input?: unknown,
  make = lean,
): string[] {
  const random = new SeededRandom(seed);
  const [reference, candidate] = [live(fat, logicOf, input), live(make, logicOf, input)];
  const done: string[] = [];
  for (let n = 0; n < 40; n++) {
    const event = random.chance(0.2) ? undefined : random.pick(events);
    const ms = random.int(40);
    for (const { actor, clock } of [reference, candidate]) {
      if (event === undefined) clock.advance(ms);
      else actor.send(event);
    }
    done.push(event?.type ?? `${ms} ms`);
    expect({ seed, done, state: stateOf(candidate), seen: candidate.seen }).toEqual({
      seed,
      done,
      state: stateOf(reference),
      seen: reference.seen,
    });
  }
  return candidate.seen;
}
