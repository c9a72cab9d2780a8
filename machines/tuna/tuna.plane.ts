import { Framer, type FrameHead } from '../dataplane/framer.js';
import type { Room, Step } from '../dataplane/plane.js';
import { SessionError } from '../errors.js';
import type { SessionPlane } from '../protocol.js';
import type { NcpSessionInput, NcpSignal } from './ncp.seed.js';
import { NcpSession } from './ncp.session.js';
import { Strikes, type FaultPart } from './strikes.js';
import { DATA_HEAD_BYTES_MAX, type Fault } from './tuna.messages.js';
import type { AddressBook } from './tuna.addresses.js';
import { LinkAddresses } from './link-addresses.js';
import type { ConnsState } from './conns-state.js';
import { SessionConns } from './session-conns.js';
import type { TunaLimits } from './tuna.timing.js';

/** The frame around each packet on a wire: a length, and where there are keys a sealed box. */
export interface Envelope extends FrameHead {
  /** Bytes in front of a packet and behind it. */
  readonly before: number;
  readonly after: number;
  /** The packet lies in `into` behind `before`; what surrounds it is filled in, and the packet is sealed where it lies. */
  seal(into: Uint8Array, at: number, packetBytes: number): void;
  /** The frame from `start` to `end` is opened: its packet lies in `bytes` until the next call. False: it is not for us. */
  open(frame: Uint8Array, start: number, end: number): boolean;
  readonly bytes: Uint8Array;
  readonly start: number;
  readonly end: number;
}

/** News for the charts. */
export type TunaSignal =
  | NcpSignal
  | { type: 'link.corrupt'; link: number; code: Fault['code'] } // The peer broke a rule: this wire is of no more use.
  | { type: 'peer.violated'; fault: Fault }; // It did so again and again, or at the beginning: the session is over.

export interface TunaPlaneInput extends NcpSessionInput {
  readonly limits: TunaLimits;
  /** Dialer: the peer was there a moment ago, so a failed dial of each link is no reason to give up. */
  readonly isSuccessor?: boolean;
  /** Dialer: where the peer is asked for its addresses; without it links dial the targets of the connection. */
  readonly addresses?: AddressBook | undefined;
  /** Dialer: where the first wire is dialed, where that is known. */
  readonly target?: string | undefined;
  /** Acceptor: what the opening of the first wire said. */
  readonly offer?: { readonly link?: number; readonly listener?: string | undefined } | undefined;
  readonly envelope: Envelope;
  /** The frames that a dialer sends first on the wire of a link. */
  opening(link: number): Uint8Array | undefined;
  /** Frames that an accepted wire begins with; the listener has read them. */
  readonly openingFrames: number;
}

/** Frames gathered for one write. Large enough that a write costs little, small enough that links take turns. */
const TRANSMIT_BYTES = 64 << 10;
/** Gathered writes go out in the middle of a turn when there are this many bytes of them. */
const FLUSH_BYTES = 64 << 10;
/**
 * After a wire that ended without a word, the next opening is sent alone for this long: a peer that then closes has read all there
 * was, and its system says so by an end instead of a reset. Chosen without measurement.
 */
const OPENING_ALONE_MS = 200;
/** Bytes that a frame may hold beyond `mtu`: as much as nkn-tuna-session allows. */
const FRAME_SLACK_BYTES = 1024;

/** One wire's side of things: its half-read frame, and what is to be said on it before anything else. */
class TunaLink {
  readonly framer: Framer;
  opening: Uint8Array | undefined;
  skip = 0; // Frames that the listener has read.
  fault: Uint8Array | undefined; // The last words on this wire, as a packet.
  isIgnoringInput = true;
  isDirty = false;
  heldUntil = 0; // Nothing follows the opening before this, unless the peer has spoken.

  constructor(head: FrameHead, frameBytesMax: number) {
    this.framer = new Framer(head, frameBytesMax);
  }
}

/**
 * An NCP session whose packets travel in frames over several wires. It speaks the plane's language to the pump and the session's
 * below; a wire that brings nonsense is of no more use, and the session lives on the others.
 * @rule NCP-14 TUNA-2
 */
export class TunaPlane implements SessionPlane<Uint8Array, TunaSignal> {
  readonly ncp: NcpSession;
  /** Where its links dial. */
  readonly addresses: LinkAddresses;
  /** Which wires it has, as its chart knows. */
  connsOf: () => ConnsState;
  /** When an orderly close has to be over, as its chart says. */
  lingersUntil = Infinity;
  #pieceBytes = 0; // Of the last write.
  #links: TunaLink[] = [];
  #dirty: number[] = [];
  #pending: TunaSignal[] = [];
  readonly #strikes: Strikes;
  readonly #frameBytesMax: number;

  constructor(readonly input: TunaPlaneInput) {
    this.ncp = new NcpSession(input);
    const links = input.links >>> 1;
    this.addresses = new LinkAddresses(links);
    const none = new SessionConns(links).state;
    this.connsOf = () => none;
    this.#strikes = new Strikes(input.limits.numTunaListeners);
    this.#frameBytesMax = input.limits.mtu + FRAME_SLACK_BYTES + input.envelope.headBytes;
    for (let i = 0; i < input.links; i++) this.#links.push(new TunaLink(input.envelope, this.#frameBytesMax));
  }

  get conns(): SessionConns {
    return new SessionConns(this.connsOf());
  }

  // Commands of the charts.

  /** Dialer: says who it is, until it is answered. */
  call(now: number): void {
    this.ncp.call(now);
  }
  /** Delivers to the application from here on. */
  open(): void {
    this.ncp.inbound.open();
  }
  /** Takes no more bytes, and says when all are read, or nothing is being read. */
  drain(): void {
    this.ncp.drain();
  }
  /** Says close, and again until the wires are gone. */
  close(now: number): void {
    this.ncp.close(now);
  }
  /** Something suggests that wires may be dead: ask all of them. */
  probe(now: number, timeoutMs: number): void {
    this.ncp.probe(now, timeoutMs);
  }
  /** Acceptor: a wire leaves the reserve, or joins it. */
  enlist(link: number, now: number): void {
    this.ncp.enlist(link, now);
  }
  retire(link: number): void {
    this.ncp.retire(link);
  }
  /** One side has said that it goes. */
  get isClosing(): boolean {
    return this.ncp.sending !== 'taking';
  }
  get isOpen(): boolean {
    return this.ncp.inbound.isOpen;
  }

  // The pump's side.

  attach(link: number, now: number): void {
    while (this.#links.length <= link) this.#links.push(new TunaLink(this.input.envelope, this.#frameBytesMax));
    const l = this.#links[link]!;
    l.framer.reset();
    l.isIgnoringInput = false;
    l.opening = this.input.opening(link);
    l.skip = this.input.openingFrames;
    l.fault = undefined;
    const { conns } = this;
    const isDoubted = l.opening !== undefined && this.ncp.isEstablished && conns.doubts.wordless > 0;
    l.heldUntil = isDoubted ? now + OPENING_ALONE_MS : 0;
    const rival = this.input.role === 'acceptor' && conns.links > 0 ? conns.rivalOf(link) : -1;
    this.ncp.attach(link, now, rival >= 0 && conns.phaseOf(rival) === 'joined', conns.links > 0 && conns.isReserve(link));
  }

  detach(link: number, now: number): void {
    const l = this.#links[link]!;
    l.framer.reset();
    l.isIgnoringInput = true;
    l.fault = undefined;
    this.ncp.detach(link, now);
  }

  handleBytes(link: number, bytes: Uint8Array, lent: boolean): void {
    const l = this.#links[link]!;
    if (l.isIgnoringInput) return;
    l.heldUntil = 0;
    l.framer.push(bytes, lent);
    if (!l.isDirty) this.#dirty.push(link);
    l.isDirty = true;
  }

  step(now: number): Step {
    const { inbound } = this.ncp;
    while (this.#signals === 0) {
      const link = this.#dirty[0];
      if (link === undefined) {
        if (inbound.hasDelivery) return 'message';
        inbound.rest();
        return 'idle';
      }
      const l = this.#links[link]!;
      const framed = l.isIgnoringInput ? 'more' : l.framer.poll();
      if (framed === 'more') {
        this.#dirty.shift();
        l.isDirty = false;
      } else if (framed === 'oversized') this.#reportCorrupt(link, { code: 'oversized', rule: 'NCP-14' }, 'packet');
      else {
        this.#handleFrame(link, l, now);
        if (inbound.deliveryBytes >= TRANSMIT_BYTES || (!this.input.limits.isStream && inbound.hasDelivery)) return 'message';
      }
    }
    return inbound.hasDelivery ? 'message' : 'signal'; // Earlier data is delivered before the signal.
  }

  handleTimeout(now: number): void {
    for (const l of this.#links) if (l.heldUntil <= now) l.heldUntil = 0;
    this.ncp.handleTimeout(now);
  }
  nextTimeout(): number | undefined {
    let at = this.ncp.nextTimeout() ?? Infinity;
    for (const { heldUntil } of this.#links) if (heldUntil > 0 && heldUntil < at) at = heldUntil;
    return at === Infinity ? undefined : at;
  }

  write(bytes: Uint8Array): Room {
    const { limits } = this.input;
    const { outbound } = this.ncp;
    if (this.isClosing) throw new SessionError('closed', 'this connection is closing; nothing more can be written');
    if (bytes.length > this.#pieceBytesMax) {
      const why = limits.isStream ? 'are taken at once' : 'fit a packet';
      throw new SessionError('too-large', `a message of ${bytes.length} bytes is above the ${this.#pieceBytesMax} that ${why}`);
    }
    if (!this.#hasRoomFor(bytes.length))
      throw new SessionError('queue-full', `${this.#queued} are queued; wait for drained() before writing more`);
    if (bytes.length > 0) outbound.write(bytes);
    this.#pieceBytes = bytes.length;
    if (outbound.unsentBytes >= limits.sendBytesHigh || !this.#hasRoomForMore) return 'wait';
    return outbound.unsentBytes >= FLUSH_BYTES && outbound.hasNew ? 'flush' : 'room';
  }

  pollTransmit(link: number, now: number): Uint8Array | undefined {
    const l = this.#links[link]!;
    if (l.opening !== undefined) {
      const { opening } = l;
      l.opening = undefined;
      return opening;
    }
    if (l.fault !== undefined) return this.#lastWords(l, l.fault);
    if (l.isIgnoringInput || l.heldUntil > now) return undefined;
    const wanted = this.ncp.estimate(link, now);
    if (wanted === 0) return undefined;
    const { envelope } = this.input;
    const { mtu } = this.ncp.outbound; // The smaller of both sides', once the handshake has told.
    const around = envelope.before + envelope.after;
    const perPacket = around + DATA_HEAD_BYTES_MAX;
    const whole = wanted + (Math.ceil(wanted / mtu) + 1) * perPacket;
    const into = new Uint8Array(Math.min(whole, TRANSMIT_BYTES + mtu + perPacket));
    let at = 0;
    for (;;) {
      const start = at + envelope.before;
      if (start + envelope.after >= into.length) break;
      const end = this.ncp.put(link, now, into, start, into.length - envelope.after);
      if (end === start) break;
      envelope.seal(into, at, end - start);
      at = end + envelope.after;
    }
    return at === 0 ? undefined : into.subarray(0, at);
  }

  pollMessage(): Uint8Array | undefined {
    return this.ncp.inbound.poll();
  }

  pollSignal(): TunaSignal | undefined {
    return this.#pending.shift() ?? this.ncp.signals.shift();
  }

  hasRoom(): boolean {
    return this.ncp.outbound.unsentBytes <= this.input.limits.sendBytesHigh / 2 && this.#hasRoomForMore;
  }

  // Called by the application's side.

  /** For another piece like the last one, and for a quarter of the whole: a writer that waits when `write` says so is never refused. */
  get #hasRoomForMore(): boolean {
    const { sendBytesMax, packetsMax } = this.input.limits;
    const more = Math.max(this.#pieceBytes, sendBytesMax / 4);
    return this.ncp.outbound.queuedBytes + more <= sendBytesMax && this.#packetsQueued < packetsMax;
  }
  canTake(payloadBytes: number): boolean {
    return payloadBytes > this.#pieceBytesMax || this.#hasRoomFor(payloadBytes);
  }
  #hasRoomFor(bytes: number): boolean {
    const { sendBytesMax, packetsMax } = this.input.limits;
    return this.ncp.outbound.queuedBytes + bytes <= sendBytesMax && this.#packetsQueued < 2 * packetsMax;
  }
  /** The most that one `write` may ever bring. */
  get #pieceBytesMax(): number {
    const { isStream, sendBytesMax } = this.input.limits;
    const { mtu, windowBytes } = this.ncp.outbound;
    return isStream ? sendBytesMax : Math.min(mtu, windowBytes, sendBytesMax);
  }
  get #queued(): string {
    const { sendBytesMax, packetsMax } = this.input.limits;
    if (this.#packetsQueued >= 2 * packetsMax) return `${this.#packetsQueued} of ${2 * packetsMax} packets`;
    return `${this.ncp.outbound.queuedBytes} of ${sendBytesMax} bytes`;
  }
  /** Messages are packets, which are bounded in number too; the packets of a stream are not made before they go. */
  get #packetsQueued(): number {
    const { packetsWritten, base } = this.ncp.outbound;
    return this.input.limits.isStream ? 0 : packetsWritten - base;
  }
  holdBack(bytes: number): void {
    this.ncp.inbound.holdBack(bytes);
  }
  /** In a stream bytes are counted, else messages. */
  get accepted(): number {
    return this.input.limits.isStream ? this.ncp.outbound.written : this.ncp.outbound.packetsWritten;
  }
  get handed(): number {
    return this.input.limits.isStream ? this.ncp.outbound.sent : this.ncp.outbound.next;
  }
  /** Received by the peer; whether its application has read it, NCP says in bytes (`stats.read`). */
  get acknowledged(): number {
    return this.input.limits.isStream ? this.ncp.outbound.acknowledged : this.ncp.outbound.base;
  }
  /** Bytes that the peer's application has read: an acknowledgement says that they arrived, no more. */
  get taken(): number | undefined {
    return this.input.limits.isStream ? this.ncp.outbound.read : undefined;
  }
  get queuedBytes(): number {
    return this.ncp.outbound.queuedBytes;
  }
  /** An acknowledgement of NCP says that bytes arrived, not that they were read: until then their fate is unknown. @rule TUNA-8 */
  get fate(): { read: number; unknown: number; unsent: number } {
    const { read, sent, written } = this.ncp.outbound;
    return { read, unknown: sent - read, unsent: written - sent };
  }
  get stats(): Readonly<Record<'received' | 'read' | 'duplicates' | 'dropped' | 'resent' | 'links' | 'queuedBytes', number>> {
    const { inbound, outbound, duplicates, dropped, resent, striping } = this.ncp;
    const { read, queuedBytes } = outbound;
    return { received: inbound.received, read, duplicates, dropped, resent, links: striping.links, queuedBytes };
  }

  get #signals(): number {
    return this.#pending.length + this.ncp.signals.length;
  }

  #handleFrame(link: number, l: TunaLink, now: number): void {
    if (l.skip > 0) {
      l.skip--;
      return;
    }
    const { envelope } = this.input;
    const { bytes, start, end } = l.framer;
    const { ncp } = this;
    if (!envelope.open(bytes, start, end)) this.#reportCorrupt(link, { code: 'malformed', rule: 'TUNA-4' }, 'packet');
    else if (!ncp.receive(link, envelope.bytes, envelope.start, envelope.end, now, bytes.length - start))
      this.#reportCorrupt(link, ncp.refusal.fault, ncp.refusal.part);
  }

  /**
   * The peer broke a rule on this wire. It is said there, unless nothing has shown yet that it is the peer, and where it does so
   * again and again on every link. Bytes that may be a recording end no more than their wire.
   * @rule NCP-16
   */
  #reportCorrupt(link: number, fault: Fault, part: FaultPart): void {
    const { ncp, input } = this;
    const l = ncp.links[link]!;
    this.#links[link]!.isIgnoringInput = true;
    const isPeer = l.hasSpoken && !l.isChallenged && !l.isReserve;
    const isFalseStart = input.role === 'acceptor' && !ncp.isEstablished && fault.rule === 'NCP-5';
    const isOver = isPeer && (isFalseStart || this.#strikes.strike(part, ncp.inbound.base, ncp.outbound.base));
    if (isOver) {
      const words = input.codec.putFault(fault, true);
      for (const each of this.#links) {
        if (each.opening === undefined) each.fault = words;
        each.isIgnoringInput = true;
      }
      this.#pending.push({ type: 'peer.violated', fault });
      return;
    }
    if (l.hasSpoken || input.role === 'acceptor') this.#links[link]!.fault = input.codec.putFault(fault, false);
    this.#pending.push({ type: 'link.corrupt', link, code: fault.code });
  }

  #lastWords(l: TunaLink, packet: Uint8Array): Uint8Array {
    const { envelope } = this.input;
    const frame = new Uint8Array(envelope.before + packet.length + envelope.after);
    frame.set(packet, envelope.before);
    envelope.seal(frame, 0, packet.length);
    l.fault = undefined;
    return frame;
  }
}
