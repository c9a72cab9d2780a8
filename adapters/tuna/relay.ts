import { ports } from '#platform';
import { callback } from '../../machines/callbacks.js';
import type { AddressReply } from '../../machines/tuna/tuna.addresses.js';
import {
  putReply,
  putRequest,
  readReply,
  readRequest,
  replyOf,
  SharedQuery,
  type AddressResponder,
  type AddressQuery,
  type Timers,
} from './addresses.js';
import { amount, anything, callable, checkOptions, members, numeric, optional, text } from '../options.js';

/** The parts of a relay message that are used here. */
export interface RelayMessage {
  /** The sender's NKN address, which the relay has verified. */
  readonly src: string;
  readonly payload: Uint8Array | string;
}

/**
 * The required interface of a client of NKN's relays: the `MultiClient` of `nkn-sdk` has it. It is handed in, so that programs
 * without NKN need not install it.
 */
export interface RelayClient {
  /** Resolves with the answer; rejects when there is none in the client's own time. */
  send(destination: string, data: Uint8Array): Promise<unknown>;
  /** The handler returns bytes to answer, `false` to say nothing at all, or `undefined` where others may: `nkn-sdk` acknowledges then. */
  onMessage(handler: (message: RelayMessage) => Uint8Array | false | undefined): void;
}

/** How often and how long to ask. The defaults are nkn-tuna-session's. */
export interface RelayOptions {
  /** The question is sent so many times; the first answer counts. Default 3. */
  readonly attempts?: number;
  /** Between them. Default 3 s. */
  readonly intervalMs?: number;
  /** Without an answer to the last of them for so long, there is none. Default 5 s, as long as `nkn-sdk` waits. */
  readonly timeoutMs?: number;
  /** Of the addresses in the answer. Default `tcp`. */
  readonly scheme?: string;
  readonly clock?: Timers;
}

const RELAY = members({
  attempts: optional(numeric('a whole number of at least 1', (n) => Number.isSafeInteger(n) && n >= 1)),
  intervalMs: optional(amount),
  timeoutMs: optional(amount),
  scheme: optional(text),
  clock: optional(anything),
});

/** Addresses asked for by messages over NKN's relays, as nkn-tuna-session does. @rule TUNA-21 */
export function relayAddresses(client: Pick<RelayClient, 'send'>, options: RelayOptions = {}): AddressQuery {
  checkOptions('relayAddresses', RELAY, options);
  const { attempts = 3, intervalMs = 3000, timeoutMs = 5000, scheme = 'tcp', clock = ports.clock } = options;
  return new SharedQuery((peer, session, answer) => {
    let left = attempts;
    let timer: unknown;
    let isOver = false;
    const finish = (reply: AddressReply): void => {
      if (isOver) return;
      stop();
      answer(reply);
    };
    const stop = (): void => {
      isOver = true;
      clock.clearTimeout(timer);
    };
    const ask = (): void => {
      left--;
      // A failure is one of this attempt alone; the timer knows when it was the last.
      attempt(client, peer, putRequest(session)).then(
        (data) => {
          if (data instanceof Uint8Array || typeof data === 'string') finish(readReply(data, scheme));
        },
        () => {},
      );
      timer = left > 0 ? clock.setTimeout(ask, intervalMs) : clock.setTimeout(() => finish({ word: 'no-answer' }), timeoutMs);
    };
    ask();
    return stop;
  });
}

/** A client that throws has failed as well. */
async function attempt(client: Pick<RelayClient, 'send'>, peer: string, request: Uint8Array): Promise<unknown> {
  return client.send(peer, request);
}

/**
 * Answers such questions. The result ends it: the client itself can't forget a handler. An asker that `accepts` refuses gets no
 * sign of life, not even the acknowledgement that `nkn-sdk` sends by default; nor does one without an answer here. Other
 * messages are left to the other handlers of the same client.
 * @rule TUNA-21
 */
export function answerRelay(
  client: Pick<RelayClient, 'onMessage'>,
  responder: AddressResponder,
  options: { readonly accepts?: (address: string) => boolean } = {},
): () => void {
  checkOptions('answerRelay', members({ accepts: optional(callable) }), options);
  const { accepts = () => true } = options;
  let isOver = false;
  client.onMessage(({ src, payload }) => {
    const request = isOver ? undefined : readRequest(payload);
    if (request === undefined) return undefined;
    if (callback<unknown>(ports, 'accepts', () => accepts(src)) !== true) return false;
    const { session } = request;
    const asked = session === undefined ? { from: src } : { from: src, session };
    const reply = replyOf(callback(ports, 'responder.reply', () => responder.reply(asked)));
    return reply.word === 'no-answer' ? false : putReply(reply);
  });
  return () => {
    isOver = true;
  };
}
