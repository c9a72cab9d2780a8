import type { PoolFrameKind } from '../../machines/pool/pool.messages.js';
import type {
  Challenge,
  HandshakeFrame,
  ClientHello,
  NodeId,
  NodeMessage,
  NodeMessageCodec,
  RendezvousFrames,
} from '../../machines/rendezvous/rendezvous.messages.js';
import { INTRODUCTIONS_MAX } from '../../machines/rendezvous/rendezvous.timing.js';
import { get32, put32 } from '../bytes.js';
import { poolCodec } from '../pool/codec.js';
import { FieldReader, FieldWriter } from './fields.js';

/**
 * Rendezvous in bytes: the pool's frames with three more of its own (client hello, challenge, Hello), and the messages between nodes inside
 * the pool's messages. Strict where it reads: one way to spell each value, nothing left over, nothing unknown. The layout with its
 * test vectors is `spec/rules/rendezvous.md`.
 */
export const MAGIC = 0x68667276; // "hfrv"
/** The version that is spoken here, and the only one. */
export const VERSION = 1;

const CONTROL_BIT = 0x80000000;
const HEAD = 5; // Length and kind.
const FRAME_OF: Record<number, HandshakeFrame | undefined> = { 0x10: 'client-hello', 0x11: 'challenge', 0x12: 'hello' };
const CODE_OF: Record<HandshakeFrame, number> = { 'client-hello': 0x10, challenge: 0x11, hello: 0x12 };
const CHALLENGE_BYTES = 32;
const CLIENT_HELLO_BYTES = HEAD + 6 + CHALLENGE_BYTES;
/** Any Hello is smaller. */
export const HELLO_BYTES_MAX = 1024;

/** Frames of the pool, with those of the greeting instead of its own. */
export const rendezvousFrames: RendezvousFrames = {
  ...poolCodec,
  kind(b, at, end): PoolFrameKind {
    if (b[at]! >= 0x80 && end - at >= HEAD && FRAME_OF[b[at + 4]!] !== undefined) return 'handshake';
    const kind = poolCodec.kind(b, at, end);
    return kind === 'hello' || kind === 'welcome' ? 'critical' : kind; // The pool's own have no place here.
  },
  handshakeFrame: (b, at, end) => (end - at >= HEAD && b[at]! >= 0x80 ? FRAME_OF[b[at + 4]!] : undefined),
  looksLikeClientHello(b) {
    for (const [i, byte] of [0x80, 0, 0, CLIENT_HELLO_BYTES - 4, CODE_OF['client-hello']].entries()) {
      if (i >= b.length) return undefined;
      if (b[i] !== byte) return false;
    }
    return b.length < HEAD + 4 ? undefined : get32(b, HEAD) === MAGIC;
  },
};

/** A frame around a body. */
export function framed(kind: HandshakeFrame, body: Uint8Array): Uint8Array {
  const b = new Uint8Array(HEAD + body.length);
  put32(b, 0, CONTROL_BIT + 1 + body.length);
  b[4] = CODE_OF[kind];
  b.set(body, HEAD);
  return b;
}

export function writeClientHello(challenge: Uint8Array): Uint8Array {
  const body = new FieldWriter().hex('68667276').byte(VERSION).byte(VERSION).raw(challenge);
  return framed('client-hello', body.done());
}

export function readClientHello(b: Uint8Array, at: number, end: number): ClientHello | undefined {
  const r = new FieldReader(b, at + HEAD, end);
  const magic = r.hex(4);
  const hello = { versionMin: r.byte(), versionMax: r.byte(), challenge: r.raw(CHALLENGE_BYTES) };
  return r.isGood && magic === '68667276' && hello.versionMin <= hello.versionMax ? hello : undefined;
}

export function writeChallenge(id: NodeId, challenge: Uint8Array): Uint8Array {
  return framed('challenge', new FieldWriter().byte(VERSION).hex(id).raw(challenge).done());
}

export function readChallenge(b: Uint8Array, at: number, end: number): Challenge | undefined {
  const r = new FieldReader(b, at + HEAD, end);
  const read = { version: r.byte(), id: r.hex(32), challenge: r.raw(CHALLENGE_BYTES) };
  return r.isGood ? read : undefined;
}

const NODE_MESSAGES = ['data', 'message', 'unroutable', 'who', 'known'] as const;
/** A response with everything in it is smaller. */
export const SIGNED_MESSAGE_BYTES_MAX = 4096;

/** Messages between connected nodes: a kind (1) and its fields. */
export const nodeMessageCodec: NodeMessageCodec = {
  encode(post) {
    const kind = NODE_MESSAGES.indexOf(post.kind);
    switch (post.kind) {
      case 'data': {
        const b = new Uint8Array(1 + post.payload.length);
        b.set(post.payload, 1);
        return b;
      }
      case 'message': {
        const b = new Uint8Array(33 + post.message.length);
        b.set(new FieldWriter().byte(kind).hex(post.to).done());
        b.set(post.message, 33);
        return b;
      }
      case 'unroutable':
        return new FieldWriter().byte(kind).hex(post.to).done();
      case 'who':
        return Uint8Array.of(kind);
      case 'known': {
        const w = new FieldWriter().byte(kind);
        for (const id of post.ids) w.hex(id);
        return w.done();
      }
    }
  },
  decode(bytes): NodeMessage | undefined {
    if (bytes.length === 0) return undefined;
    const kind = NODE_MESSAGES[bytes[0]!];
    if (kind === undefined) return undefined;
    if (kind === 'data') return { kind, payload: bytes.subarray(1) };
    const r = new FieldReader(bytes, 1);
    if (kind === 'who') return r.isGood ? { kind } : undefined;
    if (kind === 'known') {
      const count = (bytes.length - 1) / 32;
      if (!Number.isInteger(count) || count > INTRODUCTIONS_MAX) return undefined;
      return { kind, ids: Array.from({ length: count }, () => r.hex(32)) };
    }
    const to = r.hex(32);
    if (kind === 'unroutable') return r.isGood ? { kind, to } : undefined;
    if (bytes.length < 34 || bytes.length > 33 + SIGNED_MESSAGE_BYTES_MAX) return undefined;
    return { kind, to, message: bytes.subarray(33) };
  },
};
