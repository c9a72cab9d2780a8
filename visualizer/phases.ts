import type { PhaseTable } from '../machines/phase-table.js';
import type { Edge, Graph, Vertex } from './graph.js';

/** A table of phases as a graph, so that it is drawn like a chart. A phase that none follows is final. */
export function graphOfTable({ name, initial, steps }: PhaseTable): Graph {
  const id = fileNameOf(name);
  const idOf = (phase: string): string => `${id}.${phase}`;
  const rows = Object.entries(steps).map(([phase, row]) => [phase, Object.entries(row) as [string, string][]] as const);
  const root = vertex(id, id, undefined, 'compound', [idOf(initial)]);
  const vertices = rows.map(([phase, row]) =>
    vertex(idOf(phase), phase, id, row.every(([, to]) => to === phase) ? 'final' : 'atomic', []),
  );
  const edges = rows.flatMap(([phase, row]) => row.map(([event, to]) => edge(idOf(phase), idOf(to), event)));
  return { id, vertices: [root, ...vertices], edges, delays: {} };
}

/** The name of a table's drawing; charts have their own names. */
export function fileNameOf(name: string): string {
  return `phases.${name}`;
}

function vertex(id: string, key: string, parent: string | undefined, type: Vertex['type'], initial: readonly string[]): Vertex {
  const nothing: readonly string[] = [];
  const does = { entry: nothing, exit: nothing, invoke: nothing, tags: nothing };
  return {
    id,
    key,
    parent,
    type,
    initial,
    history: undefined,
    ...does,
    rule: undefined,
    name: undefined,
    description: undefined,
  };
}

function edge(from: string, to: string, event: string): Edge {
  const base = { from, to: [to], eventType: event, event, actions: [], reenter: false };
  return { ...base, delay: undefined, guard: undefined, description: undefined };
}
