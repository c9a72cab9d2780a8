/** Which side opened the wire. */
export type Role = 'dialer' | 'acceptor';

/** `initiator`: the connection initiated by the higher identity wins. `mostRecent`: SHIP TS 1.0.1, 12.2.2. */
export type TieRule = 'initiator' | 'mostRecent';

/** Which of two connections to one peer is to stay, and who we are when that is decided. */
export interface TieBreak {
  readonly rule: TieRule;
  /** This side's identity, comparable with those of peers: same alphabet, same case. */
  readonly localId: string;
}

/** Keep the current one and drop the newcomer; the other way round; leave both until the peer has dropped one. */
export type Crossing = 'keep' | 'replace' | 'wait';

/**
 * Whether a connection in which this side has `role` survives a simultaneous open. Both sides come to the same answer, in
 * whatever order they see the two. A connection to oneself is never kept.
 */
export function keeps(localId: string, remoteId: string, role: Role): boolean {
  return role === 'dialer' ? localId > remoteId : remoteId > localId;
}

/** Decides about the `current` connection to `remoteId` when a second one comes up. The arguments are this side's roles. */
export function crossing({ rule, localId }: TieBreak, remoteId: string, current: Role, candidate: Role): Crossing {
  // The same side dialed again. A peer does so after it lost its end; this side has one attempt at a time, under two names.
  if (current === candidate) return current === 'acceptor' ? 'replace' : 'keep';
  if (rule === 'initiator') return keeps(localId, remoteId, candidate) ? 'replace' : 'keep';
  // Two sides may not agree on what is recent, so the standard lets the higher identity decide, and the other wait for it.
  return localId > remoteId ? 'replace' : 'wait';
}
