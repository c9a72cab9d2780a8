import type { AnyActorRef, AnyEventObject, AnyMachineSnapshot, AnyStateMachine } from 'xstate';
import type { PlayedTime } from './played.js';

/** What a chart under test stands in: the services it calls, played, and what they were told. */
export interface PlayedWorld {
  /** For the chart's actor. */
  readonly input?: unknown;
  /** What the chart tells its parent. */
  hear?(event: AnyEventObject): void;
}

/**
 * One thing that may happen: an event, or something that happens in the world and may bring one. An event
 * `xstate.done.actor.<id>` or `xstate.error.actor.<id>` ends a child that is `played`, with its `output` or its `error`.
 */
export type Sample<World> = AnyEventObject | ((world: World, snapshot: AnyMachineSnapshot) => AnyEventObject | void);

/** What is needed to walk a chart. */
export interface Model<World extends PlayedWorld> {
  /** With its services provided. Made once; its actors, guards and actions are shared by all walks. */
  readonly machine: AnyStateMachine;
  /** Ways to begin, by name: both roles, say. Each call makes a fresh world, whose `clock` is that of the time it is given. */
  readonly worlds: Readonly<Record<string, (time: PlayedTime) => World>>;
  /** What may happen, by the names that paths give it. Timers need no samples: any that is armed may fire. */
  readonly samples: Readonly<Record<string, Sample<World>>>;
  /**
   * What besides its states decides what may follow, as a small JSON value: situations that agree in both are one. Default:
   * nothing. Numbers that grow must be capped here.
   */
  readonly facts?: (world: World, snapshot: AnyMachineSnapshot) => unknown;
  /** What must hold after each step; throws where it doesn't. */
  readonly check?: (world: World, snapshot: AnyMachineSnapshot) => void;
  /** `real` asks the chart's own guards; `free` tries both answers of each. Default `real`. */
  readonly guards?: 'real' | 'free';
}

/** One step of a path. */
export interface Step {
  /** The name of a sample, or `after <delay>`. */
  readonly name: string;
  /** Where guards are free: their answers, in the order of asking; no, where the list is too short. */
  readonly answers: readonly boolean[];
}

/** A way through a chart. */
export interface Path {
  readonly world: string;
  /** The answers of free guards at the very beginning. */
  readonly first: readonly boolean[];
  readonly steps: readonly Step[];
  /** The states at the beginning and after each step, in words: `linked.flowing·held`. */
  readonly lands: readonly string[];
  /** The transitions taken on the way, as places in `Graph.edges`. */
  readonly takes: readonly number[];
}

/** Makes an actor for a chart below a parent: XState's own by `createActor`, or a compact one. */
export type Interpreter = (machine: AnyStateMachine, parent: AnyActorRef, input: unknown) => AnyActorRef;
