import type { Socket } from 'node:net';
import { received } from './ballast.js';
import { causeOfClose, sendableCode, sendableReason } from './close-codes.js';
import { HIGH_WATER_BYTES } from './corked-wire.js';
import { MessageWire, totalBytes, type MessageWireOptions } from './message-wire.js';
import { causeOf, cut } from './socket-wire.js';
import type { FrameFault } from './websocket-faults.js';
import { giveReader, takeReader, type FrameListener, type FrameReader } from './websocket-reader.js';
import { giveWriter, takeWriter, type FrameWriter, type Masking } from './websocket-writer.js';
import type { WireCause } from '../machines/ports.js';

/** A WebSocket is closed by both sides; one whose peer doesn't answer is cut off after this long. */
const FAREWELL_MS = 3000;
const PIECE_BYTES = 16 * 1024;

const BINARY = 2;
const CLOSE = 8;
const PING = 9;
const PONG = 10;

const NOTHING = new Uint8Array(0);

const wireOf = Symbol('wire');
type WiredSocket = Socket & { [wireOf]?: WebSocketWire };

export interface WebSocketWireOptions extends MessageWireOptions {
  readonly masking: Masking;
  readonly messageBytesMax: number;
}

/** The wire of a socket whose upgrade is about to be done. */
export function wireOfSocket(socket: Socket): WebSocketWire | undefined {
  return (socket as WiredSocket)[wireOf];
}

/**
 * A socket that speaks WebSocket, as a wire. It exists before the upgrade, which the `ws` package does, so that every attempt ends
 * here. Frames are read and written here and not by that package: `spec/decisions/0025` says why.
 */
export class WebSocketWire extends MessageWire implements FrameListener {
  /** A socket brings 64 KiB at a time: of messages of this size most lie in one read, and are not put together. */
  readonly pieceBytes: number | undefined;
  #socket: Socket;
  #masking: Masking;
  #messageBytesMax: number;
  #reader: FrameReader | undefined; // While a chunk is read, and while part of a message has arrived.
  #writer: FrameWriter | undefined; // While frames are written, and while some wait in the socket.
  /** `said`: our close frame was written. `done`: and nothing of the peer is of interest any more, or it has fallen silent. */
  #farewell: 'none' | 'said' | 'done' = 'none';
  #code = 1006; // Of the peer's close frame, if one comes,
  #reason = ''; // and its words.
  #deadline: AbortSignal | undefined; // Of the farewell.
  #owedPong: Uint8Array | undefined; // The data of the newest ping that came while too much waited to be written.

  constructor(socket: Socket, options: WebSocketWireOptions) {
    super(options);
    this.pieceBytes = options.pack ? PIECE_BYTES : undefined;
    this.#socket = socket;
    this.#masking = options.masking;
    this.#messageBytesMax = options.messageBytesMax;
    (socket as WiredSocket)[wireOf] = this;
    socket.on('error', onSocketError).on('close', onSocketClose).on('drain', onDrain);
  }

  /** The upgrade is done: from here on the bytes of the socket are frames, `head` the first of them. */
  upgraded(head: Buffer): void {
    const socket = this.#socket;
    socket.setTimeout(0);
    socket.setNoDelay();
    if (head.length > 0) socket.unshift(head);
    this.opened();
    // Functions shared by all wires, as for bare sockets.
    socket.on('data', onData).on('end', onEnd);
  }

  probe(): void {
    if (this.isOpen) this.#control(PING, NOTHING);
  }

  protected transmit(message: Uint8Array): void {
    if (!this.#maySend) return;
    this.#frame(BINARY, message);
  }

  protected override transmitAll(pieces: readonly Uint8Array[], bytes = totalBytes(pieces, 0, pieces.length)): void {
    if (!this.#maySend) return;
    this.#begin(bytes);
    super.transmitAll(pieces);
    this.#end();
  }

  protected override transmitTogether(pieces: readonly Uint8Array[], from: number, to: number): void {
    this.#writer!.frame(BINARY, pieces, from, to, totalBytes(pieces, from, to));
  }

  protected get waitingBytes(): number {
    return this.#socket.writableLength;
  }

  /** The socket reports by itself, unless it has swallowed at once what made us say false. */
  protected awaitDrain(): void {
    if (!this.#socket.writableNeedDrain) queueMicrotask(() => this.drained());
  }

  protected flow(isOn: boolean): void {
    if (isOn || this.#farewell === 'done') this.#socket.resume();
    else this.#socket.pause();
  }

  protected bow(code: number | undefined, reason: string | undefined): void {
    if (code === undefined && reason === undefined) this.#say();
    else this.#say(sendableCode(code), sendableReason(reason));
  }

  protected cut(): void {
    this.#reader?.stop();
    cut(this.#socket);
  }

  /** For the reader only, like the next four. */
  message(bytes: Uint8Array, isBinary: boolean): void {
    if (isBinary) return this.received(bytes);
    this.blame({ kind: 'malformed', code: 1003, reason: 'the peer sent text' });
    this.#say(1003, 'binary messages only');
  }

  /** A peer that asks and does not read gets the last answer alone (RFC 6455, 5.5.3): nothing piles up for it. */
  pinged(bytes: Uint8Array): void {
    if (this.#socket.writableLength < HIGH_WATER_BYTES) this.#control(PONG, bytes);
    else this.#owedPong = new Uint8Array(bytes);
  }

  ponged(): void {
    this.answered();
  }

  concluded(code: number, reason: Uint8Array): void {
    this.#code = code;
    this.#reason = Buffer.from(reason).toString();
    if (code === 1005) this.#say();
    else this.#say(code, this.#reason);
    this.#leave();
  }

  faulted({ code, reason, status }: FrameFault): void {
    this.#say(status);
    this.blame({ kind: status === 1009 ? 'oversized' : 'malformed', code, reason });
    this.#leave();
  }

  /** For the socket's events only, like the next three. */
  arrived(chunk: Uint8Array): void {
    received(chunk.length);
    if (this.#farewell === 'done') return;
    const reader = (this.#reader ??= takeReader(this.#masking === 'none', this.#messageBytesMax));
    reader.read(chunk, this);
    if (!reader.isIdle) return;
    this.#reader = undefined;
    giveReader(reader);
  }

  socketDrained(): void {
    const owed = this.#owedPong;
    this.#owedPong = undefined;
    if (owed !== undefined) this.#control(PONG, owed);
    this.drained();
  }

  /** A FIN. Without a close frame before it that is no orderly end. */
  socketEnded(): void {
    this.#leave();
  }

  socketClosed(): void {
    if (!this.hasOpened) return this.over({ kind: 'reset' });
    this.#deadline?.removeEventListener('abort', this);
    this.over(causeOfClose(this.#code, this.#reason));
  }

  /** For the deadline of the farewell only. */
  handleEvent(): void {
    this.#socket.destroy();
  }

  get #maySend(): boolean {
    return this.#farewell === 'none' && this.hasOpened && this.#socket.writable;
  }

  #control(opcode: number, bytes: Uint8Array): void {
    if (this.#maySend) this.#frame(opcode, bytes);
  }

  #frame(opcode: number, bytes: Uint8Array): void {
    this.#begin(bytes.length);
    this.#writer!.frame(opcode, [bytes], 0, 1, bytes.length);
    this.#end();
  }

  #begin(bytes: number): void {
    this.#writer ??= takeWriter(this.#masking);
    this.#writer.begin(this.#socket, bytes);
  }

  #end(): void {
    const writer = this.#writer!;
    if (!writer.end()) return;
    this.#writer = undefined;
    giveWriter(writer);
  }

  /** Sends the close frame, the last one. */
  #say(code?: number, reason = ''): void {
    if (this.#farewell !== 'none') return;
    const words = Buffer.from(reason);
    const data = code === undefined ? NOTHING : Buffer.concat([Uint8Array.of(code >> 8, code & 0xff), words]);
    this.#control(CLOSE, data);
    this.#farewell = 'said';
    this.#deadline = AbortSignal.timeout(FAREWELL_MS);
    this.#deadline.addEventListener('abort', this);
  }

  /** Nothing more is said; what the peer still sends is read and dropped, so that its FIN is seen. */
  #leave(): void {
    this.#farewell = 'done';
    this.#socket.end();
    this.#socket.resume();
  }
}

function onData(this: WiredSocket, chunk: Uint8Array): void {
  this[wireOf]?.arrived(chunk);
}
function onEnd(this: WiredSocket): void {
  this[wireOf]?.socketEnded();
}
function onDrain(this: WiredSocket): void {
  this[wireOf]?.socketDrained();
}
function onSocketError(this: WiredSocket, error: NodeJS.ErrnoException): void {
  const wire = this[wireOf];
  // Errors without a code come from the `ws` package: it ends a broken upgrade so.
  wire?.blame(error.code === undefined ? causeOfUpgrade(error) : causeOf(error, wire.hasOpened ? 'open' : 'attempt'));
}
function onSocketClose(this: WiredSocket): void {
  this[wireOf]?.socketClosed();
}

/** The cause that an error of the `ws` package means: it has texts for a broken upgrade. */
export function causeOfUpgrade(error: NodeJS.ErrnoException): WireCause {
  const { code, message: reason } = error;
  if (code === undefined) return { kind: 'malformed', reason };
  if (code.startsWith('WS_ERR_') || code.startsWith('HPE_')) return { kind: 'malformed', code, reason };
  return causeOf(error, 'open');
}
