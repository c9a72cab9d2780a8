import { childrenOf, type Graph, type Vertex } from '../graph.js';
import { titleOf } from '../sketch.js';
import { picturesOf, type Pictures } from './pictures.js';

/**
 * One page with every chart, drawn once; a small script lights up the states that actors are in. It loads nothing from
 * anywhere but its own server.
 */
export async function pageOf(graphs: readonly Graph[], nonce: string): Promise<string> {
  const pictures = await picturesOf(graphs);
  const sections = graphs.map((graph, i) => sectionOf(graph, pictures[i]));
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>holdfast</title>
<style>${STYLE}</style>
<h1>holdfast <span id="link">connecting</span></h1>
<pre id="lines"></pre>
${sections.join('\n')}
<script nonce="${nonce}">(${follow.toString()})(document, new EventSource('events'));</script>
</html>
`;
}

function sectionOf(graph: Graph, pictures: Pictures | undefined): string {
  // Without pictures a list of states does: it lights up as well.
  const shown = pictures?.join('\n') ?? `<ul>${itemOf(graph, graph.vertices[0]!)}</ul>`;
  return `<section data-chart="${escaped(graph.id)}" hidden><h2>${escaped(graph.id)} <span class="count"></span></h2>${shown}</section>`;
}

function itemOf(graph: Graph, vertex: Vertex): string {
  const inner = childrenOf(graph, vertex.id).map((child) => itemOf(graph, child));
  const list = inner.length === 0 ? '' : `<ul>${inner.join('')}</ul>`;
  return `<li class="state" data-state="${escaped(vertex.id)}"><span class="title">${escaped(titleOf(vertex))}</span>${list}</li>`;
}

const ENTITIES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };
const escaped = (text: string): string => text.replace(/[&<>"]/g, (sign) => ENTITIES[sign]!);

const STYLE = `
:root{color-scheme:light dark}
body{font:14px ui-sans-serif,system-ui,sans-serif;margin:24px}
#link{font-size:12px;font-weight:400}
pre{min-height:8em;overflow:auto}
section{overflow:auto}
.count{font-weight:400}
.state.lit>rect{stroke:#1a7f37;stroke-width:3}
.state.lit>.title{fill:#1a7f37;color:#1a7f37}
`;

/** The parts of a page that its script uses. */
export interface Page {
  querySelectorAll(selector: string): Iterable<PageElement>;
  getElementById(id: string): PageElement | null;
}

/** And of an element on it. */
export interface PageElement {
  textContent: string | null;
  hidden: boolean;
  readonly dataset: Record<string, string | undefined>;
  readonly classList: { toggle(name: string, isOn: boolean): unknown };
  querySelector(selector: string): PageElement | null;
}

/** And of the stream of states. */
export interface PageSource {
  onopen: unknown;
  onerror: unknown;
  onmessage: unknown;
}

/** Runs in the page, where none of this module's other names exist. */
export function follow(page: Page, source: PageSource): void {
  const link = page.getElementById('link')!;
  source.onopen = (): void => void (link.textContent = 'live');
  source.onerror = (): void => void (link.textContent = 'ended; this is what was last seen');
  source.onmessage = ({ data }: { data: string }): void => {
    const { charts, lines } = JSON.parse(data) as {
      charts: Record<string, { actors: number; ended: number; states: Record<string, number> }>;
      lines: string[];
    };
    page.getElementById('lines')!.textContent = lines.slice(-12).join('\n');
    for (const section of page.querySelectorAll('[data-chart]')) {
      const chart = charts[section.dataset['chart']!];
      if (chart === undefined) continue;
      section.hidden = false;
      section.querySelector('.count')!.textContent = `${chart.actors} running, ${chart.ended} ended`;
    }
    for (const state of page.querySelectorAll('[data-state]')) {
      const id = state.dataset['state']!;
      const count = charts[id.split('.')[0]!]?.states[id] ?? 0;
      state.classList.toggle('lit', count > 0);
      const title = state.querySelector('.title')!;
      const name = (state.dataset['name'] ??= title.textContent ?? '');
      title.textContent = count > 1 ? `${name} × ${count}` : name;
    }
  };
}
