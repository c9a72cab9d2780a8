import { createHash } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import * as machines from '../../machines/index.js';
import { chartsOf } from '../draw.js';
import { graphOf } from '../graph.js';
import { bundlePage, PAGE_SOURCES } from './bundle.js';
import { BUNDLE_PATH } from './page.js';
import { drawPictures, keyOf, PREBUILT_PATH, readPrebuilt } from './pictures.js';

/**
 * The last step of the build: bundles the page of the inspector, and draws the charts of this package, so that an installed
 * inspector shows pictures without a layout package and at once. Pictures that the same drawing code has drawn before are not
 * drawn again.
 */
await writeFile(BUNDLE_PATH, JSON.stringify(await bundlePage(PAGE_SOURCES)));

const drawnBy = await hashOf(['../layout.js', '../picture.js', '../sketch.js', '../views.js', '../words.js']);
const before = (await drawnByOf()) === drawnBy ? await readPrebuilt() : {};
const pictures: Record<string, readonly string[]> = {};
for (const graph of Object.values(chartsOf(machines)).map(graphOf)) {
  const key = keyOf(graph);
  pictures[key] = before[key] ?? (await drawPictures(graph));
}
await writeFile(PREBUILT_PATH, JSON.stringify({ drawnBy, pictures }));

async function hashOf(files: readonly string[]): Promise<string> {
  const hash = createHash('sha256');
  for (const file of files) hash.update(await readFile(new URL(file, import.meta.url)));
  return hash.digest('base64url');
}

async function drawnByOf(): Promise<string | undefined> {
  try {
    return (JSON.parse(await readFile(PREBUILT_PATH, 'utf8')) as { readonly drawnBy?: string }).drawnBy;
  } catch {
    return undefined;
  }
}
