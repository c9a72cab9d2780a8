import type { Ports } from '../ports.js';
import { Acquaintances } from './acquaintances.js';
import type { DoorSide } from './doorway.js';
import { Judge, type Bench, type Evidence, type Self } from './judge.js';
import type { NodeSettings } from './node.settings.js';
import type { PeerLink } from './peer-link.js';
import type { Hello, Letters, NodeId, RendezvousFrames } from './rendezvous.messages.js';
import type { Outcome } from './rendezvous.outcomes.js';
import type { RendezvousLimits } from './rendezvous.timing.js';

/** What the front needs of the node. */
export interface FrontSide {
  readonly links: ReadonlyMap<NodeId, PeerLink>;
  readonly isOver: boolean;
  /** Where it listens, as bound. */
  readonly addresses: readonly string[];
  count(outcome: Outcome): void;
}

/** What a node shows of itself on wires and in letters, and whom it lets in. */
export class Front implements DoorSide, Bench {
  readonly judge: Judge;
  readonly acquaintances: Acquaintances;

  constructor(
    readonly ports: Ports,
    readonly settings: NodeSettings,
    readonly side: FrontSide,
  ) {
    this.judge = new Judge(this);
    this.acquaintances = new Acquaintances(settings.limits);
  }

  get letters(): Letters {
    return this.settings.letters;
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

  /** On a new wire. A dial to a peer rests on a letter of that peer; one to whoever is there shows nothing. */
  introduce(peer: NodeId | undefined, as: 'dialer' | 'acceptor'): Omit<Hello, 'confirmedYou'> | 'lapsed' {
    const nonce = peer === undefined || as === 'acceptor' ? undefined : this.judge.presentedTo(peer, this.#now());
    if (as === 'dialer' && peer !== undefined && nonce === undefined) return 'lapsed';
    const { transport, addresses, isClient, certificate } = this.self();
    return { from: this.letters.id, to: peer, nonce, transport, address: addresses[0] ?? '', isClient, certificate };
  }

  judgeArrival(hello: Hello, evidence: Evidence): Outcome {
    return this.judge.judgeArrival(hello, evidence, this.#now());
  }
  /** The chart compares what it says of its certificate with the wire's. */
  judgeAnswer(hello: Hello): Outcome | undefined {
    return this.judge.judgeAnswer(hello, hello, this.#now());
  }
  heard(hello: Hello): void {
    this.acquaintances.heard(hello, this.#now());
  }
  count(outcome: Outcome): void {
    this.side.count(outcome);
  }

  wants(peer: NodeId): boolean {
    const { side, settings } = this;
    if (side.isOver || settings.isClient || side.links.size >= settings.limits.connectionsMax) return false;
    return !this.judge.isBanned(peer, this.#now()) && settings.wants(peer);
  }
  isMet(peer: NodeId): boolean {
    return this.side.links.has(peer);
  }
  ownerOf(address: string): NodeId | undefined {
    return this.acquaintances.ownerOf(address);
  }

  #now(): number {
    return this.ports.clock.now();
  }
}
