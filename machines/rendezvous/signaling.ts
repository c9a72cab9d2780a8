import type { Random } from '../ports.js';
import type { Authorizer, AuthResult } from './authorizer.js';
import type { PeerLink } from './peer-link.js';
import type { SignedMessages, NodeId, NodeMessage, SignalingChannel } from './rendezvous.messages.js';
import type { Outcome } from './rendezvous.outcomes.js';
import { INTRODUCTIONS_MAX, ROUTES_MAX } from './rendezvous.timing.js';
import type { Expectations } from './expectations.js';

/** The node, as signaling needs it. */
export interface SignalingContext {
  readonly signedMessages: SignedMessages;
  readonly authorizer: Authorizer;
  readonly expectations: Pick<Expectations, 'expect' | 'tell'>;
  readonly random: Random;
  readonly signalingChannel: SignalingChannel | undefined;
  readonly isClient: boolean;
  readonly links: ReadonlyMap<NodeId, PeerLink>;
  now(): number;
  count(outcome: Outcome): void;
  /** A letter for this node was read. Signaling sends the answer; the node acts on the result. */
  authorized(result: AuthResult): void;
  /** How many more peers this node wants. */
  readonly peersMissing: number;
  /** Whether this peer is unknown and may connect. */
  mayAsk(peer: NodeId): boolean;
  /** The peer has sent bytes that no honest peer sends. */
  misbehaved(link: PeerLink): void;
}

/**
 * Letters between nodes that aren't connected: through a peer that is connected to both, or by whatever the application has. A
 * letter passes one relay only, and that relay answers for it: a peer that forwards a forged letter is banned.
 * @rule RDV-11 RDV-12
 */
export class SignalingRouter {
  readonly #introducers = new Map<NodeId, NodeId>();
  readonly #routes = new Map<NodeId, Set<NodeId>>(); // The peers that a request was sent through, until all of them have failed.

  constructor(readonly side: SignalingContext) {}

  /** Sends a request. */
  send(to: NodeId, message: Uint8Array): void {
    const { side } = this;
    side.count('asked');
    if (side.signalingChannel !== undefined) return side.signalingChannel.send(to, message);
    const routes = new Set<NodeId>();
    for (const link of this.#routesTo(to)) if (link.post({ kind: 'message', to, message })) routes.add(link.id);
    if (routes.size > 0) this.#routes.set(to, routes);
    else this.#failed(to);
  }

  /** Reads a letter that came by the application's own channel. */
  receive(bytes: Uint8Array): Outcome {
    const result = this.#read(bytes);
    if (result.outcome === 'stored' && 'answer' in result) this.side.signalingChannel?.send(result.from, result.answer);
    return result.outcome;
  }

  /** Handles a message of a connected peer that is not for the application. */
  take(link: PeerLink, post: Exclude<NodeMessage, { kind: 'data' }>): void {
    if (!link.mayRead()) return this.side.count('rate-limited');
    switch (post.kind) {
      case 'message':
        return post.to === this.side.signedMessages.id ? this.#open(link, post.message) : this.#relay(link, post);
      case 'unroutable':
        return this.#returned(link, post.to);
      case 'who':
        return this.#introduce(link);
      case 'known':
        return this.#learn(link, post.ids);
    }
  }

  ask(link: PeerLink): void {
    if (this.side.isClient || link.isClient || this.side.peersMissing <= 0) return;
    link.hasBeenAsked = link.post({ kind: 'who' });
  }

  /** Forgets the requests to this peer. */
  forget(peer: NodeId): void {
    this.#routes.delete(peer);
    this.#introducers.delete(peer);
  }

  /** A route is gone, and the requests on it. */
  lost(link: PeerLink): void {
    for (const [to, routes] of [...this.#routes]) if (routes.delete(link.id) && routes.size === 0) this.#failed(to);
  }

  reset(): void {
    this.#routes.clear();
    this.#introducers.clear();
  }

  get size(): number {
    return this.#routes.size + this.#introducers.size;
  }

  #read(bytes: Uint8Array): AuthResult {
    const { side } = this;
    const result = side.authorizer.authorizeMessage(bytes, side.now());
    side.count(result.outcome);
    side.authorized(result);
    return result;
  }

  #open(link: PeerLink, message: Uint8Array): void {
    const result = this.#read(message);
    if (result.outcome === 'stored' && 'answer' in result)
      link.post({ kind: 'message', to: result.from, message: result.answer });
    else if (result.outcome === 'forged' || result.outcome === 'malformed') this.side.misbehaved(link);
  }

  #relay(link: PeerLink, post: { readonly kind: 'message'; readonly to: NodeId; readonly message: Uint8Array }): void {
    const { side } = this;
    const { signedMessages, links } = side;
    const sealed = signedMessages.read(post.message);
    if (sealed === undefined) return this.#reject(link, 'malformed');
    if (sealed.message.from !== link.id || sealed.message.to !== post.to || side.isClient) return side.count('misdirected');
    if (!signedMessages.isGenuine(sealed)) return this.#reject(link, 'forged');
    if (links.get(post.to)?.post(post) === true) return side.count('relayed');
    side.count('unroutable');
    link.post({ kind: 'unroutable', to: post.to });
  }

  #reject(link: PeerLink, outcome: Outcome): void {
    this.side.count(outcome);
    this.side.misbehaved(link);
  }

  #returned(link: PeerLink, to: NodeId): void {
    const routes = this.#routes.get(to);
    if (routes?.delete(link.id) === true && routes.size === 0) this.#failed(to);
  }

  #failed(to: NodeId): void {
    this.#routes.delete(to);
    this.side.count('unroutable');
    this.side.expectations.tell(to, { type: 'route.failed' });
  }

  #introduce(link: PeerLink): void {
    const ids = this.#some([...this.side.links.values()].filter((each) => each !== link && !each.isClient), INTRODUCTIONS_MAX); // prettier-ignore
    if (!this.side.isClient) link.post({ kind: 'known', ids: ids.map(({ id }) => id) });
  }

  #learn(link: PeerLink, ids: readonly NodeId[]): void {
    const { side } = this;
    if (!link.hasBeenAsked) return side.count('unwanted');
    link.hasBeenAsked = false;
    for (const id of ids) {
      if (side.peersMissing <= 0) return;
      if (id === side.signedMessages.id || side.links.has(id) || !side.mayAsk(id)) continue;
      this.#introducers.set(id, link.id);
      side.expectations.expect(id);
    }
  }

  #routesTo(to: NodeId): PeerLink[] {
    const { links } = this.side;
    const introducer = links.get(this.#introducers.get(to) ?? '');
    if (introducer !== undefined) return [introducer];
    return this.#some([...links.values()].filter((link) => !link.isClient && link.id !== to), ROUTES_MAX); // prettier-ignore
  }

  /** So many of them, by chance. */
  #some(links: PeerLink[], countMax: number): PeerLink[] {
    for (let at = 0; at < Math.min(countMax, links.length); at++) {
      const other = at + Math.floor(this.side.random() * (links.length - at));
      [links[at], links[other]] = [links[other]!, links[at]!];
    }
    return links.slice(0, countMax);
  }
}
