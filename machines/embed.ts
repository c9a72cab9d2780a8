import type { ActorLogic, AnyActorRef, EventObject, Snapshot } from 'xstate';
import type { Closing } from './closing.js';
import type { ApiState } from './connection/api-state.js';
import type { Connection } from './connection/connection.api.js';
import type { ConnectOptions, Engine } from './engine.js';
import type { EngineEvent } from './hub/events.js';
import { parentOf } from './runtime/xstate-internals.js';

/** Events that an actor made by `fromEngine` sends to its parent: everything that the engine reports, as `engine.<type>`. */
export type EngineActorEvent = {
  [E in EngineEvent as E['type']]: Omit<E, 'type'> & { readonly type: `engine.${E['type']}` };
}[EngineEvent['type']];

/** `engine` is there from the first snapshot on; it has started when `isListening`. */
export type EngineActorSnapshot = Snapshot<undefined> & { readonly engine: Engine; readonly isListening: boolean };

type EngineStep = { readonly type: 'started' } | { readonly type: 'failed'; readonly error: unknown } | { readonly type: 'over' };

/**
 * An engine as an actor: its life is that of the state that invokes it. It starts with the actor, and shuts down when the actor is
 * stopped; where its `start()` rejects, the actor fails with that error (`onError`). A shutdown from outside completes it (`onDone`).
 * Snapshots are plain when they are written down: the engine says what it is in `toJSON()`.
 *
 * @param make makes the engine from the actor's input, e.g. `({ port }) => createEngine({ ... })`
 */
export function fromEngine<Input>(make: (input: Input) => Engine): ActorLogic<EngineActorSnapshot, EventObject, Input> {
  return {
    getInitialSnapshot: (_, input) => ({
      status: 'active',
      output: undefined,
      error: undefined,
      engine: make(input),
      isListening: false,
    }),
    start: ({ engine }, { self }) => {
      const tell = stepsOf<EngineStep>(self);
      engine.on(
        (event) => parentOf(self)?.send({ ...event, type: `engine.${event.type}` }),
        () => tell({ type: 'over' }),
      );
      engine.start().then(
        () => tell({ type: 'started' }),
        (error: unknown) => tell({ type: 'failed', error }),
      );
    },
    transition(snapshot, event) {
      if (event.type === 'xstate.stop') {
        void snapshot.engine.shutdown();
        return { ...snapshot, status: 'stopped', error: undefined };
      }
      const step = stepIn<EngineStep>(event);
      switch (step?.type) {
        case 'started':
          return { ...snapshot, isListening: true };
        case 'failed':
          void snapshot.engine.shutdown();
          return { ...snapshot, status: 'error', error: step.error };
        case 'over':
          return { ...snapshot, status: 'done', output: undefined, error: undefined };
        default:
          return snapshot;
      }
    },
    // An engine can't be persisted; a restored chart makes its own.
    getPersistedSnapshot: ({ status, output, error }) => ({ status, output, error }) as Snapshot<undefined>,
  };
}

/** Which connection an actor made by `fromConnection` is to be. */
export interface ConnectionActorInput extends Pick<ConnectOptions, 'protocol' | 'peer' | 'retry' | 'fingerprints' | 'reuse'> {
  readonly engine: Engine;
  /** An address, several of one peer, or its id where the engine has a resolver. */
  readonly target: string | readonly string[];
}

/** Events that an actor made by `fromConnection` sends to its parent, beside its end (`onDone`: the closing; `onError`: no connection came about). */
export type ConnectionActorEvent =
  | { readonly type: 'connection.connected'; readonly connection: Connection }
  | { readonly type: 'connection.state'; readonly state: ApiState };

/** `connection` is there once it was completed. The output is how it ended. */
export type ConnectionActorSnapshot = Snapshot<Closing> & {
  readonly state: ApiState;
  readonly connection: Connection | undefined;
};

type ConnectionStep =
  | { readonly type: 'connected'; readonly connection: Connection }
  | { readonly type: 'state'; readonly state: ApiState }
  | { readonly type: 'failed'; readonly error: unknown }
  | { readonly type: 'closed'; readonly closing: Closing };

/**
 * A connection as an actor, for `invoke` and `spawn`: it dials with the actor, and says goodbye when the actor is stopped. Messages are
 * read from `connection` and are no events, so that they cost what they cost elsewhere.
 */
export function fromConnection(): ActorLogic<ConnectionActorSnapshot, EventObject, ConnectionActorInput> {
  const dials = new WeakMap<AnyActorRef, { readonly input: ConnectionActorInput; readonly controller: AbortController }>();
  return {
    getInitialSnapshot({ self }, input) {
      dials.set(self, { input, controller: new AbortController() });
      return { status: 'active', output: undefined, error: undefined, state: 'none', connection: undefined };
    },
    start(_, { self }) {
      const { input, controller } = dials.get(self)!;
      const { engine, target, ...options } = input;
      const tell = stepsOf<ConnectionStep>(self);
      engine.connect(target, { ...options, signal: controller.signal }).then(
        (connection) => {
          if (controller.signal.aborted) return void connection.close();
          tell({ type: 'connected', connection });
          void followStates(connection, (state) => tell({ type: 'state', state }));
          void connection.closed.then((closing) => tell({ type: 'closed', closing }));
        },
        (error: unknown) => tell({ type: 'failed', error }),
      );
    },
    transition(snapshot, event, { self }) {
      if (event.type === 'xstate.stop') {
        dials.get(self)?.controller.abort();
        void snapshot.connection?.close();
        return { ...snapshot, status: 'stopped', output: undefined, error: undefined };
      }
      const step = stepIn<ConnectionStep>(event);
      switch (step?.type) {
        case 'connected':
          parentOf(self)?.send({ type: 'connection.connected', connection: step.connection } satisfies ConnectionActorEvent);
          return { ...snapshot, connection: step.connection };
        case 'state':
          parentOf(self)?.send({ type: 'connection.state', state: step.state } satisfies ConnectionActorEvent);
          return { ...snapshot, state: step.state };
        case 'failed':
          return { ...snapshot, status: 'error', output: undefined, error: step.error };
        case 'closed':
          return { ...snapshot, status: 'done', output: step.closing, error: undefined };
        default:
          return snapshot;
      }
    },
    // A connection can't be persisted; a restored chart dials its own.
    getPersistedSnapshot: ({ status, output, error }) => ({ status, output, error }) as Snapshot<Closing>,
  };
}

async function followStates(connection: Connection, tell: (state: ApiState) => void): Promise<void> {
  for await (const state of connection.states) tell(state);
}

/** Steps come to an actor as its own events, under a type that no application sends. */
const STEP = 'holdfast.step';

function stepsOf<Step>(self: AnyActorRef): (step: Step) => void {
  return (step) => {
    if (self.getSnapshot().status === 'active') self.send({ type: STEP, step });
  };
}

function stepIn<Step>(event: EventObject): Step | undefined {
  return event.type === STEP ? (event as EventObject & { readonly step: Step }).step : undefined;
}
