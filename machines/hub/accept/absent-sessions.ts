import { closing, type Closing } from '../../closing.js';
import type { Role } from '../../tie-break.js';
import { addressKeyOf } from './opening-limits.js';

/** The facts about a session that count here. */
export interface AcceptedSession {
  readonly role: Role;
  readonly remoteAddress: string;
  readonly isCompleted: boolean;
  /** It was up, and has lost its wire. */
  readonly isAway: boolean;
  /** The peer has an identity, or has been of use. */
  readonly isProven: boolean;
  readonly ref: { send(event: { type: 'abort'; closing: Closing }): void } | undefined;
}

/** On loopback, where all clients of a proxy seem to come from, this many times as many. */
const LOOPBACK_FACTOR = 4;

/**
 * Accepted sessions without their peer: their wire is lost, or they are not confirmed yet. From one address
 * there are only so many that have proven nothing (no identity, no message either way, no return); beyond it the oldest is given
 * up. A session that was used is never given up for another, and one whose wire is up neither.
 */
export class AbsentSessions {
  #lost = new Map<string, Set<AcceptedSession>>(); // By address. Sessions that have come back are removed when room is needed.
  #unproven = new Map<string, Set<AcceptedSession>>(); // Oldest first.

  /** @param perAddressMax sessions from one address that have proven nothing */
  constructor(readonly perAddressMax: number) {}

  /** A session was begun by a hello that proves nothing. On loopback it counts only once its wire is lost. */
  begun(entry: AcceptedSession): void {
    const source = addressKeyOf(entry.remoteAddress);
    if (source !== '') this.#bound(source, entry);
  }

  /** The session was up, and has lost its wire. */
  lost(entry: AcceptedSession): void {
    if (entry.role !== 'acceptor') return;
    const source = addressKeyOf(entry.remoteAddress);
    setOf(this.#lost, source).add(entry);
    if (!entry.isProven) this.#bound(source, entry);
  }

  ended(entry: AcceptedSession): void {
    const source = addressKeyOf(entry.remoteAddress);
    for (const sets of [this.#lost, this.#unproven]) {
      const set = sets.get(source);
      if (set?.delete(entry) === true && set.size === 0) sets.delete(source);
    }
  }

  /** Whether a session that came from this address waits for its peer. On loopback all peers have the same address: never. */
  isAwaited(remoteAddress: string): boolean {
    const source = addressKeyOf(remoteAddress);
    return source !== '' && this.#hasLost(source);
  }

  /** Whether any session waits for its peer. */
  get isAnyAwaited(): boolean {
    for (const source of [...this.#lost.keys()]) if (this.#hasLost(source)) return true;
    return false;
  }

  #hasLost(source: string): boolean {
    const set = this.#lost.get(source);
    for (const entry of set ?? []) {
      if (entry.isAway) return true;
      set!.delete(entry);
    }
    this.#lost.delete(source);
    return false;
  }

  #bound(source: string, entry: AcceptedSession): void {
    const set = setOf(this.#unproven, source);
    set.delete(entry);
    set.add(entry);
    const max = this.perAddressMax * (source === '' ? LOOPBACK_FACTOR : 1);
    if (set.size <= max) return;
    for (const each of [...set]) {
      const counts = !each.isProven && (each.isAway || (source !== '' && !each.isCompleted));
      if (!counts) set.delete(each);
    }
    if (set.size <= max) return;
    const [oldest] = set;
    set.delete(oldest!);
    oldest!.ref?.send({ type: 'abort', closing: closing('limit-reached', 'local') });
  }
}

function setOf(sets: Map<string, Set<AcceptedSession>>, source: string): Set<AcceptedSession> {
  const set = sets.get(source) ?? new Set();
  sets.set(source, set);
  return set;
}
