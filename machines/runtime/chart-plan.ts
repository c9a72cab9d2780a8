import type { AnyStateMachine } from 'xstate';
import {
  assignmentOf,
  isBuiltInGuard,
  kindOf,
  spawnOf,
  stopTargetOf,
  type ActionFunction,
  type ActionKind,
  type GuardFunction,
  type Spawn,
  type StateNode,
  type Transition,
} from './xstate-internals.js';
import { nameOf, type Action, type GuardLike } from './supported-charts.js';

/** An action with its implementation found, once per chart: XState looks it up by name each time. */
export interface PlannedAction {
  readonly kind: ActionKind;
  /** As inspectors see it. */
  readonly type: string;
  /** Undefined where the chart has no implementation: then it does nothing. */
  readonly perform: ActionFunction | undefined;
  /** Of `assign`, `spawnChild` and `stopChild`: what it assigns, spawns or stops. */
  readonly subject: unknown;
  readonly params: Params;
}

export interface PlannedGuard {
  readonly name: string;
  /** Undefined where the chart has no implementation: then asking throws. */
  readonly holds: GuardFunction | undefined;
  readonly isBuiltIn: boolean;
  readonly params: Params;
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
  readonly invokeIds: readonly string[] | undefined;
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

  actions(stated: readonly unknown[]): readonly PlannedAction[] {
    return stated.length === 0 ? NO_ACTIONS : (stated as readonly Action[]).map((each) => this.#action(each));
  }

  #nodePlan(node: StateNode): NodePlan {
    const entry = this.actions(node.entry);
    const initial = node.type === 'compound' ? this.actions(node.initial.actions) : NO_ACTIONS;
    const invokes = (node.invoke as unknown as readonly Invoke[]).map(({ id, src, input, systemId, onSnapshot }) => ({
      id,
      spawn: { id, src, input, systemId, syncSnapshot: onSnapshot !== undefined },
    }));
    return {
      node,
      entry,
      exit: this.actions(node.exit),
      initial,
      invokes,
      invokeIds: invokes.length === 0 ? undefined : invokes.map(({ id }) => id),
      mayRetry: [...entry, ...initial].some(({ kind }) => kind === 'else'),
    };
  }

  #action(stated: Action): PlannedAction {
    const perform = (typeof stated === 'function' ? stated : this.#named('actions', nameOf(stated))) as
      ActionFunction | undefined;
    const kind = kindOf(perform);
    const type = nameOf(stated) || '(anonymous)';
    return { kind, type, perform, subject: subjectOf(kind, perform), params: paramsOf(stated) };
  }

  #guard(stated: GuardLike): PlannedGuard {
    const name = nameOf(stated);
    const found = typeof stated === 'function' ? stated : this.#named('guards', name);
    if (found !== undefined && typeof found !== 'function') return this.#guard(found as GuardLike); // One guard may name another.
    const holds = found as GuardFunction | undefined;
    return { name, holds, isBuiltIn: holds !== undefined && isBuiltInGuard(holds), params: paramsOf(stated) };
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

function subjectOf(kind: ActionKind, perform: ActionFunction | undefined): unknown {
  if (kind === 'assign') return assignmentOf(perform);
  if (kind === 'spawn') return spawnOf(perform);
  return kind === 'stop' ? stopTargetOf(perform) : undefined;
}

function paramsOf(stated: Action | GuardLike): Params {
  if (typeof stated === 'string' || typeof stated === 'function' || !('params' in stated)) return NO_PARAMS;
  const { params } = stated;
  return typeof params === 'function' ? { value: undefined, make: params as Params['make'] } : { value: params, make: undefined };
}
