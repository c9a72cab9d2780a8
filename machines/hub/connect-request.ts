import type { Closing } from '../closing.js';
import type { ConnectionHandle } from '../connection/connection-handle.js';
import type { DialOptions } from '../ports.js';
import type { Protocol } from '../protocol.js';

/** A request of an application, or of a registration: a connection to one peer. */
export interface ConnectRequest {
  /** Addresses to race; none where the resolver is to find them. */
  readonly targets: readonly string[];
  /** The expected peer, where it is known. */
  readonly peer: string | undefined;
  readonly protocol: Protocol<unknown>;
  readonly dialOptions: DialOptions;
  /** One connection for all who ask for the same targets. */
  readonly reuse: boolean;
  /** Dial again: for ever (`always`, a registration), or until the protocol's retries are used up. */
  readonly keep?: 'always' | 'retries' | undefined;
}

/** A caller that waits for a connection to complete. */
export interface Caller {
  connected(handle: ConnectionHandle<unknown>): void;
  failed(closing: Closing): void;
  /** Set while it waits: how it gives up. */
  withdraw?: () => void;
}

/** How a connection is to be reached. The last request counts. */
export type DialTarget = Pick<ConnectRequest, 'targets' | 'peer' | 'dialOptions'>;

/** A peer that connected by itself can't be dialed until a request gives its address. */
export const NO_TARGET: DialTarget = Object.freeze({ targets: [], peer: undefined, dialOptions: {} });
