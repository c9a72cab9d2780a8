import type { Graph } from '../../graph.js';
import type { ChartOf } from './charts.js';

/** A chart's answers to questions that the page asks again and again. */
export class ChartFacts {
  readonly #parents = new Map<string, string | undefined>();
  readonly #tags = new Map<string, readonly string[]>();
  readonly #outer = new Map<string, readonly string[]>();
  readonly #all = new Set<string>();

  constructor(readonly chart: ChartOf) {
    for (const { id, parent, tags } of chart.states) {
      this.#parents.set(id, parent);
      this.#tags.set(id, tags);
      for (const tag of tags) this.#all.add(tag);
    }
  }

  /** True where some state of the chart has it. */
  hasTag(tag: string): boolean {
    return this.#all.has(tag);
  }

  /** True where one of the active states, or one around it, has the tag. */
  isTagged(leaves: readonly string[], tag: string): boolean {
    return this.#all.has(tag) && this.withOuter(leaves).some((id) => this.#tags.get(id)?.includes(tag) === true);
  }

  /** The innermost states and all around them. */
  withOuter(leaves: readonly string[]): readonly string[] {
    if (leaves.length === 1) return this.#outwards(leaves[0]!);
    return [...new Set(leaves.flatMap((id) => this.#outwards(id)))];
  }

  #outwards(leaf: string): readonly string[] {
    const known = this.#outer.get(leaf);
    if (known !== undefined) return known;
    const path: string[] = [];
    for (let at: string | undefined = leaf; at !== undefined; at = this.#parents.get(at)) path.push(at);
    this.#outer.set(leaf, path);
    return path;
  }
}

export function chartFrom(id: string, graph: Graph): ChartFacts {
  const states = graph.vertices.map(({ id: state, key, parent, tags, name, rule }) => ({
    id: state,
    title: [key, name, rule === undefined ? undefined : `[${rule}]`].filter((part) => part !== undefined).join(' '),
    parent,
    tags,
  }));
  const arrows = graph.edges.map(({ from, to }) => ({ from, to }));
  return new ChartFacts({ id, key: JSON.stringify(graph), states, arrows, pictures: [] });
}
