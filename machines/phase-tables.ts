import { LIVENESS_PHASES } from './dataplane/liveness.js';
import { SENDING_PHASES } from './dataplane/sending-phases.js';
import type { PhaseTable } from './phase-table.js';
import { POOL_INPUT } from './pool/pool.input-phases.js';
import { RESUME_INPUT } from './resume/resume.input-phases.js';
import { HEARTBEAT_PHASES } from './ship/heartbeat.js';
import { STREAM_OWN_PHASES, STREAM_PEER_PHASES, STREAM_STAGES } from './streams/stream.js';
import { NCP_PHASES } from './tuna/ncp.phases.js';
import { CONN_PHASES } from './tuna/conns-state.js';
import { WIRE_PHASES } from './wire-phases.js';

/** Every table of phases on the path of data, for drawings: what runs beside the charts, and is no chart because it runs per message. */
export const phaseTables: readonly PhaseTable[] = [
  WIRE_PHASES,
  LIVENESS_PHASES,
  SENDING_PHASES,
  RESUME_INPUT,
  POOL_INPUT,
  HEARTBEAT_PHASES,
  NCP_PHASES,
  CONN_PHASES,
  STREAM_STAGES,
  STREAM_OWN_PHASES,
  STREAM_PEER_PHASES,
];
