import { CLOSINGS } from '../../machines/closing.js';
import type { Charts } from '../draw.js';
import { graphOf, type Graph } from '../graph.js';
import { titleOf } from '../sketch.js';
import { picturesOf } from './pictures.js';

/** The facts that the page needs beside the recording, as JSON: charts with their pictures, and the meaning of endings. */
export async function factsOf(charts: Charts): Promise<string> {
  const graphs = Object.values(charts).map(graphOf);
  const pictures = await picturesOf(graphs);
  return JSON.stringify({
    charts: graphs.map((graph, index) => ({ ...statesOf(graph), pictures: (pictures[index] ?? []).map(named) })),
    closings: Object.fromEntries(Object.entries(CLOSINGS).map(([code, { happened, advice }]) => [code, { happened, advice }])),
  });
}

function statesOf(graph: Graph): object {
  const states = graph.vertices.map((vertex) => ({
    id: vertex.id,
    title: titleOf(vertex),
    parent: vertex.parent,
    tags: vertex.tags,
  }));
  const arrows = graph.edges.map(({ from, to }) => ({ from, to }));
  return { id: graph.id, key: JSON.stringify(graph), states, arrows };
}

/** A picture says in its title which state it shows. */
function named(svg: string): { readonly of: string; readonly svg: string } {
  return { of: /<title>([^<]*)<\/title>/.exec(svg)?.[1] ?? '', svg };
}
