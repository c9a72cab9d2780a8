import type { FrameHead } from '../dataplane/framer.js';

/** The vocabulary of the pool protocol. Where each value lies on the wire is the codec's business (`adapters/pool`). */

/** The first frame of both sides: the dialer sends it as `hello`, the acceptor as `welcome`. */
export interface PoolHello {
  readonly versionMin: number;
  readonly versionMax: number;
  /** The speaker's identifier: 64 lower-case hex digits. */
  readonly id: string;
  /** The dialer doesn't know whom it dials: a connection that there is already stays, and the refusal names its peer. */
  readonly isInquiry: boolean;
}

export type PoolRefusalCode =
  | 'malformed'
  | 'version-unsupported'
  | 'limit-reached'
  | 'busy'
  | 'shutdown'
  | 'crossed' // There is a connection between the two already, or one on its way: that one counts.
  | 'identity-mismatch' // The id is not the one that was dialed, or not that of the certificate.
  | 'identity-unknown'; // No certificate to prove the id.

export interface PoolRefused {
  readonly code: PoolRefusalCode;
  readonly retryAfterMs: number;
  /** The id of the refusing side; present where the code is `crossed`. */
  readonly id?: string | undefined;
}

/** Why a connection ends, as a goodbye says it. */
export type PoolGoodbyeCode = 'closed' | 'shutdown' | 'idle' | 'drained' | 'replaced';

export interface PoolGoodbye {
  readonly code: PoolGoodbyeCode;
  /** When to come back, where the code is `drained`. */
  readonly afterMs: number;
}

export type PoolFaultCode = 'violated' | 'oversized' | 'malformed';

/** The peer's fault, in the last frame that is sent to it. @rule POOL-13 */
export interface PoolFault {
  readonly code: PoolFaultCode;
  /** The broken rule, e.g. `POOL-3`. */
  readonly rule: string;
}

export type PoolFrameKind =
  | 'data'
  | 'hello'
  | 'welcome'
  | 'refused'
  | 'ping'
  | 'pong'
  | 'goodbye'
  | 'fault'
  | 'handshake' // Of a protocol that greets in a way of its own.
  | 'optional' // Unknown, may be skipped.
  | 'critical'; // Unknown, may not.

/** Reads and writes frames. Reading functions get the buffer and the frame's bounds, so that nothing is copied or allocated. */
export interface PoolCodec extends FrameHead {
  readonly versionMin: number;
  readonly versionMax: number;
  /** Bytes before a message. */
  readonly dataHeadBytes: number;
  kind(bytes: Uint8Array, at: number, end: number): PoolFrameKind;
  putDataHead(into: Uint8Array, at: number, payloadBytes: number): void;
  /** Undefined: malformed. */
  hello(bytes: Uint8Array, at: number, end: number): PoolHello | undefined;
  refused(bytes: Uint8Array, at: number, end: number): PoolRefused | undefined;
  number(bytes: Uint8Array, at: number, end: number): number | undefined;
  goodbye(bytes: Uint8Array, at: number, end: number): PoolGoodbye | undefined;
  fault(bytes: Uint8Array, at: number, end: number): PoolFault | undefined;
  putHello(kind: 'hello' | 'welcome', hello: PoolHello): Uint8Array;
  putRefused(refused: PoolRefused): Uint8Array;
  putNumber(kind: 'ping' | 'pong', value: number): Uint8Array;
  putGoodbye(goodbye: PoolGoodbye): Uint8Array;
  putFault(fault: PoolFault): Uint8Array;
}
