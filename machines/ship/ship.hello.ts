import { whenPeerCloses } from './ship.closing.js';
import { SHIP_CLOSE, shipSetup } from './ship.setup.js';

/** @rule SHIP-3 SHIP-4 Hello (13.4.4.1): both sides must trust each other; a side whose user has not decided asks for more time. */
export const hello = shipSetup.createStateConfig({
  meta: { name: 'SME_HELLO' },
  initial: 'deciding',
  on: {
    ...whenPeerCloses,
    deny: { target: '.aborting', actions: { type: 'recordClosing', params: { code: 'trust-denied', side: 'local' } } },
    'ship.*': [
      { guard: 'isUnknownMessage', actions: 'countIgnored' },
      { target: '.aborting', actions: { type: 'recordViolation', params: { rule: 'SHIP-3' } } },
    ],
  },
  states: {
    deciding: {
      entry: 'startWaiting',
      initial: 'choosing',
      states: {
        choosing: {
          always: [
            {
              guard: 'isDenied',
              target: '#ship.alive.hello.aborting',
              actions: { type: 'recordClosing', params: { code: 'trust-denied', side: 'local' } },
            },
            { guard: 'isClient', target: '#ship.alive.hello.ready' }, // The user of a dialer trusts the peer already.
            { target: 'asking' },
          ],
        },
        asking: {
          entry: 'askTrust',
          on: {
            'peer.known': [{ guard: 'isTrusted', target: '#ship.alive.hello.ready' }, { target: '#ship.alive.hello.pending' }],
          },
        },
      },
    },
    ready: {
      meta: { name: 'SME_HELLO_STATE_READY_LISTEN' },
      entry: ['sendReady', 'flush'],
      on: {
        'ship.hello': [
          { guard: 'isReady', target: 'ok' },
          { guard: 'isAborted', target: 'denied' },
          // Not re-entered: one request has one answer.
          { guard: 'asksForMore', target: '.asked' },
          { guard: 'isPending' }, // Patience is what we have until the timer ends it.
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
        asked: {
          entry: 'askLeave',
          on: {
            'peer.known': [
              { guard: 'mayWait', target: 'waiting', actions: ['prolongWaiting', 'sendReady', 'flush'] },
              { target: 'waiting', actions: ['sendReady', 'flush'] },
            ],
          },
        },
      },
    },
    pending: {
      meta: { name: 'SME_HELLO_STATE_PENDING_LISTEN' },
      entry: ['sendPending', 'flush', { type: 'tellParent', params: { type: 'pairing.requested' } }],
      on: {
        accept: [
          { guard: 'isPeerReady', target: 'ok', actions: ['startWaiting', 'sendReady', 'flush'] },
          { target: 'ready', actions: 'startWaiting', description: 'The peer has not said `ready` yet (13.4.4.1.3).' },
        ],
        'ship.hello': [
          { guard: 'isAborted', target: 'denied' },
          { guard: 'asksWithinPatience', actions: ['notePeer', 'prolongWaiting', 'sendPending', 'flush'] },
          { guard: 'asksForMore', target: '.weighing', actions: ['notePeer', 'prolongWaiting', 'sendPending', 'flush'] },
          { guard: 'statesWaiting', target: '.weighing', actions: 'notePeer' },
          { guard: 'repeatsItself', actions: ['notePeer', 'countIgnored'] },
          { target: '.weighing', actions: 'notePeer', description: 'It does not say how long it waits, which is optional.' },
        ],
      },
      initial: 'asking',
      states: {
        asking: {
          description: 'A peer is refused at once when no user can decide about it.',
          entry: 'askPatience',
          on: { 'peer.known': [{ guard: 'mayNotWait', target: '#ship.alive.hello.unwelcome' }, { target: 'weighing' }] },
        },
        weighing: {
          always: [{ guard: 'hasPatience', target: 'patient' }, { guard: 'hasLittlePatience', target: 'brief' }, 'silent'],
        },
        silent: { after: { helloWait: 'pleading' } },
        patient: {
          description: 'The peer has stated how long it waits. More time is requested shortly before that ends.',
          after: { prolongationTime: 'pleading' },
        },
        pleading: {
          entry: 'askPatience',
          on: { 'peer.known': [{ guard: 'mayWait', target: 'prolonging' }, { target: '#ship.alive.hello.refusing' }] },
        },
        brief: {
          description: 'The peer waits for less than the time from which on more is requested: no request (13.4.4.1.3).',
          after: { briefTime: '#ship.alive.hello.refusing' },
        },
        prolonging: {
          meta: { name: 'prolongation-reply' },
          entry: ['startWaiting', 'askForMore', 'flush'],
          after: { helloWait: '#ship.alive.hello.refusing' },
        },
      },
    },
    unwelcome: {
      always: {
        target: 'aborting',
        actions: {
          type: 'recordClosing',
          params: {
            code: 'trust-denied',
            side: 'local',
            detail: { message: 'the peer is not paired, and allowWaitingForTrust answered no' },
          },
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
      entry: ['sendAborted', 'flush', { type: 'bidFarewell', params: SHIP_CLOSE.rejected }],
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
