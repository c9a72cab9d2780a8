import type { Identity, Wire, WireCause, WireHandler } from '../../machines/ports.js';
import type { SimHost } from './host.js';
import { ABORTED, EndState, ENDED, RESET, UNREACHABLE } from './end-state.js';
import { CHUNK_BYTES_MAX, PING, PONG } from './inbound.js';
import type { CutMode, Side, SimLink } from './link.js';
import { Outbound } from './outbound.js';
import { SimTimer } from './timers.js';

/**
 * One end of a wire, and all that is under way to it. One timer serves it for its whole life: whatever is next to happen
 * at this end happens in a turn of its own, so that nobody is ever called from inside a call of his.
 */
export class SimEnd extends EndState implements Wire {
  readonly lends: boolean;
  readonly identity: Identity | undefined;
  readonly probe?: () => void;
  peer!: SimEnd;
  handler: WireHandler | undefined;

  readonly #outbound = new Outbound();
  readonly #timer: SimTimer;
  #delivered = 0;
  #cutAt = Infinity;
  #cutMode: CutMode = 'both';

  constructor(
    readonly link: SimLink,
    readonly side: Side,
    readonly host: SimHost,
    readonly remote: SimHost,
    readonly remoteAddress: string,
  ) {
    super(remote.routeTo(host));
    const { network } = link;
    if (side === 'near') this.phase = 'dialing';
    this.lends = network.random.chance(network.settings.lends);
    this.identity = remote.identity;
    this.#timer = new SimTimer(this.#fire);
    if (network.settings.boundaries === 'message') this.probe = this.#probe;
  }

  protected override get other(): SimEnd {
    return this.peer;
  }

  // What its owner does.

  send(bytes: Uint8Array): boolean {
    if (this.phase !== 'open' || this.cause === ABORTED) return false;
    const { counts, settings } = this.link.network;
    counts.sends++;
    counts.sentBytes += bytes.length;
    if (this.#outbound.isCorked) this.#outbound.hold(bytes);
    else this.#put(bytes);
    const waitingBytes = this.peer.inbound.bytes + this.#outbound.heldBytes;
    if (waitingBytes < settings.highWaterBytes) return true;
    if (waitingBytes > settings.bufferedBytesMax) this.link.cut('both', { withinMs: 0 });
    counts.blocked++;
    this.#outbound.owesDrain = true;
    return false;
  }

  cork(): void {
    this.#outbound.cork();
  }

  uncork(): void {
    if (this.phase === 'open') for (const each of this.#outbound.uncork(this.link.network.settings.pack)) this.#put(each);
  }

  close(): void {
    if (this.phase !== 'open' || this.cause === ABORTED) return;
    this.link.network.counts.closed++;
    for (const each of this.#outbound.uncork(this.link.network.settings.pack, true)) this.#put(each);
    this.phase = 'closing';
    this.inbound.clear(); // Whoever leaves no longer listens.
    this.peer.#makeRoom();
    if (!this.link.isCut) this.peer.farewell(ENDED, this.#arrival(0));
    this.schedule();
  }

  /** Also what an opener gives to its caller. */
  destroy(): void {
    if (this.isGone || this.cause === ABORTED) return;
    const { isCut, network } = this.link;
    network.counts.destroyed++;
    this.inbound.clear();
    this.end(ABORTED, 0, false);
    if (!isCut) {
      this.link.isCut = true;
      if (network.random.chance(0.7)) this.peer.loseTail();
      this.peer.farewell(network.random.chance(0.5) ? ENDED : RESET, this.#arrival(0));
    }
    this.peer.inbound.own();
  }

  pause(): void {
    this.isPaused = true;
  }

  resume(): void {
    this.isPaused = false;
    this.schedule();
  }

  // What the network does to it.

  /** Of what is under way to it, farewell included, a beginning arrives and the rest is lost. */
  loseTail(keep = this.link.network.random.int(this.inbound.bytes + 1)): void {
    const { counts, random, settings } = this.link.network;
    const lostBytes = this.inbound.truncate(keep, settings.boundaries === 'message');
    counts.lostBytes += lostBytes;
    if (this.isFarewell && (lostBytes > 0 || random.chance(0.5))) this.end(undefined, Infinity, false);
  }

  delay(ms: number): void {
    this.inbound.delay(ms);
    this.schedule();
  }

  cutAfterBytes(count: number, mode: CutMode): void {
    this.#cutAt = this.#delivered + count;
    this.#cutMode = mode;
    if (count <= 0) this.#cutNow();
  }

  silence(): void {
    this.silences++;
    this.schedule();
    this.peer.schedule(); // A dialer that is on its way here.
  }

  /** What was held back is sent again, and takes its time. */
  unsilence(): void {
    const { clock } = this.link.network;
    this.silences--;
    this.resumeAtMs = clock.now() + this.link.network.latencyMs(this.remote, this.host);
    this.schedule();
    this.peer.schedule();
  }

  /** The other side says how it ends, behind what it has sent. */
  farewell(cause: WireCause, atMs: number): void {
    if (this.isGone || this.cause !== undefined) return;
    this.end(cause, Math.max(atMs, this.inbound.lastMs), true);
  }

  /** It ends so at that time; what is under way arrives before that, or not at all. */
  breakAt(atMs: number, cause: WireCause): void {
    if (this.isGone || this.cause === ABORTED) return;
    if (this.cause !== undefined && !this.isFarewell && atMs >= this.causeAtMs) return;
    this.inbound.hurry(atMs);
    this.end(cause, atMs, false);
  }

  /** Its process is no more: nobody is told. */
  vanish(): void {
    this.#leave();
  }

  schedule(): void {
    const { clock, counts } = this.link.network;
    const dueMs = this.nextMs();
    if (dueMs === Infinity) return clock.disarm(this.#timer);
    const atMs = this.host.awakeAt(dueMs);
    if (atMs > dueMs && dueMs > 0) counts.held++;
    clock.arm(this.#timer, atMs);
  }

  /** When bytes that are sent now arrive at the other end. */
  #arrival(bytes: number): number {
    const { clock, settings } = this.link.network;
    return this.#outbound.arriveAt(clock.now(), bytes, settings, this.#drawDelay);
  }

  readonly #drawDelay = (): number => this.link.network.latencyMs(this.host, this.remote);

  #put(bytes: Uint8Array): void {
    const { link } = this;
    const { network } = link;
    if (link.isCut) {
      network.counts.lostBytes += bytes.length;
      this.#outbound.sunkBytes += bytes.length;
      if (!link.answersReset) return;
      link.answersReset = false;
      return this.breakAt(network.clock.now() + this.#drawDelay() + this.#drawDelay(), RESET);
    }
    if (bytes.length > 0) this.#give(bytes);
  }

  /** The sender's own bytes, uncopied, or a sign of life. Nobody is left to read what is given to an end that leaves. */
  #give(piece: Uint8Array): void {
    const { peer } = this;
    if (peer.phase === 'closing' || peer.phase === 'gone' || peer.cause === ABORTED) return;
    const mustWake = peer.inbound.isEmpty;
    peer.inbound.push(piece, this.#arrival(piece.length));
    if (mustWake) peer.schedule();
  }

  readonly #probe = (): void => {
    if (this.phase !== 'open' || this.link.isCut) return;
    this.link.network.counts.probes++;
    this.#give(PING);
  };

  #makeRoom(): void {
    const { settings } = this.link.network;
    if (!this.#outbound.owesDrain || this.phase !== 'open') return;
    if (this.peer.inbound.bytes + this.#outbound.heldBytes > settings.highWaterBytes >> 1) return;
    this.#outbound.owesDrain = false;
    this.isDrained = true;
    this.schedule();
  }

  readonly #fire = (): void => {
    const nowMs = this.link.network.clock.now();
    try {
      if (this.host.awakeAt(nowMs) <= nowMs && this.nextMs() <= nowMs) this.#happen(nowMs);
    } finally {
      if (!this.isGone) this.schedule();
    }
  };

  #happen(nowMs: number): void {
    const { network } = this.link;
    if (this.cause === ABORTED) return this.#tell(ABORTED);
    if (this.isDrained && this.phase === 'open') {
      this.isDrained = false;
      network.counts.drained++;
      network.note('drain', this, 0);
      return this.handler?.onDrain();
    }
    const isOver = this.endMs <= nowMs;
    switch (this.phase) {
      case 'knocking':
        return network.offer(this.link);
      case 'opening':
        if (isOver && network.random.chance(0.5)) return this.#tell(this.cause!);
        return this.#open();
      case 'dialing':
        if (isOver) return this.#tell(this.cause!);
        return this.peer.heard(this.atMs) <= nowMs ? network.dialIn(this.link) : this.#giveUp();
      case 'waiting':
        if (isOver && this.endMs < this.atMs) return this.#tell(this.cause!);
        return this.heard(this.atMs) <= nowMs ? this.#open() : this.#giveUp();
      default:
        if (this.phase === 'open' && !this.isPaused && this.heard(this.inbound.nextMs) <= nowMs) return this.#deliver(nowMs);
        if (isOver) this.#tell(this.cause!);
    }
  }

  #open(): void {
    const { network } = this.link;
    this.phase = 'open';
    this.atMs = this.deadlineMs = Infinity;
    this.link.changed();
    network.note('open', this, 0);
    this.handler!.onOpen(this);
  }

  #giveUp(): void {
    this.link.network.counts.unreachable++;
    if (!this.link.isCut) this.peer.farewell(RESET, this.#arrival(0));
    this.link.isCut = true;
    this.#tell(UNREACHABLE);
  }

  #deliver(nowMs: number): void {
    const { inbound, handler } = this;
    const { network } = this.link;
    const { counts, random, settings } = network;
    if (inbound.first!.length === 0) return this.#sign();
    const isStream = settings.boundaries === 'stream';
    const wholeBytes = isStream ? inbound.available(nowMs, random.chance(settings.merge), CHUNK_BYTES_MAX) : inbound.firstBytes;
    const isCut = this.#delivered + wholeBytes > this.#cutAt;
    if (isCut && !isStream) return this.#cutNow();
    let count = isCut ? this.#cutAt - this.#delivered : wholeBytes;
    if (count > inbound.firstBytes) counts.merged++;
    if (isStream && count > 1 && random.chance(settings.chop)) {
      counts.chopped++;
      count = 1 + random.int(random.chance(0.25) ? Math.min(8, count - 1) : count - 1);
    }
    const chunk = inbound.take(count, this.lends);
    this.#delivered += count;
    counts.chunks++;
    counts.deliveredBytes += count;
    if (this.link.isOld) counts.lateBytes += count;
    network.note('bytes', this, count);
    this.peer.#makeRoom();
    if (this.#delivered === this.#cutAt) this.#cutNow();
    try {
      handler!.onBytes(chunk);
    } finally {
      if (this.lends) {
        counts.lent++;
        chunk.fill(0xee);
      }
    }
  }

  #sign(): void {
    const sign = this.inbound.first;
    this.inbound.shift();
    if (sign === PONG) return this.handler!.onProbeAnswer();
    if (!this.link.isCut) this.#give(PONG);
  }

  #cutNow(): void {
    this.link.network.counts.exactCuts++;
    this.#cutAt = Infinity;
    this.loseTail(0);
    this.link.cut(this.#cutMode);
  }

  #tell(cause: WireCause): void {
    const { handler, link, peer } = this;
    const { network } = link;
    const hasLeft = this.phase === 'closing';
    if (cause === RESET && link.isOld) network.counts.lateCloses++;
    this.#leave();
    if (cause === ENDED || cause === RESET) {
      // Whoever hears a farewell leaves as well; the other end hears of that, if it still listens.
      if (!link.isCut) peer.farewell(RESET, this.#arrival(0));
      link.isCut = true;
    }
    network.note('close', this, cause.kind.length);
    handler?.onClose(hasLeft ? ABORTED : cause);
  }

  #leave(): void {
    this.link.network.counts.lostBytes += this.inbound.bytes;
    this.inbound.clear();
    this.phase = 'gone';
    this.handler = undefined;
    this.peer.inbound.own();
    this.link.network.clock.disarm(this.#timer);
    this.link.changed();
  }
}
