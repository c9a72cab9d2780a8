import { wireOf } from '../protocol.setup.js';
import { resumeSetup } from './resume.setup.js';

/** Region: is there a wire, and has the peer sent its positions? */
export const linkage = resumeSetup.createStateConfig({
  initial: 'connected',
  states: {
    connected: {
      meta: { rule: 'RES-6' },
      invoke: { src: 'wire', id: 'wire', input: wireOf },
      on: {
        // A newer wire of the session takes over at once; the older one dies with the state that invoked it (RES-6).
        'wire.offered': { target: 'connected', reenter: true, actions: 'takeWire' },
        'wire.closed': 'disconnected',
        'wire.silent': { target: 'disconnected', description: 'A dead wire does not end the session (RES-12).' },
        'wire.corrupt': { target: 'disconnected', actions: 'countStrike' },
        'goodbye.unacknowledged': { guard: 'isDialer', target: 'disconnected', description: 'A new wire may carry it (RES-19).' },
      },
      initial: 'opening',
      states: {
        opening: {
          on: {
            'wire.opened': {
              target: 'hello',
              actions: ['noteOpened', { type: 'tellParent', params: { type: 'handshake.started' } }],
            },
          },
        },
        hello: {
          meta: { rule: 'RES-2' }, // Nothing is accepted before the peer's hello was verified.
          entry: 'sendHello',
          on: { 'handshake.done': 'flowing' },
          after: { helloTimeout: '#resume.alive.linkage.disconnected' },
        },
        flowing: {
          tags: 'flows',
          entry: ['openPlane', 'flush'],
          on: { probe: { actions: ['probeWire', 'flush'] }, drain: { actions: ['askToGo', 'flush'] } },
        },
      },
    },
    disconnected: {
      on: { 'wire.offered': { target: 'connected', actions: 'takeWire' } },
      initial: 'choosing',
      states: {
        choosing: { always: [{ guard: 'isDialer', target: 'asking' }, 'awaiting'] },
        asking: {
          invoke: {
            src: 'dialPermit',
            id: 'dialPermit',
            input: ({ context: { session } }) => ({ session }),
          },
          on: { 'redial.permitted': '#resume.alive.linkage.connected' },
        },
        awaiting: { description: 'Only the dialer can come back.' },
      },
    },
  },
});

/** Region: how long the session may stay without its peer. It outlasts any number of redials. */
export const patience = resumeSetup.createStateConfig({
  initial: 'unborn',
  states: {
    unborn: {
      meta: { rule: 'RES-4' },
      on: {
        'session.born': 'held',
        'wire.closed': { guard: 'neverOpened', target: '#resume.closed', actions: 'recordCause' },
      },
      after: {
        handshakeTimeout: {
          target: '#resume.closed',
          actions: { type: 'recordClosing', params: { code: 'handshake-timeout', side: 'remote' } },
        },
      },
    },
    held: {
      entry: [
        { type: 'tellParent', params: { type: 'trust.established' } },
        { type: 'tellParent', params: { type: 'handshake.completed' } },
      ],
      on: {
        'wire.closed': 'expiring',
        'wire.silent': 'expiring',
        'wire.corrupt': 'expiring',
        'goodbye.unacknowledged': { guard: 'isDialer', target: 'expiring' },
      },
    },
    expiring: {
      meta: { rule: 'RES-3' },
      entry: { type: 'tellParent', params: { type: 'session.lost' } },
      on: { 'handshake.done': 'regained' },
      after: {
        reconnectWindow: {
          target: '#resume.closed',
          actions: { type: 'recordClosing', params: { code: 'window-expired', side: 'remote' } },
        },
      },
    },
    regained: {
      entry: { type: 'tellParent', params: { type: 'session.resumed' } },
      on: {
        'wire.closed': 'expiring',
        'wire.silent': 'expiring',
        'wire.corrupt': 'expiring',
        'goodbye.unacknowledged': { guard: 'isDialer', target: 'expiring' },
      },
    },
  },
});
