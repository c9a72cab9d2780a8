import type { AnyActorLogic, AnyActorRef, AnyMachineSnapshot, AnyStateMachine, EventObject } from 'xstate';
import { ActorScope, type ChildOptions, type ScopedActor } from './actor-scope.js';
import type { Candidate, Params, PlannedAction } from './chart-plan.js';
import { Configurations, type Configuration, type Move, type Selector } from './configuration.js';
import { activeUntil, isFinal } from './transition-set.js';
import { isSupported, type GuardLike } from './supported-charts.js';
import * as internals from './xstate-internals.js';
import type { Args, Draft, Spawn, StateNode, Transition } from './xstate-internals.js';

/**
 * Carries a chart from one state to the next as XState does, by transition sets that are worked out once (`configuration.ts`) and
 * actions whose implementations are looked up once (`chart-plan.ts`): an event costs a few microseconds instead of tens. The charts,
 * their actions and guards are XState's own objects.
 *
 * `spec/runtime/actor.spec.ts` drives every shipped chart both ways at random and compares every inspection event.
 */
export class PrecomputedTransitions {
  readonly #configurations: Configurations;

  private constructor(readonly machine: AnyStateMachine) {
    this.#configurations = new Configurations(machine);
  }

  /** Undefined where the logic is no chart, or a chart that XState has to run (`supported-charts.ts`). */
  static of(logic: AnyActorLogic): PrecomputedTransitions | undefined {
    const found = known.get(logic);
    if (found !== undefined || known.has(logic)) return found;
    const made = isChart(logic) && isSupported(logic) ? new PrecomputedTransitions(logic) : undefined;
    known.set(logic, made);
    return made;
  }

  /** The step into the first state, taken. An error that an action throws becomes the error of its snapshot, as in XState. */
  begin(self: ScopedActor, event: EventObject): Macrostep {
    const step = new Macrostep(this.#configurations, internals.emptySnapshot(this.machine), self, true);
    step.begin(event);
    return step;
  }

  /** A step from `snapshot`, to be taken by `run`. */
  from(self: ScopedActor, snapshot: AnyMachineSnapshot): Macrostep {
    return new Macrostep(this.#configurations, snapshot, self, false);
  }
}

const known = new WeakMap<AnyActorLogic, PrecomputedTransitions | undefined>();

/** Whether a logic is a chart of XState's. */
export function isChart(logic: AnyActorLogic): logic is AnyStateMachine {
  return 'root' in logic && 'implementations' in logic;
}

/** One event, and what follows from it without another one. */
export class Macrostep extends ActorScope {
  #queue: EventObject[] | undefined; // Events that the chart raised for itself.
  #configuration: Configuration;
  #draft: Draft | undefined; // The next snapshot, during a microstep.
  #args: Args | undefined; // Of the last action; the next one has the same unless an assignment lay between.

  constructor(
    readonly configurations: Configurations,
    public snapshot: AnyMachineSnapshot,
    self: ScopedActor,
    isInitial: boolean,
  ) {
    super(self, isInitial);
    this.#configuration = configurations.of(snapshot);
  }

  begin(event: EventObject): void {
    let { snapshot } = this;
    try {
      this.#beginContext(event);
      ({ snapshot } = this);
      this.#take(this.configurations.initial(), event, true);
      this.#settle(event);
    } catch (error) {
      this.snapshot = { ...snapshot, status: 'error', error } as AnyMachineSnapshot;
    }
  }

  run(event: EventObject): AnyMachineSnapshot {
    if (event.type === internals.STOP.type) return this.#end(event, 'stopped');
    const chosen = this.#choose(event);
    if (chosen.length === 0 && internals.isErrorEvent(event)) return this.#end(event, 'error');
    this.#microstep(chosen, event);
    this.#settle(event);
    return this.snapshot;
  }

  #beginContext(event: EventObject): void {
    const { context } = this.configurations.machine.config as { context?: unknown };
    if (typeof context !== 'function') return;
    const spawn = this.#spawner(event);
    const made = (context as (args: object) => object)({ spawn, input: (event as { input?: unknown }).input, self: this.self });
    this.snapshot = { ...this.snapshot, children: this.#draft?.children ?? {}, context: { ...made } } as AnyMachineSnapshot;
    this.#draft = undefined;
  }

  /** Eventless transitions and raised events, until there are none. */
  #settle(event: EventObject): void {
    let current = event;
    let mayBeEventless = true;
    for (let count = 1; this.snapshot.status === 'active'; count++) {
      if (count > this.configurations.maxIterations) throw endless(this.configurations.maxIterations);
      let chosen: readonly Transition[] =
        mayBeEventless && this.#configuration.always.length > 0 ? this.#chooseEventless(current) : NONE;
      const before: AnyMachineSnapshot | undefined = chosen.length > 0 ? this.snapshot : undefined;
      if (chosen.length === 0) {
        const raised = this.#queue?.shift();
        if (raised === undefined) break;
        current = raised;
        chosen = this.#choose(current);
      }
      this.#microstep(chosen, current);
      mayBeEventless = this.snapshot !== before;
    }
    if (this.snapshot.status !== 'active') this.#stopAll(current);
  }

  #choose(event: EventObject): readonly Transition[] {
    const selector = this.#configuration.selector(event.type);
    return selector === undefined ? NONE : this.#select(selector, event);
  }

  #microstep(chosen: readonly Transition[], event: EventObject): void {
    if (chosen.length > 0) this.#take(this.#configuration.move(chosen), event, false);
    if (this.self.shared.isInspected) this.#inspect(event, chosen);
  }

  #take(move: Move, event: EventObject, isFirst: boolean): void {
    for (const { exit, invokes } of move.leaves) {
      if (exit.length > 0) this.#act(exit, event);
      for (const { id } of invokes) this.#stopChild(id, this.#argsOf(event));
    }
    if (move.actions.length > 0) this.#act(move.actions, event);
    for (let i = 0; i < move.begins.length; i++) this.#enter(move, i, event);
    let { next } = move;
    if ((this.#draft ?? this.snapshot).status === 'done') {
      const nodes = [...next.nodes].sort((a, b) => b.order - a.order);
      for (const node of nodes) this.#act(this.configurations.plan.node(node).exit, event);
      next = this.configurations.at(nodes);
    }
    if (next !== this.#configuration || isFirst) {
      internals.moveTo(this.#drafted(), next);
      this.#configuration = next;
    }
    if (this.#draft !== undefined) this.snapshot = this.#draft;
    this.#draft = undefined;
  }

  /** Stopped by the parent, or by an error of a child that nothing handles. */
  #end(event: EventObject, status: 'stopped' | 'error'): AnyMachineSnapshot {
    this.#stopAll(event);
    const { error } = status === 'error' ? (event as EventObject & { error?: unknown }) : this.snapshot;
    this.snapshot = { ...this.snapshot, status, error, children: {} } as AnyMachineSnapshot;
    if (this.self.shared.isInspected) this.#inspect(event, NONE);
    return this.snapshot;
  }

  #inspect(event: EventObject, transitions: readonly Transition[]): void {
    const { self } = this;
    internals.sendInspectionEvent(self.shared.system, internals.microstepEvent(self, event, this.snapshot, transitions));
  }

  #drafted(): Draft {
    return (this.#draft ??= { ...this.snapshot });
  }

  #select({ inner, own }: Selector, event: EventObject): readonly Transition[] {
    let chosen: readonly Transition[] = NONE;
    for (const each of inner) {
      const within = this.#select(each, event);
      if (within.length > 0) chosen = chosen.length === 0 ? within : [...chosen, ...within];
    }
    if (chosen.length > 0) return chosen;
    for (const candidate of own) {
      try {
        if (this.#passes(candidate, event)) return [candidate.transition];
      } catch (error) {
        const { source } = candidate.transition;
        const guard = candidate.transition.guard as GuardLike;
        const name = typeof guard === 'function' ? '' : `'${typeof guard === 'string' ? guard : guard.type}' `;
        throw new Error(
          `Unable to evaluate guard ${name}in transition for event '${event.type}' in state node '${source.id}':\n${(error as Error).message}`,
        );
      }
    }
    return NONE;
  }

  #chooseEventless(event: EventObject): readonly Transition[] {
    const { always } = this.#configuration;
    const chosen = new Set<Transition>();
    for (const list of always) {
      const first = list.find((candidate) => this.#passes(candidate, event));
      if (first !== undefined) chosen.add(first.transition);
    }
    return chosen.size > 1 ? this.#configuration.withoutConflicts([...chosen]) : [...chosen];
  }

  #passes({ guard }: Candidate, event: EventObject): boolean {
    if (guard === undefined) return true;
    const { holds, params } = guard;
    if (holds === undefined) throw new Error(`Guard '${guard.name}' is not implemented.'.`);
    const args = { context: this.snapshot.context as unknown, event };
    return guard.isBuiltIn
      ? internals.checkBuiltIn(holds, this.snapshot, args)
      : holds(args, params.make === undefined ? params.value : valueOf(params, args));
  }

  #enter(move: Move, index: number, event: EventObject): void {
    const plan = move.begins[index]!;
    const { entry, invokes, invokeIds } = plan;
    const retries: ((draft: Draft) => void)[] | undefined = plan.mayRetry ? [] : undefined;
    if (entry.length > 0) this.#act(entry, event, invokeIds, retries);
    for (const { spawn } of invokes) this.#spawnChild(spawn, this.#argsOf(event));
    if (plan.initial.length > 0 && move.enters[index]!.isDefault) this.#act(plan.initial, event, invokeIds, retries);
    if (retries !== undefined) for (const retry of retries) retry(this.#drafted());
    if (plan.node.type === 'final')
      this.#finish(plan.node, event, activeUntil(move.enters[index]!, move, this.#configuration.nodes));
  }

  /** A final state ends its parent; the root's ends the chart. */
  #finish(node: StateNode, event: EventObject, nodes: ReadonlySet<StateNode>): void {
    const parent = node.parent as StateNode | undefined;
    let around = (parent?.type === 'parallel' ? parent : parent?.parent) as StateNode | undefined;
    let completed = around ?? node;
    if (parent?.type === 'compound') this.#raiseDone(parent, this.#outputOf(node.output, event));
    while (around?.type === 'parallel' && isFinal(nodes, around)) {
      this.#raiseDone(around, undefined);
      completed = around;
      around = around.parent as StateNode | undefined;
    }
    if (around !== undefined) return;
    const { root } = this.configurations;
    const inner =
      completed.output !== undefined && completed.parent !== undefined ? this.#outputOf(completed.output, event) : undefined;
    const done = internals.doneStateEvent(completed, inner);
    const draft = this.#drafted();
    draft.status = 'done';
    draft.output = root.output === undefined ? undefined : this.#outputOf(root.output, done);
  }

  #raiseDone(node: StateNode, output: unknown): void {
    (this.#queue ??= []).push(internals.doneStateEvent(node, output));
  }

  #outputOf(output: unknown, event: EventObject): unknown {
    if (typeof output !== 'function') return output;
    const { context } = this.#draft ?? this.snapshot;
    return (output as (args: object) => unknown)({ context: context as unknown, event, self: this.self });
  }

  #spawnChild(spawn: Spawn, args: Args): void {
    const { id, src, systemId } = spawn;
    const input = this.#inputOf(spawn.input, args);
    const ownId = typeof id === 'function' ? (id as (args: Args) => string)(args) : (id as string | undefined);
    const actorRef = this.#createChild({ id: ownId, src, input, systemId, syncSnapshot: spawn.syncSnapshot });
    this.act(internals.SPAWN_ACTION, args, { id, systemId, actorRef, src, input }, () => this.startLater(actorRef));
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
    const draft = this.#drafted();
    draft.children = { ...draft.children, [child.id]: child };
    return child;
  }

  #stopChild(target: unknown, args: Args): void {
    const draft = this.#drafted();
    const child = (typeof target === 'string' ? (draft.children as Record<string, unknown>)[target] : target) as
      AnyActorRef | undefined;
    if (child !== undefined) {
      const { [child.id]: _, ...others } = draft.children as Record<string, AnyActorRef>;
      draft.children = others;
    }
    this.act(internals.STOP_ACTION, args, child, child === undefined ? undefined : () => this.stopLater(child));
  }

  /** The children stay in the snapshot, as in XState. */
  #stopAll(event: EventObject): void {
    for (const child of Object.values(this.snapshot.children as Record<string, AnyActorRef | undefined>)) {
      if (child === undefined) continue;
      this.act(internals.STOP_ACTION, this.#argsOf(event), child, () => this.stopLater(child));
    }
  }

  #argsOf(event: EventObject): Args {
    const { context } = this.#draft ?? this.snapshot;
    const last = this.#args;
    if (last !== undefined && last.event === event && last.context === context) return last;
    const { self } = this;
    return (this.#args = { context: context as unknown, event, self, system: self.shared.system } as Args);
  }

  #act(
    actions: readonly PlannedAction[],
    event: EventObject,
    ids?: readonly string[],
    retries?: ((draft: Draft) => void)[],
  ): void {
    for (const { kind, type, perform, subject, params } of actions) {
      const args = this.#argsOf(event);
      const given = params.make === undefined ? params.value : valueOf(params, args);
      switch (kind) {
        case 'own':
          this.act(type, args, given, perform);
          break;
        case 'assign':
          this.#assign(subject, args, given);
          break;
        case 'spawn':
          this.#spawnChild(subject as Spawn, args);
          break;
        case 'stop':
          this.#stopChild(typeof subject === 'function' ? (subject as ParamsFunction)(args, given) : subject, args);
          break;
        case 'else': {
          const queue = (this.#queue ??= []);
          const more = internals.performBuiltIn(perform!, this, this.#draft ?? this.snapshot, args, given, queue, ids, retries);
          if (more !== undefined) this.#act(this.configurations.plan.actions(more as unknown[]), event, ids, retries);
        }
      }
    }
  }

  #assign(assignment: unknown, { context, event, self, system }: Args, params: unknown): void {
    const args = { context: context as unknown, event, spawn: this.#spawner(event), self, system };
    let update: Record<string, unknown> = {};
    if (typeof assignment === 'function') update = (assignment as ParamsFunction)(args, params) as typeof update;
    else
      for (const [key, value] of Object.entries(assignment as object))
        update[key] = typeof value === 'function' ? (value as ParamsFunction)(args, params) : value;
    // A copy first, so that contexts keep the shape that the chart gave them.
    this.#drafted().context = Object.assign({ ...(context as object) }, update) as unknown;
  }

  /** The spawn function of `assign` and of a chart's `context`. */
  #spawner(event: EventObject) {
    return (src: string | AnyActorLogic, { id, input, ...options }: SpawnOptions = {}): AnyActorRef => {
      const child = this.#createChild({ ...options, src, id, input: this.#inputOf(input, this.#argsOf(event)) });
      this.startLater(child);
      return child;
    };
  }
}

type ParamsFunction = (args: object, params: unknown) => unknown;
type SpawnOptions = Omit<Spawn, 'src' | 'id'> & { readonly id?: string };

const NONE: readonly Transition[] = [];

function valueOf(
  { value, make }: Params,
  { context, event }: { readonly context: unknown; readonly event: EventObject },
): unknown {
  return make === undefined ? value : make({ context, event });
}

/** In XState's words. */
function endless(max: number): Error {
  return new Error(
    `Infinite loop detected: the machine has processed more than ${max} microsteps without reaching a stable state. ` +
      `This usually happens when there's a cycle of transitions (e.g., eventless transitions or raised events causing state A -> B -> C -> A).`,
  );
}
