import { phaseTable, type PhaseOf } from '../phase-table.js';

/**
 * Which of the peer's frames may come on the current wire. The chart greets, when a wire is there, and opens, when it has seen the
 * peer's answer; a violation deafens. `control`: the peer has greeted, and the chart has not opened yet.
 */
export const RESUME_HEARING = phaseTable('resume-hearing', 'nothing', {
  nothing: { rewire: 'nothing', greet: 'hello', deafen: 'nothing' },
  hello: { rewire: 'nothing', answer: 'control', deafen: 'nothing' },
  control: { rewire: 'nothing', open: 'everything', deafen: 'nothing' },
  everything: { rewire: 'nothing', deafen: 'nothing' },
});

export type ResumeHearing = PhaseOf<typeof RESUME_HEARING>;
