import type { ChartPlan, NodePlan, PlannedAction } from './chart-plan.js';
import { activeUntil, type TransitionSet } from './transition-set.js';
import type { Spawn } from './xstate-actions.js';
import type { StateNode } from './xstate-internals.js';

/** One thing to do during a move. All have the same properties, in the same order: what reads them is fast where it sees one shape. */
export type Operation = PlannedAction | Invoke | Halt | Retry | Final;

interface Bare<Kind extends string, Subject> extends Omit<PlannedAction, 'kind' | 'subject'> {
  readonly kind: Kind;
  readonly subject: Subject;
}
type Invoke = Bare<'invoke', Spawn>;
/** Stops an invoked child by its id. */
type Halt = Bare<'halt', string>;
/** The invoked children of a state are there: what waited for them is tried again. */
type Retry = Bare<'retry', undefined>;
type Final = Bare<'final', Ending>;

/** A final state that is entered, and the states that are active by then. */
export interface Ending {
  readonly node: StateNode;
  readonly nodes: ReadonlySet<StateNode>;
}

/** The operations of a transition set that begins in the states `from`, in the order in which XState performs them. */
export function operationsOf(plan: ChartPlan, set: TransitionSet, from: readonly StateNode[]): readonly Operation[] {
  const found: Operation[] = [];
  for (const node of set.exits) {
    const { exit, invokes } = plan.node(node);
    found.push(...exit, ...invokes.map(({ id }): Halt => bare('halt', id)));
  }
  for (const { actions } of set.transitions) found.push(...plan.actions(actions as readonly unknown[]));
  for (const entry of set.enters) {
    const { node } = entry;
    found.push(...entering(plan.node(node), entry.isDefault));
    if (node.type === 'final') found.push(bare('final', { node, nodes: activeUntil(entry, set, from) }));
  }
  return found;
}

function entering({ entry, invokes, initial, mayRetry }: NodePlan, isDefault: boolean): Operation[] {
  const begun = invokes.map(({ spawn }): Invoke => bare('invoke', spawn));
  return [...entry, ...begun, ...(isDefault ? initial : []), ...(mayRetry ? [bare('retry', undefined)] : [])];
}

function bare<Kind extends string, Subject>(kind: Kind, subject: Subject): Bare<Kind, Subject> {
  return { kind, type: '', perform: undefined, subject, value: undefined, make: undefined, invokeIds: undefined };
}
