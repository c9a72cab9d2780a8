import type { FrameHead } from '../dataplane/framer.js';
import type { LogCodec } from '../dataplane/send-log.js';

/** The vocabulary of the resume protocol. Where each value lies on the wire is the codec's business (`adapters/resume`). */

/** The first frame of both sides: the dialer sends it as `hello`, the acceptor as `welcome`. */
export interface Hello {
  /** Versions spoken; equal in a welcome. */
  readonly versionMin: number;
  readonly versionMax: number;
  /** Says so explicitly; never inferred from a counter (RES-4). */
  readonly resume: boolean;
  /** 16 bytes, chosen by the dialer, for one incarnation of a session. */
  readonly session: Uint8Array;
  /** 32 bytes: a new session's secret, the token of a resumed one; in a welcome the token to come back with. */
  readonly token: Uint8Array;
  /** How often the token was rotated. */
  readonly epoch: number;
  /** The number of the next message this side expects: its position. */
  readonly next: number;
  /** The number of the first data frame this side sends on this wire. */
  readonly first: number;
  /** Cumulative credit given to the peer, in cost bytes. */
  readonly credit: number;
  readonly windowMs: number;
  readonly messageBytesMax: number;
  /** Optional abilities, one bit each; unknown bits are ignored. */
  readonly features: number;
  /** Which wires came before, so that a stolen token is noticed; absent from peers that don't know it (RES-20). */
  readonly trail?: Trail | undefined;
}

/** Behind the hello's own fields. Ids are random, not 0, below 2^31. */
export interface Trail {
  /** The id of this wire, chosen by the dialer; in a welcome the same. */
  readonly wire: number;
  /** Hello: the last wire on which a welcome was read. Welcome: the wire that was accepted before this one. 0: there was none. */
  readonly before: number;
  /** How many hellos without an answer came between that one and this. 0 in a welcome. */
  readonly tries: number;
}

export type RefusalCode =
  | 'version-unsupported'
  | 'unknown-session'
  | 'ended'
  | 'token-refused'
  | 'limit-reached'
  | 'busy'
  | 'shutdown'
  | 'identity-unknown'
  | 'malformed';

export interface RefusedBody {
  readonly code: RefusalCode;
  readonly retryAfterMs: number;
  readonly versionMin: number;
  readonly versionMax: number;
}

/** A fault of the peer, sent before the session ends (RES-21). */
export type FaultCode = 'violated' | 'oversized' | 'malformed' | 'token-refused';

/** `rule`: of this protocol, e.g. `RES-8`. */
export interface Fault {
  readonly code: FaultCode;
  readonly rule: string;
}

/** Why a session ends, as a goodbye says it. */
export type GoodbyeCode = 'closed' | 'shutdown';

export type FrameKind =
  | 'data'
  | 'data-prompt' // Data whose sender waits for the acknowledgement.
  | 'ack'
  | 'hello'
  | 'welcome'
  | 'confirm'
  | 'refused'
  | 'goodbye'
  | 'goodbye-ack'
  | 'credit'
  | 'ping'
  | 'pong'
  | 'drain'
  | 'fault'
  | 'optional' // Unknown, may be skipped.
  | 'critical'; // Unknown, may not.

/** Reads and writes frames. Reading functions get the buffer and the frame's bounds, so that nothing is copied or allocated. */
export interface ResumeCodec extends FrameHead, LogCodec {
  readonly versionMin: number;
  readonly versionMax: number;
  kind(bytes: Uint8Array, at: number): FrameKind;
  /** Low 32 bits of a data frame's number. */
  sequence(bytes: Uint8Array, at: number): number;
  /** Low 24 bits of an acknowledged position. */
  acked(bytes: Uint8Array, at: number): number;
  /** Undefined: malformed. */
  hello(bytes: Uint8Array, at: number, end: number): Hello | undefined;
  refused(bytes: Uint8Array, at: number, end: number): RefusedBody | undefined;
  /** The one number of confirm (epoch), goodbye-ack (position), ping and pong (nonce), drain (milliseconds), credit (48 bits). */
  number(bytes: Uint8Array, at: number, end: number): number | undefined;
  fault(bytes: Uint8Array, at: number, end: number): Fault | undefined;
  goodbye(bytes: Uint8Array, at: number, end: number): { position: number; next: number; code: GoodbyeCode } | undefined;

  /** The same bytes for every probe: idle sessions send little else. */
  readonly ping: Uint8Array;
  /** The same bytes again for what `ping` asks. Neither is ever written to. */
  pong(nonce: number): Uint8Array;
  putAck(position: number): Uint8Array;
  putHello(kind: 'hello' | 'welcome', hello: Hello): Uint8Array;
  putRefused(body: RefusedBody): Uint8Array;
  putNumber(kind: 'confirm' | 'goodbye-ack' | 'ping' | 'pong' | 'drain' | 'credit', value: number): Uint8Array;
  putFault(fault: Fault): Uint8Array;
  putGoodbye(position: number, next: number, code: GoodbyeCode): Uint8Array;
}
