import type { AnyActorLogic, AnyActorRef, AnyMachineSnapshot, EventObject } from 'xstate';
import { ActorScope, type ChildOptions } from './actor-scope.js';
import type { Assignment } from './chart-plan.js';
import type { Configurations } from './configuration.js';
import { SPAWN_ACTION, STOP_ACTION, type Args, type Spawn } from './xstate-actions.js';
import { draftOf, type Draft } from './xstate-internals.js';

/** A step that is not in use refers to nothing. */
export const NOTHING = undefined as never;

/** The snapshot that a step makes: its context and its children. */
export class StepState extends ActorScope {
  snapshot: AnyMachineSnapshot = NOTHING;
  protected configurations: Configurations = NOTHING;
  /** The next snapshot, during a microstep. */
  protected draft: Draft | undefined = undefined;
  /** Of the last action; the next one has the same unless an assignment lay between. */
  protected args: Args | undefined = undefined;

  protected spawnChild({ id, src, input, systemId, syncSnapshot }: Spawn, args: Args): void {
    const given = this.#inputOf(input, args);
    const ownId = typeof id === 'function' ? (id as (args: Args) => string)(args) : (id as string | undefined);
    const actorRef = this.#createChild({ id: ownId, src, input: given, systemId, syncSnapshot });
    if (!this.isInitial && !this.self.shared.isInspected) return this.startLater(actorRef);
    this.act(SPAWN_ACTION, args, { id, systemId, actorRef, src, input: given }, () => this.startLater(actorRef));
  }

  #inputOf(input: unknown, { context, event, self }: Args): unknown {
    return typeof input === 'function'
      ? (input as (args: object) => unknown)({ context: context as unknown, event, self })
      : input;
  }

  /** A child that is in the snapshot and has not started. */
  #createChild(options: ChildOptions): AnyActorRef {
    const { src } = options;
    const { machine } = this.configurations;
    const logic =
      typeof src === 'string' ? (machine.implementations.actors as Readonly<Record<string, AnyActorLogic>>)[src] : src;
    if (logic === undefined) throw new Error(`Actor logic '${String(src)}' not implemented in machine '${machine.id}'`);
    const child = this.self.createChild(logic, options);
    const draft = this.draft ?? this.drafted();
    draft.children = { ...draft.children, [child.id]: child };
    return child;
  }

  protected endChild(target: unknown, event: EventObject): void {
    const draft = this.draft ?? this.drafted();
    const child = (typeof target === 'string' ? (draft.children as Children)[target] : target) as AnyActorRef | undefined;
    if (child !== undefined) {
      const { [child.id]: _, ...others } = draft.children as Record<string, AnyActorRef>;
      draft.children = others;
    }
    this.#haltChild(child, event);
  }

  #haltChild(child: AnyActorRef | undefined, event: EventObject): void {
    if (this.isInitial || this.self.shared.isInspected)
      this.act(STOP_ACTION, this.argsOf(event), child, child === undefined ? undefined : () => this.stopLater(child));
    else if (child !== undefined) this.stopLater(child);
  }

  /** The children stay in the snapshot, as in XState. */
  protected stopAll(event: EventObject): void {
    const children = this.snapshot.children as Children;
    for (const id in children) if (children[id] !== undefined) this.#haltChild(children[id], event);
  }

  protected argsOf(event: EventObject): Args {
    const { context } = this.draft ?? this.snapshot;
    const last = this.args;
    if (last !== undefined && last.event === event && last.context === context) return last;
    const { self } = this;
    return (this.args = { context: context as unknown, event, self, system: self.shared.system } as Args);
  }

  protected assign({ update, keys, values }: Assignment, args: Args, params: unknown): void {
    const given = new AssignArgs(args, this);
    // A copy first, so that contexts keep the shape that the chart gave them.
    const next = { ...(args.context as object) } as Record<string, unknown>;
    if (update !== undefined) Object.assign(next, (update as ParamsFunction)(given, params));
    else for (let i = 0; i < keys.length; i++) next[keys[i]!] = resolved(values[i], given, params);
    (this.draft ?? this.drafted()).context = next as unknown;
    this.args = undefined;
  }

  /** The spawn function of `assign` and of a chart's `context`. */
  spawner(event: EventObject): SpawnFunction {
    return (src, { id, input, ...options } = {}) => {
      const child = this.#createChild({ ...options, src, id, input: this.#inputOf(input, this.argsOf(event)) });
      this.startLater(child);
      return child;
    };
  }
  protected drafted(): Draft {
    return (this.draft ??= draftOf(this.snapshot));
  }
}

export type Children = Readonly<Record<string, AnyActorRef | undefined>>;
export type ParamsFunction = (args: object, params: unknown) => unknown;
type SpawnOptions = Omit<Spawn, 'src' | 'id'> & { readonly id?: string };
type SpawnFunction = (src: string | AnyActorLogic, options?: SpawnOptions) => AnyActorRef;

/** The arguments of `assign`. Few assignments spawn anything: the function is made when it is read. */
class AssignArgs {
  readonly context: unknown;
  readonly event: EventObject;
  readonly self: unknown;
  readonly system: unknown;
  readonly #step: StepState;

  constructor({ context, event, self, system }: Args, step: StepState) {
    this.context = context;
    this.event = event;
    this.self = self;
    this.system = system;
    this.#step = step;
  }

  get spawn(): SpawnFunction {
    return this.#step.spawner(this.event);
  }
}

export function resolved(part: unknown, args: object, given: unknown): unknown {
  return typeof part === 'function' ? (part as ParamsFunction)(args, given) : part;
}
