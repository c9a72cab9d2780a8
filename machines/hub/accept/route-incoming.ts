import { closing, type Closing, type ClosingCode } from '../../closing.js';
import type { Clock, Opener, WireHandler } from '../../ports.js';
import type { Protocol } from '../../protocol.js';
import { AbsentSessions } from './absent-sessions.js';
import { unlisted } from '../../unlisted.js';
import type { Arrival, Known } from './identify.service.js';
import type { Entry } from '../connection-record.js';
import { RETRY_AFTER_MS } from './listener.service.js';
import type { Places } from '../connection-slots.js';
import { crossing, type Role } from '../../tie-break.js';
import type { ConnectionKey, Registry } from '../registry.js';

/** What the reception needs of the hub. */
export interface ReceptionSide {
  readonly options: { readonly unprovenPerAddressMax: number };
  readonly clock: Clock;
  readonly registry: Registry<Entry>;
  readonly isBusy: boolean;
  readonly places: Pick<Places, 'hasRoom' | 'displace'>;
  refused(remoteAddress: string, code: string): void;
  /** A new connection that came from outside; what is missing for it to live is its wire. */
  spawn(key: ConnectionKey, protocol: Protocol<unknown>, remoteAddress: string, peer?: string): Entry;
}

/** A wire that waits for a decision, the peer's or ours. */
interface Guest {
  readonly protocol: Protocol<unknown>;
  readonly known: Known;
  readonly about: Arrival;
  readonly opener: Opener;
  readonly timer?: unknown;
  /** The decision is ours, and falls when our own dial has opened. */
  readonly isOlder?: boolean;
}

/** How long the peer may take to drop one of two connections (ship.md, 4.5: the lower side is passive for 3 s). */
const DECISION_MS = 3000;
/** An opening holds what proves a session. Inspectors see every event, and need not see that. */
const SECRETS = ['opening'];
const DEAF: WireHandler = { onOpen: () => {}, onBytes: () => {}, onDrain: () => {}, onProbeAnswer: () => {}, onClose: () => {} };

/** Bytes to say before the wire is closed; none to close it without a word. */
type Answer = Uint8Array | 'taken' | undefined;
type RefusalCode = Parameters<Protocol<unknown>['refusal']>[0];

/** A session that has ended. What its peer hears who comes back late, and the timer that forgets it. */
interface Tombstone {
  readonly id: string;
  readonly code: 'ended' | 'unknown-session' | 'token-refused';
  readonly timer: unknown;
}

/** Ended sessions remembered at once; beyond it a late return hears `unknown-session`. */
const TOMBSTONES_MAX = 10_000;
/** Ends that both sides agree on, or would, had the last words arrived. After any other the session is lost to its peer. */
const ORDERLY: readonly ClosingCode[] = ['closed', 'peer-goodbye', 'shutdown', 'drained'];

/**
 * Decides about wires that have said whose they are: back to the session they name, to a new connection, in the place of an
 * attempt of our own to the same peer (simultaneous open), or away with words that say why.
 */
export class Reception {
  #guests = new Map<number, Guest>(); // By the entry whose end they wait for; at most one each.
  #tombstones = new Map<string, Tombstone>();

  readonly absent: AbsentSessions;

  constructor(readonly side: ReceptionSide) {
    this.absent = new AbsentSessions(side.options.unprovenPerAddressMax);
  }

  arrived(protocol: Protocol<unknown>, known: Known, about: Arrival, opener: Opener): Answer {
    const key = keyOf(protocol, known.label);
    const found = this.side.registry.find(key)?.value;
    if (found?.isEngaged === true) {
      if (protocol.keyed === 'peer') return this.#meet(found, protocol, known, about, opener);
      const verdict = found.session?.judge?.(known.opening, about.identity);
      if (verdict?.admit === false) {
        this.side.refused(about.remoteAddress, verdict.code);
        return verdict.say;
      }
      return this.#offer(found, known, about, opener);
    }
    const refusal = this.#refusalOf(protocol, known, found, about);
    if (refusal !== undefined) return this.#refuse(protocol, refusal, about, known.opening);
    if (found !== undefined) return this.#offer(found, known, about, opener);
    const entry = this.side.spawn(key, protocol, about.remoteAddress, known.peer);
    this.#offer(entry, known, about, opener);
    if (protocol.keyed === 'session') this.absent.begun(entry);
    return 'taken';
  }

  /** Sessions that have ended and are remembered, by `connection.id`. */
  get ended(): readonly string[] {
    return [...this.#tombstones.values()].map(({ id }) => id);
  }

  /** A session has ended: who comes back to it late shall hear so, or that it was given up. */
  remember(entry: Entry, { code }: Closing): void {
    const { clock } = this.side;
    const { key, protocol } = entry;
    if (protocol.tombstoneMs === 0) return;
    clock.clearTimeout(this.#tombstones.get(key)?.timer);
    this.#tombstones.delete(key);
    if (this.#tombstones.size >= TOMBSTONES_MAX) return;
    this.#tombstones.set(key, {
      id: entry.handle?.id ?? entry.sessionId,
      code: ORDERLY.includes(code) ? 'ended' : code === 'token-refused' ? code : 'unknown-session',
      timer: clock.setTimeout(() => this.#tombstones.delete(key), protocol.tombstoneMs),
    });
  }

  forgetAll(): void {
    for (const { timer } of this.#tombstones.values()) this.side.clock.clearTimeout(timer);
    this.#tombstones.clear();
    for (const [id, guest] of [...this.#guests]) this.#turnAway(id, guest);
  }

  /** The peer dialed while there is a connection to it, or an attempt: one of the two must go, and both sides agree on which. */
  #meet(found: Entry, protocol: Protocol<unknown>, known: Known, about: Arrival, opener: Opener): Answer {
    const guest = { protocol, known, about, opener };
    const verdict = found.isCompleted && known.isInquiry === true ? 'keep' : this.#judge(found, protocol, known);
    if (verdict === 'wait') return this.#keepWaiting(found, guest);
    if (verdict === 'keep') {
      // Either its dial crossed ours, or the peer has lost what we hold for alive: it will ask again, and by then we know.
      if (found.isCompleted) found.ref?.send({ type: 'probe' });
      found.crossedAt ??= this.side.clock.now();
      return this.#refuse(protocol, 'crossed', about);
    }
    const isOurs = found.role === 'dialer' && !(found.state === 'initiated' && !found.hasReached);
    return protocol.ties?.rule === 'mostRecent' && isOurs ? this.#hearOut(found, guest) : this.#replace(found, guest);
  }

  /** The peer's newer wire takes the place of what is here. */
  #replace(found: Entry, guest: Guest): Answer {
    const isAttempt = found.role === 'dialer' && (found.state === 'initiated' || found.state === 'inProgress');
    if (isAttempt) return this.#takeOver(found, guest);
    found.ref?.send({ type: 'abort', closing: closing('replaced', 'remote') });
    return this.arrived(guest.protocol, guest.known, guest.about, guest.opener);
  }

  /**
   * The newest stays, by our decision. A peer with a rule of its own may keep the wire that we dialed, though, and then it drops its
   * own without a word. Were ours dropped at once, both would be gone. So ours stays until something has come over the peer's, and
   * where it opens after the peer's has, it is the newest itself.
   * @rule SHIP-11
   */
  #hearOut(found: Entry, guest: Guest): 'taken' {
    const isOlder = found.state === 'initiated';
    return this.#keepWaiting(found, { ...guest, isOlder }, () => {
      if (isOlder) return;
      this.#dismiss(found.id, guest);
      if (this.#replace(found, guest) !== 'taken') guest.opener(DEAF)(); // Reported already.
    });
  }

  /**
   * The peer decides which of two stays. Its newer wire waits here, unopened, until ours has ended or the time is up. Ours is asked
   * for a sign of life meanwhile: a peer that lost its end without a word can't drop it, and it is dropped here.
   */
  #keepWaiting(found: Entry, guest: Guest, said = (): void => {}): 'taken' {
    const before = this.#guests.get(found.id);
    if (before !== undefined) this.#turnAway(found.id, before);
    const timer = this.side.clock.setTimeout(() => {
      // Accepted, and nothing since: whatever that is, it is not what the peer keeps.
      if (found.state === 'initiated') this.#takeOver(found, guest);
      else this.#turnAway(found.id, guest);
    }, DECISION_MS);
    this.#guests.set(found.id, { ...guest, timer });
    guest.about.watch({ said, closed: () => this.#dismiss(found.id, guest) });
    found.ref?.send({ type: 'probe' });
    return 'taken';
  }

  /** The peer's wire takes the place of our attempt. */
  #takeOver(found: Entry, { known, about, opener }: Pick<Guest, 'known' | 'about' | 'opener'>): 'taken' {
    this.#guests.delete(found.id);
    found.identity ??= about.identity;
    found.ref?.send(unlisted({ type: 'crossed', opener, opening: known.opening }, SECRETS));
    return 'taken';
  }

  /** Our dial has opened, and is newer than a wire of the same peer that came before that and waits here. */
  opened(entry: Entry): void {
    const guest = this.#guests.get(entry.id);
    if (guest?.isOlder === true) this.#turnAway(entry.id, guest);
  }

  /** A session has ended: a wire of the same peer that waited for that comes in. */
  release(entry: Entry): void {
    this.absent.ended(entry);
    const guest = this.#guests.get(entry.id);
    if (guest === undefined) return;
    this.#dismiss(entry.id, guest);
    this.side.clock.soon(() => {
      const answer = this.arrived(guest.protocol, guest.known, guest.about, guest.opener);
      if (answer !== 'taken') guest.opener(DEAF)(); // Reported already.
    });
  }

  /** It waits no longer. */
  #dismiss(id: number, { opener }: Guest): void {
    const guest = this.#guests.get(id);
    if (guest?.opener !== opener) return;
    this.#guests.delete(id);
    this.side.clock.clearTimeout(guest.timer);
  }

  #turnAway(id: number, guest: Guest): void {
    this.#dismiss(id, guest);
    this.side.refused(guest.about.remoteAddress, 'crossed');
    guest.opener(DEAF)();
  }

  /**
   * The one that counts by the rule of ties stays, but for two cases: our own dial has said nothing yet, so that the peer can't
   * have judged it (and may never hear it); or the peer has waited for what is here, in vain, and dials again.
   * @rule POOL-4
   */
  #judge(found: Entry, protocol: Protocol<unknown>, known: Known): 'keep' | 'replace' | 'wait' {
    const verdict = crossingOf(protocol, known.label, found.role, 'acceptor');
    if (verdict === 'wait' && found.state === 'initiated' && !found.hasReached) return 'replace'; // The peer can't know of it.
    if (verdict !== 'keep') return verdict;
    const isUnheard = found.state === 'initiated' && known.opening !== undefined;
    const hasWaited = found.crossedAt !== undefined && this.side.clock.now() - found.crossedAt >= RETRY_AFTER_MS;
    return isUnheard || hasWaited ? 'replace' : 'keep';
  }

  #offer(entry: Entry, known: Known, about: Arrival, opener: Opener): 'taken' {
    entry.identity ??= about.identity;
    const isTrusted = entry.protocol.trusts?.(entry.peer) ?? true;
    entry.ref!.send(unlisted({ type: 'offered', opener, opening: known.opening, isTrusted }, SECRETS));
    return 'taken';
  }

  #refuse(protocol: Protocol<unknown>, code: RefusalCode, { remoteAddress }: Arrival, opening?: unknown): Uint8Array | undefined {
    this.side.refused(remoteAddress, code);
    const isLater = code === 'busy' || code === 'limit-reached' || code === 'crossed';
    return protocol.refusal(code, isLater ? RETRY_AFTER_MS : 0, opening);
  }

  #refusalOf(
    protocol: Protocol<unknown>,
    known: Known,
    found: Entry | undefined,
    { identity }: Arrival,
  ): RefusalCode | undefined {
    const late = this.#tombstones.get(nameOf(protocol, known.label));
    if (late !== undefined && known.mayReturn === true) return 'ended';
    if (!known.isNew) return late?.code ?? 'unknown-session';
    if (this.side.isBusy) return 'busy';
    if (found?.holdsPlace === true) return undefined;
    const { places } = this.side;
    const hasRoom = places.hasRoom(protocol, identity?.fingerprint ?? '') || places.displace(protocol, known.label);
    return hasRoom ? undefined : 'limit-reached';
  }
}

/** What of two connections to `peer` becomes of the second one. Without identities to compare, the newer one counts. */
export function crossingOf(
  protocol: Protocol<unknown>,
  peer: string,
  current: Role,
  candidate: Role,
): 'keep' | 'replace' | 'wait' {
  return protocol.ties === undefined ? 'replace' : crossing(protocol.ties, peer, current, candidate);
}

/** Under which key a session or a peer stands in the registry. */
export function keyOf(protocol: Protocol<unknown>, label: string): ConnectionKey {
  const isPeer = protocol.keyed === 'peer';
  return { protocol: protocol.name, peer: isPeer ? label : '', label: isPeer ? '' : label };
}

/** The same for people, queues and logs. */
export function nameOf(protocol: Protocol<unknown>, label: string): string {
  return `${protocol.name} ${label}`;
}
