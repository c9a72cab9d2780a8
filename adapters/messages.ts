import { ports } from '#platform';
import type { Connection, SendOptions } from '../machines/connection/connection-handle.js';
import type { ApiState } from '../machines/connection/api-state.js';
import { closing, isOrderly, type Closing } from '../machines/closing.js';
import { Framer } from '../machines/dataplane/framer.js';
import { cutBy, SessionError } from '../machines/errors.js';
import { messageBytes } from '../machines/dataplane/message-bytes.js';
import { unlisted } from '../machines/unlisted.js';
import { checkOptions, count, having, members, optional } from './options.js';

/** How to cut a byte stream into messages. */
export interface MessagesOptions {
  /**
   * Longest message, either way. Default 1 MiB. A longer one throws `too-large` here, and ends the session if the peer sends it.
   */
  readonly messageBytesMax?: number;
}

/**
 * Whole messages over a connection whose protocol carries a stream of bytes (Tuna): each follows its length, 32 bits, big
 * endian. Both sides use it, or neither. The stream belongs to it from here on. `send`, `write`, `drained` and `close` keep
 * their guarantees; `stats` and closings still count bytes, lengths included.
 *
 * A small message that is kept pins the piece of the stream it came in, up to 64 KiB.
 * @rule TUNA-20
 */
export function messagesOver(stream: Connection, options: MessagesOptions = {}): Connection {
  checkOptions('messagesOver', OPTIONS, options);
  checkOptions('messagesOver', having('a connection', 'send', 'write', 'close'), stream);
  const { messageBytesMax = 1 << 20 } = options;
  if (stream.boundaries !== 'stream')
    throw new SessionError('bad-option', `${stream.protocol} carries messages by itself; expected a protocol with a byte stream`);
  return new Messages(stream, messageBytesMax);
}

const OPTIONS = members({ messageBytesMax: optional(count) });
const LENGTH_BYTES = 4;
/** In the place of a length: the message was longer than the bound, and these are the last bytes from its receiver. */
const TOO_LONG = Uint8Array.of(0xff, 0xff, 0xff, 0xfe);
/** How long these last bytes may take before the session ends without them. Chosen without measurement. */
const LAST_WORD_MS = 2000;
const HEAD = {
  headBytes: LENGTH_BYTES,
  frameBytes: (bytes: Uint8Array, at: number): number =>
    LENGTH_BYTES + bytes[at]! * 2 ** 24 + ((bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!),
};

class Messages implements Connection {
  readonly boundaries = 'message';
  readonly closed: Promise<Closing>;
  readonly #framer: Framer;
  /** A message above the bound has arrived (`remote`), or the peer reported one from this side (`local`). */
  #violatedBy: 'local' | 'remote' | undefined;
  #onMessage: ((message: Uint8Array) => void) | undefined;
  #isIterated = false;

  constructor(
    readonly stream: Connection,
    readonly messageBytesMax: number,
  ) {
    this.#framer = new Framer(HEAD, LENGTH_BYTES + messageBytesMax);
    this.closed = stream.closed.then((end) => (this.#violatedBy === undefined ? end : this.#violation(end, this.#violatedBy)));
    unlisted(this);
  }

  get id(): string {
    return this.stream.id;
  }
  get protocol(): string {
    return this.stream.protocol;
  }
  get peer(): string {
    return this.stream.peer;
  }
  get role(): 'dialer' | 'acceptor' {
    return this.stream.role;
  }
  get remoteAddress(): string | undefined {
    return this.stream.remoteAddress;
  }
  get state(): ApiState {
    return this.stream.state;
  }
  get isClosing(): boolean {
    return this.stream.isClosing;
  }
  /**
   * The former name of `isClosing`.
   * @deprecated Since 0.1.0.
   */
  get isParting(): boolean {
    return this.isClosing;
  }
  get states(): AsyncIterable<ApiState> {
    return this.stream.states;
  }

  get onMessage(): ((message: Uint8Array) => void) | undefined {
    return this.#onMessage;
  }
  set onMessage(handler: ((message: Uint8Array) => void) | undefined) {
    if (handler !== undefined && this.#isIterated)
      throw new SessionError('two-readers', 'messages are already read by an iterator');
    this.#onMessage = handler;
    if (handler === undefined) {
      this.stream.onMessage = undefined;
      return;
    }
    this.#deliver();
    if (this.#onMessage !== undefined) this.stream.onMessage = (bytes) => this.#receive(bytes);
  }

  write(message: Uint8Array): boolean {
    return this.stream.write(this.#framed(message));
  }
  send(message: Uint8Array, options?: SendOptions): Promise<void> {
    try {
      return this.stream.send(this.#framed(message), options);
    } catch (error) {
      return Promise.reject(error as Error);
    }
  }
  drained(): Promise<void> {
    return this.stream.drained();
  }
  async close(options?: { now?: boolean }): Promise<Closing> {
    await this.stream.close(options);
    return this.closed;
  }
  stats(): Readonly<Record<string, number>> {
    return this.stream.stats();
  }
  toJSON(): object {
    return this.stream.toJSON();
  }

  [Symbol.asyncIterator](): AsyncIterator<Uint8Array> {
    if (this.#onMessage !== undefined || this.#isIterated)
      throw new SessionError(
        'two-readers',
        'the messages of this connection are already read by another reader; use one reader per connection',
      );
    const pieces = this.stream[Symbol.asyncIterator]();
    this.#isIterated = true;
    let isOver = false;
    return {
      next: async () => {
        for (;;) {
          if (isOver) return { done: true, value: undefined };
          const message = this.#take();
          if (message !== undefined) return { done: false, value: message };
          const piece = await pieces.next().catch(unlessCut); // `closed` states below how it ended.
          if (piece === undefined || piece.done === true) {
            const closing = await this.closed;
            if (isOrderly(closing)) return { done: true, value: undefined };
            throw cutBy(closing);
          }
          this.#framer.push(piece.value, false);
        }
      },
      return: async () => {
        if (!isOver) this.#isIterated = false;
        isOver = true;
        await pieces.return?.();
        return { done: true, value: undefined };
      },
    };
  }

  #framed(message: Uint8Array): Uint8Array {
    const length = messageBytes(message);
    if (length > this.messageBytesMax)
      throw new SessionError('too-large', `a message of ${length} bytes is above the ${this.messageBytesMax} that are allowed`);
    const frame = new Uint8Array(LENGTH_BYTES + length);
    new DataView(frame.buffer).setUint32(0, length);
    frame.set(message, LENGTH_BYTES);
    return frame;
  }

  #receive(bytes: Uint8Array): void {
    this.#framer.push(bytes, false);
    this.#deliver();
  }

  /** Rethrows errors of the handler in a microtask: they must not cost the messages behind them. */
  #deliver(): void {
    for (let message; this.#onMessage !== undefined && (message = this.#take()) !== undefined;) {
      try {
        this.#onMessage(message);
      } catch (error) {
        queueMicrotask(() => {
          throw error;
        });
      }
    }
  }

  /** The next whole message; undefined: more bytes are needed. */
  #take(): Uint8Array | undefined {
    if (this.#violatedBy !== undefined) return undefined;
    const framed = this.#framer.poll();
    if (framed === 'frame') return this.#framer.bytes.subarray(this.#framer.start + LENGTH_BYTES, this.#framer.end);
    if (framed === 'oversized') {
      const { bytes, start } = this.#framer;
      const isToldSo = TOO_LONG.every((byte, i) => bytes[start + i] === byte);
      this.#violatedBy = isToldSo ? 'local' : 'remote';
      this.#framer.reset();
      if (isToldSo) void this.stream.close({ now: true });
      else void this.#sayTooLong();
    }
    return undefined;
  }

  /** Sends the reason behind earlier writes, then ends the session. Does not wait for a sender that doesn't read. */
  async #sayTooLong(): Promise<void> {
    let timer: unknown;
    const late = new Promise<void>((resolve) => (timer = ports.clock.setTimeout(resolve, LAST_WORD_MS)));
    await Promise.race([this.stream.send(TOO_LONG).catch(() => {}), late]);
    ports.clock.clearTimeout(timer);
    await this.stream.close({ now: true });
  }

  #violation({ detail }: Closing, by: 'local' | 'remote'): Closing {
    const message = by === 'remote' ? `a message above ${this.messageBytesMax} bytes` : 'a message longer than the peer takes';
    return closing('violated', by, { ...detail, rule: 'TUNA-20', message });
  }
}

/** Ignores the end of the stream, which is the end of the messages too; rethrows any other error to the caller. */
function unlessCut(error: unknown): undefined {
  if (!(error instanceof SessionError) || error.code !== 'closed') throw error;
}
