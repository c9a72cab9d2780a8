import type { PoolCodec } from '../pool/pool.messages.js';

/** The messages of rendezvous. Their encoding and the range of each signature are the codec's (`adapters/rendezvous`). */

/** A node's public key (Ed25519): 64 lower-case hex digits. The holder of the private key is that node. */
export type NodeId = string;

/** A random value that the other side shows again: 32 lower-case hex digits, never all 0. */
export type Nonce = string;

/** Where the sender can be reached; part of both kinds of message. */
export interface ContactInfo {
  readonly from: NodeId;
  readonly to: NodeId;
  /** Presented by a dialer of `from` that acts on this message. */
  readonly nonce: Nonce;
  /** The scheme of all the addresses: `tcp`. */
  readonly transport: string;
  /** At most four; none where the sender can't be dialed. */
  readonly addresses: readonly string[];
  /** Accepts no connection and stands in no routing table. */
  readonly isClient: boolean;
  /** The fingerprint of the certificate that the sender shows, where it shows one. */
  readonly certificate?: string | undefined;
}

/** Asks the peer to connect, and says where the sender is. */
export interface ConnectRequest extends ContactInfo {
  readonly kind: 'request';
}

/** Accepts a request, and says where the sender is. */
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

/** Each side's description of itself on a new wire, signed over the other side's challenge. */
export interface Hello {
  readonly from: NodeId;
  /** The peer that it is for; undefined where a dialer can't know. */
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

/** The challenges and the role that a Hello of this wire is signed over, so that it is valid on no other wire. */
export interface SigningContext {
  readonly dialerChallenge: Uint8Array;
  readonly acceptorChallenge: Uint8Array;
  readonly speaker: 'dialer' | 'acceptor';
}

/** The acceptor's answer to a client hello. The id is a claim that is not proven yet. */
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
  /** Whether the sender that the message names has signed it; for a response, without the request in it. */
  isGenuine(sealed: Signed): boolean;
  writeClientHello(challenge: Uint8Array): Uint8Array;
  readClientHello(bytes: Uint8Array, at: number, end: number): ClientHello | undefined;
  writeChallenge(challenge: Uint8Array): Uint8Array;
  readChallenge(bytes: Uint8Array, at: number, end: number): Challenge | undefined;
  writeHello(hello: Hello, talk: SigningContext): Uint8Array;
  /** `replayed`: it was said to a challenge of another wire. */
  readHello(bytes: Uint8Array, at: number, end: number, talk: SigningContext): Hello | 'malformed' | 'forged' | 'replayed';
}

export type HandshakeFrame = 'client-hello' | 'challenge' | 'hello';

/** The pool's frames, and those of this greeting among them. */
export interface RendezvousFrames extends PoolCodec {
  handshakeFrame(bytes: Uint8Array, at: number, end: number): HandshakeFrame | undefined;
  /** Whether a wire begins with a client hello; undefined: not enough bytes yet. */
  looksLikeClientHello(bytes: Uint8Array): boolean | undefined;
}

/** Messages between connected nodes. */
export type NodeMessage =
  | { readonly kind: 'data'; readonly payload: Uint8Array }
  /** To be read by, or handed on to, `to`. */
  | { readonly kind: 'message'; readonly to: NodeId; readonly message: Uint8Array }
  /** There is no connection to `to` here. */
  | { readonly kind: 'unroutable'; readonly to: NodeId }
  /** Asks for the ids of connected peers. */
  | { readonly kind: 'who' }
  | { readonly kind: 'known'; readonly ids: readonly NodeId[] };

export interface NodeMessageCodec {
  encode(post: NodeMessage): Uint8Array;
  /** Strict, as `Letters.read`. */
  decode(bytes: Uint8Array): NodeMessage | undefined;
}

/** How letters travel where no connection of these nodes is to carry them. */
export interface SignalingChannel {
  send(to: NodeId, message: Uint8Array): void;
}
