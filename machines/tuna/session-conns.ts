import { phaseTable, step, type PhaseOf } from '../phase-table.js';
import type { WireCause } from '../ports.js';
import { Doubts } from './doubts.js';
import type { Fault } from './tuna.messages.js';

/**
 * What becomes of a slot: no wire (dialing is none yet), one that has proven nothing, one that carries packets, one that is kept
 * open in case a place becomes free. The charts of the links tell it.
 */
export const CONN_PHASES = phaseTable('tuna-wire', 'none', {
  none: { open: 'opening', reserve: 'reserve', end: 'none' },
  /** A newer wire may take the place of one that has proven nothing. */
  opening: { open: 'opening', join: 'joined', reserve: 'reserve', end: 'none' },
  joined: { reserve: 'reserve', end: 'none' },
  reserve: { open: 'opening', reserve: 'reserve', end: 'none' },
});

export type ConnPhase = PhaseOf<typeof CONN_PHASES>;

interface Conn {
  phase: ConnPhase;
  /** A wire is on its way here, */
  isClaimed: boolean;
  /** to stay without a place. */
  isReserve: boolean;
  /** Where the wire was dialed, or is to be, where that is known. */
  address: string | undefined;
  /** It had a wire, or an attempt at one. */
  wasUsed: boolean;
  /** Acceptor: which link of the dialer it is, where the dialer says so, and the listener that it came to. */
  link: number | undefined;
  listener: string | undefined;
  /** When it joined the reserve: the oldest there has its turn first. */
  order: number;
  /** The slot whose wire it is to replace, or that is to replace its own; -1: none. */
  rival: number;
}

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
 * wire, and for those without a place. Pure; the chart reports what happens to wires, and asks.
 * @rule TUNA-5 TUNA-6 TUNA-9 TUNA-10
 */
export class SessionConns {
  readonly #conns: Conn[];
  #failed = 0; // Links of which a dial has failed, one bit each.
  /** Whether there ever was a wire. */
  everOpened = false;
  readonly doubts = new Doubts();
  /** What the peer said last about the end of a wire, since one joined. */
  accusation: Fault | undefined;
  /** Why the first dial failed while there never was a wire. */
  cause: WireCause | undefined;
  /** Acceptor: links that the dialer has named in its handshake; 0 before it. */
  peerLinks = 0;
  /** There are more wires than the peer can have: one of those that seem to live is dead, and asking finds out which. */
  isContested = false;
  #serial = 0; // Wires that have joined the reserve.
  #foreign = 0; // Links whose wire brought bytes of another protocol, and no packet before; one bit each.
  #spurned = 0; // Wires in a row that were given a place and left it without a word: their peer has no use for them.

  constructor(readonly links: number) {
    this.#conns = Array.from({ length: 2 * links }, newConn);
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

  // What happens to wires.

  used(slot: number): void {
    const conn = this.#conns[slot]!;
    conn.wasUsed = conn.isClaimed = true;
  }
  /** Where a link dials, from the moment on at which it knows. */
  dials(slot: number, address: string | undefined): void {
    this.#conns[slot]!.address = address;
  }
  opened(slot: number, address: string | undefined): void {
    const conn = this.#conns[slot]!;
    conn.phase = step(CONN_PHASES, conn.phase, 'open');
    conn.address = address;
    conn.wasUsed = conn.isClaimed = true;
    this.everOpened = true;
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
    this.doubts.clear();
    this.accusation = undefined;
    this.#foreign = this.#spurned = 0;
  }
  ended(slot: number, cause?: WireCause, now = 0): void {
    const conn = this.#conns[slot]!;
    if (conn.phase === 'opening') {
      this.doubts.ended(cause, now);
      this.#spurned++;
    }
    if (conn.phase === 'none') this.failed(slot, cause);
    conn.phase = step(CONN_PHASES, conn.phase, 'end');
    conn.isClaimed = conn.isReserve = false;
    conn.address = conn.link = undefined;
    this.#separate(slot);
  }

  /** Its dial has failed, or there was nothing to dial. */
  failed(slot: number, cause: WireCause | undefined): void {
    this.#failed |= 1 << (slot % this.links);
    this.cause ??= cause;
  }
  /** The peer speaks something else there. */
  spoilt(slot: number): void {
    if (this.#conns[slot]!.phase === 'opening') this.#foreign |= 1 << (slot % this.links);
  }
  /** One that is replaced, or has replaced, has no rival any more. */
  #separate(slot: number): void {
    const { rival } = this.#conns[slot]!;
    if (rival >= 0) this.#conns[rival]!.rival = -1;
    this.#conns[slot]!.rival = -1;
  }

  // What is asked.

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
    conn.listener = listener;
    return { slot, isReserve };
  }

  /**
   * A wire in reserve that may have a place, or -1: `wanted` says of which the peer has used. Where the dialer has more links than there
   * are places, it uses some of them only, and closes others when it is spoken to there; each is tried twice at most.
   */
  promote(isWanted: (slot: number) => boolean): number {
    if (!this.hasRoom) return -1;
    const wanted = this.#find((conn, slot) => conn.phase === 'reserve' && !conn.isClaimed && isWanted(slot));
    if (wanted !== undefined) return wanted;
    if (this.#isSpurned) return -1;
    let oldest = -1;
    this.#conns.forEach(({ phase, isClaimed, order }, slot) => {
      if (phase === 'reserve' && !isClaimed && (oldest < 0 || order < this.#conns[oldest]!.order)) oldest = slot;
    });
    return oldest;
  }

  /** Which of the wires that carry packets makes room for one that the peer uses; -1: the peer uses all of them. */
  idle(isUsed: (slot: number) => boolean): number {
    return this.#find((conn, slot) => conn.phase === 'joined' && !isUsed(slot)) ?? -1;
  }

  /**
   * Which of the peer's addresses of the moment a link dials: its own, by number. Where another link is there already, or on its way
   * (the peer tells them in another order), the first that is no link's; and none where its own is missing, for those of the others
   * are theirs: the original compares them with the addresses of its live connections.
   */
  addressFor(index: number, offered: readonly (string | undefined)[]): string | undefined {
    const own = offered[index];
    if (own === undefined) return undefined;
    const left = [...offered];
    for (let slot = 0; slot < this.#conns.length; slot++) {
      const { address } = this.#conns[slot]!;
      const taken = slot % this.links === index || address === undefined ? -1 : left.indexOf(address);
      if (taken >= 0) left.splice(taken, 1);
    }
    return left.includes(own) ? own : left.find((address) => address !== undefined);
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
    return this.#conns.push(newConn()) - 1;
  }

  #find(isMeant: (conn: Conn, slot: number) => boolean): number | undefined {
    const slot = this.#conns.findIndex(isMeant);
    return slot < 0 ? undefined : slot;
  }
}

function newConn(): Conn {
  return {
    phase: 'none',
    isClaimed: false,
    isReserve: false,
    address: undefined,
    wasUsed: false,
    link: undefined,
    listener: undefined,
    order: 0,
    rival: -1,
  };
}

function isLive({ phase, isClaimed }: Conn): boolean {
  return phase !== 'none' || isClaimed;
}
