import type { Closing } from '../../machines/closing.js';
import { abortedBy, SessionError } from '../../machines/errors.js';
import type { Connection, SendOptions } from '../../machines/connection/connection-handle.js';
import { unlisted } from '../../machines/unlisted.js';

/** How to wait for the next message. */
export interface NextOptions {
  /** Gives up waiting; no message is lost by it. */
  readonly signal?: AbortSignal;
}

/** One peer's connection as its users hold it. The names are the skip graph's. */
export interface PooledConnection extends AsyncIterable<Uint8Array> {
  /** Where the peer is; `undefined` once the connection has ended. */
  remoteAddr(): string | undefined;
  /** The peer's identifier: 64 hex digits, or its address where identity is `by-address`. */
  remoteId(): string;
  /** Resolves when handed over to the transport: there is no acknowledgement in this protocol. Rejects `SessionError('closed')`. */
  send(message: Uint8Array, options?: SendOptions): Promise<void>;
  /**
   * The next whole message, each to one caller, in order; `undefined` if the connection has ended in order, or this handle was
   * closed. Rejects `SessionError` `closed` after any other ending, with the closing as `cause`: messages may be missing.
   */
  next(options?: NextOptions): Promise<Uint8Array | undefined>;
  /** True only while usable: false at once when it breaks, ends, or is closed. */
  isAlive(): boolean;
  /** Releases the handle. The last release closes the connection, and resolves when that is closed. Safe to call twice. */
  close(): Promise<void>;
}

/** A pending call of `next`, and its view of the connection. */
interface Reader {
  readonly lease: PooledConnection;
  take(message: Uint8Array | undefined | Promise<never>): void;
}

/** A connection that several users share: the number of its handles, and the readers that wait for its next message. */
export class Shared {
  #leases = 0;
  #readers: Reader[] = [];
  #kept: Uint8Array[] = []; // Messages whose reader gave up while they were on their way.
  #isPulling = false;
  #messages: AsyncIterator<Uint8Array>;

  constructor(readonly connection: Connection) {
    this.#messages = connection[Symbol.asyncIterator]();
  }

  get id(): string {
    return this.connection.peer;
  }
  /** Messages can be sent: false as soon as one side has announced its end. */
  get isAlive(): boolean {
    return !this.connection.isClosing;
  }

  /** A handle that keeps the connection open until it is closed. */
  lease(): PooledConnection {
    this.#leases++;
    let ending: Promise<unknown> | undefined;
    return new Lease(this, () => (ending ??= --this.#leases > 0 ? Promise.resolve() : this.close()));
  }

  /** A view that does not keep the connection open; closing it closes the connection only if there are no handles. */
  look(): PooledConnection {
    return new Lease(this, () => (this.#leases > 0 ? Promise.resolve() : this.close()));
  }

  close(): Promise<Closing> {
    return this.connection.close();
  }

  /** This view was closed: its pending readers get `undefined`, and take no message from the others. */
  dismiss(lease: PooledConnection): void {
    const mine = this.#readers.filter((reader) => reader.lease === lease);
    this.#readers = this.#readers.filter((reader) => reader.lease !== lease);
    for (const reader of mine) reader.take(undefined);
  }

  next(lease: PooledConnection, signal: AbortSignal | undefined): Promise<Uint8Array | undefined> {
    if (signal?.aborted === true) return Promise.reject(aborted(signal));
    const kept = this.#kept.shift();
    if (kept !== undefined) return Promise.resolve(kept);
    return new Promise((resolve, reject) => {
      const onAbort = (): void => {
        this.#readers.splice(this.#readers.indexOf(reader), 1);
        reject(aborted(signal!));
      };
      const reader: Reader = {
        lease,
        take: (message) => {
          signal?.removeEventListener('abort', onAbort);
          resolve(message);
        },
      };
      signal?.addEventListener('abort', onAbort, { once: true });
      this.#readers.push(reader);
      void this.#pull();
    });
  }

  /** Pulls one message at a time, and only while a reader waits: users that read nothing apply backpressure to the peer. */
  async #pull(): Promise<void> {
    if (this.#isPulling) return;
    this.#isPulling = true;
    while (this.#readers.length > 0) {
      const next = await this.#messages.next().catch((error: unknown) => ({ error }));
      if ('error' in next || next.done === true) {
        for (const reader of this.#readers.splice(0))
          reader.take('error' in next ? Promise.reject(next.error as Error) : undefined);
        break;
      }
      const { value } = next;
      const reader = this.#readers.shift();
      if (reader === undefined) this.#kept.push(value);
      else reader.take(value);
    }
    this.#isPulling = false;
  }
}

class Lease implements PooledConnection {
  #isOpen = true;

  constructor(
    readonly shared: Shared,
    readonly giveBack: () => Promise<unknown>,
  ) {
    unlisted(this);
  }

  toJSON(): object {
    return { remoteId: this.remoteId(), isAlive: this.isAlive() };
  }

  remoteAddr(): string | undefined {
    return this.isAlive() ? this.shared.connection.remoteAddress : undefined;
  }
  remoteId(): string {
    return this.shared.id;
  }
  isAlive(): boolean {
    return this.#isOpen && this.shared.isAlive;
  }
  send(message: Uint8Array, options?: SendOptions): Promise<void> {
    if (!this.#isOpen) return Promise.reject(new SessionError('closed', 'this handle was closed'));
    return this.shared.connection.send(message, options);
  }
  next({ signal }: NextOptions = {}): Promise<Uint8Array | undefined> {
    return this.#isOpen ? this.shared.next(this, signal) : Promise.resolve(undefined);
  }
  async close(): Promise<void> {
    this.#isOpen = false;
    this.shared.dismiss(this);
    await this.giveBack();
  }
  async *[Symbol.asyncIterator](): AsyncIterator<Uint8Array> {
    for (let message; (message = await this.next()) !== undefined;) yield message;
  }
}

function aborted(signal: AbortSignal): SessionError {
  return abortedBy(signal, 'reading was aborted before a message came');
}
