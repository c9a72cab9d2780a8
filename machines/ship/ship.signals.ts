import type {
  ShipMessage,
  ShipAccessMethods,
  ShipClose,
  ShipCodec,
  ShipHello,
  ShipInit,
  ShipPinState,
  ShipProtocolErrorNumber,
  ShipProtocolHandshake,
} from './ship.messages.js';
import type { ShipLimits, ShipTiming } from './ship.timing.js';

/** A message of the peer, for the chart. Data is no signal: it goes to the application once that is allowed. */
export type ShipSignal =
  | ({ readonly type: 'ship.init' } & ShipInit)
  | ({ readonly type: 'ship.hello' } & ShipHello)
  | ({ readonly type: 'ship.protocol' } & ShipProtocolHandshake)
  | { readonly type: 'ship.protocol-error'; readonly error: ShipProtocolErrorNumber }
  | ({ readonly type: 'ship.pin' } & ShipPinState)
  | { readonly type: 'ship.pin-input' } // The PIN itself is not for inspectors.
  | { readonly type: 'ship.pin-error'; readonly error: number }
  | { readonly type: 'ship.access-request' }
  /** `known`: the SHIP id that this peer had before. */
  | ({ readonly type: 'ship.access'; readonly known?: string | undefined } & ShipAccessMethods)
  | ({ readonly type: 'ship.close' } & ShipClose)
  | { readonly type: 'ship.data-early' } // Before the end of the PIN phase.
  | { readonly type: 'ship.unknown'; readonly reason: string; readonly isControl: boolean }
  | { readonly type: 'ship.malformed'; readonly reason: string }
  | { readonly type: 'wire.silent' }; // No pong, although asked.

/** The answer to the chart's question about the peer. */
export type ShipAnswer = { readonly type: 'peer.known'; readonly isTrusted: boolean; readonly mayWait: boolean };

/** The known peers, by SKI. Answers come from memory; nothing here waits. */
export interface ShipPeers {
  /** Registered by the user, or all peers are accepted. */
  isTrusted(ski: string): boolean;
  /** Whether a user may still decide about this peer, for example because a pairing dialog is open. */
  mayWait(ski: string): boolean;
  /** The SHIP id that this peer had before. */
  shipIdOf(ski: string): string | undefined;
  /** A peer has said its SHIP id for the first time. */
  learn(ski: string, shipId: string): void;
}

export interface ShipPlaneInput {
  readonly role: 'dialer' | 'acceptor';
  readonly codec: ShipCodec;
  readonly timing: ShipTiming;
  readonly limits: ShipLimits;
  readonly peers: ShipPeers;
  /** This side's SHIP id. */
  readonly shipId: string;
  /** Gets every message, as it is sent and received; for the search for faults. */
  readonly trace?: ((direction: 'said' | 'heard', message: ShipMessage) => void) | undefined;
  /** The peer's Subject Key Identifier: 40 hex digits, proven by TLS. */
  readonly ski: string;
}
