import { ports } from '#platform';
import { callback, reportCallback } from '../../machines/callbacks.js';
import { toHex } from '../bytes.js';
import type { Clock, Resolver } from '../../machines/ports.js';
import type { AddressReply } from '../../machines/tuna/tuna.addresses.js';
import { checkOptions, having } from '../options.js';
import { SessionError } from '../../machines/errors.js';

/**
 * Asks a peer where it can be dialed; `session` is undefined before there is one. The returned function stops asking; there is no
 * answer then.
 */
export interface AddressQuery {
  query(peer: string, session: Uint8Array | undefined, answer: (reply: AddressReply) => void): () => void;
}

/** A question for addresses: the asker's address, the wanted peer, and the session, if any. */
export interface AddressRequest {
  readonly from: string;
  readonly to?: string;
  readonly session?: Uint8Array;
}

/** The side that is asked. `no-answer` says nothing. */
export interface AddressResponder {
  reply(request: AddressRequest): AddressReply;
}

/** The timers that queries need. */
export type Timers = Pick<Clock, 'setTimeout' | 'clearTimeout'>;

/** Addresses by link: the same for every peer, or by the peer's address. `undefined` in a list: none at the moment. */
export type StaticAddresses =
  | readonly (string | undefined)[]
  | Readonly<Record<string, readonly (string | undefined)[]>>
  | ((peer: string) => readonly (string | undefined)[] | undefined);

/** Addresses that are known beforehand, or looked up in memory. Links whose peer is not in the book get `no-answer`. */
export function staticAddresses(book: StaticAddresses): AddressQuery {
  if (typeof book !== 'function' && (typeof book !== 'object' || book === null))
    throw new SessionError(
      'bad-option',
      `staticAddresses: expected a list, an object of lists, or a function, got ${String(book)}`,
    );
  const find = (peer: string): readonly (string | undefined)[] | undefined => {
    if (typeof book === 'function') return book(peer);
    return isList(book) ? book : Object.hasOwn(book, peer) ? book[peer] : undefined;
  };
  return {
    query(peer, _session, answer) {
      const addresses = typeof book === 'function' ? callback(ports, 'staticAddresses', () => find(peer)) : find(peer);
      answer(addresses === undefined ? { word: 'no-answer' } : replyOf({ word: 'addresses', addresses }));
      return () => {};
    },
  };
}

/**
 * Guards a query of the application: one answer, in one of the three forms, within `QUERY_MS`. A query that throws, returns
 * anything else or stays silent counts as `no-answer`, and is asked again when the address is needed.
 */
export function bounded(query: AddressQuery, clock: Timers = ports.clock): AddressQuery {
  return {
    query(peer, session, answer) {
      let isOver = false;
      const finish = (reply: unknown): void => {
        if (isOver) return;
        isOver = true;
        clock.clearTimeout(timer);
        answer(replyOf(reply));
      };
      const timer = clock.setTimeout(() => {
        finish(undefined);
        leave();
      }, QUERY_MS);
      let stop: unknown;
      const leave = (): void =>
        void callback(ports, 'addresses.query', () => typeof stop === 'function' && (stop as () => void)());
      try {
        stop = query.query(peer, session, finish);
      } catch (error) {
        reportCallback(ports, 'addresses.query', error);
        finish(undefined);
      }
      return () => {
        if (isOver) return;
        isOver = true;
        clock.clearTimeout(timer);
        leave();
      };
    },
  };
}

/** Longer than any query here: three questions 3 s apart, and 5 s more. */
const QUERY_MS = 30_000;

/** Always one of the three words: a value that is no address counts as none, a value that is no answer as `no-answer`. */
export function replyOf(reply: unknown): AddressReply {
  try {
    const { word, addresses } = (reply ?? {}) as { readonly word?: unknown; readonly addresses?: unknown };
    if (word === 'session-closed') return { word };
    if (word !== 'addresses' || !Array.isArray(addresses)) return { word: 'no-answer' };
    return { word, addresses: Array.from(addresses, (each: unknown) => (typeof each === 'string' ? each : undefined)) };
  } catch {
    return { word: 'no-answer' }; // Reading it ran the application's code.
  }
}

function isList(book: object): book is readonly (string | undefined)[] {
  return Array.isArray(book);
}

/**
 * For the `resolver` of an engine: `connect` takes the peer's address alone, and the first link gets its address by the same
 * query as the others do later. It gets the address of link 0, or the first in the list: link and listener have the same number.
 */
export function resolverOf(query: AddressQuery): Resolver {
  checkOptions('resolverOf', having('an address query, e.g. staticAddresses()', 'query'), query);
  return {
    resolve: (peer, found) =>
      bounded(query).query(peer, undefined, (reply) => {
        if (reply.word !== 'addresses') return found([], reply.word === 'no-answer' ? `${peer} does not answer` : SESSION_CLOSED);
        const first = reply.addresses.find((address) => address !== undefined);
        found(first === undefined ? [] : [first], `${peer} has no public address at the moment`);
      }),
  };
}

const SESSION_CLOSED = 'the peer says that there is no such session any more';

/** Links that ask the same at the same time share one question. */
export class SharedQuery implements AddressQuery {
  readonly #underWay = new Map<string, { readonly answers: Set<(reply: AddressReply) => void>; stop: () => void }>();

  constructor(readonly ask: AddressQuery['query']) {}

  query(peer: string, session: Uint8Array | undefined, answer: (reply: AddressReply) => void): () => void {
    const key = `${peer}:${session === undefined ? '' : toHex(session)}`;
    const told = (reply: AddressReply): void => answer(reply); // The same function may ask twice.
    let asked = this.#underWay.get(key);
    if (asked === undefined) {
      const begun = { answers: new Set<typeof told>(), stop: (): void => {} };
      this.#underWay.set(key, (asked = begun));
      asked.answers.add(told);
      let isOver = false;
      const stop = this.ask(peer, session, (reply) => {
        if (isOver) return;
        isOver = true;
        if (this.#underWay.get(key) === begun) this.#underWay.delete(key);
        for (const each of [...begun.answers]) each(reply);
      });
      asked.stop = stop;
      if (isOver) return () => {};
    } else asked.answers.add(told);
    const { answers } = asked;
    return () => {
      const mine = this.#underWay.get(key);
      if (!answers.delete(told) || answers.size > 0 || mine?.answers !== answers) return;
      this.#underWay.delete(key);
      mine.stop();
    };
  }
}

// The words, in JSON, as nkn-tuna-session has them (`spec/rules/tuna.md`).

/** The maximum number of addresses in one answer; further ones are cut off. */
const ADDRESSES_MAX = 64;
/** Longer bodies are not parsed. */
const BODY_BYTES_MAX = 64 << 10;

const ACTION = 'getPubAddr';

/** The body of a question. @rule TUNA-21 */
export function putRequest(session: Uint8Array | undefined, more: object = {}): Uint8Array {
  const sessionID = session === undefined ? null : btoa(String.fromCharCode(...session));
  return new TextEncoder().encode(JSON.stringify({ ...more, action: ACTION, sessionID }));
}

/** A question, or undefined: something else. Fields beside it are in `body`. */
export function readRequest(
  bytes: Uint8Array | string,
): { readonly session: Uint8Array | undefined; readonly body: Readonly<Record<string, unknown>> } | undefined {
  const body = parsed(bytes);
  const { action, sessionID } = body ?? {};
  if (body === undefined || typeof action !== 'string' || action.toLowerCase() !== ACTION.toLowerCase()) return undefined;
  if (sessionID === null || sessionID === undefined) return { session: undefined, body };
  if (typeof sessionID !== 'string' || sessionID.length > 64) return undefined;
  try {
    return { session: Uint8Array.from(atob(sessionID), (c) => c.charCodeAt(0)), body };
  } catch {
    return undefined;
  }
}

/** The body of an answer. An address that is not of this form counts as none. */
export function putReply(reply: AddressReply, more: object = {}): Uint8Array {
  const addrs = reply.word === 'addresses' ? reply.addresses.map((address) => spotOf(address) ?? { ip: '', port: 0 }) : null;
  return new TextEncoder().encode(JSON.stringify({ ...more, addrs, sessionClosed: reply.word === 'session-closed' }));
}

/** An answer; anything else is `no-answer`. `scheme` is put before its addresses. */
export function readReply(bytes: Uint8Array | string, scheme: string): AddressReply {
  const { addrs, sessionClosed } = parsed(bytes) ?? {};
  if (sessionClosed === true) return { word: 'session-closed' };
  if (!Array.isArray(addrs)) return { word: 'no-answer' };
  return { word: 'addresses', addresses: addrs.slice(0, ADDRESSES_MAX).map((each) => addressOf(each, scheme)) };
}

/** A JSON object with any members. */
export function parsed(bytes: Uint8Array | string): Readonly<Record<string, unknown>> | undefined {
  if (bytes.length > BODY_BYTES_MAX) return undefined;
  try {
    const body: unknown = JSON.parse(typeof bytes === 'string' ? bytes : new TextDecoder().decode(bytes));
    return typeof body === 'object' && body !== null && !Array.isArray(body) ? (body as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

function addressOf(each: unknown, scheme: string): string | undefined {
  if (typeof each !== 'object' || each === null) return undefined;
  const { ip, port } = each as { ip?: unknown; port?: unknown };
  if (typeof ip !== 'string' || !/^[\w.:-]{1,255}$/.test(ip)) return undefined;
  if (!Number.isInteger(port) || Number(port) < 1 || Number(port) > 65_535) return undefined;
  return `${scheme}://${ip.includes(':') ? `[${ip}]` : ip}:${Number(port)}`;
}

function spotOf(address: string | undefined): { ip: string; port: number } | undefined {
  const [, ip, bare, port] = /^[a-z+.-]+:\/\/(?:\[([^\]]+)\]|([^:/]+)):(\d+)/i.exec(address ?? '') ?? [];
  return port === undefined ? undefined : { ip: (ip ?? bare)!, port: Number(port) };
}
