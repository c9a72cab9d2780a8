import { hubSetup } from './hub.setup.js';
import { ConnectionManager } from './connection-manager.js';

/**
 * The life of an engine: it serves, it shuts down in four steps with a limit each, it is closed. Listening, the identification of
 * accepted wires, dialing and supervision are invoked; everything that happens to a connection is an event here, and only the
 * actions of this chart spawn and stop connections. Which decision follows from what is `hub-state.ts`.
 */
export const hubMachine = hubSetup.createMachine({
  id: 'hub',
  context: ({ input }) => ({ hub: input.hub ?? new ConnectionManager(input) }),
  options: { maxIterations: 1000 },
  initial: 'idle',
  states: {
    idle: { on: { start: 'up', shutdown: 'closed' } },
    up: {
      entry: 'attachHub',
      invoke: [
        { src: 'supervisor', id: 'supervisor' },
        { src: 'listeners', id: 'listeners', input: ({ context }) => context },
        { src: 'accepts', id: 'accepts', input: ({ context }) => context },
        { src: 'dialer', id: 'dialer', input: ({ context }) => context },
        { src: 'wake', id: 'wake', input: ({ context }) => context },
        { src: 'host', id: 'host', input: ({ context }) => context },
      ],
      on: {
        'connection.ended': { actions: 'noteEnded' },
        'connection.crashed': { actions: { type: 'replaceCrashed', params: { isServing: false } } },
        'attempt.failed': { actions: { type: 'decideRedial', params: { isServing: false } } },
        'connection.rested': { actions: { type: 'decideRest', params: { isServing: false } } },
        'peer.requested': { actions: 'refuseRequest' },
        'listen.requested': { actions: 'refuseListening' },
        'wire.accepted': { actions: 'refuseAccepted' },
        'wire.identified': { actions: 'dropIdentified' },
      },
      initial: 'serving',
      states: {
        serving: {
          tags: 'serves',
          on: {
            'listen.requested': { actions: 'openListener' },
            'peer.requested': { actions: 'requestPeer' },
            'peer.unregistered': { actions: 'unregisterPeer' },
            'wire.accepted': { actions: 'identifyWire' },
            'wire.identified': { actions: 'routeWire' },
            'tie.undecided': { actions: 'expireTie' },
            'tie.spoke': { actions: 'settleTie' },
            'attempt.failed': { actions: { type: 'decideRedial', params: { isServing: true } } },
            'connection.rested': { actions: { type: 'decideRest', params: { isServing: true } } },
            'connection.crashed': { actions: { type: 'replaceCrashed', params: { isServing: true } } },
            'host.woke': { actions: 'probeWires' },
            'host.held': { actions: 'holdDials' },
            'host.released': { actions: 'releaseDials' },
            // Held before the wires go, or the first would be dialed anew.
            'host.frozen': { actions: ['holdDials', 'dropWires'], description: 'Wires end without a word; sessions live on.' },
            'host.left': { target: 'listeners', actions: 'sendFarewell' },
            shutdown: 'listeners',
          },
        },
        listeners: {
          entry: ['beginShutdown', 'closeListeners'],
          on: { 'listeners.gone': 'attempts' },
          after: { listenersTimeout: 'attempts' },
        },
        attempts: { entry: 'cancelAttempts', always: 'connections' },
        connections: {
          entry: ['closeConnections', { type: 'awaitLast', params: { of: 'connections' } }],
          on: { 'connections.gone': 'wires' },
          after: { connectionsTimeout: { target: 'wires', actions: 'abortConnections' } },
        },
        wires: {
          description: 'Nothing is left but farewells on their way.',
          entry: { type: 'awaitLast', params: { of: 'wires' } },
          on: { 'wires.gone': '#hub.closed' },
          after: { wiresTimeout: { target: '#hub.closed', actions: 'destroyWires' } },
        },
      },
    },
    closed: { type: 'final', tags: 'terminal' },
  },
});
