import type { ActorLogic, AnyActorRef, EventObject, Snapshot } from 'xstate';
import type { Pump, WireEnd } from '../dataplane/pump.js';
import type { Identity, Opener, Wire, WireCause, WireHandler } from '../ports.js';
import { parentOf, relay } from '../runtime/xstate-internals.js';

/** `identity`: what the transport has proven of the peer. */
export type WireEvent = { type: 'wire.opened'; identity: Identity | undefined } | { type: 'wire.closed'; cause: WireCause };

/** What the service needs of a pump, whatever its messages are. */
export type WireHolder = Pick<Pump<never, never>, 'attach' | 'flush'>;

export interface WireInput {
  readonly opener: Opener;
  readonly pump: WireHolder;
  readonly link: number;
}

/** What the service is at the moment. Its parts are its own affair. */
export type WireSnapshot = Snapshot<undefined> & { readonly tenancy: { begin(): void; end(): void } };
export type WireLogic = ActorLogic<WireSnapshot, EventObject, WireInput>;

/**
 * A wire as a service that a chart invokes: its lifecycle becomes events, its bytes go straight to the pump.
 * Leaving the state that invokes it ends the wire, unless the pump has begun a farewell on it.
 */
export const wireService: WireLogic = {
  getInitialSnapshot: ({ self }, input) => snapshotOf('active', new Tenancy(self, input)),
  start: ({ tenancy }) => tenancy.begin(),
  transition(snapshot, event) {
    if (event.type !== 'xstate.stop') return snapshot;
    snapshot.tenancy.end();
    return snapshotOf('stopped', snapshot.tenancy);
  },
  // A wire can't be persisted; a restored chart opens its own.
  getPersistedSnapshot: ({ status, output, error }) => ({ status, output, error }) as Snapshot<undefined>,
};

function snapshotOf(status: 'active' | 'stopped', tenancy: WireSnapshot['tenancy']): WireSnapshot {
  return { status, output: undefined, error: undefined, tenancy };
}

/** From the attempt to the end of one wire. One object and no closures: ten thousand idle connections have it each. */
class Tenancy implements WireHandler {
  readonly #self: AnyActorRef;
  readonly #pump: WireHolder;
  readonly #link: number;
  #opener: Opener | undefined;
  #abort: (() => void) | undefined; // Until the wire is open.
  #end: WireEnd | undefined;

  constructor(self: AnyActorRef, { opener, pump, link }: WireInput) {
    this.#self = self;
    this.#pump = pump;
    this.#link = link;
    this.#opener = opener;
  }

  begin(): void {
    const opener = this.#opener;
    this.#opener = undefined;
    this.#abort = opener?.(this);
  }

  end(): void {
    if (this.#end === undefined) this.#abort?.();
    else this.#end.release();
  }

  onOpen(wire: Wire): void {
    this.#abort = undefined;
    this.#end = this.#pump.attach(this.#link, wire);
    this.#tell({ type: 'wire.opened', identity: wire.identity });
    this.#pump.flush();
  }
  onBytes(bytes: Uint8Array): void {
    this.#end?.receive(bytes);
  }
  onDrain(): void {
    this.#end?.drained();
  }
  onProbeAnswer(): void {
    this.#end?.answered();
  }
  onClose(cause: WireCause): void {
    this.#end?.closed();
    this.#tell({ type: 'wire.closed', cause });
  }

  #tell(event: WireEvent): void {
    const { system } = this.#self;
    const parent = parentOf(this.#self);
    if (parent === undefined || this.#self.getSnapshot().status === 'stopped') return;
    relay(system, this.#self, parent, event); // As `sendBack` of a callback actor does: inspectors see the source.
  }
}
