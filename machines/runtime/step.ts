import type { AnyActorLogic, AnyActorRef, AnyMachineSnapshot, AnyStateMachine, EventObject } from 'xstate';
import { Places, type Place, type Plan, type Selector, type Transition } from './configuration.js';
import type { StateNode } from './snapshot.js';
import {
  doneEvent,
  emptySnapshot,
  isFinal,
  isUnderstood,
  nameOf,
  noSpawn,
  paramsOf,
  type Action,
  type Args,
  type ChartScope,
  type Draft,
  type Guard,
  type GuardLike,
  type Resolved,
} from './xstate-internals.js';

/**
 * Carries a chart of XState's from one state to the next as XState does, by plans that are made once (`plan.ts`): an
 * event costs a few microseconds instead of tens. The charts, their actions and guards are XState's own objects. A chart
 * that uses something not understood here (history, `enqueueActions`, `emit`, named actors) is left to XState as a whole.
 *
 * `spec/runtime/actor.spec.ts` drives the house's charts both ways at random and compares every step.
 */

const charts = new WeakMap<AnyStateMachine, Chart | undefined>();

export class Chart {
  readonly #places: Places;
  #beginning: Plan | undefined;

  /** Undefined: XState has to do it. */
  static of(machine: AnyStateMachine): Chart | undefined {
    if (!charts.has(machine)) charts.set(machine, isUnderstood(machine) ? new Chart(machine) : undefined);
    return charts.get(machine);
  }

  private constructor(readonly machine: AnyStateMachine) {
    this.#places = new Places(machine);
  }

  begin(input: unknown, scope: ChartScope): AnyMachineSnapshot {
    const event = { type: 'xstate.init', input } as EventObject;
    const plan = (this.#beginning ??= this.#places.beginning());
    const run = new Run(this.#places, emptySnapshot(this.machine), scope);
    run.beginContext(event);
    run.take(plan, event, true);
    run.settle(event);
    return run.snapshot;
  }

  transition(snapshot: AnyMachineSnapshot, event: EventObject, scope: ChartScope): AnyMachineSnapshot {
    const run = new Run(this.#places, snapshot, scope);
    if (event.type === 'xstate.stop') return run.stop(event);
    const chosen = run.choose(event);
    if (chosen.length === 0 && event.type.startsWith('xstate.error.actor')) return run.fail(event);
    run.step(chosen, event);
    run.settle(event);
    return run.snapshot;
  }
}

/** One event and what follows from it without another one. */
class Run {
  readonly #machine: AnyStateMachine;
  readonly #queue: EventObject[] = [];
  readonly #self: AnyActorRef;
  readonly #system: AnyActorRef['system'];
  #place: Place;
  #draft: Draft | undefined; // The next snapshot, while a step is under way.

  constructor(
    readonly places: Places,
    public snapshot: AnyMachineSnapshot,
    readonly scope: ChartScope,
  ) {
    this.#machine = places.machine;
    this.#place = places.of(snapshot);
    this.#self = scope.self;
    this.#system = scope.system;
  }

  beginContext(event: EventObject): void {
    const { context } = this.#machine.config as { context?: unknown };
    if (typeof context !== 'function') return;
    const { self } = this.scope;
    const made = (context as (args: object) => object)({ spawn: noSpawn, input: (event as { input?: unknown }).input, self });
    this.snapshot = { ...this.snapshot, context: { ...made } };
  }

  /** Eventless transitions and raised events, until there are none. */
  settle(event: EventObject): void {
    let current = event;
    let mayBeEventless = true;
    const max = (this.#machine.options as { maxIterations?: number } | undefined)?.maxIterations ?? Infinity;
    for (let count = 1; this.snapshot.status === 'active'; count++) {
      if (count > max)
        throw new Error(
          `Infinite loop detected: the machine has processed more than ${max} microsteps without reaching a stable state.`,
        );
      let chosen: readonly Transition[] = mayBeEventless ? this.#chooseEventless(current) : [];
      const before: AnyMachineSnapshot | undefined = chosen.length > 0 ? this.snapshot : undefined;
      if (chosen.length === 0) {
        const raised = this.#queue.shift();
        if (raised === undefined) break;
        current = raised;
        chosen = this.choose(current);
      }
      this.step(chosen, current);
      mayBeEventless = this.snapshot !== before;
    }
    if (this.snapshot.status !== 'active') this.#buryAll(this.snapshot);
  }

  choose(event: EventObject): readonly Transition[] {
    const selector = this.#place.selector(event.type);
    return selector === undefined ? NONE : this.#select(selector, event);
  }

  step(chosen: readonly Transition[], event: EventObject): void {
    if (chosen.length > 0) this.take(this.#place.plan(chosen), event, false);
    this.#tell(event, chosen);
  }

  take(plan: Plan, event: EventObject, isFirst: boolean): void {
    for (const node of plan.exits) {
      this.#act(node.exit as Action[], event);
      for (const { id } of node.invoke) this.#stopChild(id);
    }
    for (const { actions } of plan.transitions) this.#act(actions as Action[], event);
    for (const each of plan.enters) this.#enter(each, plan, event);
    let { next } = plan;
    if ((this.#draft ?? this.snapshot).status === 'done') {
      const nodes = [...next._nodes].sort((a, b) => b.order - a.order);
      this.#act(nodes.flatMap((node) => node.exit as Action[]), event); // prettier-ignore
      next = this.places.at(nodes);
    }
    if (next !== this.#place || isFirst) {
      const draft = this.#drafted();
      draft._nodes = next._nodes;
      draft.value = next.value;
      draft.tags = next.tags;
      this.#place = next;
    }
    if (this.#draft !== undefined) this.snapshot = this.#draft;
    this.#draft = undefined;
  }

  stop(event: EventObject): AnyMachineSnapshot {
    this.#buryAll(this.snapshot);
    this.snapshot = { ...this.snapshot, status: 'stopped', children: {} } as AnyMachineSnapshot;
    this.#tell(event, NONE);
    return this.snapshot;
  }

  fail(event: EventObject): AnyMachineSnapshot {
    this.#buryAll(this.snapshot);
    const { error } = event as EventObject & { error?: unknown };
    this.snapshot = { ...this.snapshot, status: 'error', error, children: {} } as AnyMachineSnapshot;
    this.#tell(event, NONE);
    return this.snapshot;
  }

  #tell(event: EventObject, transitions: readonly Transition[]): void {
    const { self } = this.scope;
    this.scope.inspect({ type: '@xstate.microstep', actorRef: self, event, snapshot: this.snapshot, _transitions: transitions });
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
    const { always } = this.#place;
    if (always.length === 0) return NONE;
    const chosen = new Set<Transition>();
    for (const list of always) {
      const first = list.find((candidate) => this.#passes(candidate, event));
      if (first !== undefined) chosen.add(first);
    }
    return [...chosen];
  }

  #passes({ guard }: Transition, event: EventObject): boolean {
    return guard === undefined || this.#holds(guard as GuardLike, event);
  }

  #holds(guard: GuardLike, event: EventObject): boolean {
    const resolved = typeof guard === 'function' ? guard : this.#named('guards', typeof guard === 'string' ? guard : guard.type);
    if (resolved === undefined) throw new Error(`Guard '${nameOf(guard)}' is not implemented.'.`);
    if (typeof resolved !== 'function') return this.#holds(resolved as GuardLike, event);
    const { snapshot } = this;
    const { context } = snapshot as { context: unknown };
    const args = { context, event };
    const { check } = resolved as Guard;
    if (check !== undefined) return check(snapshot, args, resolved as Guard);
    return (resolved as Guard)(args, paramsOf(guard, args));
  }

  #enter(entering: Plan['enters'][number], plan: Plan, event: EventObject): void {
    const { node, isDefault } = entering;
    const ids = node.invoke.length === 0 ? undefined : node.invoke.map(({ id }) => id);
    const retries: (() => void)[] = [];
    this.#act(node.entry as Action[], event, ids, retries);
    for (const { id, src, input } of node.invoke) this.#spawnChild(id, src as string, input, event);
    if (isDefault && node.type === 'compound') this.#act(node.initial.actions as Action[], event, ids, retries);
    for (const retry of retries) retry();
    if (node.type === 'final') this.#finish(node, event, soFar(this.#place, plan, entering));
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
    const { root } = this.places;
    const inner =
      completed.output !== undefined && completed.parent !== undefined ? this.#outputOf(completed.output, event) : undefined;
    const done = doneEvent(completed, inner);
    const draft = this.#drafted();
    draft.status = 'done';
    draft.output = root.output === undefined ? undefined : this.#outputOf(root.output, done);
  }

  #raiseDone(node: StateNode, output: unknown): void {
    this.#queue.push(doneEvent(node, output));
  }

  #outputOf(output: unknown, event: EventObject): unknown {
    if (typeof output !== 'function') return output;
    const { context } = this.#draft ?? this.snapshot;
    return (output as (args: object) => unknown)({ context: context as unknown, event, self: this.scope.self });
  }

  #spawnChild(id: string, src: string, input: unknown, event: EventObject): void {
    const logic = this.#named('actors', src) as AnyActorLogic;
    const draft = this.#drafted();
    const { self } = this.scope;
    const given =
      typeof input === 'function'
        ? (input as (args: object) => unknown)({ context: draft.context as unknown, event, self })
        : input;
    draft.children = { ...draft.children, [id]: this.scope.spawn(logic, id, src, given) };
  }

  #stopChild(id: string): void {
    const draft = this.#drafted();
    const { [id]: child, ...others } = draft.children as Record<string, AnyActorRef>;
    if (child === undefined) return;
    draft.children = others;
    this.scope.bury(child);
  }

  #buryAll({ children }: AnyMachineSnapshot): void {
    for (const child of Object.values(children as Record<string, AnyActorRef | undefined>))
      if (child !== undefined) this.scope.bury(child);
  }

  #act(actions: readonly Action[], event: EventObject, deferredActorIds?: readonly string[], retries?: (() => void)[]): void {
    const { scope } = this;
    for (const action of actions) {
      const draft = this.#draft ?? this.snapshot;
      const args = { context: draft.context as unknown, event, self: this.#self, system: this.#system } as Args;
      const resolved = (typeof action === 'function' ? action : this.#named('actions', nameOf(action))) as Resolved | undefined;
      const params = paramsOf(action, args);
      if (resolved?.resolve === undefined) {
        scope.actionExecutor({ type: nameOf(action) || '(anonymous)', info: args, params: params as object, exec: resolved });
        continue;
      }
      if (resolved.type === 'xstate.assign') {
        this.#assign(resolved.assignment, args, params);
        continue;
      }
      // These read the draft and leave it as it is.
      const [, outcome] = resolved.resolve(scope, draft, args, params, resolved, {
        internalQueue: this.#queue,
        deferredActorIds,
      });
      const { retryResolve, execute } = resolved;
      if (retryResolve !== undefined) retries?.push(() => retryResolve(scope, this.#drafted(), outcome));
      if (execute !== undefined)
        scope.actionExecutor({
          type: resolved.type ?? '',
          info: args,
          params: outcome as object,
          exec: () => execute(scope, outcome),
        });
    }
  }

  #assign(assignment: unknown, { context, event, self, system }: Args, params: unknown): void {
    const args = { context: context as unknown, event, spawn: noSpawn, self, system };
    let update: Record<string, unknown> = {};
    if (typeof assignment === 'function') update = (assignment as (...given: unknown[]) => typeof update)(args, params);
    else
      for (const [key, value] of Object.entries(assignment as object))
        update[key] = typeof value === 'function' ? (value as (...given: unknown[]) => unknown)(args, params) : value;
    // A copy first, so that contexts keep the shape that the chart gave them.
    this.#drafted().context = Object.assign({ ...(context as object) }, update) as unknown;
  }

  #named(kind: 'actions' | 'guards' | 'actors', name: string): unknown {
    return (this.#machine.implementations[kind] as Record<string, unknown>)[name];
  }
}

const NONE: readonly Transition[] = [];

/** The states there are once this one is entered, and those after it are not. */
function soFar({ _nodes }: Place, { exits, enters }: Plan, last: Plan['enters'][number]): ReadonlySet<StateNode> {
  const nodes = new Set(_nodes);
  for (const node of exits) nodes.delete(node);
  for (const { node } of enters.slice(0, enters.indexOf(last) + 1)) nodes.add(node);
  return nodes;
}
