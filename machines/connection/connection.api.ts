import type { Closing } from '../closing.js';
import type { ApiState } from './api-state.js';

/** Whether a message may be kept as it is. */
export interface WriteOptions {
  /**
   * Default true: the bytes are copied, and the caller may change them at once. False: they may be kept and read until the message is
   * acknowledged, or the connection has ended, and must not change until then: a change would be sent, also in place of what was sent
   * before. Resume spares the copy of messages of 256 bytes and more so, which
   * pays from about 16 KiB on; below, a copy is faster. Other protocols copy anyway.
   */
  readonly copy?: boolean;
}

/** How to call the waiting of a `send` off. */
export interface SendOptions extends WriteOptions {
  /** Gives up waiting for room; what was accepted can't be taken back. Rejects `aborted`, with the signal's reason as `cause`. */
  readonly signal?: AbortSignal;
}

/**
 * A connection, as an application holds it: one session, from its first attempt to its closing.
 *
 * `for await (const message of connection)` gives each message once and in order. After the last one the loop ends where the connection
 * ended in order (`closed`, `peer-goodbye`, `shutdown`, `drained`). After any other ending it throws `SessionError` `closed`, whose
 * `cause` is the closing: messages may be missing.
 */
export interface Connection<Message = Uint8Array> extends AsyncIterable<Message> {
  /**
   * Names this session in logs and events, such as `resume 5f0c2e9a71d3.4`: no other has this id, here, at the peer or after a restart.
   * `engine.actor.system.get(id)` is its actor while it lasts, `engine.connection(id)` leads back.
   */
  readonly id: string;
  readonly protocol: string;
  /** Messages arrive each as it was sent, or as bytes in arbitrary chunks (`messagesOver` of `holdfast/adapters/messages`). */
  readonly boundaries: 'message' | 'stream';
  /** The peer's proven identity or its address, whichever is known. */
  readonly peer: string;
  readonly role: 'dialer' | 'acceptor';
  /** Where the peer is at the moment, e.g. `127.0.0.1:7000`; undefined while there is no wire. */
  readonly remoteAddress: string | undefined;
  readonly state: ApiState;
  /** One side has begun to close, or the connection is over: later writes are not delivered. */
  readonly isClosing: boolean;
  /**
   * The former name of `isClosing`.
   * @deprecated Since 0.1.0.
   */
  readonly isParting: boolean;
  /** Every change of state, in order, each once; begins with the current one and ends with the connection. */
  readonly states: AsyncIterable<ApiState>;
  /** Resolves, always, with how it ended. */
  readonly closed: Promise<Closing>;
  /** Called for each message in order. The message belongs to the receiver. Throws `two-readers` while an iterator reads. */
  onMessage: ((message: Message) => void) | undefined;
  /** Settles once: acknowledged (handed over, where the protocol has no acknowledgement), or rejects `UndeliveredError`. */
  send(message: Message, options?: SendOptions): Promise<void>;
  /** The same path without a promise. False: accepted, but wait for `drained()`. Throws `SessionError` at the hard bound. */
  write(message: Message, options?: WriteOptions): boolean;
  /** Resolves when there is room again, or when the connection ends. */
  drained(): Promise<void>;
  /** Drains, says goodbye and resolves with the closing; `now` doesn't drain. Safe to call twice. */
  close(options?: { now?: boolean }): Promise<Closing>;
  stats(): Readonly<Record<string, number>>;
  toJSON(): object;
}

declare module '../closing.js' {
  interface ClosingDetail {
    /**
     * The connection that follows, as `engine.connection(successorId)` gives it.
     * @deprecated Since 0.1.0: a closing is plain data. This property is not enumerable, so copies and JSON don't have it.
     */
    readonly successor?: Connection;
  }
}
