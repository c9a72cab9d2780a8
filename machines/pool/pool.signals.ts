import type { Closing } from '../closing.js';
import type { PoolCodec, PoolFault, PoolGoodbye, PoolRefused } from './pool.messages.js';
import type { PoolLimits } from './pool.timing.js';

/** News for the chart. */
export type PoolSignal =
  /** `isUnderstood`: there is a version that both speak. `fingerprint`: the certificate that it says to show, where it says so. */
  | { type: 'handshake.done'; id: string; isUnderstood: boolean; fingerprint?: string | undefined }
  | { type: 'handshake.failed'; closing: Closing }
  | { type: 'peer.refused'; refusal: PoolRefused }
  | { type: 'peer.goodbye'; goodbye: PoolGoodbye }
  | { type: 'log.drained' } // Everything written was given to the wire.
  | { type: 'idle.expired' } // No message either way for too long.
  | { type: 'wire.silent' } // No sign of life, although asked.
  | { type: 'peer.violated'; fault: PoolFault } // The peer broke a rule; where frames allow it, it got the rule.
  | { type: 'peer.accused'; fault: PoolFault }; // The peer says that this side broke one.

/** The result of a step of a handshake: a frame to send, a signal for the chart, both or none. */
export type HandshakeStep = { readonly say?: Uint8Array; readonly signal?: PoolSignal } | 'malformed';

/** A handshake that takes more than a hello and a welcome. Pure, like the plane it belongs to. */
export interface PoolHandshake {
  /** The wire is open. */
  begin(): HandshakeStep;
  /** A frame of kind `greeting`. It ends with `peer.greeted` or `handshake.failed`. */
  receive(bytes: Uint8Array, at: number, end: number): HandshakeStep;
  refused(refusal: PoolRefused): HandshakeStep;
}

export interface PoolPlaneInput {
  readonly role: 'dialer' | 'acceptor';
  readonly codec: PoolCodec;
  readonly limits: PoolLimits;
  /** This side's identifier; empty where frames are bare and neither side identifies itself. */
  readonly localId: string;
  /** The expected peer, where it is known. */
  readonly peer?: string | undefined;
  /** The skip graph's own framing and nothing else: no hello, no ping, no goodbye. */
  readonly isBare: boolean;
  /** The id is the fingerprint of the peer's certificate, and nothing else will do. */
  readonly isProven: boolean;
  /** Another protocol's handshake, over the same frames. Default: the pool's own hello and welcome. */
  readonly handshake?: PoolHandshake;
}
