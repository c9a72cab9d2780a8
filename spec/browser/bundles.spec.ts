import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'esbuild';

const root = join(__dirname, '../..');
const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { exports: Record<string, string> };

/** The entries that promise to run in a browser. */
const entries = [
  '.',
  './adapters/messages',
  './adapters/resume',
  './adapters/rx',
  './machines',
  './transports/memory',
  './transports/websocket.browser',
  './visualizer',
  './visualizer/svg',
];

/** What a bundler for browsers says about a program that imports the entry of the built package. */
async function complaints(subpath: string): Promise<readonly string[]> {
  const file = join(root, manifest.exports[subpath]!);
  if (!existsSync(file)) throw new Error(`${file} is missing: run npm run build first`);
  const { errors, warnings } = await build({
    stdin: { contents: `import * as all from ${JSON.stringify(file)}; globalThis.all = all;`, resolveDir: root },
    bundle: true,
    write: false,
    format: 'esm',
    platform: 'browser',
    logLevel: 'silent',
  }).catch((failure: { errors: { text: string }[]; warnings: { text: string }[] }) => failure);
  return [...errors, ...warnings].map(({ text }) => text);
}

describe('browser/bundles: browser/bundle', () => {
  test.each(entries)(
    '%s is bundled for a browser, without a module of Node',
    async (subpath) => {
      expect(await complaints(subpath)).toEqual([]);
    },
    60_000,
  );

  test('an entry that needs Node is found out', async () => {
    expect(await complaints('./visualizer/files')).toContainEqual(expect.stringContaining('node:fs'));
  }, 60_000);
});
