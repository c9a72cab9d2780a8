import { get24, get32, get48, put24, put32, put48 } from '../bytes.js';
import type {
  Fault,
  FaultCode,
  FrameKind,
  GoodbyeCode,
  Hello,
  RefusalCode,
  RefusedBody,
  ResumeCodec,
  Trail,
} from '../../machines/resume/resume.messages.js';

/**
 * The resume protocol's bytes, version 1. The layout with its test vectors is `spec/rules/resume.md`; all numbers are big endian.
 * @rule RES-7 RES-18
 * Every frame: kind (1) | length of the rest (3). An acknowledgement has its position where others have their length.
 */
export const MAGIC = 0x68667374; // "hfst"
/** The only version of the resume protocol so far. */
export const VERSION = 1;

const HEAD = 4;
const HELLO_BODY = 86;
const TRAIL = 12; // Behind the hello's body, where a side knows of it.

const KIND_OF: readonly (FrameKind | undefined)[] = [
  undefined, 'hello', 'welcome', 'confirm', 'refused', 'goodbye', 'goodbye-ack', 'credit', 'ping', 'pong', 'drain',
  undefined, undefined, undefined, undefined, undefined, 'data', 'data-prompt', 'ack',
]; // prettier-ignore
const CODE_OF = Object.fromEntries(KIND_OF.flatMap((kind, code) => (kind === undefined ? [] : [[kind, code]]))) as Record<
  FrameKind,
  number
>;
const DATA = CODE_OF.data;
const DATA_PROMPT = CODE_OF['data-prompt'];
const ACK = CODE_OF.ack;
/** Kinds from here on may be skipped by who doesn't know them. */
const OPTIONAL_FROM = 0x80;
/** One of those, so that peers which were there before it skip it. */
const FAULT = 0xa0;

const REFUSALS: readonly RefusalCode[] = [
  'malformed',
  'version-unsupported',
  'unknown-session',
  'ended',
  'token-refused',
  'limit-reached',
  'busy',
  'shutdown',
  'identity-unknown',
];
const GOODBYES: readonly GoodbyeCode[] = ['closed', 'shutdown'];
const FAULTS: readonly FaultCode[] = ['violated', 'oversized', 'malformed', 'token-refused'];

/** The nonce tells nothing: any byte is an answer. */
const PING_NONCE = 0;
const PONG = numbered('pong', PING_NONCE);

/** The bytes of every frame (`spec/rules/resume.md`). Reading never throws: undefined is malformed. */
export const resumeCodec: ResumeCodec = {
  versionMin: VERSION,
  versionMax: VERSION,
  headBytes: HEAD,
  dataHeadBytes: HEAD + 4,

  frameBytes: (b, at) => (b[at] === ACK ? HEAD : HEAD + get24(b, at + 1)),

  kind(b, at) {
    const code = b[at]!;
    if (code === DATA) return 'data';
    if (code === FAULT) return 'fault';
    return KIND_OF[code] ?? (code >= OPTIONAL_FROM ? 'optional' : 'critical');
  },
  sequence: (b, at) => get32(b, at + HEAD),
  acked: (b, at) => get24(b, at + 1),

  putData(into, at, sequence, payload, prompt) {
    dataHead(into, at, sequence, payload.length, prompt);
    into.set(payload, at + HEAD + 4);
  },
  putDataHead: dataHead,
  ping: numbered('ping', PING_NONCE),
  pong: (nonce) => (nonce === PING_NONCE ? PONG : numbered('pong', nonce)),
  putAck(position) {
    const b = new Uint8Array(HEAD);
    b[0] = ACK;
    put24(b, 1, position);
    return b;
  },

  hello(b, at, end): Hello | undefined {
    const o = at + HEAD;
    if (end - o < HELLO_BODY || get32(b, o) !== MAGIC) return undefined; // Longer is legal: later versions append.
    return {
      versionMin: b[o + 4]!,
      versionMax: b[o + 5]!,
      resume: (b[o + 6]! & 1) === 1,
      session: new Uint8Array(b.subarray(o + 8, o + 24)),
      token: new Uint8Array(b.subarray(o + 24, o + 56)),
      epoch: get32(b, o + 56),
      next: get32(b, o + 60),
      first: get32(b, o + 64),
      credit: get48(b, o + 68),
      windowMs: get32(b, o + 74),
      messageBytesMax: get32(b, o + 78),
      features: get32(b, o + 82),
      ...(end - o >= HELLO_BODY + TRAIL ? { trail: trailAt(b, o + HELLO_BODY) } : {}),
    };
  },
  putHello(kind, hello) {
    const { trail } = hello;
    const b = frame(CODE_OF[kind], HELLO_BODY + (trail === undefined ? 0 : TRAIL));
    put32(b, 4, MAGIC);
    b[8] = hello.versionMin;
    b[9] = hello.versionMax;
    b[10] = hello.resume ? 1 : 0;
    b.set(hello.session, 12);
    b.set(hello.token, 28);
    put32(b, 60, hello.epoch);
    put32(b, 64, hello.next);
    put32(b, 68, hello.first);
    put48(b, 72, hello.credit);
    put32(b, 78, hello.windowMs);
    put32(b, 82, hello.messageBytesMax);
    put32(b, 86, hello.features);
    if (trail !== undefined) {
      put32(b, 90, trail.wire);
      put32(b, 94, trail.before);
      put32(b, 98, trail.tries);
    }
    return b;
  },

  refused(b, at, end): RefusedBody | undefined {
    const o = at + HEAD;
    if (end - o < 12 || get32(b, o) !== MAGIC) return undefined;
    return {
      code: REFUSALS[b[o + 4]!] ?? 'malformed',
      versionMin: b[o + 5]!,
      versionMax: b[o + 6]!,
      retryAfterMs: get32(b, o + 8),
    };
  },
  putRefused(body) {
    const b = frame(CODE_OF.refused, 12);
    put32(b, 4, MAGIC);
    b[8] = REFUSALS.indexOf(body.code);
    b[9] = body.versionMin;
    b[10] = body.versionMax;
    put32(b, 12, body.retryAfterMs);
    return b;
  },

  number(b, at, end) {
    if (b[at] === CODE_OF.credit) return end - at < HEAD + 6 ? undefined : get48(b, at + HEAD);
    return end - at < HEAD + 4 ? undefined : get32(b, at + HEAD);
  },
  putNumber: numbered,

  fault(b, at, end): Fault | undefined {
    const o = at + HEAD;
    if (end - o < 2) return undefined;
    return { code: FAULTS[b[o]!] ?? 'violated', rule: `RES-${b[o + 1]!}` };
  },
  putFault({ code, rule }) {
    const b = frame(FAULT, 2);
    b[HEAD] = FAULTS.indexOf(code);
    b[HEAD + 1] = Number(rule.slice('RES-'.length));
    return b;
  },

  goodbye(b, at, end) {
    const o = at + HEAD;
    if (end - o < 9) return undefined;
    return { position: get32(b, o), next: get32(b, o + 4), code: GOODBYES[b[o + 8]!] ?? 'closed' };
  },
  putGoodbye(position, next, code) {
    const b = frame(CODE_OF.goodbye, 9);
    put32(b, HEAD, position);
    put32(b, HEAD + 4, next);
    b[HEAD + 8] = GOODBYES.indexOf(code);
    return b;
  },
};

/** Enough of the first bytes of a wire to know whether this is the resume protocol: `undefined` means not yet. */
export function looksLikeResume(bytes: Uint8Array): boolean | undefined {
  if (bytes.length > 0 && bytes[0] !== CODE_OF.hello) return false;
  if (bytes.length < HEAD + 4) return undefined;
  return get32(bytes, HEAD) === MAGIC;
}

/** Undefined: nothing that a dialer would have said. */
function trailAt(b: Uint8Array, at: number): Trail | undefined {
  const trail = { wire: get32(b, at), before: get32(b, at + 4), tries: get32(b, at + 8) };
  return trail.wire === 0 ? undefined : trail;
}

function dataHead(into: Uint8Array, at: number, sequence: number, payloadBytes: number, prompt: boolean): void {
  into[at] = prompt ? DATA_PROMPT : DATA;
  put24(into, at + 1, payloadBytes + 4);
  put32(into, at + HEAD, sequence);
}

function numbered(kind: 'confirm' | 'goodbye-ack' | 'ping' | 'pong' | 'drain' | 'credit', value: number): Uint8Array {
  const b = frame(CODE_OF[kind], kind === 'credit' ? 6 : 4);
  if (kind === 'credit') put48(b, HEAD, value);
  else put32(b, HEAD, value);
  return b;
}

function frame(code: number, bodyBytes: number): Uint8Array {
  const b = new Uint8Array(HEAD + bodyBytes);
  b[0] = code;
  put24(b, 1, bodyBytes);
  return b;
}
