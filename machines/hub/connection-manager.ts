import type { AnyActorRef } from 'xstate';
import { closing, type Closing } from '../closing.js';
import { connectionOver } from '../connection/connection-for.js';
import { SlabPool } from '../dataplane/send-log.js';
import { SessionError } from '../errors.js';
import type { GrantRequest } from '../dial-permit.service.js';
import type { Handle } from '../connection/connection-handle.js';
import { Incoming } from './accept/accept-queue.js';
import type { DialOptions, Offer, Opener, Ports, Resolver, Transport, WireCause } from '../ports.js';
import type { Protocol } from '../protocol.js';
import { unlisted } from '../unlisted.js';
import { ByteBudget } from '../dataplane/byte-budget.js';
import { Watermark } from './admission.js';
import { counted, type CountedWire, type Tally } from './wire-tracker.js';
import { DialQueue } from './dial/dialer.service.js';
import { Dialing, type DialingSide } from './dial/open-wire.js';
import { Door, type Arrival, type DoorKeeper, type Known } from './accept/identify.service.js';
import { Entry, type ConnectionRef } from './connection-record.js';
import type { Caller } from './connect-request.js';
import type { EngineEvent } from './events.js';
import type { HostSide } from './host-watch.js';
import { Expiry } from './certificate-expiry.js';
import { Listeners, type ListenersSide } from './accept/listener.service.js';
import { Metrics } from './metrics.js';
import { Places } from './connection-slots.js';
import { crossingOf, keyOf, nameOf, Reception, type ReceptionSide } from './accept/route-incoming.js';
import { wasAnswered } from './dial/redial-policy.js';
import { Registry, type ConnectionKey } from './registry.js';
import { SessionIds } from './connection-ids.js';
import { NO_WISH } from './targets.js';
import { supervised } from '../runtime/supervisor.js';

export interface DeskOptions {
  readonly transports: readonly Transport[];
  readonly protocols: readonly Protocol<unknown>[];
  readonly resolver: Resolver | undefined;
  readonly openingsMax: number;
  readonly openingsPerAddressMax: number;
  readonly unprovenPerAddressMax: number;
  readonly pendingDialsMax: number;
  readonly burst: number;
  readonly perSecond: number;
  readonly burstPerTarget: number | undefined;
  readonly perSecondPerTarget: number | undefined;
  readonly incomingMax: number;
  readonly connectionsMax: number | undefined;
  readonly connectionsPerPeerMax: number;
  readonly bytesQueuedMax: number;
}

export interface ConnectRequest {
  /** Addresses to race; none where the resolver is to find them. */
  readonly targets: readonly string[];
  /** Who it must be, where that is known. */
  readonly peer: string | undefined;
  readonly protocol: Protocol<unknown>;
  readonly dialOptions: DialOptions;
  /** One connection for all who ask for the same targets. */
  readonly reuse: boolean;
  /** Dial again: for ever (`always`, a registration), or until the protocol's retries are used up. */
  readonly keep?: 'always' | 'retries' | undefined;
}

const NO_WORDS = new Uint8Array(0);

/**
 * The hub's tables and what is done with them: who is connected, who knocks, who may dial. Phases are the hub chart's;
 * this is called from its actions, from the door and from connections, and returns at once.
 */
export class Desk implements DoorKeeper, ListenersSide, ReceptionSide, DialingSide, HostSide, Tally {
  readonly pool = new SlabPool();
  readonly incoming = new Incoming<Handle<unknown>>((handle) => handle.isRead || handle.isOver);
  readonly registry = new Registry<Entry>(Infinity); // Admission is by protocol, below.
  readonly listeners = new Listeners(this);
  readonly reception: Reception;
  readonly places = new Places(this);
  readonly dialing = new Dialing(this);
  readonly door: Door;
  readonly queue: DialQueue;
  readonly metrics: Metrics;
  readonly ids: SessionIds;
  /** What all connections together may hold for their peers. */
  readonly budget: ByteBudget;
  readonly expiry: Expiry;
  isServing = false;
  #wires = new Set<CountedWire>(); // Opened or being opened, both directions.
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
    this.reception = new Reception(this);
    this.ids = new SessionIds(ports.entropy);
    this.door = new Door(this, options);
    this.expiry = new Expiry(ports.clock, (about) => this.tell({ type: 'certificateExpiring', ...about }));
    this.budget = new ByteBudget(options.bytesQueuedMax);
    this.#watermark = new Watermark(this.#connectionsMax);
    this.metrics = new Metrics(() => ({
      now: ports.clock.now(),
      active: this.places.taken,
      limit: this.#connectionsMax,
      bytesQueued: this.budget.bytes,
      retryTokens: Math.floor(this.queue.tokens),
    }));
    const { pendingDialsMax, burst, perSecond, burstPerTarget, perSecondPerTarget } = options;
    const budgets = { burst, perSecond, burstPerTarget, perSecondPerTarget };
    this.queue = new DialQueue({ clock: ports.clock, random: ports.random, pendingDialsMax, ...budgets });
    unlisted(this);
  }

  get clock(): Ports['clock'] {
    return this.ports.clock;
  }
  get connections(): number {
    return this.registry.size;
  }
  get openWires(): number {
    return this.#wires.size;
  }
  get isBusy(): boolean {
    return this.incoming.size >= this.options.incomingMax;
  }
  *entries(): Iterable<Entry> {
    for (const { value } of this.registry.values()) yield value;
  }
  /** The connection of a peer by its id, the address it is dialed at, or the name it has in logs (`connection.id`). */
  entryOf(peer: string): Entry | undefined {
    const byId = this.entryNamed(peer);
    if (byId !== undefined) return byId;
    for (const protocol of this.options.protocols) {
      const label = peer.startsWith(`${protocol.name} `) ? peer.slice(protocol.name.length + 1) : peer;
      const found = this.registry.find(keyOf(protocol, label));
      if (found !== undefined) return found.value;
    }
    return undefined;
  }

  entryNamed(id: string): Entry | undefined {
    const number = this.ids.entryOf(id);
    return number === undefined ? undefined : this.registry.get(number)?.value;
  }

  attach(supervisor: AnyActorRef): void {
    this.#supervisor = supervisor;
  }

  // Dialing.

  connect(request: ConnectRequest, caller: Caller | undefined): void {
    const { protocol, targets, peer } = request;
    const isShared = protocol.keyed === 'peer' || request.reuse;
    const label = isShared ? (peer ?? targets[0]!) : `#${++this.#dialed}`;
    const key = keyOf(protocol, label);
    const found = this.registry.find(key)?.value;
    const isWish = request.keep === 'always' && caller === undefined; // It may wait for a place, within a bound of its own.
    const mayBegin = isWish ? found !== undefined || this.places.mayWait(protocol) : this.places.hasRoom(protocol, '');
    if (found?.holdsPlace !== true && !mayBegin) return caller?.failed(closing('limit-reached', 'local'));
    const entry = found ?? this.#spawn(key, 'dialer', new Entry(this, nameOf(protocol, label), protocol, request, ''));
    entry.want(request, caller);
  }

  grant(entry: Entry, request: GrantRequest): () => void {
    return this.dialing.grant(entry, request);
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

  /** Shutdown waits until no wire is left. */
  wireBegan(wire: CountedWire): void {
    this.#wires.add(wire);
  }
  wireEnded(wire: CountedWire): void {
    this.#wires.delete(wire);
  }

  // Listening.

  listen(address: string, done: (bound: string | WireCause) => void): void {
    this.listeners.listenAt(address, this.options.protocols, done);
  }

  admit(offer: Offer, protocols: readonly Protocol<unknown>[], listener?: string): void {
    this.door.accept({ ...offer, open: counted(offer.open, this) }, protocols, listener);
  }

  objection({ identity, remoteAddress }: Offer, protocols: readonly Protocol<unknown>[]): 'busy' | 'limit-reached' | undefined {
    if (this.isBusy && !this.reception.absent.isAnyAwaited) return 'busy'; // Who comes back is told apart by its first words.
    const [protocol] = protocols;
    if (protocol?.keyed !== 'peer' || protocols.length > 1) return undefined; // Its first words decide.
    const known = protocol.identify(NO_WORDS, { identity, remoteAddress });
    if (known.word !== 'known' || this.registry.find(keyOf(protocol, known.label))?.value.holdsPlace === true) return undefined;
    const mayEnter = this.places.hasRoom(protocol, known.label) || this.places.mayDisplace(protocol, known.label);
    return mayEnter ? undefined : 'limit-reached';
  }

  isAwaited(remoteAddress: string): boolean {
    return this.reception.absent.isAwaited(remoteAddress);
  }

  stopListening(): void {
    this.listeners.stop();
    this.door.clear();
  }

  refused(remoteAddress: string, code: string, reason?: string): void {
    this.tell({ type: 'refused', remoteAddress, code, ...(reason === undefined ? {} : { reason }) });
  }

  arrived(protocol: Protocol<unknown>, known: Known, about: Arrival, opener: Opener): Uint8Array | 'taken' | undefined {
    return this.reception.arrived(protocol, known, about, opener);
  }

  spawn(key: ConnectionKey, protocol: Protocol<unknown>, remoteAddress: string, peer = key.peer): Entry {
    const wish = peer === '' ? NO_WISH : { ...NO_WISH, peer };
    return this.#spawn(key, 'acceptor', new Entry(this, nameOf(protocol, key.peer || key.label), protocol, wish, remoteAddress));
  }

  // What connections tell.

  /** Which side opened the wire of the session that begins. */
  began(entry: Entry): void {
    const row = this.registry.get(entry.id);
    if (row === undefined) return;
    row.role = entry.role;
    if (entry.identity !== undefined && entry.role === 'acceptor' && entry.protocol.keyed === 'session')
      this.registry.attribute(entry.id, entry.identity.fingerprint);
  }

  /** The connection that keeps its place if `entry` turns out to be to this peer; undefined where `entry` may stay. */
  rivalOf(entry: Entry, peer: string): Entry | undefined {
    const rival = this.registry.find(keyOf(entry.protocol, peer))?.value;
    if (rival === undefined || rival === entry || !rival.isEngaged || rival.isYielding) return undefined;
    return crossingOf(entry.protocol, peer, rival.role, entry.role) === 'replace' ? undefined : rival;
  }

  /** `entry` is to this peer, and stays: whatever else went by that name has lost its place. */
  identified(entry: Entry, peer: string): void {
    const other = this.registry.identify(entry.id, keyOf(entry.protocol, peer))?.value;
    if (other === undefined) return;
    entry.inherit(other);
    other.ref?.send({ type: 'abort', closing: closing(other.isCompleted ? 'replaced' : 'lost-tie-break', 'local') });
    this.bury(other);
  }

  /** `entry` turned out to be a second connection to this peer, and gives way: whoever waits for it gets the other one. */
  yielded(entry: Entry, peer: string): void {
    const rival = this.rivalOf(entry, peer);
    if (rival === undefined) return;
    this.registry.yieldTo(entry.id, rival.id);
    rival.inherit(entry);
  }

  completed(entry: Entry): void {
    entry.redials.answered();
    this.queue.completed(entry.key);
    this.metrics.completed(entry.key, this.clock.now());
    if (entry.handle?.role === 'acceptor') this.incoming.push(entry.handle);
  }

  resumed(entry: Entry, afterMs: number): void {
    entry.redials.answered();
    this.queue.completed(entry.key);
    this.metrics.resumed(afterMs);
  }

  ended(entry: Entry, cause: Closing): void {
    if (wasAnswered(cause)) entry.redials.refused();
    if (cause.code === 'trust-denied' && cause.side === 'remote') this.queue.heardDenial(entry.key);
    this.reception.release(entry);
    this.metrics.ended(entry.key, cause.code);
    this.metrics.duplicatesDropped(entry.session?.plane.stats['duplicates'] ?? 0);
    if (entry.handle?.role === 'acceptor' && this.isServing) this.reception.remember(entry, cause);
  }

  bury(entry: Entry): void {
    if (entry.isBuried) return;
    entry.isBuried = true;
    this.registry.remove(entry.id);
    this.places.settle(entry);
    this.queue.forget(entry.key);
    this.forgetLanes(entry);
    // Not from inside the actor's own transition.
    this.clock.soon(() => {
      this.#supervisor?.send({ type: 'stop', key: entry.id });
      this.changed();
    });
  }

  /** Its links begin anew, and don't wait for what went wrong with those before. */
  forgetLanes(entry: Entry): void {
    for (const key of entry.laneKeys) this.queue.forget(key);
  }

  crashed(id: number, error: unknown): void {
    this.registry.get(id)?.value.crashed(error);
  }

  // Shutting down.

  cancelAttempts(): void {
    this.queue.cancelAll();
    this.reception.forgetAll();
    for (const entry of [...this.entries()]) {
      entry.keep = undefined;
      if (entry.state === 'none')
        this.bury(entry); // At rest, on the list of wishes alone: there is nothing to wait for.
      else if (!entry.isCompleted) entry.ref?.send({ type: 'abort', closing: closing('shutdown', 'local') });
    }
  }

  closeConnections(): void {
    for (const entry of [...this.entries()]) entry.ref?.send({ type: 'close', now: false, reason: 'shutdown' });
  }

  /** Tells every peer to come back after a time of its own within `overMs`, so that they don't return all at once. */
  drain(overMs: number): void {
    for (const entry of [...this.entries()]) {
      if (entry.isCompleted) entry.ref?.send({ type: 'drain', afterMs: Math.floor(this.ports.random() * overMs) });
    }
  }

  abortConnections(): void {
    for (const entry of [...this.entries()]) entry.ref?.send({ type: 'abort', closing: closing('shutdown', 'local') });
  }

  /** Those whose connections have gone and that are still saying farewell. */
  destroyWires(): void {
    for (const wire of [...this.#wires]) wire.destroy();
  }

  /** @rule DIAL-8 */
  hold(): void {
    this.queue.isHeld = true;
  }

  /** @rule DIAL-8 */
  release(): void {
    this.queue.isHeld = false;
    this.queue.thaw(true);
    for (const entry of this.entries()) if (entry.isCompleted) entry.ref?.send({ type: 'probe' });
  }

  /** Says goodbye without waiting for anything: what was sent goes before it, the rest is lost with the page. */
  farewell(): void {
    for (const entry of [...this.entries()]) entry.ref?.send({ type: 'close', now: true, reason: 'shutdown' });
  }

  /** The host woke: ask every wire for a sign of life, and let waiting redials go. */
  probe(): void {
    this.queue.thaw();
    for (const entry of this.entries()) if (entry.isCompleted) entry.ref?.send({ type: 'probe' });
  }

  get #connectionsMax(): number {
    return this.options.connectionsMax ?? Math.max(...this.options.protocols.map((p) => p.connectionsMax));
  }

  counted(): void {
    const { taken } = this.places;
    if (this.#watermark.update(taken) === 'near') this.tell({ type: 'limitNear', connections: taken, max: this.#connectionsMax });
  }

  #spawn(key: ConnectionKey, role: 'dialer' | 'acceptor', entry: Entry): Entry {
    const row = this.registry.add(key, role, entry);
    if (typeof row === 'string') throw new Error(`broken invariant: the registry says ${row} for a key that was free`);
    entry.id = row.id;
    this.revive(entry);
    return entry;
  }

  /** Gives it an actor. */
  revive(entry: Entry): void {
    const { id: key, protocol } = entry;
    const logic = connectionOver(protocol.machine);
    this.#supervisor!.send(unlisted({ type: 'spawn', key, logic, input: { port: entry }, named: entry }, ['logic', 'named']));
    entry.ref = supervised(this.#supervisor!).get(key) as ConnectionRef;
  }
}
