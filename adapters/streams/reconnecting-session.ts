import { setTimeout as pause } from 'node:timers/promises';
import { callback } from '../../machines/callbacks.js';
import type { Closing } from '../../machines/closing.js';
import { ConnectError, type Engine } from '../../machines/engine.js';
import { abortedBy } from '../../machines/errors.js';
import { StreamSession, type CloseOptions } from './session.js';
import { unlisted } from '../../machines/unlisted.js';
import { callable, checkOptions, having, members, optional, text } from '../options.js';

/** The events of a kept session. */
export interface ReconnectingSessionEvents {
  /** An attempt has failed and is followed by others: there is no listener yet, or no network. */
  waiting?(closing: Closing): void;
  /** A session is open. The listener answers the peer's offers. */
  opened?(session: StreamSession): void;
  /** It has ended for good; another one follows. */
  ended?(closing: Closing): void;
}

const NEWS = members({ waiting: optional(callable), opened: optional(callable), ended: optional(callable) });

/** Between a peer's goodbye and the next attempt. Chosen without measurement. */
const COME_BACK_MS = 1000;

/** As long as a connection's own goodbye may take (`closeGraceMs`). */
const STOP_GRACE_MS = 3000;

/**
 * Keeps a stream session with the peer at one address: dials until the peer answers, and again after every ending that can
 * heal. A session without a link redials by itself. Stateful.
 */
export class ReconnectingSession {
  #session: StreamSession | undefined;
  #waiting: ((session: StreamSession) => void)[] = [];
  #stop = new AbortController();

  /** @throws SessionError `bad-option` for what is no engine or no address */
  constructor(
    readonly engine: Engine,
    readonly address: string,
    readonly news: ReconnectingSessionEvents = {},
  ) {
    checkOptions('ReconnectingSession.engine', having('an engine', 'connect', 'on'), engine);
    checkOptions('ReconnectingSession.address', text, address);
    checkOptions('ReconnectingSession.news', NEWS, news);
    unlisted(this);
  }

  toJSON(): object {
    return { address: this.address, isConnected: this.#session !== undefined };
  }

  /** The session of the moment. */
  get session(): StreamSession | undefined {
    return this.#session;
  }

  /** Resolves when there is a session. Rejects when `signal` is aborted. */
  opened(signal: AbortSignal): Promise<StreamSession> {
    if (this.#session !== undefined) return Promise.resolve(this.#session);
    return new Promise((resolve, reject) => {
      const come = (session: StreamSession): void => {
        signal.removeEventListener('abort', leave);
        resolve(session);
      };
      const leave = (): void => {
        this.#waiting = this.#waiting.filter((each) => each !== come);
        reject(abortedBy(signal, `there was no session with ${this.address} in time`));
      };
      signal.addEventListener('abort', leave, { once: true });
      if (signal.aborted) leave();
      else this.#waiting.push(come);
    });
  }

  /** Runs until `stop`. Rejects with `ConnectError` when the peer can't be had however often one asks. */
  async run(): Promise<void> {
    const { engine, address, news } = this;
    const told = (name: keyof ReconnectingSessionEvents, tell: () => void): void =>
      void callback(engine.ports, `reconnectingSession.${name}`, tell);
    const off = engine.on((event) => {
      if (event.type === 'closing' && this.#session === undefined && event.closing.retry)
        told('waiting', () => news.waiting?.(event.closing));
    });
    engine.peers.register(address);
    try {
      while (!this.#stop.signal.aborted) {
        const connection = await engine.connect(address, { reuse: true, signal: this.#stop.signal });
        const session = new StreamSession(connection);
        this.#session = session;
        told('opened', () => news.opened?.(session));
        for (const come of this.#waiting.splice(0)) come(session);
        const closing = await session.closed;
        this.#session = undefined;
        if (this.#stop.signal.aborted) return;
        if (!closing.retry && !COMES_BACK.includes(closing.code)) throw new ConnectError(closing, address);
        told('ended', () => news.ended?.(closing));
        if (!closing.retry) await pause(COME_BACK_MS, undefined, { signal: this.#stop.signal });
      }
    } catch (error) {
      if (!this.#stop.signal.aborted) throw error;
    } finally {
      off();
    }
  }

  /**
   * Stops redialing and closes the session as `StreamSession.close` does, but waits 3 s at most for what is on its way: a peer that died
   * without a goodbye would hold it up for the whole reconnect window. `graceMs` sets another bound.
   */
  async stop({ graceMs = STOP_GRACE_MS, ...options }: CloseOptions = {}): Promise<void> {
    this.#stop.abort();
    this.engine.peers.unregister(this.address);
    await this.#session?.close({ ...options, graceMs });
  }
}

/** Endings that concern one session: the next one may well live. */
const COMES_BACK: readonly Closing['code'][] = ['peer-goodbye', 'token-refused', 'replaced'];
