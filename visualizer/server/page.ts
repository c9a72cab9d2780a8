import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import type { Bundle } from './bundle.js';

/** Beside this file in the package: written by `prebuild.js`. */
export const BUNDLE_PATH = fileURLToPath(new URL('page.json', import.meta.url));

/** The page of the inspector as one document. It loads nothing but the facts and the recording of its own server. */
export async function pageOf(nonce: string, path = BUNDLE_PATH): Promise<string> {
  const bundle = await readFile(path, 'utf8').catch((error: unknown) => {
    throw new Error('the page was not built: run `npm run build`', { cause: error });
  });
  const { script, style } = JSON.parse(bundle) as Bundle;
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>holdfast</title>
<link rel="icon" href="data:,">
<style>${style}</style>
<body>
<script nonce="${nonce}">${script.replaceAll('</script', '<\\/script')}</script>
`;
}
