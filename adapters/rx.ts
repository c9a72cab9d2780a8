import { filter, map, Observable } from 'rxjs';
import type { Closing } from '../machines/closing.js';
import type { ApiState } from '../machines/connection/api-state.js';
import type { Engine } from '../machines/engine.js';
import type { Connection } from '../machines/handle.js';
import type { EngineEvent } from '../machines/hub/events.js';

/**
 * What an engine and its connections tell, as RxJS Observables. Each subscription listens on its own and stops listening
 * when it is unsubscribed. RxJS is an optional peer dependency of this subpath alone.
 *
 * @experimental
 */

/** Everything the engine reports from the subscription on, in order. Completes never; `engine.shutdown()` ends the news. */
export function events(engine: Engine): Observable<EngineEvent> {
  return new Observable((subscriber) => engine.on((event) => subscriber.next(event)));
}

/** How connections and attempts of this engine end. */
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

/** How this connection ended; completes with it. */
export function closed(connection: Pick<Connection, 'closed'>): Observable<Closing> {
  return new Observable((subscriber) => {
    void connection.closed.then((closing) => {
      subscriber.next(closing);
      subscriber.complete();
    });
  });
}

/** The connection's messages, each once and in order; completes with it. While it is subscribed nobody else may read. */
export function messages<Message>(connection: Connection<Message>): Observable<Message> {
  return new Observable((subscriber) => {
    const leave = (): void => {
      if (connection.onMessage === hear) connection.onMessage = undefined; // Or somebody else reads by now.
    };
    const hear = (message: Message): void => {
      subscriber.next(message);
      if (subscriber.closed) leave(); // At once: the next one is for whoever comes then.
    };
    connection.onMessage = hear;
    void connection.closed.then(() => subscriber.complete());
    return leave;
  });
}

/** `from` of RxJS would hold on to the source until its next value; this lets go at once. */
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
