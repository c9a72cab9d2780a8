import type { Edge, Graph, Vertex } from '../../visualizer/graph.js';

/** The active states of a chart, by id: the innermost ones and all around them. */
export type Configuration = ReadonlySet<string>;

/** What a guard has answered; undefined where nobody knows. */
export type GuardResult = (edge: Edge) => boolean | undefined;

/**
 * What a chart says about one step, read off its drawing and nothing else: which transitions an event takes, and where they
 * lead. As SCXML and XState define it, and written anew, so that the interpreters are judged by something that is none of them.
 */
export class Semantics {
  readonly #vertices = new Map<string, Vertex>();
  readonly #children = new Map<string, Vertex[]>();
  readonly #leaving = new Map<string, Edge[]>();
  readonly #ancestors = new Map<string, readonly string[]>();
  readonly #root: string;

  constructor(readonly graph: Graph) {
    for (const vertex of graph.vertices) {
      this.#vertices.set(vertex.id, vertex);
      this.#children.set(vertex.id, []);
      this.#leaving.set(vertex.id, []);
      if (vertex.parent !== undefined) this.#children.get(vertex.parent)!.push(vertex);
    }
    for (const edge of graph.edges) this.#leaving.get(edge.from)!.push(edge);
    this.#root = graph.vertices[0]!.id;
  }

  /** Where the chart begins, before any eventless transition. */
  beginning(): Configuration {
    return this.#completed(new Set([this.#root]));
  }

  /** Whether any active state has a transition for an event of this type, guarded or not. */
  awaits(configuration: Configuration, eventType: string): boolean {
    return [...configuration].some((id) => this.#candidates(id, eventType).length > 0);
  }

  /**
   * The transitions taken on an event, an empty type for eventless ones. Inner states answer before outer ones; where two
   * would leave a state in common, the one from further inside is taken, else the first.
   * @param isTaken decides where nobody knows what a guard has answered
   */
  select(
    configuration: Configuration,
    eventType: string,
    result: GuardResult,
    isTaken: (edge: Edge) => boolean,
  ): readonly Edge[] {
    const enabled = (edges: readonly Edge[]): Edge | undefined =>
      edges.find((edge) => edge.guard === undefined || (result(edge) ?? isTaken(edge)));
    const answer = (id: string): Edge[] => {
      const inner = this.#inside(configuration, id).flatMap((child) => answer(child.id));
      if (inner.length > 0) return inner;
      const own = enabled(this.#candidates(id, eventType));
      return own === undefined ? [] : [own];
    };
    if (eventType !== '') return this.withoutConflicts(configuration, answer(this.#root));
    const leaves = [...configuration].filter((id) => this.#inside(configuration, id).length === 0);
    const found = leaves.flatMap((id) => {
      const edge = enabled([id, ...this.#around(id)].flatMap((each) => this.#candidates(each, '')));
      return edge === undefined ? [] : [edge];
    });
    return this.withoutConflicts(configuration, [...new Set(found)]);
  }

  /** Of two that leave a state in common, the one from further inside; else the first. */
  withoutConflicts(configuration: Configuration, edges: readonly Edge[]): readonly Edge[] {
    const kept = new Set<Edge>();
    for (const edge of edges) {
      const exits = this.#exits(configuration, edge);
      const rivals = [...kept].filter((other) => this.#exits(configuration, other).some((id) => exits.includes(id)));
      if (rivals.some((other) => !this.#isWithin(edge.from, other.from))) continue;
      for (const other of rivals) kept.delete(other);
      kept.add(edge);
    }
    return [...kept];
  }

  /** Where these transitions, taken at once, lead; undefined where a history state remembers what the drawing can't know. */
  after(configuration: Configuration, edges: readonly Edge[]): Configuration | undefined {
    if (edges.some(({ to }) => to.some((id) => this.#vertices.get(id)!.type === 'history'))) return undefined;
    const next = new Set(configuration);
    for (const edge of edges) for (const id of this.#exits(configuration, edge)) next.delete(id);
    for (const edge of edges) {
      const domain = this.#domain(edge);
      for (const target of edge.to)
        for (const id of [target, ...this.#around(target)]) if (domain === undefined || this.#isWithin(id, domain)) next.add(id);
    }
    return this.#completed(next);
  }

  /** Compound states begin where they say, parallel states in all their regions. */
  #completed(states: Set<string>): Configuration {
    for (const id of states) {
      const { type, initial } = this.#vertices.get(id)!;
      const children = this.#children.get(id)!.filter((child) => child.type !== 'history');
      const begins =
        type === 'parallel' ? children.map((child) => child.id) : children.some((each) => states.has(each.id)) ? [] : initial;
      // A set is walked in the order of adding, and sees what is added meanwhile.
      for (const each of begins) for (const entered of [...this.#around(each)].reverse().concat(each)) states.add(entered);
    }
    return new Set(this.graph.vertices.map(({ id }) => id).filter((id) => states.has(id)));
  }

  /** An exact match before wildcards, longer ones before shorter ones. */
  #candidates(id: string, eventType: string): readonly Edge[] {
    const matching = this.#leaving.get(id)!.filter((edge) => isFor(edge.eventType, eventType));
    const rank = ({ eventType: own }: Edge): number => (own === eventType ? Infinity : own.length);
    return matching.sort((a, b) => (rank(a) === rank(b) ? 0 : rank(b) - rank(a)));
  }

  #exits(configuration: Configuration, edge: Edge): readonly string[] {
    if (edge.to.length === 0) return [];
    const domain = this.#domain(edge);
    return [...configuration].filter((id) => domain === undefined || this.#isWithin(id, domain));
  }

  /** The state that a transition stays within; undefined where it leaves the whole chart and enters it anew. */
  #domain({ from, to, reenter }: Edge): string | undefined {
    if (!reenter && to.every((id) => id === from || this.#isWithin(id, from))) return from;
    const common = this.#around(from).find((id) => to.every((each) => this.#isWithin(each, id)));
    return common ?? (reenter ? undefined : this.#root);
  }

  #inside(configuration: Configuration, id: string): readonly Vertex[] {
    return this.#children.get(id)!.filter((child) => configuration.has(child.id));
  }

  /** The states around one, innermost first. */
  #around(id: string): readonly string[] {
    let around = this.#ancestors.get(id);
    if (around === undefined) {
      const parent = this.#vertices.get(id)!.parent;
      this.#ancestors.set(id, (around = parent === undefined ? [] : [parent, ...this.#around(parent)]));
    }
    return around;
  }

  #isWithin(id: string, outer: string): boolean {
    return this.#around(id).includes(outer);
  }
}

function isFor(descriptor: string, eventType: string): boolean {
  if (descriptor === eventType) return true;
  if (descriptor === '' || eventType === '') return false;
  if (descriptor === '*') return true;
  return descriptor.endsWith('.*') && (eventType === descriptor.slice(0, -2) || eventType.startsWith(descriptor.slice(0, -1)));
}
