import type {
  PoolCodec,
  PoolFaultCode,
  PoolFrameKind,
  PoolGoodbyeCode,
  PoolHello,
  PoolRefusalCode,
} from '../../machines/pool/pool.messages.js';
import { fromHex, get32, put32, toHex } from '../bytes.js';

/**
 * The pool's bytes. A message is its length (4) and its bytes, as in the skip graph; all numbers are big endian. Frames that the skip
 * graph lacks have the length's top bit set, which no legal message has: length (4) | kind (1) | body. The layout with its test
 * vectors is `spec/rules/pool.md`.
 * @rule POOL-1 POOL-2
 */
export const MAGIC = 0x6866706c; // "hfpl"
/** The only version of the pool's frames so far. */
export const VERSION = 1;

const HEAD = 4;
const CONTROL_BIT = 0x80000000;
const HELLO_BODY = 40;
const REFUSED_BODY = 10; // Without the id, which only `crossed` has.
const GOODBYE_BODY = 5;
const ID_BYTES = 32;
const INQUIRY = 1; // Of the flags in a hello; unknown ones are ignored.

const KIND_OF: readonly (PoolFrameKind | undefined)[] = [undefined, 'hello', 'welcome', 'refused', 'ping', 'pong', 'goodbye'];
const CODE_OF = Object.fromEntries(KIND_OF.flatMap((kind, code) => (kind === undefined ? [] : [[kind, code]]))) as Record<
  PoolFrameKind,
  number
>;
/** Among the optional ones: who doesn't know it sees the wire close, as it did before there was this frame. */
const FAULT = 0xa0;
const FAULT_BODY = 2;
const FAULTS: readonly PoolFaultCode[] = ['violated', 'oversized', 'malformed'];
/** Kinds from here on may be skipped by who doesn't know them. */
const OPTIONAL_FROM = 0x80;

const REFUSALS: readonly PoolRefusalCode[] = [
  'malformed',
  'version-unsupported',
  'limit-reached',
  'busy',
  'shutdown',
  'crossed',
  'identity-mismatch',
  'identity-unknown',
];
const GOODBYES: readonly PoolGoodbyeCode[] = ['closed', 'shutdown', 'idle', 'drained', 'replaced'];

/** Frames with a hello, signs of life and a goodbye (`spec/rules/pool.md`). Reading never throws: undefined is malformed. */
export const poolCodec: PoolCodec = {
  versionMin: VERSION,
  versionMax: VERSION,
  headBytes: HEAD,
  dataHeadBytes: HEAD,

  frameBytes(b, at) {
    const length = get32(b, at);
    return HEAD + (length >= CONTROL_BIT ? length - CONTROL_BIT : length);
  },

  kind(b, at, end) {
    if (b[at]! < 0x80) return 'data';
    if (end - at <= HEAD) return 'critical';
    const code = b[at + HEAD]!;
    if (code === FAULT) return 'fault';
    return KIND_OF[code] ?? (code >= OPTIONAL_FROM ? 'optional' : 'critical');
  },

  putDataHead: (into, at, payloadBytes) => put32(into, at, payloadBytes),

  hello(b, at, end): PoolHello | undefined {
    const o = at + HEAD + 1;
    if (end - o < HELLO_BODY || get32(b, o) !== MAGIC) return undefined; // Longer is legal: later versions append.
    return {
      versionMin: b[o + 4]!,
      versionMax: b[o + 5]!,
      isInquiry: (b[o + 7]! & INQUIRY) !== 0,
      id: toHex(b.subarray(o + 8, o + HELLO_BODY)),
    };
  },
  putHello(kind, hello) {
    const b = control(CODE_OF[kind], HELLO_BODY);
    put32(b, HEAD + 1, MAGIC);
    b[HEAD + 5] = hello.versionMin;
    b[HEAD + 6] = hello.versionMax;
    b[HEAD + 8] = hello.isInquiry ? INQUIRY : 0;
    b.set(fromHex(hello.id), HEAD + 9);
    return b;
  },

  refused(b, at, end) {
    const o = at + HEAD + 1;
    if (end - o < REFUSED_BODY || get32(b, o) !== MAGIC) return undefined;
    const refused = { code: REFUSALS[b[o + 4]!] ?? 'malformed', retryAfterMs: get32(b, o + 6) };
    const to = o + REFUSED_BODY + ID_BYTES;
    return end < to ? refused : { ...refused, id: toHex(b.subarray(o + REFUSED_BODY, to)) };
  },
  putRefused({ code, retryAfterMs, id }) {
    const b = control(CODE_OF.refused, REFUSED_BODY + (id === undefined ? 0 : ID_BYTES));
    put32(b, HEAD + 1, MAGIC);
    b[HEAD + 5] = REFUSALS.indexOf(code);
    b[HEAD + 6] = VERSION;
    put32(b, HEAD + 7, retryAfterMs);
    if (id !== undefined) b.set(fromHex(id), HEAD + 1 + REFUSED_BODY);
    return b;
  },

  number: (b, at, end) => (end - at < HEAD + 5 ? undefined : get32(b, at + HEAD + 1)),
  putNumber(kind, value) {
    const b = control(CODE_OF[kind], 4);
    put32(b, HEAD + 1, value);
    return b;
  },

  goodbye(b, at, end) {
    const o = at + HEAD + 1;
    return end - o < GOODBYE_BODY ? undefined : { code: GOODBYES[b[o]!] ?? 'closed', afterMs: get32(b, o + 1) };
  },
  putGoodbye({ code, afterMs }) {
    const b = control(CODE_OF.goodbye, GOODBYE_BODY);
    b[HEAD + 1] = GOODBYES.indexOf(code);
    put32(b, HEAD + 2, afterMs);
    return b;
  },

  fault(b, at, end) {
    const o = at + HEAD + 1;
    return end - o < FAULT_BODY ? undefined : { code: FAULTS[b[o]!] ?? 'violated', rule: `POOL-${b[o + 1]!}` };
  },
  putFault({ code, rule }) {
    const b = control(FAULT, FAULT_BODY);
    b[HEAD + 1] = FAULTS.indexOf(code);
    b[HEAD + 2] = Number(rule.slice('POOL-'.length));
    return b;
  },
};

/** The skip graph's own framing and nothing else: the top bit belongs to the length. */
export const bareCodec: PoolCodec = {
  ...poolCodec,
  frameBytes: (b, at) => HEAD + get32(b, at),
  kind: () => 'data',
};

/** Enough of the first bytes of a wire to know whether this is the pool protocol with its hello: `undefined` means not yet. */
export function looksLikePool(b: Uint8Array): boolean | undefined {
  for (const [i, byte] of [0x80, 0, undefined, undefined, CODE_OF.hello].entries()) {
    if (i >= b.length) return undefined;
    if (byte !== undefined && b[i] !== byte) return false;
  }
  return b.length < HEAD + 5 ? undefined : get32(b, HEAD + 1) === MAGIC;
}

function control(code: number, bodyBytes: number): Uint8Array {
  const b = new Uint8Array(HEAD + 1 + bodyBytes);
  put32(b, 0, CONTROL_BIT + 1 + bodyBytes);
  b[HEAD] = code;
  return b;
}
