import { wireOf } from '../protocol.setup.js';
import { resumeSetup } from './resume.setup.js';

/** Region: is there a wire, and has the peer said where it is? */
export const linkage = resumeSetup.createStateConfig({
  initial: 'linked',
  states: {
    linked: {
      meta: { rule: 'RES-6' },
      invoke: { src: 'wire', id: 'wire', input: wireOf },
      on: {
        // A newer wire of the session takes over at once; the older one dies with the state that invoked it (RES-6).
        'wire.offered': { target: 'linked', reenter: true, actions: 'takeWire' },
        'wire.closed': 'apart',
        'wire.silent': { target: 'apart', description: 'A health verdict ends the wire, not the session (RES-12).' },
        'wire.spoilt': { target: 'apart', actions: 'countStrike' },
        'goodbye.unheard': { guard: 'isDialer', target: 'apart', description: 'A new wire may carry it (RES-19).' },
      },
      initial: 'opening',
      states: {
        opening: {
          on: {
            'wire.opened': {
              target: 'greeting',
              actions: ['noteOpened', { type: 'tellParent', params: { type: 'handshake.started' } }],
            },
          },
        },
        greeting: {
          meta: { rule: 'RES-2' }, // Nothing is accepted before the peer's hello was verified.
          entry: 'greetPeer',
          on: { 'peer.greeted': 'flowing' },
          after: { greetingTimeout: '#resume.alive.linkage.apart' },
        },
        flowing: {
          tags: 'flows',
          entry: ['openPlane', 'flush'],
          on: { probe: { actions: ['probeWire', 'flush'] }, drain: { actions: ['askToGo', 'flush'] } },
        },
      },
    },
    apart: {
      on: { 'wire.offered': { target: 'linked', actions: 'takeWire' } },
      initial: 'choosing',
      states: {
        choosing: { always: [{ guard: 'isDialer', target: 'asking' }, 'awaiting'] },
        asking: {
          invoke: {
            src: 'grant',
            id: 'grant',
            input: ({ context: { session } }) => ({ session }),
          },
          on: { 'redial.granted': '#resume.alive.linkage.linked' },
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
        'wire.spoilt': 'expiring',
        'goodbye.unheard': { guard: 'isDialer', target: 'expiring' },
      },
    },
    expiring: {
      meta: { rule: 'RES-3' },
      entry: { type: 'tellParent', params: { type: 'session.lost' } },
      on: { 'peer.greeted': 'regained' },
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
        'wire.spoilt': 'expiring',
        'goodbye.unheard': { guard: 'isDialer', target: 'expiring' },
      },
    },
  },
});
