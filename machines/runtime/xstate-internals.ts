import {
  createActor,
  type AnyActorLogic,
  type AnyActorRef,
  type AnyMachineSnapshot,
  type AnyStateMachine,
  type EventObject,
  type Snapshot,
} from 'xstate';

/**
 * All that the compact runtime uses of XState beyond its documentation: names with an underscore, and the parts of its snapshots;
 * those of its actions and guards are in `xstate-actions.ts`. No other file of `machines/` uses one
 * (`spec/architecture/private-names.ts`), so a new version of XState is read against these two files alone. When the runtime is loaded, `internals-check.ts` runs a small chart and compares what it finds with
 * `EXPECTED_SHAPES`.
 */

/** The type of every property that is used here. `absent`: not there, or undefined. */
export type Shape = Readonly<Record<string, 'function' | 'number' | 'string' | 'object' | 'array' | 'map' | 'set' | 'absent'>>;
const ACTION: Shape = { type: 'string', resolve: 'function' };
export const EXPECTED_SHAPES = {
  root: { _send: 'function', _stop: 'function', _processingStatus: 'number', _parent: 'absent', sessionId: 'string' },
  child: { _send: 'function', _stop: 'function', _processingStatus: 'number', _parent: 'object' },
  system: {
    ...{ _bookId: 'function', _register: 'function', _unregister: 'function', _sendInspectionEvent: 'function' },
    ...{ _relay: 'function', _clock: 'object', _logger: 'function', scheduler: 'object', inspect: 'function', get: 'function' },
  },
  timers: { schedule: 'function', cancel: 'function', cancelAll: 'function' },
  snapshot: {
    ...{ status: 'string', output: 'absent', error: 'absent', machine: 'object', context: 'object', children: 'object' },
    ...{ _nodes: 'array', value: 'string', tags: 'set', historyValue: 'object' },
    ...{ matches: 'function', hasTag: 'function', can: 'function', getMeta: 'function', toJSON: 'function' },
  },
  node: {
    ...{ key: 'string', id: 'string', type: 'string', order: 'number', states: 'object', machine: 'object', tags: 'array' },
    ...{
      entry: 'array',
      exit: 'array',
      invoke: 'array',
      always: 'array',
      transitions: 'map',
      initial: 'object',
      parent: 'absent',
    },
  },
  initial: { target: 'array', actions: 'array' },
  transition: { source: 'object', target: 'array', actions: 'array', guard: 'function' },
  implementations: { actions: 'object', guards: 'object', actors: 'object', delays: 'object' },
  microstep: { event: 'object', snapshot: 'object', _transitions: 'array' },
  assign: { ...ACTION, assignment: 'function' },
  sendTo: { ...ACTION, retryResolve: 'function', execute: 'function', to: 'string', event: 'object', delay: 'absent' },
  raise: { ...ACTION, execute: 'function', event: 'object', delay: 'absent' },
  cancel: { ...ACTION, execute: 'function', sendId: 'string' },
  emit: { ...ACTION, execute: 'function' },
  spawnChild: { ...ACTION, execute: 'function', src: 'string', id: 'string' },
  stopChild: { ...ACTION, execute: 'function', actorRef: 'string' },
  enqueueActions: ACTION,
  and: { check: 'function' },
} as const satisfies Readonly<Record<string, Shape>>;

export type StateNode = AnyMachineSnapshot['_nodes'][number];
export type Transition = StateNode['always'] extends readonly (infer T)[] | undefined ? T : never;
export type System = AnyActorRef['system'];
export type Mutable<T> = { -readonly [Key in keyof T]: T[Key] };
/** A snapshot under construction. */
export type Draft = Mutable<AnyMachineSnapshot>;

// Actors.

export const NOT_STARTED = 0;
export const RUNNING = 1;
export const STOPPED = 2;

interface PrivateActor extends AnyActorRef {
  _send(event: EventObject): void;
  _stop(): void;
  readonly _processingStatus: number;
}

/** The members that XState calls and reads of an actor that is a parent, a child or a target. */
export abstract class ActorProtocol {
  /** `NOT_STARTED`, `RUNNING` or `STOPPED`. */
  protected phase = NOT_STARTED;

  readonly _parent: AnyActorRef;

  constructor(parent: AnyActorRef | undefined) {
    this._parent = parent as AnyActorRef; // Undefined for a root; XState's type has no word for that.
  }

  get _processingStatus(): number {
    return this.phase;
  }

  /** An event for the mailbox. */
  abstract receive(event: EventObject): void;
  /** Its parent stops it. */
  abstract halt(): void;

  _send(event: EventObject): void {
    this.receive(event);
  }
  _stop(): void {
    this.halt();
  }
}

export function parentOf(actor: AnyActorRef): AnyActorRef | undefined {
  return actor._parent;
}
export function phaseOf(actor: AnyActorRef): number {
  return (actor as PrivateActor)._processingStatus;
}
/** Gives actors of ours the two names by which XState calls them, without a call in between. */
export function answerToXState(actors: { readonly prototype: ActorProtocol }): void {
  Object.defineProperties(actors.prototype, {
    _send: { value: actors.prototype.receive, writable: true, configurable: true },
    _stop: { value: actors.prototype.halt, writable: true, configurable: true },
  });
}

/** Stops a child; XState's public `stop` refuses to. */
export function halt(actor: AnyActorRef): void {
  (actor as PrivateActor)._stop();
}

/** Puts an event into the mailbox; inspectors are not asked. */
export function deliver(target: AnyActorRef, event: EventObject): void {
  (target as PrivateActor)._send(event);
}

// Systems.

export interface Scheduler {
  schedule(source: AnyActorRef, target: AnyActorRef, event: EventObject, delay: number, id?: string): void;
  cancel(source: AnyActorRef, id: string): void;
  cancelAll(source: AnyActorRef): void;
}

interface PrivateSystem extends Omit<System, 'scheduler'> {
  _bookId(): string;
  _register(sessionId: string, actor: AnyActorRef): string;
  _unregister(actor: AnyActorRef): void;
  _sendInspectionEvent(event: object): void;
  _relay(source: AnyActorRef | undefined, target: AnyActorRef, event: EventObject): void;
  readonly _clock: System['_clock'];
  readonly _logger: System['_logger'];
  scheduler: Scheduler;
}

const privately = (system: System): PrivateSystem => system as PrivateSystem;

/** Delivers an event, and reports it to inspectors with its source. */
export function relay(system: System, source: AnyActorRef | undefined, target: AnyActorRef, event: EventObject): void {
  const { _relay } = privately(system);
  if (typeof _relay === 'function') _relay(source, target, event);
  else target.send(event);
}
export function sendInspectionEvent(system: System, event: object): void {
  privately(system)._sendInspectionEvent(event);
}
export function nextSessionId(system: System): string {
  return (system as PrivateSystem)._bookId();
}
export function register(system: System, actor: AnyActorRef): void {
  privately(system)._register(actor.sessionId, actor);
}
export function unregister(system: System, actor: AnyActorRef): void {
  privately(system)._unregister(actor);
}
export function clockOf(system: System): System['_clock'] {
  return system._clock;
}
export function loggerOf(system: System): System['_logger'] {
  return system._logger;
}
export function schedulerOf(system: System): Scheduler {
  return (system as PrivateSystem).scheduler;
}
export function cancelTimers(system: System, actor: AnyActorRef): void {
  (system as PrivateSystem).scheduler.cancelAll(actor);
}
export function replaceScheduler(system: System, scheduler: Scheduler): void {
  privately(system).scheduler = scheduler;
}

/** An actor system without an actor: that of an XState actor which is never started. Inspectors know its root by `sessionId`. */
export function makeSystem(clock: System['_clock']): { readonly system: System; readonly sessionId: string } {
  const idle: AnyActorLogic = {
    transition: (snapshot: Snapshot<unknown>) => snapshot,
    getInitialSnapshot: () => PENDING,
    getPersistedSnapshot: (snapshot: Snapshot<unknown>) => snapshot,
  };
  return createActor(idle, { clock });
}

export const PENDING: Snapshot<unknown> = Object.freeze({ status: 'active', output: undefined, error: undefined });

// Events that XState makes.

export const STOP: EventObject = Object.freeze({ type: 'xstate.stop' });
export const initEvent = (input: unknown): EventObject => ({ type: 'xstate.init', input }) as EventObject;
export const doneEvent = (id: string, output: unknown): EventObject =>
  ({ type: `xstate.done.actor.${id}`, output, actorId: id }) as EventObject;
export const errorEvent = (id: string, error: unknown): EventObject =>
  ({ type: `xstate.error.actor.${id}`, error, actorId: id }) as EventObject;
export const doneStateEvent = ({ id }: StateNode, output: unknown): EventObject =>
  ({ type: `xstate.done.state.${id}`, output }) as EventObject;
export const isErrorEvent = ({ type }: EventObject): boolean => type.startsWith('xstate.error.actor');

export function microstepEvent(
  actorRef: AnyActorRef,
  event: EventObject,
  snapshot: AnyMachineSnapshot,
  transitions: readonly Transition[],
): object {
  return { type: '@xstate.microstep', actorRef, event, snapshot, _transitions: transitions };
}

// Snapshots.

/** Where a chart is, in the three ways in which its snapshots say it. */
export interface Position {
  readonly nodes: readonly StateNode[];
  readonly value: AnyMachineSnapshot['value'];
  readonly tags: AnyMachineSnapshot['tags'];
}

const NO_HISTORY: AnyMachineSnapshot['historyValue'] = Object.freeze({});
/** One snapshot per chart, from before its first state, with the methods that all snapshots of XState have. */
const samples = new WeakMap<AnyStateMachine, AnyMachineSnapshot>();

export function nodesOf(snapshot: AnyMachineSnapshot): readonly StateNode[] {
  return snapshot._nodes;
}

export function moveTo(draft: Draft, { nodes, value, tags }: Position): void {
  draft._nodes = nodes as StateNode[];
  draft.value = value;
  draft.tags = tags;
}

/** The same, to be changed. Property by property, so that all snapshots have one shape in the eyes of the JavaScript engine. */
export function draftOf(from: AnyMachineSnapshot): Draft {
  return {
    status: from.status,
    output: from.output as unknown,
    error: from.error,
    machine: from.machine,
    context: from.context as unknown,
    _nodes: from._nodes,
    value: from.value,
    tags: from.tags,
    children: from.children,
    historyValue: from.historyValue,
    matches: from.matches,
    hasTag: from.hasTag,
    can: from.can,
    getMeta: from.getMeta,
    toJSON: from.toJSON,
  } as Draft;
}

/** A snapshot of the same, elsewhere in the chart. */
export function movedTo(from: AnyMachineSnapshot, { nodes, value, tags }: Position): AnyMachineSnapshot {
  return {
    status: from.status,
    output: from.output as unknown,
    error: from.error,
    machine: from.machine,
    context: from.context as unknown,
    _nodes: nodes as StateNode[],
    value,
    tags,
    children: from.children,
    historyValue: from.historyValue,
    matches: from.matches,
    hasTag: from.hasTag,
    can: from.can,
    getMeta: from.getMeta,
    toJSON: from.toJSON,
  } as AnyMachineSnapshot;
}

/** The snapshot before the first state is entered. */
export function emptySnapshot(machine: AnyStateMachine): AnyMachineSnapshot {
  let sample = samples.get(machine);
  if (sample === undefined) {
    const value = machine.root.type === 'parallel' ? {} : (machine.root.initial.target[0] as StateNode).key;
    const draft = draftOf(machine.resolveState({ value, context: {} }) as AnyMachineSnapshot);
    draft._nodes = [machine.root];
    draft.historyValue = NO_HISTORY;
    samples.set(machine, (sample = draft as AnyMachineSnapshot));
  }
  const empty = draftOf(sample);
  const context = (machine.config as { context?: unknown }).context;
  empty.context = typeof context === 'function' ? {} : (context ?? {});
  empty.children = {};
  return empty as AnyMachineSnapshot;
}
