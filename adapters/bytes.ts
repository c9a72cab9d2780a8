/** Big-endian numbers and hex digits, for codecs. Nothing here checks bounds: codecs have. */

export function get24(b: Uint8Array, o: number): number {
  return (b[o]! << 16) | (b[o + 1]! << 8) | b[o + 2]!;
}
export function put24(b: Uint8Array, o: number, v: number): void {
  b[o] = v >>> 16;
  b[o + 1] = v >>> 8;
  b[o + 2] = v;
}
export function get32(b: Uint8Array, o: number): number {
  return ((b[o]! << 24) | (b[o + 1]! << 16) | (b[o + 2]! << 8) | b[o + 3]!) >>> 0;
}
export function put32(b: Uint8Array, o: number, v: number): void {
  b[o] = v >>> 24;
  b[o + 1] = v >>> 16;
  b[o + 2] = v >>> 8;
  b[o + 3] = v;
}
export function get48(b: Uint8Array, o: number): number {
  return ((b[o]! << 8) | b[o + 1]!) * 2 ** 32 + get32(b, o + 2);
}
export function put48(b: Uint8Array, o: number, v: number): void {
  const high = Math.floor(v / 2 ** 32);
  b[o] = high >>> 8;
  b[o + 1] = high;
  put32(b, o + 2, v);
}

/** Two lower-case digits a byte, as one piece of text: what is put together by `+` stays a tree of pieces for as long as it lives. */
export function toHex(bytes: Uint8Array): string {
  const codes: number[] = [];
  for (const byte of bytes) codes.push(DIGITS.charCodeAt(byte >> 4), DIGITS.charCodeAt(byte & 15));
  return String.fromCharCode(...codes);
}
const DIGITS = '0123456789abcdef';

/** The inverse; the text has an even number of hex digits. */
export function fromHex(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length >> 1);
  for (let i = 0; i < bytes.length; i++) bytes[i] = (digit(text, 2 * i) << 4) | digit(text, 2 * i + 1);
  return bytes;
}

/** Letters of either case lie 64 or 96 up, and begin with 1. */
function digit(text: string, at: number): number {
  const code = text.charCodeAt(at);
  return (code & 15) + (code >> 6) * 9;
}
