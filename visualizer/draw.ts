import type { AnyStateMachine } from 'xstate';
import { SessionError } from '../machines/errors.js';
import { galleryOf } from './gallery.js';
import type { PhaseTable } from '../machines/phase-table.js';
import { graphOf, type Graph } from './graph.js';
import { mermaidOf } from './mermaid.js';
import { fileNameOf, graphOfTable } from './phases.js';

/** Charts by name, such as the exports of `holdfast/machines`. A name becomes a file's name. */
export type Charts = Readonly<Record<string, AnyStateMachine>>;

/** Charts, and tables of phases (`tablesOf`), by name. */
export type Drawable = Readonly<Record<string, AnyStateMachine | PhaseTable>>;

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

/** Tables of phases by the names of their drawings, such as `phaseTables` of `holdfast/machines`. */
export function tablesOf(tables: readonly PhaseTable[]): Readonly<Record<string, PhaseTable>> {
  return Object.fromEntries(tables.map((table) => [fileNameOf(table.name), table]));
}

/** Each chart as Mermaid text, by file name. */
export function drawings(charts: Drawable): Drawings {
  return new Map(namesOf(charts).map((name) => [`${name}.mmd`, mermaidOf(drawableGraph(charts[name]!))]));
}

/**
 * The charts as pictures, each small enough to be read, and a page `README.md` that shows them; by file name. Needs the package
 * `elkjs`, and rejects with an `Error` that says so.
 */
export async function pictures(charts: Drawable): Promise<Drawings> {
  return galleryOf(namesOf(charts).map((name) => drawableGraph(charts[name]!)));
}

function drawableGraph(chart: AnyStateMachine | PhaseTable): Graph {
  return 'steps' in chart ? graphOfTable(chart) : graphOf(chart);
}

/** Sorted, so that nothing depends on the order of exports. A name must not lead out of the folder. */
function namesOf(charts: Drawable): readonly string[] {
  const names = Object.keys(charts).sort();
  const strange = names.find((name) => !/^\w[\w.-]*$/.test(name));
  if (strange !== undefined)
    throw new SessionError('bad-option', `"${strange}" cannot be the name of a file: letters, digits, "_", "-" and "." can`);
  return names;
}

function isMachine(value: unknown): value is AnyStateMachine {
  return typeof value === 'object' && value !== null && 'root' in value && 'config' in value && 'provide' in value;
}
