import type { AnyActorRef } from 'xstate';
import { closing, isOrderly, type Closing } from '../../closing.js';
import type { ApiState } from '../../connection/api-state.js';
import type { Clock, Identity, Offer } from '../../ports.js';
import type { Protocol, Session } from '../../protocol.js';
import { unlisted } from '../../unlisted.js';
import { decideMeeting, decideReplacement, type Replacement } from '../hub-state.js';
import { crossing, type Role } from '../../tie-break.js';
import { WireOffered } from '../../connection/wire-offered.js';
import type { ConnectionKey } from '../registry.js';
import { AbsentSessions, type AcceptedSession } from './absent-sessions.js';
import type { IdentifiedWire } from './identify.service.js';
import { RETRY_AFTER_MS } from './listener.service.js';

/** The facts about the connection that an accepted wire is for. */
export interface RoutedConnection extends AcceptedSession {
  readonly id: number;
  readonly key: string;
  readonly name: string;
  readonly peer: string;
  readonly protocol: Protocol<unknown>;
  readonly state: ApiState;
  /** A session is being opened, alive, or saying goodbye. */
  readonly isEngaged: boolean;
  readonly hasReached: boolean;
  readonly holdsSlot: boolean;
  /** The id of the current session. */
  readonly handleId: string;
  readonly session: Session<unknown> | undefined;
  readonly ref: AnyActorRef | undefined;
  identity: Identity | undefined;
  crossedAt: number | undefined;
}

/** Events from routing to the hub's chart. */
export type RoutingEvent =
  | { type: 'wire.identified'; wire: IdentifiedWire }
  /** The peer has not dropped one of two connections in time. */
  | { type: 'tie.undecided'; id: number }
  /** A wire that waits for our decision has said something. */
  | { type: 'tie.spoke'; id: number };

/** The hub, as routing needs it. */
export interface RouterSide<Connection extends RoutedConnection> {
  readonly options: { readonly unprovenPerAddressMax: number };
  readonly clock: Clock;
  readonly registry: {
    find(key: ConnectionKey): { readonly value: Connection } | undefined;
    get(id: number): { readonly value: Connection } | undefined;
  };
  /** The application has not taken as many accepted connections as it may leave. */
  readonly isBusy: boolean;
  readonly slots: {
    hasRoom(protocol: Protocol<unknown>, peer: string): boolean;
    mayDisplace(protocol: Protocol<unknown>, peer: string): boolean;
    displace(protocol: Protocol<unknown>, peer: string): boolean;
  };
  refused(remoteAddress: string, code: string): void;
  /** A new connection that came from outside; what is missing for it to live is its wire. */
  spawn(key: ConnectionKey, protocol: Protocol<unknown>, remoteAddress: string, peer?: string): Connection;
  send(event: RoutingEvent): void;
}

/** A wire that waits for the peer's decision. */
interface DeferredConnection {
  readonly wire: IdentifiedWire;
  readonly timer: unknown;
  /** Where the decision is ours: the wire is older than our own dial, which is the newest if it opens. */
  readonly isOlder: boolean | undefined;
}

const NO_WORDS = new Uint8Array(0);
/** How long the peer may take to drop one of two connections (SHIP 12.2.2: the lower side is passive for 3 s). */
const DECISION_MS = 3000;
/** An opening holds what proves a session; inspectors see every event. */
const SECRETS = ['opening'];
type RefusalCode = Parameters<Protocol<unknown>['refusal']>[0];

/** A session that has ended: the answer to a peer that comes back late, and the timer that forgets it. */
interface Tombstone {
  readonly id: string;
  readonly code: 'ended' | 'unknown-session' | 'token-refused';
  readonly timer: unknown;
}

/** Ended sessions remembered at once; beyond it a late return gets `unknown-session`. */
const TOMBSTONES_MAX = 10_000;

/**
 * Routes accepted wires that have said what they are for: back to the session they name, to a new connection, in the place of
 * our own attempt to the same peer (simultaneous open), or away with a refusal. Called by the hub's actions alone.
 */
export class IncomingRouter<Connection extends RoutedConnection> {
  #deferred = new Map<number, DeferredConnection>(); // By the connection whose end they wait for; at most one each.
  #tombstones = new Map<string, Tombstone>();
  #isClosed = false;

  readonly absent: AbsentSessions;

  constructor(readonly side: RouterSide<Connection>) {
    this.absent = new AbsentSessions(side.options.unprovenPerAddressMax);
  }

  route(wire: IdentifiedWire): void {
    const { protocol, known, identity, remoteAddress } = wire;
    const key = keyOf(protocol, known.label);
    const found = this.side.registry.find(key)?.value;
    if (found?.isEngaged === true) {
      if (protocol.keyed === 'peer') return this.#meet(found, wire);
      const answer = found.session?.authorize?.(known.opening, identity);
      if (answer?.admit !== false) return this.#offer(found, wire);
      this.side.refused(remoteAddress, answer.code);
      return wire.refuse(answer.say);
    }
    const refusal = this.#refusalOf(found, wire);
    if (refusal !== undefined) return this.#refuse(wire, refusal);
    if (found !== undefined) return this.#offer(found, wire);
    const connection = this.side.spawn(key, protocol, remoteAddress, known.peer);
    this.#offer(connection, wire);
    if (protocol.keyed === 'session') this.absent.begun(connection);
  }

  /** Why a wire would be refused, as far as that is known before the peer says a word. */
  objection({ identity, remoteAddress }: Offer, protocols: readonly Protocol<unknown>[]): 'busy' | 'limit-reached' | undefined {
    const { isBusy, registry, slots } = this.side;
    if (isBusy && !this.absent.isAnyAwaited) return 'busy'; // A session that comes back is recognized by its first bytes.
    const [protocol] = protocols;
    if (protocol?.keyed !== 'peer' || protocols.length > 1) return undefined; // Its first words decide.
    const known = protocol.identify(NO_WORDS, { identity, remoteAddress });
    if (known.word !== 'known' || registry.find(keyOf(protocol, known.label))?.value.holdsSlot === true) return undefined;
    return slots.hasRoom(protocol, known.label) || slots.mayDisplace(protocol, known.label) ? undefined : 'limit-reached';
  }

  /** Sessions that have ended and are remembered, by `connection.id`. */
  get ended(): readonly string[] {
    return [...this.#tombstones.values()].map(({ id }) => id);
  }

  /** A session has ended: a peer that comes back to it late gets that answer. */
  remember(connection: Connection, { code }: Closing): void {
    const { clock } = this.side;
    const { key, protocol } = connection;
    if (protocol.tombstoneMs === 0 || this.#isClosed) return;
    clock.clearTimeout(this.#tombstones.get(key)?.timer);
    this.#tombstones.delete(key);
    if (this.#tombstones.size >= TOMBSTONES_MAX) return;
    this.#tombstones.set(key, {
      id: connection.handleId,
      code: isOrderly({ code }) ? 'ended' : code === 'token-refused' ? code : 'unknown-session',
      timer: clock.setTimeout(() => this.#tombstones.delete(key), protocol.tombstoneMs),
    });
  }

  /** The hub shuts down: nothing is remembered from here on, and no wire waits. */
  close(): void {
    this.#isClosed = true;
    for (const { timer } of this.#tombstones.values()) this.side.clock.clearTimeout(timer);
    this.#tombstones.clear();
    for (const id of [...this.#deferred.keys()]) this.#turnAway(id);
  }

  /** The peer dialed while there is a connection to it, or an attempt: one of the two must go, and both sides agree on which. */
  #meet(found: Connection, wire: IdentifiedWire): void {
    const { known, protocol } = wire;
    const decision = decideMeeting(
      {
        role: found.role,
        state: found.state,
        isCompleted: found.isCompleted,
        hasReached: found.hasReached,
        crossedForMs: found.crossedAt === undefined ? undefined : this.side.clock.now() - found.crossedAt,
        rule: crossingOf(protocol, known.label, found.role, 'acceptor'),
        newestStays: protocol.ties?.rule === 'mostRecent',
        isInquiry: known.isInquiry === true,
        hasOpening: known.opening !== undefined,
      },
      RETRY_AFTER_MS,
    );
    switch (decision) {
      case 'wait':
        return this.#defer(found, wire);
      case 'await-first-bytes': // Where ours opens after the peer's, it is the newest itself.
        return this.#defer(found, wire, found.state === 'initiated');
      case 'probe-and-refuse': // The peer may have lost what we hold for alive: it will ask again, and by then we know.
        found.ref?.send({ type: 'probe' });
        found.crossedAt ??= this.side.clock.now();
        return this.#refuse(wire, 'crossed');
      case 'refuse':
        found.crossedAt ??= this.side.clock.now();
        return this.#refuse(wire, 'crossed');
      default:
        return this.#replace(found, wire, decision);
    }
  }

  #replace(found: Connection, wire: IdentifiedWire, how: Replacement): void {
    if (how === 'take-over-attempt') return this.#takeOver(found, wire);
    found.ref?.send({ type: 'abort', closing: closing('replaced', 'remote') });
    this.route(wire);
  }

  /**
   * The peer decides which of two stays. Its newer wire waits here, unopened, until ours has ended or the time is up. Ours is asked
   * for a sign of life meanwhile: a peer that lost its end without a word can't drop it, and it is dropped here.
   */
  #defer(found: Connection, wire: IdentifiedWire, isOlder?: boolean): void {
    const { id } = found;
    this.#turnAway(id);
    const timer = this.side.clock.setTimeout(() => this.side.send({ type: 'tie.undecided', id }), DECISION_MS);
    this.#deferred.set(id, { wire, timer, isOlder });
    wire.watch({
      said: () => isOlder === false && this.side.send({ type: 'tie.spoke', id }),
      closed: () => this.#dismiss(id, wire),
    });
    found.ref?.send({ type: 'probe' });
  }

  /** The peer has not decided in time. */
  expire(id: number): void {
    const deferred = this.#deferred.get(id);
    const found = this.side.registry.get(id)?.value;
    // Accepted, and nothing since: whatever that is, it is not what the peer keeps.
    if (deferred !== undefined && found?.state === 'initiated') this.#takeOver(found, deferred.wire);
    else this.#turnAway(id);
  }

  /** The peer's wire takes the place of our attempt. */
  #takeOver(found: Connection, { opener, known, identity }: IdentifiedWire): void {
    const deferred = this.#deferred.get(found.id);
    if (deferred !== undefined) this.#dismiss(found.id, deferred.wire);
    found.identity ??= identity;
    found.ref?.send(unlisted({ type: 'crossed', opener, opening: known.opening }, SECRETS));
  }

  /** A wire that waits for our decision has said something: it is alive, and the newest. */
  spoke(id: number): void {
    const deferred = this.#deferred.get(id);
    const found = this.side.registry.get(id)?.value;
    if (deferred?.isOlder !== false || found === undefined) return;
    this.#dismiss(id, deferred.wire);
    this.#replace(found, deferred.wire, decideReplacement(found)); // As it is now.
  }

  /** Our dial has opened, and is newer than a wire of the same peer that came before that and waits here. */
  opened({ id }: Connection): void {
    if (this.#deferred.get(id)?.isOlder === true) this.#turnAway(id);
  }

  /** A session has ended: a wire of the same peer that waited for that comes in. */
  release(connection: Connection): void {
    this.absent.ended(connection);
    const deferred = this.#deferred.get(connection.id);
    if (deferred === undefined) return;
    this.#dismiss(connection.id, deferred.wire);
    this.side.clock.soon(() => this.side.send({ type: 'wire.identified', wire: deferred.wire }));
  }

  /** It waits no longer. */
  #dismiss(id: number, wire: IdentifiedWire): void {
    const deferred = this.#deferred.get(id);
    if (deferred?.wire !== wire) return;
    this.#deferred.delete(id);
    this.side.clock.clearTimeout(deferred.timer);
  }

  #turnAway(id: number): void {
    const deferred = this.#deferred.get(id);
    if (deferred === undefined) return;
    this.#dismiss(id, deferred.wire);
    this.side.refused(deferred.wire.remoteAddress, 'crossed');
    deferred.wire.drop();
  }

  #offer(connection: Connection, { opener, known, identity }: IdentifiedWire): void {
    connection.identity ??= identity;
    const isTrusted = connection.protocol.trusts?.(connection.peer) ?? true;
    connection.ref!.send(new WireOffered(opener, known.opening, isTrusted));
  }

  #refuse(wire: IdentifiedWire, code: RefusalCode): void {
    this.side.refused(wire.remoteAddress, code);
    const mayReturn = code === 'busy' || code === 'limit-reached' || code === 'crossed';
    wire.refuse(wire.protocol.refusal(code, mayReturn ? RETRY_AFTER_MS : 0, wire.known.opening));
  }

  #refusalOf(found: Connection | undefined, { protocol, known, identity }: IdentifiedWire): RefusalCode | undefined {
    const late = this.#tombstones.get(nameOf(protocol, known.label));
    if (late !== undefined && known.mayReturn === true) return 'ended';
    if (!known.isNew) return late?.code ?? 'unknown-session';
    if (this.side.isBusy) return 'busy';
    if (found?.holdsSlot === true) return undefined;
    const { slots } = this.side;
    const hasRoom = slots.hasRoom(protocol, identity?.fingerprint ?? '') || slots.displace(protocol, known.label);
    return hasRoom ? undefined : 'limit-reached';
  }
}

/** Decides about a second connection to `peer`. Without identities to compare, the newer one counts. */
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
