import type { AnyActorLogic } from 'xstate';
import type { RedialPolicy } from './backoff.js';
import type { Closing } from './closing.js';
import type { Plane } from './dataplane/plane.js';
import type { SlabPool } from './dataplane/send-log.js';
import type { Identity, Opener, Ports, Refusal } from './ports.js';
import type { SessionHandle } from './session-handle.js';
import type { TieBreak } from './tie-break.js';

/** Events from a protocol's chart to the connection above it; the API state follows from them. */
export type ProtocolNews =
  | { type: 'handshake.started' }
  | { type: 'pairing.requested' }
  | { type: 'trust.established' }
  | { type: 'pin.requested' }
  | { type: 'data.accepted' } // Messages of the peer are delivered from here on, though the handshake goes on.
  | { type: 'handshake.completed' }
  | { type: 'trust.denied' }
  /** `isDuplicate`: there is another connection to this peer, which is to stay. */
  | { type: 'peer.identified'; peer: string; isDuplicate: boolean } // Before the handshake is completed; where there is one connection per peer.
  | { type: 'session.lost' } // No wire at the moment; the API state stays.
  | { type: 'session.resumed' };

/** Events from the connection to the protocol's chart. Every protocol handles all of them. */
export type ProtocolCommand =
  | { type: 'close'; now: boolean; reason: 'closed' | 'shutdown'; message?: string } // Why, in the application's words.
  | { type: 'abort'; closing: Closing }
  | { type: 'probe' }
  | { type: 'drain'; afterMs: number } // Ask the peer to go, and to come back after this long.
  | { type: 'wire.offered'; opener: Opener; opening: unknown }
  | { type: 'accept' }
  | { type: 'deny' };

/** The input of every protocol's chart. */
export interface ProtocolInput {
  readonly role: 'dialer' | 'acceptor';
  /** The chart's capabilities; it holds the first wire's opener. */
  readonly session: SessionHandle;
}

/** The counters that a handle needs to settle sends and to bound memory, for every protocol. */
export interface SessionPlane<Message = Uint8Array, Signal = unknown> extends Plane<Message, Signal> {
  /** Messages accepted by `write`, given to a wire at least once, and acknowledged (or handed over, where there is no acknowledgement). */
  readonly accepted: number;
  readonly handed: number;
  readonly acknowledged: number;
  readonly queuedBytes: number;
  /** The fate of all written bytes, where a protocol reports how much the peer's application has read. */
  readonly fate?: { readonly read: number; readonly unknown: number; readonly unsent: number } | undefined;
  /** Messages that the peer's application is known to have read, where a protocol distinguishes that from their arrival. */
  readonly taken?: number | undefined;
  /** One side has said that it goes: what is written now comes too late. Absent where a protocol can't tell. */
  readonly isClosing?: boolean;
  /** Whether `write` would answer for good now: take a message of this size, or say that it is too large for ever. Else waiting helps. */
  canTake(payloadBytes: number): boolean;
  /** Bytes of the last message polled, where the message itself does not say. */
  readonly messageBytes?: number;
  /** Bytes delivered that the application has not taken yet. */
  holdBack(bytes: number): void;
  readonly stats: Readonly<Record<string, number>>;
}

/** One session as a protocol makes it: its plane, and the name the registry knows it by. */
export interface Session<Message = Uint8Array> {
  readonly label: string;
  readonly plane: SessionPlane<Message>;
  /** Acceptor: may an opening of this very session have it? Answers what to say otherwise, as bytes for the wire. */
  authorize?(opening: unknown, identity: Identity | undefined): Admission;
}

/** Whether an opening gets the session that it names; `say` are the protocol's words for no. */
export type Admission = { readonly admit: true } | { readonly admit: false; readonly code: string; readonly say?: Uint8Array };

/** The result of reading the first bytes of an accepted wire. */
export type Identified =
  | { readonly word: 'more' }
  | { readonly word: 'foreign' } // Not this protocol's.
  | { readonly word: 'refuse'; readonly code: string; readonly say?: Uint8Array }
  /** Something is to be said first; `then` is asked from here on, with all that has come, the first words included. */
  | { readonly word: 'asks'; readonly say: Uint8Array; readonly then: Protocol['identify'] }
  | {
      readonly word: 'known';
      /** The session it names, or the peer where there is one connection per peer. */
      readonly label: string;
      /** The peer's proven identity, where the session it names belongs to a peer. */
      readonly peer?: string | undefined;
      /** A session that doesn't exist yet may be made for it. */
      readonly isNew: boolean;
      /** A new session looks like one that comes back, so one that has ended is not made anew. */
      readonly mayReturn?: boolean;
      /** The dialer doesn't know whom it dials: a completed connection to it is not replaced. */
      readonly isInquiry?: boolean;
      readonly opening: unknown;
    };

/** The input for a new session of a protocol. */
export interface SessionRequest {
  readonly role: 'dialer' | 'acceptor';
  readonly ports: Ports;
  readonly pool: SlabPool;
  /** Dialer: an address of whom to reach, and who that must be, where that is known. */
  readonly target?: string;
  readonly peer?: string | undefined;
  /** Dialer: it takes the place of a session that the peer has lost, so the peer was there a moment ago. */
  readonly isSuccessor?: boolean;
  /** Acceptor: what `identify` made of the first bytes. */
  readonly opening?: unknown;
  readonly identity?: Identity | undefined;
}

/** An adapter's description of its protocol for the hub: everything that makes one protocol different from another. */
export interface Protocol<Message = Uint8Array> {
  readonly name: string;
  /** The shared chart; made once per engine, never per connection. */
  readonly machine: AnyActorLogic;
  /** The meaning of a settled `send`. */
  readonly delivery: 'acknowledged' | 'handed-over';
  readonly boundaries: 'message' | 'stream';
  /** Whether there is one connection per peer, or any number of sessions. */
  readonly keyed: 'peer' | 'session';
  /** Where there is one connection per peer: which one stays when both sides dial at once. */
  readonly ties?: TieBreak | undefined;
  /** A session has several wires side by side, and where it has several addresses, each wire has its own. Default false. */
  readonly hasLinks?: boolean;
  /**
   * The former name of `hasLinks`.
   * @deprecated Since 0.1.0.
   */
  readonly isLaned?: boolean;
  /** Where the peer has lost a session that this side had dialed, a new one is made by itself. Default false. */
  readonly hasSuccessors?: boolean;
  readonly redial: RedialPolicy;
  /**
   * Whether a registered peer is dialed again after this ending: by the policy's next wait, by its longest one, or not until it is
   * registered anew. Default: by the next where the closing says that trying again makes sense (`retry`), else not.
   */
  redialAfter?(closing: Closing): 'next' | 'longest' | 'never';
  readonly connectionsMax: number;
  /**
   * The one spelling of a peer that `connect` or `register` names; undefined where none was named and none is needed.
   * Throws `SessionError` `bad-option` where that can be no peer of this protocol. Default: any name is taken as it is.
   */
  peerOf?(peer: string | undefined): string | undefined;
  /** How long one of several addresses may take before the next is tried as well. Default 250 ms; `Infinity`: one after the other. */
  readonly raceStaggerMs?: number;
  /** Where users decide about peers: whether this one is trusted already. Default: none needs a decision. */
  trusts?(peer: string): boolean;
  /** Bounds of an opening before it is identified. */
  readonly openingBytesMax: number;
  readonly openingTimeoutMs: number;
  /** How long the acceptor remembers how a session ended, so that a late return gets the reason. */
  readonly tombstoneMs: number;
  /** The application protocol name on TLS, and the WebSocket subprotocol. */
  readonly alpn: string;
  makeSession(request: SessionRequest): Session<Message>;
  /** `listener`: where the wire came to, as bound. */
  identify(
    bytes: Uint8Array,
    about: { readonly identity: Identity | undefined; readonly remoteAddress: string; readonly listener?: string | undefined },
  ): Identified;
  /** An opening that might have been this protocol's was given up: it said too little for too long. */
  silent?(remoteAddress: string): void;
  /** The bytes of a refusal by the listener; undefined where the protocol has none and the wire is just closed. `opening`: what was refused. */
  refusal(
    code: Refusal['code'] | 'unknown-session' | 'ended' | 'token-refused' | 'crossed',
    retryAfterMs: number,
    opening?: unknown,
  ): Uint8Array | undefined;
  /** Bytes of a message. @throws SessionError `not-a-message` */
  sizeOf(message: Message): number;
  /**
   * Where the size of a message is known only once it is encoded: its encoding, which the plane then takes with it. So it is encoded
   * once. @throws SessionError `not-a-message` or `too-large`
   */
  encode?(message: Message): Uint8Array;
  /** A message that outlives the caller's buffer. */
  copy(message: Message): Message;
}
