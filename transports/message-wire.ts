import { BUFFERED_BYTES_MAX, CorkedWire } from './corked-wire.js';
import { step } from '../machines/phase-table.js';
import type { Identity, Wire, WireCause, WireHandler } from '../machines/ports.js';
import { WIRE_PHASES, type WirePhase } from '../machines/wire-phases.js';

/** Pieces sent under a cork are packed into messages up to the first size; a piece above the second goes as it is, uncopied. */
const PACKED_BYTES_MAX = 16 * 1024;
const PACKED_PIECE_BYTES_MAX = 16 * 1024;

export interface MessageWireOptions {
  readonly remoteAddress: string;
  /** Whether pieces sent under a cork may share messages. */
  readonly pack: boolean;
}

/**
 * The part of a WebSocket wire that Node and browsers share: phases, corks, and the messages that arrive while the reader has
 * paused. A platform's WebSocket goes on calling for a while after a request to stop; these messages are held here.
 */
export abstract class MessageWire extends CorkedWire implements Wire {
  readonly lends = false;
  remoteAddress: string;
  identity: Identity | undefined;

  #pack: boolean;
  #handler: WireHandler | undefined;
  #phase: WirePhase = WIRE_PHASES.initial;
  #cause: WireCause | undefined;
  #isPaused = false;
  #held: Uint8Array[] | undefined;
  #heldBytes = 0;
  #isReleasing = false;
  #hasOpened = false;

  constructor({ remoteAddress, pack }: MessageWireOptions) {
    super();
    this.remoteAddress = remoteAddress;
    this.#pack = pack;
  }

  /** Resumes or pauses the platform, as far as it can. */
  protected abstract flow(isOn: boolean): void;
  /** Begins the closing handshake. */
  protected abstract bow(code: number | undefined, reason: string | undefined): void;
  /** Ends it at once; `over` follows in a later turn. */
  protected abstract cut(): void;

  /** The handler of this wire's events. If it has ended already, `onClose` follows in a later turn. */
  set handler(handler: WireHandler) {
    this.#handler = handler;
    if (this.#phase === 'closed') queueMicrotask(() => this.#tellClosed());
  }

  get isOver(): boolean {
    return this.#cause !== undefined || this.#phase === 'closed';
  }

  get isOpen(): boolean {
    return this.#phase === 'open';
  }

  /** Whether it ever was open. */
  get hasOpened(): boolean {
    return this.#hasOpened;
  }

  protected transmitAll(pieces: readonly Uint8Array[]): void {
    for (let at = 0; at < pieces.length;) {
      const to = this.#pack ? endOfPack(pieces, at) : at + 1;
      this.transmitTogether(pieces, at, to);
      at = to;
    }
  }

  /** Gives the platform the pieces from index `from` to before `to` as one message. */
  protected transmitTogether(pieces: readonly Uint8Array[], from: number, to: number): void {
    this.transmit(to - from === 1 ? pieces[from]! : merged(pieces, from, to));
  }

  protected tellDrained(): void {
    this.#handler?.onDrain();
  }

  /** @param code of the WebSocket protocol; one that may not be sent (below 3000, other than 1000) becomes 1000 */
  close(code?: number, reason?: string): void {
    if (this.#phase === 'emptying') return this.#leaveHeld('close');
    if (this.#phase !== 'open') return;
    this.uncorkAll();
    this.#step('close');
    this.#cause ??= { kind: 'aborted' };
    this.#held = undefined;
    this.flow(true);
    this.bow(code, reason);
  }

  destroy(): void {
    if (this.#phase !== 'closed') this.fail({ kind: 'aborted' });
  }

  pause(): void {
    this.#isPaused = true;
    if (this.#phase === 'open') this.flow(false);
  }

  resume(): void {
    this.#isPaused = false;
    if (!this.#isReadable) return;
    if (this.#held === undefined) this.flow(true);
    else if (!this.#isReleasing) {
      this.#isReleasing = true;
      queueMicrotask(() => this.#release());
    }
  }

  /** Ends an attempt, or a wire, for a reason that was detected here. The first reason counts. */
  fail(cause: WireCause): void {
    if (this.#phase === 'emptying') return this.#leaveHeld('fail');
    this.#cause ??= cause;
    this.#step('fail');
    this.#held = undefined;
    this.dropCorked();
    this.cut();
  }

  /** For the platform's events, like all below. Not to be called from inside an opener. */
  opened(): void {
    if (this.#phase !== 'attempt' || this.isOver) return;
    this.#step('open');
    this.#hasOpened = true;
    this.#handler?.onOpen(this);
  }

  received(message: Uint8Array): void {
    if (this.#phase !== 'open' || message.length === 0) return;
    if (!this.#isPaused && this.#held === undefined) return this.#handler?.onBytes(message);
    (this.#held ??= []).push(message);
    this.#heldBytes += message.length;
    if (this.#heldBytes > BUFFERED_BYTES_MAX) this.overflow();
  }

  answered(): void {
    if (this.#phase === 'open') this.#handler?.onProbeAnswer();
  }

  /** Records the cause of the coming end, where the platform reports it early. Nothing more is received or sent. */
  blame(cause: WireCause): void {
    this.#cause ??= cause;
    if (this.#phase !== 'emptying') this.#step('fail'); // The reader still gets the held messages.
  }

  /** The platform's end. Input before an orderly end is delivered first, even if the reader has paused. */
  over(cause: WireCause): void {
    if (this.#phase === 'closed') return;
    this.#cause ??= cause;
    if (this.#held !== undefined && this.#cause.kind === 'ended' && this.#phase === 'open') return this.#step('hold');
    this.#step('end');
    this.#held = undefined;
    this.#tellClosed();
  }

  #release(): void {
    this.#isReleasing = false;
    const held = this.#held;
    if (held === undefined) return;
    let at = 0;
    while (at < held.length && this.#isReadable && !this.#isPaused) {
      const message = held[at++]!;
      this.#heldBytes -= message.length;
      this.#handler?.onBytes(message);
    }
    if (!this.#isReadable) return;
    this.#held = at < held.length ? held.slice(at) : undefined;
    if (this.#held !== undefined) return;
    if (this.#phase === 'emptying') this.over({ kind: 'ended' });
    else if (!this.#isPaused) this.flow(true);
  }

  /** The platform has ended while messages were held for a reader that closes now: it won't report its end again. */
  #leaveHeld(event: 'close' | 'fail'): void {
    this.#step(event);
    this.#held = undefined;
    queueMicrotask(() => this.over({ kind: 'ended' }));
  }

  /** Messages that have arrived may be given to the reader. */
  get #isReadable(): boolean {
    return this.#phase === 'open' || this.#phase === 'emptying';
  }

  #step(event: 'open' | 'close' | 'fail' | 'hold' | 'end'): void {
    this.#phase = step(WIRE_PHASES, this.#phase, event);
  }

  protected overflow(): void {
    this.fail({ kind: 'reset', code: 'ENOBUFS', reason: 'more than may wait' });
  }

  #tellClosed(): void {
    const handler = this.#handler;
    this.#handler = undefined;
    handler?.onClose(this.#cause ?? { kind: 'reset' });
  }
}

/** Small adjacent pieces share a message, large ones have one each; the order stays. */
function endOfPack(pieces: readonly Uint8Array[], from: number): number {
  let bytes = pieces[from]!.length;
  let to = from + 1;
  if (bytes > PACKED_PIECE_BYTES_MAX) return to;
  for (; to < pieces.length; to++) {
    const { length } = pieces[to]!;
    bytes += length;
    if (length > PACKED_PIECE_BYTES_MAX || bytes > PACKED_BYTES_MAX) break;
  }
  return to;
}

export function totalBytes(pieces: readonly Uint8Array[], from: number, to: number): number {
  let bytes = 0;
  for (let i = from; i < to; i++) bytes += pieces[i]!.length;
  return bytes;
}

function merged(pieces: readonly Uint8Array[], from: number, to: number): Uint8Array {
  const whole = new Uint8Array(totalBytes(pieces, from, to));
  for (let i = from, at = 0; i < to; i++) {
    whole.set(pieces[i]!, at);
    at += pieces[i]!.length;
  }
  return whole;
}
