import type { ActorRefFrom } from 'xstate';
import { reportCallback } from '../callbacks.js';
import { closing, type Closing } from '../closing.js';
import type { ApiState } from '../connection/api-state.js';
import type { connectionMachine } from '../connection/connection.machine.js';
import type { ConnectionPort } from '../connection/connection.setup.js';
import type { GrantRequest } from '../dial-permit.service.js';
import { Handle, type Connection } from '../connection/connection-handle.js';
import type { Identity, Opener, Wire } from '../ports.js';
import type { Protocol, ProtocolCommand, ProtocolInput, Session, SessionRequest } from '../protocol.js';
import type { ConnectRequest } from './connection-manager.js';
import { callOff, followedBy, SUPERSEDED, type Caller, type DeskSide, type Made, type Wish } from './connect-request.js';
import { afterEnding } from './dial/redial-policy.js';
import { Redials } from './dial/redial-state.js';
import { hasServed } from './accept/absent-sessions.js';
import { SessionHandle } from '../session-handle.js';
import type { Role } from '../tie-break.js';

export type ConnectionRef = ActorRefFrom<typeof connectionMachine>;

/** One key of the registry: the connection's actor, its session of the moment, and who waits for it. Implements what the chart needs of the hub. */
export class Entry implements ConnectionPort {
  /** What the registry and the supervisor call it by. */
  id = 0;
  accessor ref: ConnectionRef | undefined;
  accessor handle: Handle<unknown> | undefined;
  accessor session: Session<unknown> | undefined;
  accessor wish: Wish;
  accessor protocol: Protocol<unknown>;
  state: ApiState = 'none';
  role: Role = 'dialer';
  /** Dial again after an ending that makes sense to retry: for ever, or until the protocol's retries are used up. */
  keep: ConnectRequest['keep'];
  identity: Identity | undefined;
  isBuried = false;
  /** It counts against the limits of connections. */
  holdsPlace = false;
  /** Its dial under way has reached a host; the handshakes of transport and protocol may be under way. */
  hasReached = false;
  /** All places are taken, and it was said. */
  isToldToWait = false;
  /** When a dial of the peer was first sent away because of what is here; since the last completion. */
  crossedAt: number | undefined;
  #hasMet = false; // In this attempt the peer has said who it is.
  #callers: Set<Caller> | undefined; // While there are any.
  #peerId: string | undefined;
  #laneKeys: Set<string> | undefined; // Most have none.
  #isConnected = false;
  #round = 1; // Of its sessions, one after the other.
  #isSpent = false; // That of this round is over.
  #hasServed = false; // It was completed once, and is kept for whoever holds it.
  lastCause: Closing | undefined; // How the last attempt or connection ended.
  #lostAt: number | undefined; // While there is no wire.
  readonly redials = new Redials();
  /** What takes the place of a session that the peer has lost, until it is dialed: the application may hold it already. */
  accessor successor: Made | undefined;
  readonly #desk: DeskSide;

  /** `key` is for people, queues and logs. */
  constructor(
    desk: DeskSide,
    readonly key: string,
    protocol: Protocol<unknown>,
    wish: Wish,
    readonly remoteAddress: string,
  ) {
    this.#desk = desk;
    this.protocol = protocol;
    this.wish = wish;
    this.#peerId = wish.peer;
  }

  /** What the session of the moment is called, or the next one, where it is over. */
  get sessionId(): string {
    return this.idOf(this.#isSpent ? this.#round + 1 : this.#round);
  }
  get name(): string {
    return this.idOf(1); // Of the connection's actor, whatever the session.
  }
  idOf(round: number): string {
    return this.#desk.ids.of(this.protocol.name, this.id, round, this.key);
  }

  toJSON(): object {
    return { id: this.sessionId, peer: this.peer, state: this.state, role: this.role };
  }

  /** What the dial queue calls one of several links by. */
  laneKey(index: number): string {
    const key = `${this.key} link ${index}`;
    (this.#laneKeys ??= new Set()).add(key);
    return key;
  }
  get laneKeys(): Iterable<string> {
    return this.#laneKeys ?? [];
  }

  get isCompleted(): boolean {
    return this.#isConnected;
  }
  get isEngaged(): boolean {
    return this.handle?.isOver === false; // A session is being opened, alive, or saying goodbye.
  }
  /** The peer has sent this attempt away for a connection that is there already, or on its way. */
  get isYielding(): boolean {
    return this.#hasMet && this.state === 'inProgress';
  }
  get isAway(): boolean {
    return this.#lostAt !== undefined; // It was up, and has lost its wire.
  }
  /** The peer has an identity, or has been of use. */
  get isProven(): boolean {
    return this.identity !== undefined || hasServed(this.session?.plane);
  }
  get isRegistered(): boolean {
    return this.keep === 'always';
  }
  /** A connection exists, is being made, or was promised to a caller. A registered peer that waits for its next dial needs none. */
  get needsPlace(): boolean {
    if (this.handle !== undefined) return true;
    return this.keep !== 'always' && (this.hasCallers || this.keep === 'retries' || this.successor !== undefined);
  }
  get hasCallers(): boolean {
    return this.#callers !== undefined;
  }
  /** The peer's id or proven identity, or the address it was dialed at or came from. */
  get peer(): string {
    return this.#peerId ?? this.identity?.fingerprint ?? this.wish.targets[0] ?? this.remoteAddress;
  }

  // Who wants it.

  want(request: ConnectRequest, caller: Caller | undefined): void {
    this.wish = request;
    if (this.keep !== 'always') this.keep = request.keep ?? this.keep;
    if (this.state === 'none') this.redials.isRedial = false;
    const { handle } = this;
    if (this.#isConnected && handle !== undefined && !handle.isParting) return caller?.connected(handle);
    if (caller !== undefined) this.#await(caller); // If it is saying goodbye at the moment, the next one is for this caller.
    this.#desk.places.settle(this);
    this.ref!.send({ type: 'connect' });
  }

  /** A caller that gives up leaves alone; the attempt ends with its last caller. */
  leave(caller: Caller): void {
    if (this.#callers?.delete(caller) !== true) return;
    if (this.#callers.size === 0) this.#callers = undefined;
    if (this.#callers !== undefined || this.#isConnected || this.successor !== undefined) return;
    if (this.keep === 'retries' && !this.#hasServed) this.keep = undefined; // They were retries for those who have left.
    if (this.keep !== undefined) return;
    this.ref?.send({ type: 'cancel' });
  }

  /** The other one has lost its place to this one, and whoever waited for it waits here. */
  inherit(other: Entry): void {
    if (this.keep !== 'always') this.keep = other.keep ?? this.keep;
    other.keep = undefined;
    if (this.wish.targets.length === 0) this.wish = { ...other.wish, peer: this.wish.peer };
    const callers = other.#callers;
    other.#callers = undefined;
    const { handle } = this;
    for (const caller of callers ?? []) {
      if (this.#isConnected && handle?.isParting === false) caller.connected(handle);
      else this.#await(caller);
    }
    this.#desk.places.settle(other);
    this.#desk.places.settle(this);
  }

  /** A dial has opened: who the transport has proven to be there. */
  wireOpened({ identity }: Wire): void {
    if (identity === undefined || this.#peerId !== undefined || this.protocol.keyed !== 'session') return;
    this.identity = identity;
    this.handle?.identify(identity.fingerprint);
  }

  // What the connection's chart calls.
  readonly grantDesk = (request: GrantRequest): (() => void) => this.#desk.grant(this, request);

  begin(role: Role, opener: Opener, opening: unknown): ProtocolInput {
    this.handle?.pump.stop(); // Its place was taken by the peer's crossing dial; no caller was given it yet.
    this.handle?.retire();
    this.role = role;
    this.#hasMet = this.hasReached = this.isToldToWait = false;
    this.#desk.began(this);
    this.redials.begin();
    const { session, handle } = this.successor ?? this.#make(role, { opening });
    this.successor = undefined;
    this.session = session;
    this.handle = handle;
    this.#desk.places.settle(this);
    return { role, session: new SessionHandle(handle.pump, this.grantDesk, opener, handle) };
  }

  isDuplicate(peer: string): boolean {
    return this.#desk.rivalOf(this, peer) !== undefined;
  }

  identified(peer: string): void {
    this.#peerId = peer;
    this.#hasMet = true;
    this.handle?.identify(peer);
    this.#desk.identified(this, peer);
  }

  yielded(peer: string): void {
    this.#desk.yielded(this, peer);
  }

  report(state: ApiState): void {
    this.state = state;
    const { handle } = this;
    handle?.changeState(state);
    if (state === 'initiated') this.#desk.metrics.initiated(this.key, this.#desk.ports.clock.now());
    const id = state === 'queued' || handle === undefined ? this.sessionId : handle.id;
    this.#desk.tell({ type: 'state', id, peer: this.peer, state });
    if (state === 'receivedPairingRequest') this.#desk.tell({ type: 'pairingRequested', id, peer: this.peer });
    if (state === 'inProgress' && this.role === 'dialer') this.#desk.reception.opened(this);
    if (state === 'completed' && handle !== undefined) {
      this.#isConnected = this.#hasServed = true;
      this.crossedAt = undefined;
      this.redials.completed(this.#desk.ports.clock.now(), this.keep !== undefined);
      this.#desk.completed(this);
      this.#desk.tell({ type: 'connected', connection: handle });
      for (const caller of this.#takeCallers()) caller.connected(handle);
    }
    if (state === 'none' || state === 'queued') {
      handle?.pump.stop(); // An attempt that was called off, or gave way, has not done so itself.
      handle?.retire();
      this.handle = undefined;
      this.session = undefined;
      this.#desk.places.settle(this);
    }
  }

  /** There is no place for it: a registered peer waits for one, and callers are told. */
  waitsForPlace(): void {
    for (const caller of this.#takeCallers()) caller.failed(closing('limit-reached', 'local'));
    if (this.isToldToWait) return;
    this.isToldToWait = true;
    this.#desk.tell({ type: 'limitReached', id: this.sessionId, peer: this.peer, max: this.#desk.places.limitOf(this.protocol) });
  }

  /** A trusted peer needs the place of this one, about whom users have yet to decide. */
  displaced(): void {
    this.ref?.send({ type: 'abort', closing: closing('limit-reached', 'local') });
  }

  ended(how: Closing): void {
    const cause = this.role === 'dialer' ? this.redials.truthAbout(how) : how;
    const wasConnected = this.#isConnected;
    if (this.handle === undefined) this.#endSuccessor(cause);
    const { handle, sessionId: id } = this;
    this.#isSpent = true;
    // Whoever came while it said goodbye wants the next one; nobody else waits for a connection that was completed.
    const mayDialAnew = wasConnected || SUPERSEDED.has(cause.code);
    this.#isConnected = false;
    this.#lostAt = undefined;
    this.lastCause = cause;
    this.redials.ended(cause, this.#desk.ports.clock.now(), wasConnected);
    this.#desk.ended(this, cause);
    const successor = wasConnected ? this.#succeed(cause) : undefined;
    const detail = successor === undefined ? undefined : { ...cause.detail, successorId: successor.id };
    const told = followedBy(handle?.end(detail === undefined ? cause : { ...cause, detail }) ?? cause, successor);
    if (wasConnected && handle !== undefined) this.#desk.tell({ type: 'disconnected', connection: handle, closing: told });
    this.#desk.tell({ type: 'closing', id, peer: this.peer, closing: told });
    if (mayDialAnew && !this.#desk.isServing) this.#fail(closing('shutdown', 'local'));
    else if (!mayDialAnew && !(this.mayRetry(cause) && (cause.retry || this.redials.mayGoOn(cause)))) this.#fail(cause);
    if (this.#redialAfter(cause) === 'longest') this.#desk.queue.delay(this.key, this.protocol.redial);
  }

  gaveUp(how: Closing): void {
    const isFull = this.redials.giveUpReason === 'full';
    const cause = isFull ? closing('limit-reached', 'local', { message: 'as many connections wait to dial as can' }) : how;
    if (this.keep === 'retries') this.keep = undefined;
    this.lastCause = cause;
    this.#endSuccessor(cause);
    this.#fail(cause);
  }

  mayRetry(cause: Closing): boolean {
    if (!this.#desk.isServing) return false;
    const isWanted = this.keep !== undefined || this.successor !== undefined;
    if (isWanted && this.#redialAfter(cause) !== 'never') return true;
    return (this.hasCallers || isWanted) && this.redials.mayGoOn(cause);
  }

  /** What is registered is dialed again after all but a few endings, which its protocol may name; for callers alone, as the closing says. */
  #redialAfter(cause: Closing): 'next' | 'longest' | 'never' {
    if (this.successor !== undefined) return cause.retry ? 'next' : 'never';
    const said = this.keep === 'always' ? this.protocol.redialAfter?.(cause) : undefined;
    return said ?? (afterEnding(this.keep === 'always' ? 'register' : 'retry', cause) === 'stays' ? 'never' : 'next');
  }

  rested(): void {
    if (this.isBuried) return;
    this.#endSuccessor(closing('shutdown', 'local')); // There is one only where the hub stopped meanwhile.
    if (this.#desk.isServing) {
      if (this.hasCallers) this.redials.isRedial = false; // They came while the last one said goodbye.
      const goesOn = this.redials.giveUpReason === undefined && this.lastCause !== undefined && this.mayRetry(this.lastCause);
      if (this.hasCallers || goesOn) return this.ref!.send({ type: 'connect' });
      if (this.keep === 'always') return; // Stays on the list; somebody may register or knock again.
    }
    this.#fail(this.lastCause ?? closing('cancelled', 'local'));
    this.#desk.bury(this);
  }

  readable(): void {
    if (this.handle !== undefined) this.#desk.tell({ type: 'readable', connection: this.handle });
  }

  lost(): void {
    this.#lostAt = this.#desk.ports.clock.now();
    this.redials.lost();
    this.#desk.metrics.reconnecting('lost', this.#lostAt);
    this.#desk.tell({ type: 'lost', id: this.sessionId, peer: this.peer });
    this.#desk.reception.absent.lost(this);
  }

  resumed(): void {
    const afterMs = this.#lostAt === undefined ? 0 : this.#desk.ports.clock.now() - this.#lostAt;
    this.#lostAt = undefined;
    this.#desk.resumed(this, afterMs);
    this.#desk.tell({ type: 'resumed', id: this.sessionId, peer: this.peer, afterMs });
  }

  // What the handle and the hub call.

  command(command: ProtocolCommand): void {
    this.ref?.send(command);
  }

  parting(): void {
    if (this.#isConnected && this.handle !== undefined) this.#desk.tell({ type: 'parting', connection: this.handle });
  }

  /** The supervisor buried an actor that threw. What is to be kept gets another one, and waits as after any failure. */
  crashed(error: unknown): void {
    const cause = closing('internal', 'local', { message: String(error) });
    this.handle?.pump.stop();
    this.redials.abandoned();
    this.ended(cause);
    this.report('error');
    this.report('none');
    if (this.mayRetry(cause)) {
      this.#desk.revive(this);
      return this.ref!.send({ type: 'connect' });
    }
    this.#fail(cause);
    this.#desk.bury(this);
  }

  raise(error: unknown): void {
    reportCallback(this.#desk.ports, 'connection.onMessage', error);
  }

  #make(role: Role, about: Pick<SessionRequest, 'opening' | 'isSuccessor'>): Made {
    const { protocol } = this;
    const identity = role === 'acceptor' ? this.identity : undefined;
    const { ports, pool, budget } = this.#desk;
    const target = this.wish.targets[0] ?? '';
    const session = protocol.makeSession({ role, ports, pool, target, peer: this.#peerId, identity, ...about });
    if (this.#isSpent) this.#round++;
    this.#isSpent = false;
    const facts = { round: this.#round, protocol: protocol.name, peer: this.peer, role };
    return { session, handle: new Handle<unknown>(facts, this.state, session.plane, protocol, budget, ports.clock, this) };
  }

  /** The peer has lost the session; where this side had dialed it, and has not begun to go, there is a new one. @rule TUNA-8 */
  #succeed({ code }: Closing): Connection | undefined {
    const isWanted = code === 'peer-lost-session' && this.protocol.hasSuccessors === true && this.handle?.isParting === false;
    if (!isWanted || this.role !== 'dialer' || !this.#desk.isServing) return undefined;
    this.#desk.forgetLanes(this);
    this.successor = this.#make('dialer', { isSuccessor: true });
    this.successor.handle.changeState('queued');
    return this.successor.handle as Connection;
  }

  #endSuccessor(cause: Closing): void {
    const successor = this.successor;
    this.successor = undefined;
    if (successor !== undefined) callOff(successor.handle, cause);
  }

  #await(caller: Caller): void {
    (this.#callers ??= new Set()).add(caller);
    caller.withdraw = () => this.leave(caller);
  }

  #fail(cause: Closing): void {
    for (const caller of this.#takeCallers()) caller.failed(cause);
  }

  #takeCallers(): Caller[] {
    const callers = [...(this.#callers ?? [])];
    this.#callers = undefined;
    for (const caller of callers) delete caller.withdraw;
    return callers;
  }
}
