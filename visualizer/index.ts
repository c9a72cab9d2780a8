/**
 * Views of a chart, all drawn from the machine that runs; in Node and in browsers. Pictures are in `holdfast/visualizer/svg`,
 * which needs one more package. Functions that write and compare files are in `holdfast/visualizer/files`, which needs Node.
 */
export { chartsOf, drawings, pictures, tablesOf, type Charts, type Drawable, type Drawings } from './draw.js';
export { childrenOf, graphOf, transitionsOf, type Edge, type Graph, type Vertex } from './graph.js';
export { MERMAID_HEADER, mermaidOf } from './mermaid.js';
export * from './recording/index.js';
export { sketchOf, titleOf, type Arrow, type Sketch } from './sketch.js';
export { createTranscript, stateText, type Transcript, type TranscriptOptions } from './transcript.js';
export { wordsOf } from './words.js';
