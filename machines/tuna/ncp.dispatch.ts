import type { NcpLink } from './ncp.link.js';
import { NOWHERE, type Outbound } from './ncp.outbound.js';
import type { Striping } from './ncp.striping.js';
import type { NcpLimits } from './tuna.timing.js';

/** Packets looked at for one that holds everything up. */
const REINJECT_REACH = 256;
/** A close waits until everything is read; the original tells that up to 300 ms late by itself. Chosen without measurement. */
const DRAIN_ASK_MS = 100;
/** Nothing counts as a straggler before this. Chosen without measurement. */
const STRAGGLER_MS = 30;

/**
 * Which packet a link carries next: one that was lost, then a new one as long as the link may have more under way, then one that
 * holds up everything elsewhere. And when a sender without window asks whether there is some.
 * @rule NCP-8 NCP-9 NCP-12
 */
export class Dispatch {
  /** Packets sent more than once. */
  resent = 0;
  /** When a blocked sender asks; `Infinity` when it isn't blocked. */
  persistAt = Infinity;
  /** Nothing more is written: what the peer's application has not read yet is waited for. */
  isDraining = false;
  #persistMs: number;

  constructor(
    readonly limits: NcpLimits,
    readonly outbound: Outbound,
    readonly striping: Striping,
    readonly links: readonly NcpLink[],
  ) {
    this.#persistMs = limits.persistMs;
  }

  /** Bytes that a link may have under way: its share of the window, and not more than it delivers in a round trip or so. */
  limitOf(l: NcpLink): number {
    return Math.min(this.striping.shareOf(l.index), l.pace.limit);
  }

  /** The packet counts as sent on this link. -1: there is none for it. */
  choose(l: NcpLink, now: number): number {
    const { outbound } = this;
    if (l.isStalled && this.links.some((other) => other.carries && !other.isStalled)) return -1;
    let n = outbound.pollLost();
    if (n < 0) {
      if (l.flight.bytes < this.limitOf(l)) n = outbound.pollNew();
      else l.pace.noteBusy();
    }
    if (n < 0) n = this.#findStraggler(l, now);
    if (n < 0) {
      this.watch(now);
      return -1;
    }
    const isNew = n === outbound.next;
    if (!isNew) this.resent++;
    const before = outbound.carry(n, l.index, l.flight.sent, now);
    const length = outbound.lengthOf(n);
    if (before !== NOWHERE && !isNew) this.links[before]!.flight.bytes -= length;
    l.flight.bytes += length;
    l.flight.add(n);
    return n;
  }

  /** Asked before every write, because a sender without window writes nothing, and would not be asked otherwise. */
  watch(now: number): void {
    if (this.persistAt !== Infinity || !this.#isBlocked) return;
    this.persistAt = now + (this.isDraining ? Math.min(this.#persistMs, DRAIN_ASK_MS) : this.#persistMs);
  }

  /** The peer has read something. */
  unblock(): void {
    this.persistAt = Infinity;
    this.#persistMs = this.limits.persistMs;
  }

  /** A peer whose news was lost tells it again with the acknowledgement of a packet that it knows already. Any link may be a dead one. */
  handleTimeout(now: number): void {
    if (now < this.persistAt) return;
    this.persistAt = Infinity;
    if (!this.#isBlocked) return;
    for (const l of this.links) if (l.carries) l.owesProbe = true;
    this.#persistMs = Math.min(this.limits.persistMaxMs, this.#persistMs * 2);
    this.persistAt = now + this.#persistMs;
  }

  /** Something is to be sent, or to be read, nothing may be sent, and nothing is under way that would change that. */
  get #isBlocked(): boolean {
    const { base, next, unsentBytes, hasNew, read, sent } = this.outbound;
    return base === next && (unsentBytes > 0 ? !hasNew : this.isDraining && read < sent);
  }

  /** This link has nothing better to do: what another one has had for long, and the peer waits for, goes here as well. */
  #findStraggler(l: NcpLink, now: number): number {
    const { outbound } = this;
    if (this.striping.links < 2 || outbound.base === outbound.next || outbound.flowRoom >= outbound.mtu) return -1;
    if (l.trip.smoothedMs === 0 || l.flight.bytes * 2 > this.limitOf(l)) return -1;
    const before = now - Math.max(STRAGGLER_MS, 2 * l.trip.smoothedMs);
    const end = Math.min(outbound.next, outbound.base + REINJECT_REACH);
    for (let n = outbound.base; n < end; n++) {
      if (outbound.linkOf(n) === l.index || outbound.isAcked(n) || outbound.isResent(n) || outbound.isRead(n)) continue;
      if (outbound.sentAt(n) >= before) continue;
      const slow = this.links[outbound.linkOf(n)];
      slow?.pace.penalize(slow.trip.smoothedMs, now);
      slow?.suspect(outbound.sentAt(n), now);
      return n;
    }
    return -1;
  }
}
