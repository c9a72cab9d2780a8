import type { Envelope } from '../../machines/tuna/tuna.plane.js';

/** Lengths in front of frames are 32 bits, little endian. @rule TUNA-2 */
export function frameBytes(bytes: Uint8Array, at: number): number {
  return 4 + (bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16)) + bytes[at + 3]! * 2 ** 24;
}

export function putLength(into: Uint8Array, at: number, length: number): void {
  into[at] = length;
  into[at + 1] = length >>> 8;
  into[at + 2] = length >>> 16;
  into[at + 3] = length >>> 24;
}

/** A frame of its own around some bytes. */
export function framed(body: Uint8Array): Uint8Array {
  const frame = new Uint8Array(4 + body.length);
  putLength(frame, 0, body.length);
  frame.set(body, 4);
  return frame;
}

const NOTHING: Uint8Array = new Uint8Array(0);

/** Packets in the clear, with nothing but their length. For NCP over wires that need no keys, and for tests. */
export class PlainEnvelope implements Envelope {
  readonly headBytes = 4;
  readonly frameBytes = frameBytes;
  readonly before = 4;
  readonly after = 0;
  bytes = NOTHING;
  start = 0;
  end = 0;

  seal(into: Uint8Array, at: number, packetBytes: number): void {
    putLength(into, at, packetBytes);
  }

  open(frame: Uint8Array, start: number, end: number): boolean {
    this.bytes = frame;
    this.start = start + 4;
    this.end = end;
    return true;
  }
}
