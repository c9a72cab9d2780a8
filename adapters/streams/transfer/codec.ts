import type { FrameHead } from '../../../machines/dataplane/framer.js';
import { readBody, type JsonRecord } from './payloads.js';

/**
 * The bytes of a transfer, version 1: records on one stream, kind (1) | length of the rest (3) | rest, all numbers big endian.
 * The layout with its vectors is `spec/rules/transfers.md`. Pure.
 * @rule XFER-1
 */
export type TransferRecord =
  | JsonRecord
  /** Sender: what follows is this file, from this byte on. */
  | { readonly kind: 'begin'; readonly file: number; readonly offset: number }
  | { readonly kind: 'data'; readonly bytes: Uint8Array }
  /** Sender: this was all of the file that began last. */
  | { readonly kind: 'digest'; readonly size: number; readonly sha256: string }
  /** Receiver: the digest agrees, and the file has its name. */
  | { readonly kind: 'done'; readonly file: number };

export const RECORD_BYTES_MAX = 1 << 20;
export const RECORD_HEAD_BYTES = 4;
export const NAME_BYTES_MAX = 255;

const KINDS = ['offer', 'accept', 'begin', 'data', 'digest', 'done', 'failed'] as const satisfies TransferRecord['kind'][];

/** For the framer. */
export const recordHead: FrameHead = {
  headBytes: RECORD_HEAD_BYTES,
  frameBytes: (b, at) => RECORD_HEAD_BYTES + ((b[at + 1]! << 16) | (b[at + 2]! << 8) | b[at + 3]!),
};

export function encodeRecord(record: TransferRecord): Uint8Array {
  switch (record.kind) {
    case 'data':
      return framed(record.kind, record.bytes);
    case 'begin': {
      const body = Buffer.alloc(12);
      body.writeUInt32BE(record.file);
      body.writeBigUInt64BE(BigInt(record.offset), 4);
      return framed(record.kind, body);
    }
    case 'digest': {
      const body = Buffer.alloc(40);
      body.writeBigUInt64BE(BigInt(record.size));
      body.write(record.sha256, 8, 'hex');
      return framed(record.kind, body);
    }
    case 'done': {
      const body = Buffer.alloc(4);
      body.writeUInt32BE(record.file);
      return framed(record.kind, body);
    }
    default: {
      const { kind, ...rest } = record;
      return framed(kind, Buffer.from(JSON.stringify(rest)));
    }
  }
}

/** Writes a data record's head in front of so many bytes, which are already there. */
export function putDataHead(into: Uint8Array, bytes: number): void {
  into[0] = KINDS.indexOf('data') + 1;
  into[1] = bytes >>> 16;
  into[2] = bytes >>> 8;
  into[3] = bytes;
}

/** Reads one whole record. Data is a view of it. Undefined: it is none. */
export function decodeRecord(bytes: Uint8Array): TransferRecord | undefined {
  if (bytes.length < RECORD_HEAD_BYTES) return undefined;
  const kind = KINDS[bytes[0]! - 1];
  const body = Buffer.from(bytes.buffer, bytes.byteOffset + RECORD_HEAD_BYTES, bytes.length - RECORD_HEAD_BYTES);
  switch (kind) {
    case undefined:
      return undefined;
    case 'data':
      return body.length === 0 ? undefined : { kind, bytes: body };
    case 'begin': {
      if (body.length < 12) return undefined;
      const offset = Number(body.readBigUInt64BE(4));
      return Number.isSafeInteger(offset) ? { kind, file: body.readUInt32BE(), offset } : undefined;
    }
    case 'digest': {
      if (body.length < 40) return undefined;
      return { kind, size: Number(body.readBigUInt64BE()), sha256: body.toString('hex', 8, 40) };
    }
    case 'done':
      return body.length < 4 ? undefined : { kind, file: body.readUInt32BE() };
    default:
      return decodeJson(kind, body);
  }
}

function decodeJson(kind: JsonRecord['kind'], body: Buffer): TransferRecord | undefined {
  try {
    return readBody(kind, JSON.parse(body.toString()));
  } catch {
    return undefined;
  }
}

function framed(kind: TransferRecord['kind'], body: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(RECORD_HEAD_BYTES + body.length);
  putDataHead(bytes, body.length);
  bytes[0] = KINDS.indexOf(kind) + 1;
  bytes.set(body, RECORD_HEAD_BYTES);
  return bytes;
}
