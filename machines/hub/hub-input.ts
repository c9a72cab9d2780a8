import type { connectionMachine } from '../connection/connection.machine.js';
import type { EngineLimits } from '../engine-limits.js';
import type { Ports, Resolver, Transport } from '../ports.js';
import type { Protocol } from '../protocol.js';
import { LIMITS } from './admission.js';
import type { EngineEvent } from './events.js';

/** The parts of a hub: the input of `hubMachine`. */
export interface HubInput {
  /** Clock, randomness and the like; `ports` of the platform's adapter, or played ones. */
  readonly ports: Ports;
  /** Ways to reach addresses; each scheme is served by the first that knows it. */
  readonly transports: readonly Transport[];
  /** The first one is the default of a request; a listener detects the protocol from the first bytes. */
  readonly protocols: readonly Protocol<unknown>[];
  /** Finds the addresses of a peer that a request names by its id instead of an address. */
  readonly resolver?: Resolver | undefined;
  readonly limits?: EngineLimits | undefined;
  /** Called with everything that the hub reports, in order. It must not throw. */
  readonly onEvent?: ((event: EngineEvent) => void) | undefined;
  /** Whether anything receives events now: those of a connection's states are not made where nothing does. Default: `onEvent` is there. */
  readonly isObserved?: (() => boolean) | undefined;
  /** The chart of each connection. Default: `connectionMachine`; its actor `protocol` is provided per protocol. */
  readonly connection?: typeof connectionMachine | undefined;
}

/** The same, with every limit stated. */
export interface HubOptions extends Pick<HubInput, 'transports' | 'protocols'> {
  readonly resolver: Resolver | undefined;
  readonly openingsMax: number;
  readonly openingsPerAddressMax: number;
  readonly unprovenPerAddressMax: number;
  readonly pendingDialsMax: number;
  readonly burst: number;
  readonly perSecond: number;
  readonly burstPerTarget: number | undefined;
  readonly perSecondPerTarget: number | undefined;
  readonly incomingMax: number;
  readonly connectionsMax: number | undefined;
  readonly connectionsPerPeerMax: number;
  readonly bytesQueuedMax: number;
}

export function hubOptions({ transports, protocols, resolver, limits = {} }: Omit<HubInput, 'ports'>): HubOptions {
  return {
    transports,
    protocols,
    resolver,
    openingsMax: limits.openingsMax ?? LIMITS.openingsMax,
    openingsPerAddressMax: limits.openingsPerAddressMax ?? LIMITS.openingsPerAddressMax,
    unprovenPerAddressMax: limits.unprovenPerAddressMax ?? LIMITS.unprovenPerAddressMax,
    pendingDialsMax: limits.pendingDialsMax ?? LIMITS.dialsPendingMax,
    burst: limits.burst ?? 100,
    perSecond: limits.perSecond ?? 20,
    burstPerTarget: limits.burstPerTarget,
    perSecondPerTarget: limits.perSecondPerTarget,
    incomingMax: limits.incomingMax ?? LIMITS.incomingMax,
    connectionsMax: limits.connectionsMax,
    connectionsPerPeerMax: limits.connectionsPerPeerMax ?? 1024,
    bytesQueuedMax: limits.bytesQueuedMax ?? LIMITS.bytesQueuedMax,
  };
}
