import { ports } from '#platform';
import { callback } from '../../machines/callbacks.js';
import type { Connection } from '../../machines/connection/connection-handle.js';
import { SessionError } from '../../machines/errors.js';
import type { AddressReply } from '../../machines/tuna/tuna.addresses.js';
import { messagesOver } from '../messages.js';
import {
  parsed,
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
import { amount, anything, checkOptions, having, members, optional, text } from '../options.js';

/** The asker's name, and the timeout. */
export interface AskingOptions {
  /** The own address, by which the peer knows the session. Default: that of sessions without keys. */
  readonly from?: string;
  /** Default 10 s, chosen without measurement. */
  readonly timeoutMs?: number;
  /** Of the addresses in the answer. Default `tcp`. */
  readonly scheme?: string;
  readonly clock?: Timers;
}

const ASKING = members({ from: optional(text), timeoutMs: optional(amount), scheme: optional(text), clock: optional(anything) });

/** Questions without an answer; further ones get `no-answer` at once. */
const QUESTIONS_MAX = 256;

/**
 * Asks for addresses over a connection of any protocol, which the query owns from here on. The other end, the peer itself or a
 * directory, has called `answerAddresses`. Ends with the connection: later questions get `no-answer`.
 * @rule TUNA-22
 */
export function addressesOver(given: Connection, options: AskingOptions = {}): AddressQuery {
  checkOptions('addressesOver', ASKING, options);
  checkOptions('addressesOver', having('a connection', 'send', 'write', 'close'), given);
  const { from = 'holdfast', timeoutMs = 10_000, scheme = 'tcp', clock = ports.clock } = options;
  const connection = whole(given);
  const waiting = new Map<number, (reply: AddressReply) => void>();
  let next = 1;
  let isOver = false;
  connection.onMessage = (message) => {
    const id = parsed(message)?.['id'];
    if (typeof id === 'number') waiting.get(id)?.(readReply(message, scheme));
  };
  void connection.closed.then(() => {
    isOver = true;
    for (const answer of [...waiting.values()]) answer({ word: 'no-answer' });
  });
  return new SharedQuery((peer, session, answer) => {
    const id = next++;
    if (isOver || waiting.size >= QUESTIONS_MAX || !said(connection, putRequest(session, { id, from, to: peer }))) {
      answer({ word: 'no-answer' });
      return () => {};
    }
    const stop = (): void => {
      waiting.delete(id);
      clock.clearTimeout(timer);
    };
    const finish = (reply: AddressReply): void => {
      stop();
      answer(reply);
    };
    const timer = clock.setTimeout(() => finish({ word: 'no-answer' }), timeoutMs);
    waiting.set(id, finish);
    return stop;
  });
}

/** Answers such questions on a connection, which it owns from here on. Any other message on it is skipped. @rule TUNA-22 */
export function answerAddresses(given: Connection, responder: AddressResponder): void {
  const connection = whole(given);
  connection.onMessage = (message) => {
    const { session, body } = readRequest(message) ?? {};
    const { id, from, to } = body ?? {};
    if (typeof id !== 'number' || typeof from !== 'string') return;
    const request = { from, ...(typeof to === 'string' ? { to } : {}), ...(session === undefined ? {} : { session }) };
    said(connection, putReply(replyOf(callback(ports, 'responder.reply', () => responder.reply(request))), { id }));
  };
}

/** False: nothing can be sent at the moment. The asking side asks again. */
function said(connection: Connection, message: Uint8Array): boolean {
  try {
    connection.write(message);
    return true;
  } catch (error) {
    if (error instanceof SessionError) return false;
    throw error;
  }
}

function whole(connection: Connection): Connection {
  return connection.boundaries === 'stream' ? messagesOver(connection) : connection;
}
