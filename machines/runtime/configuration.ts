import type { AnyMachineSnapshot, AnyStateMachine } from 'xstate';
import {
  ancestors,
  initialTransitionSet,
  isAtomic,
  transitionSetOf,
  withoutConflicts,
  type TransitionSet,
} from './transition-set.js';
import { ChartPlan, type Candidate } from './chart-plan.js';
import { operationsOf, type Operation } from './operations.js';
import { nodesOf, type Position, type StateNode, type Transition } from './xstate-internals.js';

/**
 * Configurations: the sets of states that a chart can be in at once. The effect of a transition in a configuration is computed once and
 * remembered; XState works it out for every event, which is most of what an event costs. Snapshots in the same configuration share
 * its nodes, its value and its tags: 0.4 KiB for each of ten thousand connections that are all `completed`.
 */

/** Candidates for one event type: those of the inner states come first, and its own count if none of theirs does. */
export interface Selector {
  readonly inner: readonly Selector[];
  readonly own: readonly Choice[];
}

/** A candidate in one configuration, with the move that it is when it is taken alone. */
export interface Choice extends Candidate {
  move: Move | undefined;
}

/** A transition set with the configuration that it leads to. */
export interface Move extends TransitionSet {
  readonly next: Configuration;
  /** On leaving, on the way, and on entering, in the order in which XState does them. */
  readonly operations: readonly Operation[];
  /** A final state is entered, which may end the chart. */
  readonly mayEnd: boolean;
}

/** One configuration of a chart, with what was found out about it. */
export class Configuration implements Position {
  readonly nodes: readonly StateNode[];
  readonly value: Position['value'];
  readonly tags: Position['tags'];
  /** Eventless transitions to try, in order: of each innermost state, its own and those of the states around it. */
  readonly always: readonly (readonly Choice[])[];
  // By event type. The types are those of our own charts, never a peer's: a peer can't make it grow.
  readonly #selectors = new Map<string, Selector | undefined>();
  readonly #moves = new Map<Transition, Move>();
  readonly #joint: { readonly enabled: readonly Transition[]; readonly move: Move }[] = []; // Of several transitions at once; few.

  constructor(
    { nodes, value, tags }: Position,
    readonly all: Configurations,
  ) {
    this.nodes = nodes;
    this.value = value;
    this.tags = tags;
    const lists = nodes.filter(isAtomic).map((node) => [node, ...ancestors(node)].flatMap((each) => each.always ?? []));
    this.always = lists.filter((list) => list.length > 0).map((list) => choicesOf(all.plan, list));
  }

  selector(type: string): Selector | undefined {
    const known = this.#selectors.get(type);
    if (known !== undefined || this.#selectors.has(type)) return known;
    const selector = selectorOf(this.all.plan, this.all.root, this.value, type);
    this.#selectors.set(type, selector);
    return selector;
  }

  /** The steps to take when this one is taken alone. */
  moveOf(choice: Choice): Move {
    return (choice.move ??= this.move([choice.transition]));
  }

  /** The steps to take when these transitions are enabled here. */
  move(enabled: readonly Transition[]): Move {
    const [only] = enabled;
    if (enabled.length === 1 && only !== undefined) {
      let move = this.#moves.get(only);
      if (move === undefined) this.#moves.set(only, (move = this.#make(enabled)));
      return move;
    }
    const known = this.#joint.find((each) => isSame(each.enabled, enabled));
    if (known !== undefined) return known.move;
    const move = this.#make(enabled);
    this.#joint.push({ enabled, move });
    return move;
  }

  /** Those of some transitions that can be taken together. */
  withoutConflicts(enabled: readonly Transition[]): readonly Transition[] {
    return withoutConflicts(enabled, new Set(this.nodes));
  }

  #make(enabled: readonly Transition[]): Move {
    const set = transitionSetOf(enabled, this.nodes);
    const after = new Set(set.nodes);
    const isSameSet = after.size === this.nodes.length && this.nodes.every((node) => after.has(node));
    return this.all.moveOf(set, isSameSet ? this : this.all.at(set.nodes), this.nodes);
  }
}

/** The configurations of one chart that were seen. A chart has so many, whatever a peer does. */
export class Configurations {
  readonly root: StateNode;
  readonly plan: ChartPlan;
  /** Microsteps that one event may cause. */
  readonly maxIterations: number;
  readonly #byNodes = new WeakMap<readonly StateNode[], Configuration>();
  readonly #byOrder = new Map<string, Configuration>();
  #initial: Move | undefined;

  constructor(readonly machine: AnyStateMachine) {
    this.root = machine.root;
    this.plan = new ChartPlan(machine);
    this.maxIterations = (machine.options as { maxIterations?: number } | undefined)?.maxIterations ?? Infinity;
  }

  /** Where a snapshot is. */
  of(snapshot: AnyMachineSnapshot): Configuration {
    const nodes = nodesOf(snapshot);
    return this.#byNodes.get(nodes) ?? this.at(nodes);
  }

  /** The one of these nodes, in this order. */
  at(nodes: readonly StateNode[]): Configuration {
    let key = '';
    for (const { order } of nodes) key += `${order} `;
    let found = this.#byOrder.get(key);
    if (found === undefined) {
      const value = valueOf(this.root, new Set(nodes));
      found = new Configuration({ nodes, value, tags: new Set(nodes.flatMap((node) => node.tags)) }, this);
      this.#byOrder.set(key, found);
      this.#byNodes.set(nodes, found);
    }
    return found;
  }

  /** The way into the chart. */
  initial(): Move {
    if (this.#initial !== undefined) return this.#initial;
    const set = initialTransitionSet(this.root);
    return (this.#initial = this.moveOf(set, this.at(set.nodes), [this.root]));
  }

  moveOf(set: TransitionSet, next: Configuration, from: readonly StateNode[]): Move {
    const operations = operationsOf(this.plan, set, from);
    return { ...set, next, operations, mayEnd: operations.some(({ kind }) => kind === 'final') };
  }
}

function isSame(a: readonly Transition[], b: readonly Transition[]): boolean {
  return a.length === b.length && a.every((each, i) => each === b[i]);
}

function selectorOf(plan: ChartPlan, node: StateNode, value: AnyMachineSnapshot['value'], type: string): Selector | undefined {
  const inner: Selector[] = [];
  const keys = typeof value === 'string' ? [value] : Object.keys(value);
  for (const key of keys) {
    const child = node.states[key];
    const within = typeof value === 'string' ? undefined : value[key];
    if (child === undefined) continue;
    const selector = within === undefined ? leafSelector(plan, child, type) : selectorOf(plan, child, within, type);
    if (selector !== undefined) inner.push(selector);
  }
  const own = candidatesOf(plan, node, type);
  const [only] = inner;
  // Of one inner state: what it does not take is tried next, as one list.
  if (only !== undefined && inner.length === 1) return { inner: only.inner, own: [...only.own, ...own] };
  return inner.length === 0 && own.length === 0 ? undefined : { inner, own };
}

function choicesOf(plan: ChartPlan, transitions: readonly Transition[]): Choice[] {
  return transitions.map((each) => ({ ...plan.candidate(each), move: undefined }));
}

function leafSelector(plan: ChartPlan, node: StateNode, type: string): Selector | undefined {
  const own = candidatesOf(plan, node, type);
  return own.length === 0 ? undefined : { inner: [], own };
}

/** An exact match before wildcards, longer ones before shorter ones. */
function candidatesOf(plan: ChartPlan, node: StateNode, type: string): Choice[] {
  const wild = [...node.transitions.keys()].filter((each) => each !== type && matches(type, each));
  wild.sort((a, b) => b.length - a.length);
  const transitions = [type, ...wild].flatMap((each) => (node.transitions.get(each) as Transition[] | undefined) ?? []);
  return choicesOf(plan, transitions);
}

function matches(type: string, descriptor: string): boolean {
  if (descriptor === '*') return true;
  return descriptor.endsWith('.*') && (type === descriptor.slice(0, -2) || type.startsWith(descriptor.slice(0, -1)));
}

function valueOf(node: StateNode, nodes: ReadonlySet<StateNode>): AnyMachineSnapshot['value'] {
  // In the order in which they were entered, as XState has it.
  const active = [...nodes].filter((each) => each.parent === node);
  if (node.type === 'compound') {
    const [child] = active;
    if (child === undefined) return {};
    if (isAtomic(child)) return child.key;
  }
  return Object.fromEntries(active.map((child) => [child.key, valueOf(child, nodes)]));
}
