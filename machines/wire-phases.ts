import { phaseTable, type PhaseOf } from './phase-table.js';

/**
 * A wire from its attempt to its end, for every transport. Bytes flow while it is open. It is ending from the moment on at which this
 * side has decided so, politely or not, or knows that it must: then it only waits for the platform to say that it is over.
 */
export const WIRE_PHASES = phaseTable('wire', 'attempt', {
  /** `fail` ends the attempt below; the platform says later that it has ended. */
  attempt: { open: 'open', fail: 'attempt', end: 'closed' },
  /** `hold`: the peer has ended in order, and the reader has paused before it took everything. */
  open: { close: 'ending', fail: 'ending', hold: 'emptying', end: 'closed' },
  emptying: { close: 'ending', fail: 'ending', end: 'closed' },
  ending: { fail: 'ending', end: 'closed' },
  /** Platforms report errors of what has ended already. */
  closed: { fail: 'closed' },
});

export type WirePhase = PhaseOf<typeof WIRE_PHASES>;
