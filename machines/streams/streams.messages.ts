/** The frames of a streams session; their encoding is in `adapters/streams/codec.ts`, the rules in `spec/rules/streams.md`. */
export type StreamFrame =
  /** First on a session, from both sides. */
  | { readonly kind: 'hello'; readonly versionMin: number; readonly versionMax: number; readonly features: number }
  | { readonly kind: 'open'; readonly stream: number; readonly purpose: string; readonly target: string }
  | { readonly kind: 'opened'; readonly stream: number }
  | { readonly kind: 'refused'; readonly stream: number; readonly code: StreamCode }
  | { readonly kind: 'data'; readonly stream: number; readonly bytes: Uint8Array }
  /** Half-close: nothing more comes this way. */
  | { readonly kind: 'end'; readonly stream: number }
  | { readonly kind: 'reset'; readonly stream: number; readonly code: StreamCode }
  /** So many bytes more than before. */
  | { readonly kind: 'credit'; readonly stream: number; readonly bytes: number }
  /** The other side broke this rule; the session ends. */
  | { readonly kind: 'fault'; readonly rule: string };

export type StreamFrameKind = StreamFrame['kind'];

/** Why a stream was refused or reset. The order is the wire's: append, never rearrange. */
export const STREAM_CODES = [
  'cancelled', // Its user gave it up.
  'busy', // A bound of STR-5 is reached.
  'unknown-purpose',
  'refused', // The far target said no,
  'unreachable', // can't be reached,
  'timeout', // or did not answer in time.
  'resolve-failed', // Its name has no address.
  'reset', // The far socket was reset.
  'forbidden',
  'failed', // None of these; also what a code of a later version reads as.
] as const;

/** Why a stream was refused or reset, in a word. */
export type StreamCode = (typeof STREAM_CODES)[number];

/** Every bound of a streams session (STR-2, STR-4, STR-5). Bytes are payload. */
export interface StreamsLimits {
  /** Streams at once, of both sides together. */
  readonly streamsMax: number;
  /** The peer's opens that wait for an answer. */
  readonly pendingMax: number;
  /** Bytes that one stream may have on their way to a reader. */
  readonly windowBytes: number;
  /** Bytes that every stream may have, however many there are. */
  readonly windowBytesMin: number;
  /** Bytes that all streams together may have on their way; below the session's receive bound. */
  readonly grantsBytesMax: number;
  /** Bytes that one stream keeps for its writer; beyond it `write` throws. */
  readonly sendBytesMax: number;
  /** From here on `write` answers false. */
  readonly sendBytesHigh: number;
  /** Largest data frame, and a stream's share of each round. */
  readonly chunkBytes: number;
}

const SESSION_RECEIVE_BYTES = 4 << 20; // STR-2; what the session protocols grant by default.
const CONTROL_RESERVE_BYTES = 640 << 10; // 1024 streams with an open, an opened, an end, a reset and four credits of some 70 bytes each.

/** The defaults of streams over one session; together they fit into what a session grants its peer (STR-2). */
export const STREAMS_LIMITS: StreamsLimits = {
  streamsMax: 1024,
  pendingMax: 128,
  windowBytes: 256 << 10,
  windowBytesMin: 1 << 10,
  grantsBytesMax: SESSION_RECEIVE_BYTES - CONTROL_RESERVE_BYTES,
  sendBytesMax: 1 << 20,
  sendBytesHigh: 128 << 10,
  chunkBytes: 16 << 10,
};

/** Longest purpose and target of an open, in bytes of UTF-8. */
export const PURPOSE_BYTES_MAX = 64;
export const TARGET_BYTES_MAX = 1024;
