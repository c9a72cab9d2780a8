import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { drawings, type Drawable, type Drawings } from './draw.js';
import { MERMAID_HEADER } from './mermaid.js';

export { RecordingFile, type RecordingFileOptions } from './recording-file.js';

// Drawings in folders. Needs Node; the rest of the visualizer runs in a browser as well, and must not import this.

/** A committed drawing that no longer shows its machine. */
export interface Drift {
  readonly file: string;
  /** The found and the expected text, shortened. */
  readonly firstDifference: string;
}

/** Writes the charts as Mermaid text into a folder. Returns the files that changed. */
export function draw(charts: Drawable, dir: string): readonly string[] {
  return write(drawings(charts), dir);
}

/** Which committed Mermaid drawings differ from the machines, are missing, or show a machine that is gone. Empty is good. */
export function drift(charts: Drawable, dir: string): readonly Drift[] {
  const files = drawings(charts);
  const gone = (existsSync(dir) ? readdirSync(dir) : []).filter((file) => file.endsWith('.mmd') && !files.has(file));
  const orphans = gone.sort().filter((file) => readFileSync(join(dir, file), 'utf8').startsWith(MERMAID_HEADER));
  const firstDifference = 'shows a machine that is gone; delete it';
  return [...compare(files, dir), ...orphans.map((file) => ({ file, firstDifference }))];
}

/** Writes what differs. Returns the files that changed. */
export function write(files: Drawings, dir: string): readonly string[] {
  makeDirectory(dir);
  const changed = compare(files, dir).map(({ file }) => file);
  for (const file of changed) writeFileSync(join(dir, file), files.get(file)!);
  return changed;
}

/** Node's own `recursive` never ends where a parent is there and takes no children, as `/proc` does. */
function makeDirectory(dir: string): void {
  if (existsSync(dir)) return;
  makeDirectory(dirname(dir));
  mkdirSync(dir);
}

/** Which of the files in a folder differ from what they should be. Writes nothing. */
export function compare(files: Drawings, dir: string): readonly Drift[] {
  const drifted: Drift[] = [];
  for (const [file, drawn] of files) {
    const path = join(dir, file);
    if (!existsSync(path)) drifted.push({ file, firstDifference: 'is missing' });
    else {
      const committed = readFileSync(path, 'utf8');
      if (committed !== drawn) drifted.push({ file, firstDifference: difference(committed, drawn) });
    }
  }
  return drifted;
}

/** Longer lines, as pictures have them, are cut. */
const SHOWN_CHARACTERS_MAX = 160;

function difference(committed: string, drawn: string): string {
  const old = committed.split('\n');
  const now = drawn.split('\n');
  let at = 0;
  while (old[at] === now[at]) at++;
  const shown = (line: string | undefined): string =>
    line === undefined
      ? '(end)'
      : JSON.stringify(line.length > SHOWN_CHARACTERS_MAX ? `${line.slice(0, SHOWN_CHARACTERS_MAX)}…` : line);
  const differing = Math.max(old.length, now.length) - now.filter((line, i) => line === old[i]).length;
  const others = differing > 1 ? `, and ${differing - 1} lines after it` : '';
  return `line ${at + 1}: ${shown(old[at])} is now ${shown(now[at])}${others}`;
}
