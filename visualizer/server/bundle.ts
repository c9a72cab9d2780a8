import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

/** The page of the inspector, as it is shipped. */
export interface Bundle {
  readonly script: string;
  readonly style: string;
}

/** Bundles the page of the inspector. Part of the build: users need neither the bundler nor Preact. */
export async function bundlePage(sources: string): Promise<Bundle> {
  const licence = await readFile(join(dirname(createRequire(import.meta.url).resolve('preact/package.json')), 'LICENSE'), 'utf8');
  const [script, style] = await Promise.all([
    build({
      entryPoints: [join(sources, 'main.tsx')],
      ...{ bundle: true, write: false, minify: true, format: 'iife', platform: 'browser', target: 'es2022', logLevel: 'warning' },
      ...{ jsx: 'automatic', jsxImportSource: 'preact' },
      banner: { js: `/*! Contains Preact.\n${licence}*/` },
    }),
    build({ entryPoints: [join(sources, 'style.css')], write: false, minify: true, logLevel: 'warning' }),
  ]);
  return { script: textOf(script.outputFiles), style: textOf(style.outputFiles) };
}

/** Where the page's sources are, from the built file beside this one. */
export const PAGE_SOURCES = fileURLToPath(new URL('../../../visualizer/page', import.meta.url));

const textOf = ([file]: readonly { readonly text: string }[]): string => file!.text;
