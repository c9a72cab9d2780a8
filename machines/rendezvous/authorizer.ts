import type { Entropy } from '../ports.js';
import { ExpectedConnections, type Expectation } from './expected.js';
import type {
  ConnectRequest,
  ConnectResponse,
  Hello,
  SignedMessages,
  NodeId,
  Nonce,
  Signed,
  ContactInfo,
} from './rendezvous.messages.js';
import type { Outcome } from './rendezvous.outcomes.js';
import type { RendezvousLimits } from './rendezvous.timing.js';
import { ExpiringMap } from './expiring-map.js';

/** A node's description of itself, in letters and Hellos. */
export interface Self {
  readonly transport: string;
  readonly addresses: readonly string[];
  readonly isClient: boolean;
  readonly certificate: string | undefined;
}

/** The node, as the authorizer needs it. */
export interface AuthContext {
  readonly signedMessages: SignedMessages;
  readonly entropy: Entropy;
  readonly limits: RendezvousLimits;
  self(): Self;
  /** Whether this peer may become a connection: the application, and room for one more. */
  wants(peer: NodeId): boolean;
  /** There is a connection to this peer. */
  isMet(peer: NodeId): boolean;
  /** The connected peer that has this address. */
  ownerOf(address: string): NodeId | undefined;
}

export type AuthResult =
  | { readonly outcome: 'stored'; readonly from: NodeId; readonly answer: Uint8Array }
  | { readonly outcome: 'answered'; readonly from: NodeId }
  | { readonly outcome: Outcome; readonly from?: NodeId };

/** Facts about a wire that do not come from the bytes on it. */
export interface Evidence {
  readonly certificate: string | undefined;
}

/**
 * Decides about letters and Hellos, by this node's requests, expectations and bans. Nothing is sent, dialed or
 * waited for here; every call answers in one of the listed words. Cheap questions are asked before dear ones: a signature costs
 * a hundred times what a table does.
 * @rule RDV-2 RDV-3 RDV-7 RDV-10
 */
export class Authorizer {
  readonly expected: ExpectedConnections;
  readonly #asked: ExpiringMap<NodeId, true>; // Peers that have sent a request lately, with any outcome.
  readonly #seen: ExpiringMap<string, true>; // Requests that were received, as long as they could have an effect.
  readonly #bans: ExpiringMap<NodeId, true>;
  readonly #displaced: Expectation[] = [];

  constructor(readonly context: AuthContext) {
    const { limits } = context;
    this.expected = new ExpectedConnections(limits);
    this.#asked = new ExpiringMap(limits.repeatFilterMs, limits.repeatFilterMax);
    this.#seen = new ExpiringMap(limits.expectationLifeMs, limits.repeatFilterMax);
    this.#bans = new ExpiringMap(limits.banMs, limits.bansMax);
  }

  // Our own side.

  /** A request to this peer, whose answer is expected from here on. */
  request(to: NodeId, now: number): Uint8Array {
    const request = this.context.signedMessages.writeRequest(this.#contactInfo(to));
    this.#expect(to, request.message.nonce, { holds: 'asked', request }, now);
    return request.bytes;
  }

  ban(peer: NodeId, now: number): void {
    this.#bans.set(peer, true, now);
  }
  isBanned(peer: NodeId, now: number): boolean {
    return this.#bans.has(peer, now);
  }

  /** The peer is connected: its expectations are met, and it may ask again when the connection is lost. */
  met(peer: NodeId, now: number): void {
    this.expected.dropPeer(peer, now);
    this.#asked.delete(peer);
  }

  /** Removes one expectation that was displaced or has expired. */
  pollLapsed(now: number): { readonly peer: NodeId; readonly outcome: 'displaced' | 'expired' } | undefined {
    const displaced = this.#displaced.shift();
    const lapsed = displaced ?? this.expected.pollExpired(now);
    if (lapsed === undefined) return undefined;
    return { peer: lapsed.peer, outcome: displaced === undefined ? 'expired' : 'displaced' };
  }

  /** Forgets everything but bans. Returns the peers that were expected. */
  reset(): NodeId[] {
    this.#asked.clear();
    this.#seen.clear();
    this.#displaced.length = 0;
    return this.expected.clear();
  }

  // Letters.

  authorizeMessage(bytes: Uint8Array, now: number): AuthResult {
    const { signedMessages } = this.context;
    const sealed = signedMessages.read(bytes);
    if (sealed === undefined) return { outcome: 'malformed' };
    const { from, to } = sealed.message;
    if (to !== signedMessages.id || from === signedMessages.id) return { outcome: 'misdirected', from };
    if (this.isBanned(from, now)) return { outcome: 'banned', from };
    if (isRequest(sealed)) return this.#authorizeRequest(sealed, now);
    return this.#authorizeResponse(sealed as Signed<ConnectResponse>, now);
  }

  #authorizeRequest(request: Signed<ConnectRequest>, now: number): AuthResult {
    const { signedMessages } = this.context;
    const { from, nonce } = request.message;
    if (this.#asked.has(from, now)) return { outcome: 'repeated', from };
    if (this.#seen.has(from + nonce, now)) return { outcome: 'replayed', from };
    if (!signedMessages.isGenuine(request)) return { outcome: 'forged', from };
    this.#asked.set(from, true, now);
    this.#seen.set(from + nonce, true, now);
    if (!this.context.wants(from)) return { outcome: 'unwanted', from };
    const response = signedMessages.writeResponse(this.#contactInfo(from), request);
    this.#expect(from, response.message.nonce, { holds: 'request', request }, now);
    return { outcome: 'stored', from, answer: response.bytes };
  }

  #authorizeResponse(response: Signed<ConnectResponse>, now: number): AuthResult {
    const { signedMessages } = this.context;
    const { from, request } = response.message;
    const { message } = request;
    if (message.from !== signedMessages.id || message.to !== from) return { outcome: 'not-asked', from };
    const match = this.expected.match(message.transport, from, message.nonce, now);
    if (match.word !== 'hit') return { outcome: OF_MISS[match.word], from };
    if (!signedMessages.isGenuine(request)) return { outcome: 'not-asked', from };
    if (match.expectation.grounds.holds === 'response') return { outcome: 'replayed', from };
    if (!signedMessages.isGenuine(response)) return { outcome: 'forged', from };
    this.#expect(from, message.nonce, { holds: 'response', response }, now);
    return { outcome: 'answered', from };
  }

  // Hellos.

  /** A verified Hello on a wire that was accepted: `expected` and `newcomer` may come in. */
  authorizeArrival(hello: Hello, evidence: Evidence, now: number): Outcome {
    const objection = this.#objection(hello, evidence, now);
    if (objection !== undefined) return objection;
    const { from, nonce, transport } = hello;
    const self = this.context.self();
    if (self.isClient) return 'unwanted';
    if (nonce === undefined) return this.context.wants(from) || this.context.isMet(from) ? 'newcomer' : 'unwanted';
    const match = this.expected.match(transport, from, nonce, now);
    switch (match.word) {
      case 'hit':
        return isAnnounced(hello, match.expectation) ? 'expected' : 'address-mismatch';
      case 'used':
      case 'answered': // It has lost what is connected here, or its dial crossed ours: the hub decides between the two.
        return this.context.isMet(from) ? 'expected' : 'late';
      case 'lapsed':
        return 'late';
      case 'unknown':
        return 'unexpected';
    }
  }

  /** A verified Hello of the peer that this side dialed. Undefined: accepted. */
  authorizeAnswer(hello: Hello, evidence: Evidence, now: number): Outcome | undefined {
    const objection = this.#objection(hello, evidence, now);
    if (objection !== undefined) return objection;
    const expectation = this.expected.newestOf(hello.from, now);
    return expectation === undefined || isAnnounced(hello, expectation) ? undefined : 'address-mismatch';
  }

  /** The nonce of the peer's message, which a dial to this peer shows. Undefined: no letter of it is alive. */
  nonceFor(peer: NodeId, now: number): Nonce | undefined {
    const grounds = this.expected.newestOf(peer, now)?.grounds;
    if (grounds?.holds === 'request') return grounds.request.message.nonce;
    return grounds?.holds === 'response' ? grounds.response.message.nonce : undefined;
  }

  /** The contact information of this peer's newest message. */
  contactInfoOf(peer: NodeId, now: number): ContactInfo | undefined {
    const grounds = this.expected.newestOf(peer, now)?.grounds;
    if (grounds?.holds === 'request') return grounds.request.message;
    return grounds?.holds === 'response' ? grounds.response.message : undefined;
  }

  #objection(hello: Hello, { certificate }: Evidence, now: number): Outcome | undefined {
    const { from, to, address } = hello;
    const { id } = this.context.signedMessages;
    if (from === id || (to !== undefined && to !== id)) return 'misdirected';
    if (this.isBanned(from, now)) return 'banned';
    if (hello.certificate !== undefined && hello.certificate !== certificate) return 'identity-mismatch';
    const { certificate: own, addresses } = this.context.self();
    // Where this node binds its key to a certificate, it wants the same of others, so that no relay can impersonate them.
    if (own !== undefined && hello.certificate === undefined) return 'identity-mismatch';
    if (address === '') return undefined;
    const owner = this.context.ownerOf(address);
    return (owner !== undefined && owner !== from) || addresses.includes(address) ? 'address-mismatch' : undefined;
  }

  #expect(peer: NodeId, nonce: Nonce, grounds: Expectation['grounds'], now: number): void {
    const { transport } = this.context.self();
    const displaced = this.expected.add({ transport, peer, nonce, grounds }, now);
    if (displaced !== undefined) this.#displaced.push(displaced);
  }

  #contactInfo(to: NodeId): ContactInfo {
    const { signedMessages, entropy } = this.context;
    const nonce = hexOf(entropy(16));
    const { transport, addresses, isClient, certificate } = this.context.self();
    return { from: signedMessages.id, to, nonce, transport, addresses: isClient ? [] : addresses, isClient, certificate };
  }
}

/**
 * A response to a request that is no longer open, or never was. The first response to a request that has served otherwise, because the peer
 * was quicker by a dial or by a request of its own, is late; only after one was accepted is another a replay.
 */
const OF_MISS = { lapsed: 'late', used: 'late', answered: 'replayed', unknown: 'not-asked' } as const;

function isRequest(sealed: Signed): sealed is Signed<ConnectRequest> {
  return sealed.message.kind === 'request';
}

/** The address in a Hello is evidence beside the nonce: it must be one that the signed letter has announced. */
function isAnnounced({ address }: Hello, { grounds }: Expectation): boolean {
  if (grounds.holds === 'asked' || address === '') return true;
  const { addresses } = grounds.holds === 'request' ? grounds.request.message : grounds.response.message;
  return addresses.includes(address);
}

function hexOf(bytes: Uint8Array): Nonce {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}
