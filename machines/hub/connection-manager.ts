import type { AnyActorRef } from 'xstate';
import { closing, type Closing } from '../closing.js';
import { assert } from '../errors.js';
import { connectionFor } from '../connection/connection-for.js';
import { SlabPool } from '../dataplane/send-log.js';
import type { DialPermitRequest } from '../dial-permits.js';
import type { ConnectionHandle } from '../connection/connection-handle.js';
import type { connectionMachine } from '../connection/connection.machine.js';
import { AcceptQueue } from './accept/accept-queue.js';
import type { Offer, Ports, Transport } from '../ports.js';
import type { Protocol } from '../protocol.js';
import { unlisted } from '../unlisted.js';
import { ByteBudget } from '../dataplane/byte-budget.js';
import { Watermark } from './admission.js';
import { transportFor } from './transport-for.js';
import { WireTracker } from './wire-tracker.js';
import { probe } from './all-connections.js';
import { DialScheduler } from './dial/dialer.service.js';
import { WireDialer, type DialerSide } from './dial/open-wire.js';
import { PendingAccepts, type AcceptSide, type IdentifiedWire } from './accept/identify.service.js';
import type { ConnectionRef } from './connection-facts.js';
import { ConnectionRecord } from './connection-record.js';
import { NO_TARGET, type Caller, type ConnectRequest } from './connect-request.js';
import type { EngineEvent } from './events.js';
import type { HubEvent } from './hub.events.js';
import { hubOptions, type HubInput, type HubOptions } from './hub-input.js';
import { CertificateWatch } from './certificate-expiry.js';
import { Listeners, type ListenersSide } from './accept/listener.service.js';
import { Metrics } from './metrics.js';
import { ConnectionSlots } from './connection-slots.js';
import { crossingOf, keyOf, nameOf, IncomingRouter, type RouterSide } from './accept/route-incoming.js';
import { wasAnswered } from './dial/redial-policy.js';
import type { RecordSide } from './record-side.js';
import { SpawnConnection, WireAccepted } from './private-events.js';
import { Registry, type ConnectionKey } from './registry.js';
import { ConnectionIds } from './connection-ids.js';
import { supervised } from '../runtime/supervisor.js';

/** The remainder that the hub's shutdown waits for. */
type Remainder = 'connections' | 'wires';

/**
 * The tables of one hub: its connections, slots, accepted and dialed wires. It is the handle by which the hub chart's actions have
 * an effect: they call it, and it sends the chart what happens (`HubEvent`). Phases are the chart's, decisions `hub-state.ts`'s.
 */
export class ConnectionManager
  implements AcceptSide, ListenersSide, RouterSide<ConnectionRecord>, DialerSide<ConnectionRecord>, RecordSide<ConnectionRecord>
{
  readonly pool = new SlabPool();
  readonly incoming = new AcceptQueue<ConnectionHandle<unknown>>((handle) => handle.isRead || handle.isOver);
  readonly registry = new Registry<ConnectionRecord>(); // How many there may be, `slots` says.
  readonly listeners = new Listeners(this);
  readonly router: IncomingRouter<ConnectionRecord>;
  readonly slots = new ConnectionSlots(this);
  readonly wireDialer = new WireDialer<ConnectionRecord>(this);
  readonly pendingAccepts: PendingAccepts;
  readonly dialScheduler: DialScheduler;
  readonly metrics: Metrics;
  readonly ids: ConnectionIds;
  /** The bytes that all connections together may hold for their peers. */
  readonly budget: ByteBudget;
  readonly certificates: CertificateWatch;
  readonly ports: Ports;
  readonly options: HubOptions;
  /** Opened or being opened, both directions. */
  readonly wires = new WireTracker(() => this.#settleRemainder());
  readonly #onEvent: (event: EngineEvent) => void;
  readonly #isObserved: () => boolean;
  readonly #connectionChart: typeof connectionMachine | undefined;
  #dialed = 0;
  #watermark: Watermark;
  #awaited: Remainder | undefined;
  #self: AnyActorRef | undefined;
  #supervisor: AnyActorRef | undefined;

  constructor(input: HubInput) {
    const { ports, onEvent, isObserved, connection } = input;
    const options = hubOptions(input);
    this.ports = ports;
    this.options = options;
    this.#onEvent = onEvent ?? (() => undefined);
    this.#isObserved = isObserved ?? (() => onEvent !== undefined);
    this.#connectionChart = connection;
    this.router = new IncomingRouter<ConnectionRecord>(this);
    this.ids = new ConnectionIds(ports.entropy);
    this.pendingAccepts = new PendingAccepts(this, options);
    this.certificates = new CertificateWatch(ports.clock, (expiry) => this.tell({ type: 'certificateExpiring', ...expiry }));
    this.budget = new ByteBudget(options.bytesQueuedMax);
    this.#watermark = new Watermark(this.#connectionsMax);
    this.metrics = new Metrics(() => ({
      now: ports.clock.now(),
      active: this.slots.taken,
      limit: this.#connectionsMax,
      bytesQueued: this.budget.bytes,
      retryTokens: Math.floor(this.dialScheduler.tokens),
      pendingDials: this.dialScheduler.pendingDials,
      waitingDials: this.dialScheduler.waiting,
    }));
    const { pendingDialsMax, burst, perSecond, burstPerTarget, perSecondPerTarget } = options;
    const budgets = { burst, perSecond, burstPerTarget, perSecondPerTarget };
    this.dialScheduler = new DialScheduler({ clock: ports.clock, random: ports.random, pendingDialsMax, ...budgets });
    unlisted(this);
  }

  /** Constant: a snapshot that holds this handle is the same whenever it is serialized. */
  toJSON(): object {
    return { protocols: this.options.protocols.map(({ name }) => name) };
  }

  /** The hub whose handle this is. */
  attach(self: AnyActorRef): void {
    this.#self = self;
  }

  tell(event: EngineEvent): void {
    this.#onEvent(event);
  }
  get isObserved(): boolean {
    return this.#isObserved();
  }

  get clock(): Ports['clock'] {
    return this.ports.clock;
  }
  get connections(): number {
    return this.registry.size;
  }
  get isBusy(): boolean {
    return this.incoming.isFull(this.options.incomingMax);
  }
  *records(): Iterable<ConnectionRecord> {
    for (const { value } of this.registry.values()) yield value;
  }
  /** The connection of a peer by its id, the address it is dialed at, or the name it has in logs (`connection.id`). */
  recordOf(peer: string): ConnectionRecord | undefined {
    const byId = this.recordNamed(peer);
    if (byId !== undefined) return byId;
    for (const protocol of this.options.protocols) {
      const label = peer.startsWith(`${protocol.name} `) ? peer.slice(protocol.name.length + 1) : peer;
      const found = this.registry.find(keyOf(protocol, label));
      if (found !== undefined) return found.value;
    }
    return undefined;
  }

  recordNamed(id: string): ConnectionRecord | undefined {
    const number = this.ids.entryOf(id);
    return number === undefined ? undefined : this.registry.get(number)?.value;
  }

  // Dialing.

  connect(request: ConnectRequest, caller: Caller | undefined): void {
    const { protocol, targets, peer } = request;
    const isShared = protocol.keyed === 'peer' || request.reuse;
    const label = isShared ? (peer ?? targets[0]!) : `#${++this.#dialed}`;
    const key = keyOf(protocol, label);
    const found = isShared ? this.registry.find(key)?.value : undefined; // Others have a number of their own.
    const mayWaitForSlot = request.keep === 'always' && caller === undefined; // It may wait for a place, within a bound of its own.
    const mayBegin = mayWaitForSlot ? found !== undefined || this.slots.mayWait(protocol) : this.slots.hasRoom(protocol, '');
    if (found?.holdsSlot !== true && !mayBegin) return caller?.failed(closing('limit-reached', 'local'));
    const record =
      found ?? this.#spawn(key, 'dialer', new ConnectionRecord(this, nameOf(protocol, label), protocol, request, ''));
    record.request(request, caller);
  }

  /** Ends the registration: an attempt under way is cancelled, a completed connection lives on. */
  unregister(peer: string): void {
    const record = this.recordOf(peer);
    if (record === undefined) return;
    record.keep = undefined;
    this.slots.settle(record);
    if (record.state === 'none') this.remove(record);
    else if (!record.isCompleted && !record.hasCallers) record.ref?.send({ type: 'cancel' });
  }

  requestPermit(record: ConnectionRecord, request: DialPermitRequest): () => void {
    return this.wireDialer.requestPermit(record, request);
  }

  transportOf(address: string): Transport {
    return transportFor(this.options.transports, address);
  }

  // Accepting.

  objection(offer: Offer, protocols: readonly Protocol<unknown>[]): 'busy' | 'limit-reached' | undefined {
    return this.router.objection(offer, protocols);
  }

  accepted(offer: Offer, protocols: readonly Protocol<unknown>[], listener: string | undefined): void {
    this.send(new WireAccepted(offer, protocols, listener));
  }

  /** Reads the first words of a wire until they say which session or peer it is for. */
  identify({ offer, protocols, listener }: Extract<HubEvent, { type: 'wire.accepted' }>): void {
    this.pendingAccepts.accept(offer, protocols, listener);
  }

  identified(wire: IdentifiedWire): void {
    this.send({ type: 'wire.identified', wire });
  }

  isAwaited(remoteAddress: string): boolean {
    return this.router.absent.isAwaited(remoteAddress);
  }

  stopListening(): void {
    this.listeners.stop();
    this.pendingAccepts.clear();
  }
  listenersGone(): void {
    this.send({ type: 'listeners.gone' });
  }

  refused(remoteAddress: string, code: string, reason?: string): void {
    this.tell({ type: 'refused', remoteAddress, code, ...(reason === undefined ? {} : { reason }) });
  }

  spawn(key: ConnectionKey, protocol: Protocol<unknown>, remoteAddress: string, peer = key.peer): ConnectionRecord {
    const target = peer === '' ? NO_TARGET : { ...NO_TARGET, peer };
    return this.#spawn(
      key,
      'acceptor',
      new ConnectionRecord(this, nameOf(protocol, key.peer || key.label), protocol, target, remoteAddress),
    );
  }

  // Called by connections.

  /** Which side opened the wire of the session that begins. */
  began(record: ConnectionRecord): void {
    const row = this.registry.get(record.id);
    if (row === undefined) return;
    row.role = record.role;
    if (record.identity !== undefined && record.role === 'acceptor' && record.protocol.keyed === 'session')
      this.registry.attribute(record.id, record.identity.fingerprint);
  }

  /** The connection that keeps its place if `record` turns out to be to this peer; undefined where `record` may stay. */
  rivalOf(record: ConnectionRecord, peer: string): ConnectionRecord | undefined {
    const rival = this.registry.find(keyOf(record.protocol, peer))?.value;
    if (rival === undefined || rival === record || !rival.isEngaged || rival.isYielding) return undefined;
    return crossingOf(record.protocol, peer, rival.role, record.role) === 'replace' ? undefined : rival;
  }

  /** `record` is to this peer, and stays: whatever else went by that name has lost its place. */
  identifiedAs(record: ConnectionRecord, peer: string): void {
    const other = this.registry.identify(record.id, keyOf(record.protocol, peer))?.value;
    if (other === undefined) return;
    record.inherit(other);
    other.ref?.send({ type: 'abort', closing: closing(other.isCompleted ? 'replaced' : 'lost-tie-break', 'local') });
    this.remove(other);
  }

  /** `record` turned out to be a second connection to this peer, and gives way: its callers get the other one. */
  yielded(record: ConnectionRecord, peer: string): void {
    const rival = this.rivalOf(record, peer);
    if (rival === undefined) return;
    this.registry.yieldTo(record.id, rival.id);
    rival.inherit(record);
  }

  completed(record: ConnectionRecord): void {
    record.redials.answered();
    this.dialScheduler.completed(record.key);
    this.metrics.completed(record.key, this.clock.now());
    if (record.handle?.role === 'acceptor') this.incoming.push(record.handle);
  }

  resumed(record: ConnectionRecord, afterMs: number): void {
    record.redials.answered();
    this.dialScheduler.completed(record.key);
    this.metrics.resumed(afterMs);
  }

  ended(record: ConnectionRecord, cause: Closing): void {
    if (wasAnswered(cause)) record.redials.refused();
    if (cause.code === 'trust-denied' && cause.side === 'remote') this.dialScheduler.noteDenial(record.key);
    this.router.release(record);
    this.metrics.ended(record.key, cause.code);
    this.metrics.duplicatesDropped(record.session?.plane.stats['duplicates'] ?? 0);
    if (record.handle?.role === 'acceptor') this.router.remember(record, cause);
  }

  opened(record: ConnectionRecord): void {
    this.router.opened(record);
  }
  lost(record: ConnectionRecord): void {
    this.router.absent.lost(record);
  }

  // Called by the hub's actions.

  goOn(id: number, isServing: boolean): void {
    this.registry.get(id)?.value.goOn(isServing);
  }
  rest(id: number, isServing: boolean): void {
    const record = this.registry.get(id)?.value;
    if (record?.rest(isServing) === 'goes') this.remove(record);
  }
  crashed(id: number, error: unknown, isServing: boolean): void {
    const record = this.registry.get(id)?.value;
    if (record === undefined) return this.#settleRemainder();
    record.ref = undefined;
    if (record.crashed(error, isServing) === 'goes') return this.remove(record);
    this.#begin(record);
    record.ref!.send({ type: 'connect' });
  }
  /** The actor of a connection that was removed has ended. */
  connectionEnded(): void {
    this.#settleRemainder();
  }

  remove(record: ConnectionRecord): void {
    if (record.isRemoved) return;
    record.isRemoved = true;
    this.registry.remove(record.id);
    this.slots.settle(record);
    this.dialScheduler.forget(record.key);
    this.forgetLinks(record);
    // Not from inside the actor's own transition.
    this.clock.soon(() => {
      record.ref?.send({ type: 'dismiss' });
      this.#settleRemainder();
    });
  }

  /** Its links begin anew, and don't wait for what went wrong with those before. */
  forgetLinks(record: ConnectionRecord): void {
    for (const key of record.linkKeys) this.dialScheduler.forget(key);
  }

  // Shutting down.

  /** The chart gets an event when the last one has gone: `connections.gone`, `wires.gone`. */
  await(remainder: Remainder): void {
    this.#awaited = remainder;
    this.#settleRemainder();
  }

  /** @rule DIAL-8 */
  hold(): void {
    this.dialScheduler.isHeld = true;
  }
  /** @rule DIAL-8 */
  release(): void {
    this.dialScheduler.isHeld = false;
    this.dialScheduler.thaw(true);
    probe(this);
  }
  destroyWires(): void {
    this.wires.destroyAll();
  }

  get #connectionsMax(): number {
    return this.options.connectionsMax ?? Math.max(...this.options.protocols.map((p) => p.connectionsMax));
  }

  counted(): void {
    const { taken } = this.slots;
    if (this.#watermark.update(taken) === 'near') this.tell({ type: 'limitNear', connections: taken, max: this.#connectionsMax });
  }

  #spawn(key: ConnectionKey, role: 'dialer' | 'acceptor', record: ConnectionRecord): ConnectionRecord {
    const row = this.registry.add(key, role, record);
    assert(row !== 'held', 'a key that was free is not held');
    record.id = row.id;
    this.#begin(record);
    return record;
  }

  /** Gives it an actor. */
  #begin(record: ConnectionRecord): void {
    const { id: key, protocol } = record;
    this.#supervisor ??= this.#self!.getSnapshot().children['supervisor'] as AnyActorRef;
    const logic = connectionFor(protocol.machine, this.#connectionChart);
    this.#supervisor.send(new SpawnConnection(key, { port: record }, logic, record));
    record.ref = supervised(this.#supervisor).get(key) as ConnectionRef;
  }

  #settleRemainder(): void {
    const awaited = this.#awaited;
    if (awaited === undefined || this.registry.size > 0 || (awaited === 'wires' && this.wires.size > 0)) return;
    this.#awaited = undefined;
    this.send({ type: `${awaited}.gone` });
  }

  /** To the hub's chart, unless that has ended. */
  send(event: HubEvent): void {
    if (this.#self?.getSnapshot().status === 'active') this.#self.send(event);
  }
}
