import type { Offer, WireCause } from '../ports.js';
import type { HostEvent } from './host-watch.js';
import type { Protocol } from '../protocol.js';
import type { SupervisorNotice } from '../runtime/supervisor.js';
import type { RoutingEvent } from './accept/route-incoming.js';
import type { Caller, ConnectRequest } from './connect-request.js';

/** The events of the hub's chart. */
export type HubEvent =
  | { type: 'start' }
  | { type: 'shutdown' }
  /** `done` is called once: with the address as bound, or with why there is none. */
  | { type: 'listen.requested'; address: string; done: (bound: string | WireCause) => void }
  /** An application wants a connection, or keeps one (`request.keep`) without anyone who waits for it. */
  | { type: 'peer.requested'; request: ConnectRequest; caller: Caller | undefined }
  | { type: 'peer.unregistered'; peer: string }
  /** A listener has a wire; which session or peer it is for is not known yet. */
  | { type: 'wire.accepted'; offer: Offer; protocols: readonly Protocol<unknown>[]; listener: string | undefined }
  | RoutingEvent
  /** An attempt or a connection failed; its chart waits for `redial` or `rest`. */
  | { type: 'attempt.failed'; id: number }
  /** A connection has nothing to do any more. */
  | { type: 'connection.rested'; id: number }
  | SupervisorNotice
  | { type: 'listeners.gone' }
  | { type: 'connections.gone' }
  | { type: 'wires.gone' }
  | HostEvent;
