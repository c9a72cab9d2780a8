import type { AnyStateMachine } from 'xstate';
import { graphOf, transitionsOf, type Edge, type Graph } from '../../visualizer/graph.js';
import { guardName } from '../../visualizer/words.js';
import { edgeText } from './coverage.js';
import { GuardReads, watchInlineGuards } from './guard-reads.js';
import type { Model, PlayedWorld } from './model.js';
import { Semantics } from './semantics.js';

/** Answers for a guard: by its own judgement (`ask`), or freely where there is none. */
export type GuardTable = (guard: string, ask: (() => boolean) | undefined) => boolean;

type GuardFunction = ((args: object, params: unknown) => boolean) & { readonly check?: unknown };

/** A model made ready to be walked: its chart as a graph, and every guard's answer in the hands of the walk under way. */
export class Subject<World extends PlayedWorld> {
  readonly machine: AnyStateMachine;
  readonly graph: Graph;
  readonly semantics: Semantics;
  /** What the guards have read of the context so far. */
  readonly guardReads = new GuardReads();
  readonly #edges: ReadonlyMap<object, Edge>;
  #table: GuardTable | undefined;

  constructor(readonly model: Model<World>) {
    this.graph = graphOf(model.machine);
    this.semantics = new Semantics(this.graph);
    this.machine = model.machine.provide({ guards: this.#guards() });
    if (model.guards !== 'free') watchInlineGuards(this.machine, (name, args) => this.#watched(name, args));
    this.#edges = new Map(transitionsOf(this.machine).map((each, i) => [each, this.graph.edges[i]!]));
  }

  /** The edge of one of XState's own transitions. */
  edgeOf(transition: object): Edge {
    const edge = this.#edges.get(transition);
    if (edge === undefined) throw new Error('a transition was taken that is not in the chart');
    return edge;
  }

  text(edge: Edge): string {
    return edgeText(this.graph, edge);
  }

  /** Acts with a walk's answers for guards. Walks may take turns, step by step. */
  guarded(table: GuardTable, act: () => void): void {
    this.#table = table;
    try {
      act();
    } finally {
      this.#table = undefined;
    }
  }

  #watched<Args extends object>(guard: string, args: Args): Args {
    return this.model.facts === undefined ? this.guardReads.watched(guard, args) : args;
  }

  #guards(): Record<string, GuardFunction> {
    const own = (this.model.machine.implementations as { guards: Readonly<Record<string, GuardFunction>> }).guards;
    const isFree = this.model.guards === 'free';
    const guards: Record<string, GuardFunction> = {};
    for (const name of isFree ? this.#guardsInUse(own) : Object.keys(own)) {
      const guard = own[name];
      // XState's combinations (`and`, `not`) ask the guards that they are made of.
      if (guard?.check !== undefined && !isFree) continue;
      guards[name] = (args, params) => {
        const label = params === undefined ? name : guardName({ type: name, params });
        const ask = isFree || guard === undefined ? undefined : () => guard(this.#watched(name, args), params);
        return this.#table === undefined ? (ask?.() ?? false) : this.#table(label, ask);
      };
    }
    return guards;
  }

  /** Those with an implementation, and those that are only named in the chart. */
  #guardsInUse(own: object): ReadonlySet<string> {
    const named = this.graph.edges.flatMap(({ guard }) => (guard === undefined || !/^[\w.-]+$/.test(guard) ? [] : [guard]));
    return new Set([...Object.keys(own), ...named]);
  }
}
