import { filter, from, map, Observable, type ObservableInput, type Subscriber } from 'rxjs';
import { checkOptionNames } from '../machines/arguments.js';
import { isOrderly, type Closing } from '../machines/closing.js';
import type { ApiState } from '../machines/connection/api-state.js';
import type { Engine } from '../machines/engine.js';
import { cutBy, SessionError } from '../machines/errors.js';
import type { Connection } from '../machines/connection/connection-handle.js';
import type { EngineEvent } from '../machines/hub/events.js';

/**
 * The events of an engine and of its connections as RxJS Observables. Each subscription listens on its own and stops listening
 * when it is unsubscribed. RxJS is an optional peer dependency of this subpath alone.
 *
 * @experimental
 */

/** Everything the engine reports from the subscription on, in order. Completes when `engine.shutdown()` is over. */
export function events(engine: Engine): Observable<EngineEvent> {
  return new Observable((subscriber) =>
    engine.on(
      (event) => subscriber.next(event),
      () => subscriber.complete(),
    ),
  );
}

/** The closings of connections and attempts of this engine. Completes when `engine.shutdown()` is over. */
export function closings(engine: Engine): Observable<Closing> {
  return events(engine).pipe(
    filter((event) => event.type === 'closing'),
    map((event) => event.closing),
  );
}

/** The current state and each change after it; completes with the connection. */
export function states(connection: Pick<Connection, 'states'>): Observable<ApiState> {
  return observableOf(connection.states);
}

/** The closing of this connection; completes with it. */
export function closed(connection: Pick<Connection, 'closed'>): Observable<Closing> {
  return new Observable((subscriber) => {
    void connection.closed.then((closing) => {
      subscriber.next(closing);
      subscriber.complete();
    });
  });
}

/**
 * The connection's messages, each once and in order. Several subscriptions share them: each gets the messages that arrive while it lasts, and
 * messages without a subscriber wait for the next one.
 *
 * Completes if the connection ends in order (`closed`, `peer-goodbye`, `shutdown`, `drained`), and errors with a `SessionError`
 * `closed` whose `cause` is the closing if it ends in any other way: a stream that was cut is incomplete.
 * Errors `two-readers` if an iterator or a handler reads the messages already.
 *
 * It pushes: RxJS has no backpressure. Messages that wait behind an operator such as `concatMap` are buffered in this process without a
 * bound. Use `processMessages` for slow handlers: it applies backpressure to the peer.
 */
export function messages<Message>(connection: Connection<Message>): Observable<Message> {
  return new Observable((subscriber) => readerOf(connection).add(subscriber));
}

/** How `processMessages` works. */
export interface ProcessOptions {
  /** Messages that are being processed at once. Default 1: one after the other, in order. */
  readonly concurrent?: number;
}

/**
 * Maps each message of the connection with `project`, as `mergeMap` does, but takes a message only when there is room for it. Waiting
 * messages apply backpressure to the peer, which has at most `receiveBytesMax` (1 MiB by default) in flight. Use it instead of
 * `messages(connection).pipe(concatMap(…))`.
 *
 * Ends as `messages` does, after the last message that arrived before the end has been processed; errors as `project` does. It is
 * the connection's only reader while it lasts; a message whose processing was unsubscribed does not go to the next one.
 *
 * @throws SessionError `bad-option` for a `concurrent` that is no whole number of at least 1
 */
export function processMessages<Message, Result>(
  connection: Connection<Message>,
  project: (message: Message, index: number) => ObservableInput<Result>,
  options: ProcessOptions = {},
): Observable<Result> {
  checkOptionNames('processMessages', options, 'concurrent');
  const { concurrent = 1 } = options;
  if (concurrent !== Infinity && !(Number.isSafeInteger(concurrent) && concurrent >= 1))
    throw new SessionError('bad-option', `processMessages.concurrent: expected a whole number of at least 1, got ${concurrent}`);
  return new Observable((subscriber) => {
    const reader = readerOf(connection);
    if (!reader.claim(subscriber)) return;
    let index = 0;
    let active = 0;
    let isTaking = false; // More may wait behind the message that is being given.
    const take = (message: Message): void => {
      active++;
      isTaking = true;
      let inner: Observable<Result>;
      try {
        inner = from(project(message, index++));
      } catch (error) {
        return subscriber.error(error);
      }
      subscriber.add(
        inner.subscribe({
          next: (result) => subscriber.next(result),
          error: (error: unknown) => subscriber.error(error),
          complete: () => {
            active--;
            goOn();
          },
        }),
      );
      isTaking = false;
      if (active >= concurrent) reader.pause();
    };
    const goOn = (): void => {
      if (subscriber.closed || isTaking) return;
      if (active < concurrent) reader.listen(subscriber, take);
      if (active === 0 && reader.closing !== undefined) finish(subscriber, reader.closing);
    };
    subscriber.add(() => reader.release());
    reader.ended(goOn);
    goOn();
  });
}

function finish(subscriber: Subscriber<unknown>, closing: Closing): void {
  if (isOrderly(closing)) subscriber.complete();
  else subscriber.error(cutBy(closing));
}

/** One for each connection that one of the above reads or has read. It is the connection's one handler for all of them. */
class Reader<Message> {
  closing: Closing | undefined;
  readonly #connection: Connection<Message>;
  readonly #subscribers = new Set<Subscriber<Message>>();
  #take: ((message: Message) => void) | undefined; // Of `processMessages`, while it has room.
  #onEnd: (() => void) | undefined;
  #isClaimed = false;

  constructor(connection: Connection<Message>) {
    this.#connection = connection;
    // Once for all subscribers: a promise never drops a callback.
    void connection.closed.then((closing) => {
      this.closing = closing;
      for (const each of [...this.#subscribers]) finish(each, closing);
      this.#onEnd?.();
    });
  }

  /** Adds a subscriber that gets everything from here on. The returned function, like unsubscribing, removes it. */
  add(subscriber: Subscriber<Message>): () => void {
    const leave = (): void => {
      if (this.#subscribers.delete(subscriber)) this.#rest();
    };
    if (!this.#mayRead(subscriber, this.#isClaimed)) return leave;
    this.#subscribers.add(subscriber);
    subscriber.add(leave); // Also if the waiting messages are all it wants.
    if (this.#attach(subscriber) && this.closing !== undefined) finish(subscriber, this.closing);
    return leave;
  }

  /** Makes this one the only reader until `release`. */
  claim(subscriber: Subscriber<unknown>): boolean {
    if (!this.#mayRead(subscriber, this.#isClaimed || this.#subscribers.size > 0)) return false;
    return (this.#isClaimed = true);
  }
  listen(subscriber: Subscriber<unknown>, take: (message: Message) => void): void {
    if (this.#take !== undefined) return;
    this.#take = take;
    this.#attach(subscriber);
  }
  pause(): void {
    this.#take = undefined;
    this.#rest();
  }
  ended(onEnd: () => void): void {
    this.#onEnd = onEnd;
  }
  release(): void {
    this.#isClaimed = false;
    this.#onEnd = undefined;
    this.pause();
  }

  readonly #deliver = (message: Message): void => {
    if (this.#take !== undefined) return this.#take(message);
    for (const each of [...this.#subscribers]) each.next(message);
  };

  #mayRead(subscriber: Subscriber<unknown>, isTaken: boolean): boolean {
    const { onMessage } = this.#connection;
    if (!isTaken && (onMessage === undefined || onMessage === this.#deliver)) return true;
    subscriber.error(new SessionError('two-readers', `the messages of ${this.#connection.id} are already read by another`));
    return false;
  }

  /** False if an iterator reads. Delivers waiting messages at once. */
  #attach(subscriber: Subscriber<unknown>): boolean {
    if (this.#connection.onMessage === this.#deliver) return true;
    try {
      this.#connection.onMessage = this.#deliver;
      return true;
    } catch (error) {
      subscriber.error(error);
      return false;
    }
  }

  /** No reader wants more messages: those that arrive wait, and apply backpressure to the peer. */
  #rest(): void {
    if (this.#take !== undefined || this.#subscribers.size > 0) return;
    if (this.#connection.onMessage === this.#deliver) this.#connection.onMessage = undefined;
  }
}

const readers = new WeakMap<object, unknown>();

function readerOf<Message>(connection: Connection<Message>): Reader<Message> {
  let reader = readers.get(connection) as Reader<Message> | undefined;
  if (reader === undefined) readers.set(connection, (reader = new Reader(connection)));
  return reader;
}

/** `from` of RxJS would keep the source until its next value; this releases it at once. */
function observableOf<T>(source: AsyncIterable<T>): Observable<T> {
  return new Observable((subscriber) => {
    const iterator = source[Symbol.asyncIterator]();
    const pull = (): void => {
      iterator.next().then(
        (result) => {
          if (result.done === true) return subscriber.complete();
          subscriber.next(result.value);
          if (!subscriber.closed) pull();
        },
        (error: unknown) => subscriber.error(error),
      );
    };
    pull();
    return () => void iterator.return?.();
  });
}
