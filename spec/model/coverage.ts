import type { Edge, Graph } from '../../visualizer/graph.js';

/** How much of a part of a chart was reached. */
export interface Share {
  readonly reached: number;
  readonly of: number;
}

/** What of a chart was reached by walks. History states are no places to be, and do not count. */
export class Coverage {
  readonly #taken = new Set<number>();
  readonly #visited = new Set<string>();

  constructor(readonly graph: Graph) {}

  /** A transition was taken; its place in `Graph.edges`. */
  take(edge: number): void {
    this.#taken.add(edge);
  }
  visit(stateId: string): void {
    this.#visited.add(stateId);
  }

  get transitions(): Share {
    return { reached: this.#taken.size, of: this.graph.edges.length };
  }
  get states(): Share {
    const states = this.#states();
    return { reached: states.filter((id) => this.#visited.has(id)).length, of: states.length };
  }
  /** Transitions that were never taken, in words and in the order of the chart. */
  get neverTaken(): readonly string[] {
    return this.graph.edges.filter((_, i) => !this.#taken.has(i)).map((edge) => edgeText(this.graph, edge));
  }
  /** States that were never entered, by id. */
  get neverEntered(): readonly string[] {
    return this.#states().filter((id) => !this.#visited.has(id));
  }

  /** `connection: 36 of 37 transitions, 15 of 15 states`. */
  toString(): string {
    const { transitions, states } = this;
    return `${this.graph.id}: ${transitions.reached} of ${transitions.of} transitions, ${states.reached} of ${states.of} states`;
  }

  #states(): readonly string[] {
    return this.graph.vertices.filter(({ type }) => type !== 'history').map(({ id }) => id);
  }
}

/** `engaged: done protocol [wasDenied] → remoteDeniedTrust`; states without the name of their machine. */
export function edgeText(graph: Graph, { from, to, event, guard }: Edge): string {
  const short = (id: string): string => (id.startsWith(`${graph.id}.`) ? id.slice(graph.id.length + 1) : id);
  const leads = to.length === 0 ? '' : ` → ${to.map(short).join(', ')}`;
  return `${short(from)}: ${event}${guard === undefined ? '' : ` [${guard}]`}${leads}`;
}
