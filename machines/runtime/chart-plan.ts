import type { AnyStateMachine } from 'xstate';
import { nameOf, type Action, type GuardLike } from './supported-charts.js';
import {
  assignmentOf,
  isBuiltInGuard,
  kindOf,
  sendingOf,
  spawnOf,
  stopTargetOf,
  type ActionFunction,
  type ActionKind,
  type GuardFunction,
  type Spawn,
} from './xstate-actions.js';
import type { StateNode, Transition } from './xstate-internals.js';

/** An action with its implementation found, once per chart: XState looks it up by name each time. */
export interface PlannedAction extends Params {
  readonly kind: ActionKind;
  /** As inspectors see it. */
  readonly type: string;
  /** Undefined where the chart has no implementation: then it does nothing. */
  readonly perform: ActionFunction | undefined;
  /** Of XState's own actions: their parts, such as the assignment of `assign` and the target of `sendTo`. */
  readonly subject: unknown;
  /** Children that begin in the same state, and that the action may send to. */
  readonly invokeIds: readonly string[] | undefined;
}

/** The parts of `assign`: one function, or one for each property. */
export interface Assignment {
  readonly update: unknown;
  readonly keys: readonly string[];
  readonly values: readonly unknown[];
}

export interface PlannedGuard extends Params {
  readonly name: string;
  /** Undefined where the chart has no implementation: then asking throws. */
  readonly holds: GuardFunction | undefined;
  readonly isBuiltIn: boolean;
}

/** A transition that is taken if its guard holds. */
export interface Candidate {
  readonly transition: Transition;
  readonly guard: PlannedGuard | undefined;
}

/** The parameters of an action or guard: a value, or a function of context and event. */
export interface Params {
  readonly value: unknown;
  readonly make: ((args: { readonly context: unknown; readonly event: object }) => unknown) | undefined;
}

export interface PlannedInvoke {
  readonly id: string;
  readonly spawn: Spawn;
}

/** The actions of entering and leaving a state. */
export interface NodePlan {
  readonly node: StateNode;
  readonly entry: readonly PlannedAction[];
  readonly exit: readonly PlannedAction[];
  /** Of a compound state that is entered by default. */
  readonly initial: readonly PlannedAction[];
  readonly invokes: readonly PlannedInvoke[];
  /** One of XState's own actions may have to be tried again when the invoked children are there. */
  readonly mayRetry: boolean;
}

const NO_PARAMS: Params = Object.freeze({ value: undefined, make: undefined });

/** The actions and guards of one chart, each planned when it is first met. */
export class ChartPlan {
  readonly #nodes = new Map<StateNode, NodePlan>();
  readonly #candidates = new Map<Transition, Candidate>();

  constructor(readonly machine: AnyStateMachine) {}

  node(node: StateNode): NodePlan {
    let plan = this.#nodes.get(node);
    if (plan === undefined) this.#nodes.set(node, (plan = this.#nodePlan(node)));
    return plan;
  }

  candidate(transition: Transition): Candidate {
    let candidate = this.#candidates.get(transition);
    if (candidate === undefined) {
      const { guard } = transition;
      candidate = { transition, guard: guard === undefined ? undefined : this.#guard(guard as GuardLike) };
      this.#candidates.set(transition, candidate);
    }
    return candidate;
  }

  actions(stated: readonly unknown[], invokeIds?: readonly string[]): readonly PlannedAction[] {
    return stated.length === 0 ? NO_ACTIONS : (stated as readonly Action[]).map((each) => this.#action(each, invokeIds));
  }

  #nodePlan(node: StateNode): NodePlan {
    const invokes = (node.invoke as unknown as readonly Invoke[]).map(({ id, src, input, systemId, onSnapshot }) => ({
      id,
      spawn: { id, src, input, systemId, syncSnapshot: onSnapshot !== undefined },
    }));
    const invokeIds = invokes.length === 0 ? undefined : invokes.map(({ id }) => id);
    const entry = this.actions(node.entry, invokeIds);
    const initial = node.type === 'compound' ? this.actions(node.initial.actions, invokeIds) : NO_ACTIONS;
    const mayRetry = invokeIds !== undefined && [...entry, ...initial].some(({ kind }) => kind === 'else' || kind === 'send');
    return { node, entry, exit: this.actions(node.exit), initial, invokes, mayRetry };
  }

  #action(stated: Action, invokeIds: readonly string[] | undefined): PlannedAction {
    const perform = (typeof stated === 'function' ? stated : this.#named('actions', nameOf(stated))) as
      ActionFunction | undefined;
    const kind = kindOf(perform);
    const type = nameOf(stated) || '(anonymous)';
    const { value, make } = paramsOf(stated);
    return { kind, type, perform, subject: this.#subjectOf(kind, perform), value, make, invokeIds };
  }

  #subjectOf(kind: ActionKind, perform: ActionFunction | undefined): unknown {
    switch (kind) {
      case 'assign':
        return assignmentFrom(assignmentOf(perform));
      case 'spawn':
        return spawnOf(perform);
      case 'stop':
        return stopTargetOf(perform);
      case 'send':
      case 'cancel':
        return sendingOf(perform);
      case 'raise': {
        const { event, id, delay } = sendingOf(perform);
        const delays = this.machine.implementations.delays as Readonly<Record<string, unknown>>;
        return { event, id, delay: typeof delay === 'string' ? delays[delay] : delay };
      }
      case 'own':
      case 'else':
        return undefined;
    }
  }

  #guard(stated: GuardLike): PlannedGuard {
    const name = nameOf(stated);
    const found = typeof stated === 'function' ? stated : this.#named('guards', name);
    if (found !== undefined && typeof found !== 'function') return this.#guard(found as GuardLike); // One guard may name another.
    const holds = found as GuardFunction | undefined;
    const { value, make } = paramsOf(stated);
    return { name, holds, isBuiltIn: holds !== undefined && isBuiltInGuard(holds), value, make };
  }

  #named(kind: 'actions' | 'guards', name: string): unknown {
    return (this.machine.implementations[kind] as Readonly<Record<string, unknown>>)[name];
  }
}

const NO_ACTIONS: readonly PlannedAction[] = [];

interface Invoke {
  readonly id: string;
  readonly src: string;
  readonly input?: unknown;
  readonly systemId?: string | undefined;
  readonly onSnapshot?: unknown;
}

function assignmentFrom(assignment: unknown): Assignment {
  if (typeof assignment === 'function') return { update: assignment, keys: [], values: [] };
  return { update: undefined, keys: Object.keys(assignment as object), values: Object.values(assignment as object) };
}

function paramsOf(stated: Action | GuardLike): Params {
  if (typeof stated === 'string' || typeof stated === 'function' || !('params' in stated)) return NO_PARAMS;
  const { params } = stated;
  return typeof params === 'function' ? { value: undefined, make: params as Params['make'] } : { value: params, make: undefined };
}
