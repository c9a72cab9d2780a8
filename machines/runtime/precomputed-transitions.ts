import type { AnyActorLogic, AnyActorRef, AnyMachineSnapshot, AnyStateMachine, EventObject } from 'xstate';
import { Configurations, type Configuration, type Move, type Selector } from './configuration.js';
import { activeUntil, isFinal, type Entry } from './transition-set.js';
import type { ActorScope, ChildOptions } from './actor-scope.js';
import { isSupported, nameOf, paramsOf, type Action, type GuardLike } from './supported-charts.js';
import * as internals from './xstate-internals.js';
import type { ActionFunction, Args, Draft, GuardFunction, Spawn, StateNode, Transition } from './xstate-internals.js';

/**
 * Carries a chart from one state to the next as XState does, by transition sets that are worked out once (`configuration.ts`): an
 * event costs a few microseconds instead of tens. The charts, their actions and guards are XState's own objects.
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
    if (!known.has(logic)) known.set(logic, isChart(logic) && isSupported(logic) ? new PrecomputedTransitions(logic) : undefined);
    return known.get(logic);
  }

  /** The first snapshot. What an action throws becomes its error, as in XState. */
  initial(input: unknown, scope: ActorScope): AnyMachineSnapshot {
    const event = internals.initEvent(input);
    const step = new Macrostep(this.#configurations, internals.emptySnapshot(this.machine), scope);
    let { snapshot } = step;
    try {
      step.beginContext(event);
      ({ snapshot } = step);
      step.take(this.#configurations.initial(), event, true);
      step.settle(event);
      return step.snapshot;
    } catch (error) {
      return { ...snapshot, status: 'error', error } as AnyMachineSnapshot;
    }
  }

  transition(snapshot: AnyMachineSnapshot, event: EventObject, scope: ActorScope): AnyMachineSnapshot {
    const step = new Macrostep(this.#configurations, snapshot, scope);
    if (event.type === internals.STOP.type) return step.end(event, 'stopped');
    const chosen = step.choose(event);
    if (chosen.length === 0 && internals.isErrorEvent(event)) return step.end(event, 'error');
    step.microstep(chosen, event);
    step.settle(event);
    return step.snapshot;
  }
}

const known = new WeakMap<AnyActorLogic, PrecomputedTransitions | undefined>();

/** Whether a logic is a chart of XState's. */
export function isChart(logic: AnyActorLogic): logic is AnyStateMachine {
  return 'root' in logic && 'implementations' in logic;
}

/** One event, and what follows from it without another one. */
class Macrostep {
  readonly #machine: AnyStateMachine;
  readonly #queue: EventObject[] = [];
  readonly #self: AnyActorRef;
  readonly #system: AnyActorRef['system'];
  #configuration: Configuration;
  #draft: Draft | undefined; // The next snapshot, during a microstep.

  constructor(
    readonly configurations: Configurations,
    public snapshot: AnyMachineSnapshot,
    readonly scope: ActorScope,
  ) {
    this.#machine = configurations.machine;
    this.#configuration = configurations.of(snapshot);
    this.#self = scope.self;
    this.#system = scope.system;
  }

  beginContext(event: EventObject): void {
    const { context } = this.#machine.config as { context?: unknown };
    if (typeof context !== 'function') return;
    const { self } = this.scope;
    const spawn = this.#spawner(event);
    const made = (context as (args: object) => object)({ spawn, input: (event as { input?: unknown }).input, self });
    this.snapshot = { ...this.snapshot, children: this.#draft?.children ?? {}, context: { ...made } } as AnyMachineSnapshot;
    this.#draft = undefined;
  }

  /** Eventless transitions and raised events, until there are none. */
  settle(event: EventObject): void {
    let current = event;
    let mayBeEventless = true;
    const max = (this.#machine.options as { maxIterations?: number } | undefined)?.maxIterations ?? Infinity;
    for (let count = 1; this.snapshot.status === 'active'; count++) {
      if (count > max)
        throw new Error(
          `Infinite loop detected: the machine has processed more than ${max} microsteps without reaching a stable state. ` +
            `This usually happens when there's a cycle of transitions (e.g., eventless transitions or raised events causing state A -> B -> C -> A).`,
        );
      let chosen: readonly Transition[] = mayBeEventless ? this.#chooseEventless(current) : NONE;
      const before: AnyMachineSnapshot | undefined = chosen.length > 0 ? this.snapshot : undefined;
      if (chosen.length === 0) {
        const raised = this.#queue.shift();
        if (raised === undefined) break;
        current = raised;
        chosen = this.choose(current);
      }
      this.microstep(chosen, current);
      mayBeEventless = this.snapshot !== before;
    }
    if (this.snapshot.status !== 'active') this.#stopAll(current);
  }

  choose(event: EventObject): readonly Transition[] {
    const selector = this.#configuration.selector(event.type);
    return selector === undefined ? NONE : this.#select(selector, event);
  }

  microstep(chosen: readonly Transition[], event: EventObject): void {
    if (chosen.length > 0) this.take(this.#configuration.move(chosen), event, false);
    this.#inspect(event, chosen);
  }

  take(move: Move, event: EventObject, isFirst: boolean): void {
    for (const node of move.exits) {
      this.#act(node.exit as Action[], event);
      for (const { id } of node.invoke) this.#stopChild(id, this.#args(event));
    }
    for (const { actions } of move.transitions) this.#act(actions as Action[], event);
    for (const each of move.enters) this.#enter(each, move, event);
    let { next } = move;
    if ((this.#draft ?? this.snapshot).status === 'done') {
      const nodes = [...next.nodes].sort((a, b) => b.order - a.order);
      this.#act(nodes.flatMap((node) => node.exit as Action[]), event); // prettier-ignore
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
  end(event: EventObject, status: 'stopped' | 'error'): AnyMachineSnapshot {
    this.#stopAll(event);
    const { error } = status === 'error' ? (event as EventObject & { error?: unknown }) : this.snapshot;
    this.snapshot = { ...this.snapshot, status, error, children: {} } as AnyMachineSnapshot;
    this.#inspect(event, NONE);
    return this.snapshot;
  }

  #inspect(event: EventObject, transitions: readonly Transition[]): void {
    internals.sendInspectionEvent(this.#system, internals.microstepEvent(this.#self, event, this.snapshot, transitions));
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
        if (this.#passes(candidate, event)) return [candidate];
      } catch (error) {
        const guard = candidate.guard as GuardLike;
        const name = typeof guard === 'function' ? '' : `'${typeof guard === 'string' ? guard : guard.type}' `;
        throw new Error(
          `Unable to evaluate guard ${name}in transition for event '${event.type}' in state node '${candidate.source.id}':\n${(error as Error).message}`,
        );
      }
    }
    return NONE;
  }

  #chooseEventless(event: EventObject): readonly Transition[] {
    const { always } = this.#configuration;
    if (always.length === 0) return NONE;
    const chosen = new Set<Transition>();
    for (const list of always) {
      const first = list.find((candidate) => this.#passes(candidate, event));
      if (first !== undefined) chosen.add(first);
    }
    return chosen.size > 1 ? this.#configuration.withoutConflicts([...chosen]) : [...chosen];
  }

  #passes({ guard }: Transition, event: EventObject): boolean {
    return guard === undefined || this.#holds(guard as GuardLike, event);
  }

  #holds(guard: GuardLike, event: EventObject): boolean {
    const resolved = typeof guard === 'function' ? guard : this.#named('guards', typeof guard === 'string' ? guard : guard.type);
    if (resolved === undefined) throw new Error(`Guard '${nameOf(guard)}' is not implemented.'.`);
    if (typeof resolved !== 'function') return this.#holds(resolved as GuardLike, event);
    const { snapshot } = this;
    const args = { context: snapshot.context as unknown, event };
    if (internals.isBuiltInGuard(resolved as GuardFunction))
      return internals.checkBuiltIn(resolved as GuardFunction, snapshot, args);
    return (resolved as GuardFunction)(args, paramsOf(guard, args));
  }

  #enter(entry: Entry, move: Move, event: EventObject): void {
    const { node, isDefault } = entry;
    const ids = node.invoke.length === 0 ? undefined : node.invoke.map(({ id }) => id);
    const retries: ((draft: Draft) => void)[] = [];
    this.#act(node.entry as Action[], event, ids, retries);
    for (const { id, src, input, systemId, onSnapshot } of node.invoke as Invoke[])
      this.#spawnChild({ id, src, input, systemId, syncSnapshot: onSnapshot !== undefined }, this.#args(event));
    if (isDefault && node.type === 'compound') this.#act(node.initial.actions as Action[], event, ids, retries);
    for (const retry of retries) retry(this.#drafted());
    if (node.type === 'final') this.#finish(node, event, activeUntil(entry, move, this.#configuration.nodes));
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
    this.#queue.push(internals.doneStateEvent(node, output));
  }

  #outputOf(output: unknown, event: EventObject): unknown {
    if (typeof output !== 'function') return output;
    const { context } = this.#draft ?? this.snapshot;
    return (output as (args: object) => unknown)({ context: context as unknown, event, self: this.scope.self });
  }

  #spawnChild(spawn: Spawn, args: Args): void {
    const { id, src, systemId } = spawn;
    const { scope } = this;
    const input = this.#inputOf(spawn.input, args);
    const ownId = typeof id === 'function' ? (id as (args: Args) => string)(args) : (id as string | undefined);
    const actorRef = this.#createChild({ id: ownId, src, input, systemId, syncSnapshot: spawn.syncSnapshot });
    const params = { id, systemId, actorRef, src, input };
    scope.actionExecutor({ type: internals.SPAWN_ACTION, info: args, params, exec: () => scope.startLater(actorRef) });
  }

  #inputOf(input: unknown, { context, event, self }: Args): unknown {
    return typeof input === 'function'
      ? (input as (args: object) => unknown)({ context: context as unknown, event, self })
      : input;
  }

  /** A child that is in the snapshot and has not started. */
  #createChild(options: ChildOptions): AnyActorRef {
    const { src } = options;
    const logic = typeof src === 'string' ? (this.#named('actors', src) as AnyActorLogic | undefined) : src;
    if (logic === undefined) throw new Error(`Actor logic '${String(src)}' not implemented in machine '${this.#machine.id}'`);
    const child = this.scope.self.createChild(logic, options);
    const draft = this.#drafted();
    draft.children = { ...draft.children, [child.id]: child };
    return child;
  }

  #stopChild(target: unknown, args: Args): void {
    const { scope } = this;
    const draft = this.#drafted();
    const child = (typeof target === 'string' ? (draft.children as Record<string, unknown>)[target] : target) as
      AnyActorRef | undefined;
    if (child !== undefined) {
      const { [child.id]: _, ...others } = draft.children as Record<string, AnyActorRef>;
      draft.children = others;
    }
    const exec = (): void => (child === undefined ? undefined : scope.stopLater(child));
    scope.actionExecutor({ type: internals.STOP_ACTION, info: args, params: child as object, exec });
  }

  /** The children stay in the snapshot, as in XState. */
  #stopAll(event: EventObject): void {
    const { scope } = this;
    const info = this.#args(event);
    for (const child of Object.values(this.snapshot.children as Record<string, AnyActorRef | undefined>)) {
      if (child === undefined) continue;
      scope.actionExecutor({ type: internals.STOP_ACTION, info, params: child, exec: () => scope.stopLater(child) });
    }
  }

  #args(event: EventObject): Args {
    const { context } = this.#draft ?? this.snapshot;
    return { context: context as unknown, event, self: this.#self, system: this.#system } as Args;
  }

  #act(actions: readonly Action[], event: EventObject, ids?: readonly string[], retries?: ((draft: Draft) => void)[]): void {
    const { scope } = this;
    for (const action of actions) {
      const args = this.#args(event);
      const resolved = (typeof action === 'function' ? action : this.#named('actions', nameOf(action))) as
        ActionFunction | undefined;
      const params = paramsOf(action, args);
      switch (internals.kindOf(resolved)) {
        case 'own':
          scope.actionExecutor({ type: nameOf(action) || '(anonymous)', info: args, params: params as object, exec: resolved });
          break;
        case 'assign':
          this.#assign(internals.assignmentOf(resolved), args, params);
          break;
        case 'spawn':
          this.#spawnChild(internals.spawnOf(resolved), args);
          break;
        case 'stop': {
          const target = internals.stopTargetOf(resolved);
          this.#stopChild(
            typeof target === 'function' ? (target as (...given: unknown[]) => unknown)(args, params) : target,
            args,
          );
          break;
        }
        case 'else': {
          const draft = this.#draft ?? this.snapshot;
          const more = internals.performBuiltIn(resolved!, scope, draft, args, params, this.#queue, ids, retries);
          if (more !== undefined) this.#act(more as Action[], event, ids, retries);
        }
      }
    }
  }

  #assign(assignment: unknown, { context, event, self, system }: Args, params: unknown): void {
    const args = { context: context as unknown, event, spawn: this.#spawner(event), self, system };
    let update: Record<string, unknown> = {};
    if (typeof assignment === 'function') update = (assignment as (...given: unknown[]) => typeof update)(args, params);
    else
      for (const [key, value] of Object.entries(assignment as object))
        update[key] = typeof value === 'function' ? (value as (...given: unknown[]) => unknown)(args, params) : value;
    // A copy first, so that contexts keep the shape that the chart gave them.
    this.#drafted().context = Object.assign({ ...(context as object) }, update) as unknown;
  }

  /** What `assign` and a chart's `context` may spawn with. */
  #spawner(event: EventObject) {
    return (src: string | AnyActorLogic, { id, input, ...options }: SpawnOptions = {}): AnyActorRef => {
      const child = this.#createChild({ ...options, src, id, input: this.#inputOf(input, this.#args(event)) });
      this.scope.startLater(child);
      return child;
    };
  }

  #named(kind: 'actions' | 'guards' | 'actors', name: string): unknown {
    return (this.#machine.implementations[kind] as Record<string, unknown>)[name];
  }
}

interface Invoke {
  readonly id: string;
  readonly src: string;
  readonly input?: unknown;
  readonly systemId?: string | undefined;
  readonly onSnapshot?: unknown;
}
type SpawnOptions = Omit<Spawn, 'src' | 'id'> & { readonly id?: string };

const NONE: readonly Transition[] = [];
