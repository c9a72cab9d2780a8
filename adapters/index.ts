import { ports } from '#platform';
import { z } from 'zod';
import { Engine, type EngineOptions } from '../machines/engine.js';
import { callable, checkOptions, count, flag } from './options.js';

export {
  Engine,
  ConnectError,
  type ConnectOptions,
  type EngineLimits,
  type EngineMetrics,
  type EngineListener,
  type EngineOptions,
  type ShutdownOptions,
} from '../machines/engine.js';
export type { Connection, SendOptions } from '../machines/handle.js';
export type { EngineEvent } from '../machines/hub/events.js';
export type { HistogramReport, MetricsReport } from '../machines/hub/metrics.js';
export type { Peers, PeerState } from '../machines/hub/peers.js';
export type {
  Acceptor,
  Clock,
  DialOptions,
  Entropy,
  Identity,
  Listening,
  Offer,
  Opener,
  Ports,
  Random,
  Refusal,
  Resolver,
  Transport,
  Trust,
  Wire,
  WireCause,
  WireCauseKind,
  WireHandler,
} from '../machines/ports.js';
export type { Protocol } from '../machines/protocol.js';
export { CLOSINGS, type Closing, type ClosingCode, type ClosingDetail, type MessageRange } from '../machines/closing.js';
export { API_STATES, type ApiState } from '../machines/connection/api-state.js';
export { SessionError, UndeliveredError, type MisuseCode, type UndeliveredCode } from '../machines/errors.js';

const having = (what: string, ...methods: string[]): z.ZodType =>
  z.looseObject(Object.fromEntries(methods.map((name) => [name, callable])), { error: `expected ${what}` });
const listOf = (item: z.ZodType, what: string): z.ZodType => z.array(item, { error: `expected a list of ${what}` });
const transport = having('a transport, e.g. tcp()', 'dial', 'listen');
const protocol = having('a protocol, e.g. resume()', 'makeSession', 'identify');

const schema = z.strictObject({
  transports: listOf(transport, 'transports').refine((list) => (list as unknown[]).length > 0, {
    error: 'expected at least one transport',
  }),
  protocols: listOf(protocol, 'protocols').refine((list) => (list as unknown[]).length > 0, {
    error: 'expected at least one protocol',
  }),
  listen: listOf(z.string({ error: 'expected an address, e.g. tcp://127.0.0.1:7000' }), 'addresses').optional(),
  insecure: flag.optional(),
  resolver: having('an object with a method resolve(peer, answer)', 'resolve').optional(),
  inspect: callable.optional(),
  limits: z
    .strictObject({
      connectionsMax: count.optional(),
      connectionsPerPeerMax: count.optional(),
      openingsMax: count.optional(),
      openingsPerAddressMax: count.optional(),
      pendingDialsMax: count.optional(),
      incomingMax: count.optional(),
      bytesQueuedMax: count.optional(),
    })
    .optional(),
});

/**
 * An engine on this platform's clock and entropy. It does nothing before `start()`.
 *
 * @throws SessionError `bad-option` for an option that can't be right, naming it, what was expected and what was given
 */
export function createEngine(options: EngineOptions): Engine {
  checkOptions('createEngine', schema, options);
  return new Engine(ports, options);
}
