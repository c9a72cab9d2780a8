import { whenPeerCloses } from './ship.closing.js';
import { SHIP_CLOSE, shipSetup } from './ship.setup.js';

/** @rule SHIP-3 SHIP-4 Hello (13.4.4.1): both sides must trust each other; whoever's user has not decided asks for patience. */
export const hello = shipSetup.createStateConfig({
  meta: { name: 'SME_HELLO' },
  initial: 'deciding',
  on: {
    ...whenPeerCloses,
    deny: { target: '.aborting', actions: { type: 'recordClosing', params: { code: 'trust-denied', side: 'local' } } },
    'ship.*': { target: '.aborting', actions: { type: 'recordViolation', params: { rule: 'SHIP-3' } } },
  },
  states: {
    deciding: {
      entry: 'startWaiting',
      always: [
        {
          guard: 'isDenied',
          target: 'aborting',
          actions: { type: 'recordClosing', params: { code: 'trust-denied', side: 'local' } },
        },
        { guard: 'isClient', target: 'ready' }, // Who dials has been told to trust.
        { guard: 'isTrusted', target: 'ready' },
        { target: 'pending' },
      ],
    },
    ready: {
      meta: { name: 'SME_HELLO_STATE_READY_LISTEN' },
      entry: ['sayReady', 'flush'],
      on: {
        'ship.hello': [
          { guard: 'isReady', target: 'ok' },
          { guard: 'isAborted', target: 'denied' },
          {
            guard: 'asksAndMayWait',
            target: '.waiting',
            reenter: true,
            actions: ['notePending', 'prolongWaiting', 'sayReady', 'flush'],
          },
          { guard: 'asksForMore', actions: ['notePending', 'sayReady', 'flush'] },
          { guard: 'isPending', actions: 'notePending' }, // Patience is what we have until the timer ends it.
        ],
      },
      initial: 'waiting',
      states: {
        waiting: {
          after: {
            helloWait: {
              target: '#ship.alive.hello.aborting',
              actions: { type: 'recordClosing', params: { code: 'trust-pending-timeout', side: 'remote' } },
            },
          },
        },
      },
    },
    pending: {
      meta: { name: 'SME_HELLO_STATE_PENDING_LISTEN' },
      entry: ['sayPending', 'flush', { type: 'tellParent', params: { type: 'pairing.requested' } }],
      on: {
        accept: { target: 'ok', actions: ['startWaiting', 'sayReady', 'flush'] },
        'ship.hello': [
          { guard: 'isAborted', target: 'denied' },
          { guard: 'saysPatience', target: '.patient', actions: 'notePatience' },
          { guard: 'asksForMore', actions: ['startWaiting', 'sayPending', 'flush'] },
          {
            target: 'aborting', // Neither how long it waits nor a wish: nothing to go by (13.4.4.1.3).
            actions: { type: 'recordViolation', params: { rule: 'SHIP-3' } },
          },
        ],
      },
      initial: 'asking',
      states: {
        asking: {
          description: 'Nobody could ever decide: say so at once.',
          always: [{ guard: 'mayNotWait', target: '#ship.alive.hello.refusing' }, 'unheard'],
        },
        unheard: { after: { helloWait: [{ guard: 'mayWait', target: 'prolonging' }, { target: '#ship.alive.hello.refusing' }] } },
        patient: {
          description: 'The peer has said how long it waits.',
          after: { prolongationTime: [{ guard: 'mayWait', target: 'prolonging' }, { target: '#ship.alive.hello.refusing' }] },
        },
        prolonging: {
          meta: { name: 'prolongation-reply' },
          entry: ['askForMore', 'noteAsked', 'flush'],
          after: { prolongationReply: '#ship.alive.hello.refusing' },
        },
      },
    },
    refusing: {
      always: {
        target: 'aborting',
        actions: { type: 'recordClosing', params: { code: 'trust-pending-timeout', side: 'local' } },
      },
    },
    ok: {
      meta: { name: 'SME_HELLO_STATE_OK' },
      entry: { type: 'tellParent', params: { type: 'trust.established' } },
      always: '#ship.alive.protocol',
    },
    aborting: {
      meta: { name: 'SME_HELLO_STATE_ABORT' },
      entry: ['sayAborted', 'flush', { type: 'bidFarewell', params: SHIP_CLOSE.rejected }],
      on: { 'wire.closed': '#ship.closed', 'ship.*': { description: 'Too late.' }, deny: { description: 'It is being done.' } },
      after: { abortDelay: { target: '#ship.closed', actions: 'stopPolitely' } },
    },
    denied: {
      meta: { name: 'SME_HELLO_STATE_REMOTE_ABORT_DONE' },
      entry: [
        { type: 'recordClosing', params: { code: 'trust-denied', side: 'remote' } },
        { type: 'bidFarewell', params: SHIP_CLOSE.rejected },
      ],
      on: { 'wire.closed': '#ship.closed', 'ship.*': { description: 'Too late.' }, deny: { description: 'Denied is denied.' } },
      after: { abortDelay: { target: '#ship.closed', actions: 'stopPolitely' } },
    },
  },
});
