import type { Edge, Graph, Vertex } from './graph.js';

/** A graph as Mermaid `stateDiagram-v2`: deterministic text, fit to be committed and compared. */
export function mermaidOf(graph: Graph): string {
  const root = graph.vertices[0]!;
  const lines = ['stateDiagram-v2', ...inside(graph, root, '  ')];
  for (const edge of graph.edges) lines.push(...arrows(edge, root));
  return `${lines.join('\n')}\n`;
}

function inside(graph: Graph, parent: Vertex, indent: string): string[] {
  const children = graph.vertices.filter((v) => v.parent === parent.id);
  const lines = parent.initial.map((id) => `${indent}[*] --> ${idOf(id)}`);
  children.forEach((child, index) => {
    if (parent.type === 'parallel' && index > 0) lines.push(`${indent}--`);
    lines.push(...stateOf(graph, child, indent));
  });
  return lines;
}

function stateOf(graph: Graph, vertex: Vertex, indent: string): string[] {
  const id = idOf(vertex.id);
  const lines = [`${indent}state "${titleOf(vertex)}" as ${id}`];
  const children = inside(graph, vertex, `${indent}  `);
  if (children.length > 0) lines.push(`${indent}state ${id} {`, ...children, `${indent}}`);
  if (vertex.type === 'final') lines.push(`${indent}${id} --> [*]`);
  for (const [what, names] of [['entry', vertex.entry], ['exit', vertex.exit], ['invoke', vertex.invoke]] as const) {
    if (names.length > 0 && children.length === 0) lines.push(`${indent}${id} : ${what} / ${textOf(names.join(', '))}`);
  } // prettier-ignore
  return lines;
}

/** The key, the standard's name, and the rule it enforces. */
function titleOf({ key, name, rule, invoke, type }: Vertex): string {
  const runs = invoke.length > 0 && type !== 'atomic' ? ` ⟨${invoke.join(', ')}⟩` : '';
  return textOf([key, name, rule === undefined ? undefined : `[${rule}]`].filter((part) => part !== undefined).join(' ') + runs);
}

function arrows(edge: Edge, root: Vertex): string[] {
  const label = textOf(
    [
      edge.event,
      edge.guard === undefined ? '' : `[${edge.guard}]`,
      edge.actions.length === 0 ? '' : `/ ${edge.actions.join(', ')}`,
    ]
      .filter((part) => part !== '')
      .join(' '),
  );
  if (edge.from === root.id) return []; // Mermaid has no arrow from the whole diagram; such edges stand in the graph.
  const targets = edge.to.length === 0 ? [edge.from] : edge.to;
  return targets.filter((to) => to !== root.id).map((to) => `  ${idOf(edge.from)} --> ${idOf(to)} : ${label}`);
}

const idOf = (id: string): string => id.replace(/[^A-Za-z0-9]/g, '_');
/** Mermaid takes colons, semicolons and quotes for its own. */
const textOf = (text: string): string => text.replace(/[:;"#]/g, ' ');
