import type { AnyStateMachine, AnyStateNode } from 'xstate';
import { actionName, guardName, wordsOf } from './words.js';

/** A state of a chart, as all views are drawn from it. The first vertex of a graph is the machine itself. */
export interface Vertex {
  readonly id: string;
  readonly key: string;
  readonly parent: string | undefined;
  readonly type: 'atomic' | 'compound' | 'parallel' | 'final' | 'history';
  /** How much a history state remembers. */
  readonly history: 'shallow' | 'deep' | undefined;
  /** Where a compound state begins; for a history state, where one goes that has nothing to remember. */
  readonly initial: readonly string[];
  readonly entry: readonly string[];
  readonly exit: readonly string[];
  /** The invoked actors, by the names of their logic. */
  readonly invoke: readonly string[];
  readonly tags: readonly string[];
  /** The requirement it enforces, and the standard's own name for it. */
  readonly rule: string | undefined;
  readonly name: string | undefined;
  readonly description: string | undefined;
}

/** A transition of a chart. */
export interface Edge {
  readonly from: string;
  /** Empty: it stays, and only acts. Several: into several regions at once. */
  readonly to: readonly string[];
  /** As XState says it, e.g. `xstate.after.backoff.resume.waiting`; empty for `always`. */
  readonly eventType: string;
  /** As people say it: `wire.closed`, `after backoff`, `done protocol`, `always`. */
  readonly event: string;
  /** Where time decides: the name of the delay, or milliseconds. */
  readonly delay: string | number | undefined;
  readonly guard: string | undefined;
  readonly actions: readonly string[];
  /** Leaves its source and enters it anew, though it goes no farther than itself or a state inside. */
  readonly reenter: boolean;
  readonly description: string | undefined;
}

/** A chart as plain data, in the order of its source. */
export interface Graph {
  /** The machine's id. */
  readonly id: string;
  readonly vertices: readonly Vertex[];
  readonly edges: readonly Edge[];
  /** The defaults of named delays, as far as the machine states them: milliseconds, or words where they depend on more. */
  readonly delays: Readonly<Record<string, number | string>>;
}

/** Any XState machine as vertices and edges, in the order of its source. The machine itself is the only description there is. */
export function graphOf(machine: AnyStateMachine): Graph {
  const vertices: Vertex[] = [];
  const edges: Edge[] = [];
  for (const node of nodesOf(machine.root)) {
    vertices.push(vertexOf(node));
    for (const each of leavesOf(node)) edges.push(edgeOf(node, each));
  }
  return { id: machine.id, vertices, edges, delays: delaysOf(machine) };
}

/** `meta.delays` of the root, and what is a plain number among the machine's delays. */
function delaysOf(machine: AnyStateMachine): Graph['delays'] {
  const { delays: stated } = (machine.root.meta ?? {}) as { delays?: unknown };
  const own = (machine.implementations as { delays: Readonly<Record<string, unknown>> }).delays;
  const all = Object.entries({ ...own, ...(typeof stated === 'object' ? stated : {}) });
  return Object.fromEntries(all.filter(isStated));
}

const isStated = (delay: [string, unknown]): delay is [string, number | string] =>
  typeof delay[1] === 'number' || typeof delay[1] === 'string';

/** XState's own objects for the transitions of a machine, in the order of `Graph.edges`: a taken transition leads to its edge. */
export function transitionsOf(machine: AnyStateMachine): readonly object[] {
  return [...nodesOf(machine.root)].flatMap(leavesOf);
}

function* nodesOf(node: AnyStateNode): Generator<AnyStateNode> {
  yield node;
  for (const key of Object.keys(node.states)) yield* nodesOf(node.states[key]!);
}

const leavesOf = (node: AnyStateNode): readonly Transition[] => [
  ...[...node.transitions.values()].flat(),
  ...(node.always ?? []),
];

/** The states directly inside one, in the order of the source. */
export function childrenOf(graph: Graph, id: string): readonly Vertex[] {
  return graph.vertices.filter((vertex) => vertex.parent === id);
}

function vertexOf(node: AnyStateNode): Vertex {
  const meta = (node.meta ?? {}) as { rule?: unknown; name?: unknown };
  return {
    id: node.id,
    key: node.key,
    parent: node.parent?.id,
    type: node.type,
    history: node.type === 'history' ? (node.history === 'deep' ? 'deep' : 'shallow') : undefined,
    initial: beginningOf(node),
    entry: node.entry.filter((each) => !isTimer(each)).map(actionName),
    exit: node.exit.filter((each) => !isTimer(each)).map(actionName),
    invoke: node.invoke.map(({ src, id }) => (typeof src !== 'string' || src.startsWith('xstate.invoke.') ? id : src)),
    tags: [...node.tags],
    rule: textOf(meta.rule),
    name: textOf(meta.name),
    description: node.description,
  };
}

function beginningOf(node: AnyStateNode): readonly string[] {
  if (node.type === 'compound') return idsOf(node.initial.target);
  if (node.type !== 'history' || node.parent === undefined) return [];
  const { target } = node.config as { target?: string };
  if (target === undefined) return node.parent.type === 'compound' ? idsOf(node.parent.initial.target) : [];
  if (target.startsWith('#')) return [node.machine.getStateNodeById(target).id];
  const path = target.replace(/^\./, '').split('.');
  return [path.reduce((at, key) => at.states[key]!, node.parent).id];
}

/** XState starts and cancels the timers of `after` by actions of its own; the edge shows them already. */
function isTimer(action: unknown): boolean {
  const { event, sendId } = action as { event?: { type?: unknown }; sendId?: unknown };
  return [event?.type, sendId].some((each) => typeof each === 'string' && each.startsWith('xstate.after.'));
}

interface Transition {
  readonly eventType: string;
  readonly target?: readonly AnyStateNode[] | undefined;
  readonly guard?: unknown;
  readonly actions: readonly unknown[];
  readonly reenter?: boolean;
  readonly description?: string | undefined;
  readonly delay?: unknown;
}

function edgeOf(node: AnyStateNode, transition: Transition): Edge {
  const { eventType, target, guard, actions, reenter = false, description, delay } = transition;
  return {
    from: node.id,
    to: idsOf(target),
    eventType,
    event: wordsOf(eventType),
    delay: typeof delay === 'string' || typeof delay === 'number' ? delay : undefined,
    guard: guard === undefined ? undefined : guardName(guard),
    actions: actions.map(actionName),
    reenter,
    description,
  };
}

const idsOf = (nodes: readonly AnyStateNode[] | undefined): readonly string[] => (nodes ?? []).map(({ id }) => id);

/** One rule or name, or several. */
function textOf(value: unknown): string | undefined {
  return value === undefined || value === null ? undefined : [value].flat().join(', ');
}
