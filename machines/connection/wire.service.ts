import type { ActorLogic, AnyActorRef, EventObject, Snapshot } from 'xstate';
import { WireEnd } from '../dataplane/wire-end.js';
import type { Identity, Wire, WireCause, WireHandler } from '../ports.js';
import { relayFrom } from '../runtime/actor-system.js';
import { parentOf } from '../runtime/xstate-internals.js';
import type { SessionHandle } from '../session-handle.js';

/** `identity`: what the transport has proven of the peer. `at`: monotonic milliseconds. */
export type WireEvent =
  { type: 'wire.opened'; identity: Identity | undefined } | { type: 'wire.closed'; cause: WireCause; at: number };

/** The session's side of a wire: it has what opens one, and takes its bytes. */
export type WireHolder = Pick<SessionHandle, 'takeOpener' | 'attach' | 'detached' | 'flush' | 'now'>;

export interface WireInput {
  readonly session: WireHolder;
  readonly link: number;
}

/** The snapshot of the service. */
export type WireSnapshot = Snapshot<undefined> & { readonly wire: { begin(): void; end(): void } };
export type WireLogic = ActorLogic<WireSnapshot, EventObject, WireInput>;

/**
 * A wire as a service that a chart invokes: its lifecycle becomes events, its bytes go straight to the pump.
 * Leaving the state that invokes it ends the wire, unless the pump has begun a farewell on it.
 */
export const wireService: WireLogic = {
  getInitialSnapshot: ({ self }, input) => snapshotOf('active', new WireBinding(self, input)),
  start: ({ wire }) => wire.begin(),
  transition(snapshot, event) {
    if (event.type !== 'xstate.stop') return snapshot;
    snapshot.wire.end();
    return snapshotOf('stopped', snapshot.wire);
  },
  // A wire can't be persisted; a restored chart opens its own.
  getPersistedSnapshot: ({ status, output, error }) => ({ status, output, error }) as Snapshot<undefined>,
};

function snapshotOf(status: 'active' | 'stopped', wire: WireSnapshot['wire']): WireSnapshot {
  return { status, output: undefined, error: undefined, wire };
}

/** Binds a wire, the pump and the actor, from the attempt to the end. One object and no closures: ten thousand idle connections have it each. */
class WireBinding extends WireEnd implements WireHandler {
  readonly #self: AnyActorRef;
  readonly #session: WireHolder;
  #abort: (() => void) | undefined; // Until the wire is open.
  #isOver = false;

  constructor(self: AnyActorRef, { session, link }: WireInput) {
    super(link);
    this.#self = self;
    this.#session = session;
  }

  toJSON(): object {
    const state = this.#isOver ? 'closed' : this.hasWire ? 'open' : 'opening';
    return { link: this.link, state };
  }

  begin(): void {
    this.#abort = this.#session.takeOpener(this.link)?.(this);
  }

  end(): void {
    if (this.hasWire) this.release();
    else this.#abort?.();
    this.#cease();
  }

  onOpen(wire: Wire): void {
    if (this.#isOver) return wire.destroy(); // It was under way when the chart left it.
    this.#abort = undefined;
    this.#session.attach(this, wire);
    this.#tell({ type: 'wire.opened', identity: wire.identity });
    this.#session.flush();
  }
  override onClose(cause: WireCause): void {
    super.onClose(cause);
    this.#cease();
    this.#tell({ type: 'wire.closed', cause, at: this.#session.now() });
  }

  #cease(): void {
    if (!this.#isOver) this.#session.detached(this.link);
    this.#isOver = true;
  }

  #tell(event: WireEvent): void {
    const parent = parentOf(this.#self);
    if (parent === undefined || this.#self.getSnapshot().status === 'stopped') return;
    relayFrom(this.#self, parent, event); // As `sendBack` of a callback actor does: inspectors see the source.
  }
}
