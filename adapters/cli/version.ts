import { readFileSync } from 'node:fs';

/** The version of the package that this runs from: built, or as it stands in the sources. */
export function ownVersion(): string {
  for (const path of ['../../../package.json', '../../package.json']) {
    try {
      const { name, version } = JSON.parse(readFileSync(new URL(path, import.meta.url), 'utf8')) as Record<string, unknown>;
      if (name === 'holdfast' && typeof version === 'string') return version;
    } catch {
      // It lies elsewhere.
    }
  }
  return 'unknown';
}
