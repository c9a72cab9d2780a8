import { hubSetup } from './hub.setup.js';

/**
 * The life of an engine: it serves, it drains in four steps with a limit each (seed: SHIP shutdown), it is closed.
 * Connections live below the supervisor and outlast neither. Tables are the desk's; this chart only says what may happen when.
 */
export const hubMachine = hubSetup.createMachine({
  id: 'hub',
  context: ({ input }) => input,
  options: { maxIterations: 1000 },
  initial: 'idle',
  states: {
    idle: { on: { start: 'up', shutdown: 'closed' } },
    up: {
      invoke: [
        { src: 'supervisor', id: 'supervisor' },
        { src: 'wake', id: 'wake', input: ({ context }) => context },
      ],
      on: { 'connection.crashed': { actions: 'noteCrash' } },
      initial: 'serving',
      states: {
        serving: {
          tags: 'serves',
          entry: 'serve',
          exit: 'stopServing',
          on: {
            listen: { actions: 'listenAt' },
            connect: { actions: 'connectPeer' },
            'host.woke': { actions: 'probeWires' },
            shutdown: 'listeners',
          },
        },
        listeners: {
          entry: 'stopListening',
          always: { guard: 'hasNoListener', target: 'attempts' },
          on: { 'desk.changed': [{ guard: 'hasNoListener', target: 'attempts' }] },
          after: { listenersTimeout: 'attempts' },
        },
        attempts: { entry: 'cancelAttempts', always: 'connections' },
        connections: {
          entry: 'closeConnections',
          always: { guard: 'hasNoConnection', target: 'wires' },
          on: { 'desk.changed': [{ guard: 'hasNoConnection', target: 'wires' }] },
          after: { connectionsTimeout: { target: 'wires', actions: 'abortConnections' } },
        },
        wires: {
          description: 'Nothing is left but farewells on their way.',
          always: { guard: 'hasNoWire', target: '#hub.closed' },
          on: { 'desk.changed': [{ guard: 'hasNoWire', target: '#hub.closed' }] },
          after: { wiresTimeout: { target: '#hub.closed', actions: 'destroyWires' } },
        },
      },
    },
    closed: { type: 'final', tags: 'terminal' },
  },
});
