import type { AnyMachineSnapshot, AnyStateMachine } from 'xstate';
import { configurationOf, type Configuration, type StateNode } from './snapshot.js';

/**
 * Which states a transition leaves and enters, as SCXML and XState define it, worked out once for each configuration and
 * remembered. XState works it out anew for every event, which is most of what an event costs. No history states here.
 */

export type Transition = StateNode['always'] extends readonly (infer T)[] | undefined ? T : never;

/** From where to where: what decides about the states that are left and entered. */
type Step = Pick<Transition, 'source' | 'target' | 'reenter'>;

/** What is done when these transitions are taken in this configuration. */
export interface Plan {
  readonly transitions: readonly Transition[];
  readonly exits: readonly StateNode[]; // Innermost first.
  readonly enters: readonly { readonly node: StateNode; readonly isDefault: boolean }[]; // Outermost first.
  readonly next: Place;
}

/** Candidates for one event type: those of the inner states come first, and one's own count if none of theirs does. */
export interface Selector {
  readonly inner: readonly Selector[];
  readonly own: readonly Transition[];
}

/** A configuration with what was found out about it. */
export class Place implements Configuration {
  readonly _nodes: Configuration['_nodes'];
  readonly value: Configuration['value'];
  readonly tags: Configuration['tags'];
  readonly set: ReadonlySet<StateNode>;
  /** Eventless transitions to try, in order: of each innermost state, its own and those of the states around it. */
  readonly always: readonly (readonly Transition[])[];
  readonly #selectors = new Map<string, Selector | undefined>(); // By event type. Types are the house's, never a peer's.
  readonly #plans = new Map<Transition, Plan>();
  readonly #joint: { readonly enabled: readonly Transition[]; readonly plan: Plan }[] = []; // Of several transitions at once; few.

  constructor(
    { _nodes, value, tags }: Configuration,
    readonly places: Places,
  ) {
    this._nodes = _nodes;
    this.value = value;
    this.tags = tags;
    this.set = new Set(_nodes);
    const lists = _nodes.filter(isAtomic).map((node) => [node, ...ancestors(node)].flatMap((each) => each.always ?? []));
    this.always = lists.filter((list) => list.length > 0);
  }

  selector(type: string): Selector | undefined {
    if (!this.#selectors.has(type)) this.#selectors.set(type, selectorOf(this.places.root, this.value, type));
    return this.#selectors.get(type);
  }

  plan(transitions: readonly Transition[]): Plan {
    const [only] = transitions;
    if (transitions.length === 1 && only !== undefined) {
      let plan = this.#plans.get(only);
      if (plan === undefined) this.#plans.set(only, (plan = this.#make(transitions)));
      return plan;
    }
    const known = this.#joint.find((each) => isSame(each.enabled, transitions));
    if (known !== undefined) return known.plan;
    const plan = this.#make(transitions);
    this.#joint.push({ enabled: transitions, plan });
    return plan;
  }

  #make(enabled: readonly Transition[]): Plan {
    const transitions = this.#withoutConflicts(enabled);
    const exits = [...exitSet(transitions, this.set)].sort((a, b) => b.order - a.order);
    const { entered, byDefault } = entrySet(transitions);
    const enters = [...entered].sort((a, b) => a.order - b.order).map((node) => ({ node, isDefault: byDefault.has(node) }));
    const nodes = new Set(this._nodes);
    for (const node of exits) nodes.delete(node);
    for (const { node } of enters) nodes.add(node);
    const isSameSet = nodes.size === this._nodes.length && this._nodes.every((node) => nodes.has(node));
    return { transitions, exits, enters, next: isSameSet ? this : this.places.at([...nodes]) };
  }

  /** Of two that leave a state in common, the one from further inside is taken; else the first. */
  #withoutConflicts(enabled: readonly Transition[]): readonly Transition[] {
    const kept = new Set<Transition>();
    for (const candidate of enabled) {
      const exits = exitSet([candidate], this.set);
      const rivals = [...kept].filter((other) => [...exitSet([other], this.set)].some((node) => exits.has(node)));
      if (rivals.some((other) => !isDescendant(candidate.source, other.source))) continue;
      for (const other of rivals) kept.delete(other);
      kept.add(candidate);
    }
    return [...kept];
  }
}

/** All configurations of one chart that were seen. */
export class Places {
  readonly root: StateNode;
  readonly #byNodes = new WeakMap<object, Place>();

  constructor(readonly machine: AnyStateMachine) {
    this.root = machine.root;
  }

  /** Where a snapshot is. */
  of({ _nodes, value, tags }: AnyMachineSnapshot): Place {
    return this.#byNodes.get(_nodes) ?? this.at(_nodes, () => ({ _nodes, value, tags }));
  }

  at(
    nodes: StateNode[],
    make = (): Configuration => ({
      _nodes: nodes,
      value: valueOf(this.root, new Set(nodes)),
      tags: new Set(nodes.flatMap((node) => node.tags)),
    }),
  ): Place {
    const shared = configurationOf(this.machine, nodes, make);
    let place = this.#byNodes.get(shared._nodes);
    if (place === undefined) this.#byNodes.set(shared._nodes, (place = new Place(shared, this)));
    return place;
  }

  /** The way into the chart. */
  beginning(): Plan {
    const { root } = this;
    const targets = initialNodes(root);
    const { entered, byDefault } = entrySet([{ source: root, target: targets, reenter: true }]); // As XState begins.
    byDefault.add(root);
    const enters = [...entered].sort((a, b) => a.order - b.order).map((node) => ({ node, isDefault: byDefault.has(node) }));
    const nodes = new Set([root, ...enters.map(({ node }) => node)]);
    return { transitions: [], exits: [], enters, next: this.at([...nodes]) };
  }
}

function isSame(a: readonly Transition[], b: readonly Transition[]): boolean {
  return a.length === b.length && a.every((each, i) => each === b[i]);
}

export function isAtomic(node: StateNode): boolean {
  return node.type === 'atomic' || node.type === 'final';
}

export const childrenOf = (node: StateNode): StateNode[] => Object.values(node.states);

function selectorOf(node: StateNode, value: AnyMachineSnapshot['value'], type: string): Selector | undefined {
  const inner: Selector[] = [];
  const keys = typeof value === 'string' ? [value] : Object.keys(value);
  for (const key of keys) {
    const child = node.states[key];
    const within = typeof value === 'string' ? undefined : value[key];
    if (child === undefined) continue;
    const selector = within === undefined ? leafSelector(child, type) : selectorOf(child, within, type);
    if (selector !== undefined) inner.push(selector);
  }
  const own = candidatesOf(node, type);
  return inner.length === 0 && own.length === 0 ? undefined : { inner, own };
}

function leafSelector(node: StateNode, type: string): Selector | undefined {
  const own = candidatesOf(node, type);
  return own.length === 0 ? undefined : { inner: [], own };
}

/** An exact match before wildcards, longer ones before shorter ones. */
function candidatesOf(node: StateNode, type: string): Transition[] {
  const wild = [...node.transitions.keys()].filter((each) => each !== type && matches(type, each));
  wild.sort((a, b) => b.length - a.length);
  return [type, ...wild].flatMap((descriptor) => (node.transitions.get(descriptor) as Transition[] | undefined) ?? []);
}

function matches(type: string, descriptor: string): boolean {
  if (descriptor === '*') return true;
  return descriptor.endsWith('.*') && (type === descriptor.slice(0, -2) || type.startsWith(descriptor.slice(0, -1)));
}

function ancestors(node: StateNode, until?: StateNode): StateNode[] {
  const found: StateNode[] = [];
  if (until === node) return found;
  for (let each = node.parent; each !== undefined && each !== until; each = each.parent) found.push(each as StateNode);
  return found;
}

function isDescendant(node: StateNode, of: StateNode | undefined): boolean {
  let each = node;
  while (each.parent !== undefined && each.parent !== of) each = each.parent as StateNode;
  return each.parent === of;
}

/** The state that a transition stays within; undefined for one that leaves the root itself. */
function domainOf({ source, target = [], reenter }: Step): StateNode | undefined {
  const targets = target as readonly StateNode[];
  if (!reenter && targets.every((each) => each === source || isDescendant(each, source))) return source;
  const [head, ...tail] = [...targets, source];
  const common = ancestors(head!).find((ancestor) => tail.every((each) => isDescendant(each, ancestor)));
  return common ?? (reenter ? undefined : source.machine.root);
}

function exitSet(transitions: readonly Transition[], nodes: Iterable<StateNode>): Set<StateNode> {
  const exits = new Set<StateNode>();
  for (const transition of transitions) {
    if (transition.target === undefined || transition.target.length === 0) continue;
    const domain = domainOf(transition);
    for (const node of nodes) if (isDescendant(node, domain)) exits.add(node);
  }
  return exits;
}

function entrySet(transitions: readonly Step[]): { entered: Set<StateNode>; byDefault: Set<StateNode> } {
  const entered = new Set<StateNode>();
  const byDefault = new Set<StateNode>();
  const addDescendants = (node: StateNode): void => {
    if (node.type === 'compound') {
      const [initial] = node.initial.target as [StateNode];
      entered.add(initial);
      byDefault.add(initial);
      addDescendants(initial);
      addAncestors(ancestors(initial, node), undefined);
    } else if (node.type === 'parallel') {
      for (const child of childrenOf(node)) {
        if ([...entered].some((each) => isDescendant(each, child))) continue;
        entered.add(child);
        byDefault.add(child);
        addDescendants(child);
      }
    }
  };
  const addAncestors = (around: readonly StateNode[], within: StateNode | undefined): void => {
    for (const ancestor of around) {
      if (within === undefined || isDescendant(ancestor, within)) entered.add(ancestor);
      if (ancestor.type !== 'parallel') continue;
      for (const child of childrenOf(ancestor)) {
        if ([...entered].some((each) => isDescendant(each, child))) continue;
        entered.add(child);
        addDescendants(child);
      }
    }
  };
  for (const transition of transitions) {
    const { source, reenter } = transition;
    const domain = domainOf(transition);
    const targets = (transition.target ?? []) as readonly StateNode[];
    for (const target of targets) {
      if (source !== target || source !== domain || reenter) {
        entered.add(target);
        byDefault.add(target);
      }
      addDescendants(target);
    }
    for (const target of targets) {
      const around = ancestors(target, domain);
      if (domain?.type === 'parallel') around.push(domain);
      addAncestors(around, source.parent === undefined && reenter ? undefined : domain);
    }
  }
  return { entered, byDefault };
}

function initialNodes(root: StateNode): StateNode[] {
  const found = new Set<StateNode>();
  const visit = (node: StateNode): void => {
    if (found.has(node)) return;
    found.add(node);
    if (node.type === 'compound') visit(node.initial.target[0] as StateNode);
    else if (node.type === 'parallel') childrenOf(node).forEach(visit);
  };
  visit(root);
  return [...found];
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
