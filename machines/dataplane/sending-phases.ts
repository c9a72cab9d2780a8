import { phaseTable, type PhaseOf } from '../phase-table.js';

/**
 * How far a session has come with its own end, for every plane. It takes messages, or lets those leave that it has taken, or has told
 * its chart that all of them have left (or were acknowledged, where there are acknowledgements), or has said its last word.
 */
export const SENDING_PHASES = phaseTable('sending', 'taking', {
  taking: { drain: 'draining', close: 'closed' },
  /** The peer may ask for it, and the application as well. */
  draining: { drain: 'draining', empty: 'drained', close: 'closed' },
  drained: { drain: 'drained', close: 'closed' },
  /** A last word is repeated where it may have been lost. */
  closed: { drain: 'closed', close: 'closed' },
});

export type SendingPhase = PhaseOf<typeof SENDING_PHASES>;
