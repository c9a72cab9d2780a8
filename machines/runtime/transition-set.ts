import { type StateNode, type Transition } from './xstate-internals.js';

/** Which states some transitions leave and enter, as SCXML and XState define it. There are no history states here. */

/** From where to where: what decides about the states that are left and entered. */
export type Arrow = Pick<Transition, 'source' | 'target' | 'reenter'>;

/** The transitions that one event takes in one configuration, and all that follows from them. */
export interface TransitionSet {
  readonly transitions: readonly Transition[];
  readonly exits: readonly StateNode[]; // Innermost first.
  readonly enters: readonly Entry[]; // Outermost first.
  /** Active once they are taken, in the order in which they were entered. */
  readonly nodes: readonly StateNode[];
}

export interface Entry {
  readonly node: StateNode;
  /** It is entered because of its parent, so that its initial actions run. */
  readonly isDefault: boolean;
}

/** @param active the active states, in the order in which they were entered */
export function transitionSetOf(enabled: readonly Transition[], active: readonly StateNode[]): TransitionSet {
  const before = new Set(active);
  const transitions = withoutConflicts(enabled, before);
  const exits = [...exitSet(transitions, before)].sort((a, b) => b.order - a.order);
  const enters = entriesOf(entrySet(transitions));
  const nodes = new Set(active);
  for (const node of exits) nodes.delete(node);
  for (const { node } of enters) nodes.add(node);
  return { transitions, exits, enters, nodes: [...nodes] };
}

/** The way into a chart. */
export function initialTransitionSet(root: StateNode): TransitionSet {
  const entry = entrySet([{ source: root, target: initialNodes(root), reenter: true }]); // As XState begins.
  entry.byDefault.add(root);
  const enters = entriesOf(entry);
  return { transitions: [], exits: [], enters, nodes: [...new Set([root, ...enters.map(({ node }) => node)])] };
}

/** The states that are active once `last` is entered, and those after it are not. */
export function activeUntil(last: Entry, { exits, enters }: TransitionSet, active: readonly StateNode[]): ReadonlySet<StateNode> {
  const nodes = new Set(active);
  for (const node of exits) nodes.delete(node);
  for (const { node } of enters.slice(0, enters.indexOf(last) + 1)) nodes.add(node);
  return nodes;
}

/** Of two transitions that leave a state in common, the one from further inside is taken; else the first. */
export function withoutConflicts(enabled: readonly Transition[], active: ReadonlySet<StateNode>): readonly Transition[] {
  if (enabled.length < 2) return enabled;
  const kept = new Set<Transition>();
  for (const candidate of enabled) {
    const exits = exitSet([candidate], active);
    const rivals = [...kept].filter((other) => [...exitSet([other], active)].some((node) => exits.has(node)));
    if (rivals.some((other) => !isDescendant(candidate.source, other.source))) continue;
    for (const other of rivals) kept.delete(other);
    kept.add(candidate);
  }
  return [...kept];
}

export function isAtomic(node: StateNode): boolean {
  return node.type === 'atomic' || node.type === 'final';
}

export const childrenOf = (node: StateNode): StateNode[] => Object.values(node.states);

export function ancestors(node: StateNode, until?: StateNode): StateNode[] {
  const found: StateNode[] = [];
  if (until === node) return found;
  for (let each = node.parent; each !== undefined && each !== until; each = each.parent) found.push(each as StateNode);
  return found;
}

export function isFinal(nodes: ReadonlySet<StateNode>, node: StateNode): boolean {
  if (node.type === 'compound') return childrenOf(node).some((child) => child.type === 'final' && nodes.has(child));
  return node.type === 'parallel' ? childrenOf(node).every((child) => isFinal(nodes, child)) : node.type === 'final';
}

function isDescendant(node: StateNode, of: StateNode | undefined): boolean {
  let each = node;
  while (each.parent !== undefined && each.parent !== of) each = each.parent as StateNode;
  return each.parent === of;
}

/** The state that a transition stays within; undefined for one that leaves the root itself. */
function domainOf({ source, target = [], reenter }: Arrow): StateNode | undefined {
  const targets = target as readonly StateNode[];
  if (!reenter && targets.every((each) => each === source || isDescendant(each, source))) return source;
  const [head, ...tail] = [...targets, source];
  const common = ancestors(head!).find((ancestor) => tail.every((each) => isDescendant(each, ancestor)));
  return common ?? (reenter ? undefined : source.machine.root);
}

function exitSet(transitions: readonly Transition[], active: Iterable<StateNode>): Set<StateNode> {
  const exits = new Set<StateNode>();
  for (const transition of transitions) {
    if (transition.target === undefined || transition.target.length === 0) continue;
    const domain = domainOf(transition);
    for (const node of active) if (isDescendant(node, domain)) exits.add(node);
  }
  return exits;
}

interface EntrySet {
  readonly entered: Set<StateNode>;
  readonly byDefault: Set<StateNode>;
}

function entriesOf({ entered, byDefault }: EntrySet): Entry[] {
  return [...entered].sort((a, b) => a.order - b.order).map((node) => ({ node, isDefault: byDefault.has(node) }));
}

function entrySet(transitions: readonly Arrow[]): EntrySet {
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
