import type { Graph } from './graph.js';
import { layoutOf } from './layout.js';
import { drawn } from './picture.js';
import { sketchOf } from './sketch.js';

/**
 * A graph as a self-contained SVG picture, light or dark as its viewer likes. Each state is a group with `data-state`, its id; each
 * arrow one with `data-from`, `data-to` and `data-trigger`, so that a page can light up what happens. Deterministic.
 * The layout comes from elkjs, an optional package; without it this rejects with an `Error` that names it.
 */
export async function svgOf(graph: Graph): Promise<string> {
  return drawn(await layoutOf(sketchOf(graph)), graph.id);
}
