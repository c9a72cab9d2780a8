import type { Runtime } from '../../machines/engine.js';
import type { TieRule } from '../../machines/tie-break.js';
import type { Ports, Transport } from '../../machines/ports.js';
import type { Discovery } from './discovery.js';
import type { ShipOptions } from './protocol.js';
import type { ShipTrust } from './trust.js';
import { RUNTIMES } from '../../machines/runtime/runtime.js';
import { anything, callable, checkOptions, count, flag, having, listOf, members, oneOf, optional, text } from '../options.js';

/** Options of a SHIP node: identity, trust, discovery and callbacks. */
export interface HubOptions {
  /** This node's Subject Key Identifier: `ski` of the identity that its transport shows. */
  readonly ski: string;
  /** This node's SHIP id: unique, and the same for ever. */
  readonly shipId: string;
  /** Transports to dial and listen with: `shipTransport({ identity })`. */
  readonly transports: readonly Transport[];
  /** Addresses to accept at, e.g. `wss://[::]:4711/ship/`. Default: none, the node only dials. */
  readonly listen?: readonly string[];
  /** Where peers are found, and this node is announced. Without one only those that dial us are met. */
  readonly discovery?: Discovery;
  /** The store of trusted peers. Default: empty, in memory. */
  readonly trust?: ShipTrust;
  /** Whether every peer is trusted. Default false. */
  readonly autoAccept?: boolean;
  readonly doubleConnection?: TieRule;
  /** Whether a paired peer whose user denied trust is dialed all the same, in the last band (10 to 20 s). Default false. */
  readonly redialDenied?: boolean;
  /** Default 10. `setMaxConnections` changes it. */
  readonly maxConnections?: number;
  /** Timers and limits of the protocol, where a device needs others. */
  readonly protocol?: Partial<
    Omit<ShipOptions, 'ski' | 'shipId' | 'peers' | 'doubleConnection' | 'redialDenied' | 'maxConnections'>
  >;
  /**
   * Takes what a callback of the application threw or rejected with: of the reader, the trust store, the discovery, `trace`, a listener
   * of the engine or a message handler; `callback` names it. Default: `Ports.report` (in Node a process warning).
   */
  readonly report?: (callback: string, error: unknown) => void;
  /** The runtime of the charts, as in `createEngine`. Default `compact`. */
  readonly runtime?: Runtime;
  readonly ports?: Ports;
}

const OPTIONS = members({
  ski: text,
  shipId: text,
  transports: listOf('transports', having('a transport, e.g. shipTransport({ identity })', 'dial', 'listen'), 1),
  listen: optional(listOf('addresses', text)),
  discovery: optional(having('a discovery, e.g. staticDiscovery()', 'entries', 'find', 'subscribe')),
  trust: optional(having('a store of trusted peers, e.g. memoryTrust()', 'has', 'get', 'set', 'remove')),
  autoAccept: optional(flag),
  doubleConnection: optional(oneOf('initiator', 'mostRecent')),
  redialDenied: optional(flag),
  maxConnections: optional(count),
  protocol: optional(anything),
  report: optional(callable),
  runtime: optional(oneOf(...RUNTIMES)),
  ports: optional(anything),
});

/** @throws SessionError `bad-option`. Addresses and `protocol` are checked where they are used. */
export function checkHubOptions(options: HubOptions): void {
  checkOptions('Hub', OPTIONS, options);
}
