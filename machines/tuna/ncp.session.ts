import type { SlabPool } from '../dataplane/send-log.js';
import { Dispatch } from './ncp.dispatch.js';
import { Inbound } from './ncp.inbound.js';
import { NcpLink, RANGES_REPEATED } from './ncp.link.js';
import { ReadNews } from './ncp.news.js';
import { NOWHERE, Outbound } from './ncp.outbound.js';
import { aheadOf, nextSequence } from './ncp.sequence.js';
import { Striping } from './ncp.striping.js';
import { ackBytesMax, DATA_HEAD_BYTES_MAX, Packet, type NcpCodec } from './tuna.messages.js';
import type { NcpLimits } from './tuna.timing.js';

/** News for the charts. */
export type NcpSignal =
  | { type: 'peer.greeted' } // The handshake is done: both sides know each other's limits.
  | { type: 'peer.closed'; isFirstWord: boolean } // The peer closed the session; where a wire begins so, it does not know it.
  | { type: 'peer.strayed' } // Acceptor: it goes on with a session that nobody here knows.
  | { type: 'log.drained' } // Everything written was acknowledged.
  | { type: 'link.proven'; link: number } // The first valid packet on this wire.
  | { type: 'link.silent'; link: number }; // No sign of life, although asked.

export interface NcpSeed {
  readonly role: 'dialer' | 'acceptor';
  readonly codec: NcpCodec;
  readonly limits: NcpLimits;
  readonly pool: SlabPool;
  /** Connections at once, replacements included. */
  readonly links: number;
  /** What this side calls its connections, for the handshake. */
  readonly clientIds: readonly string[];
  /** Number of the first packet either side sends. Default 1; tests start near the wrap. */
  readonly first?: number;
}

/** Later packets of the same wire that have arrived, after which one counts as lost. Wires keep the order, so that three is patient. */
const REORDERED_PACKETS = 3;
/** A peer that names so many ranges may have more to name: the original's list ends here, in the order of numbers. */
const RANGES_SUSPECT = 32;
/** Ranges in one acknowledgement. The original sends 32 and reads any number. */
const RANGES_PER_ACK = 64;
/**
 * One NCP session over several connections, as both ends of the wire see it: packets in, packets out, bytes in order between
 * them. It is asked for packets link by link; whichever has room takes the next one. No time, no I/O, no events.
 * @rule NCP-4 NCP-5 NCP-6 NCP-7 NCP-13
 */
export class NcpSession {
  readonly outbound: Outbound;
  readonly inbound: Inbound;
  readonly links: readonly NcpLink[];
  readonly striping: Striping;
  readonly signals: NcpSignal[] = [];
  phase: 'idle' | 'calling' | 'established' | 'closing' = 'idle';
  /** Packets that were of no use: known already; too far ahead, or beyond the window. */
  duplicates = 0;
  dropped = 0;
  /** How the peer calls its connections, in its order; the answer to its handshake repeats that order. */
  peerIds: readonly string[] = [];
  #news: ReadNews;
  #packet = new Packet();
  #first: number;
  #peerKnows = false; // It has shown that it has our handshake.
  #draining = false;
  #repeatAt: number | undefined; // Of the handshake, then of the close.
  #dispatch: Dispatch;
  #taken = { starts: new Float64Array(RANGES_PER_ACK), counts: new Uint32Array(RANGES_PER_ACK) };
  #wireStarts = new Uint32Array(RANGES_PER_ACK);

  constructor(readonly seed: NcpSeed) {
    const { limits } = seed;
    this.#first = seed.first ?? 1;
    this.outbound = new Outbound(seed.pool, limits.isStream, limits.packetsMax, limits);
    this.inbound = new Inbound(limits.isStream, limits.packetsMax, limits.windowBytes, limits.mtu);
    this.#news = new ReadNews(limits, this.inbound);
    this.striping = new Striping(seed.links, limits.windowBytes);
    this.links = Array.from({ length: seed.links }, (_, i) => new NcpLink(i, limits, this.outbound));
    this.#dispatch = new Dispatch(limits, this.outbound, this.striping, this.links);
  }

  /** Packets sent more than once. */
  get resent(): number {
    return this.#dispatch.resent;
  }
  get isEstablished(): boolean {
    return this.phase === 'established' || this.phase === 'closing';
  }

  /** Dialer: says who it is on every link, and again until it is answered. */
  call(now: number): void {
    if (this.phase !== 'idle') return;
    this.phase = 'calling';
    this.#repeatAt = now;
    this.handleTimeout(now);
  }

  /** Takes no more bytes, and says when all are acknowledged. */
  drain(): void {
    this.#draining = true;
    this.#tellDrained();
  }

  /** Says close on every link, and again until the transport is gone. What is not acknowledged by now is lost. */
  close(now: number): void {
    this.#draining = true;
    this.phase = 'closing';
    this.#repeatAt = now;
    this.handleTimeout(now);
  }

  attach(link: number, now: number): void {
    const l = this.links[link]!;
    l.attach(now);
    this.striping.join(link);
    l.owesHandshake = this.phase === 'calling' || (this.seed.role === 'acceptor' && this.isEstablished && !this.#peerKnows);
    l.owesClose = this.phase === 'closing';
    // A wire that joins late is to be proven, and the peer may have nothing to say by itself: an original that has dialed again never has.
    l.owesProbe = this.phase === 'established';
  }

  /** What was under way on it goes to the others at once, and so do the acknowledgements it owed. */
  detach(link: number, now: number): void {
    const l = this.links[link]!;
    if (!l.isAttached) return;
    l.detach();
    this.striping.leave(link);
    l.flight.lose(Infinity);
    this.#settle();
    const heir = this.links.find((other) => other.isAttached) ?? l;
    if (heir !== l) l.owed.moveTo(heir.owed, now);
  }

  /** One packet that came in on a link; `more` bytes may follow in the same chunk. False: malformed, or nonsense. */
  receive(link: number, bytes: Uint8Array, start: number, end: number, now: number, more: number): boolean {
    const packet = this.#packet;
    const l = this.links[link]!;
    if (!this.seed.codec.read(bytes, start, end, packet)) return false;
    l.heard(now);
    if (packet.close) {
      this.signals.push({ type: 'peer.closed', isFirstWord: !l.isProven });
      return true;
    }
    const wasEstablished = this.isEstablished;
    if (packet.handshake !== undefined) {
      if (!this.#handleHandshake(l)) return false;
    } else if (this.isEstablished) this.#peerKnows = true;
    else if (this.seed.role === 'acceptor') this.signals.push({ type: 'peer.strayed' });
    const isNews = !wasEstablished && this.isEstablished;
    if (!l.isProven) {
      l.isProven = true;
      this.signals.push({ type: 'link.proven', link });
    }
    if (isNews) this.signals.push({ type: 'peer.greeted' });
    if (this.isEstablished) {
      if (packet.ranges > 0 && !this.#handleAcks(l, now)) return false;
      if (packet.bytesRead >= 0 && this.outbound.remoteRead(packet.bytesRead)) {
        this.#handleRead();
        this.#dispatch.unblock();
      }
    }
    return packet.sequence === 0 || this.#handleData(l, bytes, now, more);
  }

  /** Writes the next packet for a link into `into` from `at`; answers where it ends: at `at` where there is none that fits. */
  put(link: number, now: number, into: Uint8Array, at: number, to: number): number {
    const l = this.links[link]!;
    const { codec, limits } = this.seed;
    if (!l.isAttached || to - at < CONTROL_BYTES_MAX) return at;
    if (l.owesClose) {
      l.owesClose = false;
      return codec.putClose(into, at);
    }
    if (l.owesHandshake) {
      const handshake = this.#handshake();
      if (handshake.length > to - at) return at;
      l.owesHandshake = false;
      into.set(handshake, at);
      return at + handshake.length;
    }
    if (this.phase !== 'established') return at;
    if (l.owed.isDue) return this.#putAck(l, now, into, at);
    if (l.owesRead || this.#news.isDue(now)) {
      l.owesRead = false;
      const read = this.#news.tell(now);
      if (read > 0) return codec.putBytesRead(into, at, read);
    }
    if (l.owesProbe) {
      l.owesProbe = false;
      return codec.putDataHead(into, at, nextSequence(this.#first, this.outbound.base - 1), 0);
    }
    if (to - at < limits.mtu + DATA_HEAD_BYTES_MAX) return at;
    const n = this.#dispatch.choose(l, now);
    if (n < 0) return at;
    const length = this.outbound.lengthOf(n);
    const body = codec.putDataHead(into, at, nextSequence(this.#first, n), length);
    this.outbound.copyData(n, into, body);
    return body + length;
  }

  /** About how many bytes `put` would give for a link, so that a buffer of the right size is made for them; 0: nothing. */
  estimate(link: number, now: number): number {
    const l = this.links[link]!;
    if (!l.isAttached) return 0;
    const control = l.owesClose || l.owesHandshake || l.owesProbe || l.owesRead || l.owed.isDue || this.#news.isDue(now);
    if (this.phase !== 'established') return l.owesClose || l.owesHandshake ? HANDSHAKE_BYTES_MAX : 0;
    const { lost, mtu, unsentBytes, flowRoom, base, next } = this.outbound;
    const room = this.#dispatch.limitOf(l) - l.flight.bytes;
    const fresh = this.outbound.hasNew ? Math.min(unsentBytes, flowRoom, room) : 0;
    if (this.outbound.hasNew && room <= 0) l.pace.noteBusy(); // Exactly full is full: nothing else would ever tell the pace.
    const data = lost * mtu + Math.max(0, fresh);
    if (data === 0 && !control) return base < next && unsentBytes > 0 && this.striping.links > 1 ? mtu : 0;
    return data + CONTROL_BYTES_MAX + (data === 0 ? 0 : mtu);
  }

  handleTimeout(now: number): void {
    const { limits } = this.seed;
    if (this.#repeatAt !== undefined && now >= this.#repeatAt) {
      const isCall = this.phase === 'calling';
      for (const l of this.links) {
        if (isCall) l.owesHandshake = l.isAttached;
        else l.owesClose = l.isAttached;
      }
      this.#repeatAt = now + (isCall ? limits.handshakeRepeatMs : limits.closeRepeatMs);
    }
    if (this.#news.handleTimeout(now)) for (const l of this.links) l.owesRead = l.isAttached;
    this.#dispatch.handleTimeout(now);
    for (const l of this.links) if (l.isAttached) this.#handleLinkTimeout(l, now);
  }

  nextTimeout(): number | undefined {
    let at = Math.min(this.#repeatAt ?? Infinity, this.#dispatch.persistAt, this.#news.nextTimeout());
    for (const l of this.links) if (l.isAttached) at = Math.min(at, l.nextTimeout());
    return at === Infinity ? undefined : at;
  }

  /** Something suggests that links may be dead: ask all of them, and don't wait long. */
  probe(now: number, timeoutMs: number): void {
    for (const l of this.links) if (l.isAttached && l.health.probeNow(now, timeoutMs)) l.owesProbe = true;
  }

  #handleHandshake(l: NcpLink): boolean {
    const { clientIds, windowBytes, mtu } = this.#packet.handshake!;
    if (clientIds.length === 0 || windowBytes === 0 || mtu === 0) return false;
    if (this.seed.role === 'acceptor') l.owesHandshake = !this.#peerKnows; // Said again, because the answer may have been lost.
    if (this.isEstablished) return true;
    if (this.seed.role === 'dialer' && this.phase === 'idle') return true;
    this.peerIds = clientIds;
    this.outbound.windowBytes = Math.min(this.outbound.windowBytes, windowBytes);
    this.outbound.mtu = Math.min(this.outbound.mtu, mtu);
    this.striping.windowBytes = this.outbound.windowBytes;
    this.striping.scale();
    this.phase = 'established';
    this.#repeatAt = undefined;
    if (this.seed.role === 'acceptor') for (const other of this.links) other.owesHandshake = other.isAttached;
    for (const other of this.links) if (this.seed.role === 'dialer') other.owesHandshake = false;
    return true;
  }

  #handshake(): Uint8Array {
    const { limits, role, clientIds } = this.seed;
    // Both sides pair connections by index: the answer has the ids in the order of who asked (tuna-ncp.md, 2.7).
    const ids = role === 'acceptor' && this.peerIds.length > 0 ? this.peerIds : clientIds;
    return this.seed.codec.putHandshake({ clientIds: ids, windowBytes: limits.windowBytes, mtu: limits.mtu });
  }

  #handleAcks(l: NcpLink, now: number): boolean {
    const { outbound } = this;
    const { starts, counts, ranges } = this.#packet;
    const base = outbound.base;
    const baseSequence = nextSequence(this.#first, base);
    let budget = 4 * this.seed.limits.packetsMax; // A hostile list names the same packets again and again.
    let newestAt = -Infinity;
    let oldestAt = Infinity;
    let delivered = 0;
    for (let i = 0; i < ranges && budget > 0; i++) {
      if (counts[i] === 0 || starts[i] === 0) return false;
      const from = base + aheadOf(baseSequence, starts[i]!);
      const last = from + counts[i]! - 1;
      if (last < base || last >= outbound.next) continue;
      for (let n = Math.max(from, base); n <= last; n++) {
        budget--;
        const link = outbound.ack(n);
        if (link < 0) continue;
        const bytes = outbound.lengthOf(n);
        if (link === NOWHERE) continue;
        this.links[link]!.flight.bytes -= bytes;
        this.striping.delivered(link, bytes);
        this.links[link]!.progressAt = now;
        if (link !== l.index) continue;
        delivered += bytes;
        const sentAt = outbound.sentAt(n);
        const isResent = outbound.isResent(n);
        // Of one that was sent twice it may be the first that is acknowledged, where that could be; nobody can tell its time (Karn).
        if (!isResent || (now - sentAt >= l.trip.leastMs && ranges < RANGES_SUSPECT)) l.acked(outbound.orderOf(n), sentAt);
        if (isResent) continue;
        if (sentAt > newestAt) newestAt = sentAt;
        if (sentAt < oldestAt) oldestAt = sentAt;
      }
    }
    outbound.advance();
    if (newestAt > -Infinity) {
      l.trip.measured(now - oldestAt);
      l.pace.delivered(delivered, now - newestAt, l.trip.smoothedMs, now);
    }
    l.flight.lose(l.newestAckedAt - l.trip.reorderMs, l.newestOrder - REORDERED_PACKETS);
    this.striping.scale();
    this.#settle();
    return true;
  }

  /**
   * What the peer's application has read has arrived. The original loses acknowledgements with a link, and acknowledges what comes twice
   * ever more slowly: without this, two could repeat the same packets to each other for good.
   */
  #handleRead(): void {
    const { outbound } = this;
    for (let n = outbound.base; n < outbound.next && outbound.isRead(n); n++) {
      if (!outbound.isRepeated(n)) continue; // The others' acknowledgements bring their round trips.
      const link = outbound.ack(n);
      if (link >= 0 && link !== NOWHERE) this.links[link]!.flight.bytes -= outbound.lengthOf(n);
    }
    this.#settle();
  }

  #handleData(l: NcpLink, bytes: Uint8Array, now: number, more: number): boolean {
    const { inbound } = this;
    const { sequence, dataStart, dataEnd } = this.#packet;
    if (dataEnd - dataStart > this.seed.limits.mtu) return false;
    const n = inbound.base + aheadOf(nextSequence(this.#first, inbound.base), sequence);
    const arrival = inbound.accept(n, bytes, dataStart, dataEnd, more);
    if (arrival === 'new' || arrival === 'duplicate') l.owed.add(n, arrival === 'duplicate', now, dataEnd - dataStart);
    if (arrival === 'duplicate') this.duplicates++;
    else if (arrival !== 'new') this.dropped++;
    return true;
  }

  #putAck(l: NcpLink, now: number, into: Uint8Array, at: number): number {
    const { starts, counts } = this.#taken;
    let ranges = l.owed.take(this.#taken, RANGES_PER_ACK - RANGES_REPEATED, now);
    for (let i = 0; i < ranges; i++) this.#wireStarts[i] = nextSequence(this.#first, starts[i]!);
    const repeated = Math.max(0, ranges - RANGES_REPEATED);
    const fresh = ranges;
    for (let i = 0; i < l.told; i++) {
      this.#wireStarts[ranges] = l.toldStarts[i]!;
      counts[ranges++] = l.toldCounts[i]!;
    }
    l.told = fresh - repeated;
    for (let i = 0; i < l.told; i++) {
      l.toldStarts[i] = this.#wireStarts[repeated + i]!;
      l.toldCounts[i] = counts[repeated + i]!;
    }
    return this.seed.codec.putAck(into, at, this.#wireStarts, counts, ranges, this.#news.tell(now));
  }

  #handleLinkTimeout(l: NcpLink, now: number): void {
    l.owed.handleTimeout(now);
    if (now >= l.tailAt) {
      l.retriedAt = now;
      l.flight.loseOldest();
      this.#settle();
    }
    const rtoAt = l.rtoAt;
    if (rtoAt !== undefined && now >= rtoAt) {
      const canMove = this.links.some((other) => other !== l && other.isAttached && !other.isStalled);
      // Elsewhere it goes at once, all of it; on a lone link what has not taken too long may still be answered.
      l.flight.lose(canMove ? Infinity : now - l.trip.rtoMs + 0.001);
      this.#settle();
      l.trip.backOff();
      l.isStalled = true;
      this.striping.lost(l.index);
      this.striping.scale();
      if (l.health.probeNow(now, this.seed.limits.probeTimeoutMs)) l.owesProbe = true;
    }
    switch (l.health.handleTimeout(now)) {
      case 'probe':
        if (this.isEstablished) l.owesProbe = true;
        else l.health.start(now); // Before the handshake there are other timeouts.
        break;
      case 'dead':
        this.signals.push({ type: 'link.silent', link: l.index });
        break;
      case 'quiet':
    }
  }

  /** After packets were given up: those that the peer has read were acknowledged instead. */
  #settle(): void {
    this.outbound.advance();
    this.#tellDrained();
  }

  #tellDrained(): void {
    if (!this.#draining || this.phase === 'closing' || this.outbound.queuedBytes > 0) return;
    if (this.outbound.base < this.outbound.next) return; // Empty packets are packets too.
    this.#draining = false;
    this.signals.push({ type: 'log.drained' });
  }
}

/** An acknowledgement of as many ranges as there may be in one. */
const CONTROL_BYTES_MAX = ackBytesMax(RANGES_PER_ACK);
const HANDSHAKE_BYTES_MAX = 4096;
