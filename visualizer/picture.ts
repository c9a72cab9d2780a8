import { LINE_HEIGHT, TITLE_HEIGHT, type Layout, type Place, type PlacedArrow, type PlacedState } from './layout.js';

/** A layout as a self-contained SVG picture, light or dark as its viewer likes; see `svgOf`. */
export function drawn({ width, height, states, beginnings, arrows }: Layout, title: string): string {
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img">`,
    `<title>${escaped(title)}</title>`,
    `<style>${STYLE}</style>`,
    '<defs><marker id="head" orient="auto" refX="8" refY="4" markerWidth="9" markerHeight="8"><path d="M0 0L8 4L0 8z"/></marker></defs>',
    // On a page of another scheme than its viewer's, text would be dark on dark.
    `<rect class="paper" width="${width}" height="${height}" rx="7"/>`,
    ...states.map((state) => stateGroup(state, states)),
    ...beginnings.map(
      ({ x, y, width: size }) => `<circle class="beginning" cx="${x + size / 2}" cy="${y + size / 2}" r="${size / 2}"/>`,
    ),
    ...arrows.map(arrowGroup),
    '</svg>\n',
  ].join('\n');
}

const STYLE = `
text{font:11px ui-sans-serif,system-ui,sans-serif;fill:#57606a}
.paper{fill:#fff}
.title{font-size:12px;font-weight:600;fill:#1f2328}
.state>rect{fill:#fff;stroke:#57606a}
.compound>rect,.parallel>rect{fill:#f6f8fa}
.region>rect{stroke-dasharray:4 3}
.beginning,marker path{fill:#57606a}
.arrow path{fill:none;stroke:#57606a}
.arrow text{fill:#0550ae}
@media (prefers-color-scheme:dark){
text{fill:#9198a1}
.paper{fill:#0d1117}
.title{fill:#f0f6fc}
.state>rect{fill:#0d1117;stroke:#9198a1}
.compound>rect,.parallel>rect{fill:#151b23}
.beginning,marker path{fill:#9198a1}
.arrow path{stroke:#9198a1}
.arrow text{fill:#79c0ff}
}
`;

function stateGroup({ vertex, title, lines, ...place }: PlacedState, states: readonly PlacedState[]): string {
  const isRegion = states.some((outer) => outer.vertex.id === vertex.parent && outer.vertex.type === 'parallel');
  const { x, y, width, height } = place;
  return [
    `<g class="state ${vertex.type}${isRegion ? ' region' : ''}" data-state="${escaped(vertex.id)}">`,
    ...(vertex.description === undefined ? [] : [`<title>${escaped(vertex.description)}</title>`]),
    rectangle(place),
    // A final state has a double border.
    ...(vertex.type === 'final' ? [rectangle({ x: x + 3, y: y + 3, width: width - 6, height: height - 6 })] : []),
    `<text class="title" x="${x + 12}" y="${y + 18}">${escaped(title)}</text>`,
    ...lines.map((line, index) => textAt(x + 12, y + TITLE_HEIGHT + 10 + index * LINE_HEIGHT, line)),
    '</g>',
  ].join('');
}

function arrowGroup({ arrow, points, label }: PlacedArrow): string {
  const path = `<path marker-end="url(#head)" d="M${points.map(({ x, y }) => `${x} ${y}`).join('L')}"/>`;
  if (arrow === undefined) return `<g class="arrow">${path}</g>`;
  const lines = (label?.lines ?? []).map((line, index) => textAt(label!.x, label!.y + 11 + index * LINE_HEIGHT, line));
  const data = { from: arrow.from, to: arrow.to, trigger: arrow.trigger };
  const attributes = Object.entries(data).map(([name, value]) => ` data-${name}="${escaped(value)}"`);
  return `<g class="arrow"${attributes.join('')}>${path}${lines.join('')}</g>`;
}

const rectangle = ({ x, y, width, height }: Place): string =>
  `<rect x="${x}" y="${y}" width="${width}" height="${height}" rx="7"/>`;
const textAt = (x: number, y: number, text: string): string => `<text x="${x}" y="${rounded(y)}">${escaped(text)}</text>`;
const rounded = (value: number): number => Math.round(value * 10) / 10;

const ENTITIES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };
/** Text that is only text in XML; control characters, which XML knows not at all, are left out. */
const escaped = (text: string): string =>
  text.replace(/[&<>"]/g, (sign) => ENTITIES[sign]!).replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g, '');
