import type { Socket } from 'node:net';
import { hostAndPort } from './address.js';
import { BUFFERED_BYTES_MAX, CorkedWire } from './corked-wire.js';
import { step } from '../machines/phase-table.js';
import type { Identity, Wire, WireCause, WireCauseKind, WireHandler } from '../machines/ports.js';
import { WIRE_PHASES, type WirePhase } from '../machines/wire-phases.js';

/** A close that makes no progress for this long, or that the peer answers with more than may wait, is aborted. */
const FAREWELL_IDLE_MS = 5000;
/** Small pieces sent under a cork are copied into one write up to this size; beyond it `writev` is cheaper than a copy. */
const MERGED_BYTES_MAX = 16 * 1024;
/** One read buffer for all dialed sockets: it is filled and handed on within one call from the event loop. */
const lent = new Uint8Array(64 * 1024);

const wireOf = Symbol('wire');
type WiredSocket = Socket & { [wireOf]?: SocketWire };

/**
 * A Node socket as a wire. Once this side has called `close` or `destroy`, the handler gets `onClose` and nothing else;
 * further bytes of the peer are read and dropped, so that its end gets through.
 */
export class SocketWire extends CorkedWire implements Wire {
  readonly lends: boolean;
  remoteAddress: string;
  identity: Identity | undefined;

  #socket: Socket;
  #handler: WireHandler | undefined;
  #phase: WirePhase = WIRE_PHASES.initial;
  #cause: WireCause | undefined;
  #isPaused = false;
  #droppedBytes = 0;

  /** @param lends whether the socket was made with `readInto` */
  constructor(socket: Socket, lends: boolean, remoteAddress = remoteAddressOf(socket)) {
    super();
    this.#socket = socket;
    this.lends = lends;
    this.remoteAddress = remoteAddress;
    (socket as WiredSocket)[wireOf] = this;
    // Functions shared by all sockets: ten thousand idle wires carry no closures.
    socket.on('error', onError).on('close', onClose).on('drain', onDrain).on('end', onEnd);
  }

  /** The handler of this wire's events. If it has ended already, `onClose` follows in a later turn. */
  set handler(handler: WireHandler) {
    this.#handler = handler;
    if (this.#phase === 'closed') queueMicrotask(() => this.#tellClosed());
  }

  /**
   * An attempt ends as `unreachable` if nothing happens on the socket for this long. 0 removes the limit. It uses the socket's
   * own idle timeout, which never keeps the process alive.
   */
  limitAttempt(idleMs: number): void {
    if (idleMs > 0) this.#limit(idleMs);
    else this.#socket.setTimeout(0);
  }

  #limit(idleMs: number): void {
    this.#socket.setTimeout(idleMs).removeListener('timeout', onTimeout).once('timeout', onTimeout);
  }

  get isOpen(): boolean {
    return this.#phase === 'open';
  }

  get isOver(): boolean {
    return this.#cause !== undefined || this.#phase === 'closed';
  }

  /** The wire is ready for use; its bytes begin to flow. Must not be called from inside an opener. */
  opened(): void {
    if (this.#phase !== 'attempt' || this.isOver) return;
    this.#step('open');
    this.#handler?.onOpen(this);
    if (!this.isOpen) return;
    if (!this.lends) this.#socket.on('data', onData);
    if (!this.#isPaused) this.#socket.resume();
  }

  /** Ends an attempt, or a wire, for a reason that was detected here. The first reason counts. */
  fail(cause: WireCause): void {
    this.#cause ??= cause;
    this.#step('fail');
    this.#socket.destroy();
  }

  protected get waitingBytes(): number {
    return this.#socket.writableLength;
  }

  protected transmit(piece: Uint8Array): void {
    this.#socket.write(piece);
  }

  protected transmitAll(pieces: readonly Uint8Array[], bytes: number): void {
    if (bytes <= MERGED_BYTES_MAX) {
      this.#socket.write(pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces, bytes));
      return;
    }
    this.#socket.cork();
    for (const each of pieces) this.#socket.write(each);
    this.#socket.uncork();
  }

  /** The socket may have taken at once the bytes that made `send` return false; then it emits no drain. */
  protected awaitDrain(): void {
    if (!this.#socket.writableNeedDrain) queueMicrotask(() => this.drained());
  }

  protected overflow(): void {
    this.fail({ kind: 'reset', code: 'ENOBUFS', reason: 'more was sent than may wait' });
  }

  protected tellDrained(): void {
    this.#handler?.onDrain();
  }

  close(): void {
    if (this.#phase !== 'open') return;
    this.uncorkAll();
    this.#step('close');
    this.#cause ??= { kind: 'aborted' };
    this.#socket.end();
    this.#socket.resume();
    this.#limit(FAREWELL_IDLE_MS);
  }

  destroy(): void {
    if (this.#phase === 'closed') return;
    const wasOpen = this.#phase !== 'attempt';
    this.#cause ??= { kind: 'aborted' };
    this.#step('fail');
    this.dropCorked();
    if (wasOpen) cut(this.#socket);
    else this.#socket.destroy();
  }

  pause(): void {
    this.#isPaused = true;
    if (this.#phase === 'open') this.#socket.pause();
  }

  resume(): void {
    this.#isPaused = false;
    if (this.#phase === 'open') this.#socket.resume();
  }

  keepAlive(idleMs: number): void {
    this.#socket.setKeepAlive(true, idleMs);
  }

  /** For the socket's events only. */
  received(bytes: Uint8Array): void {
    if (this.#phase === 'open') return this.#handler?.onBytes(bytes);
    this.#droppedBytes += bytes.length;
    if (this.#droppedBytes > BUFFERED_BYTES_MAX) this.#socket.destroy();
  }

  timedOut(): void {
    this.fail({ kind: 'unreachable', code: 'ETIMEDOUT', reason: 'nothing happened for too long' });
  }

  ended(): void {
    this.#cause ??= { kind: 'ended' };
  }

  failed(error: NodeJS.ErrnoException): void {
    this.#cause ??= causeOf(error, this.#phase === 'attempt' ? 'attempt' : 'open');
  }

  closed(): void {
    this.#step('end');
    this.#tellClosed();
  }

  #step(event: 'open' | 'close' | 'fail' | 'end'): void {
    this.#phase = step(WIRE_PHASES, this.#phase, event);
  }

  #tellClosed(): void {
    const handler = this.#handler;
    this.#handler = undefined;
    handler?.onClose(this.#cause ?? { kind: 'reset' });
  }
}

function onData(this: WiredSocket, bytes: Uint8Array): void {
  this[wireOf]?.received(bytes);
}
function onDrain(this: WiredSocket): void {
  this[wireOf]?.drained();
}
function onTimeout(this: WiredSocket): void {
  this[wireOf]?.timedOut();
}
function onEnd(this: WiredSocket): void {
  this[wireOf]?.ended();
}
function onError(this: WiredSocket, error: NodeJS.ErrnoException): void {
  this[wireOf]?.failed(error);
}
function onClose(this: WiredSocket): void {
  this[wireOf]?.closed();
}

/** The `onread` option of a dialed socket: it reads into one reused buffer, which saves an allocation per read. */
export function readInto(wire: () => SocketWire | undefined): {
  buffer: Uint8Array;
  callback(count: number, buffer: Uint8Array): boolean;
} {
  return {
    buffer: lent,
    callback(count, buffer) {
      wire()?.received(buffer.subarray(0, count));
      return true;
    },
  };
}

/**
 * Sends RST rather than FIN if the socket can: the peer must see that this was no orderly end. Not while a FIN is being
 * sent: libuv refuses that (`EINVAL`), and Node then loses track of the socket, which never closes.
 */
export function cut(socket: Socket): void {
  if (socket.writableEnded || !isBare(socket)) socket.destroy();
  else socket.resetAndDestroy();
}

/** Only a bare TCP socket can be reset; Node throws for TLS. */
function isBare(socket: Socket & { readonly encrypted?: boolean }): boolean {
  return socket.encrypted !== true;
}

export function remoteAddressOf(socket: Socket): string {
  return hostAndPort(socket.remoteAddress ?? '?', socket.remotePort ?? 0);
}

const UNREACHABLE = new Set(['ETIMEDOUT', 'EHOSTUNREACH', 'ENETUNREACH', 'EHOSTDOWN', 'ENETDOWN', 'EADDRNOTAVAIL']);

/** The cause that a Node error means for a wire: before it opened, and after. */
export function causeOf(error: NodeJS.ErrnoException, when: 'attempt' | 'open'): WireCause {
  const code = error.code ?? '';
  const because = code === '' ? { reason: error.message } : { code, reason: error.message };
  // An alert may come late: in TLS 1.3 a dialer completes before its certificate is checked.
  if (isOfTls(code)) return { kind: 'tls-failed', ...because, reason: wordsOfTls(error) };
  return { kind: when === 'open' ? 'reset' : kindOfAttempt(code, error.syscall), ...because };
}

/** OpenSSL's own words, without its addresses, file names and line numbers. */
function wordsOfTls(error: NodeJS.ErrnoException & { readonly reason?: unknown }): string {
  if (error.code === 'ERR_SSL_WRONG_VERSION_NUMBER') return 'wrong version number: what answers there does not speak TLS';
  return typeof error.reason === 'string' ? error.reason : error.message;
}

function isOfTls(code: string): boolean {
  return code.startsWith('ERR_SSL_') || code.startsWith('ERR_TLS_') || code === 'EPROTO';
}

function kindOfAttempt(code: string, syscall: string | undefined): WireCauseKind {
  if (code === 'ECONNREFUSED') return 'refused';
  if (syscall === 'getaddrinfo') return 'resolve-failed';
  if (UNREACHABLE.has(code)) return 'unreachable';
  return code === 'ECONNRESET' || code === 'EPIPE' ? 'reset' : 'unreachable';
}
