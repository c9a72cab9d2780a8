import { ports as platformPorts } from '#platform';
import { CLOSINGS, type Closing } from '../../machines/closing.js';
import { callback } from '../../machines/callbacks.js';
import { API_STATES, type ApiState } from '../../machines/connection/api-state.js';
import { Engine, type EngineListener, type ShutdownOptions } from '../../machines/engine.js';
import { SessionError } from '../../machines/errors.js';
import type { Connection } from '../../machines/connection/connection-handle.js';
import type { ShipPayload } from '../../machines/ship/ship.messages.js';
import type { ShipPeers } from '../../machines/ship/ship.signals.js';
import { candidatesOf, discoveryResolver, type RemoteService } from './discovery.js';
import * as guarded from './guarded.js';
import { checkHubOptions, type HubOptions } from './hub-options.js';
import { statedSki, warningsOf } from './own-certificate.js';
import { ship } from './protocol.js';
import type { HubReader } from './reader.js';
import { normaliseSki, skiOr } from './ski.js';
import { memoryTrust, type ShipTrust, type TrustedService } from './trust.js';
import { unlisted } from '../../machines/unlisted.js';

const HANDSHAKE: ReadonlySet<ApiState> = new Set(['receivedPairingRequest', 'inProgress', 'trusted', 'pin']);

/** Below this there is no limit worth the name; ship-go's own default. */
const CONNECTIONS_MAX = 10;
/** The share of the limit that counts as near. Chosen without measurement. */
const NEAR = 0.8;
/** The least time between two immediate dials of a peer whose address keeps changing; chosen as the first band is. */
const MOVE_MS = 3000;
const DAY_MS = 86_400_000;

/**
 * A SHIP node with the names that people know from ship-go. Peers are named by their SKI, in any spelling. A registered peer is
 * dialed wherever discovery has it, or had it before, and again after every ending: by the bands, in the last one if the ending
 * is likely to come again, at once if discovery has another address for it. After its user denied trust it is not dialed, and
 * `dialingStopped` reports that.
 */
export class Hub {
  /** The engine below: events, metrics, inspection. */
  readonly engine: Engine;
  readonly ski: string;
  /** The application's reader, with every call guarded. */
  readonly reader: HubReader;
  #trust: ShipTrust;
  #protocol: { connectionsMax: number };
  #connections = new Map<string, Connection<ShipPayload>>();
  #states = new Map<string, ApiState>();
  #isAutoAccepting: boolean;
  #isRunning = false;
  #stopDiscovery: (() => void) | undefined;
  #stopTrust: (() => void) | undefined;
  #dailyTimer: unknown;
  /** The entry of each paired peer in discovery, and the time of the last dial because of it. */
  #places = new Map<string, { readonly addresses: string; readonly entry: string; movedMs: number }>();
  readonly #given: HubReader;
  readonly #own: guarded.GuardedPorts;

  constructor(
    readonly options: HubOptions,
    reader: HubReader = {},
  ) {
    checkHubOptions(options);
    const { transports, listen, discovery, trust, autoAccept, ports = platformPorts } = options;
    this.#own = guarded.guardedPorts(ports, options.report);
    this.#given = reader;
    this.reader = guarded.guardedReader(reader, this.#own);
    this.ski = normaliseSki(options.ski);
    this.#trust = guarded.guardedTrust(trust ?? memoryTrust(), this.#own);
    this.#isAutoAccepting = autoAccept ?? false;
    const protocol = ship({
      ...options.protocol,
      ...guarded.guardedTrace(options.protocol?.trace, this.#own),
      ski: this.ski,
      shipId: options.shipId,
      peers: this.#peers(),
      maxConnections: options.maxConnections ?? CONNECTIONS_MAX,
      ...(options.doubleConnection === undefined ? {} : { doubleConnection: options.doubleConnection }),
      ...(options.redialDenied === undefined ? {} : { redialDenied: options.redialDenied }),
    });
    this.#protocol = protocol as { connectionsMax: number };
    this.engine = new Engine(this.#own, {
      transports,
      protocols: [protocol as never],
      ...(listen === undefined ? {} : { listen }),
      ...(options.runtime === undefined ? {} : { runtime: options.runtime }),
      ...(discovery === undefined ? {} : { resolver: discoveryResolver(guarded.guardedFind(discovery, this.#own)) }),
    });
    this.engine.on(this.#handleEngineEvent);
    unlisted(this);
  }

  toJSON(): object {
    return { ski: this.ski, connections: this.#connections.size };
  }

  /**
   * Listens, announces itself, and begins to dial registered peers. Rejects with the reason if it can't listen at an address; it
   * may be called again then.
   */
  async start(): Promise<void> {
    if (this.#isRunning) throw new SessionError('bad-option', 'the hub is started already');
    this.#checkIdentity();
    this.#isRunning = true;
    try {
      await this.engine.start();
      const { discovery } = this.options;
      await discovery?.announce?.({ addresses: this.engine.addresses, isRegistering: this.#isAutoAccepting });
      this.#stopDiscovery = discovery?.subscribe((services) => this.#discovered(services));
    } catch (error) {
      this.#isRunning = false;
      throw error;
    }
    for (const { ski } of this.#trust.values()) this.#pursue(skiOr(ski, ski)); // Stores may use any spelling.
    this.#watchCertificate();
    this.#stopTrust ??= this.#trust.onFailed?.((error) => this.reader.trustWriteFailed?.(error));
  }

  /** @throws SessionError `bad-option` if peers would see another SKI than the announced one */
  #checkIdentity(): void {
    for (const certificate of this.#certificates) {
      const stated = statedSki(certificate);
      if (stated !== undefined && stated !== this.ski)
        throw new SessionError('bad-option', `this node is to be ${this.ski}, but its certificate states the SKI ${stated}`);
    }
  }

  #watchCertificate(): void {
    const { clock } = this.engine.ports;
    for (const certificate of this.#certificates)
      for (const warning of warningsOf(certificate, clock.wall())) this.reader.certificateWarning?.(warning);
    if (this.#certificates.length > 0) this.#dailyTimer = clock.setTimeout(() => this.#watchCertificate(), DAY_MS);
  }

  /** The certificates of its transports, where a transport states one. */
  get #certificates(): readonly string[] {
    return this.options.transports.flatMap((each) =>
      'certificate' in each && typeof each.certificate === 'string' ? [each.certificate] : [],
    );
  }

  /** Trusts this peer from now on: a pending handshake continues; otherwise the peer is dialed as soon as it is found. */
  registerRemoteService(ski: string, shipId?: string): void {
    const peer = this.#nameOf(ski);
    const known = this.#trust.get(peer);
    const id = shipId ?? known?.shipId;
    this.#trust.set({ ski: peer, ...(id === undefined ? {} : { shipId: id }) }); // Throws if the store is full.
    if (!this.#isRunning) return;
    this.engine.peers.accept(peer);
    this.#pursue(peer);
  }

  /** Ends the trust in a peer: its connection and attempts end, and it is not dialed any more. */
  unregisterRemoteService(ski: string): void {
    const peer = this.#nameOf(ski);
    this.#trust.remove(peer);
    const { state } = this.engine.peers.state(peer);
    if (HANDSHAKE.has(state))
      this.engine.peers.deny(peer); // The peer gets the reason.
    else this.engine.peers.unregister(peer);
    void this.#connections.get(peer)?.close();
  }

  /** Refuses a peer that waits for a decision here, or stops waiting for the decision of the peer. */
  cancelPairing(ski: string): void {
    this.unregisterRemoteService(ski);
  }

  /** Sets whether every peer is trusted from now on. */
  setAutoAccept(isOn: boolean): void {
    this.#isAutoAccepting = isOn;
    const { discovery } = this.options;
    if (this.#isRunning)
      void callback(this.#own, 'discovery.announce', () =>
        discovery?.announce?.({ addresses: this.engine.addresses, isRegistering: isOn }),
      );
  }

  isRemoteServicePaired(ski: string): boolean {
    return this.#trust.has(this.#nameOf(ski));
  }

  /** Dials a registered peer now, whatever its backoff. Rejects `ConnectError` if that fails or the limit is reached. */
  async connectSKI(ski: string, options: { readonly signal?: AbortSignal } = {}): Promise<Connection<ShipPayload>> {
    const peer = this.#nameOf(ski);
    if (!this.isRemoteServicePaired(peer)) throw new SessionError('bad-option', `${peer} is not registered: register it first`);
    this.engine.peers.reset(peer);
    // This engine speaks SHIP alone.
    return (await this.engine.connect(peer, options)) as Connection<unknown> as Connection<ShipPayload>;
  }

  /**
   * Closes the connection to this peer, or ends the handshake with it. It stays registered: it is dialed again after the first
   * band. The reason is in the closing (`detail.message`), and in the close frame as far as it fits (123 bytes).
   */
  async disconnectSKI(ski: string, reason?: string): Promise<void> {
    await this.engine.peers.disconnect(this.#nameOf(ski), reason);
  }

  /** The same for every peer, in a handshake or connected. */
  async disconnectAllSKIs(reason?: string): Promise<void> {
    const all = new Set([...this.#connections.keys(), ...this.#states.keys()]);
    await Promise.all([...all].map((peer) => this.engine.peers.disconnect(peer, reason)));
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
  /** 0 or less: the default of 10. Connections beyond a lower limit stay open. */
  setMaxConnections(max: number): void {
    this.#protocol.connectionsMax = max > 0 ? Math.floor(max) : CONNECTIONS_MAX;
    this.engine.peers.placesChanged();
  }
  /** One of `API_STATES`. */
  getConnectionState(ski: string): number {
    const peer = this.#nameOf(ski);
    const { number, isRegistered } = this.engine.peers.state(peer);
    return number === 0 && !isRegistered && this.#isRunning && this.#trust.has(peer) && !this.#wasDenied(peer)
      ? API_STATES.queued // Registered, but not found.
      : number;
  }
  /** The number of the dial that waits or is under way, from 1; 0 once a handshake was completed. */
  getConnectionAttemptCount(ski: string): number {
    return this.engine.peers.state(this.#nameOf(ski)).attempt;
  }
  /** Milliseconds until this peer is dialed; undefined if no dial is waiting. */
  getNextDelay(ski: string): number | undefined {
    return this.engine.peers.state(this.#nameOf(ski)).nextDelayMs;
  }

  /** A report for installers: every known peer, its state, and the time of its next event. */
  debugConnectionState(): string {
    const known = new Set([...this.#states.keys(), ...[...this.#trust.values()].map(({ ski }) => ski)]);
    const lines = [...known].map((ski) => {
      const { state, attempt, nextDelayMs, isWaitingForPlace } = this.engine.peers.state(ski);
      const paired = this.#trust.has(ski) ? 'paired' : 'not paired';
      const next =
        isWaitingForPlace === true
          ? ', waits for a place: the limit of connections is reached'
          : nextDelayMs !== undefined
            ? `, next dial in ${Math.ceil(nextDelayMs / 1000)} s`
            : this.#wasDenied(ski)
              ? ', not dialed: its user denied trust'
              : '';
      return `${ski}  ${API_STATES[state]} ${state}, ${paired}, attempt ${attempt}${next}`;
    });
    return [`connections ${this.getConnectionCount()} of ${this.getMaxConnections()}`, ...lines].join('\n');
  }

  /**
   * Stops accepting (5 s), announcing and dialing, closes connections (3 s) and releases everything. Pairings are stored by then.
   */
  async shutdown(options?: ShutdownOptions): Promise<void> {
    this.#isRunning = false;
    callback(this.#own, 'discovery.subscribe', () => this.#stopDiscovery?.());
    this.engine.ports.clock.clearTimeout(this.#dailyTimer);
    const discovery = callback(this.#own, 'discovery.close', () => this.options.discovery?.close());
    await this.engine.shutdown(options);
    await Promise.resolve(discovery).catch(() => {}); // Reported already.
    await this.#trust.written?.();
    this.#stopTrust?.();
    await this.#trust.close?.();
  }

  /** Keeps a connection to a peer that discovery has an address for. */
  #pursue(peer: string): void {
    const { discovery } = this.options;
    if (!this.#isRunning || callback(this.#own, 'discovery.find', () => discovery?.find(peer)) === undefined) return;
    try {
      this.engine.peers.register(peer);
    } catch (error) {
      if (!(error instanceof SessionError) || error.code !== 'too-large') throw error;
      this.reader.connectionLimitReached?.(peer, this.getMaxConnections()); // No more peers may even wait.
    }
  }

  #discovered(services: readonly RemoteService[]): void {
    this.reader.visibleRemoteServicesUpdated?.(services.filter(({ isVisible }) => isVisible));
    const before = this.#places;
    this.#places = new Map();
    for (const service of services) {
      const { ski } = service;
      if (!this.#trust.has(ski)) continue;
      const known = before.get(ski);
      const place = {
        addresses: candidatesOf(service).join(),
        entry: JSON.stringify(service),
        movedMs: known?.movedMs ?? -Infinity,
      };
      this.#places.set(ski, place);
      if (this.#connections.has(ski)) continue;
      if (!this.engine.peers.state(ski).isRegistered) {
        if (!this.#wasDenied(ski)) this.#pursue(ski);
        continue;
      }
      const isUnfound = known === undefined && this.engine.peers.lastClosing(ski)?.code === 'resolve-failed';
      const isNews = known !== undefined && known.entry !== place.entry && service.isVisible;
      if (isUnfound || isNews) this.#hasten(ski, place, known !== undefined && known.addresses !== place.addresses);
    }
  }

  /** Discovery has news: the results of earlier dials no longer count. */
  #hasten(peer: string, place: { movedMs: number }, hasMoved: boolean): void {
    const now = this.engine.ports.clock.now();
    this.engine.peers.reset(peer);
    if (now - place.movedMs < MOVE_MS) return; // The first band: its entry seems to keep changing.
    place.movedMs = now;
    this.engine.peers.hasten(peer, hasMoved);
  }

  #wasDenied(peer: string): boolean {
    const last = this.engine.peers.lastClosing(peer);
    return this.options.redialDenied !== true && last?.code === 'trust-denied' && last.side === 'remote';
  }

  #handleEngineEvent: EngineListener = (event) => {
    switch (event.type) {
      case 'state':
        return this.#report(event.peer, event.state);
      case 'readable':
        return guarded.setUpReader(this.#given, event.connection as Connection<ShipPayload>, this.#own);
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
        return this.#ended(event.peer, event.closing);
      case 'refused':
        return this.reader.connectionRefused?.(event.remoteAddress, event.code, event.reason);
      case 'limitReached':
        return this.reader.connectionLimitReached?.(event.peer, event.max);
      default:
    }
  };

  /** No paired peer is forgotten: after every ending it is dialed again, or the application gets `dialingStopped`. */
  #ended(peer: string, closing: Closing): void {
    if (!this.#isRunning || !this.#trust.has(peer)) return;
    const { code, side } = closing;
    if (code === 'trust-denied' && side === 'remote' && this.options.redialDenied !== true)
      return this.reader.dialingStopped?.(peer, closing, CLOSINGS[code].advice);
    // The first band follows an orderly end; the delay that the engine has set by then follows any other.
    const wasClosed = code === 'closed' || code === 'peer-goodbye';
    this.engine.ports.clock.soon(() => {
      if (this.#trust.has(peer) && (wasClosed || !this.engine.peers.state(peer).isRegistered)) this.#pursue(peer);
    });
  }

  /** A full store throws, and no caller could catch that during a handshake: `trustNotKept` gets the error. */
  #remember(service: TrustedService): void {
    try {
      this.#trust.set(service);
    } catch (error) {
      this.reader.trustNotKept?.(service.ski, error as Error);
    }
  }

  /** A peer that auto-accept admitted is paired, as in ship-go. */
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
      mayWait: (ski) => this.reader.allowWaitingForTrust?.(ski) ?? false,
      shipIdOf: (ski) => this.#trust.get(ski)?.shipId,
      learn: (ski, shipId) => {
        this.#remember({ ski, shipId });
        this.reader.serviceShipIDUpdate?.(ski, shipId);
      },
    };
  }

  #nameOf(ski: string): string {
    const peer = normaliseSki(ski);
    if (peer === this.ski) throw new SessionError('bad-option', `${peer} is this node's own SKI`);
    return peer;
  }
}
