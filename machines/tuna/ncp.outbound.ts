import type { SlabPool } from '../dataplane/send-log.js';
import { ByteLog } from './ncp.byte-log.js';

const ACKED = 1;
const LOST = 2; // To be sent again.
const RESENT = 4; // Sent more than once: its acknowledgement says nothing about time (Karn).
const FIRST_RING = 64;

/** No link carries it. */
export const NOWHERE = 255;

/**
 * Written and unacknowledged bytes, cut into packets: where each lies, which link carries it, since when. Packets are
 * counted from 0 without wrapping. In a stream they are cut when a link has room for one, so that small writes share a packet;
 * otherwise each write is one.
 *
 * Bounds: the peer's window in bytes that its application has not read, and `packetsMax` packets.
 * @rule NCP-4 NCP-5
 */
export class Outbound {
  /** Oldest packet not acknowledged, and the first that was never sent. */
  base = 0;
  next = 0;
  /** Packets that are to be sent again. */
  lost = 0;
  /** The most that may be in flight, unread by the peer; and the most that one packet may hold. */
  windowBytes: number;
  mtu: number;
  #cut = 0; // Packets with bounds; beyond `next` only where each write is a packet.
  #cutEnd = 0; // Place in the stream up to which packets are cut,
  #sentEnd = 0; // and sent.
  #remoteRead = 0;
  #unread = 0; // No packet before this one is unread by the peer's application, or it was acknowledged.
  #lostFrom = 0; // No packet before this one is lost.
  #log: ByteLog;
  #places = new Float64Array(FIRST_RING);
  #lengths = new Uint32Array(FIRST_RING);
  #flags = new Uint8Array(FIRST_RING);
  #links = new Uint8Array(FIRST_RING).fill(NOWHERE);
  #sentAt = new Float64Array(FIRST_RING);
  #orders = new Float64Array(FIRST_RING);
  #mask = FIRST_RING - 1;

  constructor(
    pool: SlabPool,
    readonly isStream: boolean,
    public packetsMax: number,
    limits: { readonly windowBytes: number; readonly mtu: number },
  ) {
    this.#log = new ByteLog(pool);
    this.windowBytes = limits.windowBytes;
    this.mtu = limits.mtu;
  }

  /** Bytes written, sent at least once, known to have arrived in a row, and read by the peer's application. */
  get written(): number {
    return this.#log.end;
  }
  get sent(): number {
    return this.#sentEnd;
  }
  get acknowledged(): number {
    return this.#log.end - this.#log.size;
  }
  get read(): number {
    return this.#remoteRead;
  }
  get packetsWritten(): number {
    return this.#cut;
  }
  get queuedBytes(): number {
    return this.#log.size;
  }
  get unsentBytes(): number {
    return this.#log.end - this.#sentEnd;
  }
  /** The bytes that may leave before the peer's application has to read more. */
  get flowRoom(): number {
    return this.windowBytes - (this.#sentEnd - this.#remoteRead);
  }

  linkOf(n: number): number {
    return this.#links[n & this.#mask]!;
  }
  sentAt(n: number): number {
    return this.#sentAt[n & this.#mask]!;
  }
  lengthOf(n: number): number {
    return this.#lengths[n & this.#mask]!;
  }
  isResent(n: number): boolean {
    return (this.#flags[n & this.#mask]! & RESENT) !== 0;
  }
  isAcked(n: number): boolean {
    return n < this.base || (this.#flags[n & this.#mask]! & ACKED) !== 0;
  }
  /** The how-manieth packet on its link it was when it left last. */
  orderOf(n: number): number {
    return this.#orders[n & this.#mask]!;
  }
  /** The peer's application has read it. */
  isRead(n: number): boolean {
    const i = n & this.#mask;
    return this.#places[i]! + this.#lengths[i]! <= this.#remoteRead;
  }
  /** It was sent more than once, or is to be: where it has been read, only its acknowledgements were lost. */
  isRepeated(n: number): boolean {
    return (this.#flags[n & this.#mask]! & (LOST | RESENT)) !== 0;
  }
  /** Whether this is the transmission that counts: neither acknowledged, nor given up, nor repeated elsewhere. */
  isUnderWay(n: number, link: number, order: number): boolean {
    if (n < this.base) return false;
    const i = n & this.#mask;
    return (this.#flags[i]! & (ACKED | LOST)) === 0 && this.#links[i] === link && this.#orders[i] === order;
  }

  write(bytes: Uint8Array): void {
    this.#log.push(bytes);
    if (!this.isStream) this.#cutPacket(bytes.length);
  }

  /** The oldest packet that is to be sent again, or -1. */
  pollLost(): number {
    if (this.lost === 0) return -1;
    let n = Math.max(this.#lostFrom, this.base);
    while ((this.#flags[n & this.#mask]! & LOST) === 0) n++;
    this.#lostFrom = n;
    return n;
  }

  /** The next packet that was never sent, or -1: nothing written, no window, no place in the table. */
  pollNew(): number {
    if (this.next - this.base >= this.packetsMax) return -1;
    if (this.next < this.#cut) return this.flowRoom >= this.lengthOf(this.next) ? this.next : -1;
    const unsent = this.#log.end - this.#cutEnd;
    const room = this.flowRoom;
    if (!this.isStream || unsent === 0 || room <= 0) return -1;
    const length = Math.min(unsent, this.mtu, room);
    // A sliver of window is worth a packet only where nothing else is on its way that would bring more.
    if (length < unsent && length < Math.min(this.mtu, this.windowBytes >>> 2) && this.base < this.next) return -1;
    this.#cutPacket(length);
    return this.next;
  }

  /** Whether `pollNew` would have a packet. */
  get hasNew(): boolean {
    if (this.next - this.base >= this.packetsMax) return false;
    if (this.next < this.#cut) return this.flowRoom >= this.lengthOf(this.next);
    return this.#log.end > this.#cutEnd && this.flowRoom > 0;
  }

  copyData(n: number, into: Uint8Array, at: number): void {
    this.#log.copyTo(into, at, this.#places[n & this.#mask]!, this.lengthOf(n));
  }

  /** The packet leaves on this link. Answers the link that carried it until now, or NOWHERE. */
  carry(n: number, link: number, order: number, now: number): number {
    const i = n & this.#mask;
    const before = (this.#flags[i]! & LOST) === 0 ? this.#links[i]! : NOWHERE;
    if (n === this.next) {
      this.next++;
      this.#sentEnd += this.#lengths[i]!;
    } else {
      if ((this.#flags[i]! & LOST) !== 0) this.lost--;
      this.#flags[i] = RESENT;
    }
    this.#links[i] = link;
    this.#orders[i] = order;
    this.#sentAt[i] = now;
    return before;
  }

  /** It is to be sent again, unless the peer's application has read it already. False: it wasn't under way. */
  lose(n: number): boolean {
    const i = n & this.#mask;
    if (n < this.base || n >= this.next || (this.#flags[i]! & (ACKED | LOST)) !== 0) return false;
    if (this.isRead(n)) {
      this.#flags[i]! |= ACKED;
      return true;
    }
    this.#flags[i]! |= LOST;
    this.lost++;
    if (n < this.#lostFrom) this.#lostFrom = n;
    return true;
  }

  /** It has arrived. Answers the link that carried it, NOWHERE where none did any more, or -1 where that was known. */
  ack(n: number): number {
    const i = n & this.#mask;
    const flags = this.#flags[i]!;
    if (n < this.base || n >= this.next || (flags & ACKED) !== 0) return -1;
    this.#flags[i] = flags | ACKED;
    if ((flags & LOST) === 0) return this.#links[i]!;
    this.#flags[i]! &= ~LOST;
    this.lost--;
    return NOWHERE;
  }

  /** Lets go of what was acknowledged in a row. */
  advance(): void {
    const before = this.base;
    while (this.base < this.next && (this.#flags[this.base & this.#mask]! & ACKED) !== 0) this.base++;
    if (this.base > before) this.#release();
  }

  /** The peer's application has read so much. False: that is more than was sent. */
  remoteRead(bytes: number): boolean {
    const read = Math.min(bytes, this.#sentEnd);
    if (read <= this.#remoteRead) return false;
    this.#remoteRead = read;
    this.#unread = Math.max(this.#unread, this.base);
    while (this.#unread < this.next && this.isRead(this.#unread)) this.#unread++;
    this.#release();
    return true;
  }

  /** The session is over; nothing is sent any more. */
  clear(): void {
    this.base = this.next = this.#cut;
    this.lost = 0;
    this.#cutEnd = this.#log.end;
    this.#log.release(this.#log.end);
  }

  /** Whole packets of which the peer's application has read all are not kept, though their acknowledgements come later, on other links. */
  #release(): void {
    const first = Math.max(this.base, this.#unread);
    this.#log.release(first === this.#cut ? this.#cutEnd : this.#places[first & this.#mask]!);
  }

  #cutPacket(length: number): void {
    if (this.#cut - this.base > this.#mask) this.#grow();
    const i = this.#cut & this.#mask;
    this.#places[i] = this.#cutEnd;
    this.#lengths[i] = length;
    this.#flags[i] = 0;
    this.#links[i] = NOWHERE;
    this.#cut++;
    this.#cutEnd += length;
  }

  #grow(): void {
    const mask = (this.#mask + 1) * 2 - 1;
    const moved = <T extends Float64Array | Uint32Array | Uint8Array>(from: T, to: T): T => {
      for (let n = this.base; n < this.#cut; n++) to[n & mask] = from[n & this.#mask]!;
      return to;
    };
    this.#places = moved(this.#places, new Float64Array(mask + 1));
    this.#lengths = moved(this.#lengths, new Uint32Array(mask + 1));
    this.#flags = moved(this.#flags, new Uint8Array(mask + 1));
    this.#links = moved(this.#links, new Uint8Array(mask + 1));
    this.#sentAt = moved(this.#sentAt, new Float64Array(mask + 1));
    this.#orders = moved(this.#orders, new Float64Array(mask + 1));
    this.#mask = mask;
  }
}
