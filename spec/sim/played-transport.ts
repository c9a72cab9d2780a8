import type { EngineEvent } from '../../machines/hub/events.js';
import type { Acceptor, DialOptions, Transport, Wire, WireHandler } from '../../machines/ports.js';
import type { SimClock } from './clock.js';

/** What the engine under test does with the transport. */
export interface PlayedTransportEvents {
  /** It dials, and gets this wire; the test opens it when it likes. */
  dialed(handler: WireHandler, address: string, options?: DialOptions): Wire;
  /** It listens; the test offers wires here. */
  listening?(acceptor: Acceptor): void;
}

/** A transport without a network: the far end of each of its wires is the test. Everybody is at `played://…`. */
export function playedTransport(
  clock: SimClock,
  boundaries: Transport['boundaries'],
  { dialed, listening }: PlayedTransportEvents,
): Transport {
  return {
    name: 'played',
    schemes: ['played'],
    boundaries,
    secure: true,
    dial: (address, options) => (handler) => {
      const wire = dialed(handler, address, options);
      return () => wire.destroy();
    },
    listen: (address, acceptor) => {
      listening?.(acceptor);
      clock.soon(() => acceptor.onListening(address));
      return { close: (done) => clock.soon(() => done?.()) };
    },
  };
}

/** What an engine told of itself, one word or two for each event. */
export function storyOf(events: readonly EngineEvent[]): string[] {
  return events.flatMap((event) => {
    if (event.type === 'closing') return [`closing ${event.closing.code} ${event.closing.side}`];
    if (event.type === 'state') return [event.state];
    if (event.type === 'refused') return [`refused ${event.code}`];
    return event.type === 'listening' ? [] : [event.type];
  });
}
