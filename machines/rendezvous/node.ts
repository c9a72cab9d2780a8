import type { ActorRefFrom, AnyActorRef } from 'xstate';
import { callback } from '../callbacks.js';
import { Engine, type EngineListener, type ShutdownOptions } from '../engine.js';
import { SessionError } from '../errors.js';
import type { Connection } from '../connection/connection-handle.js';
import { createRootActor } from '../runtime/root-actor.js';
import type { SupervisorNotice } from '../runtime/supervisor.js';
import type { Ports } from '../ports.js';
import { Bootstrap, type BootstrapSide } from './bootstrap.js';
import { LocalNode, type LocalNodeContext } from './local-node.js';
import type { Authorizer, AuthResult } from './authorizer.js';
import { SignalingRouter, type SignalingContext } from './signaling.js';
import { nodeMachine } from './node.machine.js';
import type { MeetResult, NodeNews, NodePhase, NodeSettings, NodeSizes, RendezvousNode } from './node.settings.js';
import { NodeHandle, type NodePort } from './node.setup.js';
import { PeerLink, type Peer } from './peer-link.js';
import { rendezvousProtocol } from './protocol.js';
import type { SignedMessages, NodeId, NodeMessage, SignalingChannel } from './rendezvous.messages.js';
import type { Outcome, OutcomeCounts } from './rendezvous.outcomes.js';
import type { RendezvousLimits } from './rendezvous.timing.js';
import { Expectations, type ExpectationsContext } from './expectations.js';
import { unlisted } from '../unlisted.js';

/**
 * A node: an engine whose connections are nodes it knows by their keys, and above it the phases, the letters and the expected peers.
 * Its decisions stand in the charts and in the authorizer; this class binds them together.
 */
export class Node implements RendezvousNode, NodePort, SignalingContext, ExpectationsContext, BootstrapSide, LocalNodeContext {
  /** The hub below: events, metrics, inspection. */
  readonly engine: Engine;
  /** The phases, an XState actor: subscribe, inspect. */
  readonly actor: ActorRefFrom<typeof nodeMachine>;
  readonly authorizer: Authorizer;
  readonly signaling: SignalingRouter;
  readonly links = new Map<NodeId, PeerLink>();
  readonly limits: RendezvousLimits;
  readonly signedMessages: SignedMessages;
  readonly signalingChannel: SignalingChannel | undefined;
  readonly certificate: string | undefined;
  readonly isClient: boolean;
  readonly clock: Ports['clock'];
  readonly random: Ports['random'];
  readonly #local: LocalNode;
  readonly expectations = new Expectations(this);
  readonly #bootstrap: Bootstrap;
  readonly #counts: Partial<Record<Outcome, number>> = {};
  readonly #listeners = new Set<(news: NodeNews) => void>();
  #phase: NodePhase = 'disconnected';
  #isStarted = false;
  #isUp = false; // The phases have begun.
  #ended: Promise<void> | undefined;

  constructor(
    readonly ports: Ports,
    readonly settings: NodeSettings,
  ) {
    ({ limits: this.limits, signedMessages: this.signedMessages, signalingChannel: this.signalingChannel } = settings);
    ({ certificate: this.certificate, isClient: this.isClient } = settings);
    ({ clock: this.clock, random: this.random } = ports);
    this.#local = new LocalNode(ports, settings, this);
    this.authorizer = this.#local.authorizer;
    this.signaling = new SignalingRouter(this);
    this.#bootstrap = new Bootstrap(this, settings.findContacts);
    const protocol = rendezvousProtocol(this.#local, settings.pool, this.limits.connectionsMax);
    this.engine = new Engine(ports, { ...settings.engine, transports: settings.transports, protocols: [protocol], listen: settings.listen }); // prettier-ignore
    this.engine.on(this.#handleEngineEvent);
    const { runtime } = settings.engine;
    this.actor = createRootActor(nodeMachine, {
      runtime,
      clock: ports.clock,
      input: { port: new NodeHandle(this, this.id) },
      report: ports.report,
    });
    this.actor.subscribe(({ value }) => this.#enter((typeof value === 'string' ? value : Object.keys(value)[0]) as NodePhase));
    unlisted(this);
  }

  // Called by the application.

  toJSON(): object {
    return { id: this.id, phase: this.phase, peers: this.links.size };
  }
  get id(): NodeId {
    return this.signedMessages.id;
  }
  get phase(): NodePhase {
    return this.#phase;
  }
  get table(): NodeId[] {
    return this.isClient ? [] : [...this.links.values()].filter((link) => !link.isClient).map(({ id }) => id);
  }
  get peers(): Peer[] {
    return [...this.links.values()];
  }
  peer(id: NodeId): Peer | undefined {
    return this.links.get(id);
  }
  get counts(): OutcomeCounts {
    return { ...this.#counts };
  }
  get sizes(): NodeSizes {
    const { size: pending, timers } = this.expectations;
    const { size: routes } = this.signaling;
    const sizes = { expected: this.authorizer.expected.size, pending, routes, timers, roads: routes };
    return Object.defineProperty(sizes, 'roads', { enumerable: false });
  }

  async start(): Promise<void> {
    if (this.#isStarted) throw new SessionError('bad-option', 'a node is started once');
    refuseWildcards(this.settings);
    this.#isStarted = true;
    await this.engine.start();
    if (this.#ended !== undefined) return;
    this.#isUp = true;
    this.actor.start();
    this.actor.send({ type: 'start' });
  }

  meet(id: NodeId): Promise<MeetResult> {
    if (!/^[0-9a-f]{64}$/.test(id)) throw new SessionError('bad-option', `meet: expected 64 lower-case hex digits, got "${id}"`);
    const outcome = this.#objection(id);
    if (outcome !== undefined) return Promise.resolve({ outcome });
    const peer = this.links.get(id);
    if (peer !== undefined) return Promise.resolve({ outcome: 'met', peer });
    const result = this.expectations.wait(id);
    this.expectations.expect(id);
    return result;
  }

  receive(message: Uint8Array): Outcome {
    if (this.isOver) return 'terminated';
    return this.supervisor === undefined ? 'unwanted' : this.signaling.receive(message);
  }

  ban(id: NodeId): void {
    this.authorizer.ban(id, this.now());
    this.expectations.tell(id, { type: 'lapse', outcome: 'banned' });
    const link = this.links.get(id);
    if (link === undefined) return;
    link.connection.onMessage = () => {}; // Its end may take a moment; messages are ignored meanwhile.
    void link.connection.close({ now: true });
    this.#handleLostConnection(link.connection);
  }

  on(listener: (news: NodeNews) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  terminate(options?: ShutdownOptions): Promise<void> {
    if (this.supervisor === undefined) this.#enter('terminated');
    else this.actor.send({ type: 'terminate' });
    return (this.#ended ??= this.engine.shutdown(options).then(() => this.#listeners.clear()));
  }

  #objection(id: NodeId): Exclude<Outcome, 'met'> | undefined {
    if (this.#phase === 'terminated') return 'terminated';
    if (id === this.id) return 'misdirected';
    if (this.authorizer.isBanned(id, this.now())) return 'banned';
    return this.supervisor === undefined ? 'unroutable' : undefined;
  }

  // One path for every connection, in both roles and in every phase. @rule RDV-9

  handleNewConnection(connection: Connection): void {
    const { peer: id } = connection;
    const now = this.now();
    if (this.authorizer.isBanned(id, now)) return void connection.close({ now: true });
    const link = new PeerLink(id, connection, this.#local.peerAddresses.take(id, now), this.settings.peerMessages, this.limits, this.ports, this.#handlePeerMessage); // prettier-ignore
    this.links.set(id, link);
    this.#local.peerAddresses.add(link);
    this.expectations.met(id);
    this.actor.send({ type: 'connection.gained', connections: this.links.size });
    this.#report({ type: 'peer', peer: link });
    this.signaling.ask(link);
  }

  #handleLostConnection(connection: Connection): void {
    const link = this.links.get(connection.peer);
    if (link?.connection !== connection) return;
    this.links.delete(link.id);
    this.#local.peerAddresses.remove(link);
    this.#report({ type: 'peer-lost', peer: link });
    this.actor.send({ type: 'connection.lost', connections: this.links.size });
    this.signaling.lost(link);
  }

  readonly #handleEngineEvent: EngineListener = (event) => {
    switch (event.type) {
      case 'connected':
        return this.handleNewConnection(event.connection as Connection);
      case 'disconnected':
        return this.#handleLostConnection(event.connection as Connection);
      case 'refused':
        if (event.code === 'crossed') this.count('crossed');
        else if (event.code === 'limit-reached' || event.code === 'busy') this.count('unwanted');
        return;
      case 'state':
        return event.state === 'inProgress' ? this.expectations.tell(event.peer, { type: 'wire.opened' }) : undefined;
      case 'closing':
        if (event.closing.code === 'identity-mismatch' && event.closing.detail === undefined) this.count('identity-mismatch');
        return this.expectations.tell(event.peer, { type: 'attempt.failed' });
      default:
    }
  };

  readonly #handlePeerMessage = (link: PeerLink, post: NodeMessage | undefined): void => {
    if (this.#phase === 'terminated') return; // Goodbyes are being said.
    if (post?.kind === 'data') return link.deliver(post.payload);
    if (post !== undefined) return this.signaling.take(link, post);
    this.count('malformed');
    this.misbehaved(link);
  };

  // Called by the chart.

  get addresses(): readonly string[] {
    return this.engine.addresses;
  }
  get isOver(): boolean {
    return this.#phase === 'terminated';
  }
  findContacts(answer: (count: number) => void): () => void {
    return this.#bootstrap.find(answer);
  }
  dialContact(place: number): void {
    this.#bootstrap.dialAt(place);
  }
  releaseContact(): void {
    this.#bootstrap.release();
  }
  contactsFailed(reason: string): void {
    this.#report({ type: 'contacts-failed', reason });
  }
  contactsLate(): void {
    this.contactsFailed(`contacts() has not answered within ${this.limits.contactsTimeoutMs} ms`);
  }
  contactFailed(): void {
    this.actor.send({ type: 'contact.failed' });
  }
  reset(): void {
    this.#enter('disconnected');
    this.signaling.reset();
    this.expectations.reset();
  }
  askAround(): void {
    if (this.isClient) return; // One bootstrap connection is all that it wants.
    const links = [...this.links.values()].filter((link) => !link.isClient);
    const link = links[Math.floor(this.random() * links.length)];
    if (link !== undefined) this.signaling.ask(link);
    if (this.links.size < this.limits.connectionsMax) this.#bootstrap.dialStranger();
  }
  stop(): void {
    this.signaling.reset();
    this.expectations.stop();
  }
  peerEnded(notice: SupervisorNotice): void {
    this.expectations.ended(notice);
  }

  // Called by the actors of expected peers.

  get supervisor(): AnyActorRef | undefined {
    return this.#isUp ? this.actor.getSnapshot().children.supervisor : undefined;
  }

  // Called by signaling, the listener and handshakes.

  get peersMissing(): number {
    return this.limits.peersWanted - this.links.size - this.expectations.size;
  }
  now(): number {
    return this.ports.clock.now();
  }
  count(outcome: Outcome): void {
    this.#counts[outcome] = (this.#counts[outcome] ?? 0) + 1;
    this.#report({ type: 'outcome', outcome });
  }
  authorized(result: AuthResult): void {
    const { outcome, from } = result;
    if (from === undefined) return;
    if (outcome === 'answered') this.expectations.tell(from, { type: 'response.accepted' });
    else if (outcome === 'stored') {
      if (this.expectations.has(from)) this.expectations.tell(from, { type: 'request.accepted' });
      else this.expectations.expect(from);
    }
    this.expectations.arm();
  }
  mayAsk(peer: NodeId): boolean {
    return !this.expectations.has(peer) && this.#local.wants(peer);
  }
  misbehaved(link: PeerLink): void {
    this.ban(link.id);
  }
  isOwn(address: string): boolean {
    return this.#local.self().addresses.includes(address);
  }
  ownerOf(address: string): NodeId | undefined {
    return this.#local.ownerOf(address);
  }

  #enter(phase: NodePhase): void {
    if (phase === this.#phase) return;
    this.#phase = phase;
    this.#report({ type: 'phase', phase });
  }

  #report(news: NodeNews): void {
    for (const listener of [...this.#listeners]) callback(this.ports, 'node.on listener', () => listener(news));
  }
}

/** `0.0.0.0` and `[::]` are where a node listens, and nowhere that a peer could dial: every node that claims them is at the same place. */
function refuseWildcards({ listen, announce, isClient }: NodeSettings): void {
  const odd = isClient ? undefined : (announce ?? listen).find(isWildcard);
  if (odd !== undefined)
    throw new SessionError(
      'bad-option',
      `createNode.${announce === undefined ? 'listen' : 'announce'}: ${odd} is no address that peers can dial; say in announce what they can, e.g. announce: ['${odd.replace(/\/\/.*:/, '//192.0.2.7:')}']`,
    );
}

function isWildcard(address: string): boolean {
  return /^[a-z0-9+.-]+:\/\/(0+(\.0+){0,3}|\*|\[(::ffff:)?[0:.]+\])(:|\/|$)/i.test(address);
}
