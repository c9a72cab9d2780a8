/** The vocabulary of NCP and of a Tuna connection. Where each value lies on the wire is the codec's business (`adapters/tuna`). */

/** A handshake: the sender's name on each connection, and the limits of packets to it. */
export interface Handshake {
  /** The sender's connection ids; the receiver pairs them by index. */
  readonly clientIds: readonly string[];
  /** The sender's receive window in bytes that its application has not read. */
  readonly windowBytes: number;
  /** The largest data field that the sender takes. */
  readonly mtu: number;
  /** The sender is a holdfast. In a field that the originals neither write nor read. */
  readonly isHoldfast?: boolean;
}

/** Why a side ends a wire or a session, as it is said on the wire: rules that were broken, and reasons not to let a wire in. */
export const FAULT_CODES = ['violated', 'oversized', 'malformed', 'limit-reached', 'busy'] as const;
export type FaultCode = (typeof FAULT_CODES)[number];

/** In fields that the originals skip: alone it ends the wire it comes on, beside a close the session. @rule NCP-16 */
export interface Fault {
  readonly code: FaultCode;
  /** The rule that was broken, as in `spec/rules/tuna.md`; undefined where none was. */
  readonly rule: string | undefined;
}

/** Acknowledged ranges that one packet may bring; more than any sender known sends (32), and than a frame has room for. */
export const RANGES_MAX = 2048;
/** Connection ids that one handshake may bring. Chosen without measurement. */
export const CLIENT_IDS_MAX = 256;

/** One packet as it was read: one object for a whole session, overwritten by each. `0` where a field was absent. */
export class Packet {
  /** Number of the data; 0: this packet brings none. */
  sequence = 0;
  /** Where the data lies in the bytes that were read. */
  dataStart = 0;
  dataEnd = 0;
  /** Ranges acknowledged, `starts` and `counts` by index; the codec fills in what the sender left out. */
  ranges = 0;
  readonly starts = new Uint32Array(RANGES_MAX);
  readonly counts = new Uint32Array(RANGES_MAX);
  /** Bytes that the sender's application has read, since the session began; -1 where the packet doesn't say. */
  bytesRead = -1;
  close = false;
  /** Why the sender ends the wire, or with `close` the session. */
  fault?: Fault | undefined = undefined;
  /** Present in a handshake. */
  handshake: Handshake | undefined;
}

/** Reads and writes packets in buffers of the caller, so that nothing is allocated on the way. */
export interface NcpCodec {
  /** Reads a packet into `packet`. False: malformed, and `packet` means nothing. */
  read(bytes: Uint8Array, start: number, end: number, packet: Packet): boolean;
  /** Bytes of a data packet in front of its data. */
  dataHeadBytes(sequence: number, dataBytes: number): number;
  /** Writes all of a data packet but the data itself; answers where that goes. */
  putDataHead(into: Uint8Array, at: number, sequence: number, dataBytes: number): number;
  /** Each `put` answers where the packet ends. `counts` are left out where all of them are 1. */
  putAck(into: Uint8Array, at: number, starts: Uint32Array, counts: Uint32Array, ranges: number, bytesRead: number): number;
  putBytesRead(into: Uint8Array, at: number, bytesRead: number): number;
  putClose(into: Uint8Array, at: number): number;
  /** `isClose`: it ends the session, else the wire alone. */
  putFault(fault: Fault, isClose: boolean): Uint8Array;
  putHandshake(handshake: Handshake): Uint8Array;
}

/** The most bytes of a data packet in front of its data. */
export const DATA_HEAD_BYTES_MAX = 12;
/** The most bytes of an acknowledgement of so many ranges. */
export function ackBytesMax(ranges: number): number {
  return 24 + ranges * 10;
}
