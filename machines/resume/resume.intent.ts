import { and, not, stateIn } from 'xstate';
import { resumeSetup } from './resume.setup.js';

/**
 * A goodbye goes unheard where the wire is silently dead, or where the dial that was to say it hangs. Within the grace there is
 * time for three tries: what has not answered in a third of it is given up for a new wire, which begins with the goodbye.
 * Then it ends here in any case; what may still be on its way is let out.
 */
const untilHeard = {
  initial: 'hoping',
  states: {
    hoping: { after: { goodbyePatience: { target: 'hoping', reenter: true, actions: 'giveUpWire' } } },
  },
  after: { closeGrace: { target: '#resume.closed', actions: 'stopPolitely' } },
} as const;

/** Region: does anybody want it to end? A farewell is a state, because saying it takes time and a wire. */
export const intent = resumeSetup.createStateConfig({
  initial: 'open',
  on: {
    'wire.spoilt': { guard: 'isStruckOut', target: '#resume.closed', actions: ['recordSpoilt', 'saySpoilt', 'stopPolitely'] },
  },
  states: {
    open: {
      tags: 'accepts-data',
      on: {
        close: [
          { guard: 'isAbrupt', target: 'parting', actions: 'noteGoodbyeCode' },
          { target: 'draining', actions: 'noteGoodbyeCode' },
        ],
        'peer.goodbye': 'departing',
        'peer.draining': { target: 'draining', actions: 'recordDrained' },
      },
    },
    draining: {
      meta: { rule: 'RES-19' },
      entry: ['drainPlane', 'flush'],
      on: {
        'log.drained': 'parting',
        'peer.goodbye': 'departing',
        close: { guard: 'isAbrupt', target: 'parting', actions: 'noteGoodbyeCode' },
      },
    },
    parting: {
      meta: { rule: 'RES-11' },
      entry: ['sayGoodbye', 'flush'],
      on: {
        'goodbye.acknowledged': { target: '#resume.closed', actions: 'stopPolitely' },
        // The peer ended while we were away, or says goodbye too: both is a clean end.
        'peer.refused': { guard: 'hasEnded', target: '#resume.closed', actions: 'stopPolitely' },
        'peer.goodbye': 'crossing',
      },
      initial: 'speaking',
      states: {
        speaking: {
          always: [{ guard: and(['isPatient', not(stateIn('#resume.alive.linkage.linked.flowing'))]), target: 'unsaid' }, 'said'],
        },
        unsaid: {
          description:
            'Everything is acknowledged, and there is no wire to say goodbye on: nothing is lost when it stays unsaid.',
          on: { 'peer.greeted': 'said', close: { guard: 'isAbrupt', target: '#resume.closed' } },
          ...untilHeard,
        },
        said: untilHeard,
      },
    },
    crossing: {
      description: 'Both said goodbye; each acknowledges the other, and whoever has heard that closes the wire.',
      on: {
        'goodbye.acknowledged': { target: '#resume.closed', actions: 'stopPolitely' },
        'wire.closed': '#resume.closed',
      },
      after: { closeGrace: '#resume.closed' },
    },
    departing: {
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
