import { childrenOf, type Graph, type Vertex } from './graph.js';
import { sketchOf, titleOf, type Sketch } from './sketch.js';

/** The first line of every drawing; it also tells our own files from other people's. */
export const MERMAID_HEADER = '%% Drawn from the machine that runs: do not edit, draw it again.';

/**
 * A graph as Mermaid `stateDiagram-v2`: deterministic text, fit to be committed and compared. Arrows are transitions; what a state
 * does by itself stands inside it, or in a note where it has states inside. A machine that handles events itself, or is parallel,
 * is drawn as a frame around its states.
 */
export function mermaidOf(graph: Graph): string {
  const sketch = sketchOf(graph);
  const { root, isFramed, arrows } = sketch;
  const idOf = namesOf(graph);
  const body = isFramed ? stateLines(sketch, root, idOf, '  ') : insideLines(sketch, root, idOf, '  ');
  const lines = [MERMAID_HEADER, 'stateDiagram-v2', ...body];
  for (const { from, to, trigger, actions } of arrows) {
    lines.push(`  ${idOf(from)} --> ${idOf(to)} : ${textOf(actions === '' ? trigger : `${trigger} / ${actions}`)}`);
  }
  return `${lines.join('\n')}\n`;
}

type IdOf = (id: string) => string;

function insideLines(sketch: Sketch, parent: Vertex, idOf: IdOf, indent: string): string[] {
  const beginnings = parent.type === 'compound' ? parent.initial : [];
  const lines = beginnings.map((id) => `${indent}[*] --> ${idOf(id)}`);
  childrenOf(sketch.graph, parent.id).forEach((child, index) => {
    if (parent.type === 'parallel' && index > 0) lines.push(`${indent}--`);
    lines.push(...stateLines(sketch, child, idOf, indent));
  });
  return lines;
}

function stateLines(sketch: Sketch, vertex: Vertex, idOf: IdOf, indent: string): string[] {
  const id = idOf(vertex.id);
  const lines = [`${indent}state "${textOf(titleOf(vertex))}" as ${id}`];
  const facts = sketch.lines.get(vertex.id)!.map(textOf);
  const inside = insideLines(sketch, vertex, idOf, `${indent}  `);
  if (inside.length > 0) {
    lines.push(`${indent}state ${id} {`, ...inside, `${indent}}`);
    // A description would take the place of the title there.
    if (facts.length > 0)
      lines.push(`${indent}note right of ${id}`, ...facts.map((fact) => `${indent}  ${fact}`), `${indent}end note`);
  } else lines.push(...facts.map((fact) => `${indent}${id} : ${fact}`));
  if (vertex.type === 'final') lines.push(`${indent}${id} --> [*]`);
  return lines;
}

/** Words that Mermaid, or the layout below it, reads as its own where a state would stand. */
const RESERVED = new Set(
  'as class classdef click constructor default direction end hide note __proto__ root scale state style'.split(' '),
);

/** Each state under a name that Mermaid takes; no two states share one. */
function namesOf(graph: Graph): IdOf {
  const names = new Map<string, string>();
  const taken = new Set<string>();
  for (const { id } of graph.vertices) {
    const plain = id.replace(/[^A-Za-z0-9]/g, '_');
    const stem = RESERVED.has(plain.toLowerCase()) || plain === '' ? `${plain}_` : plain;
    let name = stem;
    for (let copy = 2; taken.has(name); copy++) name = `${stem}_${copy}`;
    taken.add(name);
    names.set(id, name);
  }
  return (id) => names.get(id)!;
}

/** Mermaid takes these for its own. Its escapes differ between its renderers, so letters stand in that look alike. */
const LOOKALIKES: Readonly<Record<string, string>> = {
  ...{ ':': '∶', ';': '；', '"': '″', '#': '＃', '`': '′', '%%': '％％' },
  ...{ '<': '‹', '>': '›', '{': '❴', '}': '❵', 'end note': 'end\u00a0note' },
};

/** Text on one line, with nothing in it that Mermaid would interpret. */
function textOf(text: string): string {
  return text.replace(/\s+/g, ' ').replace(/[:;"#<>`{}]|%%|end note/g, (sign) => LOOKALIKES[sign]!);
}
