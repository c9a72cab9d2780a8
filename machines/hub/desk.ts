import type { AnyActorRef } from 'xstate';
import { closing, type Closing } from '../closing.js';
import { SlabPool } from '../dataplane/send-log.js';
import { SessionError } from '../errors.js';
import type { GrantRequest } from '../grant.service.js';
import type { Acceptor, DialOptions, Identity, Listening, Opener, Ports, Transport } from '../ports.js';
import type { Protocol } from '../protocol.js';
import { Incoming } from '../incoming.js';
import { Watermark } from './admission.js';
import { DialQueue } from './dial-queue.js';
import { Door, type DoorKeeper, type Known } from './door.js';
import { Entry, type Caller, type ConnectionRef } from './entry.js';
import type { EngineEvent } from './events.js';
import { Metrics } from './metrics.js';
import { race } from './race.js';
import { supervised } from './supervisor.js';

export interface DeskOptions {
  readonly transports: readonly Transport[];
  readonly protocols: readonly Protocol<unknown>[];
  readonly listen: readonly string[];
  readonly insecure: boolean;
  readonly openingsMax: number;
  readonly openingsPerAddressMax: number;
  readonly pendingDialsMax: number;
  readonly incomingMax: number;
  readonly connectionsMax: number | undefined;
}

export interface ConnectRequest {
  readonly targets: readonly string[];
  readonly protocol: Protocol<unknown>;
  readonly dialOptions: DialOptions;
  /** One connection for all who ask for the same targets. */
  readonly reuse: boolean;
  /** Keep it connected: dial again after every ending that makes sense to retry. */
  readonly keep?: boolean;
}

/**
 * The hub's tables and what is done with them: who is connected, who knocks, who may dial. Phases are the hub chart's;
 * this is called from its actions, from the door and from connections, and returns at once.
 */
export class Desk implements DoorKeeper {
  readonly pool = new SlabPool();
  readonly incoming = new Incoming();
  readonly door: Door;
  readonly queue: DialQueue;
  readonly metrics: Metrics;
  readonly addresses: string[] = [];
  isServing = false;
  #entries = new Map<string, Entry>();
  #tombstones = new Map<string, unknown>(); // Label of an ended session, and the timer that forgets it.
  #listenings: Listening[] = [];
  #listening = 0;
  #wires = 0; // Opened or being opened, both directions.
  #dialed = 0;
  #watermark: Watermark;
  #supervisor: AnyActorRef | undefined;

  constructor(
    readonly ports: Ports,
    readonly options: DeskOptions,
    readonly tell: (event: EngineEvent) => void,
    /** Something that the hub's phases wait for may have come true. */
    readonly changed: () => void,
  ) {
    this.door = new Door(this, options);
    this.#watermark = new Watermark(this.#connectionsMax);
    this.metrics = new Metrics(() => ({
      now: ports.clock.now(),
      active: this.connections,
      limit: this.#connectionsMax,
      bytesQueued: this.#bytesQueued(),
      retryTokens: Math.floor(this.queue.tokens),
    }));
    this.queue = new DialQueue({ clock: ports.clock, random: ports.random, pendingDialsMax: options.pendingDialsMax });
  }

  get clock(): Ports['clock'] {
    return this.ports.clock;
  }
  get connections(): number {
    return this.#entries.size;
  }
  get openWires(): number {
    return this.#wires;
  }
  get openListeners(): number {
    return this.#listening;
  }
  entry(key: string): Entry | undefined {
    return this.#entries.get(key);
  }
  /** The connection of a peer by its key, its id, or the address it is dialed at. */
  entryOf(peer: string): Entry | undefined {
    for (const protocol of this.options.protocols) {
      const found = this.#entries.get(`${protocol.name} ${peer}`);
      if (found !== undefined) return found;
    }
    return this.#entries.get(peer);
  }
  entries(): IterableIterator<Entry> {
    return this.#entries.values();
  }

  attach(supervisor: AnyActorRef): void {
    this.#supervisor = supervisor;
  }

  // Dialing.

  connect(request: ConnectRequest, caller: Caller): void {
    const key =
      request.protocol.keyed === 'peer' || request.reuse
        ? `${request.protocol.name} ${request.targets[0]}`
        : `${request.protocol.name} #${++this.#dialed}`;
    const found = this.#entries.get(key);
    if (found?.isCompleted === true && found.handle !== undefined) {
      return caller.connected(found.handle);
    }
    if (found === undefined && !this.#hasRoom(request.protocol)) {
      return caller.failed(closing('limit-reached', 'local'));
    }
    const entry = found ?? this.#spawn(key, request.protocol, request.targets, request.dialOptions, '');
    entry.callers.add(caller);
    if (request.keep === true) entry.isRegistered = true;
    entry.ref!.send({ type: 'connect' });
  }

  grant(entry: Entry, request: GrantRequest): () => void {
    const asked = this.queue.ask({
      key: entry.key,
      priority: entry.callers.size > 0 ? 1 : 0,
      policy: entry.protocol.redial,
      ...(request.livedMs > 0 ? { livedMs: request.livedMs } : {}),
      grant: () => request.granted(this.#opener(entry)),
      giveUp: () => request.givenUp(),
    });
    return () => asked.cancel();
  }

  transportOf(address: string): Transport {
    const scheme = /^([a-z][a-z0-9+.-]*):/i.exec(address)?.[1]?.toLowerCase();
    if (scheme === undefined)
      throw new SessionError('bad-address', `"${address}" is not an address: it has no scheme such as tcp://`);
    const transport = this.options.transports.find((t) => t.schemes.includes(scheme));
    if (transport === undefined)
      throw new SessionError(
        'no-transport',
        `no transport was given for ${scheme}:// (there are ${this.options.transports.flatMap((t) => t.schemes).join(', ') || 'none'})`,
      );
    return transport;
  }

  #opener(entry: Entry): Opener {
    const openers = entry.targets.map((target) => this.transportOf(target).dial(target, entry.dialOptions));
    return this.#counted(race(openers, this.clock), () => this.queue.dialEnded(entry.key));
  }

  /** Shutdown waits until no wire is left; a dial's slot is free once it has opened or failed. */
  #counted(opener: Opener, settled: () => void): Opener {
    return (handler) => {
      this.#wires++;
      let isSettled = false; // Once: the late close of this wire must not free the slot of a newer dial.
      const settle = (): void => {
        if (!isSettled) settled();
        isSettled = true;
      };
      return opener({
        onOpen: (wire) => {
          settle();
          handler.onOpen(wire);
        },
        onBytes: (bytes) => handler.onBytes(bytes),
        onDrain: () => handler.onDrain(),
        onProbeAnswer: () => handler.onProbeAnswer(),
        onClose: (cause) => {
          this.#wires--;
          settle();
          handler.onClose(cause);
          this.changed();
        },
      });
    };
  }

  // Listening.

  listen(): void {
    for (const address of this.options.listen) this.listenAt(address);
  }

  listenAt(address: string, protocols = this.options.protocols): void {
    const transport = this.transportOf(address);
    const acceptor: Acceptor = {
      onListening: (bound) => {
        this.addresses.push(bound);
        this.tell({ type: 'listening', address: bound });
      },
      onOffer: (offer) => {
        if (!this.isServing) return offer.refuse({ code: 'shutdown', retryAfterMs: 1000 });
        // A transport with words of its own (HTTP 503) says no before the upgrade; elsewhere the protocol says it, once it was spoken to.
        if (transport.boundaries === 'message' && this.#isBusy) {
          this.refused(offer.remoteAddress, 'busy');
          return offer.refuse({ code: 'busy', retryAfterMs: RETRY_AFTER_MS });
        }
        this.door.accept({ ...offer, open: this.#counted(offer.open, () => {}) }, protocols);
      },
      onFailed: (cause) => this.tell({ type: 'listen-failed', address, cause }),
    };
    this.#listening++;
    this.#listenings.push(transport.listen(address, acceptor));
  }

  stopListening(): void {
    for (const listening of this.#listenings.splice(0)) {
      listening.close(() => {
        this.#listening--;
        this.changed();
      });
    }
    this.door.clear();
  }

  refused(remoteAddress: string, code: string): void {
    this.tell({ type: 'refused', remoteAddress, code });
  }

  arrived(
    protocol: Protocol<unknown>,
    known: Known,
    about: { identity: Identity | undefined; remoteAddress: string },
    opener: Opener,
  ): Uint8Array | 'taken' | undefined {
    const key = `${protocol.name} ${known.label}`;
    const found = this.#entries.get(key);
    if (found?.session?.judge !== undefined && found.handle?.isOver === false) {
      const verdict = found.session.judge(known.opening, about.identity);
      if (!verdict.admit) {
        this.refused(about.remoteAddress, verdict.code);
        return verdict.say;
      }
    } else {
      const refusal = this.#refusalOf(protocol, known, key);
      if (refusal !== undefined) {
        this.refused(about.remoteAddress, refusal);
        return protocol.refusal(refusal, refusal === 'busy' || refusal === 'limit-reached' ? RETRY_AFTER_MS : 0);
      }
    }
    const entry = this.#entries.get(key) ?? this.#spawn(key, protocol, [], {}, about.remoteAddress);
    entry.identity ??= about.identity;
    entry.ref!.send({ type: 'offered', opener, opening: known.opening, isTrusted: true });
    return 'taken';
  }

  // What connections tell.

  completed(entry: Entry): void {
    this.queue.completed(entry.key);
    this.metrics.completed(entry.key, this.clock.now());
    if (entry.handle?.role === 'acceptor') this.incoming.push(entry.handle);
  }

  resumed(entry: Entry, afterMs: number): void {
    this.queue.completed(entry.key);
    this.metrics.resumed(afterMs);
  }

  ended(entry: Entry, cause: Closing): void {
    this.metrics.ended(entry.key, cause.code);
    this.metrics.duplicatesDropped(entry.session?.plane.stats['duplicates'] ?? 0);
    if (entry.handle?.role !== 'acceptor' || entry.protocol.tombstoneMs === 0) return;
    const { key } = entry;
    this.clock.clearTimeout(this.#tombstones.get(key));
    this.#tombstones.delete(key);
    if (!this.isServing || this.#tombstones.size >= TOMBSTONES_MAX) return;
    this.#tombstones.set(
      key,
      this.clock.setTimeout(() => this.#tombstones.delete(key), entry.protocol.tombstoneMs),
    );
  }

  bury(entry: Entry): void {
    if (this.#entries.get(entry.key) !== entry) return;
    this.#entries.delete(entry.key);
    this.#watch();
    this.queue.forget(entry.key);
    // Not from inside the actor's own transition.
    this.clock.soon(() => {
      this.#supervisor?.send({ type: 'stop', key: entry.key });
      this.changed();
    });
  }

  crashed(key: string, error: unknown): void {
    this.#entries.get(key)?.crashed(error);
  }

  // Shutting down.

  cancelAttempts(): void {
    this.queue.cancelAll();
    for (const timer of this.#tombstones.values()) this.clock.clearTimeout(timer);
    this.#tombstones.clear();
    for (const entry of [...this.#entries.values()]) {
      entry.isRegistered = false;
      if (!entry.isCompleted) entry.ref?.send({ type: 'abort', closing: closing('shutdown', 'local') });
    }
  }

  closeConnections(): void {
    for (const entry of [...this.#entries.values()]) entry.ref?.send({ type: 'close', now: false, reason: 'shutdown' });
  }

  /** Tells every peer to come back after a time of its own within `overMs`, so that they don't return all at once. */
  drain(overMs: number): void {
    for (const entry of [...this.#entries.values()]) {
      if (entry.isCompleted) entry.ref?.send({ type: 'drain', afterMs: Math.floor(this.ports.random() * overMs) });
    }
  }

  abortConnections(): void {
    for (const entry of [...this.#entries.values()]) entry.ref?.send({ type: 'abort', closing: closing('shutdown', 'local') });
  }

  /** The host woke: ask every wire for a sign of life, and let waiting redials go. */
  probe(): void {
    this.queue.thaw();
    for (const entry of this.#entries.values()) if (entry.isCompleted) entry.ref?.send({ type: 'probe' });
  }

  get #isBusy(): boolean {
    return this.incoming.size >= this.options.incomingMax;
  }

  #refusalOf(
    protocol: Protocol<unknown>,
    known: Known,
    key: string,
  ): 'ended' | 'unknown-session' | 'busy' | 'limit-reached' | undefined {
    if (!known.isNew) return this.#tombstones.has(key) ? 'ended' : 'unknown-session';
    if (this.#isBusy) return 'busy';
    return this.#hasRoom(protocol) ? undefined : 'limit-reached';
  }

  #hasRoom(protocol: Protocol<unknown>): boolean {
    return this.#entries.size < (this.options.connectionsMax ?? protocol.connectionsMax);
  }

  get #connectionsMax(): number {
    return this.options.connectionsMax ?? Math.max(...this.options.protocols.map((p) => p.connectionsMax));
  }

  #bytesQueued(): number {
    let bytes = 0;
    for (const entry of this.#entries.values()) bytes += entry.session?.plane.queuedBytes ?? 0;
    return bytes;
  }

  #watch(): void {
    if (this.#watermark.update(this.#entries.size) === 'near')
      this.tell({ type: 'limitNear', connections: this.#entries.size, max: this.#connectionsMax });
  }

  #spawn(
    key: string,
    protocol: Protocol<unknown>,
    targets: readonly string[],
    dialOptions: DialOptions,
    remoteAddress: string,
  ): Entry {
    const entry = new Entry(this, key, protocol, targets, dialOptions, remoteAddress);
    this.#entries.set(key, entry);
    this.#watch();
    this.#supervisor!.send({ type: 'spawn', key, kind: protocol.name, input: { port: entry } });
    entry.ref = supervised(this.#supervisor!).get(key) as ConnectionRef;
    return entry;
  }
}

/** When a refused peer may try again. Chosen without measurement. */
const RETRY_AFTER_MS = 1000;
/** Ended sessions remembered at once; beyond it a late return hears `unknown-session`. */
const TOMBSTONES_MAX = 10_000;
