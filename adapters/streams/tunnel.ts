import { ports } from '#platform';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { callback } from '../../machines/callbacks.js';
import { SessionError } from '../../machines/errors.js';
import type { StreamCode } from '../../machines/streams/streams.messages.js';
import { StreamError } from './errors.js';
import type { ReconnectingSession } from './reconnecting-session.js';
import type { Offer, StreamSession } from './session.js';
import { cutOff, endAfterAll, onProvenEnd } from './socket.js';
import type { SessionStream } from './stream.js';
import { unlisted } from '../../machines/unlisted.js';
import { checkOptions, members, numeric, text } from '../options.js';

/** TCP connections through a session's streams, ends, resets and errors included (STR-3). Stateful: it holds the sockets. */

/** The purpose of a tunnel's streams. */
export const TUNNEL_PURPOSE = 'tunnel';

/** The address that TCP connections come in at, or go to. */
export interface Place {
  readonly host: string;
  readonly port: number;
}

const PLACE = members({
  host: text,
  port: numeric('a port from 0 to 65535', (port) => Number.isInteger(port) && port >= 0 && port <= 65_535),
});

/** One forwarded connection that is over. */
export interface TunneledConnection {
  /** In the order of arrival, from 1. */
  readonly number: number;
  /** From the socket into the session, and back. */
  readonly bytesIn: number;
  readonly bytesOut: number;
  /** Why it did not end by itself: a stream's code, a closing's, or a socket's (`ECONNRESET`). */
  readonly code?: string;
  readonly message?: string;
}

/** Callbacks for the connections of a tunnel. */
export interface TunnelNews {
  began?(number: number): void;
  over?(passage: TunneledConnection): void;
}

/** How long the far target may take to answer. Chosen without measurement. */
const CONNECT_MS = 10_000;
/** Connections that wait for a session; more are reset. */
const WAITING_MAX = 128;

/** The near end: a TCP listener whose connections leave at the other end of the session. */
export class TunnelEntrance {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #closing = new AbortController();
  #count = 0;
  #waiting = 0;

  constructor(
    readonly reconnecting: ReconnectingSession,
    readonly news: TunnelNews = {},
  ) {
    this.#server = createServer(
      { allowHalfOpen: true, pauseOnConnect: true, noDelay: true },
      (socket) => void this.#enter(socket),
    );
    unlisted(this);
  }

  toJSON(): object {
    return { address: this.reconnecting.address, connections: this.#count };
  }

  /**
   * The former name of `reconnecting`.
   * @deprecated Since 0.1.0.
   */
  get keeper(): ReconnectingSession {
    return this.reconnecting;
  }

  /** @returns the port; the system chooses it if 0 was requested */
  listen({ host, port }: Place): Promise<number> {
    return new Promise((resolve, reject) => {
      // Later errors are single accepts that failed (too many open files): only those connections are lost.
      this.#server.on('error', reject);
      this.#server.listen(port, host, () => resolve((this.#server.address() as { port: number }).port));
    });
  }

  /** Resets connections that are still open. Resolves when none is left. */
  close(): Promise<void> {
    this.#closing.abort();
    return new Promise((resolve) => {
      this.#server.close(() => resolve());
      for (const socket of this.#sockets) cutOff(socket);
    });
  }

  async #enter(socket: Socket): Promise<void> {
    const number = ++this.#count;
    this.#sockets.add(socket);
    socket.once('close', () => this.#sockets.delete(socket));
    told('began', () => this.news.began?.(number));
    try {
      const stream = await this.#open(socket);
      const passed = await joined(socket, stream);
      told('over', () => this.news.over?.({ number, ...passed }));
    } catch (error) {
      cutOff(socket);
      told('over', () => this.news.over?.({ number, bytesIn: 0, bytesOut: 0, ...wordsOf(error as Error) }));
    }
  }

  /** Waits for a session if there is none, as long as the connection lives. */
  async #open(socket: Socket): Promise<SessionStream> {
    const gone = new AbortController();
    const leave = (): void => gone.abort();
    socket.on('error', leave).on('close', leave);
    this.#closing.signal.addEventListener('abort', leave, { once: true });
    const { signal } = gone;
    try {
      return await (await this.#session(signal)).open(TUNNEL_PURPOSE, { signal });
    } finally {
      this.#closing.signal.removeEventListener('abort', leave);
      socket.off('close', leave);
    }
  }

  async #session(signal: AbortSignal): Promise<StreamSession> {
    if (this.reconnecting.session !== undefined) return this.reconnecting.session;
    if (this.#waiting >= WAITING_MAX) throw new StreamError('busy');
    this.#waiting++;
    try {
      return await this.reconnecting.opened(signal);
    } finally {
      this.#waiting--;
    }
  }
}

/** The far end: each stream of a session gets a connection to one target. */
export class TunnelExit {
  readonly #sockets = new Set<Socket>();
  readonly #passages = new Set<Promise<void>>();
  #count = 0;

  constructor(
    readonly target: Place,
    readonly news: TunnelNews = {},
  ) {
    checkOptions('TunnelExit', PLACE, target);
    unlisted(this);
  }

  toJSON(): object {
    return { target: this.target, connections: this.#count };
  }

  /** Answers the offers of the peer on this session. */
  serve(session: StreamSession): void {
    session.onOffer = (offer) => {
      if (offer.purpose !== TUNNEL_PURPOSE) return offer.refuse('unknown-purpose');
      const passage = this.#leave(offer).finally(() => this.#passages.delete(passage));
      this.#passages.add(passage);
    };
  }

  /** Resets open connections. Resolves when all of them were reported as ended, after the end of their sessions. */
  async close(): Promise<void> {
    for (const socket of this.#sockets) cutOff(socket);
    await Promise.all(this.#passages);
  }

  async #leave(offer: Offer): Promise<void> {
    const number = ++this.#count;
    told('began', () => this.news.began?.(number));
    let socket;
    try {
      socket = await dialed(this.target, offer.withdrawn);
    } catch (error) {
      offer.refuse(codeOf(error as NodeJS.ErrnoException));
      told('over', () => this.news.over?.({ number, bytesIn: 0, bytesOut: 0, ...wordsOf(error as Error) }));
      return;
    }
    this.#sockets.add(socket);
    const passed = await joined(socket, offer.accept());
    this.#sockets.delete(socket);
    told('over', () => this.news.over?.({ number, ...passed }));
  }
}

/** Calls a listener to a tunnel's news; an error that it throws costs no connection. */
function told(news: keyof TunnelNews, tell: () => void): void {
  callback(ports, `tunnel.${news}`, tell);
}

/** Joins the two both ways until both are over. @rule STR-3 */
function joined(socket: Socket, stream: SessionStream): Promise<Omit<TunneledConnection, 'number'>> {
  return new Promise((resolve) => {
    let failure: Error | undefined;
    let open = 2;
    const over = (): void => {
      if (--open > 0) return;
      resolve({ bytesIn: socket.bytesRead, bytesOut: socket.bytesWritten, ...(failure === undefined ? {} : wordsOf(failure)) });
    };
    socket.on('error', (error) => {
      failure ??= error;
      stream.reset('reset');
    });
    stream.on('error', (error) => {
      failure ??= error;
      cutOff(socket);
    });
    // After an orderly end bytes may still be on their way through the other side; any other end resets the other side too.
    const socketOver = (): void => {
      if (!(socket.readableEnded && socket.writableFinished)) {
        failure ??= new SessionError('aborted', 'the tunnel was closed'); // A socket that fails emits its error before.
        stream.reset('reset');
      }
      over();
    };
    socket.once('close', socketOver);
    stream.once('close', () => {
      if (!(stream.readableEnded && stream.writableFinished)) cutOff(socket);
      over();
    });
    socket.pipe(stream, { end: false });
    onProvenEnd(socket, () => stream.end());
    stream.pipe(socket, { end: false });
    stream.once('end', () => endAfterAll(socket));
    if (socket.closed) socketOver(); // It closed before the listener was added.
  });
}

function dialed({ host, port }: Place, withdrawn: AbortSignal): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port, allowHalfOpen: true, noDelay: true });
    const timer = setTimeout(() => fail(new StreamError('timeout')), CONNECT_MS);
    const withdraw = (): void => fail(new StreamError('cancelled'));
    const settle = (): void => {
      clearTimeout(timer);
      withdrawn.removeEventListener('abort', withdraw);
      socket.off('error', fail).off('connect', connected);
    };
    const fail = (error: Error): void => {
      settle();
      socket.on('error', () => {}).destroy();
      reject(error);
    };
    const connected = (): void => {
      settle();
      resolve(socket);
    };
    withdrawn.addEventListener('abort', withdraw, { once: true });
    socket.once('error', fail).once('connect', connected);
  });
}

const CODES: Readonly<Record<string, StreamCode>> = {
  ECONNREFUSED: 'refused',
  ENOTFOUND: 'resolve-failed',
  EAI_AGAIN: 'resolve-failed',
  ETIMEDOUT: 'timeout',
  EHOSTUNREACH: 'unreachable',
  ENETUNREACH: 'unreachable',
  EADDRNOTAVAIL: 'unreachable',
  EACCES: 'forbidden',
  EPERM: 'forbidden',
  ECONNRESET: 'reset',
};

/** The code that the near side gets. */
function codeOf(error: NodeJS.ErrnoException): StreamCode {
  if (error instanceof StreamError) return error.code as StreamCode;
  return CODES[error.code ?? ''] ?? 'failed';
}

function wordsOf(error: Error): { code: string; message: string } {
  const code = error instanceof SessionError && error.code === 'aborted' ? 'cancelled' : (error as { code?: string }).code;
  return { code: code ?? 'failed', message: error.message };
}
