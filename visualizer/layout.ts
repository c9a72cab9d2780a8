import type { ElkExtendedEdge, ElkLabel, ElkNode, ElkPoint } from 'elkjs/lib/elk.bundled.js';
import { childrenOf, type Vertex } from './graph.js';
import { titleOf, type Arrow, type Sketch } from './sketch.js';

/** The place of a text or a state, in pixels from the upper left corner of the whole. */
export interface Place {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

export interface PlacedState extends Place {
  readonly vertex: Vertex;
  readonly title: string;
  /** Its own actions and invocations, below its title. */
  readonly lines: readonly string[];
}

export interface PlacedArrow {
  /** Undefined for the arrow that leads to the initial state of a compound state. */
  readonly arrow: Arrow | undefined;
  readonly points: readonly { readonly x: number; readonly y: number }[];
  readonly label: (Place & { readonly lines: readonly string[] }) | undefined;
}

/** A chart with a place for everything. Outer states come before the states inside them. */
export interface Layout {
  readonly width: number;
  readonly height: number;
  readonly states: readonly PlacedState[];
  /** The start points of the compound states. */
  readonly beginnings: readonly Place[];
  readonly arrows: readonly PlacedArrow[];
}

/** Sizes of text in pixels. Estimated, so that the picture depends on no font of the machine that draws. */
export const LINE_HEIGHT = 14;
export const TITLE_HEIGHT = 26;
const CHARACTER_WIDTH = 6.6;
const TITLE_CHARACTER_WIDTH = 7.4;
const LABEL_CHARACTERS_MAX = 26;
const MARGIN = 12;

/** Asks elkjs, an optional package, for a layered layout. Rejects with an `Error` that names the package if it isn't there. */
export async function layoutOf(sketch: Sketch): Promise<Layout> {
  const plan = new Plan(sketch);
  const Elk = await elk();
  const placed = await new Elk().layout(plan.whole());
  return plan.read(placed);
}

async function elk() {
  try {
    const { default: imported } = await import('elkjs/lib/elk.bundled.js');
    return imported.default;
  } catch (error) {
    const { code } = error as { code?: unknown };
    if (code !== 'ERR_MODULE_NOT_FOUND' && code !== 'MODULE_NOT_FOUND') throw error;
    throw new Error('pictures of charts need the package "elkjs", which is not installed: npm install elkjs', { cause: error });
  }
}

/** Converts a chart into the input of elkjs, and reads its answer. */
class Plan {
  readonly #sketch: Sketch;
  readonly #vertices = new Map<string, Vertex>();
  readonly #arrows = new Map<string, Arrow | undefined>();
  readonly #edges: ElkExtendedEdge[] = [];

  constructor(sketch: Sketch) {
    this.#sketch = sketch;
    for (const vertex of sketch.graph.vertices) this.#vertices.set(`s ${vertex.id}`, vertex);
  }

  whole(): ElkNode {
    const { root, isFramed, arrows } = this.#sketch;
    const children = isFramed ? [this.#node(root)] : this.#inside(root);
    for (const arrow of arrows) this.#edge(`s ${arrow.from}`, `s ${arrow.to}`, arrow);
    const layoutOptions = {
      'elk.algorithm': 'layered',
      'elk.direction': 'DOWN',
      'elk.hierarchyHandling': 'INCLUDE_CHILDREN',
      'elk.json.edgeCoords': 'ROOT',
      'elk.json.shapeCoords': 'ROOT',
      'elk.layered.considerModelOrder.strategy': 'NODES_AND_EDGES',
      // The source has the happy path downwards: initial states are at the top, and arrows that lead back are drawn upwards.
      'elk.layered.cycleBreaking.strategy': 'MODEL_ORDER',
      'elk.layered.spacing.nodeNodeBetweenLayers': '28',
      'elk.layered.spacing.edgeNodeBetweenLayers': '14',
      'elk.layered.nodePlacement.strategy': 'NETWORK_SIMPLEX', // Narrower than the default, by a tenth or so.
      'elk.spacing.nodeNode': '24',
      'elk.spacing.edgeLabel': '4',
      'elk.padding': `[top=${MARGIN},left=${MARGIN},bottom=${MARGIN},right=${MARGIN}]`,
    };
    return { id: 'whole', layoutOptions, children, edges: this.#edges };
  }

  read(placed: ElkNode & { readonly edges?: readonly ElkExtendedEdge[] }): Layout {
    const states: PlacedState[] = [];
    const beginnings: Place[] = [];
    const visit = (node: ElkNode): void => {
      const vertex = this.#vertices.get(node.id);
      if (vertex !== undefined) states.push({ ...placeOf(node), vertex, title: titleOf(vertex), lines: this.#linesOf(vertex) });
      else beginnings.push(placeOf(node));
      node.children?.forEach(visit);
    };
    placed.children?.forEach(visit);
    const arrows = (placed.edges ?? []).map((edge) => this.#readArrow(edge));
    return { width: rounded(placed.width), height: rounded(placed.height), states, beginnings, arrows };
  }

  #linesOf(vertex: Vertex): readonly string[] {
    return this.#sketch.lines.get(vertex.id)!;
  }

  #inside(parent: Vertex): ElkNode[] {
    const children = childrenOf(this.#sketch.graph, parent.id).map((child) => this.#node(child));
    if (parent.type !== 'compound') return children;
    const beginning = { id: `b ${parent.id}`, width: LINE_HEIGHT, height: LINE_HEIGHT };
    for (const id of parent.initial) this.#edge(beginning.id, `s ${id}`, undefined);
    return [beginning, ...children];
  }

  #node(vertex: Vertex): ElkNode {
    const lines = this.#linesOf(vertex);
    const width = Math.max(widthOf([titleOf(vertex)], TITLE_CHARACTER_WIDTH), widthOf(lines)) + 2 * MARGIN;
    const height = TITLE_HEIGHT + lines.length * LINE_HEIGHT + (lines.length > 0 ? 6 : 4);
    const children = this.#inside(vertex);
    if (children.length === 0) return { id: `s ${vertex.id}`, width, height };
    const layoutOptions = {
      'elk.nodeSize.constraints': 'MINIMUM_SIZE',
      'elk.nodeSize.minimum': `(${width},${height})`,
      'elk.padding': `[top=${height + MARGIN},left=${MARGIN},bottom=${MARGIN},right=${MARGIN}]`,
    };
    return { id: `s ${vertex.id}`, layoutOptions, children };
  }

  #edge(source: string, target: string, arrow: Arrow | undefined): void {
    const id = `e ${this.#edges.length}`;
    const lines = arrow === undefined ? [] : labelOf(arrow);
    const label: ElkLabel = { text: lines.join('\n'), width: widthOf(lines), height: lines.length * LINE_HEIGHT };
    this.#arrows.set(id, arrow);
    this.#edges.push({ id, sources: [source], targets: [target], ...(arrow === undefined ? {} : { labels: [label] }) });
  }

  #readArrow({ id, sections = [], labels = [] }: ElkExtendedEdge): PlacedArrow {
    const points = sections.flatMap(({ startPoint, bendPoints = [], endPoint }) => [startPoint, ...bendPoints, endPoint]);
    const [label] = labels;
    return {
      arrow: this.#arrows.get(id),
      points: points.map(({ x, y }: ElkPoint) => ({ x: rounded(x), y: rounded(y) })),
      label: label === undefined ? undefined : { ...placeOf(label), lines: (label.text ?? '').split('\n') },
    };
  }
}

/** The trigger and below it the actions, each wrapped if it is long; a stroke stays with the word behind it. */
function labelOf({ trigger, actions }: Arrow): readonly string[] {
  return [...trigger.split('\n').flatMap(wrapped), ...(actions === '' ? [] : wrapped(`/ ${actions}`))];
}

function wrapped(text: string): readonly string[] {
  const lines: string[] = [];
  for (const word of text.split(/(?<!\/) /)) {
    const last = lines.at(-1);
    if (last === undefined || last.length + word.length >= LABEL_CHARACTERS_MAX) lines.push(word);
    else lines[lines.length - 1] = `${last} ${word}`;
  }
  return lines;
}

const widthOf = (lines: readonly string[], characterWidth = CHARACTER_WIDTH): number =>
  Math.ceil(Math.max(0, ...lines.map((line) => line.length)) * characterWidth);
const rounded = (value: number | undefined): number => Math.round((value ?? 0) * 10) / 10;
const placeOf = ({ x, y, width, height }: Partial<Place>): Place => ({
  ...{ x: rounded(x), y: rounded(y) },
  ...{ width: rounded(width), height: rounded(height) },
});
