import { fromCallback, sendTo, setup, type EventObject } from 'xstate';
import type { ChartMeta } from '../chart-meta.js';
import { closing } from '../closing.js';
import { connectionMachine } from '../connection/connection.machine.js';
import { fromSupervisor } from '../runtime/supervisor.js';
import { RETRY_AFTER_MS } from './accept/listener.service.js';
import { abortConnections, cancelAttempts, closeConnections, farewell, probe } from './all-connections.js';
import type { ConnectionManager } from './connection-manager.js';
import { watchHost, watchSleep } from './host-watch.js';
import type { HubEvent } from './hub.events.js';
import type { HubInput } from './hub-input.js';

export interface HubContext {
  /** By which the actions have an effect. It shows no more than what is constant. */
  readonly hub: ConnectionManager;
}

type Accepted = Extract<HubEvent, { type: 'wire.accepted' }>;
type ListenersCommand = Extract<HubEvent, { type: 'listen.requested' }> | { type: 'close' };

/** The addresses at which an engine can be reached; `close` ends with `listeners.gone`. */
const listenersService = fromCallback<ListenersCommand, HubContext>(({ input: { hub }, receive }) => {
  receive((command) => {
    if (command.type === 'close') hub.stopListening();
    else hub.listeners.listenAt(command.address, hub.options.protocols, command.done);
  });
  return () => hub.stopListening();
});

/** Owns accepted wires until they are identified; then the hub gets `wire.identified`. */
const acceptsService = fromCallback<Accepted, HubContext>(({ input: { hub }, receive }) => {
  receive((event) => hub.identify(event));
  return () => hub.pendingAccepts.clear();
});

/** Decides who may dial, and when. Charts ask for it by `dialPermitService`. */
const dialerService = fromCallback<EventObject, HubContext>(
  ({ input: { hub } }) =>
    () =>
      hub.dialScheduler.cancelAll(),
);

/** Looks whether the host slept. */
const wakeService = fromCallback<EventObject, HubContext>(({ input: { hub }, sendBack }) =>
  watchSleep(hub.ports.clock, sendBack, () => hub.certificates.tick()),
);

/** Where the host knows more than sockets say: whether it has a network, and whether it goes on running. */
const hostService = fromCallback<EventObject, HubContext>(({ input: { hub }, sendBack }) => watchHost(hub.ports.host, sendBack));

export const hubSetup = setup({
  types: {
    context: {} as HubContext,
    input: {} as HubInput & { readonly hub?: ConnectionManager }, // `hub`: from an engine, which has made it.
    events: {} as HubEvent,
    tags: {} as 'serves' | 'terminal',
    meta: {} as ChartMeta,
  },
  actors: {
    supervisor: fromSupervisor(connectionMachine),
    listeners: listenersService,
    accepts: acceptsService,
    dialer: dialerService,
    wake: wakeService,
    host: hostService,
  },
  actions: {
    attachHub: ({ context, self }) => context.hub.attach(self),
    openListener: sendTo('listeners', ({ event }) => event as ListenersCommand),
    beginShutdown: ({ context: { hub } }) => hub.metrics.shuttingDown(hub.clock.now()),
    closeListeners: sendTo('listeners', { type: 'close' }),
    identifyWire: sendTo('accepts', ({ event }) => event as Accepted),
    refuseListening: ({ event }) => {
      if (event.type === 'listen.requested') event.done({ kind: 'aborted' });
    },
    refuseAccepted: ({ event }) => {
      if (event.type === 'wire.accepted') event.offer.refuse({ code: 'shutdown', retryAfterMs: RETRY_AFTER_MS });
    },
    refuseRequest: ({ event }) => {
      if (event.type === 'peer.requested') event.caller?.failed(closing('shutdown', 'local'));
    },
    dropIdentified: ({ event }) => {
      if (event.type === 'wire.identified') event.wire.drop();
    },
    routeWire: ({ context, event }) => {
      if (event.type === 'wire.identified') context.hub.router.route(event.wire);
    },
    expireTie: ({ context, event }) => {
      if (event.type === 'tie.undecided') context.hub.router.expire(event.id);
    },
    settleTie: ({ context, event }) => {
      if (event.type === 'tie.spoke') context.hub.router.spoke(event.id);
    },
    requestPeer: ({ context, event }) => {
      if (event.type === 'peer.requested') context.hub.connect(event.request, event.caller);
    },
    unregisterPeer: ({ context, event }) => {
      if (event.type === 'peer.unregistered') context.hub.unregister(event.peer);
    },
    decideRedial: ({ context, event }, { isServing }: { isServing: boolean }) => {
      if (event.type === 'attempt.failed') context.hub.goOn(event.id, isServing);
    },
    decideRest: ({ context, event }, { isServing }: { isServing: boolean }) => {
      if (event.type === 'connection.rested') context.hub.rest(event.id, isServing);
    },
    replaceCrashed: ({ context, event }, { isServing }: { isServing: boolean }) => {
      if (event.type === 'connection.crashed') context.hub.crashed(Number(event.key), event.error, isServing);
    },
    noteEnded: ({ context }) => context.hub.connectionEnded(),
    cancelAttempts: ({ context }) => cancelAttempts(context.hub),
    closeConnections: ({ context }) => closeConnections(context.hub),
    awaitLast: ({ context }, { of }: { of: 'connections' | 'wires' }) => context.hub.await(of),
    abortConnections: ({ context }) => abortConnections(context.hub),
    destroyWires: ({ context }) => context.hub.destroyWires(),
    dropWires: ({ context }) => context.hub.destroyWires(),
    holdDials: ({ context }) => context.hub.hold(),
    releaseDials: ({ context }) => context.hub.release(),
    /** The last words to every peer are given to the wires before the host's call returns. */
    sendFarewell: ({ context }) => farewell(context.hub),
    probeWires: ({ context }) => {
      context.hub.dialScheduler.thaw();
      probe(context.hub);
    },
  },
  delays: {
    // As SHIP's shutdown has them: 5 s to stop accepting, 3 s to close gracefully.
    listenersTimeout: 5_000,
    connectionsTimeout: 3_000,
    wiresTimeout: 1_000,
  },
});
