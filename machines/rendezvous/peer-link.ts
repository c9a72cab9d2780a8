import { callback, type CallbackPorts } from '../callbacks.js';
import type { Closing } from '../closing.js';
import { SessionError } from '../errors.js';
import { ConnectionHandle, type Connection, type SendOptions } from '../connection/connection-handle.js';
import { TokenBucket } from '../dataplane/token-bucket.js';
import type { Hello, NodeId, NodeMessage, NodeMessageCodec } from './rendezvous.messages.js';
import type { RendezvousLimits } from './rendezvous.timing.js';
import { unlisted } from '../unlisted.js';

/** A peer that is connected, as an application holds it. Letters and introductions travel beside its messages. */
export interface Peer {
  readonly id: NodeId;
  /** The address that it announced; empty for a client. */
  readonly address: string;
  readonly isClient: boolean;
  /** The connection below: its ten states, its closing, its counters. Its messages are read here. */
  readonly connection: Connection;
  /** Set it when the peer is announced: messages that come before that are kept up to 1 MiB only. */
  onMessage: ((message: Uint8Array) => void) | undefined;
  /** Messages that were lost because there was no `onMessage`. */
  readonly missed: number;
  /** Settles when handed over to the transport, or rejects as the connection's own `send`. */
  send(message: Uint8Array, options?: SendOptions): Promise<void>;
  /** As the connection's own `write`. */
  write(message: Uint8Array): boolean;
  close(): Promise<Closing>;
}

/** Bound of the messages that come before `onMessage` is set; beyond it the oldest are lost, and counted as missed. */
const UNDELIVERED_BYTES_MAX = 1 << 20;

export class PeerLink implements Peer {
  readonly address: string;
  readonly isClient: boolean;
  /** Limits how many letters of this peer are read. */
  readonly #messageBudget: TokenBucket;
  /** It was asked for its peers, and has not answered. */
  hasBeenAsked = false;
  #onMessage: ((message: Uint8Array) => void) | undefined;
  #undelivered: Uint8Array[] = [];
  #undeliveredBytes = 0;
  missed = 0;

  constructor(
    readonly id: NodeId,
    readonly connection: Connection,
    hello: Pick<Hello, 'address' | 'isClient'>,
    readonly codec: NodeMessageCodec,
    limits: RendezvousLimits,
    readonly ports: CallbackPorts,
    take: (link: PeerLink, sendToNode: NodeMessage | undefined) => void,
  ) {
    this.address = hello.address;
    this.isClient = hello.isClient;
    this.#messageBudget = new TokenBucket(limits.messagesBurst, limits.messagesPerSecond, ports.clock.now());
    connection.onMessage = (bytes) => take(this, codec.decode(bytes));
    unlisted(this);
  }

  toJSON(): object {
    return { id: this.id, address: this.address, isClient: this.isClient, missed: this.missed };
  }

  get onMessage(): ((message: Uint8Array) => void) | undefined {
    return this.#onMessage;
  }
  set onMessage(handler: ((message: Uint8Array) => void) | undefined) {
    this.#onMessage = handler;
    while (this.#onMessage !== undefined && this.#undelivered.length > 0) this.#call(this.#next());
  }

  deliver(message: Uint8Array): void {
    if (this.#onMessage !== undefined) return this.#call(message);
    this.#undelivered.push(message);
    this.#undeliveredBytes += message.length + 64;
    while (this.#undeliveredBytes > UNDELIVERED_BYTES_MAX) {
      this.#next();
      this.missed++;
    }
  }

  #call(message: Uint8Array): void {
    callback(this.ports, 'peer.onMessage', () => this.#onMessage!(message));
  }

  #next(): Uint8Array {
    const message = this.#undelivered.shift()!;
    this.#undeliveredBytes -= message.length + 64;
    return message;
  }

  /** Probes the connection at once, so that a dead one ends soon. */
  probe(): void {
    if (this.connection instanceof ConnectionHandle) this.connection.probe();
  }

  mayRead(): boolean {
    return this.#messageBudget.take(this.ports.clock.now());
  }

  /** False: the connection takes nothing more. */
  post(post: NodeMessage): boolean {
    try {
      this.connection.write(this.codec.encode(post));
      return true;
    } catch (error) {
      if (error instanceof SessionError) return false; // It is full, or going.
      throw error;
    }
  }

  send(message: Uint8Array, options?: SendOptions): Promise<void> {
    return this.connection.send(this.codec.encode({ kind: 'data', payload: message }), options);
  }
  write(message: Uint8Array): boolean {
    return this.connection.write(this.codec.encode({ kind: 'data', payload: message }));
  }
  close(): Promise<Closing> {
    return this.connection.close();
  }
}
