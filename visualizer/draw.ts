import type { AnyStateMachine } from 'xstate';
import { SessionError } from '../machines/errors.js';
import { galleryOf } from './gallery.js';
import { graphOf } from './graph.js';
import { mermaidOf } from './mermaid.js';

/** Charts by name, such as the exports of `holdfast/machines`. A name becomes a file's name. */
export type Charts = Readonly<Record<string, AnyStateMachine>>;

/** File names and what should be in them. */
export type Drawings = ReadonlyMap<string, string>;

/** The machines among a module's exports, by their id. Throws `bad-option` where two machines share one. */
export function chartsOf(exports: Readonly<Record<string, unknown>>): Charts {
  const charts = new Map<string, AnyStateMachine>();
  for (const value of Object.values(exports).filter(isMachine)) {
    if ((charts.get(value.id) ?? value) !== value) throw new SessionError('bad-option', `two machines are called "${value.id}"`);
    charts.set(value.id, value);
  }
  return Object.fromEntries(charts);
}

/** Each chart as Mermaid text, by file name. */
export function drawings(charts: Charts): Drawings {
  return new Map(namesOf(charts).map((name) => [`${name}.mmd`, mermaidOf(graphOf(charts[name]!))]));
}

/**
 * The charts as pictures, each small enough to be read, and a page `README.md` that shows them; by file name. Needs the package
 * `elkjs`, and rejects with an `Error` that says so.
 */
export async function pictures(charts: Charts): Promise<Drawings> {
  return galleryOf(namesOf(charts).map((name) => graphOf(charts[name]!)));
}

/** Sorted, so that nothing depends on the order of exports. A name must not lead out of the folder. */
function namesOf(charts: Charts): readonly string[] {
  const names = Object.keys(charts).sort();
  const strange = names.find((name) => !/^\w[\w.-]*$/.test(name));
  if (strange !== undefined)
    throw new SessionError('bad-option', `"${strange}" cannot be the name of a file: letters, digits, "_", "-" and "." can`);
  return names;
}

function isMachine(value: unknown): value is AnyStateMachine {
  return typeof value === 'object' && value !== null && 'root' in value && 'config' in value && 'provide' in value;
}
