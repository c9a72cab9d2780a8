import { ports } from '#platform';
import { toHex } from '../bytes.js';
import { amount, anything, callable, checkOptions, members, optional, text } from '../options.js';
import { callback, wordsOf } from '../../machines/callbacks.js';
import type { Engine } from '../../machines/engine.js';
import { SessionError } from '../../machines/errors.js';
import type { Clock } from '../../machines/ports.js';
import type { AddressReply } from '../../machines/tuna/tuna.addresses.js';
import { TUNA_LIMITS } from '../../machines/tuna/tuna.timing.js';
import type { AddressResponder, AddressRequest } from './addresses.js';
import { links, retries } from './options.js';
import { nknAddress } from './sealing.js';
import { unlisted } from '../../machines/unlisted.js';

/** A way in from outside to one listener. nkn-tuna-session rents one from a Tuna node and calls it a reverse entry. */
export interface TunaExit {
  /** Where dialers reach the listener through it; undefined: nowhere at the moment. */
  readonly publicAddress: string | undefined;
  /** Resolves, always, when it is gone for good: another one is made then. */
  readonly closed: Promise<unknown>;
  close(): Promise<void>;
}

/** Makes the exit of listener `index`, which is bound at `listener`. Rejects where there is none to be had; it is tried again. */
export type NewTunaExit = (index: number, listener: string) => Promise<TunaExit>;

/**
 * The listeners are public themselves.
 *
 * @param host what dialers know this machine by. Default: where the listener is bound, which is right where that is no wildcard
 */
export function directExit(options: { readonly host?: string } = {}): NewTunaExit {
  checkOptions('directExit', members({ host: optional(text) }), options);
  const { host } = options;
  return (_index, listener) => {
    const publicAddress =
      host === undefined ? listener : listener.replace(/\/\/(\[[^\]]*\]|[^:/]+)/, () => `//${bracketed(host)}`);
    let end!: () => void;
    const closed = new Promise<void>((resolve) => (end = resolve));
    const close = (): Promise<void> => {
      end();
      return closed;
    };
    return Promise.resolve({ publicAddress, closed, close });
  };
}

function bracketed(host: string): string {
  return host.includes(':') && !host.startsWith('[') ? `[${host}]` : host;
}

/** How a side that listens is reached. Names and defaults are nkn-tuna-session's, but for the retries. */
export interface TunaListenerOptions {
  /** Listeners, each with an exit of its own; dialers have as many links. Default: as many as `tuna` was given, at most 15. */
  readonly numTunaListeners?: number;
  /** Where each of them listens. Default `tcp://127.0.0.1:0`, for exits that come in by loopback. */
  readonly listenAt?: (index: number) => string;
  /** Default: `directExit()`. */
  readonly newTunaExit?: NewTunaExit;
  /** Between a loss, or an attempt in vain, and the next attempt. Default 2 s. */
  readonly reconnectIntervalMs?: number;
  /** Attempts in a row for one exit; negative: unlimited, which is the default. The original makes none. */
  readonly reconnectRetries?: number;
  /** Called when an exit could not be made, with the reason, or when one is gone. */
  readonly onLost?: (index: number, why: Error | undefined) => void;
  readonly clock?: Pick<Clock, 'now' | 'setTimeout' | 'clearTimeout'>;
}

/** How long an exit may take to be had: renting one takes seconds. Chosen without measurement. */
const EXIT_MS = 60_000;
/** How long the original says of a session that it has ended. */
const REMEMBERED_MS = 300_000;
/** Sessions that have ended; beyond it the oldest are forgotten. */
const REMEMBERED_MAX = 10_000;

/**
 * The listening side of Tuna: listeners of an engine, an exit for each, and the answers to questions for their addresses. When a
 * listener or an exit is gone, another one is made for the same number, and dialers that ask anew find it. Stateful; it ends with `close`,
 * and leaves the listeners to the engine, which has no way to give up one alone.
 * @rule TUNA-23
 */
export class TunaListener implements AddressResponder {
  readonly #exits: (TunaExit | undefined)[];
  readonly #bound: (string | undefined)[];
  readonly #ended = new Map<string, number>(); // Sessions, and until when they are remembered.
  readonly #clock: NonNullable<TunaListenerOptions['clock']>;
  readonly #pauses = new Set<() => void>();
  readonly #off: () => void;
  #isClosed = false;
  #work: Promise<unknown> = Promise.resolve();

  private constructor(
    readonly engine: Engine,
    readonly options: Required<
      Pick<TunaListenerOptions, 'numTunaListeners' | 'listenAt' | 'newTunaExit' | 'reconnectIntervalMs'>
    > &
      TunaListenerOptions,
  ) {
    const { numTunaListeners, clock = ports.clock } = options;
    this.#clock = clock;
    this.#exits = new Array<undefined>(numTunaListeners).fill(undefined);
    this.#bound = new Array<undefined>(numTunaListeners).fill(undefined);
    this.#off = engine.on((event) => {
      if (event.type === 'closing') this.#remember(event.id);
      if (event.type === 'listen-failed') this.#checkListeners();
    });
    unlisted(this);
  }

  toJSON(): object {
    return { addresses: this.addresses.map((address) => address ?? null) };
  }

  /**
   * Resolves as soon as there is one exit; the others follow. Rejects when there is none to be had.
   *
   * @param engine started, and speaking `tuna`
   * @throws SessionError `bad-option` for options that can't be right
   */
  static async listen(engine: Engine, options: TunaListenerOptions = {}): Promise<TunaListener> {
    checkOptions('TunaListener', OPTIONS, options);
    const listener = new TunaListener(engine, {
      numTunaListeners: linksOf(engine),
      listenAt: () => 'tcp://127.0.0.1:0',
      newTunaExit: directExit(),
      reconnectIntervalMs: 2000,
      ...options,
    });
    let failure: Error | undefined;
    await new Promise<void>((resolve) => {
      const kept = listener.#exits.map((_, index) =>
        listener.#keep(index, resolve).catch((error: Error) => {
          failure ??= error;
        }),
      );
      listener.#work = Promise.all(kept).then(() => resolve());
    });
    if (listener.addresses.some((address) => address !== undefined)) return listener;
    await listener.close();
    throw failure ?? new SessionError('closed', 'the listener was closed before it had an exit');
  }

  /** Where dialers find each link; undefined: nowhere at the moment. */
  get addresses(): readonly (string | undefined)[] {
    return this.#exits.map((exit) => exit?.publicAddress);
  }

  /** The answer to a question. A session that ended less than 5 minutes ago is reported as closed. */
  reply({ from, session }: AddressRequest): AddressReply {
    const until = session === undefined ? undefined : this.#ended.get(`${nknAddress(from) ?? from}:${toHex(session)}`);
    if (until !== undefined && until > this.#clock.now()) return { word: 'session-closed' };
    return { word: 'addresses', addresses: this.addresses };
  }

  /** Gives the exits up. Resolves when nothing is under way any more; sessions go on. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#off();
    for (const wake of [...this.#pauses]) wake();
    await Promise.all(this.#exits.flatMap((exit) => exit?.close() ?? []));
    await this.#work;
  }

  /** One number: its listener and its exit, again and again. Rejects with the last failure when the attempts are used up. */
  async #keep(index: number, connected: () => void): Promise<void> {
    const { listenAt, newTunaExit, reconnectIntervalMs, reconnectRetries = -1, onLost } = this.options;
    for (let attempts = 0; !this.#isClosed;) {
      let why: Error | undefined;
      try {
        const bound = (this.#bound[index] ??= await this.engine.listen(listenAt(index)));
        const exit = await this.#inTime(newTunaExit(index, bound));
        if (this.#isClosed) return void (await exit.close());
        this.#exits[index] = exit;
        attempts = 0;
        connected();
        await exit.closed;
      } catch (error) {
        why = error instanceof Error ? error : new Error(String(error));
      }
      this.#exits[index] = undefined;
      if (this.#isClosed) return;
      if (onLost !== undefined) callback(ports, 'onLost', () => onLost(index, why));
      if (reconnectRetries >= 0 && attempts++ >= reconnectRetries) throw why ?? new Error(`exit ${index} is gone`);
      await this.#pause(reconnectIntervalMs);
    }
  }

  /** An exit that takes longer than `EXIT_MS` is given up and asked for again; should it come after all, it is closed. */
  #inTime(asked: TunaExit | Promise<TunaExit>): Promise<TunaExit> {
    return new Promise((resolve, reject) => {
      let isLate = false;
      const timer = this.#clock.setTimeout(() => {
        isLate = true;
        reject(new Error(`newTunaExit has not answered within ${EXIT_MS / 1000} s`));
      }, EXIT_MS);
      Promise.resolve(asked).then(
        (exit) => {
          this.#clock.clearTimeout(timer);
          if (isLate) void callback(ports, 'exit.close', () => exit.close());
          else resolve(exit);
        },
        (error: unknown) => {
          this.#clock.clearTimeout(timer);
          reject(error instanceof Error ? error : new Error(wordsOf(error)));
        },
      );
    });
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const wake = (): void => {
        this.#clock.clearTimeout(timer);
        this.#pauses.delete(wake);
        resolve();
      };
      const timer = this.#clock.setTimeout(wake, ms);
      this.#pauses.add(wake);
    });
  }

  /** A listener that has failed after it was bound takes its exit with it. */
  #checkListeners(): void {
    this.#bound.forEach((bound, index) => {
      if (bound === undefined || this.engine.addresses.includes(bound)) return;
      this.#bound[index] = undefined;
      void this.#exits[index]?.close();
    });
  }

  #remember(id: string): void {
    const name = /^tuna \S+ (\S+:[0-9a-f]{16})$/.exec(id)?.[1];
    if (name === undefined) return; // Another protocol's.
    const now = this.#clock.now();
    this.#ended.delete(name);
    this.#ended.set(name, now + REMEMBERED_MS);
    for (const [oldest, until] of this.#ended) {
      if (until > now && this.#ended.size <= REMEMBERED_MAX) break;
      this.#ended.delete(oldest);
    }
  }
}

/** Set once, with the protocol. */
function linksOf(engine: Engine): number {
  const protocol = engine.options.protocols.find(({ name }) => name === 'tuna') as
    { readonly numTunaListeners?: number } | undefined;
  return protocol?.numTunaListeners ?? TUNA_LIMITS.numTunaListeners;
}

const OPTIONS = members({
  numTunaListeners: optional(links),
  listenAt: optional(callable),
  newTunaExit: optional(callable),
  reconnectIntervalMs: optional(amount),
  reconnectRetries: optional(retries),
  onLost: optional(callable),
  clock: anything,
});
