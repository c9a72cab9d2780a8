import { and, not, stateIn } from 'xstate';
import { resumeSetup } from './resume.setup.js';

/**
 * A goodbye is lost where the wire is silently dead, or where the dial for it hangs. Within the grace there is
 * time for three tries: a wire that has not answered in a third of it is replaced by a new one, which begins with the goodbye.
 * Then the session ends in any case, and bytes that are still on their way may leave.
 */
const untilAcknowledged = {
  initial: 'waiting',
  states: {
    waiting: { after: { goodbyePatience: { target: 'waiting', reenter: true, actions: 'giveUpWire' } } },
  },
  after: { closeGrace: { target: '#resume.closed', actions: 'stopPolitely' } },
} as const;

/** Region: does either side want it to end? A farewell is a state, because it takes time and a wire. */
export const intent = resumeSetup.createStateConfig({
  initial: 'open',
  on: {
    'wire.corrupt': { guard: 'isStruckOut', target: '#resume.closed', actions: ['recordCorrupt', 'sendCorrupt', 'stopPolitely'] },
  },
  states: {
    open: {
      tags: 'accepts-data',
      on: {
        close: [
          { guard: 'isAbrupt', target: 'closingLocal', actions: 'noteGoodbyeCode' },
          { target: 'draining', actions: 'noteGoodbyeCode' },
        ],
        'peer.goodbye': 'closingRemote',
        'peer.draining': { target: 'draining', actions: 'recordDrained' },
      },
    },
    draining: {
      meta: { rule: 'RES-19' },
      entry: ['drainPlane', 'flush'],
      on: {
        'log.drained': 'closingLocal',
        'peer.goodbye': 'closingRemote',
        close: { guard: 'isAbrupt', target: 'closingLocal', actions: 'noteGoodbyeCode' },
      },
    },
    closingLocal: {
      meta: { rule: 'RES-11' },
      entry: ['sendGoodbye', 'flush'],
      on: {
        'goodbye.acknowledged': { target: '#resume.closed', actions: 'stopPolitely' },
        // The peer ended while we were away, or says goodbye too: both is a clean end.
        'peer.refused': { guard: 'hasEnded', target: '#resume.closed', actions: 'stopPolitely' },
        'peer.goodbye': 'crossing',
      },
      initial: 'speaking',
      states: {
        speaking: {
          always: [
            { guard: and(['isPatient', not(stateIn('#resume.alive.linkage.connected.flowing'))]), target: 'unsaid' },
            'said',
          ],
        },
        unsaid: {
          description:
            'Everything is acknowledged, and there is no wire to say goodbye on: nothing is lost when it stays unsaid.',
          on: { 'handshake.done': 'said', close: { guard: 'isAbrupt', target: '#resume.closed' } },
          ...untilAcknowledged,
        },
        said: {
          description: 'A second hurried close does not wait for a wire to repeat the goodbye on.',
          on: {
            close: {
              guard: and(['isAbrupt', not(stateIn('#resume.alive.linkage.connected.flowing'))]),
              target: '#resume.closed',
            },
          },
          ...untilAcknowledged,
        },
      },
    },
    crossing: {
      description: 'Both said goodbye; each acknowledges the other, and closes the wire when it is acknowledged.',
      on: {
        'goodbye.acknowledged': { target: '#resume.closed', actions: 'stopPolitely' },
        'wire.closed': '#resume.closed',
      },
      after: { closeGrace: '#resume.closed' },
    },
    closingRemote: {
      description: 'The peer said goodbye and closes the wire once it has our acknowledgement.',
      on: {
        'wire.closed': {
          target: '#resume.closed',
          actions: [{ type: 'recordClosing', params: { code: 'peer-goodbye', side: 'remote' } }],
        },
      },
      after: {
        closeGrace: {
          target: '#resume.closed',
          actions: [{ type: 'recordClosing', params: { code: 'peer-goodbye', side: 'remote' } }, 'stopPolitely'],
        },
      },
    },
  },
});
