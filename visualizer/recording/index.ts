/** Recordings of running engines, in Node and in browsers, and their states at any moment. No schema library is loaded. */
export * from './format.js';
export { createRecorder, record, type Recorder, type RecorderOptions } from './recorder.js';
export type { RecordingSink } from './turn.js';
export { RecordingMemory, type RecordingMemoryOptions } from './memory.js';
export { storyOf, type StoryOptions, type Told } from './story.js';
export { applyLine, stateAt, stateBehind, type ActorState, type RecordedState } from './state.js';
