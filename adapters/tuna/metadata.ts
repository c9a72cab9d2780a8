/**
 * The opening of a link's wire: the dialer's address in the clear, then the session's metadata, which is sealed where there
 * are keys. Both in frames of their own. The layout is that of nkn-tuna-session; the number of the link and the dialer's window
 * stand in fields that the original does not know and skips.
 * @rule TUNA-1
 */

export const ADDRESS_BYTES_MAX = 512;
export const METADATA_BYTES_MAX = 1024;
export const SESSION_ID_BYTES = 8;

export interface SessionMetadata {
  /** 8 bytes, chosen by the dialer. */
  readonly id: Uint8Array;
  /** 1 is TCP; 0, from old dialers, means the same; 2 is UDP. */
  readonly type: number;
  /** Which link this is to be; undefined from the original, which tells links apart by listeners. */
  readonly link?: number;
  /** How long the dialer keeps the session without any link, in milliseconds; undefined from the original, which doesn't. */
  readonly windowMs?: number;
}

const ID = 0x0a;
const TYPE = 0x10;
const WINDOW = 0x70; // Field 14.
const LINK = 0x78; // Field 15.

export function putMetadata({ id, type, link, windowMs }: SessionMetadata): Uint8Array {
  const bytes = [ID, id.length, ...id, TYPE, type];
  if (windowMs !== undefined) {
    bytes.push(WINDOW);
    let left = Math.floor(Math.min(windowMs, 2 ** 31));
    for (; left > 0x7f; left = Math.floor(left / 128)) bytes.push((left % 128) + 0x80);
    bytes.push(left);
  }
  if (link !== undefined) bytes.push(LINK, link + 1);
  return Uint8Array.from(bytes);
}

/** Undefined: malformed. Unknown fields are skipped. */
export function readMetadata(bytes: Uint8Array): SessionMetadata | undefined {
  let id: Uint8Array | undefined;
  let type = 0;
  let link: number | undefined;
  let windowMs: number | undefined;
  let at = 0;
  const varint = (): number => {
    let value = 0;
    for (let scale = 1, i = 0; i < 10 && at < bytes.length; i++, scale *= 128) {
      const byte = bytes[at++]!;
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
    }
    return NaN;
  };
  while (at < bytes.length) {
    const tag = varint();
    const kind = tag % 8;
    if (kind === 0) {
      const value = varint();
      if (Number.isNaN(value)) return undefined;
      if (tag === TYPE) type = value;
      if (tag === WINDOW) windowMs = value;
      if (tag === LINK && value > 0) link = value - 1;
    } else if (kind === 2) {
      const length = varint();
      if (!(at + length <= bytes.length)) return undefined;
      if (tag === ID) id = bytes.slice(at, at + length);
      at += length;
    } else return undefined;
  }
  if (id === undefined || id.length !== SESSION_ID_BYTES) return undefined;
  return { id, type, ...(link === undefined ? {} : { link }), ...(windowMs === undefined ? {} : { windowMs }) };
}
