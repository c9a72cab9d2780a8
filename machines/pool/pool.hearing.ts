import { phaseTable, type PhaseOf } from '../phase-table.js';

/**
 * Which of the peer's frames may come. The chart greets and opens; the first senseless byte deafens. `judging`: the peer has said who it
 * is, and nothing more is read before the chart has decided. Bare frames have no hello, and are opened at once.
 */
export const POOL_HEARING = phaseTable('pool-hearing', 'nothing', {
  nothing: { greet: 'hello', open: 'everything', deafen: 'nothing' },
  hello: { answer: 'judging', deafen: 'nothing' },
  judging: { open: 'everything', deafen: 'nothing' },
  everything: { deafen: 'nothing' },
});

export type PoolHearing = PhaseOf<typeof POOL_HEARING>;
