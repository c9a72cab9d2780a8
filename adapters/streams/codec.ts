import {
  PURPOSE_BYTES_MAX,
  STREAM_CODES,
  TARGET_BYTES_MAX,
  type StreamFrame,
  type StreamFrameKind,
} from '../../machines/streams/streams.messages.js';

/**
 * The bytes of streams, version 1: one frame per message of the session. The layout with its test vectors is
 * `spec/rules/streams.md`; all numbers are big endian. Every frame: kind (1) | stream (4) | rest.
 * @rule STR-1
 */
export const MAGIC = 0x68667374; // "hfst", as everything of holdfast.
const HEAD = 5;
/** The cost of a data frame beyond its payload. */
export const DATA_HEAD_BYTES = HEAD;

// prettier-ignore
const KIND_OF: readonly (StreamFrameKind | undefined)[] = [
  undefined, 'hello', 'open', 'opened', 'refused', 'end', 'reset', 'credit', 'fault',
  undefined, undefined, undefined, undefined, undefined, undefined, undefined, 'data',
];
const CODE_OF = Object.fromEntries(KIND_OF.flatMap((kind, code) => (kind === undefined ? [] : [[kind, code]]))) as Record<
  StreamFrameKind,
  number
>;
/** Kinds from here on may be skipped by who doesn't know them. */
const OPTIONAL_FROM = 0x80;

const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { fatal: true });

/** The treatment of bytes that are no frame of this version: skip them, or end the session. */
export type Strange = 'optional' | 'malformed';

/** Reads one message. Data is a view of it. Longer frames are legal: later versions append; but data, target and rule fill theirs. */
export function decodeFrame(b: Uint8Array): StreamFrame | Strange {
  const code = b[0];
  if (code === undefined || b.length < HEAD) return 'malformed';
  if (code === CODE_OF.data) return { kind: 'data', stream: get32(b, 1), bytes: b.subarray(HEAD) };
  const kind = KIND_OF[code];
  if (kind === undefined) return code >= OPTIONAL_FROM ? 'optional' : 'malformed';
  const stream = get32(b, 1);
  const left = b.length - HEAD;
  switch (kind) {
    case 'opened':
    case 'end':
      return { kind, stream };
    case 'credit':
      return left < 4 ? 'malformed' : { kind, stream, bytes: get32(b, HEAD) };
    case 'refused':
    case 'reset':
      return left < 1 ? 'malformed' : { kind, stream, code: STREAM_CODES[b[HEAD]!] ?? 'failed' };
    case 'open':
      return decodeOpen(b, stream);
    case 'fault':
      return textOr(b.subarray(HEAD), (rule) => ({ kind, rule }));
    case 'hello':
      if (left < 12 || get32(b, HEAD) !== MAGIC) return 'malformed';
      return { kind, versionMin: b[HEAD + 4]!, versionMax: b[HEAD + 5]!, features: get32(b, HEAD + 8) };
    case 'data':
      return 'malformed'; // Read above.
  }
}

/** Largest frame that is no data. */
export const CONTROL_BYTES_MAX = HEAD + 3 + PURPOSE_BYTES_MAX + TARGET_BYTES_MAX;

/** Writes a frame at the beginning of `into`, which is large enough; gives back what was written. */
export function encodeFrame(frame: StreamFrame, into: Uint8Array): Uint8Array {
  into[0] = CODE_OF[frame.kind];
  put32(into, 1, 'stream' in frame ? frame.stream : 0);
  switch (frame.kind) {
    case 'data':
      into.set(frame.bytes, HEAD);
      return into.subarray(0, HEAD + frame.bytes.length);
    case 'opened':
    case 'end':
      return into.subarray(0, HEAD);
    case 'credit':
      put32(into, HEAD, frame.bytes);
      return into.subarray(0, HEAD + 4);
    case 'refused':
    case 'reset':
      into[HEAD] = STREAM_CODES.indexOf(frame.code);
      return into.subarray(0, HEAD + 1);
    case 'open': {
      const purpose = encoder.encode(frame.purpose);
      const target = encoder.encode(frame.target);
      into[HEAD] = purpose.length;
      into.set(purpose, HEAD + 1);
      into[HEAD + 1 + purpose.length] = target.length >>> 8;
      into[HEAD + 2 + purpose.length] = target.length;
      into.set(target, HEAD + 3 + purpose.length);
      return into.subarray(0, HEAD + 3 + purpose.length + target.length);
    }
    case 'fault': {
      const rule = encoder.encode(frame.rule);
      into.set(rule, HEAD);
      return into.subarray(0, HEAD + rule.length);
    }
    case 'hello':
      put32(into, HEAD, MAGIC);
      into[HEAD + 4] = frame.versionMin;
      into[HEAD + 5] = frame.versionMax;
      into[HEAD + 6] = into[HEAD + 7] = 0;
      put32(into, HEAD + 8, frame.features);
      return into.subarray(0, HEAD + 12);
  }
}

function decodeOpen(b: Uint8Array, stream: number): StreamFrame | Strange {
  const purposeBytes = b[HEAD];
  if (purposeBytes === undefined || purposeBytes === 0 || purposeBytes > PURPOSE_BYTES_MAX) return 'malformed';
  const at = HEAD + 1 + purposeBytes;
  if (b.length < at + 2) return 'malformed';
  const targetBytes = (b[at]! << 8) | b[at + 1]!;
  if (targetBytes > TARGET_BYTES_MAX || b.length < at + 2 + targetBytes) return 'malformed';
  return textOr(b.subarray(HEAD + 1, at), (purpose) =>
    textOr(b.subarray(at + 2, at + 2 + targetBytes), (target) => ({ kind: 'open', stream, purpose, target })),
  );
}

function textOr(bytes: Uint8Array, made: (text: string) => StreamFrame | Strange): StreamFrame | Strange {
  if (bytes.length > TARGET_BYTES_MAX) return 'malformed';
  let text;
  try {
    text = decoder.decode(bytes);
  } catch {
    return 'malformed'; // Not UTF-8.
  }
  return made(text);
}

function get32(b: Uint8Array, o: number): number {
  return ((b[o]! << 24) | (b[o + 1]! << 16) | (b[o + 2]! << 8) | b[o + 3]!) >>> 0;
}
function put32(b: Uint8Array, o: number, v: number): void {
  b[o] = v >>> 24;
  b[o + 1] = v >>> 16;
  b[o + 2] = v >>> 8;
  b[o + 3] = v;
}
