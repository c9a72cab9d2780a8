import {
  CLIENT_IDS_MAX,
  FAULT_CODES,
  RANGES_MAX,
  type Fault,
  type Handshake,
  type NcpCodec,
  type Packet,
} from '../../machines/tuna/tuna.messages.js';

/**
 * NCP packets, which are Protocol Buffers of one message, read and written by hand: this is on the way of every 1300 bytes.
 * The layout is that of ncp-go and ncp-js (`spec/rules/tuna.md`).
 * @rule NCP-1 NCP-2
 */

// Field numbers and wire types as they stand in front of each value: number × 8 + type.
const SEQUENCE = 0x08;
const DATA = 0x12;
const ACK_START = 0x18; // Unpacked; packed is 0x1a.
const ACK_START_PACKED = 0x1a;
const ACK_COUNT = 0x20;
const ACK_COUNT_PACKED = 0x22;
const BYTES_READ = 0x28;
const CLIENT_ID = 0x32;
const WINDOW = 0x38;
const MTU = 0x40;
const CLOSE = 0x48;
const HANDSHAKE = 0x50;
const FAULT_CODE = 0x60; // Fields 12 and 13, and 14 below: the originals skip them.
const FAULT_RULE = 0x6a;
const HOLDFAST = 0x70;

const utf8Decoder = new TextDecoder();
const utf8Encoder = new TextEncoder();

/** A client id is the decimal string of an index in Tuna, and a short word elsewhere. */
const CLIENT_ID_BYTES_MAX = 256;
const RULE_BYTES_MAX = 16;

let cursor = 0; // Where the last `varint` ended; -1 when it had no end.

/** A variable length number up to 2^53; longer ones are rounded, the caller looks at what it can use. */
function varint(bytes: Uint8Array, at: number, end: number): number {
  let value = 0;
  let scale = 1;
  for (let i = 0; i < 10 && at < end; i++) {
    const byte = bytes[at++]!;
    if (byte < 0x80) {
      cursor = at;
      return value + byte * scale;
    }
    value += (byte & 0x7f) * scale;
    scale *= 128;
  }
  cursor = -1;
  return 0;
}

function read(bytes: Uint8Array, start: number, end: number, packet: Packet): boolean {
  packet.sequence = packet.dataStart = packet.dataEnd = packet.ranges = 0;
  packet.bytesRead = -1;
  packet.close = false;
  packet.fault = packet.handshake = undefined;
  let starts = 0;
  let counts = 0;
  let isHandshake = false;
  let isHoldfast = false;
  let faultCode = 0;
  let faultRule: string | undefined;
  let clientIds: string[] | undefined;
  let windowBytes = 0;
  let mtu = 0;
  let at = start;
  while (at < end) {
    let tag = bytes[at++]!;
    if (tag >= 0x80) {
      tag = varint(bytes, at - 1, end);
      if (cursor < 0) return false;
      at = cursor;
    }
    const type = tag & 7;
    if (type === 0) {
      const value = varint(bytes, at, end);
      if (cursor < 0) return false;
      at = cursor;
      switch (tag) {
        case SEQUENCE:
          packet.sequence = value % 2 ** 32;
          break;
        case ACK_START:
          if (starts === RANGES_MAX) return false;
          packet.starts[starts++] = value;
          break;
        case ACK_COUNT:
          if (counts === RANGES_MAX) return false;
          packet.counts[counts++] = value;
          break;
        case BYTES_READ:
          packet.bytesRead = value;
          break;
        case WINDOW:
          windowBytes = value % 2 ** 32;
          break;
        case MTU:
          mtu = value % 2 ** 32;
          break;
        case CLOSE:
          packet.close = value !== 0;
          break;
        case HANDSHAKE:
          isHandshake = value !== 0;
          break;
        case FAULT_CODE:
          faultCode = value;
          break;
        case HOLDFAST:
          isHoldfast = value !== 0;
          break;
        default: // Unknown: skipped.
          if (tag < 8) return false;
      }
      continue;
    }
    let length: number;
    if (type === 2) {
      length = varint(bytes, at, end);
      if (cursor < 0) return false;
      at = cursor;
    } else if (type === 1) length = 8;
    else if (type === 5) length = 4;
    else return false;
    if (length > end - at || tag < 8) return false;
    const to = at + length;
    switch (tag) {
      case DATA:
        packet.dataStart = at;
        packet.dataEnd = to;
        break;
      case ACK_START_PACKED:
        starts = readPacked(bytes, at, to, packet.starts, starts);
        if (starts < 0) return false;
        break;
      case ACK_COUNT_PACKED:
        counts = readPacked(bytes, at, to, packet.counts, counts);
        if (counts < 0) return false;
        break;
      case CLIENT_ID:
        clientIds ??= [];
        if (clientIds.length === CLIENT_IDS_MAX || length > CLIENT_ID_BYTES_MAX) return false;
        clientIds.push(utf8Decoder.decode(bytes.subarray(at, to)));
        break;
      case FAULT_RULE:
        faultRule = ruleOf(bytes.subarray(at, to));
        break;
      default:
    }
    at = to;
  }
  if (faultCode > 0) packet.fault = { code: FAULT_CODES[faultCode - 1] ?? 'violated', rule: faultRule };
  if (isHandshake) packet.handshake = { clientIds: clientIds ?? [], windowBytes, mtu, ...(isHoldfast ? { isHoldfast } : {}) };
  return complete(packet, starts, counts);
}

/** The name of a rule is shown to people: anything else in its place is none. */
function ruleOf(bytes: Uint8Array): string | undefined {
  const rule = bytes.length <= RULE_BYTES_MAX ? utf8Decoder.decode(bytes) : '';
  return /^(NCP|TUNA)-[0-9]{1,3}$/.test(rule) ? rule : undefined;
}

/** Starts that are missing are 1, counts that are missing are 1; of both there must be as many. */
function complete(packet: Packet, starts: number, counts: number): boolean {
  if (starts > 0 && counts > 0 && starts !== counts) return false;
  const ranges = starts > 0 ? starts : counts;
  if (starts === 0) packet.starts.fill(1, 0, ranges);
  if (counts === 0) packet.counts.fill(1, 0, ranges);
  packet.ranges = ranges;
  return true;
}

function readPacked(bytes: Uint8Array, from: number, to: number, into: Uint32Array, have: number): number {
  for (let at = from; at < to; at = cursor) {
    const value = varint(bytes, at, to);
    if (cursor < 0 || have === RANGES_MAX) return -1;
    into[have++] = value;
  }
  return have;
}

function sizeOf(value: number): number {
  let size = 1;
  for (; value >= 128; value /= 128) size++;
  return size;
}

function put(into: Uint8Array, at: number, value: number): number {
  while (value >= 2 ** 31) {
    into[at++] = (value % 128) | 0x80;
    value = Math.floor(value / 128);
  }
  while (value >= 128) {
    into[at++] = (value & 0x7f) | 0x80;
    value >>>= 7;
  }
  into[at++] = value;
  return at;
}

function dataHeadBytes(sequence: number, dataBytes: number): number {
  return dataBytes === 0 ? 1 + sizeOf(sequence) : 2 + sizeOf(sequence) + sizeOf(dataBytes);
}

function putDataHead(into: Uint8Array, at: number, sequence: number, dataBytes: number): number {
  into[at] = SEQUENCE;
  at = put(into, at + 1, sequence);
  if (dataBytes === 0) return at;
  into[at] = DATA;
  return put(into, at + 1, dataBytes);
}

function putPacked(into: Uint8Array, at: number, tag: number, values: Uint32Array, count: number): number {
  let bytes = 0;
  for (let i = 0; i < count; i++) bytes += sizeOf(values[i]!);
  into[at] = tag;
  at = put(into, at + 1, bytes);
  for (let i = 0; i < count; i++) at = put(into, at, values[i]!);
  return at;
}

function putAck(
  into: Uint8Array,
  at: number,
  starts: Uint32Array,
  counts: Uint32Array,
  ranges: number,
  bytesRead: number,
): number {
  let areOnes = true;
  for (let i = 0; i < ranges; i++) areOnes &&= counts[i] === 1;
  at = putPacked(into, at, ACK_START_PACKED, starts, ranges);
  if (!areOnes) at = putPacked(into, at, ACK_COUNT_PACKED, counts, ranges);
  return bytesRead > 0 ? putBytesRead(into, at, bytesRead) : at;
}

function putBytesRead(into: Uint8Array, at: number, bytesRead: number): number {
  into[at] = BYTES_READ;
  return put(into, at + 1, bytesRead);
}

function putClose(into: Uint8Array, at: number): number {
  into[at] = CLOSE;
  into[at + 1] = 1;
  return at + 2;
}

function putFault({ code, rule = '' }: Fault, isClose: boolean): Uint8Array {
  const name = utf8Encoder.encode(rule);
  const head = [FAULT_CODE, FAULT_CODES.indexOf(code) + 1];
  return Uint8Array.of(...(isClose ? [CLOSE, 1] : []), ...head, ...(name.length > 0 ? [FAULT_RULE, name.length, ...name] : []));
}

function putHandshake({ clientIds, windowBytes, mtu, isHoldfast }: Handshake): Uint8Array {
  const ids = clientIds.map((id) => utf8Encoder.encode(id));
  const size = ids.reduce((sum, id) => sum + 1 + sizeOf(id.length) + id.length, 4 + sizeOf(windowBytes) + sizeOf(mtu));
  const into = new Uint8Array(isHoldfast === true ? size + 2 : size);
  let at = 0;
  for (const id of ids) {
    into[at] = CLIENT_ID;
    at = put(into, at + 1, id.length);
    into.set(id, at);
    at += id.length;
  }
  into[at] = WINDOW;
  at = put(into, at + 1, windowBytes);
  into[at] = MTU;
  at = put(into, at + 1, mtu);
  into[at] = HANDSHAKE;
  into[at + 1] = 1;
  if (isHoldfast === true) into.set([HOLDFAST, 1], at + 2);
  return into;
}

/** NCP packets as bytes, in protobuf as the reference writes them. Reading never throws: false is malformed. */
export const ncpCodec: NcpCodec = {
  read,
  dataHeadBytes,
  putDataHead,
  putAck,
  putBytesRead,
  putClose,
  putFault,
  putHandshake,
};
