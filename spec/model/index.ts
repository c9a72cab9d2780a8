/** Models of charts: what may happen is stated, where it leads is found out, walked, judged by the drawing, and counted. */
export { Coverage, edgeText, type Share } from './coverage.js';
export { WalkError } from './walk.js';
export { explore, pathText, recordPath, walkPath, type Exploration, type ExploreOptions } from './explore.js';
export { freeModel } from './free.js';
export { GuardReads } from './guard-reads.js';
export type { Interpreter, Model, Path, PlayedWorld, Sample, Step } from './model.js';
export { played, PlayedTime, type ArmedTimer, type PlayedLogic } from './played.js';
export { Semantics, type Configuration, type GuardResult } from './semantics.js';
export { Subject } from './subject.js';
export { Walk, xstate } from './walk.js';

import type { GuardResult } from './semantics.js';
/**
 * The former name of `GuardResult`.
 * @deprecated Since 0.1.0.
 */
export type Verdict = GuardResult;
