/** Reads and validates recordings, by a schema. Loads zod, which the rest of `holdfast/visualizer` does not. */
export { readRecording, RecordingError, type ReadRecording } from './read.js';
export { headerSchema, lineSchema } from './schema.js';
