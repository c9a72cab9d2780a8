import { closing, type Closing } from '../../machines/closing.js';
import { SessionError } from '../../machines/errors.js';
import type { Connection } from '../../machines/connection/connection-handle.js';
import { DelayBasedWindow } from '../../machines/streams/delay-based-window.js';

/** A source of frames. */
export interface FrameSenderHandler {
  /** There is room again. */
  resume(): void;
  /** Frames can't be sent on this connection at all. */
  failed(cause: Closing): void;
}

/** Interval at which a full engine is checked for room. Chosen without measurement. */
const ROOM_MS = 20;

/**
 * Sends the frames of a session in order: a frame that the connection has not taken is offered again before anything else, since
 * its content would be missing. Some data is sent so that its acknowledgement measures the delay. Stateful.
 */
export class FrameSender {
  readonly window = new DelayBasedWindow();
  #isFull = false;

  constructor(
    readonly connection: Connection,
    readonly now: () => number,
    readonly side: FrameSenderHandler,
  ) {}

  /** Nothing may be sent until `resume`; the bytes that were sent last must stay unchanged until then. */
  get isFull(): boolean {
    return this.#isFull;
  }

  send(bytes: Uint8Array): void {
    try {
      this.#isFull = !this.connection.write(bytes);
    } catch (error) {
      return this.#refused(error, () => this.send(bytes));
    }
    if (this.#isFull) void this.connection.drained().then(() => this.#resume());
  }

  sendData(bytes: Uint8Array): void {
    const isMarked = this.window.needsAck(bytes.length, this.now());
    this.window.sent(bytes.length);
    if (isMarked) this.#sendMarked(bytes);
    else this.send(bytes);
  }

  /** Sends a message whose acknowledgement measures the delay. */
  #sendMarked(bytes: Uint8Array): void {
    const mark = this.window.mark(this.now());
    const { accepted } = this.connection.stats();
    const sent = this.connection.send(bytes);
    // A `send` that found no room waits for it; nothing may overtake it.
    const isParked = this.connection.stats()['accepted'] === accepted;
    this.#isFull = isParked;
    sent.then(
      () => {
        this.window.acknowledged(mark, this.now());
        if (isParked) this.#isFull = false;
        this.side.resume();
      },
      (error: unknown) => {
        if (error instanceof SessionError) this.#refused(error, () => this.#sendMarked(bytes));
        // Otherwise the session has ended, which `closed` reports.
      },
    );
  }

  #refused(error: unknown, again: () => void): void {
    if (!(error instanceof SessionError)) throw error;
    if (error.code === 'closed') return; // The session is ending; `closed` reports how.
    if (error.code !== 'queue-full') return this.side.failed(closing('oversized', 'local', { message: error.message }));
    // All connections of the engine together hold too much at the moment; no event reports when there is room again.
    this.#isFull = true;
    const timer = setTimeout(() => {
      again();
      this.side.resume();
    }, ROOM_MS);
    timer.unref();
  }

  #resume(): void {
    this.#isFull = false;
    this.side.resume();
  }
}
