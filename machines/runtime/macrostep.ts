import type { AnyActorRef, AnyMachineSnapshot, EventObject } from 'xstate';
import type { ScopedActor } from './actor-scope.js';
import type { Assignment, Candidate, PlannedAction } from './chart-plan.js';
import type { Choice, Configuration, Configurations, Move, Selector } from './configuration.js';
import type { Ending, Operation } from './operations.js';
import { NOTHING, resolved, StepState, type Children, type ParamsFunction } from './step-state.js';
import type { GuardLike } from './supported-charts.js';
import { isFinal } from './transition-set.js';
import * as actions from './xstate-actions.js';
import type { Args, Sending, Spawn } from './xstate-actions.js';
import * as internals from './xstate-internals.js';
import type { Draft, StateNode, Transition } from './xstate-internals.js';

/**
 * One event of a chart, and what follows from it without another one. Steps are used again: an actor takes one from
 * `vacant`, and gives it back with `release` when all that it has deferred is done.
 */
export class Macrostep extends StepState {
  static readonly #vacant: Macrostep[] = [];

  /** Where the chart is. */
  configuration: Configuration = NOTHING;
  /** Events that the chart raised for itself. */
  private raised: EventObject[] | undefined = undefined;
  private retries: ((draft: Draft) => void)[] | undefined = undefined;

  constructor() {
    super(NOTHING, false);
  }

  static vacant(): Macrostep {
    return Macrostep.#vacant.pop() ?? new Macrostep();
  }

  /** It holds nothing of the actor any more. One that has thrown is not used again, nor more of them than steps nest. */
  release(): void {
    this.self = this.snapshot = this.configurations = this.configuration = NOTHING;
    this.raised = this.draft = this.args = this.retries = undefined;
    if (this.deferred !== undefined) this.deferred.length = 0;
    if (Macrostep.#vacant.length < VACANT_MAX) Macrostep.#vacant.push(this);
  }

  /** The way into the chart. An error that an action throws becomes the error of the snapshot, as in XState. */
  begin(configurations: Configurations, self: ScopedActor, event: EventObject): void {
    this.self = self;
    this.isInitial = true;
    this.configurations = configurations;
    this.snapshot = internals.emptySnapshot(configurations.machine);
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

  run(configuration: Configuration, snapshot: AnyMachineSnapshot, self: ScopedActor, event: EventObject): AnyMachineSnapshot {
    this.self = self;
    this.isInitial = false;
    this.configuration = configuration;
    this.configurations = configuration.all;
    this.snapshot = snapshot;
    if (event.type === internals.STOP.type) return this.#end(event, 'stopped');
    if (!this.#react(event)) {
      if (internals.isErrorEvent(event)) return this.#end(event, 'error');
      if (this.self.shared.isInspected) this.#inspect(event, NONE);
    }
    if (this.raised !== undefined || this.configuration.always.length > 0 || this.snapshot.status !== 'active')
      this.#settle(event);
    return this.snapshot;
  }

  #beginContext(event: EventObject): void {
    const { context } = this.configurations.machine.config as { context?: unknown };
    if (typeof context !== 'function') return;
    const spawn = this.spawner(event);
    const made = (context as (args: object) => object)({ spawn, input: (event as { input?: unknown }).input, self: this.self });
    const draft = this.drafted();
    draft.context = { ...made } as unknown;
    this.snapshot = draft as AnyMachineSnapshot;
    this.draft = undefined;
  }

  /** Takes the transitions that the event enables. False: there are none. */
  #react(event: EventObject): boolean {
    const { configuration } = this;
    const selector = configuration.selector(event.type);
    if (selector === undefined) return false;
    if (selector.inner.length > 0) {
      const chosen = this.#select(selector, event);
      if (chosen.length > 0) this.#takeAll(chosen, event);
      return chosen.length > 0;
    }
    const { own } = selector;
    const choice = own[0]!.guard === undefined ? own[0] : this.#first(own, event);
    if (choice === undefined) return false;
    this.#take(choice.move ?? configuration.moveOf(choice), event, false);
    if (this.self.shared.isInspected) this.#inspect(event, [choice.transition]);
    return true;
  }

  #takeAll(chosen: readonly Transition[], event: EventObject): void {
    this.#take(this.configuration.move(chosen), event, false);
    if (this.self.shared.isInspected) this.#inspect(event, chosen);
  }

  /** Eventless transitions and raised events, until there are none. */
  #settle(event: EventObject): void {
    let current = event;
    let mayBeEventless = true;
    for (let count = 1; this.snapshot.status === 'active'; count++) {
      if (count > this.configurations.maxIterations) throw endless(this.configurations.maxIterations);
      const chosen: readonly Transition[] =
        mayBeEventless && this.configuration.always.length > 0 ? this.#chooseEventless(current) : NONE;
      const before: AnyMachineSnapshot | undefined = chosen.length > 0 ? this.snapshot : undefined;
      if (chosen.length > 0) this.#takeAll(chosen, current);
      else {
        const raised = this.raised?.shift();
        if (raised === undefined) break;
        current = raised;
        if (!this.#react(current) && this.self.shared.isInspected) this.#inspect(current, NONE);
      }
      mayBeEventless = this.snapshot !== before;
    }
    if (this.snapshot.status !== 'active') this.stopAll(current);
  }

  #take(move: Move, event: EventObject, isFirst: boolean): void {
    const { operations } = move;
    const { shared } = this.self;
    this.args = undefined;
    for (let i = 0; i < operations.length; i++) {
      const operation = operations[i]!;
      if (operation.kind !== 'own' || operation.make !== undefined || this.isInitial || shared.isInspected)
        this.#perform(operation, event);
      else if (operation.perform !== undefined) operation.perform(this.args ?? this.argsOf(event), operation.value);
    }
    let { next } = move;
    if (move.mayEnd && (this.draft ?? this.snapshot).status === 'done') {
      const nodes = [...next.nodes].sort((a, b) => b.order - a.order);
      for (const node of nodes) for (const each of this.configurations.plan.node(node).exit) this.#perform(each, event);
      next = this.configurations.at(nodes);
    }
    const { draft } = this;
    if (next !== this.configuration || isFirst) {
      this.configuration = next;
      if (draft === undefined) this.snapshot = internals.movedTo(this.snapshot, next);
      else internals.moveTo(draft, next);
    }
    if (draft !== undefined) this.snapshot = draft as AnyMachineSnapshot;
    this.draft = undefined;
  }

  /** Stopped by the parent, or by an error of a child that nothing handles. */
  #end(event: EventObject, status: 'stopped' | 'error'): AnyMachineSnapshot {
    this.stopAll(event);
    const draft = internals.draftOf(this.snapshot);
    if (status === 'error') draft.error = (event as EventObject & { error?: unknown }).error;
    draft.status = status;
    draft.children = {};
    this.snapshot = draft as AnyMachineSnapshot;
    if (this.self.shared.isInspected) this.#inspect(event, NONE);
    return this.snapshot;
  }

  #inspect(event: EventObject, transitions: readonly Transition[]): void {
    const { self } = this;
    internals.sendInspectionEvent(self.shared.system, internals.microstepEvent(self, event, this.snapshot, transitions));
  }

  #select({ inner, own }: Selector, event: EventObject): readonly Transition[] {
    let chosen: readonly Transition[] = NONE;
    for (const each of inner) {
      const within = this.#select(each, event);
      if (within.length > 0) chosen = chosen.length === 0 ? within : [...chosen, ...within];
    }
    if (chosen.length > 0) return chosen;
    const first = this.#first(own, event);
    return first === undefined ? NONE : [first.transition];
  }

  #first(own: readonly Choice[], event: EventObject): Choice | undefined {
    for (let i = 0; i < own.length; i++) {
      const choice = own[i]!;
      try {
        if (choice.guard === undefined || this.#passes(choice, event)) return choice;
      } catch (error) {
        const { source } = choice.transition;
        const guard = choice.transition.guard as GuardLike;
        const name = typeof guard === 'function' ? '' : `'${typeof guard === 'string' ? guard : guard.type}' `;
        throw new Error(
          `Unable to evaluate guard ${name}in transition for event '${event.type}' in state node '${source.id}':\n${(error as Error).message}`,
        );
      }
    }
    return undefined;
  }

  #chooseEventless(event: EventObject): readonly Transition[] {
    let chosen: Transition[] | undefined;
    for (const list of this.configuration.always) {
      const first = list.find((choice) => this.#passes(choice, event));
      if (first === undefined || chosen?.includes(first.transition) === true) continue;
      (chosen ??= []).push(first.transition);
    }
    if (chosen === undefined) return NONE;
    return chosen.length > 1 ? this.configuration.withoutConflicts(chosen) : chosen;
  }

  #passes({ guard }: Candidate, event: EventObject): boolean {
    if (guard === undefined) return true;
    const { holds, value, make } = guard;
    if (holds === undefined) throw new Error(`Guard '${guard.name}' is not implemented.'.`);
    const args = { context: this.snapshot.context as unknown, event };
    if (guard.isBuiltIn) return actions.checkBuiltIn(holds, this.snapshot, args);
    return holds(args, make === undefined ? value : make(args));
  }

  #perform(operation: Operation, event: EventObject): void {
    const { kind } = operation;
    if (kind === 'final') return this.#finish(operation.subject, event);
    if (kind === 'halt') return this.endChild(operation.subject, event);
    if (kind === 'retry') return this.#retry();
    const args = this.argsOf(event);
    if (kind === 'invoke') return this.spawnChild(operation.subject, args);
    const { make } = operation;
    const given = make === undefined ? operation.value : make({ context: args.context, event });
    switch (kind) {
      case 'own':
        return this.act(operation.type, args, given, operation.perform);
      case 'assign':
        return this.assign(operation.subject as Assignment, args, given);
      case 'spawn':
        return this.spawnChild(operation.subject as Spawn, args);
      case 'stop': {
        const { subject } = operation;
        return this.endChild(typeof subject === 'function' ? (subject as ParamsFunction)(args, given) : subject, event);
      }
      case 'else':
        return this.#performBuiltIn(operation, args, given);
      case 'send':
      case 'raise':
      case 'cancel':
        if (this.isInitial || this.self.shared.isInspected) this.#performBuiltIn(operation, args, given);
        else if (kind === 'send') this.#send(operation, args, given);
        else if (kind === 'raise') this.#raise(operation.subject as Sending, args, given);
        else this.cancelLater(resolved((operation.subject as Sending).sendId, args, given) as string);
    }
  }

  /** As XState resolves and executes `sendTo` without a delay. */
  #send(operation: PlannedAction, args: Args, given: unknown): void {
    const { to, event } = operation.subject as Sending;
    const target = typeof to === 'function' ? (to as ParamsFunction)(args, given) : to;
    if (typeof target === 'string' && (operation.invokeIds?.includes(target) === true || target.startsWith('#')))
      return this.#performBuiltIn(operation, args, given); // It begins in the same state, and is not there yet.
    const sent = (typeof event === 'function' ? (event as ParamsFunction)(args, given) : event) as EventObject;
    const { children } = this.draft ?? this.snapshot;
    const actor =
      typeof target === 'string' ? (children as Children)[target] : ((target as AnyActorRef | undefined) ?? this.self);
    if (actor === undefined)
      throw new Error(`Unable to send event to actor '${String(target)}' from machine '${this.configurations.machine.id}'.`);
    this.sendLater(actor, sent);
  }

  /** As XState resolves and executes `raise`; a state's `after` is one with a delay. */
  #raise({ event, id, delay }: Sending, args: Args, given: unknown): void {
    const raised = resolved(event, args, given) as EventObject;
    const ms = typeof delay === 'function' ? (delay as ParamsFunction)(args, given) : delay;
    if (typeof ms === 'number') this.raiseLater(raised, ms, id);
    else (this.raised ??= []).push(raised);
  }

  #performBuiltIn({ perform, invokeIds }: PlannedAction, args: Args, given: unknown): void {
    const retries = invokeIds === undefined ? undefined : (this.retries ??= []);
    const raised = (this.raised ??= []);
    const more = actions.performBuiltIn(perform!, this, this.draft ?? this.snapshot, args, given, raised, invokeIds, retries);
    if (more === undefined) return;
    for (const each of this.configurations.plan.actions(more as unknown[], invokeIds)) this.#perform(each, args.event);
  }

  #retry(): void {
    const { retries } = this;
    this.retries = undefined;
    if (retries !== undefined) for (const retry of retries) retry(this.drafted());
  }

  /** A final state ends its parent; the root's ends the chart. */
  #finish({ node, nodes }: Ending, event: EventObject): void {
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
    const draft = this.drafted();
    draft.status = 'done';
    draft.output = root.output === undefined ? undefined : this.#outputOf(root.output, done);
  }

  #raiseDone(node: StateNode, output: unknown): void {
    (this.raised ??= []).push(internals.doneStateEvent(node, output));
  }

  #outputOf(output: unknown, event: EventObject): unknown {
    if (typeof output !== 'function') return output;
    const { context } = this.draft ?? this.snapshot;
    return (output as (args: object) => unknown)({ context: context as unknown, event, self: this.self });
  }
}

const NONE: readonly Transition[] = [];
/** As many as nest when a connection ends within the steps of others; more are left to the collector. */
const VACANT_MAX = 16;

/** In XState's words. */
function endless(max: number): Error {
  return new Error(
    `Infinite loop detected: the machine has processed more than ${max} microsteps without reaching a stable state. ` +
      `This usually happens when there's a cycle of transitions (e.g., eventless transitions or raised events causing state A -> B -> C -> A).`,
  );
}
