import { reportCallback } from '../callbacks.js';
import { closing, type Closing } from '../closing.js';
import type { ApiState } from '../connection/api-state.js';
import type { ConnectionPort } from '../connection/connection.setup.js';
import type { DialPermitRequest } from '../dial-permits.js';
import type { Connection } from '../connection/connection-handle.js';
import type { Opener, Wire } from '../ports.js';
import type { ProtocolCommand, ProtocolInput, SessionRequest } from '../protocol.js';
import { ConnectionFacts } from './connection-facts.js';
import type { Caller, ConnectRequest } from './connect-request.js';
import { endingFacts, followedBy, SUPERSEDED } from './ending.js';
import { decideCallersFail, decideRedial, decideRetry } from './hub-state.js';
import { callOff, openSession, type OpenSession } from './open-session.js';
import { SessionHandle } from '../session-handle.js';
import type { Role } from '../tie-break.js';

/** One key of the registry: what happens to its connection. Implements what the chart needs of the hub. */
export class ConnectionRecord extends ConnectionFacts<ConnectionRecord> implements ConnectionPort {
  #mayDialAnew = false; // Those who wait now want the next connection, not the one that has just ended.
  #isSettled = true; // The consequence of the last ending was decided.
  #access: SessionHandle | undefined; // The protocol chart's handle of the current session.
  #opener: Opener | undefined; // From a permit to dial until a session begins with it.
  #hasServed = false; // It was completed once, and is kept for its holders.

  request(request: ConnectRequest, caller: Caller | undefined): void {
    this.target = request;
    if (this.keep !== 'always') this.keep = request.keep ?? this.keep;
    if (this.state === 'none') this.redials.isRedial = false;
    const { handle } = this;
    if (this.isConnected && handle !== undefined && !handle.isClosing) return caller?.connected(handle);
    if (caller !== undefined) this.callers.add(caller, () => this.leave(caller)); // If it is saying goodbye at the moment, the next one is for this caller.
    this.side.slots.settle(this);
    this.ref!.send({ type: 'connect' });
  }

  /** A caller that gives up leaves alone; the attempt ends with its last caller. */
  leave(caller: Caller): void {
    if (!this.callers.delete(caller) || this.hasCallers || this.isConnected || this.successor !== undefined) return;
    if (this.keep === 'retries' && !this.#hasServed) this.keep = undefined; // They were retries for those who have left.
    if (this.keep !== undefined) return;
    this.ref?.send({ type: 'cancel' });
  }

  /** The other one has lost its place to this one, and its callers wait here. */
  inherit(other: ConnectionRecord): void {
    if (this.keep !== 'always') this.keep = other.keep ?? this.keep;
    other.keep = undefined;
    if (this.target.targets.length === 0) this.target = { ...other.target, peer: this.target.peer };
    const { handle } = this;
    for (const caller of other.callers.take()) {
      if (this.isConnected && handle?.isClosing === false) caller.connected(handle);
      else this.callers.add(caller, () => this.leave(caller));
    }
    this.side.slots.settle(other);
    this.side.slots.settle(this);
  }

  /** A dial has opened: who the transport has proven to be there. */
  wireOpened({ identity }: Wire): void {
    if (identity === undefined || this.peerId !== undefined || this.protocol.keyed !== 'session') return;
    this.identity = identity;
    this.handle?.identify(identity.fingerprint);
  }

  // Called by the connection's chart.

  requestPermit(request: DialPermitRequest): () => void {
    return this.side.requestPermit(this, request);
  }
  requestDial(_: object, permitted: () => void, exhausted: () => void): () => void {
    return this.requestPermit({
      livedMs: 0,
      permitted: (opener) => {
        this.#opener = opener;
        permitted();
      },
      exhausted,
    });
  }
  now(): number {
    return this.side.ports.clock.now();
  }

  begin(role: Role, opener: Opener | undefined, opening: unknown): void {
    this.handle?.pump.stop(); // Its place was taken by the peer's crossing dial; no caller was given it yet.
    this.handle?.retire();
    this.role = role;
    this.hasMet = this.hasReached = this.isToldToWait = false;
    this.side.began(this);
    this.redials.begin();
    const { session, handle } = this.successor ?? this.#make(role, { opening });
    this.successor = undefined;
    this.session = session;
    this.handle = handle;
    this.side.slots.settle(this);
    this.#access = new SessionHandle(handle.pump, this, handle, opener ?? this.#opener);
    this.#opener = undefined;
  }

  get input(): ProtocolInput {
    return { role: this.role, session: this.#access! };
  }

  /** A session knows its peer: the chart gets that as an event, with the fact that its guard needs. */
  identify(peer: string): void {
    this.ref?.send({ type: 'peer.identified', peer, isDuplicate: this.side.rivalOf(this, peer) !== undefined });
  }

  identified(peer: string): void {
    this.peerId = peer;
    this.hasMet = true;
    this.handle?.identify(peer);
    this.side.identifiedAs(this, peer);
  }

  yielded(peer: string): void {
    this.side.yielded(this, peer);
  }

  report(state: ApiState): void {
    this.state = state;
    const { handle, side } = this;
    handle?.changeState(state);
    if (state === 'initiated') side.metrics.initiated(this.key, this.now());
    if (side.isObserved) this.#tellState(state);
    if (state === 'inProgress' && this.role === 'dialer') side.opened(this);
    if (state === 'completed' && handle !== undefined) {
      this.isConnected = this.#hasServed = true;
      this.crossedAt = undefined;
      this.redials.completed(this.now(), this.keep !== undefined);
      side.completed(this);
      side.tell({ type: 'connected', connection: handle });
      this.callers.connected(handle);
    }
    if (state === 'none' || state === 'queued') {
      handle?.pump.stop(); // An attempt that was called off, or gave way, has not done so itself.
      handle?.retire();
      this.handle = undefined;
      this.session = this.#access = this.#opener = undefined;
      side.slots.settle(this);
    }
  }

  #tellState(state: ApiState): void {
    const { handle, peer, side } = this;
    const id = state === 'queued' || handle === undefined ? this.sessionId : handle.id;
    side.tell({ type: 'state', id, peer, state });
    if (state === 'receivedPairingRequest') side.tell({ type: 'pairingRequested', id, peer });
  }

  /** There is no place for it: a registered peer waits for one, and callers fail. */
  waitsForSlot(): void {
    this.callers.failed(closing('limit-reached', 'local'));
    if (this.isToldToWait) return;
    this.isToldToWait = true;
    this.side.tell({ type: 'limitReached', id: this.sessionId, peer: this.peer, max: this.side.slots.limitOf(this.protocol) });
  }

  /** A trusted peer needs the place of this one, about whom users have yet to decide. */
  displaced(): void {
    this.ref?.send({ type: 'abort', closing: closing('limit-reached', 'local') });
  }

  ended(how: Closing): void {
    const cause = this.role === 'dialer' ? this.redials.truthAbout(how) : how;
    const wasConnected = this.isConnected;
    const { side } = this;
    const id = side.isObserved ? this.sessionId : '';
    const handle = this.isEngaged ? this.handle : undefined;
    if (handle === undefined) this.#endSuccessor(cause);
    this.isSpent = true;
    // Callers that came during the goodbye want the next one; no others wait for a connection that was completed.
    const mayDialAnew = wasConnected || SUPERSEDED.has(cause.code);
    this.isConnected = false;
    this.lostAt = undefined;
    this.lastCause = cause;
    this.#mayDialAnew = mayDialAnew;
    this.#isSettled = false;
    this.redials.ended(cause, this.now(), wasConnected);
    side.ended(this, cause);
    const successor = wasConnected ? this.#succeed(cause) : undefined;
    const detail = successor === undefined ? undefined : { ...cause.detail, successorId: successor.id };
    const told = followedBy(handle?.end(detail === undefined ? cause : { ...cause, detail }) ?? cause, successor);
    if (wasConnected && handle !== undefined) side.tell({ type: 'disconnected', connection: handle, closing: told });
    if (side.isObserved) side.tell({ type: 'closing', id, peer: this.peer, closing: told });
    side.slots.settle(this);
  }

  failed(): void {
    this.side.send({ type: 'attempt.failed', id: this.id });
  }

  gaveUp(how: Closing): void {
    const isFull = this.redials.giveUpReason === 'full';
    const cause = isFull ? closing('limit-reached', 'local', { message: 'as many connections wait to dial as can' }) : how;
    if (this.keep === 'retries') this.keep = undefined;
    this.lastCause = cause;
    this.#endSuccessor(cause);
    this.callers.failed(cause);
  }

  rested(): void {
    this.side.send({ type: 'connection.rested', id: this.id });
  }
  readable(): void {
    if (this.handle !== undefined) this.side.tell({ type: 'readable', connection: this.handle });
  }

  lost(): void {
    this.lostAt = this.now();
    this.redials.lost();
    this.side.metrics.reconnecting('lost', this.lostAt);
    this.side.tell({ type: 'lost', id: this.sessionId, peer: this.peer });
    this.side.lost(this);
  }

  resumed(): void {
    const afterMs = this.lostAt === undefined ? 0 : this.now() - this.lostAt;
    this.lostAt = undefined;
    this.side.resumed(this, afterMs);
    this.side.tell({ type: 'resumed', id: this.sessionId, peer: this.peer, afterMs });
  }

  // Called by the handle and the hub.

  command(command: ProtocolCommand): void {
    this.ref?.send(command);
  }
  closeStarted(): void {
    const { handle: connection } = this;
    if (!this.isConnected || connection === undefined) return;
    this.side.tell({ type: 'closeStarted', connection });
    this.side.tell({ type: 'parting', connection }); // The former name, for one version.
  }

  // Called by the hub's actions. `isServing`: the hub's chart is in a state in which connections may begin.

  /** An attempt or connection failed: another attempt follows, or the connection rests. */
  goOn(isServing: boolean): void {
    this.#settle(isServing);
    this.ref?.send({ type: this.#mayRetry(isServing) ? 'redial' : 'rest' });
  }

  /** It rests. The result says whether anything still needs it. */
  rest(isServing: boolean): 'stays' | 'goes' {
    if (this.isRemoved || this.state !== 'none') return 'stays'; // A wire of the peer has come meanwhile.
    this.#settle(isServing);
    this.#endSuccessor(closing('shutdown', 'local')); // There is one only where the hub stopped meanwhile.
    if (isServing) {
      if (this.hasCallers) this.redials.isRedial = false; // They came while the last one said goodbye.
      const goesOn = this.redials.giveUpReason === undefined && this.lastCause !== undefined && this.#mayRetry(isServing);
      if (this.hasCallers || goesOn) this.ref!.send({ type: 'connect' });
      if (this.hasCallers || goesOn || this.keep === 'always') return 'stays';
    }
    this.callers.failed(this.lastCause ?? closing('cancelled', 'local'));
    return 'goes';
  }

  /** Its actor threw. The result says whether it is to get another one, and to dial again as after any failure. */
  crashed(error: unknown, isServing: boolean): 'revive' | 'goes' {
    const cause = closing('internal', 'local', { message: String(error) });
    this.handle?.pump.stop();
    this.redials.abandoned();
    this.ended(cause);
    this.report('error');
    this.report('none');
    this.#settle(isServing);
    if (this.#mayRetry(isServing)) return 'revive';
    this.callers.failed(cause);
    return 'goes';
  }

  raise(error: unknown): void {
    reportCallback(this.side.ports, 'connection.onMessage', error);
  }

  #make(role: Role, about: Pick<SessionRequest, 'opening' | 'isSuccessor'>): OpenSession {
    if (this.isSpent) this.round++;
    this.isSpent = false;
    return openSession(this.side, this, { role, round: this.round, peerId: this.peerId }, about);
  }

  /** The peer has lost the session; where this side had dialed it, and has not begun to go, there is a new one. @rule TUNA-8 */
  #succeed({ code }: Closing): Connection | undefined {
    const isWanted = code === 'peer-lost-session' && this.protocol.hasSuccessors === true && this.handle?.isClosing === false;
    if (!isWanted || this.role !== 'dialer') return undefined;
    this.side.forgetLinks(this);
    this.successor = this.#make('dialer', { isSuccessor: true });
    this.successor.handle.changeState('queued');
    return this.successor.handle as Connection;
  }

  /** Once per ending: callers with nothing to wait for fail, and a sequence of dials that is to be slow begins slowly. */
  #settle(isServing: boolean): void {
    const cause = this.lastCause;
    if (this.#isSettled || cause === undefined) return;
    this.#isSettled = true;
    const facts = endingFacts(this, cause, isServing);
    const told = this.#mayDialAnew ? closing('shutdown', 'local') : cause;
    if (decideCallersFail(facts, this.#mayDialAnew)) this.callers.failed(told);
    if (decideRedial(facts) === 'longest') this.side.dialScheduler.delay(this.key, this.protocol.redial);
  }

  #mayRetry(isServing: boolean): boolean {
    return this.lastCause !== undefined && decideRetry(endingFacts(this, this.lastCause, isServing));
  }

  #endSuccessor(cause: Closing): void {
    const successor = this.successor;
    this.successor = undefined;
    if (successor !== undefined) callOff(successor, cause);
  }
}
