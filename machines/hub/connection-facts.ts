import type { ActorRefFrom } from 'xstate';
import type { Closing } from '../closing.js';
import type { ApiState } from '../connection/api-state.js';
import type { ConnectionHandle } from '../connection/connection-handle.js';
import type { connectionMachine } from '../connection/connection.machine.js';
import type { Identity } from '../ports.js';
import type { Protocol, Session } from '../protocol.js';
import type { Role } from '../tie-break.js';
import { Callers } from './callers.js';
import type { ConnectRequest, DialTarget } from './connect-request.js';
import { RedialState } from './dial/redial-state.js';
import { hasServed } from './ending.js';
import type { OpenSession } from './open-session.js';
import type { RecordSide } from './record-side.js';

export type ConnectionRef = ActorRefFrom<typeof connectionMachine>;

/**
 * The facts about one connection: its peer and address, its current session, and their consequences. Its events are handled by
 * `ConnectionRecord`, which adds no fields. References to other objects are `accessor`s, so that nothing finds it by listing properties.
 */
export abstract class ConnectionFacts<Self> {
  /** Its id in the registry and the supervisor. */
  id = 0;
  accessor ref: ConnectionRef | undefined;
  accessor handle: ConnectionHandle<unknown> | undefined;
  accessor session: Session<unknown> | undefined;
  accessor target: DialTarget;
  accessor protocol: Protocol<unknown>;
  state: ApiState = 'none';
  role: Role = 'dialer';
  /** Dial again after an ending that makes sense to retry: for ever, or until the protocol's retries are used up. */
  keep: ConnectRequest['keep'];
  identity: Identity | undefined;
  isRemoved = false;
  /** It counts against the limits of connections. */
  holdsSlot = false;
  /** Its dial under way has reached a host; the handshakes of transport and protocol may be under way. */
  hasReached = false;
  /** All places are taken, and it was said. */
  isToldToWait = false;
  /** When a dial of the peer was first sent away because of what is here; since the last completion. */
  crossedAt: number | undefined;
  /** How the last attempt or connection ended. */
  lastCause: Closing | undefined;
  readonly redials = new RedialState();
  /** The successor of a session that the peer has lost, until it is dialed: the application may hold it already. */
  accessor successor: OpenSession | undefined;

  protected readonly callers = new Callers();
  protected accessor side: RecordSide<Self>;
  protected peerId: string | undefined;
  protected hasMet = false; // In this attempt the peer has said who it is.
  protected isConnected = false;
  protected round = 1; // Of its sessions, one after the other.
  protected isSpent = false; // That of this round is over.
  protected lostAt: number | undefined; // While there is no wire.
  #linkKeys: Set<string> | undefined; // Most have none.

  /** `key` is for people, queues and logs. */
  constructor(
    side: RecordSide<Self>,
    readonly key: string,
    protocol: Protocol<unknown>,
    target: DialTarget,
    readonly remoteAddress: string,
  ) {
    this.side = side;
    this.protocol = protocol;
    this.target = target;
    this.peerId = target.peer;
  }

  /** The id of the current session, or of the next one, where it is over. */
  get sessionId(): string {
    return this.idOf(this.isSpent ? this.round + 1 : this.round);
  }
  /** The id of the current session, or of the last one. */
  get handleId(): string {
    return this.handle?.id ?? this.sessionId;
  }
  get name(): string {
    return this.idOf(1); // Of the connection's actor, whatever the session.
  }
  idOf(round: number): string {
    return this.side.ids.of(this.protocol.name, this.id, round, this.key);
  }
  /** Constant: a snapshot that has it is the same whenever it is serialized. */
  toJSON(): string {
    return this.name;
  }
  /** The dial queue's key of one of several links. */
  linkKey(index: number): string {
    const key = `${this.key} link ${index}`;
    (this.#linkKeys ??= new Set()).add(key);
    return key;
  }
  get linkKeys(): Iterable<string> {
    return this.#linkKeys ?? [];
  }
  get isCompleted(): boolean {
    return this.isConnected;
  }
  get isEngaged(): boolean {
    return this.handle?.isOver === false; // A session is being opened, alive, or saying goodbye.
  }
  /** The peer has sent this attempt away for a connection that is there already, or on its way. */
  get isYielding(): boolean {
    return this.hasMet && this.state === 'inProgress';
  }
  get isAway(): boolean {
    return this.lostAt !== undefined; // It was up, and has lost its wire.
  }
  /** The peer has an identity, or has been of use. */
  get isProven(): boolean {
    return this.identity !== undefined || hasServed(this.session?.plane);
  }
  get isRegistered(): boolean {
    return this.keep === 'always';
  }
  /** A connection exists, is being made, or was promised to a caller. A registered peer that waits for its next dial needs none. */
  get needsSlot(): boolean {
    if (this.isEngaged) return true;
    return this.keep !== 'always' && (this.hasCallers || this.keep === 'retries' || this.successor !== undefined);
  }
  get hasCallers(): boolean {
    return !this.callers.isEmpty;
  }
  /** The peer's id or proven identity, or the address it was dialed at or came from. */
  get peer(): string {
    return this.peerId ?? this.identity?.fingerprint ?? this.target.targets[0] ?? this.remoteAddress;
  }
}
