import { ports as platformPorts } from '#platform';
import { withChart } from '../machines/context-safe.js';
import { Engine, type EngineOptions } from '../machines/engine.js';
import type { Ports } from '../machines/ports.js';
import type { Protocol } from '../machines/protocol.js';
import { RUNTIMES } from '../machines/runtime/runtime.js';
import {
  amount,
  callableOr,
  checkOptions,
  count,
  flag,
  having,
  listOf,
  matching,
  members,
  numeric,
  oneOf,
  optional,
  type Check,
} from './options.js';

export {
  Engine,
  ConnectError,
  type BroadcastOptions,
  type BroadcastResult,
  type ConnectOptions,
  type EngineLimits,
  type EngineMetrics,
  type EngineListener,
  type EngineOptions,
  type Inspector,
  type Runtime,
  type ShutdownOptions,
} from '../machines/engine.js';
export type { Connection, SendOptions, WriteOptions } from '../machines/connection/connection-handle.js';
export type { EngineEvent } from '../machines/hub/events.js';
export type { CertificateExpiry } from '../machines/hub/certificate-expiry.js';
export type { HistogramReport, MetricsReport } from '../machines/hub/metrics.js';
export type { Peers, PeerState } from '../machines/hub/peers.js';
export type {
  Acceptor,
  CertificateDates,
  Clock,
  DialOptions,
  Entropy,
  Host,
  HostNews,
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

/** Clock, randomness, entropy and host of this platform: what `hubMachine` needs beside transports and protocols. */
export const ports: Ports = platformPorts;

/** A budget of less than one dial would never dial. */
const atLeastOneWhole = numeric('a whole number of at least 1', (value) => Number.isSafeInteger(value) && value >= 1);
const atLeastOne = numeric('a finite number of at least 1', (value) => Number.isFinite(value) && value >= 1);

const looksLikeProtocol = having('a protocol, e.g. resume()', 'makeSession', 'identify');
const isProtocol: Check = (value, path) => {
  const wrong = looksLikeProtocol(value, path);
  if (wrong.length > 0 || withChart(value as Protocol).machine !== undefined) return wrong;
  return [`${path}: expected a protocol with its chart (\`machine\`), e.g. resume()`];
};

const schema = members({
  transports: listOf('transports', having('a transport, e.g. tcp()', 'dial', 'listen'), 1),
  protocols: listOf('protocols', isProtocol, 1),
  listen: optional(listOf('addresses', matching('an address, e.g. tcp://127.0.0.1:7000', /^/))),
  insecure: optional(flag),
  resolver: optional(having('an object with a method resolve(peer, answer)', 'resolve')),
  runtime: optional(oneOf(...RUNTIMES)),
  machines: optional(
    members({
      hub: optional(having('a chart made of hubMachine', 'provide')),
      connection: optional(having('a chart made of connectionMachine', 'provide')),
    }),
  ),
  inspect: optional(callableOr('next')),
  limits: optional(
    members({
      connectionsMax: optional(count),
      connectionsPerPeerMax: optional(count),
      openingsMax: optional(count),
      openingsPerAddressMax: optional(count),
      unprovenPerAddressMax: optional(count),
      pendingDialsMax: optional(atLeastOneWhole),
      burst: optional(atLeastOne),
      perSecond: optional(amount),
      burstPerTarget: optional(atLeastOne),
      perSecondPerTarget: optional(amount),
      incomingMax: optional(count),
      bytesQueuedMax: optional(count),
    }),
  ),
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
