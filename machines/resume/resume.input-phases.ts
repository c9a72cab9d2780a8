import { phaseTable, type PhaseOf } from '../phase-table.js';

/**
 * Which of the peer's frames may come on the current wire. The chart greets, when a wire is there, and opens, when it has seen the
 * peer's answer; a violation deafens. `control`: the peer has greeted, and the chart has not opened yet.
 */
export const RESUME_INPUT = phaseTable('resume-input', 'nothing', {
  nothing: { rewire: 'nothing', hello: 'hello', ignore: 'nothing' },
  hello: { rewire: 'nothing', answer: 'control', ignore: 'nothing' },
  control: { rewire: 'nothing', open: 'everything', ignore: 'nothing' },
  everything: { rewire: 'nothing', ignore: 'nothing' },
});

export type ResumeInputPhase = PhaseOf<typeof RESUME_INPUT>;
