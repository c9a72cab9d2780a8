import type { ActorLogic, AnyActorRef, EventObject, Snapshot } from 'xstate';
import { relayFrom } from './runtime/actor-system.js';
import { parentOf } from './runtime/xstate-internals.js';
import type { SessionHandle } from './session-handle.js';

/** To a session's chart. The session's handle keeps the wire's opener until the chart uses it. */
export type RedialEvent = { type: 'redial.permitted' } | { type: 'redial.exhausted' };

/** `link`: which of several wires that a session has side by side; one that has a single wire names none. */
export interface RedialInput {
  readonly session: Pick<SessionHandle, 'requestDial'>;
  readonly link?: number;
  readonly address?: string | undefined;
}

/** The snapshot of the service. */
export type RedialSnapshot = Snapshot<undefined> & { readonly input: RedialInput };
export type RedialLogic = ActorLogic<RedialSnapshot, EventObject, RedialInput>;

/** Permission to dial for a session that has lost a wire (see `dial-permits.ts`): how long that one had lived, its handle knows. */
export const redialService: RedialLogic = {
  getInitialSnapshot: ({ self }, input) => new Requesting(self, input),
  start: (snapshot) => (snapshot as Requesting).begin(),
  transition(snapshot, event) {
    if (event.type !== 'xstate.stop') return snapshot;
    (snapshot as Requesting).end();
    return { status: 'stopped', output: undefined, error: undefined, input: snapshot.input };
  },
  getPersistedSnapshot: ({ status, output, error, input }) => ({ status, output, error, input }) as RedialSnapshot,
  restoreSnapshot: (snapshot, { self }) => new Requesting(self, (snapshot as RedialSnapshot).input),
};

/** A request for a permit to dial, until it is answered or withdrawn: the snapshot itself, so that it costs no object besides. */
class Requesting {
  readonly status = 'active';
  readonly output = undefined;
  readonly error = undefined;
  readonly #self: AnyActorRef;
  #withdraw: (() => void) | undefined = undefined;
  #isOver = false;

  constructor(
    self: AnyActorRef,
    readonly input: RedialInput,
  ) {
    this.#self = self;
  }

  begin(): void {
    const { session, link, address } = this.input;
    this.#withdraw = session.requestDial(
      { link, address },
      () => this.#tell({ type: 'redial.permitted' }),
      () => this.#tell({ type: 'redial.exhausted' }),
    );
  }

  end(): void {
    this.#isOver = true;
    this.#withdraw?.();
    this.#withdraw = undefined;
  }

  #tell(event: RedialEvent): void {
    const parent = parentOf(this.#self);
    if (!this.#isOver && parent !== undefined) relayFrom(this.#self, parent, event); // As `sendBack` of a callback actor does.
  }
}
