import type { Socket } from 'node:net';
import type { WebSocket } from 'ws';
import { MessageWire, type MessageWireOptions } from './message-wire.js';
import { causeOf, cut } from './socket-wire.js';
import { causeOfClose, sendableCode, sendableReason } from './close-codes.js';
import type { WireCause } from '../machines/ports.js';

/** A WebSocket is closed by both sides; one whose peer doesn't answer is cut off after this long. */
export const FAREWELL = { closeTimeout: 3000 };

const wireOf = Symbol('wire');
type WiredWebSocket = WebSocket & { [wireOf]?: WebSocketWire };
type WiredSocket = Socket & { [wireOf]?: WebSocketWire };

/** A WebSocket of the `ws` package, and the socket below it, as a wire. It exists before the upgrade, so that every attempt ends here. */
export class WebSocketWire extends MessageWire {
  #socket: Socket;
  #websocket: WebSocket | undefined;

  constructor(socket: Socket, options: MessageWireOptions) {
    super(options);
    this.#socket = socket;
    (socket as WiredSocket)[wireOf] = this;
    socket.on('error', onSocketError).on('close', onSocketClose).on('drain', onDrain);
  }

  /** The upgrade is done: from here on the WebSocket's own end is the end. */
  upgraded(websocket: WebSocket): void {
    this.#websocket = websocket;
    (websocket as WiredWebSocket)[wireOf] = this;
    // Functions shared by all wires, as for bare sockets.
    websocket.on('message', onMessage).on('pong', onPong).on('close', onClose).on('error', onError);
    this.opened();
  }

  probe(): void {
    if (this.isOpen && this.#websocket?.readyState === 1) this.#websocket.ping();
  }

  protected transmit(message: Uint8Array): void {
    this.#websocket?.send(message, BINARY);
  }

  protected gather(isOn: boolean): void {
    if (isOn) this.#socket.cork();
    else this.#socket.uncork();
  }

  protected get waitingBytes(): number {
    return this.#socket.writableLength;
  }

  /** The socket reports by itself, unless it has swallowed at once what made us say false. */
  protected awaitDrain(): void {
    if (!this.#socket.writableNeedDrain) queueMicrotask(() => this.drained());
  }

  protected flow(isOn: boolean): void {
    if (isOn) this.#websocket?.resume();
    else this.#websocket?.pause();
  }

  protected bow(code: number | undefined, reason: string | undefined): void {
    if (code === undefined && reason === undefined) this.#websocket?.close();
    else this.#websocket?.close(sendableCode(code), sendableReason(reason));
  }

  protected cut(): void {
    cut(this.#socket);
  }

  /** For the socket's event only. */
  socketClosed(): void {
    if (this.#websocket === undefined) this.over({ kind: 'reset' });
  }
}

const BINARY = { binary: true, compress: false };

function onMessage(this: WiredWebSocket, message: Buffer, isBinary: boolean): void {
  if (isBinary) return this[wireOf]?.received(message);
  this[wireOf]?.blame({ kind: 'malformed', code: 1003, reason: 'the peer sent text' });
  this.close(1003, 'binary messages only');
}
function onPong(this: WiredWebSocket): void {
  this[wireOf]?.answered();
}
function onError(this: WiredWebSocket, error: Error): void {
  this[wireOf]?.blame(causeOfWebSocket(error));
}
function onClose(this: WiredWebSocket, code: number, reason: Buffer): void {
  this[wireOf]?.over(causeOfClose(code, String(reason)));
}
function onDrain(this: WiredSocket): void {
  this[wireOf]?.drained();
}
function onSocketError(this: WiredSocket, error: NodeJS.ErrnoException): void {
  const wire = this[wireOf];
  // Errors without a code come from the package: it ends a broken upgrade so.
  wire?.blame(error.code === undefined ? causeOfWebSocket(error) : causeOf(error, wire.hasOpened ? 'open' : 'attempt'));
}
function onSocketClose(this: WiredSocket): void {
  this[wireOf]?.socketClosed();
}

/** The cause that an error of the `ws` package means: it has codes for broken frames, and texts for a broken upgrade. */
export function causeOfWebSocket(error: NodeJS.ErrnoException): WireCause {
  const { code, message: reason } = error;
  if (code === undefined) return { kind: 'malformed', reason };
  if (OVERSIZED.has(code)) return { kind: 'oversized', code, reason };
  if (code.startsWith('WS_ERR_') || code.startsWith('HPE_')) return { kind: 'malformed', code, reason };
  return causeOf(error, 'open');
}

const OVERSIZED = new Set([
  'WS_ERR_UNSUPPORTED_MESSAGE_LENGTH',
  'WS_ERR_UNSUPPORTED_DATA_PAYLOAD_LENGTH',
  'WS_ERR_TOO_MANY_BUFFERED_PARTS',
]);
