import { ports } from '#platform';
import { Engine, type EngineOptions } from '../machines/engine.js';

export {
  Engine,
  ConnectError,
  type ConnectOptions,
  type EngineLimits,
  type EngineListener,
  type EngineOptions,
} from '../machines/engine.js';
export type { Connection, SendOptions } from '../machines/handle.js';
export type { EngineEvent } from '../machines/hub/events.js';
export { CLOSINGS, type Closing, type ClosingCode, type ClosingDetail, type MessageRange } from '../machines/closing.js';
export { API_STATES, type ApiState } from '../machines/connection/api-state.js';
export { SessionError, UndeliveredError, type MisuseCode, type UndeliveredCode } from '../machines/errors.js';

/** An engine on this platform's clock and entropy. It does nothing before `start()`. */
export function createEngine(options: EngineOptions): Engine {
  return new Engine(ports, options);
}
