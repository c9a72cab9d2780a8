import type { ActorRefFrom } from 'xstate';
import type { Engine, EngineLimits, Runtime, ShutdownOptions } from '../engine.js';
import type { Connection } from '../connection/connection-handle.js';
import type { PoolLimits } from '../pool/pool.timing.js';
import type { Transport } from '../ports.js';
import type { FindContacts } from './bootstrap.js';
import type { nodeMachine } from './node.machine.js';
import type { Peer } from './peer-link.js';
import type { SignedMessages, NodeId, NodeMessageCodec, RendezvousFrames, SignalingChannel } from './rendezvous.messages.js';
import type { Outcome, OutcomeCounts } from './rendezvous.outcomes.js';
import type { RendezvousLimits } from './rendezvous.timing.js';

/** Where a node stands: the four phases of its chart. */
export type NodePhase = 'disconnected' | 'bootstrapping' | 'connected' | 'terminated';

/** The result of `meet`. `met` comes with the peer; every other outcome says why there is none. */
export type MeetResult =
  { readonly outcome: 'met'; readonly peer: Peer } | { readonly outcome: Exclude<Outcome, 'met'>; readonly peer?: undefined };

/** The events of a node, in order. */
export type NodeNews =
  | { readonly type: 'phase'; readonly phase: NodePhase }
  | { readonly type: 'peer'; readonly peer: Peer }
  | { readonly type: 'peer-lost'; readonly peer: Peer }
  | { readonly type: 'outcome'; readonly outcome: Outcome }
  /** `contacts()` has found no contact because it failed, gave no list of addresses, or took too long; the next round asks again. */
  | { readonly type: 'contacts-failed'; readonly reason: string };

export interface NodeSettings {
  readonly signedMessages: SignedMessages;
  readonly frames: RendezvousFrames;
  readonly peerMessages: NodeMessageCodec;
  readonly transports: readonly Transport[];
  readonly listen: readonly string[];
  /** Addresses that are announced to peers. Default: where it listens. */
  readonly announce?: readonly string[] | undefined;
  readonly isClient: boolean;
  readonly certificate: string | undefined;
  readonly findContacts: FindContacts;
  /** Whether a peer that this node has not asked for may connect. */
  wants(peer: NodeId): boolean;
  readonly signalingChannel: SignalingChannel | undefined;
  readonly limits: RendezvousLimits;
  readonly pool: PoolLimits;
  readonly engine: { readonly insecure?: boolean; readonly limits?: EngineLimits; readonly runtime?: Runtime };
}

/** How much is remembered at the moment, in entries; all 0 after `terminate`. */
export interface NodeSizes {
  readonly expected: number;
  readonly pending: number;
  readonly routes: number;
  /**
   * The former name of `routes`; not enumerable.
   * @deprecated Since 0.1.0.
   */
  readonly roads: number;
  readonly timers: number;
}

/** A node as an application holds it. */
export interface RendezvousNode {
  /** Its public key, 64 hex digits. */
  readonly id: NodeId;
  readonly phase: NodePhase;
  /** The engine below: events, metrics, inspection. */
  readonly engine: Engine;
  /** Its phases, an actor with XState's interface: subscribe, inspect, record. */
  readonly actor: ActorRefFrom<typeof nodeMachine>;
  /** The routing table: connected nodes that others can be introduced to. Empty for a client. */
  readonly table: NodeId[];
  /** All that are connected, clients too. */
  readonly peers: Peer[];
  peer(id: NodeId): Peer | undefined;
  /** How often each outcome has happened. */
  readonly counts: OutcomeCounts;
  readonly sizes: NodeSizes;
  /** Listens, and begins to bootstrap. Rejects where an address can't be had; throws when it was started before. */
  start(): Promise<void>;
  /** Sends this peer a request. Always resolves, with the outcome; throws for an invalid id. */
  meet(id: NodeId): Promise<MeetResult>;
  /** Reads a letter that came by the application's own signalingChannel, and returns the outcome. */
  receive(message: Uint8Array): Outcome;
  /** Keeps this peer out for `banMs`, and ends the connection to it. */
  ban(id: NodeId): void;
  /** Calls back for all that happens, in order, until the returned function is called. */
  on(listener: (news: NodeNews) => void): () => void;
  /** Handles every new connection, in both roles and in every phase; the node calls it itself. */
  handleNewConnection(connection: Connection): void;
  /** No network activity after it: says goodbye to all, and leaves no timer, no dial and no table behind. */
  terminate(options?: ShutdownOptions): Promise<void>;
}
