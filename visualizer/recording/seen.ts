import type { AnyActorRef, AnyMachineSnapshot, EventObject } from 'xstate';
import type { Engine } from '../../machines/engine.js';
import type { Mailbox } from './causes.js';
import type { RecordedChart } from './charts.js';
import type { PlainObject, RecordedEvent, RefusedGuard, StateLine } from './format.js';
import { membersOf, plainOf, text } from './plain.js';

/** The recorder's knowledge of an actor. */
export interface Seen extends Mailbox {
  readonly ref: AnyActorRef;
  /** Undefined below a root that is no engine's. */
  readonly engine: Engine | undefined;
  readonly parent: Seen | undefined;
  readonly chart: RecordedChart | undefined;
  /** The connection's actor at or above it. */
  readonly session: number | undefined;
  isOver?: true;
  states: readonly string[];
  rawContext: object | undefined;
  context: PlainObject;
  nodes: AnyMachineSnapshot['_nodes'] | undefined;
  /** Of its session, as last written. */
  about: string;
  readonly timers: Map<string, number>;
  step: StepUnderWay | undefined;
  /** Children that have not started: they end with it, and say nothing. */
  unstarted: Set<Seen> | undefined;
}

/** Collected from the microsteps of the event under way. */
interface StepUnderWay {
  edges: number[];
  raised: string[];
  guards: RefusedGuard[];
}

/** Of a chart by id, of a supervisor by key. */
export interface Children {
  readonly byKey?: ReadonlyMap<unknown, AnyActorRef>;
  readonly [id: string]: unknown;
}

export function stateLineOf({ number, states, context, timers }: Seen, t: number): StateLine {
  return { type: 'state', t, actor: number, states, context, timers: Object.fromEntries(timers) };
}

export function isOfMachine(snapshot: unknown): snapshot is AnyMachineSnapshot {
  return typeof snapshot === 'object' && snapshot !== null && 'machine' in snapshot && '_nodes' in snapshot;
}

/** Of XState's own events only the type: an `init` brings a chart's input. */
export function recordedEvent(event: EventObject): RecordedEvent {
  const type = text(event.type);
  if (event.type === 'xstate.init') return { type };
  const { type: _, ...fields } = event;
  return { type, ...membersOf(fields) };
}

/** Counts of the engine, or of anything else: those of its members that are numbers. */
export function countsOf(metrics: object): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const [name, value] of Object.entries(metrics)) {
    const plain = plainOf(value, name);
    if (typeof plain === 'number') counts[name] = plain;
  }
  return counts;
}
