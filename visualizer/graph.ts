import type { AnyStateMachine, AnyStateNode } from 'xstate';

/** A state of a chart, as all views are drawn from it. */
export interface Vertex {
  readonly id: string;
  readonly key: string;
  readonly parent: string | undefined;
  readonly type: 'atomic' | 'compound' | 'parallel' | 'final' | 'history';
  readonly initial: readonly string[];
  readonly entry: readonly string[];
  readonly exit: readonly string[];
  readonly invoke: readonly string[];
  readonly tags: readonly string[];
  /** The requirement it enforces, and the standard's own name for it. */
  readonly rule: string | undefined;
  readonly name: string | undefined;
  readonly description: string | undefined;
}

export interface Edge {
  readonly from: string;
  /** Empty: it stays, and only acts. */
  readonly to: readonly string[];
  /** As people say it: `wire.closed`, `after backoff`, `done protocol`, `always`. */
  readonly event: string;
  readonly guard: string | undefined;
  readonly actions: readonly string[];
}

export interface Graph {
  readonly id: string;
  readonly vertices: readonly Vertex[];
  readonly edges: readonly Edge[];
}

/** Any XState machine as vertices and edges, in the order of its source. The machine itself is the only description there is. */
export function graphOf(machine: AnyStateMachine): Graph {
  const vertices: Vertex[] = [];
  const edges: Edge[] = [];
  const walk = (node: AnyStateNode): void => {
    vertices.push(vertexOf(node));
    for (const transitions of node.transitions.values()) for (const each of transitions) edges.push(edgeOf(node, each));
    for (const each of node.always ?? []) edges.push(edgeOf(node, each));
    for (const key of Object.keys(node.states)) walk(node.states[key]!);
  };
  walk(machine.root);
  return { id: machine.id, vertices, edges };
}

function vertexOf(node: AnyStateNode): Vertex {
  const meta = (node.meta ?? {}) as { rule?: string; name?: string };
  return {
    id: node.id,
    key: node.key,
    parent: node.parent?.id,
    type: node.type,
    initial: node.type === 'compound' ? (node.initial.target ?? []).map((target) => target.id) : [],
    entry: node.entry.map(nameOf),
    exit: node.exit.map(nameOf),
    invoke: node.invoke.map((each) => (typeof each.src === 'string' ? each.src : each.id)),
    tags: [...node.tags],
    rule: meta.rule,
    name: meta.name,
    description: node.description,
  };
}

interface Transition {
  readonly eventType: string;
  readonly target?: readonly AnyStateNode[] | undefined;
  readonly guard?: unknown;
  readonly actions: readonly unknown[];
}

function edgeOf(node: AnyStateNode, transition: Transition): Edge {
  return {
    from: node.id,
    to: (transition.target ?? []).map((target) => target.id),
    event: wordsOf(transition.eventType),
    guard: transition.guard === undefined ? undefined : nameOf(transition.guard),
    actions: transition.actions.map(nameOf),
  };
}

/** XState's own names for what isn't an event of the chart, in words. */
function wordsOf(eventType: string): string {
  if (eventType === '') return 'always';
  const after = /^xstate\.after\.(.+?)\..+$/.exec(eventType);
  if (after !== null) return `after ${after[1]!}`;
  const actor = /^xstate\.(done|error)\.(?:actor|state)\.(.+)$/.exec(eventType);
  return actor === null ? eventType : `${actor[1]!} ${actor[2]!}`;
}

/** An action or guard by name; with its parameters' values, where they say what it does. */
function nameOf(action: unknown): string {
  if (typeof action === 'string') return action;
  if (typeof action === 'function') return (action as { type?: string }).type ?? action.name;
  const { type, params } = action as { type?: string; params?: unknown };
  if (typeof params !== 'object' || params === null) return type ?? 'anonymous';
  return `${type ?? 'anonymous'}(${Object.values(params).join(', ')})`;
}
