import { SENDING_PHASES, type SendingPhase } from '../dataplane/sending-phases.js';
import { step } from '../phase-table.js';
import { AckWriter, RANGES_PER_ACK } from './ncp.ack-writer.js';
import { Dispatch } from './ncp.dispatch.js';
import { AckReader } from './ncp.ack-reader.js';
import { Lateness } from './lateness.js';
import { Refusal, signalOf } from './ncp.faults.js';
import { HandshakeState } from './ncp.handshake.js';
import { Inbound } from './ncp.inbound.js';
import { NcpLink } from './ncp.link.js';
import { ReadNews } from './ncp.news.js';
import { Outbound } from './ncp.outbound.js';
import { NCP_PHASES, type NcpPhase } from './ncp.phases.js';
import { aheadOf, nextSequence, unusedSequence } from './ncp.sequence.js';
import type { NcpSessionInput, NcpSignal } from './ncp.seed.js';
import { Striping } from './ncp.striping.js';
import { ackBytesMax, DATA_HEAD_BYTES_MAX, Packet } from './tuna.messages.js';

/**
 * One NCP session over several connections, as both ends of the wire see it: packets in, packets out, bytes in order between
 * them. It is asked for packets link by link; whichever has room takes the next one. No time, no I/O, no events.
 * @rule NCP-4 NCP-5 NCP-6 NCP-7 NCP-13
 */
export class NcpSession {
  readonly outbound: Outbound;
  readonly inbound: Inbound;
  readonly links: NcpLink[];
  readonly striping: Striping;
  readonly signals: NcpSignal[] = [];
  phase: NcpPhase = NCP_PHASES.initial;
  sending: SendingPhase = SENDING_PHASES.initial;
  /** Packets that were of no use: known already; too far ahead, or beyond the window. */
  duplicates = 0;
  dropped = 0;
  readonly handshake: HandshakeState;
  /** The fault of the last packet that `receive` refused. */
  readonly refusal = new Refusal();
  #news: ReadNews;
  #lateness = new Lateness();
  #packet = new Packet();
  #first: number;
  #acks: AckReader;
  #readProgressAt = Infinity; // While draining: when the peer's application last read something, or a link came.
  #closeRepeatAt: number | undefined;
  #dispatch: Dispatch;
  #ackWriter: AckWriter;

  constructor(readonly input: NcpSessionInput) {
    const { limits } = input;
    this.#first = input.first ?? 1;
    this.outbound = new Outbound(input.pool, limits.isStream, limits.packetsMax, limits);
    this.inbound = new Inbound(limits.isStream, limits.packetsMax, limits.windowBytes, limits.mtu);
    this.#news = new ReadNews(limits, this.inbound);
    this.#ackWriter = new AckWriter(this.#first, input.codec, this.#news);
    this.striping = new Striping(input.links, limits.windowBytes);
    this.links = Array.from({ length: input.links }, (_, i) => new NcpLink(i, limits, this.outbound));
    this.#dispatch = new Dispatch(limits, this.outbound, this.striping, this.links);
    this.#acks = new AckReader(this.#first, limits, this.outbound, this.striping, this.links);
    this.handshake = new HandshakeState(input);
  }

  get resent(): number {
    return this.#dispatch.resent;
  }
  get isEstablished(): boolean {
    return this.phase === 'established' || this.phase === 'closing';
  }
  get peerIds(): readonly string[] {
    return this.handshake.peerIds;
  }

  /** Dialer: says who it is on every link, and again until it is answered. */
  call(now: number): void {
    if (this.phase !== 'idle') return;
    this.phase = step(NCP_PHASES, this.phase, 'call');
    this.handshake.repeat(now);
    this.handleTimeout(now);
  }

  /** Takes no more bytes, and says when the peer's application has read all of them, or when it has stopped reading. */
  drain(): void {
    this.sending = step(SENDING_PHASES, this.sending, 'drain');
    this.#readProgressAt = Infinity; // From the next look on.
    this.#dispatch.isDraining = true;
    this.#dispatch.unblock();
    this.#tellDrained();
  }

  /** Says close on every link, and again until the transport is gone. Bytes without an acknowledgement by now are lost. */
  close(now: number): void {
    this.sending = step(SENDING_PHASES, this.sending, 'close');
    for (const l of this.links) l.owesRead = l.isAttached && this.isEstablished;
    this.phase = step(NCP_PHASES, this.phase, 'close');
    this.handshake.settle();
    this.#closeRepeatAt = now;
    this.handleTimeout(now);
  }

  /**
   * A wire joins. `isRival`: it is to replace one that lives. Its bytes may be a recording then, so it has to acknowledge a number
   * that was never used before it counts, and it carries nothing else until it has.
   * @rule TUNA-6
   */
  attach(link: number, now: number, isRival = false, isReserve = false): void {
    while (this.links.length <= link) {
      this.links.push(new NcpLink(this.links.length, this.input.limits, this.outbound));
      this.striping.grow();
    }
    const l = this.links[link]!;
    l.attach(now);
    l.owesHandshake =
      this.phase === 'calling' || (this.input.role === 'acceptor' && this.isEstablished && !this.handshake.peerKnows);
    l.owesClose = this.phase === 'closing';
    // A wire that joins late is to be proven, and the peer may have nothing to say by itself: an original that has dialed again never has.
    l.owesProbe = this.phase === 'established';
    if (isReserve) l.rest();
    else if (isRival && this.isEstablished) this.#challenge(l, now);
    else this.striping.join(link);
    this.#readProgressAt = now;
  }

  /** A wire that was kept in reserve gets a place, once it has acknowledged a number drawn for it. @rule TUNA-10 */
  enlist(link: number, now: number): void {
    const l = this.links[link]!;
    if (!l.isAttached || !l.isReserve) return;
    l.rise(now);
    this.#challenge(l, now);
  }
  #challenge(l: NcpLink, now: number): void {
    l.challenge(unusedSequence(this.#first, this.outbound.base, this.input.entropy), now);
  }

  /** A wire that carries packets goes to the reserve: what was under way on it goes to the others. @rule TUNA-10 */
  retire(link: number): void {
    const l = this.links[link]!;
    if (!l.isAttached || l.isReserve) return;
    l.rest();
    this.striping.leave(link);
    l.flight.lose(Infinity);
    this.#settle();
  }

  detach(link: number, now: number): void {
    const l = this.links[link]!;
    if (!l.isAttached) return;
    l.detach();
    this.striping.leave(link);
    l.flight.lose(Infinity);
    this.#settle();
    const heir = this.links.find((other) => other.carries) ?? l;
    if (heir !== l) l.owed.moveTo(heir.owed, now);
  }

  /** One packet that came in on a link; `more` bytes may follow in the same chunk. False: a rule is broken, `refusal` says which. */
  receive(link: number, bytes: Uint8Array, start: number, end: number, now: number, more: number): boolean {
    const packet = this.#packet;
    const l = this.links[link]!;
    if (!this.input.codec.read(bytes, start, end, packet)) return this.refusal.of('malformed', 'NCP-14', 'packet');
    l.received(now);
    const isFirstWord = !l.hasSpoken;
    l.hasSpoken = true;
    if (packet.fault !== undefined) {
      this.signals.push(signalOf(packet.fault, packet.close, l, this.isEstablished));
      return true;
    }
    if (packet.close) {
      if (!l.isChallenged && !l.isReserve) this.signals.push({ type: 'peer.closed', isFirstWord, hasGap: this.inbound.hasGap });
      return true;
    }
    const wasEstablished = this.isEstablished;
    if (packet.handshake !== undefined) {
      if (!this.#handleHandshake(l, now)) return this.refusal.of('violated', 'NCP-5', 'packet');
    } else if (this.isEstablished) this.handshake.settle();
    else if (this.input.role === 'acceptor') this.signals.push({ type: 'peer.unknown-session' });
    const isNews = !wasEstablished && this.isEstablished;
    const hasUse = this.input.role === 'acceptor' && packet.handshake === undefined && this.isEstablished;
    if (hasUse && l.noteUse()) this.signals.push({ type: 'link.wanted', link });
    if (l.isChallenged && packet.ranges > 0 && l.meets(packet)) this.striping.join(link);
    if (!l.isProven && !l.isChallenged && !l.isReserve) {
      l.isProven = true;
      this.signals.push({ type: 'link.proven', link });
    }
    if (isNews) this.signals.push({ type: 'handshake.done', peerLinks: this.peerIds.length });
    if (this.isEstablished) {
      if (packet.ranges > 0) {
        if (!this.#acks.handle(packet, l, now)) return this.refusal.of('malformed', 'NCP-7', 'acks');
        this.#settle();
      }
      if (packet.bytesRead >= 0 && this.outbound.remoteRead(packet.bytesRead)) {
        this.#readProgressAt = now;
        this.#acks.handleRead();
        this.#settle();
        this.#dispatch.unblock();
      }
    }
    return packet.sequence === 0 || this.#handleData(l, bytes, now, more);
  }

  /** Writes the next packet for a link into `into` from `at`; answers where it ends: at `at` where there is none that fits. */
  put(link: number, now: number, into: Uint8Array, at: number, to: number): number {
    const l = this.links[link]!;
    const { codec } = this.input;
    if (!l.isAttached || to - at < CONTROL_BYTES_MAX) return at;
    if (l.owesClose) {
      // The count of bytes read goes first: it tells the peer the fate of its bytes.
      const read = l.owesRead ? this.#news.tell(now) : 0;
      l.owesRead = false;
      if (read > 0) return codec.putBytesRead(into, at, read);
      l.owesClose = false;
      return codec.putClose(into, at);
    }
    if (l.owesHandshake) {
      const handshake = this.handshake.ours();
      if (handshake.length > to - at) return at;
      l.owesHandshake = false;
      into.set(handshake, at);
      return at + handshake.length;
    }
    if (this.phase !== 'established') return at;
    if (l.isReserve) return l.owed.isDue ? this.#ackWriter.put(l, now, into, at) : at;
    if (l.isChallenged) {
      if (!l.owesProbe) return at;
      l.owesProbe = false;
      return codec.putDataHead(into, at, l.challenged, 0);
    }
    if (l.owed.isDue) return this.#ackWriter.put(l, now, into, at);
    if (l.owesRead || this.#news.isDue(now)) {
      l.owesRead = false;
      const read = this.#news.tell(now);
      if (read > 0) return codec.putBytesRead(into, at, read);
    }
    if (l.owesProbe) {
      l.owesProbe = false;
      l.probed(this.outbound.base - 1, now);
      return codec.putDataHead(into, at, nextSequence(this.#first, this.outbound.base - 1), 0);
    }
    if (to - at < this.outbound.mtu + DATA_HEAD_BYTES_MAX) return at;
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
    this.#dispatch.watch(now);
    if (this.#readProgressAt === Infinity) this.#readProgressAt = now;
    const control = l.owesClose || l.owesHandshake || l.owesProbe || l.owesRead || l.owed.isDue || this.#news.isDue(now);
    if (this.phase !== 'established') return l.owesClose || l.owesHandshake ? HANDSHAKE_BYTES_MAX : 0;
    if (l.isReserve) return l.owesHandshake || l.owed.isDue ? HANDSHAKE_BYTES_MAX : 0;
    if (l.isChallenged) return l.owesHandshake || l.owesProbe ? HANDSHAKE_BYTES_MAX : 0;
    const { lost, mtu, unsentBytes, flowRoom, base, next } = this.outbound;
    const room = this.#dispatch.limitOf(l) - l.flight.bytes;
    const fresh = this.outbound.hasNew ? Math.min(unsentBytes, flowRoom, room) : 0;
    if (this.outbound.hasNew && room <= 0) l.pace.noteBusy(); // Exactly full is full: nothing else would ever tell the pace.
    const data = lost * mtu + Math.max(0, fresh);
    if (data === 0 && !control) return base < next && unsentBytes > 0 && this.striping.links > 1 ? mtu : 0;
    return data + CONTROL_BYTES_MAX + (data === 0 ? 0 : mtu);
  }

  handleTimeout(now: number): void {
    const { limits } = this.input;
    if (this.handshake.isOriginal) this.#lateness.note(this.nextTimeout() ?? now, now);
    if (this.handshake.handleTimeout(now))
      for (const l of this.links) {
        l.owesHandshake = l.isAttached;
        // The answer to a handshake needs none; that of a probe shows that ours has arrived.
        if (this.phase === 'established') l.owesProbe = l.isAttached;
      }
    if (this.#closeRepeatAt !== undefined && now >= this.#closeRepeatAt) {
      for (const l of this.links) l.owesClose = l.isAttached;
      this.#closeRepeatAt = now + limits.closeRepeatMs;
    }
    if (this.#news.handleTimeout(now)) for (const l of this.links) l.owesRead = l.isAttached;
    this.#dispatch.handleTimeout(now);
    for (const l of this.links) if (l.isAttached) this.#handleLinkTimeout(l, now);
    if (this.sending === 'draining' && now >= this.#unreadUntil) this.#tellDrained(true);
  }

  nextTimeout(): number | undefined {
    let at = Math.min(
      this.handshake.repeatAt,
      this.#closeRepeatAt ?? Infinity,
      this.#dispatch.persistAt,
      this.#news.nextTimeout(),
    );
    if (this.sending === 'draining') at = Math.min(at, this.#unreadUntil);
    for (const l of this.links) if (l.isAttached) at = Math.min(at, l.nextTimeout());
    return at === Infinity ? undefined : at;
  }

  /** Something suggests that links may be dead: ask all of them, and don't wait long. */
  probe(now: number, timeoutMs: number): void {
    for (const l of this.links) if (l.isAttached && l.health.probeNow(now, timeoutMs)) l.owesProbe = true;
  }

  #handleHandshake(l: NcpLink, now: number): boolean {
    const handshake = this.#packet.handshake!;
    if (handshake.clientIds.length === 0 || handshake.windowBytes === 0 || handshake.mtu === 0) return false;
    if (this.isEstablished && this.handshake.isContradictedBy(handshake)) return false;
    if (this.input.role === 'acceptor') l.owesHandshake = !this.handshake.peerKnows; // Said again, because the answer may have been lost.
    if (this.isEstablished) return true;
    if (this.input.role === 'dialer' && this.phase === 'idle') return true;
    const { outbound, inbound, striping } = this;
    this.handshake.received(handshake, now);
    outbound.windowBytes = Math.min(outbound.windowBytes, handshake.windowBytes);
    outbound.mtu = Math.min(outbound.mtu, handshake.mtu);
    // Of smaller packets as many more fill the same window.
    const packetsMax = this.handshake.packetsMaxAt(outbound.mtu);
    outbound.packetsMax = packetsMax;
    inbound.resize(packetsMax, outbound.mtu);
    striping.windowBytes = outbound.windowBytes;
    striping.scale();
    this.phase = step(NCP_PHASES, this.phase, 'establish');
    for (const other of this.links) other.opened(this.input.role, this.handshake.isOriginal);
    return true;
  }

  #handleData(l: NcpLink, bytes: Uint8Array, now: number, more: number): boolean {
    const { inbound } = this;
    const { sequence, dataStart, dataEnd } = this.#packet;
    if (dataEnd - dataStart > this.input.limits.mtu) return this.refusal.of('oversized', 'NCP-14', 'data');
    const n = inbound.base + aheadOf(nextSequence(this.#first, inbound.base), sequence);
    const arrival = inbound.accept(n, bytes, dataStart, dataEnd, more);
    if (arrival === 'new' || arrival === 'duplicate') {
      const holdMs = this.handshake.isOriginal ? l.ackHoldMs(now, dataEnd - dataStart) + this.#lateness.allowanceMs(now) : 0;
      if (holdMs > 0) l.owed.hold(n, holdMs, now);
      else l.owed.add(n, arrival === 'duplicate', now, dataEnd - dataStart);
    }
    if (arrival === 'duplicate') this.duplicates++;
    else if (arrival !== 'new') {
      this.dropped++;
      // No byte of the window is left for it, whatever is missing: an honest sender can't be there.
      const isBeyond = arrival === 'over-window' || (dataEnd > dataStart && n - inbound.base > inbound.windowBytes);
      if (isBeyond) return this.refusal.of('violated', 'NCP-10', 'data');
    }
    return true;
  }

  #handleLinkTimeout(l: NcpLink, now: number): void {
    l.owed.handleTimeout(now);
    if (l.isChallenged && now >= l.challengeAt) l.challengeAgain(now);
    if (now >= l.tailAt) {
      l.retriedAt = now;
      l.flight.loseOldest();
      this.#settle();
    }
    const rtoAt = l.rtoAt;
    if (rtoAt !== undefined && now >= rtoAt) {
      const canMove = this.links.some((other) => other !== l && other.carries && !other.isStalled);
      // Elsewhere it goes at once, all of it; on a lone link what has not taken too long may still be answered.
      l.flight.lose(canMove ? Infinity : now - l.trip.rtoMs + 0.001);
      this.#settle();
      l.trip.backOff();
      l.isStalled = true;
      this.striping.lost(l.index);
      this.striping.scale();
      if (l.health.probeNow(now, this.input.limits.probeTimeoutMs)) l.owesProbe = true;
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

  /** When to stop waiting for a peer that has everything and reads nothing. Without a link no news of it can arrive. */
  get #unreadUntil(): number {
    const isArrived = this.outbound.queuedBytes === 0 && this.outbound.base === this.outbound.next;
    return isArrived && this.striping.links > 0 ? this.#readProgressAt + this.input.limits.readLingerMs : Infinity;
  }

  #tellDrained(isUnread = false): void {
    const { outbound } = this;
    if (this.sending !== 'draining' || outbound.queuedBytes > 0) return;
    if (outbound.base < outbound.next) return; // Empty packets are packets too.
    if (!isUnread && outbound.read < outbound.written) return;
    this.sending = step(SENDING_PHASES, this.sending, 'empty');
    this.signals.push({ type: 'log.drained' });
  }
}

const CONTROL_BYTES_MAX = ackBytesMax(RANGES_PER_ACK);
const HANDSHAKE_BYTES_MAX = 4096;
