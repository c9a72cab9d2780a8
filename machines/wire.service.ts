import { fromCallback, type EventObject } from 'xstate';
import type { Pump, WireEnd } from './dataplane/pump.js';
import type { Identity, Opener, WireCause } from './ports.js';

/** `identity`: what the transport has proven of the peer. */
export type WireEvent = { type: 'wire.opened'; identity: Identity | undefined } | { type: 'wire.closed'; cause: WireCause };

/** What the service needs of a pump, whatever its messages are. */
export type WireHolder = Pick<Pump<never, never>, 'attach' | 'flush'>;

export interface WireInput {
  readonly opener: Opener;
  readonly pump: WireHolder;
  readonly link: number;
}

/**
 * A wire as a service that a chart invokes: its lifecycle becomes events, its bytes go straight to the pump.
 * Leaving the state that invokes it ends the wire, unless the pump has begun a farewell on it.
 */
export const wireService = fromCallback<EventObject, WireInput>(({ input: { opener, pump, link }, sendBack }) => {
  let end: WireEnd | undefined;
  const abort = opener({
    onOpen: (wire) => {
      end = pump.attach(link, wire);
      sendBack({ type: 'wire.opened', identity: wire.identity } satisfies WireEvent);
      pump.flush();
    },
    onBytes: (bytes) => end?.receive(bytes),
    onDrain: () => end?.drained(),
    onProbeAnswer: () => end?.answered(),
    onClose: (cause) => {
      end?.closed();
      sendBack({ type: 'wire.closed', cause } satisfies WireEvent);
    },
  });
  return () => (end === undefined ? abort() : end.release());
});
