import { childrenOf, type Edge, type Graph, type Vertex } from './graph.js';
import { layoutOf, type Layout } from './layout.js';
import { sketchOf, type Sketch } from './sketch.js';
import { withDefault } from './words.js';

/** A part of a chart that is small enough to be read at its own size: one state with what is directly inside it. */
export interface View {
  /** The id of the state that it shows; the machine's own for the first view. */
  readonly of: string;
  /** Ids of the states that are drawn closed here and have views of their own. */
  readonly closed: readonly string[];
  /** The transitions that leave the state from anywhere inside it. They are a table, since as arrows they would cross everything. */
  readonly exits: readonly Exit[];
  readonly layout: Layout;
}

/** Transitions out of a view that differ only in their source states. */
export interface Exit {
  readonly from: readonly string[];
  readonly trigger: string;
  readonly to: readonly string[];
  readonly actions: readonly string[];
}

/** The maximum width of a picture that a page of 830 pixels, as on GitHub, shows at its own size, or nearly so. */
export const VIEW_WIDTH_MAX = 1000;

/**
 * A chart in views, the whole first, and each closed state after the view that contains it. A state with states inside is drawn
 * open as long as the picture stays narrow enough. Needs elkjs, as `layoutOf` does.
 */
export async function viewsOf(graph: Graph): Promise<readonly View[]> {
  const views: View[] = [];
  const waiting = [graph.vertices[0]!.id];
  for (let of; (of = waiting.shift()) !== undefined;) {
    const view = await viewOf(graph, of);
    views.push(view);
    waiting.unshift(...view.closed);
  }
  return views;
}

/** Closes states one by one, those with the most states inside first, until the picture fits; then wraps texts sooner. */
async function viewOf(graph: Graph, of: string): Promise<View> {
  const inside = within(graph, of).filter((id) => id !== of && childrenOf(graph, id).length > 0);
  const size = (id: string): number => within(graph, id).length;
  const candidates = inside.sort((a, b) => size(b) - size(a));
  const closed: string[] = [];
  for (;;) {
    const part = partOf(graph, of, closed);
    const isShown = (id: string): boolean => part.graph.vertices.some((vertex) => vertex.id === id);
    const next = candidates.find((id) => !closed.includes(id) && isShown(id));
    const layout = await narrowest(
      sketchOf(part.graph),
      closed,
      next === undefined ? LINE_CHARACTERS : LINE_CHARACTERS.slice(0, 1),
    );
    if (layout.width <= VIEW_WIDTH_MAX || next === undefined)
      return { of, closed: inOrder(graph, closed.filter(isShown)), exits: part.exits, layout };
    closed.push(next);
  }
}

/** The first that is narrow enough, or else the narrowest. */
async function narrowest(sketch: Sketch, closed: readonly string[], lineCharacters: readonly number[]): Promise<Layout> {
  let best: Layout | undefined;
  for (const charactersMax of lineCharacters) {
    const layout = await layoutOf(gathered(sketch, closed, charactersMax));
    if (best === undefined || layout.width < best.width) best = layout;
    if (best.width <= VIEW_WIDTH_MAX) break;
  }
  return best!;
}

/** Maximum lengths of lines: the first is easier to read. */
const LINE_CHARACTERS = [44, 30, 22];

/** The state `of` as a chart of its own, with `closed` states as boxes. */
function partOf(graph: Graph, of: string, closed: readonly string[]): { readonly graph: Graph; readonly exits: readonly Exit[] } {
  const parents = new Map(graph.vertices.map(({ id, parent }) => [id, parent]));
  const isHidden = (id: string): boolean => {
    for (let at = parents.get(id); at !== undefined; at = parents.get(at)) if (closed.includes(at)) return true;
    return false;
  };
  const visible = new Set(within(graph, of).filter((id) => !isHidden(id)));
  const shownAs = (id: string): string | undefined => {
    for (let at: string | undefined = id; at !== undefined; at = parents.get(at)) if (visible.has(at)) return at;
    return undefined;
  };
  const vertices = graph.vertices
    .filter(({ id }) => visible.has(id))
    .map((vertex) => (closed.includes(vertex.id) ? closedVertex(graph, vertex) : vertex))
    .map((vertex) => (vertex.id === of ? { ...vertex, parent: undefined } : vertex))
    .map((vertex) => ({ ...vertex, initial: [...new Set(vertex.initial.map((id) => shownAs(id) ?? id))] }));
  const edges: Edge[] = [];
  const exits: Edge[] = [];
  const common = commonOf(graph.edges.filter(({ from }) => shownAs(from) !== undefined));
  for (const edge of graph.edges) {
    const from = shownAs(edge.from);
    if (from === undefined) continue;
    const isInside = closed.includes(from);
    const to = edge.to.map(shownAs);
    if (to.includes(undefined) || common.has(edge)) exits.push(edge);
    else if (!isInside || to.some((id) => id !== from)) edges.push({ ...edge, from, to: [...new Set(to as string[])] });
  }
  return { graph: { ...graph, vertices, edges }, exits: merged(exits) };
}

/**
 * One arrow from a state to another, with all triggers that lead there below each other; the whole drawing shows the actions.
 * Many transitions out of a closed state are only counted: the table of its own view has them.
 */
function gathered(sketch: Sketch, closed: readonly string[], charactersMax: number): Sketch {
  const found = new Map<string, { readonly from: string; readonly to: string; readonly triggers: string[] }>();
  for (const { from, to, trigger } of sketch.arrows) {
    const key = `${from} ${to}`;
    const same = found.get(key);
    if (same === undefined) found.set(key, { from, to, triggers: [trigger] });
    else if (!same.triggers.includes(trigger)) same.triggers.push(trigger);
  }
  const { vertices } = sketch.graph;
  const arrows = [...found.values()].map(({ from, to, triggers }) => {
    const isCounted = closed.includes(from) && triggers.length > COUNTED_FROM;
    const trigger = isCounted
      ? `${triggers.length} ways out`
      : triggers.flatMap((each) => wrapped(withDefault(each, sketch.graph), Math.round(charactersMax * 0.6))).join('\n');
    return { from, to, trigger, actions: '' };
  });
  const lines = new Map(
    [...sketch.lines].map(([id, each]) => [id, each.flatMap((line) => wrapped(withDefault(line, sketch.graph), charactersMax))]),
  );
  for (const { id, name } of vertices) if (name !== undefined) lines.get(id)!.unshift(name);
  const nameless = vertices.map((vertex) => ({ ...vertex, name: undefined }));
  const isFramed = sketch.isFramed || sketch.root.id !== sketch.graph.id; // A part names the whole that it belongs to.
  return { ...sketch, isFramed, graph: { ...sketch.graph, vertices: nameless }, root: nameless[0]!, arrows, lines };
}

const COUNTED_FROM = 3;

function wrapped(line: string, charactersMax: number): readonly string[] {
  const lines: string[] = [];
  for (const word of line.split(' ')) {
    const last = lines.at(-1);
    if (last === undefined || last.length + word.length >= charactersMax) lines.push(last === undefined ? word : `  ${word}`);
    else lines[lines.length - 1] = `${last} ${word}`;
  }
  return lines;
}

/** Transitions that many states have in common: as arrows they would hide the others. */
function commonOf(edges: readonly Edge[]): ReadonlySet<Edge> {
  const key = ({ event, guard, to }: Edge): string => JSON.stringify([event, guard, to]);
  const sources = new Map<string, Set<string>>();
  for (const edge of edges) sources.set(key(edge), (sources.get(key(edge)) ?? new Set()).add(edge.from));
  return new Set(edges.filter((edge) => edge.to.length > 0 && sources.get(key(edge))!.size >= COMMON_FROM));
}

const COMMON_FROM = 4;

/** A box that states the number of states in it; its own view shows the rest. */
function closedVertex(graph: Graph, vertex: Vertex): Vertex {
  const count = within(graph, vertex.id).filter((id) => childrenOf(graph, id).length === 0).length;
  const key = `${vertex.key} ▸ ${count === 1 ? '1 state' : `${count} states`}`;
  return { ...vertex, key, type: 'atomic', initial: [], entry: [], exit: [], invoke: [], tags: [] };
}

function merged(edges: readonly Edge[]): readonly Exit[] {
  const found = new Map<string, { from: string[] } & Exit>();
  for (const { from, to, event, guard, actions } of edges) {
    const trigger = `${event}${guard === undefined ? '' : ` [${guard}]`}`;
    const key = JSON.stringify([trigger, to, actions]);
    const same = found.get(key);
    if (same === undefined) found.set(key, { from: [from], trigger, to, actions });
    else if (!same.from.includes(from)) same.from.push(from);
  }
  return [...found.values()];
}

/** A state and all inside it, in the order of the chart. */
function within(graph: Graph, of: string): string[] {
  const ids = new Set([of]);
  for (const { id, parent } of graph.vertices) if (parent !== undefined && ids.has(parent)) ids.add(id);
  return [...ids];
}

const inOrder = (graph: Graph, ids: readonly string[]): readonly string[] =>
  graph.vertices.map(({ id }) => id).filter((id) => ids.includes(id));
