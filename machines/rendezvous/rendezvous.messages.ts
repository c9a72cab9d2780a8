import type { PoolCodec } from '../pool/pool.messages.js';

/** The vocabulary of rendezvous. Where each value lies in bytes, and what a signature covers, is the codec's business (`adapters/rendezvous`). */

/** A node's public key (Ed25519): 64 lower-case hex digits. Whoever signs with the other half is that node. */
export type NodeId = string;

/** What one side makes up and the other side shows again: 32 lower-case hex digits, never all 0. */
export type Nonce = string;

/** Where its sender can be reached, as both kinds of letter say it. */
export interface ContactInfo {
  readonly from: NodeId;
  readonly to: NodeId;
  /** Presented by whoever dials `from` because of this letter. */
  readonly nonce: Nonce;
  /** The scheme of all the addresses: `tcp`. */
  readonly transport: string;
  /** At most four; none where the sender can't be dialed. */
  readonly addresses: readonly string[];
  /** Accepts nobody and stands in no routing table. */
  readonly isClient: boolean;
  /** The fingerprint of the certificate that the sender shows, where it shows one. */
  readonly certificate?: string | undefined;
}

/** Says: I want to meet you, here I am. */
export interface ConnectRequest extends ContactInfo {
  readonly kind: 'request';
}

/** Says: good, here am I, and this is what you asked. */
export interface ConnectResponse extends ContactInfo {
  readonly kind: 'response';
  /** The request that it answers, with its own signature. */
  readonly request: Signed<ConnectRequest>;
}

export type SignedMessage = ConnectRequest | ConnectResponse;

/** A letter and its bytes, signature included. Read: nothing is verified by that. */
export interface Signed<Kind extends SignedMessage = SignedMessage> {
  readonly message: Kind;
  readonly bytes: Uint8Array;
}

/** What each side says of itself on a new wire, signed over what the other side has just made up. */
export interface Hello {
  readonly from: NodeId;
  /** Whom it speaks to; undefined where a dialer can't know. */
  readonly to: NodeId | undefined;
  /** From the peer's letter; undefined for a newcomer, and from who was dialed. */
  readonly nonce: Nonce | undefined;
  readonly transport: string;
  /** Where the speaker can be dialed; empty where it can't. */
  readonly address: string;
  readonly isClient: boolean;
  readonly certificate: string | undefined;
  /** The speaker has verified the other side's Hello. */
  readonly confirmedYou: boolean;
}

/** What a Hello of this wire is signed over beside itself: its time and place, so that it is good for nothing else. */
export interface SigningContext {
  readonly dialerChallenge: Uint8Array;
  readonly acceptorChallenge: Uint8Array;
  readonly speaker: 'dialer' | 'acceptor';
}

/** The acceptor's answer to a knock. The id is a claim that nothing has proven yet. */
export interface Challenge {
  readonly version: number;
  readonly challenge: Uint8Array;
  readonly id: NodeId;
}

export interface ClientHello {
  readonly versionMin: number;
  readonly versionMax: number;
  readonly challenge: Uint8Array;
}

/** Reads, writes and verifies what a node says about itself, in its own name. Reading functions answer, and throw nothing. */
export interface SignedMessages {
  readonly id: NodeId;
  readonly version: number;
  writeRequest(whereabouts: ContactInfo): Signed<ConnectRequest>;
  writeResponse(whereabouts: ContactInfo, request: Signed<ConnectRequest>): Signed<ConnectResponse>;
  /** Strict: undefined for anything that isn't spelled as this version spells it. Verifies nothing. */
  read(bytes: Uint8Array): Signed | undefined;
  /** Whether whom the letter names as its sender has signed it; of a response, not what it embeds. */
  isGenuine(sealed: Signed): boolean;
  writeClientHello(challenge: Uint8Array): Uint8Array;
  readClientHello(bytes: Uint8Array, at: number, end: number): ClientHello | undefined;
  writeChallenge(challenge: Uint8Array): Uint8Array;
  readChallenge(bytes: Uint8Array, at: number, end: number): Challenge | undefined;
  writeHello(hello: Hello, talk: SigningContext): Uint8Array;
  /** `replayed`: it was said to a challenge of another wire. */
  readHello(bytes: Uint8Array, at: number, end: number, talk: SigningContext): Hello | 'malformed' | 'forged' | 'replayed';
}

export type HandshakeFrame = 'knock' | 'challenge' | 'hello';

/** The pool's frames, and those of this greeting among them. */
export interface RendezvousFrames extends PoolCodec {
  handshakeFrame(bytes: Uint8Array, at: number, end: number): HandshakeFrame | undefined;
  /** Whether a wire begins with a knock; undefined: not enough of it is there. */
  looksLikeClientHello(bytes: Uint8Array): boolean | undefined;
}

/** What nodes that are connected send each other. */
export type NodeMessage =
  | { readonly kind: 'data'; readonly payload: Uint8Array }
  /** To be read by, or handed on to, `to`. */
  | { readonly kind: 'letter'; readonly to: NodeId; readonly letter: Uint8Array }
  /** There is no connection to `to` here. */
  | { readonly kind: 'unroutable'; readonly to: NodeId }
  /** Whom do you know? */
  | { readonly kind: 'who' }
  | { readonly kind: 'known'; readonly ids: readonly NodeId[] };

export interface NodeMessageCodec {
  encode(post: NodeMessage): Uint8Array;
  /** Strict, as `Letters.read`. */
  decode(bytes: Uint8Array): NodeMessage | undefined;
}

/** How letters travel where no connection of these nodes is to carry them. */
export interface Signalling {
  send(to: NodeId, letter: Uint8Array): void;
}
