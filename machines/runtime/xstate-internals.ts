import type {
  ActionArgs,
  ActionExecutor,
  AnyActorLogic,
  AnyActorRef,
  AnyMachineSnapshot,
  AnyStateMachine,
  EventObject,
} from 'xstate';
import { childrenOf, isAtomic, type Transition } from './configuration.js';
import { NO_HISTORY, type Mutable, type StateNode } from './snapshot.js';

/** What XState's charts are made of, as far as it is looked into here, and which charts are made of no more than that. */

/** What a chart asks of the actor it runs in; the scope of XState with a few shortcuts. */
export interface ChartScope {
  readonly self: AnyActorRef;
  readonly system: AnyActorRef['system'];
  actionExecutor: ActionExecutor;
  defer(fn: () => void): void;
  /** A child, not started yet; it is once the transition is over. */
  spawn(logic: AnyActorLogic, id: string, src: string, input: unknown): AnyActorRef;
  /** Stopped once the transition is over; one that was never started, at once. */
  bury(child: AnyActorRef): void;
  inspect(event: object): void;
}

export type Args = ActionArgs<AnyMachineSnapshot['context'], EventObject, EventObject>;
export type Draft = Mutable<AnyMachineSnapshot>;
/** An action as XState names it: by its name, with parameters, or itself. */
export type Action = string | { readonly type: string; readonly params?: unknown } | Resolved;
/** A function of the house, or one of XState's own that carries its parts with it. */
export interface Resolved {
  (args: Args, params: unknown): void;
  readonly type?: string;
  readonly assignment?: unknown;
  readonly resolve?: (
    scope: ChartScope,
    draft: Draft,
    args: Args,
    params: unknown,
    action: Resolved,
    extra: Extra,
  ) => [unknown, unknown];
  readonly retryResolve?: (scope: ChartScope, draft: Draft, params: unknown) => void;
  readonly execute?: (scope: ChartScope, params: unknown) => void;
}
export interface Extra {
  readonly internalQueue: EventObject[];
  readonly deferredActorIds: readonly string[] | undefined;
}
/** A guard of XState's own (`and`, `stateIn`) brings its `check`. */
export interface Guard {
  (args: { context: unknown; event: EventObject }, params: unknown): boolean;
  readonly check?: (snapshot: AnyMachineSnapshot, args: object, guard: Guard) => boolean;
}
export type GuardLike = string | { readonly type: string; readonly params?: unknown } | Guard;

const BUILT_IN = new Set(['xstate.assign', 'xstate.sendTo', 'xstate.raise', 'xstate.cancel']);
export const noSpawn = (): never => {
  throw new Error('an actor is spawned by an invoke, not from an assignment');
};

export function nameOf(named: Action | GuardLike): string {
  if (typeof named === 'string') return named;
  return typeof named === 'function' ? named.name : named.type;
}

export function paramsOf(named: Action | GuardLike, { context, event }: { context: unknown; event: EventObject }): unknown {
  if (typeof named === 'string' || typeof named === 'function' || !('params' in named)) return undefined;
  const { params } = named;
  return typeof params === 'function' ? (params as (args: object) => unknown)({ context, event }) : params;
}

export function doneEvent({ id }: StateNode, output: unknown): EventObject {
  return { type: `xstate.done.state.${id}`, output } as EventObject;
}

export function isFinal(nodes: ReadonlySet<StateNode>, node: StateNode): boolean {
  if (node.type === 'compound') return childrenOf(node).some((child) => child.type === 'final' && nodes.has(child));
  return node.type === 'parallel' ? childrenOf(node).every((child) => isFinal(nodes, child)) : node.type === 'final';
}

/** Whether all that the chart uses is done here as XState does it. */
export function isUnderstood(machine: AnyStateMachine): boolean {
  const { actions, actors } = machine.implementations as { actions: Record<string, unknown>; actors: Record<string, unknown> };
  const isKnown = (action: unknown): boolean => {
    const type =
      (action as { resolve?: unknown; type?: string } | undefined)?.resolve === undefined ? undefined : (action as Resolved).type;
    return type === undefined || BUILT_IN.has(type);
  };
  const isPlain = (node: StateNode): boolean => {
    if (node.type === 'history') return false;
    const used: unknown[] = [
      ...node.entry,
      ...node.exit,
      ...[...node.transitions.values()].flat().flatMap((each) => each.actions as unknown[]),
    ];
    for (const each of (node.always ?? []) as Transition[]) used.push(...(each.actions as unknown[]));
    if (node.type === 'compound') used.push(...(node.initial.actions as unknown[]));
    for (const { src, systemId, onSnapshot } of node.invoke as { src: unknown; systemId?: unknown; onSnapshot?: unknown }[])
      if (typeof src !== 'string' || actors[src] === undefined || systemId !== undefined || onSnapshot !== undefined)
        return false;
    return used.every((action) => typeof action !== 'function' || isKnown(action)) && childrenOf(node).every(isPlain);
  };
  return Object.values(actions).every(isKnown) && isPlain(machine.root) && !isAtomic(machine.root);
}

/** What XState's snapshots are made of beside their state, taken from one of them. */
const methods = new WeakMap<AnyStateMachine, AnyMachineSnapshot>();

export function emptySnapshot(machine: AnyStateMachine): AnyMachineSnapshot {
  let sample = methods.get(machine);
  if (sample === undefined) {
    const value = machine.root.type === 'parallel' ? {} : (machine.root.initial.target[0] as StateNode).key;
    sample = machine.resolveState({ value, context: {} }) as AnyMachineSnapshot;
    methods.set(machine, sample);
  }
  const context = (machine.config as { context?: unknown }).context;
  const { value, tags, matches, hasTag, can, getMeta, toJSON } = sample;
  // Every property by name, so that those that are made from it have them side by side.
  return {
    status: 'active',
    output: undefined,
    error: undefined,
    machine,
    context: typeof context === 'function' ? {} : (context ?? {}),
    _nodes: [machine.root],
    value,
    tags,
    children: {},
    historyValue: NO_HISTORY,
    matches,
    hasTag,
    can,
    getMeta,
    toJSON,
  } as AnyMachineSnapshot;
}
