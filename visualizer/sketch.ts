import { childrenOf, type Edge, type Graph, type Vertex } from './graph.js';

/** A line from state to state. Transitions that differ in nothing but their event share one. */
export interface Arrow {
  readonly from: string;
  readonly to: string;
  /** `close, abort [isAbrupt]` */
  readonly trigger: string;
  /** `recordAbort, tellEnded`; empty where nothing is done. */
  readonly actions: string;
}

/** The parts of a graph that are drawn as lines between states, and the text inside states. Every view draws the same. */
export interface Sketch {
  readonly graph: Graph;
  readonly root: Vertex;
  /** True where the machine itself has something to say, and so is drawn as a state around all others. */
  readonly isFramed: boolean;
  readonly arrows: readonly Arrow[];
  /** The text inside a state: actions, invocations, descriptions, and internal transitions. */
  readonly lines: ReadonlyMap<string, readonly string[]>;
}

/** Sorts a graph's facts for drawing. Transitions to a state inside or around one's own have no room for an arrow and become text. */
export function sketchOf(graph: Graph): Sketch {
  const root = graph.vertices[0]!;
  const parents = new Map(graph.vertices.map(({ id, parent }) => [id, parent]));
  const lines = new Map(graph.vertices.map((vertex) => [vertex.id, [...factsOf(vertex)]]));
  const arrows: Arrow[] = [];
  for (const { from, to, reenter, guard, actions, events } of merged(graph.edges)) {
    const trigger = `${events.join(', ')}${guard === undefined ? '' : ` [${guard}]`}`;
    const isAtomic = childrenOf(graph, from).length === 0;
    const near = to.filter((id) => isWithin(parents, id, from) || isWithin(parents, from, id));
    const isLoop = isAtomic && to.length === 1 && to[0] === from;
    for (const target of isLoop ? to : to.filter((id) => !near.includes(id))) arrows.push({ from, to: target, trigger, actions });
    if (isLoop || (to.length > 0 && near.length === 0)) continue;
    const where = near.map((id) => (id.startsWith(`${from}.`) ? id.slice(from.length + 1) : keyOf(id))).join(', ');
    const goes = where === '' ? '' : ` → ${where}${reenter ? ' anew' : ''}`;
    lines.get(from)!.push(`${trigger}${goes}${actions === '' ? (goes === '' ? ' is ignored' : '') : ` / ${actions}`}`);
  }
  for (const { id, type, initial } of graph.vertices) {
    if (type === 'history') for (const to of initial) arrows.push({ from: id, to, trigger: 'nothing to remember', actions: '' });
  }
  return { graph, root, isFramed: root.type === 'parallel' || lines.get(root.id)!.length > 0, arrows, lines };
}

/** The key, the standard's name, and the rule it enforces. */
export function titleOf({ key, name, rule, history }: Vertex): string {
  const named = key === '' ? '(no name)' : key;
  const shown = history === undefined ? named : `${named} (H${history === 'deep' ? '*' : ''})`;
  return [shown, name, rule === undefined ? undefined : `[${rule}]`].filter((part) => part !== undefined).join(' ');
}

function factsOf({ entry, exit, invoke, tags }: Vertex): readonly string[] {
  const facts = { entry, exit, invoke, tags };
  return Object.entries(facts).flatMap(([what, names]) => (names.length === 0 ? [] : [`${what} / ${names.join(', ')}`]));
}

interface Merged {
  readonly from: string;
  readonly to: readonly string[];
  readonly reenter: boolean;
  readonly guard: string | undefined;
  readonly actions: string;
  readonly events: string[];
}

/** Transitions that differ only in their event are one, in the place of the first. */
function merged(edges: readonly Edge[]): Iterable<Merged> {
  const found = new Map<string, Merged>();
  for (const { from, to, reenter, guard, actions, event } of edges) {
    const key = JSON.stringify([from, to, reenter, guard, actions]);
    const same = found.get(key);
    if (same === undefined) found.set(key, { from, to, reenter, guard, actions: actions.join(', '), events: [event] });
    else if (!same.events.includes(event)) same.events.push(event);
  }
  return found.values();
}

function isWithin(parents: ReadonlyMap<string, string | undefined>, id: string, outer: string): boolean {
  for (let at: string | undefined = id; at !== undefined; at = parents.get(at)) if (at === outer) return true;
  return false;
}

const keyOf = (id: string): string => id.slice(id.lastIndexOf('.') + 1);
