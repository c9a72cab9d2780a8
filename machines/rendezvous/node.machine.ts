import { nodeSetup } from './node.setup.js';
import { RENDEZVOUS_LIMITS } from './rendezvous.timing.js';

/**
 * The four phases of a node. It tries its contacts one after the other until one of them is connected, stays connected while it has
 * a peer, and begins again by itself when it has lost all. A connection is a connection in every phase, for both roles;
 * only its consequences differ. Expected peers live below the supervisor, and end with the node.
 */
export const nodeMachine = nodeSetup.createMachine({
  id: 'node',
  meta: {
    delays: {
      contactsTimeout: RENDEZVOUS_LIMITS.contactsTimeoutMs,
      bootstrapBackoff: `chance, up to ${RENDEZVOUS_LIMITS.bootstrapBaseMs} ms, doubling to ${RENDEZVOUS_LIMITS.bootstrapCapMs / 1000} s`,
      refreshTime: `chance, half to one and a half of ${RENDEZVOUS_LIMITS.refreshMs / 1000} s`,
    },
  },
  context: ({ input: { port } }) => ({ port, connections: 0, contacts: 0, next: 0, rounds: 0 }),
  options: { maxIterations: 1000 },
  invoke: { src: 'supervisor', id: 'supervisor' },
  on: {
    terminate: '.terminated',
    'connection.gained': { actions: 'noteConnections' },
    'connection.lost': { actions: 'noteConnections' },
    'connection.ended': { actions: 'tellPeerEnded' },
    'connection.crashed': { actions: 'tellPeerEnded' },
  },
  initial: 'disconnected',
  states: {
    disconnected: {
      initial: 'idle',
      states: {
        idle: { on: { start: '#node.bootstrapping' } },
        alone: {
          description: 'The last connection is gone, and all expectations with it.',
          entry: 'resetAll',
          always: '#node.bootstrapping',
        },
      },
    },
    bootstrapping: {
      meta: { rule: 'RDV-9' },
      on: { 'connection.gained': { target: 'connected', actions: 'noteConnections' } },
      initial: 'looking',
      states: {
        looking: {
          always: { guard: 'isConnected', target: '#node.connected' },
          invoke: { src: 'contacts', id: 'contacts', input: ({ context: { port } }) => ({ port }) },
          on: { 'contacts.found': { target: 'choosing', actions: 'noteContacts' } },
          after: { contactsTimeout: { target: 'waiting', actions: 'reportLateContacts' } },
        },
        choosing: { always: [{ guard: 'hasContact', target: 'dialing' }, 'waiting'] },
        dialing: {
          description: 'One bootstrap connection, never two.',
          entry: ['dialNext', 'advance'],
          exit: 'releaseContact',
          on: { 'contact.failed': 'choosing' },
        },
        waiting: {
          description: 'No contact answered. Peers may dial this node meanwhile.',
          after: { bootstrapBackoff: { target: 'looking', actions: 'countRound' } },
        },
      },
    },
    connected: {
      entry: 'forgetRounds',
      on: {
        'connection.lost': [
          { guard: 'isAlone', target: '#node.disconnected.alone', actions: 'noteConnections' },
          { actions: 'noteConnections' },
        ],
      },
      after: { refreshTime: { target: 'connected', reenter: true, actions: 'askAround' } },
    },
    terminated: { type: 'final', tags: 'terminal', entry: 'stopAll' },
  },
});
