/** The charts, on xstate alone: embed them, draw them, generate tests from them. */
export { connectionMachine } from './connection/connection.machine.js';
export { hubMachine } from './hub/hub.machine.js';
export { poolMachine } from './pool/pool.machine.js';
export { shipMachine } from './ship/ship.machine.js';
export { resumeMachine } from './resume/resume.machine.js';
export { tunaLinkMachine } from './tuna/link.machine.js';
export { ncpMachine } from './tuna/ncp.machine.js';
export { tunaSessionMachine } from './tuna/tuna.machine.js';
export { Engine, startEngine } from './engine.js';
