import type { DialOptions } from './ports.js';

/** How to connect, beside the address. Waiting ends by `signal`; `fingerprints` needs a transport that proves identities (`tls`, `wss`). */
export interface ConnectOptions extends Pick<DialOptions, 'fingerprints'> {
  /** Name of the protocol. Default: the engine's first one. */
  readonly protocol?: string;
  /** The peer's id in the protocol (pool, SHIP). Another peer at that address ends the attempt with `identity-mismatch`. */
  readonly peer?: string;
  /** Dial again after endings that can heal by themselves, until the protocol's retries are used up. Default false: one attempt. */
  readonly retry?: boolean;
  /** Gives up waiting; the attempt ends with its last caller. Rejects `aborted`, with the signal's reason as `cause`. */
  readonly signal?: AbortSignal;
  /** One connection for all who ask for this address. Default false where a protocol has many sessions per peer. */
  readonly reuse?: boolean;
}
