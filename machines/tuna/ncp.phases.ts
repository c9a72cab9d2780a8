import { phaseTable, type PhaseOf } from '../phase-table.js';

/** An NCP session, which its chart calls and closes; the peer's handshake establishes it, on an acceptor without being called. */
export const NCP_PHASES = phaseTable('ncp-session', 'idle', {
  idle: { call: 'calling', establish: 'established', close: 'closing' },
  calling: { establish: 'established', close: 'closing' },
  established: { close: 'closing' },
  /** Close is said again until the wires are gone. */
  closing: { close: 'closing' },
});

export type NcpPhase = PhaseOf<typeof NCP_PHASES>;
