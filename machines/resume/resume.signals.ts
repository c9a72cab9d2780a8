import type { SlabPool } from '../dataplane/send-log.js';
import type { Entropy } from '../ports.js';
import type { Fault, GoodbyeCode, RefusedBody, ResumeCodec } from './resume.messages.js';
import type { ResumeLimits } from './resume.timing.js';

/** News for the chart. */
export type ResumeSignal =
  | { type: 'handshake.done' } // The peer's hello was verified on this wire.
  | { type: 'session.born' } // Both sides know the session now.
  | { type: 'peer.refused'; refusal: RefusedBody }
  | { type: 'peer.goodbye'; code: GoodbyeCode }
  | { type: 'goodbye.acknowledged' }
  | { type: 'peer.draining'; afterMs: number }
  | { type: 'log.drained' } // Everything written was acknowledged.
  | { type: 'wire.silent' } // No sign of life, although asked.
  // Bytes that make no sense: this wire is of no more use. `isStranger`: what answers need not be the peer; perhaps something in between.
  // `progress`: messages acknowledged and received so far.
  | { type: 'wire.corrupt'; code: 'malformed' | 'oversized'; isStranger: boolean; progress: number }
  | { type: 'peer.violated'; fault: Fault } // The peer broke a rule, and got a fault that names it.
  | { type: 'peer.accused'; fault: Fault }; // The peer says that this side broke one.

export interface ResumePlaneInput {
  readonly role: 'dialer' | 'acceptor';
  readonly session: Uint8Array;
  /** Acceptor: the secret that the new session's hello brought. */
  readonly birthToken?: Uint8Array | undefined;
  readonly codec: ResumeCodec;
  readonly limits: ResumeLimits;
  readonly entropy: Entropy;
  readonly pool: SlabPool;
  /** Number of the first message either side sends. Default 1; tests start near 2^32. */
  readonly first?: number;
}
