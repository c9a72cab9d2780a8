import { frameBytes, putLength } from './envelope.js';
import type { Envelope } from '../../machines/tuna/tuna.plane.js';

/** One cipher between two keys: XSalsa20-Poly1305 with a nonce of 24 bytes and a tag of 16 in front (NaCl's secretbox). */
export interface Box {
  /** Seals `message`, which may lie in `into` behind the tag, to `into`. */
  seal(into: Uint8Array, message: Uint8Array, nonce: Uint8Array): void;
  /** Opens to `into`, which has room for the box without its tag. False: it is not what was sealed. */
  open(into: Uint8Array, box: Uint8Array, nonce: Uint8Array): boolean;
}

/** This side's identity in Tuna: an NKN address, and boxes with the keys of peers. */
export interface TunaIdentity {
  /** `identifier.<64 hex digits>`, or the hex digits alone. */
  readonly address: string;
  /** Undefined: that address has no usable key. */
  boxWith(remoteAddress: string): Box | undefined;
}

/** `identifier.` and a key of 64 hex digits, or the digits alone. */
const NKN_ADDRESS = /^(.*\.)?([0-9a-f]{64})$/i;

/** An NKN address with its key in lower case, as is usual; undefined: it has no key. An identifier keeps its case. */
export function nknAddress(text: string): string | undefined {
  const [, identifier = '', digits] = NKN_ADDRESS.exec(text) ?? [];
  return digits === undefined ? undefined : identifier + digits.toLowerCase();
}

const NONCE_BYTES = 24;
const TAG_BYTES = 16;
/** The bytes that sealing adds to a body. */
const SEAL_BYTES = NONCE_BYTES + TAG_BYTES;
/** Nonces are drawn so many at a time: each call to the system costs as much as sealing a packet. */
const NONCES = 128;

export type NonceSource = () => Uint8Array;

/** Nonces cut from larger draws of randomness; each is used once. */
export function nonces(entropy: (bytes: number) => Uint8Array): NonceSource {
  let drawn = new Uint8Array(0);
  let at = 0;
  return () => {
    if (at === drawn.length) {
      drawn = new Uint8Array(entropy(NONCES * NONCE_BYTES));
      at = 0;
    }
    return drawn.subarray(at, (at += NONCE_BYTES));
  };
}

/** Packets in sealed boxes: length, nonce, tag, cipher text. @rule TUNA-4 */
export class SealedEnvelope implements Envelope {
  readonly headBytes = 4;
  readonly frameBytes = frameBytes;
  readonly before = 4 + SEAL_BYTES;
  readonly after = 0;
  bytes: Uint8Array;
  start = 0;
  end = 0;

  constructor(
    readonly box: Box,
    readonly nonce: NonceSource,
    frameBytesMax: number,
  ) {
    this.bytes = new Uint8Array(frameBytesMax);
  }

  seal(into: Uint8Array, at: number, packetBytes: number): void {
    putLength(into, at, SEAL_BYTES + packetBytes);
    const nonce = this.nonce();
    into.set(nonce, at + 4);
    const from = at + 4 + NONCE_BYTES;
    const to = from + TAG_BYTES + packetBytes;
    this.box.seal(into.subarray(from, to), into.subarray(from + TAG_BYTES, to), nonce);
  }

  open(frame: Uint8Array, start: number, end: number): boolean {
    const from = start + 4 + NONCE_BYTES;
    const length = end - from - TAG_BYTES;
    if (length < 0 || length > this.bytes.length) return false;
    this.end = length;
    return this.box.open(this.bytes.subarray(0, length), frame.subarray(from, end), frame.subarray(start + 4, from));
  }
}

/** A sealed body of its own: nonce, tag, cipher text. */
export function sealed(box: Box, nonce: Uint8Array, message: Uint8Array): Uint8Array {
  const body = new Uint8Array(SEAL_BYTES + message.length);
  body.set(nonce);
  body.set(message, SEAL_BYTES);
  box.seal(body.subarray(NONCE_BYTES), body.subarray(SEAL_BYTES), nonce);
  return body;
}

export function unsealed(box: Box, body: Uint8Array): Uint8Array | undefined {
  if (body.length < SEAL_BYTES) return undefined;
  const message = new Uint8Array(body.length - SEAL_BYTES);
  return box.open(message, body.subarray(NONCE_BYTES), body.subarray(0, NONCE_BYTES)) ? message : undefined;
}
