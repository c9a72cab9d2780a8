import { ports as platformPorts } from '#platform';
import { wordsOf } from '../../machines/callbacks.js';
import type { Closing } from '../../machines/closing.js';
import { Engine, type EngineListener, type Runtime, type ShutdownOptions } from '../../machines/engine.js';
import { SessionError } from '../../machines/errors.js';
import type { Connection } from '../../machines/connection/connection-handle.js';
import { AcceptQueue } from '../../machines/hub/accept/accept-queue.js';
import type { Ports, Resolver, Transport } from '../../machines/ports.js';
import { RUNTIMES } from '../../machines/runtime/runtime.js';
import { anything, checkOptions, flag, having, listOf, members, oneOf, optional } from '../options.js';
import { Shared, type PooledConnection } from './lease.js';
import { peerId, pool, type PoolOptions } from './protocol.js';
import { unlisted } from '../../machines/unlisted.js';

/** Finds where a peer can be reached. Several candidates race (250 ms apart) inside one attempt. */
export interface AddressResolver {
  resolve(id: string, options: { readonly signal: AbortSignal }): Promise<readonly string[]> | readonly string[];
}

/** The skip graph's settings, with its defaults, and those of the protocol (`PoolLimits`). */
export type ConnectionConfig = Omit<PoolOptions, 'identity' | 'id' | 'peerOf'>;

/** Where a manager finds peers and reaches them, who it is, and what it holds at most. */
export interface ConnectionManagerOptions extends Pick<PoolOptions, 'identity' | 'peerOf'> {
  /** This side's identifier: 32 bytes or 64 hex digits; with `identity: 'tls'` the fingerprint of its own certificate. */
  readonly id: string | Uint8Array;
  readonly transports: readonly Transport[];
  readonly resolver: AddressResolver;
  readonly config?: ConnectionConfig;
  /** Lets `listen` take addresses that others than this machine reach without proof of identity. Default false. */
  readonly insecure?: boolean;
  /** The runtime of the charts, as in `createEngine`. Default `compact`. */
  readonly runtime?: Runtime;
  /** Clock, chance and entropy. Default: this platform's. */
  readonly ports?: Ports;
}

/** How to get a connection of the pool: who may call the waiting off. */
export interface ConnectOptions {
  /** Gives up waiting; the attempt ends with its last caller. */
  readonly signal?: AbortSignal;
}

const schema = members({
  identity: anything, // The protocol checks these four.
  peerOf: anything,
  id: anything,
  config: anything,
  transports: listOf('transports', anything, 1),
  resolver: having('an object with a method resolve(id, { signal })', 'resolve'),
  insecure: optional(flag),
  runtime: optional(oneOf(...RUNTIMES)),
  ports: anything,
});

/**
 * Connections to peers by identifier, at most one for each. A caller that asks for a connected peer gets that connection; callers that ask while
 * it is dialed share the attempt; simultaneous dials of both sides resolve to one connection.
 * A connection that breaks leaves at once and is dialed again (`retryAttempts`, `retryDelayMs`).
 */
export class ConnectionManager {
  /** The hub below: events, metrics, inspection. */
  readonly engine: Engine;
  readonly id: string;
  #isByAddress: boolean;
  #isProven: boolean;
  #live = new Map<string, Shared>();
  #shared = new WeakMap<object, Shared>();
  #accepted = new AcceptQueue<Shared>((shared) => !shared.isAlive);

  constructor(options: ConnectionManagerOptions) {
    checkOptions('ConnectionManager', schema, options);
    const { identity, peerOf, transports, resolver, config = {}, insecure = false, runtime, ports = platformPorts } = options;
    this.id = peerId(options.id);
    this.#isByAddress = identity === 'by-address';
    this.#isProven = identity === 'tls';
    const protocol = pool({ ...config, identity, id: this.id, ...(peerOf === undefined ? {} : { peerOf }) });
    const chosen = runtime === undefined ? {} : { runtime };
    this.engine = new Engine(ports, { transports, protocols: [protocol], resolver: answering(resolver), insecure, ...chosen });
    this.engine.on(this.#handleEngineEvent);
    unlisted(this);
    void this.engine.start(); // Nothing to listen at yet: it runs when this returns.
  }

  toJSON(): object {
    return { id: this.id, connections: this.connectionCount() };
  }

  /** The live connection to this peer, or one shared attempt. Rejects `ConnectError` when that fails. */
  async connect(id: string | Uint8Array, { signal }: ConnectOptions = {}): Promise<PooledConnection> {
    const peer = this.#name(id);
    if (peer === this.id) throw new SessionError('bad-address', 'a peer does not connect to itself');
    const live = this.#live.get(peer);
    if (live?.isAlive === true) return live.lease();
    const connection = await this.engine.connect(peer, {
      retry: true,
      ...(this.#isProven ? { fingerprints: [peer] } : {}),
      ...(signal === undefined ? {} : { signal }),
    });
    return this.#sharing(connection).lease();
  }

  /** The live connection to this peer, if there is one. Closing this view ends it only if there are no handles. */
  getConnection(id: string | Uint8Array): PooledConnection | undefined {
    const live = this.#live.get(this.#name(id));
    return live?.isAlive === true ? live.look() : undefined;
  }

  /** Live connections at this moment. */
  connectionCount(): number {
    return this.#live.size;
  }
  connectedPeers(): string[] {
    return [...this.#live.keys()];
  }

  /** Closes the connection to this peer with all of its handles, and doesn't dial it again by itself. Safe if there is none. */
  async disconnect(id: string | Uint8Array): Promise<void> {
    const peer = this.#name(id);
    this.engine.peers.unregister(peer);
    await this.#live.get(peer)?.close();
  }

  /** Closes all, goes on past those that fail, and reports them together as an `AggregateError`. The manager stays usable. */
  async closeAll(): Promise<void> {
    const all = [...this.#live.values()];
    const endings = await Promise.all(all.map((shared) => shared.close()));
    const failures = endings.flatMap((closing, i) => (isClean(closing) ? [] : [failure(all[i]!, closing)]));
    if (failures.length > 0)
      throw new AggregateError(failures, `${failures.length} of ${all.length} connections did not close in order`);
  }

  /** Accepts connections of peers at this address; resolves with the address as bound. */
  listen(address: string): Promise<string> {
    return this.engine.listen(address);
  }

  /** Connections that peers have opened, each once. They are in the pool like any other. */
  async *incoming(): AsyncIterable<PooledConnection> {
    for await (const shared of this.#accepted) yield shared.lease();
  }

  /** Closes everything, stops listening, and leaves nothing behind. */
  async shutdown(options?: ShutdownOptions): Promise<void> {
    await this.engine.shutdown(options);
    this.#accepted.end();
  }

  #handleEngineEvent: EngineListener = (event) => {
    if (event.type === 'connected') {
      const shared = this.#sharing(event.connection as Connection);
      this.#live.set(shared.id, shared);
      if (shared.connection.role === 'acceptor') this.#accepted.push(shared);
    } else if (event.type === 'closeStarted' || event.type === 'disconnected') {
      const shared = this.#sharing(event.connection as Connection);
      if (this.#live.get(shared.id) === shared) this.#live.delete(shared.id);
    }
  };

  #sharing(connection: Connection): Shared {
    const known = this.#shared.get(connection);
    if (known !== undefined) return known;
    const shared = new Shared(connection);
    this.#shared.set(connection, shared);
    return shared;
  }

  #name(id: string | Uint8Array): string {
    return this.#isByAddress && typeof id === 'string' ? id : peerId(id);
  }
}

/** The application's resolver, asked by a hub that waits for no promise. */
function answering(resolver: AddressResolver): Resolver {
  return {
    resolve: (id, answer) => {
      const controller = new AbortController();
      const ask = async (): Promise<readonly string[]> => resolver.resolve(id, { signal: controller.signal });
      ask().then(answer, (error: unknown) => answer([], wordsOf(error)));
      return () => controller.abort();
    },
  };
}

function isClean({ code, detail }: Closing): boolean {
  return ['closed', 'peer-goodbye', 'replaced', 'shutdown'].includes(code) && detail?.unsent === undefined;
}

function failure({ id }: Shared, closing: Closing): Error {
  const unsent = closing.detail?.unsent;
  const lost = typeof unsent !== 'object' ? '' : ` (messages ${unsent.from} to ${unsent.to} were not sent)`;
  return new Error(`${id}: ${closing.reason}${lost}`, { cause: closing });
}
