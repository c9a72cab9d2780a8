import { step } from '../phase-table.js';
import type { WireCause } from '../ports.js';
import { columnsOf, CONN_PHASES, connsOf, NEW_CONN, type Conn, type ConnPhase, type ConnsState } from './conns-state.js';
import { doubted, isDisowned, NO_DOUBTS, type Doubts } from './doubts.js';
import type { Fault } from './tuna.messages.js';

/** Where a wire that came in goes. */
export interface Seat {
  readonly slot: number;
  /** There is no place for it: it is kept open, and quiet. */
  readonly isReserve: boolean;
}

/** Wires kept in reserve beyond one for each place: as many links as a dialer may have. */
const RESERVE_MAX = 15;

/**
 * Which wires a session has: the original's `sessionConns` and `connCount`, as one table, so that they can't disagree. A dialer's link
 * `i` has the slot `i`. An acceptor has as many places as links, and slots beside them for newcomers that are to replace a
 * wire, and for those without a place. Pure; the chart reports what happens to wires, and asks. The chart keeps `state`; each of
 * its steps works on a table of its own.
 * @rule TUNA-5 TUNA-6 TUNA-9 TUNA-10
 */
export class SessionConns {
  readonly links: number;
  readonly #conns: Conn[];
  #failed: number; // Links of which a dial has failed, one bit each.
  /** Whether there ever was a wire. */
  everOpened: boolean;
  doubts: Doubts;
  /** Why the first dial failed while there never was a wire. */
  cause: WireCause | undefined;
  /** The peer's last statement about the end of a wire, since one joined. */
  accusation: Fault | undefined;
  /** Links that the peer has named in its handshake; 0 before it. */
  peerLinks: number;
  /** There are more wires than the peer can have: one of those that seem to live is dead, and asking finds out which. */
  isContested: boolean;
  #serial: number; // Wires that have joined the reserve.
  #foreign: number; // Links whose wire brought bytes of another protocol, and no packet before; one bit each.
  #spurned: number; // Wires in a row that were given a place and left it without a word: their peer has no use for them.

  /** As many links, and none has a wire; or a table as it was. */
  constructor(from: number | ConnsState) {
    const state: ConnsState = typeof from === 'number' ? { links: from, slots: 2 * from, doubts: NO_DOUBTS } : from;
    this.links = state.links;
    this.#conns = connsOf(state);
    this.#failed = state.failed ?? 0;
    this.everOpened = state.everOpened ?? false;
    this.doubts = state.doubts;
    this.cause = state.cause;
    this.accusation = state.accusation;
    this.peerLinks = state.peerLinks ?? 0;
    this.isContested = state.isContested ?? false;
    this.#serial = state.reserve?.length ?? 0;
    this.#foreign = state.foreign ?? 0;
    this.#spurned = state.spurned ?? 0;
  }

  get state(): ConnsState {
    return {
      links: this.links,
      ...columnsOf(this.#conns),
      doubts: this.doubts,
      ...(this.#failed !== 0 && { failed: this.#failed }),
      ...(this.everOpened && { everOpened: true }),
      ...(this.cause && { cause: this.cause }),
      ...(this.accusation && { accusation: this.accusation }),
      ...(this.peerLinks !== 0 && { peerLinks: this.peerLinks }),
      ...(this.isContested && { isContested: true }),
      ...(this.#foreign !== 0 && { foreign: this.#foreign }),
      ...(this.#spurned !== 0 && { spurned: this.#spurned }),
    };
  }

  /** Wires that carry packets. */
  get connCount(): number {
    let count = 0;
    for (const { phase } of this.#conns) if (phase === 'joined') count++;
    return count;
  }
  get phases(): readonly ConnPhase[] {
    return this.#conns.map(({ phase }) => phase);
  }
  get slots(): number {
    return this.#conns.length;
  }
  /** Links that were dialed in vain while there never was a wire. */
  get failures(): number {
    let count = 0;
    if (!this.everOpened) for (let left = this.#failed; left !== 0; left &= left - 1) count++;
    return count;
  }

  phaseOf(slot: number): ConnPhase {
    return this.#conns[slot]!.phase;
  }
  /** Whether there is no place for the wire of this slot. */
  isReserve(slot: number): boolean {
    return this.#conns[slot]!.isReserve;
  }
  /** The slot that is to replace this one, or to be replaced by it; -1: none. */
  rivalOf(slot: number): number {
    return this.#conns[slot]!.rival;
  }

  // Events of wires.

  used(slot: number): void {
    const conn = this.#conns[slot]!;
    conn.wasUsed = conn.isClaimed = true;
    conn.isUsed = false;
  }
  opened(slot: number): void {
    const conn = this.#conns[slot]!;
    conn.phase = step(CONN_PHASES, conn.phase, 'open');
    conn.wasUsed = conn.isClaimed = true;
    this.everOpened = true;
  }
  /** The peer says more than its handshake on it. */
  wanted(slot: number): void {
    this.#conns[slot]!.isUsed = true;
  }
  /** One in reserve gets a place. */
  called(slot: number): void {
    const conn = this.#conns[slot]!;
    conn.isClaimed = true;
    conn.isReserve = false;
  }
  reserved(slot: number): void {
    const conn = this.#conns[slot]!;
    conn.phase = step(CONN_PHASES, conn.phase, 'reserve');
    conn.isReserve = true;
    conn.order = ++this.#serial;
    conn.isClaimed = false;
    this.everOpened = true;
  }
  joined(slot: number): void {
    const conn = this.#conns[slot]!;
    conn.phase = step(CONN_PHASES, conn.phase, 'join');
    this.doubts = NO_DOUBTS;
    this.accusation = undefined;
    this.#foreign = this.#spurned = 0;
  }
  ended(slot: number, cause?: WireCause, at = 0): void {
    const conn = this.#conns[slot]!;
    if (conn.phase === 'opening') {
      this.doubts = doubted(this.doubts, cause, at);
      this.#spurned++;
    }
    if (conn.phase === 'none') this.failed(slot, cause);
    conn.phase = step(CONN_PHASES, conn.phase, 'end');
    conn.isClaimed = conn.isReserve = conn.isUsed = false;
    conn.link = undefined;
    this.#separate(slot);
  }

  /** Its dial has failed, or there was nothing to dial. */
  failed(slot: number, cause: WireCause | undefined): void {
    this.#failed |= 1 << (slot % this.links);
    this.cause ??= cause;
  }
  /** The peer speaks something else there. */
  corrupt(slot: number): void {
    if (this.#conns[slot]!.phase === 'opening') this.#foreign |= 1 << (slot % this.links);
  }
  /** One that is replaced, or has replaced, has no rival any more. */
  #separate(slot: number): void {
    const { rival } = this.#conns[slot]!;
    if (rival >= 0) this.#conns[rival]!.rival = -1;
    this.#conns[slot]!.rival = -1;
  }

  // Queries.

  /** The peer has rejected the session, wire by wire. */
  get isDisowned(): boolean {
    return isDisowned(this.doubts);
  }
  /** Links that there are to be: those that the peer has named, if it has fewer. */
  get linksExpected(): number {
    return this.peerLinks === 0 ? this.links : Math.min(this.links, this.peerLinks);
  }

  /** Nothing but another protocol was met, on whichever link there was a wire. */
  get isForeign(): boolean {
    return this.#foreign !== 0 && (this.#foreign | this.#failed) === 2 ** this.links - 1;
  }
  /** Another protocol was met on some link, and none has joined since. */
  get hasForeign(): boolean {
    return this.#foreign !== 0;
  }

  /**
   * Acceptor: where a wire that came in goes. One that names its link replaces the wire of that link. One that names none (an
   * original, which tells links apart by listeners) gets a free place; where all are taken it replaces the only wire of its
   * listener, or waits in reserve. Undefined: there is no room even for that.
   */
  seat(link: number | undefined, listener?: string): Seat | undefined {
    const same = link === undefined ? undefined : this.#find((conn) => conn.link === link && isLive(conn));
    const target = same ?? (this.#hasPlace ? undefined : this.#onlyAt(listener, link));
    if (target !== undefined) {
      const conn = this.#conns[target]!;
      if (conn.phase !== 'joined') return { slot: target, isReserve: conn.phase === 'reserve' };
      const slot = conn.rival >= 0 ? conn.rival : this.#free((target + this.links) % (2 * this.links));
      if (slot === undefined) return undefined;
      conn.rival = slot;
      this.#conns[slot]!.rival = target;
      return this.#taken(slot, link, listener, false);
    }
    const slot = this.#free(link);
    if (slot === undefined) return undefined;
    this.isContested = this.peerLinks > 0 && this.#live >= this.peerLinks;
    return this.#taken(slot, link, listener, !this.#hasPlace);
  }

  #taken(slot: number, link: number | undefined, listener: string | undefined, isReserve: boolean): Seat {
    const conn = this.#conns[slot]!;
    conn.isReserve = isReserve;
    conn.link = link;
    conn.listener = link === undefined ? listener : undefined;
    return { slot, isReserve };
  }

  /**
   * A wire in reserve that may have a place, or -1. One that the peer uses comes first. Where the dialer has more links than there
   * are places, it uses some of them only, and closes others when it is spoken to there; each is tried twice at most.
   */
  promote(): number {
    if (!this.hasRoom) return -1;
    const wanted = this.#find((conn) => conn.phase === 'reserve' && !conn.isClaimed && conn.isUsed);
    if (wanted !== undefined) return wanted;
    if (this.#isSpurned) return -1;
    let oldest = -1;
    this.#conns.forEach(({ phase, isClaimed, order }, slot) => {
      if (phase === 'reserve' && !isClaimed && (oldest < 0 || order < this.#conns[oldest]!.order)) oldest = slot;
    });
    return oldest;
  }

  /** Which of the wires that carry packets makes room for one that the peer uses; -1: the peer uses all of them. */
  get idle(): number {
    return this.#find((conn) => conn.phase === 'joined' && !conn.isUsed) ?? -1;
  }

  /** Wires that carry packets or are about to, those aside that are to replace one. */
  get #placesTaken(): number {
    let count = 0;
    for (const { phase, isClaimed, isReserve, rival } of this.#conns) {
      const isTaken = phase === 'joined' || phase === 'opening' || (isClaimed && !isReserve);
      if (isTaken && !(phase !== 'joined' && rival >= 0)) count++;
    }
    return count;
  }
  /** A place is free. */
  get hasRoom(): boolean {
    return this.#placesTaken < this.links;
  }
  get #hasPlace(): boolean {
    return this.hasRoom && !this.#isSpurned;
  }
  /**
   * Of more links than places the peer uses some only, and those were tried that it does not: twice, for a wire that was closed comes
   * back, and may do so before the one that the place belongs to.
   */
  get #isSpurned(): boolean {
    return this.peerLinks > this.links && this.#spurned >= 2 * (this.peerLinks - this.links);
  }
  get #live(): number {
    let count = 0;
    for (const conn of this.#conns) if (isLive(conn)) count++;
    return count;
  }

  /** The only wire that came to a listener, where each link has its own; a named link is known by its number. */
  #onlyAt(listener: string | undefined, link: number | undefined): number | undefined {
    if (listener === undefined || link !== undefined || this.peerLinks === 0 || this.#live < this.peerLinks) return undefined;
    const there = this.#conns.flatMap((conn, slot) => (isLive(conn) && conn.listener === listener && slot >= 0 ? [slot] : []));
    const joined = there.filter((slot) => this.phaseOf(slot) === 'joined');
    const rest = there.filter((slot) => this.phaseOf(slot) !== 'joined' && this.rivalOf(slot) < 0);
    return joined.length === 1 && rest.length === 0 ? joined[0] : undefined;
  }

  /** A slot without a wire: that of the link, or one that never had any, or any, or one more. */
  #free(preferred = -1): number | undefined {
    const isFree = ({ phase, isClaimed }: Conn): boolean => phase === 'none' && !isClaimed;
    const own = this.#conns[preferred];
    if (own !== undefined && isFree(own)) return preferred;
    const fresh = this.#find((conn, slot) => isFree(conn) && !conn.wasUsed && slot < this.links);
    const found = fresh ?? this.#find(isFree);
    if (found !== undefined) return found;
    if (this.#conns.length >= 2 * this.links + RESERVE_MAX) return undefined;
    return this.#conns.push({ ...NEW_CONN }) - 1;
  }

  #find(isMeant: (conn: Conn, slot: number) => boolean): number | undefined {
    const slot = this.#conns.findIndex(isMeant);
    return slot < 0 ? undefined : slot;
  }
}

function isLive({ phase, isClaimed }: Conn): boolean {
  return phase !== 'none' || isClaimed;
}
