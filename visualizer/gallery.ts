import type { Graph } from './graph.js';
import { drawn } from './picture.js';
import { viewsOf, type View } from './views.js';
import { durationText, withDefault } from './words.js';

/** The first line of a page that is drawn; it also tells our own files from other people's. */
const GALLERY_HEADER = '<!-- Drawn from the machines that run: do not edit, draw it again. -->';

/**
 * Charts as pictures that are small enough to be read, and a page `README.md` that shows them with what is better told in tables: the
 * ways out of a state, and the defaults of delays. By file name. Needs elkjs, and rejects with an `Error` that says so.
 */
export async function galleryOf(graphs: readonly Graph[]): Promise<ReadonlyMap<string, string>> {
  const files = new Map<string, string>();
  const page = [
    GALLERY_HEADER,
    '# Charts',
    'Every chart as it runs, and under `phases.` the tables of the small state machines on the path of data. A box with ▸ is drawn open below; transitions that leave it, or that many states have in common, are in tables. ' +
      'Defaults of delays are in brackets. The whole of a chart, with all actions, is the `.mmd` file (Mermaid) of its name.',
    graphs.map(({ id }) => `[${id}](#${anchorOf(id)})`).join(' · '),
  ];
  for (const graph of graphs) {
    page.push(`## ${graph.id}`, `Whole: [\`${graph.id}.mmd\`](${graph.id}.mmd)`);
    for (const view of await viewsOf(graph)) {
      const file = `${view.of.replace(/[^\w.-]/g, '_')}.svg`;
      files.set(file, drawn(view.layout, view.of));
      page.push(...(view.of === graph.id ? [] : [`### ${view.of}`]), `![${view.of}](${file})`, ...exitsOf(view, graph));
    }
    page.push(...delaysOf(graph));
  }
  return files.set('README.md', `${page.join('\n\n')}\n`);
}

function exitsOf({ of, exits }: View, graph: Graph): readonly string[] {
  if (exits.length === 0) return [];
  const short = (id: string): string => (id.startsWith(`${of}.`) ? id.slice(of.length + 1) : shortened(id, graph));
  const rows = exits.map(({ from, trigger, to, actions }) => [
    from.map(short).join(', '),
    withDefault(trigger, graph),
    to.map(short).join(', '),
    actions.join(', '),
  ]);
  return [table(['from', 'on', 'to', 'does'], rows)];
}

function delaysOf({ delays }: Graph): readonly string[] {
  const rows = Object.entries(delays).map(([name, value]) => [name, durationText(value)]);
  return rows.length === 0 ? [] : [table(['delay', 'default'], rows)];
}

const shortened = (id: string, { id: chart }: Graph): string => (id.startsWith(`${chart}.`) ? id.slice(chart.length + 1) : id);

function table(heads: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.map(cell).join(' | ')} |`;
  return [line(heads), `|${heads.map(() => '---').join('|')}|`, ...rows.map(line)].join('\n');
}

const cell = (text: string): string => text.replace(/\s+/g, ' ').replace(/[|\\`*_<[\]]/g, (sign) => `\\${sign}`);

/** A heading's anchor, as renderers of Markdown make it of these ids: without dots. */
function anchorOf(id: string): string {
  return id.toLowerCase().replaceAll('.', '');
}
