/** Views of a chart, all drawn from the machine that runs. */
export { chartsOf, draw, drawings, drift, type Charts, type Drift } from './draw.js';
export { graphOf, type Edge, type Graph, type Vertex } from './graph.js';
export { mermaidOf } from './mermaid.js';
