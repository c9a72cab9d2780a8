import { rendezvousSetup } from './rendezvous.setup.js';
import { RENDEZVOUS_LIMITS } from './rendezvous.timing.js';

/**
 * One peer that is expected, from the first letter to the first connection. It lives as long as there is something to wait for:
 * each state has its time, and each end its word. Wires, Hellos and the ten API states are the hub's; here is only told of them.
 */
export const rendezvousMachine = rendezvousSetup.createMachine({
  id: 'rendezvous',
  meta: {
    delays: {
      askTimeout: RENDEZVOUS_LIMITS.askTimeoutMs,
      awaitTimeout: RENDEZVOUS_LIMITS.awaitTimeoutMs,
      dialTimeout: RENDEZVOUS_LIMITS.dialTimeoutMs,
      unidentifiedTimeout: RENDEZVOUS_LIMITS.unidentifiedTimeoutMs,
    },
  },
  context: ({ input }) => ({ ...input, outcome: 'met' }),
  output: ({ context: { peer, outcome } }) => ({ peer, outcome }),
  options: { maxIterations: 1000 },
  initial: 'expected',
  states: {
    expected: {
      on: {
        'connection.made': { target: 'met', actions: { type: 'record', params: { outcome: 'met' } } },
        lapse: { target: 'lapsed', actions: 'recordLapse' },
      },
      initial: 'choosing',
      states: {
        choosing: {
          entry: 'askForMessage',
          on: {
            'message.known': [
              { guard: 'isStranger', target: 'asked' },
              { guard: 'isReachable', target: 'reaching' },
              { target: 'awaited' },
            ],
          },
        },
        asked: {
          meta: { rule: 'RDV-6' },
          description: 'A request is on its way. Its answer may come as a letter, or as a dial that shows its nonce.',
          entry: 'askPeer',
          on: {
            'response.accepted': 'choosing',
            'request.accepted': 'choosing', // It has asked as well.
            'wire.opened': 'unidentified',
            'route.failed': { target: '#rendezvous.lapsed', actions: { type: 'record', params: { outcome: 'unroutable' } } },
          },
          after: {
            askTimeout: { target: '#rendezvous.lapsed', actions: { type: 'record', params: { outcome: 'unanswered' } } },
          },
        },
        reaching: {
          meta: { rule: 'RDV-2' },
          entry: 'dialPeer',
          exit: 'hangUp',
          on: { 'attempt.failed': 'awaited' },
          initial: 'dialing',
          states: {
            dialing: {
              on: { 'wire.opened': 'unidentified' },
              after: { dialTimeout: '#rendezvous.expected.awaited' },
            },
            unidentified: {
              description: 'There is a wire, and no verified Hello.',
              after: { unidentifiedTimeout: '#rendezvous.expected.awaited' },
            },
          },
        },
        awaited: {
          description: 'This side has nothing left to dial; the peer may have.',
          on: {
            'response.accepted': 'choosing',
            'request.accepted': 'choosing',
            'wire.opened': 'unidentified',
          },
          after: {
            awaitTimeout: { target: '#rendezvous.lapsed', actions: { type: 'record', params: { outcome: 'unreachable' } } },
          },
        },
        unidentified: {
          description: 'It has dialed: its Hello is verified, its confirmation is not there.',
          on: { 'attempt.failed': 'awaited' },
          after: { unidentifiedTimeout: 'awaited' },
        },
      },
    },
    met: { type: 'final', tags: 'terminal' },
    lapsed: { type: 'final', tags: 'terminal' },
  },
});
