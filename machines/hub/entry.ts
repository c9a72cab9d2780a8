import type { ActorRefFrom } from 'xstate';
import { closing, type Closing } from '../closing.js';
import type { ApiState } from '../connection/api-state.js';
import type { connectionMachine } from '../connection/connection.machine.js';
import type { ConnectionPort } from '../connection/connection.setup.js';
import type { GrantRequest } from '../grant.service.js';
import { Handle } from '../handle.js';
import type { DialOptions, Identity, Opener } from '../ports.js';
import type { Protocol, ProtocolCommand, ProtocolInput, Session } from '../protocol.js';
import type { Desk } from './desk.js';

export type ConnectionRef = ActorRefFrom<typeof connectionMachine>;

/** Somebody who waits for a connection to complete. */
export interface Caller {
  connected(handle: Handle<unknown>): void;
  failed(closing: Closing): void;
}

/** One key of the registry: the connection's actor, its session of the moment, and who waits for it. Implements what the chart needs of the hub. */
export class Entry implements ConnectionPort {
  ref: ConnectionRef | undefined;
  handle: Handle<unknown> | undefined;
  session: Session<unknown> | undefined;
  state: ApiState = 'none';
  isRegistered = false;
  identity: Identity | undefined;
  readonly callers = new Set<Caller>();
  #isConnected = false;
  #lostAt = 0;

  constructor(
    readonly desk: DeskSide,
    readonly key: string,
    readonly protocol: Protocol<unknown>,
    readonly targets: readonly string[],
    readonly dialOptions: DialOptions,
    readonly remoteAddress: string,
  ) {}

  get isCompleted(): boolean {
    return this.#isConnected;
  }
  /** The peer's proven identity, or the address it was dialed at or came from. */
  get peer(): string {
    return this.identity?.fingerprint ?? this.targets[0] ?? this.remoteAddress;
  }

  // What the connection's chart calls.

  readonly grantDesk = (request: GrantRequest): (() => void) => this.desk.grant(this, request);

  begin(role: 'dialer' | 'acceptor', opener: Opener, opening: unknown): ProtocolInput {
    const { ports, pool } = this.desk;
    const { protocol, key, peer } = this;
    const session = protocol.makeSession({ role, ports, pool, target: this.targets[0] ?? '', opening, identity: this.identity });
    this.session = session;
    const handle = new Handle<unknown>(
      { id: key, protocol: protocol.name, peer, role },
      this.state,
      session.plane,
      protocol.sizeOf,
      protocol.copy,
      ports.clock,
      this,
    );
    this.handle = handle;
    return { role, pump: handle.pump as never, clock: ports.clock, desk: this.grantDesk, opener };
  }

  report(state: ApiState): void {
    this.state = state;
    const { handle } = this;
    handle?.changeState(state);
    if (state === 'initiated') this.desk.metrics.initiated(this.key, this.desk.ports.clock.now());
    this.desk.tell({ type: 'state', id: this.key, peer: this.peer, state });
    if (state === 'completed' && handle !== undefined) {
      this.#isConnected = true;
      this.desk.completed(this);
      this.desk.tell({ type: 'connected', connection: handle });
      for (const caller of this.callers) caller.connected(handle);
      this.callers.clear();
    }
    if (state === 'none' || state === 'queued') {
      handle?.retire();
      this.handle = undefined;
      this.session = undefined;
    }
  }

  ended(cause: Closing): void {
    const { handle } = this;
    const wasConnected = this.#isConnected;
    this.#isConnected = false;
    this.desk.ended(this, cause);
    handle?.end(cause);
    if (wasConnected && handle !== undefined) this.desk.tell({ type: 'disconnected', connection: handle, closing: cause });
    this.desk.tell({ type: 'closing', id: this.key, peer: this.peer, closing: cause });
    if (!this.mayRetry(cause)) this.#fail(cause);
  }

  mayRetry(cause: Closing): boolean {
    return this.isRegistered && cause.retry && this.desk.isServing;
  }

  rested(): void {
    if (this.isRegistered && this.desk.isServing) return; // Stays on the list; somebody may register or knock again.
    this.#fail(closing('cancelled', 'local'));
    this.desk.bury(this);
  }

  lost(): void {
    this.#lostAt = this.desk.ports.clock.now();
    this.desk.metrics.reconnecting('lost', this.#lostAt);
    this.desk.tell({ type: 'lost', id: this.key, peer: this.peer });
  }

  resumed(): void {
    this.desk.resumed(this, this.desk.ports.clock.now() - this.#lostAt);
    this.desk.tell({ type: 'resumed', id: this.key, peer: this.peer, afterMs: this.desk.ports.clock.now() - this.#lostAt });
  }

  // What the handle and the hub call.

  command(command: ProtocolCommand): void {
    this.ref?.send(command);
  }

  /** A caller that gives up leaves alone; the attempt ends with its last caller. */
  leave(caller: Caller): void {
    if (!this.callers.delete(caller)) return;
    if (this.callers.size === 0 && !this.isRegistered && !this.#isConnected) this.ref?.send({ type: 'cancel' });
  }

  /** The supervisor buried an actor that threw. */
  crashed(error: unknown): void {
    const cause = closing('internal', 'local', { message: String(error) });
    this.handle?.pump.stop();
    this.ended(cause);
    this.report('error');
    this.report('none');
    this.#fail(cause);
    this.desk.bury(this);
  }

  #fail(cause: Closing): void {
    for (const caller of [...this.callers]) caller.failed(cause);
    this.callers.clear();
  }
}

/** What an entry needs of the desk. */
export type DeskSide = Pick<
  Desk,
  'ports' | 'pool' | 'isServing' | 'grant' | 'tell' | 'completed' | 'ended' | 'resumed' | 'bury' | 'metrics'
>;
