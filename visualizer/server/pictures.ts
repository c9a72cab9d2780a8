import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import type { Graph } from '../graph.js';
import { drawn } from '../picture.js';
import { viewsOf } from '../views.js';

/** The pictures of one chart, from the whole to its parts, as SVG. */
export type Pictures = readonly string[];

/** Pictures that were drawn when the package was built, by `keyOf` their graphs. */
export type Prebuilt = Readonly<Record<string, Pictures>>;

/** Beside this file in the package: written by `prebuild.js`. */
export const PREBUILT_PATH = fileURLToPath(new URL('pictures.json', import.meta.url));

/** Draws now. Rejects without the package `elkjs`. */
export async function drawPictures(graph: Graph): Promise<Pictures> {
  return (await viewsOf(graph)).map(({ layout, of }) => drawn(layout, of));
}

/**
 * The pictures of charts: the prebuilt ones, which need no layout package, as long as the chart is the one that was drawn; else
 * drawn now; `undefined` for a chart that can't be drawn because elkjs isn't installed.
 */
export async function picturesOf(graphs: readonly Graph[]): Promise<readonly (Pictures | undefined)[]> {
  const prebuilt = await readPrebuilt();
  return Promise.all(graphs.map(async (graph) => prebuilt[keyOf(graph)] ?? drawPictures(graph).catch(() => undefined)));
}

/** Two charts with one key look the same. */
export function keyOf(graph: Graph): string {
  return createHash('sha256').update(JSON.stringify(graph)).digest('base64url');
}

/** Empty where there are none, as in a checkout that was not built. */
export async function readPrebuilt(path = PREBUILT_PATH): Promise<Prebuilt> {
  try {
    return (JSON.parse(await readFile(path, 'utf8')) as { readonly pictures: Prebuilt }).pictures;
  } catch {
    return {};
  }
}
