import type { PoolCodec, PoolGoodbye, PoolRefused } from './pool.messages.js';
import type { PoolLimits } from './pool.timing.js';

/** News for the chart. */
export type PoolSignal =
  | { type: 'peer.greeted'; id: string; isUnderstood: boolean } // `isUnderstood`: there is a version that both speak.
  | { type: 'peer.refused'; refusal: PoolRefused }
  | { type: 'peer.goodbye'; goodbye: PoolGoodbye }
  | { type: 'log.drained' } // Everything written was given to the wire.
  | { type: 'idle.expired' } // No message either way for too long.
  | { type: 'wire.silent' } // No sign of life, although asked.
  | { type: 'wire.spoilt'; code: 'malformed' | 'oversized' };

export interface PoolSeed {
  readonly role: 'dialer' | 'acceptor';
  readonly codec: PoolCodec;
  readonly limits: PoolLimits;
  /** This side's identifier; empty where frames are bare and nobody says who they are. */
  readonly localId: string;
  /** Who it must be, where that is known. */
  readonly peer?: string | undefined;
  /** The seed's own framing and nothing else: no hello, no ping, no goodbye. */
  readonly isBare: boolean;
  /** The id is the fingerprint of the peer's certificate, and nothing else will do. */
  readonly isProven: boolean;
}
