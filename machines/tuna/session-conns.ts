import type { WireCause } from '../ports.js';
import { Doubts } from './doubts.js';

/** What becomes of a slot: no wire (dialing is none yet), one that has proven nothing, one that carries packets. */
export type ConnPhase = 'none' | 'opening' | 'joined';

interface Conn {
  phase: ConnPhase;
  /** Where the wire was dialed, where that is known. */
  address: string | undefined;
  /** It had a wire, or an attempt at one. */
  wasUsed: boolean;
}

/**
 * Which wires a session has: the original's `sessionConns` and `connCount`, as one table, so that they can't disagree. A link `i` has the
 * slots `i` and `i + n`, for a wire and its successor: a newcomer has a place of its own until it has proven itself. Pure; the chart
 * reports what happens to wires, and asks.
 * @rule TUNA-5 TUNA-6 TUNA-9
 */
export class SessionConns {
  readonly #conns: Conn[];
  #failed = 0; // Links of which a dial has failed, one bit each.
  /** Whether there ever was a wire. */
  everOpened = false;
  readonly doubts = new Doubts();
  /** Why the first dial failed while there never was a wire. */
  cause: WireCause | undefined;
  #foreign = 0; // Links whose wire brought bytes of another protocol, and no packet before; one bit each.

  constructor(readonly links: number) {
    this.#conns = Array.from({ length: 2 * links }, () => ({ phase: 'none', address: undefined, wasUsed: false }));
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
  /** Links that were dialed in vain while there never was a wire. */
  get failures(): number {
    let count = 0;
    if (!this.everOpened) for (let left = this.#failed; left !== 0; left &= left - 1) count++;
    return count;
  }

  phaseOf(slot: number): ConnPhase {
    return this.#conns[slot]!.phase;
  }
  rivalOf(slot: number): number {
    return (slot + this.links) % (2 * this.links);
  }

  // What happens to wires.

  used(slot: number): void {
    this.#conns[slot]!.wasUsed = true;
  }
  opened(slot: number, address: string | undefined): void {
    const conn = this.#conns[slot]!;
    conn.phase = 'opening';
    conn.address = address;
    this.everOpened = true;
  }
  joined(slot: number): void {
    this.#conns[slot]!.phase = 'joined';
    this.doubts.clear();
    this.#foreign = 0;
  }
  ended(slot: number, cause?: WireCause, now = 0): void {
    const conn = this.#conns[slot]!;
    if (conn.phase === 'opening') this.doubts.ended(cause, now);
    if (conn.phase === 'none') this.failed(slot, cause);
    conn.phase = 'none';
    conn.address = undefined;
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
   * Where a wire that came in goes: to its link's slot without a joined one. What doesn't name its link (the original tells links
   * apart by listeners) gets the first that has no wire.
   */
  slotFor(link: number | undefined): number {
    const index = link === undefined ? this.#vacant() : link % this.links;
    return this.phaseOf(index) === 'joined' ? index + this.links : index;
  }

  /**
   * Which of the peer's addresses of the moment a link dials: its own by number, or the first, of those that are left when each live
   * link has taken the one it is at (seed: the addresses are compared with those of the live connections).
   */
  addressFor(index: number, offered: readonly (string | undefined)[]): string | undefined {
    const left = [...offered];
    for (let slot = 0; slot < this.#conns.length; slot++) {
      const { address } = this.#conns[slot]!;
      const taken = slot % this.links === index || address === undefined ? -1 : left.indexOf(address);
      if (taken >= 0) left.splice(taken, 1);
    }
    const own = offered[index];
    return own !== undefined && left.includes(own) ? own : left.find((address) => address !== undefined);
  }

  #vacant(): number {
    const isFree = (index: number): boolean => this.phaseOf(index) === 'none' && this.phaseOf(index + this.links) === 'none';
    let free = -1;
    for (let index = this.links - 1; index >= 0; index--) {
      if (!isFree(index)) continue;
      if (free < 0 || !this.#conns[index]!.wasUsed || this.#conns[free]!.wasUsed) free = index;
    }
    return free < 0 ? this.links - 1 : free;
  }
}
