import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { AnyStateMachine } from 'xstate';
import { graphOf } from './graph.js';
import { mermaidOf } from './mermaid.js';

/** Charts by name, such as the exports of `holdfast/machines`. */
export type Charts = Readonly<Record<string, AnyStateMachine>>;

/** What is and what should be, where a committed drawing no longer shows its machine. */
export interface Drift {
  readonly file: string;
  readonly firstDifference: string;
}

/** The machines among a module's exports, by their id. */
export function chartsOf(exports: Readonly<Record<string, unknown>>): Charts {
  const charts: Record<string, AnyStateMachine> = {};
  for (const value of Object.values(exports)) if (isMachine(value)) charts[value.id] = value;
  return charts;
}

/** Each chart as Mermaid text, by file name. */
export function drawings(charts: Charts): ReadonlyMap<string, string> {
  const names = Object.keys(charts).sort();
  return new Map(names.map((name) => [`${name}.mmd`, mermaidOf(graphOf(charts[name]!))]));
}

/** Writes the drawings into a folder. Returns the files that changed. */
export function draw(charts: Charts, dir: string): readonly string[] {
  mkdirSync(dir, { recursive: true });
  const changed = drift(charts, dir).map(({ file }) => file);
  for (const [file, text] of drawings(charts)) if (changed.includes(file)) writeFileSync(join(dir, file), text);
  return changed;
}

/** Which committed drawings differ from the machines. Empty is good. */
export function drift(charts: Charts, dir: string): readonly Drift[] {
  const drifted: Drift[] = [];
  for (const [file, text] of drawings(charts)) {
    const path = join(dir, file);
    const committed = existsSync(path) ? readFileSync(path, 'utf8') : '';
    if (committed !== text) drifted.push({ file, firstDifference: difference(committed, text) });
  }
  return drifted;
}

function difference(committed: string, drawn: string): string {
  const old = committed.split('\n');
  const now = drawn.split('\n');
  const at = now.findIndex((line, i) => line !== old[i]);
  return `line ${at + 1}: ${JSON.stringify(old[at] ?? '(end)')} is now ${JSON.stringify(now[at] ?? '(end)')}`;
}

function isMachine(value: unknown): value is AnyStateMachine {
  return typeof value === 'object' && value !== null && 'root' in value && 'config' in value && 'provide' in value;
}
