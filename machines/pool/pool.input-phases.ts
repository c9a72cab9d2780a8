import { phaseTable, type PhaseOf } from '../phase-table.js';

/**
 * Which of the peer's frames may come. The chart greets and opens; the first senseless byte deafens. `deciding`: the peer has said who it
 * is, and nothing more is read before the chart has decided. Bare frames have no hello, and are opened at once.
 */
export const POOL_INPUT = phaseTable('pool-input', 'nothing', {
  nothing: { hello: 'hello', open: 'everything', ignore: 'nothing' },
  hello: { answer: 'deciding', ignore: 'nothing' },
  deciding: { open: 'everything', ignore: 'nothing' },
  everything: { ignore: 'nothing' },
});

export type PoolInputPhase = PhaseOf<typeof POOL_INPUT>;
