import { whenPeerCloses } from './ship.closing.js';
import { shipSetup } from './ship.setup.js';

/** PIN (13.4.4.3): neither side asks for one. A peer that does can't be served. */
export const pin = shipSetup.createStateConfig({
  meta: { name: 'SME_PIN_CHECK_LISTEN' },
  entry: [{ type: 'tellParent', params: { type: 'pin.requested' } }, 'sendPin', 'flush'],
  on: {
    ...whenPeerCloses,
    'ship.pin': [
      { guard: 'needsNoPin', target: '#ship.alive.access' },
      { target: '#ship.closed', actions: ['recordPin', 'stopPolitely'] },
    ],
    'ship.hello': [{ guard: 'isAborted', target: '#ship.alive.hello.denied' }, { actions: 'countIgnored' }],
    'ship.*': [
      { guard: 'isRepeatedProtocol', actions: 'countIgnored' },
      { guard: 'isUnknownMessage', actions: 'countIgnored' },
      {
        target: '#ship.closed',
        actions: [{ type: 'recordViolation', params: { rule: 'SHIP-6' } }, 'stopPolitely'],
      },
    ],
  },
  after: {
    pinTimeout: {
      target: '#ship.closed',
      actions: [{ type: 'recordClosing', params: { code: 'handshake-timeout', side: 'remote' } }, 'stopPolitely'],
    },
  },
});
