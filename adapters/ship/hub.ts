import { ports as platformPorts } from '#platform';
import { API_STATES, type ApiState } from '../../machines/connection/api-state.js';
import { Engine, type EngineListener, type ShutdownOptions } from '../../machines/engine.js';
import { SessionError } from '../../machines/errors.js';
import type { Connection } from '../../machines/handle.js';
import type { TieRule } from '../../machines/hub/registry.js';
import type { Ports, Transport } from '../../machines/ports.js';
import type { ShipPayload } from '../../machines/ship/ship.messages.js';
import type { ShipPeers } from '../../machines/ship/ship.signals.js';
import { discoveryResolver, type Discovery, type RemoteService } from './discovery.js';
import { ship, type ShipOptions } from './protocol.js';
import type { HubReader } from './reader.js';
import { normaliseSki } from './ski.js';
import { memoryTrust, type ShipTrust, type TrustedService } from './trust.js';

/** What a SHIP node is made of: its identity, whom it trusts, how it finds and is found, and who listens to its news. */
export interface HubOptions {
  /** This node's Subject Key Identifier: `ski` of the identity that its transport shows. */
  readonly ski: string;
  /** This node's SHIP id: unique, and the same for ever. */
  readonly shipId: string;
  /** What it dials with and listens at: `shipTransport({ identity })`. */
  readonly transports: readonly Transport[];
  /** Addresses to accept at, e.g. `wss://[::]:4711/ship/`. Default: none, the node only dials. */
  readonly listen?: readonly string[];
  /** Where peers are found, and this node is announced. Without one only those that dial us are met. */
  readonly discovery?: Discovery;
  /** Who is trusted, from one start to the next. Default: nobody, and forgotten at the end. */
  readonly trust?: ShipTrust;
  /** Whether everybody who comes is trusted. Default false. */
  readonly autoAccept?: boolean;
  readonly doubleConnection?: TieRule;
  /** Default 10. `setMaxConnections` changes it. */
  readonly maxConnections?: number;
  /** Timers and limits of the protocol, where a device needs others. */
  readonly protocol?: Partial<Omit<ShipOptions, 'ski' | 'shipId' | 'peers' | 'doubleConnection' | 'maxConnections'>>;
  readonly ports?: Ports;
}

const HANDSHAKE: ReadonlySet<ApiState> = new Set(['receivedPairingRequest', 'inProgress', 'trusted', 'pin']);

/** Below this there is no limit worth the name; ship-go's own default. */
const CONNECTIONS_MAX = 10;
/** Where a limit begins to be near (the seed's lifecycle guide). */
const NEAR = 0.8;

/**
 * A SHIP node with the names that people know from ship-go. Peers are named by their SKI, in any spelling. A registered peer is
 * dialed wherever discovery has it, or had it before, and again after every loss; never after it denied trust.
 */
export class Hub {
  /** The engine below: events, metrics, inspection. */
  readonly engine: Engine;
  readonly ski: string;
  #trust: ShipTrust;
  #protocol: { connectionsMax: number };
  #connections = new Map<string, Connection<ShipPayload>>();
  #states = new Map<string, ApiState>();
  #isAutoAccepting: boolean;
  #isRunning = false;
  #stopDiscovery: (() => void) | undefined;

  constructor(
    readonly options: HubOptions,
    readonly reader: HubReader = {},
  ) {
    const { transports, listen, discovery, trust, autoAccept, ports = platformPorts } = options;
    this.ski = normaliseSki(options.ski);
    this.#trust = trust ?? memoryTrust();
    this.#isAutoAccepting = autoAccept ?? false;
    const protocol = ship({
      ...options.protocol,
      ski: this.ski,
      shipId: options.shipId,
      peers: this.#peers(),
      maxConnections: options.maxConnections ?? CONNECTIONS_MAX,
      ...(options.doubleConnection === undefined ? {} : { doubleConnection: options.doubleConnection }),
    });
    this.#protocol = protocol as { connectionsMax: number };
    this.engine = new Engine(ports, {
      transports,
      protocols: [protocol as never],
      ...(listen === undefined ? {} : { listen }),
      ...(discovery === undefined ? {} : { resolver: discoveryResolver(discovery) }),
    });
    this.engine.on(this.#heed);
  }

  /** Listens, announces itself, and begins to dial who is registered. Rejects where an address can't be had. */
  async start(): Promise<void> {
    if (this.#isRunning) throw new SessionError('bad-option', 'the hub is started already');
    this.#isRunning = true;
    await this.engine.start();
    const { discovery } = this.options;
    await discovery?.announce?.({ addresses: this.engine.addresses, isRegistering: this.#isAutoAccepting });
    this.#stopDiscovery = discovery?.subscribe((services) => this.#discovered(services));
    for (const { ski } of this.#trust.values()) this.#pursue(ski);
  }

  /** Trusts this peer from now on: one that waits at the door comes in, otherwise it is dialed as soon as it is found. */
  registerRemoteService(ski: string, shipId?: string): void {
    const peer = this.#nameOf(ski);
    const known = this.#trust.get(peer);
    const id = shipId ?? known?.shipId;
    this.#trust.set({ ski: peer, ...(id === undefined ? {} : { shipId: id }) }); // Throws where there is no room: the caller hears it.
    if (!this.#isRunning) return;
    this.engine.peers.accept(peer);
    this.#pursue(peer);
  }

  /** Trusts it no longer: its connection is closed, an attempt ended, and nobody dials it any more. */
  unregisterRemoteService(ski: string): void {
    const peer = this.#nameOf(ski);
    this.#trust.remove(peer);
    const { state } = this.engine.peers.state(peer);
    if (HANDSHAKE.has(state))
      this.engine.peers.deny(peer); // It hears why.
    else this.engine.peers.unregister(peer);
    void this.#connections.get(peer)?.close();
  }

  /** Says no to a peer that waits for a decision, or gives up waiting for one over there. */
  cancelPairing(ski: string): void {
    this.unregisterRemoteService(ski);
  }

  /** Whether everybody who comes is trusted from now on. */
  setAutoAccept(isOn: boolean): void {
    this.#isAutoAccepting = isOn;
    if (this.#isRunning) void this.options.discovery?.announce?.({ addresses: this.engine.addresses, isRegistering: isOn });
  }

  isRemoteServicePaired(ski: string): boolean {
    return this.#trust.has(this.#nameOf(ski));
  }

  /** Dials a registered peer now, whatever its backoff. Rejects `ConnectError` where that fails or the limit is reached. */
  async connectSKI(ski: string, options: { readonly signal?: AbortSignal } = {}): Promise<Connection<ShipPayload>> {
    const peer = this.#nameOf(ski);
    if (!this.isRemoteServicePaired(peer)) throw new SessionError('bad-option', `${peer} is not registered: register it first`);
    this.engine.peers.reset(peer);
    // This engine speaks SHIP alone.
    return (await this.engine.connect(peer, options)) as Connection<unknown> as Connection<ShipPayload>;
  }

  /** Closes the connection to this peer. It stays registered: the first band later it is dialed again. */
  async disconnectSKI(ski: string, _reason?: string): Promise<void> {
    await this.#connections.get(this.#nameOf(ski))?.close();
  }

  async disconnectAllSKIs(_reason?: string): Promise<void> {
    await Promise.all([...this.#connections.values()].map((connection) => connection.close()));
  }

  getConnection(ski: string): { readonly connection: Connection<ShipPayload>; isConnected(): boolean } | undefined {
    const peer = this.#nameOf(ski);
    const connection = this.#connections.get(peer);
    return connection && { connection, isConnected: () => this.#connections.get(peer) === connection };
  }
  getConnectionCount(): number {
    return this.#connections.size;
  }
  getMaxConnections(): number {
    return this.#protocol.connectionsMax;
  }
  /** 0 or less: the default of 10. Connections beyond a lower limit live on. */
  setMaxConnections(max: number): void {
    this.#protocol.connectionsMax = max > 0 ? Math.floor(max) : CONNECTIONS_MAX;
  }
  /** One of `API_STATES`. */
  getConnectionState(ski: string): number {
    const peer = this.#nameOf(ski);
    const { number, isRegistered } = this.engine.peers.state(peer);
    return number === 0 && !isRegistered && this.#isRunning && this.#trust.has(peer) && !this.#wasDenied(peer)
      ? API_STATES.queued // Wanted, and nowhere to be found.
      : number;
  }
  /** The number of the dial that waits or is under way, from 1; 0 once a handshake was completed. */
  getConnectionAttemptCount(ski: string): number {
    return this.engine.peers.state(this.#nameOf(ski)).attempt;
  }
  /** Milliseconds until this peer is dialed; undefined where no dial is waiting. */
  getNextDelay(ski: string): number | undefined {
    return this.engine.peers.state(this.#nameOf(ski)).nextDelayMs;
  }

  /** What an installer wants to read: every known peer, its state, and when something happens next. */
  debugConnectionState(): string {
    const known = new Set([...this.#states.keys(), ...[...this.#trust.values()].map(({ ski }) => ski)]);
    const lines = [...known].map((ski) => {
      const { state, attempt, nextDelayMs } = this.engine.peers.state(ski);
      const paired = this.#trust.has(ski) ? 'paired' : 'not paired';
      const next = nextDelayMs === undefined ? '' : `, next dial in ${Math.ceil(nextDelayMs / 1000)} s`;
      return `${ski}  ${API_STATES[state]} ${state}, ${paired}, attempt ${attempt}${next}`;
    });
    return [`connections ${this.getConnectionCount()} of ${this.getMaxConnections()}`, ...lines].join('\n');
  }

  /** Stops accepting (5 s), announcing and dialing, closes connections (3 s) and leaves nothing behind. Pairings are kept by then. */
  async shutdown(options?: ShutdownOptions): Promise<void> {
    this.#isRunning = false;
    this.#stopDiscovery?.();
    const discovery = this.options.discovery?.close();
    await this.engine.shutdown(options);
    await discovery;
    await this.#trust.written?.();
  }

  /** Keeps a connection to a peer that can be reached somewhere. */
  #pursue(peer: string): void {
    const { discovery } = this.options;
    if (this.#isRunning && discovery !== undefined && discovery.find(peer) !== undefined) this.engine.peers.register(peer);
  }

  #discovered(services: readonly RemoteService[]): void {
    this.reader.visibleRemoteServicesUpdated?.(services.filter(({ isVisible }) => isVisible));
    for (const { ski } of services) {
      if (!this.#trust.has(ski) || this.#connections.has(ski)) continue;
      const { isRegistered, state } = this.engine.peers.state(ski);
      if (!isRegistered && !this.#wasDenied(ski)) this.engine.peers.register(ski);
      else if (state === 'queued' && this.engine.peers.lastClosing(ski)?.code === 'resolve-failed')
        this.engine.peers.register(ski);
    }
  }

  #wasDenied(peer: string): boolean {
    return this.engine.peers.lastClosing(peer)?.code === 'trust-denied';
  }

  #heed: EngineListener = (event) => {
    switch (event.type) {
      case 'state':
        return this.#report(event.peer, event.state);
      case 'readable': {
        const connection = event.connection as Connection<ShipPayload>;
        const handler = this.reader.setupRemoteDevice?.(connection.peer, connection);
        if (handler !== undefined) connection.onMessage = handler;
        return;
      }
      case 'connected':
        this.#connections.set(event.connection.peer, event.connection as Connection<ShipPayload>);
        this.#trustAccepted(event.connection.peer);
        this.reader.remoteSKIConnected?.(event.connection.peer);
        if (this.#connections.size >= this.getMaxConnections() * NEAR)
          this.reader.connectionLimitNear?.(this.#connections.size, this.getMaxConnections());
        return;
      case 'disconnected':
        if (this.#connections.get(event.connection.peer) !== event.connection) return;
        this.#connections.delete(event.connection.peer);
        return this.reader.remoteSKIDisconnected?.(event.connection.peer, event.closing);
      case 'closing':
        // An orderly end of a paired peer is followed by the first band, as every other one is by its own.
        if (event.closing.code === 'closed' || event.closing.code === 'peer-goodbye')
          this.engine.ports.clock.soon(() => this.#trust.has(event.peer) && this.#pursue(event.peer));
        return;
      default:
    }
  };

  /** In the midst of a handshake nobody could catch what a full store throws. */
  #remember(service: TrustedService): void {
    try {
      this.#trust.set(service);
    } catch (error) {
      this.#guarded(() => this.reader.trustNotKept?.(service.ski, error as Error));
    }
  }

  /** Whom auto-accept let in is paired, as in ship-go. */
  #trustAccepted(peer: string): void {
    if (!this.#trust.has(peer)) this.#remember({ ski: peer });
    this.#pursue(peer);
  }

  #report(peer: string, state: ApiState): void {
    if ((this.#states.get(peer) ?? 'none') === state) return;
    if (state === 'none') this.#states.delete(peer);
    else this.#states.set(peer, state);
    this.reader.serviceConnectionStateChanged?.(peer, API_STATES[state]);
  }

  #peers(): ShipPeers {
    return {
      isTrusted: (ski) => this.#isAutoAccepting || this.#trust.has(ski),
      mayWait: (ski) => this.#guarded(() => this.reader.allowWaitingForTrust?.(ski)) ?? false,
      shipIdOf: (ski) => this.#trust.get(ski)?.shipId,
      learn: (ski, shipId) => {
        this.#remember({ ski, shipId });
        this.#guarded(() => this.reader.serviceShipIDUpdate?.(ski, shipId));
      },
    };
  }

  /** A handshake calls from inside its chart: what the application throws there comes up on a fresh stack, as it does elsewhere. */
  #guarded<Result>(call: () => Result): Result | undefined {
    try {
      return call();
    } catch (error) {
      this.engine.ports.clock.setTimeout(() => {
        throw error;
      }, 0);
      return undefined;
    }
  }

  #nameOf(ski: string): string {
    const peer = normaliseSki(ski);
    if (peer === this.ski) throw new SessionError('bad-option', `${peer} is this node's own SKI`);
    return peer;
  }
}
