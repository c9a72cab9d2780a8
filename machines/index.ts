/** The charts, on xstate alone: embed them, draw them, generate tests from them. */
export { connectionMachine } from './connection/connection.machine.js';
export { hubMachine } from './hub/hub.machine.js';
export { poolMachine } from './pool/pool.machine.js';
export { nodeMachine } from './rendezvous/node.machine.js';
export { rendezvousMachine } from './rendezvous/rendezvous.machine.js';
export { shipMachine } from './ship/ship.machine.js';
export { resumeMachine } from './resume/resume.machine.js';
export { tunaLinkMachine } from './tuna/link.machine.js';
export { ncpMachine } from './tuna/ncp.machine.js';
export { tunaSessionMachine } from './tuna/tuna.machine.js';
export { Engine, startEngine } from './engine.js';
export {
  fromConnection,
  fromEngine,
  type ConnectionActorEvent,
  type ConnectionActorInput,
  type ConnectionActorSnapshot,
  type EngineActorEvent,
  type EngineActorSnapshot,
} from './embed.js';
export { phaseTables } from './phase-tables.js';
export type { PhaseTable } from './phase-table.js';
/** The types of a custom protocol, besides its chart. */
export type { RedialPolicy } from './backoff.js';
export type { Farewell, Plane, Room, Step } from './dataplane/plane.js';
export type { DialPermits, DialPermitRequest } from './dial-permits.js';
export type { HubEvent } from './hub/hub.events.js';
export type { HubInput } from './hub/hub-input.js';
export type { Caller, ConnectRequest } from './hub/connect-request.js';
import type { DialPermits, DialPermitRequest } from './dial-permits.js';
/**
 * The former name of `DialPermits`.
 * @deprecated Since 0.1.0.
 */
export type GrantDesk = DialPermits;
/**
 * The former name of `DialPermitRequest`.
 * @deprecated Since 0.1.0.
 */
export type GrantRequest = DialPermitRequest;
import type { Admission } from './protocol.js';
/**
 * The former name of `Admission`.
 * @deprecated Since 0.1.0.
 */
export type Verdict = Admission;
export type { TieBreak, TieRule } from './tie-break.js';
export type {
  Identified,
  Protocol,
  ProtocolCommand,
  ProtocolInput,
  ProtocolNews,
  Session,
  SessionPlane,
  SessionRequest,
  Admission,
} from './protocol.js';
