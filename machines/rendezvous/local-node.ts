import type { Ports } from '../ports.js';
import { PeerAddresses } from './peer-addresses.js';
import type { IdentifyContext } from './identify.js';
import { Authorizer, type AuthContext, type Evidence, type Self } from './authorizer.js';
import type { NodeSettings } from './node.settings.js';
import type { PeerLink } from './peer-link.js';
import type { Hello, SignedMessages, NodeId, RendezvousFrames } from './rendezvous.messages.js';
import type { Outcome } from './rendezvous.outcomes.js';
import { ExpiringMap } from './expiring-map.js';
import type { RendezvousLimits } from './rendezvous.timing.js';

/** The node, as its description and its decisions need it. */
export interface LocalNodeContext {
  readonly links: ReadonlyMap<NodeId, PeerLink>;
  readonly isOver: boolean;
  /** Where it listens, as bound. */
  readonly addresses: readonly string[];
  count(outcome: Outcome): void;
}

/** A node's description of itself on wires and in letters, and its decisions about peers. */
export class LocalNode implements IdentifyContext, AuthContext {
  readonly authorizer: Authorizer;
  readonly peerAddresses: PeerAddresses;
  /** Challenges of this node's dials, and whether they have come back to it. Peers can't fill it. */
  readonly #dials: ExpiringMap<string, boolean>;

  constructor(
    readonly ports: Ports,
    readonly settings: NodeSettings,
    readonly side: LocalNodeContext,
  ) {
    this.authorizer = new Authorizer(this);
    this.peerAddresses = new PeerAddresses(settings.limits);
    this.#dials = new ExpiringMap(settings.limits.unidentifiedTimeoutMs, settings.limits.connectionsMax);
  }

  get signedMessages(): SignedMessages {
    return this.settings.signedMessages;
  }
  get frames(): RendezvousFrames {
    return this.settings.frames;
  }
  get entropy(): Ports['entropy'] {
    return this.ports.entropy;
  }
  get limits(): RendezvousLimits {
    return this.settings.limits;
  }

  self(): Self {
    const { announce, transports, isClient, certificate } = this.settings;
    const all = [...new Set(announce ?? this.side.addresses)]; // A listener that came back may be named twice.
    const transport = (all[0] ?? transports[0]?.schemes[0] ?? '').replace(/:.*$/, '');
    const addresses = isClient ? [] : all.filter((address) => address.startsWith(`${transport}:`)).slice(0, 4);
    return { transport, addresses, isClient, certificate };
  }

  /** On a new wire. A dial to a known peer shows the nonce of its letter; a dial to an unknown peer shows none. */
  ownHello(peer: NodeId | undefined, as: 'dialer' | 'acceptor'): Omit<Hello, 'confirmedYou'> | 'lapsed' {
    const nonce = peer === undefined || as === 'acceptor' ? undefined : this.authorizer.nonceFor(peer, this.#now());
    if (as === 'dialer' && peer !== undefined && nonce === undefined) return 'lapsed';
    const { transport, addresses, isClient, certificate } = this.self();
    return { from: this.signedMessages.id, to: peer, nonce, transport, address: addresses[0] ?? '', isClient, certificate };
  }

  authorizeArrival(hello: Hello, evidence: Evidence): Outcome {
    return this.authorizer.authorizeArrival(this.#withoutTakenAddress(hello), evidence, this.#now());
  }
  /** The chart compares the stated certificate with the wire's. */
  authorizeAnswer(hello: Hello): Outcome | undefined {
    return this.authorizer.authorizeAnswer(this.#withoutTakenAddress(hello), hello, this.#now());
  }
  verified(hello: Hello): void {
    const tenable = this.#withoutTakenAddress(hello);
    if (tenable !== hello) this.count('claim-dropped');
    this.peerAddresses.announced(tenable, this.#now());
  }

  /**
   * Two homes have the same private addresses, and a node that lost its key comes back with a new one: an address that another peer or
   * this node has costs the claim alone. The other peer is probed at once.
   */
  #withoutTakenAddress(hello: Hello): Hello {
    if (hello.address === '') return hello;
    const owner = this.ownerOf(hello.address);
    if (owner !== undefined && owner !== hello.from) this.side.links.get(owner)?.probe();
    else if (!this.self().addresses.includes(hello.address)) return hello;
    return { ...hello, address: '' };
  }

  dialing(challenge: Uint8Array): void {
    this.#dials.set(challenge.join(), false, this.#now());
  }
  hasDialedItself(challenge: Uint8Array): boolean {
    return this.#dials.get(challenge.join(), this.#now()) === true;
  }
  isOwnDial(dialerChallenge: Uint8Array): boolean {
    const key = dialerChallenge.join();
    if (!this.#dials.has(key, this.#now())) return false;
    this.#dials.set(key, true, this.#now());
    return true;
  }
  count(outcome: Outcome): void {
    this.side.count(outcome);
  }

  wants(peer: NodeId): boolean {
    const { side, settings } = this;
    if (side.isOver || settings.isClient || side.links.size >= settings.limits.connectionsMax) return false;
    return !this.authorizer.isBanned(peer, this.#now()) && settings.wants(peer);
  }
  isMet(peer: NodeId): boolean {
    return this.side.links.has(peer);
  }
  ownerOf(address: string): NodeId | undefined {
    return this.peerAddresses.ownerOf(address);
  }

  #now(): number {
    return this.ports.clock.now();
  }
}
