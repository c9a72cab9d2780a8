import type { SlabPool } from '../dataplane/send-log.js';
import type { Fault, NcpCodec } from './tuna.messages.js';
import type { NcpLimits } from './tuna.timing.js';

/** News for the charts. */
export type NcpSignal =
  | { type: 'handshake.done'; peerLinks: number } // The handshake is done: both sides know each other's limits, and the peer has so many links.
  // The peer closed the session; where a wire begins so, it does not know it. `hasGap`: bytes are missing among those that have come.
  | { type: 'peer.closed'; isFirstWord: boolean; hasGap: boolean }
  | { type: 'peer.accused'; fault: Fault } // The peer ends the session, and says why.
  | { type: 'link.accused'; link: number; fault: Fault } // The peer ends this wire, and says why.
  | { type: 'peer.unknown-session' } // Acceptor: the peer goes on with a session that is unknown here.
  | { type: 'log.drained' } // Everything written was read by the peer's application, or is acknowledged and not being read.
  | { type: 'link.proven'; link: number } // The first valid packet on this wire.
  | { type: 'link.wanted'; link: number } // Acceptor: the peer says more than its handshake on this wire.
  | { type: 'link.silent'; link: number }; // No sign of life, although asked.

export interface NcpSessionInput {
  readonly role: 'dialer' | 'acceptor';
  readonly codec: NcpCodec;
  readonly limits: NcpLimits;
  readonly pool: SlabPool;
  /** Connections at once, replacements included. */
  readonly links: number;
  /** This side's names of its connections, for the handshake. */
  readonly clientIds: readonly string[];
  /** Number of the first packet either side sends. Default 1; tests start near the wrap. */
  readonly first?: number;
  /** Random bytes, for numbers that no recording of a wire can hold. */
  readonly entropy?: (bytes: number) => Uint8Array;
  /** Known before the handshake: the peer is a holdfast. */
  readonly isPeerHoldfast?: boolean;
}
