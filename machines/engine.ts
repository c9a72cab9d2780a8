import type { ActorRefFrom, AnyActorRef } from 'xstate';
import { checkBroadcastOptions, checkConnectOptions, checkListener, checkShutdownOptions } from './arguments.js';
import { callback } from './callbacks.js';
import type { ApiState } from './connection/api-state.js';
import type { EngineLimits } from './engine-limits.js';
import { ConnectError } from './connect-error.js';
import type { ConnectOptions } from './connect-options.js';
import { abortedBy, SessionError } from './errors.js';
import { Broadcast } from './connection/broadcast.js';
import type { Connection } from './connection/connection-handle.js';
import type { connectionMachine } from './connection/connection.machine.js';
import { ConnectionManager } from './hub/connection-manager.js';
import type { Caller, ConnectRequest } from './hub/connect-request.js';
import type { EngineEvent } from './hub/events.js';
import { abortConnections, completed, drain } from './hub/all-connections.js';
import { broadcast, type BroadcastOptions, type BroadcastResult } from './hub/broadcast.js';
import { hubMachine } from './hub/hub.machine.js';
import { isLoopbackAddress } from './loopback.js';
import type { MetricsReport } from './hub/metrics.js';
import { PeerRequest } from './hub/private-events.js';
import { Peers } from './hub/peers.js';
import { createRootActor } from './runtime/root-actor.js';
import type { Runtime } from './runtime/runtime.js';
import { installLookup } from './hub/connection-ids.js';
import { guarded, type Inspector } from './inspector.js';
import type { ShutdownOptions } from './shutdown-options.js';
import { undeclaredSteps } from './phase-table.js';
import type { DialOptions, Ports, Resolver, Transport, WireCause } from './ports.js';
import type { Protocol } from './protocol.js';
import { withChart } from './context-safe.js';
import { unlisted } from './unlisted.js';

export type { BroadcastOptions, BroadcastResult } from './hub/broadcast.js';
export { ConnectError } from './connect-error.js';
export type { ConnectOptions } from './connect-options.js';
export type { EngineLimits } from './engine-limits.js';
export type { Inspector } from './inspector.js';
export type { Runtime } from './runtime/runtime.js';
export type { ShutdownOptions } from './shutdown-options.js';

/** The parts of an engine: transports, protocols and limits. */
export interface EngineOptions {
  /** Ways to reach addresses; each scheme is served by the first that knows it. */
  readonly transports: readonly Transport[];
  /** The first one is the default of `connect`. A listener detects the protocol from the first bytes. */
  readonly protocols: readonly Protocol<unknown>[];
  /** Addresses to accept at, once started. */
  readonly listen?: readonly string[];
  /** Allows a listener that other machines can reach to work without identities. Default false. */
  readonly insecure?: boolean;
  /** Finds the addresses of a peer that `connect` names by its id instead of an address. */
  readonly resolver?: Resolver;
  readonly limits?: EngineLimits;
  /**
   * The runtime of the engine's charts. `compact` (default): actors of this package that behave like XState's, inspection events
   * included, at a tenth of the memory. `xstate`: XState's own `createActor` and interpreter, the reference.
   */
  readonly runtime?: Runtime;
  /** Charts of your own in place of the engine's: `hubMachine.provide({...})`, `connectionMachine.provide({...})`. */
  readonly machines?: { readonly hub?: typeof hubMachine; readonly connection?: typeof connectionMachine };
  /** Sees every actor, event and snapshot of the engine: a function or an observer, as XState's `inspect`. Errors that it throws are reported. */
  readonly inspect?: Inspector;
}

/** Counters of an engine, and its present size. */
export interface EngineMetrics extends MetricsReport {
  /** Connections of all kinds, suspended ones included. */
  readonly connections: number;
  /** Accepted wires that have not said whose they are. */
  readonly openings: number;
  /** Wires open or being opened, both directions. */
  readonly wires: number;
  /** Steps in this process that no table of phases declares: anything but 0 is a defect of this package. */
  readonly undeclaredSteps: number;
  readonly states: Readonly<Partial<Record<ApiState, number>>>;
}

/** Receives every event that an engine reports after `engine.on`, in order. */
export type EngineListener = (event: EngineEvent) => void;

/** A running hub as an application holds it. */
export class Engine {
  /** The hub, an actor with XState's interface (`EngineOptions.runtime` says whose): subscribe, inspect, embed. */
  readonly actor: ActorRefFrom<typeof hubMachine>;
  /** Accepted connections, each once. At most `incomingMax` wait here. */
  readonly incoming: AsyncIterable<Connection>;
  /** Registered peers, which the engine stays connected with. */
  readonly peers: Peers;
  #hub: ConnectionManager;
  #events = new Broadcast<EngineEvent>(EVENTS_KEPT_MAX);
  #listeners = new Set<{ readonly listener: EngineListener; readonly done: (() => void) | undefined }>(); // The same function may listen twice.
  #pending: EngineEvent[] = [];
  #isTelling = false;
  #hasEnded = false; // Behind the end of its actor.
  #isStarted = false;
  #unbound: string[] = []; // Addresses to listen at that are not bound yet.
  #binding: Promise<void> | undefined;
  #over: Promise<void> | undefined; // The end of a shutdown, which comes behind that of the actor.
  #deadline: { readonly at: number; readonly timer: unknown } | undefined; // Of a shutdown; of several, the first.

  readonly options: EngineOptions;

  constructor(
    readonly ports: Ports,
    options: EngineOptions,
  ) {
    this.options = options = { ...options, protocols: options.protocols.map(withChart) };
    const { inspect, transports, protocols, resolver, limits, machines = {} } = options;
    const { connection } = machines;
    const onEvent = (event: EngineEvent): void => this.#tell(event);
    const isObserved = (): boolean => this.#isObserved;
    const input = { ports, transports, protocols, resolver, limits, connection, onEvent, isObserved };
    this.#hub = new ConnectionManager(input);
    this.actor = createRootActor(machines.hub ?? hubMachine, {
      runtime: options.runtime,
      clock: ports.clock,
      input: unlisted({ ...input, hub: this.#hub }),
      inspect: inspect === undefined ? undefined : guarded(inspect, ports),
      report: ports.report,
    });
    installLookup(this.actor, (id) => this.#hub.recordNamed(id)?.ref);
    this.peers = new Peers(
      this.#hub,
      (peer) => this.#register(peer),
      (peer) => this.actor.send({ type: 'peer.unregistered', peer }),
    );
    // The protocol defines the type of messages, and an engine may have several: most carry bytes.
    this.incoming = this.#hub.incoming as AsyncIterable<Connection<unknown>> as AsyncIterable<Connection>;
    unlisted(this);
  }

  /**
   * Begins to listen and to dial. Resolves when every listener has its address; rejects with the first that can't, and may then be
   * called again: it listens at those that failed.
   */
  async start(): Promise<void> {
    if (this.#isStarted) this.#checkServing();
    else this.#begin();
    await (this.#binding ??= this.#bind().finally(() => (this.#binding = undefined)));
  }

  #begin(): void {
    for (const address of this.options.listen ?? []) this.#checkListener(address);
    this.#isStarted = true;
    this.#unbound = [...(this.options.listen ?? [])];
    this.actor.start();
    // However it ends: by `shutdown()`, by the host that leaves, or by a `shutdown` that a chart around it has sent.
    const over = new Promise<void>((resolve) => {
      const error = (defect: unknown): void => {
        this.#settle(resolve);
        throw defect; // Reported, as an actor's error is that nothing observes.
      };
      this.actor.subscribe({ complete: () => this.#settle(resolve), error });
    });
    this.#over = over.then(() => this.#finish());
    this.actor.send({ type: 'start' });
  }

  #settle(resolve: () => void): void {
    const { clock } = this.ports;
    clock.clearTimeout(this.#deadline?.timer);
    this.#hub.metrics.shutDown(clock.now());
    // Platforms close a socket behind the turn that asked them to, and what TLS had around it one turn later.
    clock.setTimeout(() => clock.setTimeout(resolve, 0), 0);
  }

  #finish(): void {
    this.#events.end();
    this.#hub.incoming.end();
    this.#hasEnded = true;
    const listeners = [...this.#listeners];
    this.#listeners.clear();
    for (const { done } of listeners) callback(this.ports, 'engine.on done', () => done?.());
  }

  async #bind(): Promise<void> {
    const wanted = this.#unbound.splice(0);
    const failures: unknown[] = [];
    await Promise.all(
      wanted.map((address) =>
        this.listen(address).catch((error: unknown) => {
          failures.push(error);
          this.#unbound.push(address);
        }),
      ),
    );
    if (failures.length > 0) throw failures[0];
  }

  /** Accepts at one more address; resolves with the address as bound. Rejects where it is taken, insecure or can't be right. */
  listen(address: string): Promise<string> {
    return new Promise((resolve, reject) => {
      this.#checkListener(address);
      this.#checkServing();
      const done = (bound: string | WireCause): void => {
        if (typeof bound === 'string') resolve(bound);
        else if (bound.kind === 'aborted') reject(new SessionError('shutting-down', `${address}: the engine is shutting down`));
        else reject(new SessionError('bad-address', `can't listen at ${address}: ${bound.reason ?? bound.kind}`));
      };
      this.actor.send({ type: 'listen.requested', address, done });
    });
  }

  /** The addresses as bound, with the ports the system chose. */
  get addresses(): readonly string[] {
    return this.#hub.listeners.addresses;
  }

  /**
   * A completed connection to the peer at `target` (several addresses of one peer race), or to the peer of that name where the
   * engine has a resolver. Rejects with `ConnectError` when the attempt ends, and with `SessionError` for an address or option
   * that can't be right.
   */
  connect(target: string | readonly string[], options: ConnectOptions = {}): Promise<Connection> {
    return new Promise((resolve, reject) => {
      checkConnectOptions(options);
      const targets = typeof target === 'string' ? [target] : target;
      const request = this.#request(targets, options, options.retry === true ? 'retries' : undefined);
      const { signal } = options;
      if (signal?.aborted === true) throw abortedBy(signal, 'the attempt was aborted before it began');
      const done = (): void => signal?.removeEventListener('abort', onAbort);
      const caller: Caller = {
        connected: (handle) => {
          done();
          resolve(handle as Connection<unknown> as Connection);
        },
        failed: (closing) => {
          done();
          reject(new ConnectError(closing, targets.join(', ')));
        },
      };
      const onAbort = (): void => {
        reject(abortedBy(signal!, `the attempt to reach ${targets.join(', ')} was aborted`));
        caller.withdraw?.();
      };
      signal?.addEventListener('abort', onAbort, { once: true });
      this.actor.send({ type: 'peer.requested', request, caller });
    });
  }

  /**
   * The connection of this id, or of this actor of the engine, while it lasts; the actor of a connection is
   * `engine.actor.system.get(connection.id)`. An id names one session; an actor goes on from one to the next.
   */
  connection(of: string | AnyActorRef): Connection<unknown> | undefined {
    const record = this.#hub.recordNamed(typeof of === 'string' ? of : of.id);
    if (typeof of !== 'string') return record?.handle;
    return [record?.handle, record?.successor?.handle].find((handle) => handle?.id === of);
  }

  /**
   * Writes one message to many connections, as `connection.write` does to one: by default to all completed ones. It is copied and encoded
   * once. None is waited for: the result names those that accepted it, those of them that should get no more for now, and those
   * that could not take it, each with the error that `write` would have thrown. Throws `bad-option` where `to` is no list of connections.
   */
  broadcast<Message = Uint8Array>(message: Message, options: BroadcastOptions<Message> = {}): BroadcastResult<Message> {
    checkBroadcastOptions(options);
    return broadcast(message, options.to ?? (completed(this.#hub) as Iterable<Connection<Message>>));
  }

  toJSON(): object {
    const { connections } = this.#hub;
    const protocols = this.options.protocols.map(({ name }) => name);
    return { addresses: this.#isStarted ? this.addresses : [], protocols, connections, isServing: this.#isServing };
  }

  /** Calls back for every event, in order, until the returned function is called; `done` once, when `shutdown()` is over. */
  on(listener: EngineListener, done?: () => void): () => void {
    checkListener(listener, done);
    const added = { listener, done };
    if (this.#hasEnded) this.ports.clock.soon(() => callback(this.ports, 'engine.on done', () => done?.()));
    this.#listeners.add(added);
    return () => this.#listeners.delete(added);
  }

  /** The same as a stream; a reader more than 1024 events late misses the oldest. */
  get events(): AsyncIterable<EngineEvent> {
    return this.#events;
  }

  /** The hub's counters, and the number of connections in each state. */
  metrics(): EngineMetrics {
    const states: Partial<Record<ApiState, number>> = {};
    for (const entry of this.#hub.records()) states[entry.state] = (states[entry.state] ?? 0) + 1;
    return {
      ...this.#hub.metrics.toJSON(),
      connections: this.#hub.connections,
      openings: this.#hub.pendingAccepts.size,
      wires: this.#hub.wires.size,
      undeclaredSteps: undeclaredSteps(),
      states,
    };
  }

  /**
   * Stops accepting, cancels attempts, closes connections gracefully and then by force. When it resolves there is no dial, no
   * timer, no callback and no open handle left. With `drainOverMs` every peer first gets a time to come back at, spread over
   * that time, and says goodbye itself (`drained`). Default deadline: 10 s, then everything is destroyed.
   */
  async shutdown(options: ShutdownOptions = {}): Promise<void> {
    checkShutdownOptions(options);
    const { deadlineMs = 10_000, drainOverMs } = options;
    if (this.#isStarted && this.actor.getSnapshot().status === 'active') {
      this.#endWithin(deadlineMs);
      if (drainOverMs !== undefined) drain(this.#hub, drainOverMs);
      this.actor.send({ type: 'shutdown' });
    }
    return this.#over;
  }

  /** At the deadline everything is destroyed. */
  #endWithin(deadlineMs: number): void {
    const { clock } = this.ports;
    const at = clock.now() + deadlineMs;
    if (this.#deadline !== undefined && this.#deadline.at <= at) return;
    clock.clearTimeout(this.#deadline?.timer);
    const timer = clock.setTimeout(() => {
      abortConnections(this.#hub);
      this.#hub.destroyWires();
      this.actor.stop(); // Completes it.
    }, deadlineMs);
    this.#deadline = { at, timer };
  }

  #register(peer: string): void {
    const request = this.#request([peer], { reuse: true }, 'always');
    this.actor.send({ type: 'peer.requested', request, caller: undefined }); // No caller waits: events report the outcome.
  }

  #request(targets: readonly string[], options: ConnectOptions, keep: ConnectRequest['keep']): ConnectRequest {
    if (!Array.isArray(targets) || targets.length === 0 || targets.some((each) => typeof each !== 'string'))
      throw new SessionError('bad-address', `connect needs an address, or a list of addresses, and got ${String(targets)}`);
    this.#checkServing();
    const protocols = this.options.protocols;
    const protocol = options.protocol === undefined ? protocols[0] : protocols.find((p) => p.name === options.protocol);
    if (protocol === undefined)
      throw new SessionError('no-protocol', `no protocol "${options.protocol ?? ''}" was given to the engine`);
    const dialOptions: DialOptions = options.fingerprints === undefined ? {} : { fingerprints: options.fingerprints };
    const isNamed = targets.length === 1 && !targets[0]!.includes('://') && this.options.resolver !== undefined;
    const addresses = isNamed ? [] : targets;
    const named = isNamed ? targets[0]! : options.peer;
    const peer = protocol.peerOf === undefined ? named : protocol.peerOf(named);
    for (const address of addresses) {
      const transport = this.#hub.transportOf(address);
      transport.dial(address, dialOptions); // Throws for an address that can't be right.
      if (options.fingerprints !== undefined && !transport.secure)
        throw new SessionError('bad-option', `connect.fingerprints: ${address} proves no identity; use tls:// or wss://`);
    }
    return new PeerRequest(addresses, peer, protocol, dialOptions, options.reuse ?? isNamed, keep);
  }

  get #isServing(): boolean {
    return this.#isStarted && this.actor.getSnapshot().hasTag('serves');
  }

  #checkServing(): void {
    if (!this.#isServing)
      throw new SessionError('shutting-down', this.#isStarted ? 'the engine is shutting down' : 'call start() first');
  }

  #checkListener(address: string): void {
    const transport = this.#hub.transportOf(address);
    if (transport.secure || this.options.insecure === true || isLoopbackAddress(address)) return;
    throw new SessionError(
      'insecure',
      `${address} can be reached from other machines and proves no identity; use tls:// or wss://, or set insecure: true`,
    );
  }

  get #isObserved(): boolean {
    return this.#listeners.size > 0 || this.#events.hasReaders;
  }

  #tell(event: EngineEvent): void {
    if (!this.#isObserved) return;
    this.#pending.push(event);
    if (this.#isTelling) return; // A listener called back into the engine: its news comes after.
    this.#isTelling = true;
    try {
      for (let next; (next = this.#pending.shift()) !== undefined;) this.#deliver(next);
    } finally {
      this.#isTelling = false;
    }
  }

  #deliver(event: EngineEvent): void {
    this.#events.push(event);
    for (const each of [...this.#listeners]) {
      if (!this.#listeners.has(each)) continue; // One before it has ended it.
      callback(this.ports, 'engine.on listener', () => each.listener(event));
    }
  }
}

/** Starts nothing yet: `engine.start()` does. */
export function startEngine(ports: Ports, options: EngineOptions): Engine {
  return new Engine(ports, options);
}

const EVENTS_KEPT_MAX = 1024;
