import type { NcpLink } from './ncp.link.js';
import { NOWHERE, type Outbound } from './ncp.outbound.js';
import { aheadOf, nextSequence } from './ncp.sequence.js';
import type { Striping } from './ncp.striping.js';
import type { Packet } from './tuna.messages.js';
import type { NcpLimits } from './tuna.timing.js';

/** Later packets of the same wire that have arrived, after which one counts as lost. Wires keep the order, so that three is patient. */
const REORDERED_PACKETS = 3;
/** A peer that names so many ranges may have more to name: the original's list ends here, in the order of numbers. */
const RANGES_SUSPECT = 32;

/**
 * Reads a peer's acknowledgements: which packets have arrived, which were overtaken and are
 * lost, how long a round trip takes, and what each link delivers.
 * @rule NCP-7 NCP-8
 */
export class AckReader {
  constructor(
    readonly first: number,
    readonly limits: NcpLimits,
    readonly outbound: Outbound,
    readonly striping: Striping,
    readonly links: readonly NcpLink[],
  ) {}

  /** False: nonsense. */
  handle(packet: Packet, l: NcpLink, now: number): boolean {
    const { outbound } = this;
    const { starts, counts, ranges } = packet;
    const base = outbound.base;
    const baseSequence = nextSequence(this.first, base);
    let budget = 4 * outbound.packetsMax; // A hostile list names the same packets again and again.
    let newestAt = -Infinity;
    let oldestAt = Infinity;
    let delivered = 0;
    for (let i = 0; i < ranges && budget > 0; i++) {
      if (counts[i] === 0 || starts[i] === 0) return false;
      const from = base + aheadOf(baseSequence, starts[i]!);
      const last = from + counts[i]! - 1;
      if (from < base) l.answered(from, last, now);
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
        // The acknowledgement of a packet that was sent twice may be for the first, so it gives no round-trip time (Karn).
        if (!isResent || (now - sentAt >= l.trip.leastMs && ranges < RANGES_SUSPECT)) l.acked(outbound.orderOf(n), sentAt);
        if (isResent) continue;
        if (sentAt > newestAt) newestAt = sentAt;
        if (sentAt < oldestAt) oldestAt = sentAt;
      }
    }
    outbound.advance();
    if (newestAt > -Infinity) {
      l.trip.measured(now - oldestAt);
      l.sampled(now - newestAt);
      l.pace.delivered(delivered, now - newestAt, l.trip.smoothedMs, now);
    }
    l.flight.lose(l.newestAckedAt - l.trip.reorderMs, l.newestOrder - REORDERED_PACKETS);
    this.striping.scale();
    return true;
  }

  /**
   * Bytes that the peer's application has read have arrived. The original loses acknowledgements with a link, and acknowledges what comes twice
   * ever more slowly: without this, two could repeat the same packets to each other for good.
   */
  handleRead(): void {
    const { outbound } = this;
    for (let n = outbound.base; n < outbound.next && outbound.isRead(n); n++) {
      if (!outbound.isRepeated(n)) continue; // The others' acknowledgements bring their round trips.
      const link = outbound.ack(n);
      if (link >= 0 && link !== NOWHERE) this.links[link]!.flight.bytes -= outbound.lengthOf(n);
    }
  }
}
