import { whenPeerCloses } from './ship.closing.js';
import { SHIP_CLOSE, shipSetup } from './ship.setup.js';

/**
 * Access methods (13.4.6): who the peer is by its SHIP id. Data is taken from here on. Our own request goes out before
 * anything else: ship-go never answers one that comes after it has our id.
 */
export const access = shipSetup.createStateConfig({
  meta: { name: 'SME_ACCESS_METHODS_REQUEST' },
  entry: ['takeData', { type: 'tellParent', params: { type: 'data.accepted' } }, 'askAccess', 'flush'],
  on: {
    ...whenPeerCloses,
    'ship.access-request': { actions: ['sayAccess', 'flush'] },
    'ship.access': [
      {
        guard: 'isAnotherShipId',
        target: '#ship.closed',
        actions: ['recordIdMismatch', { type: 'bidFarewell', params: SHIP_CLOSE.idMismatch }, 'stopPolitely'],
      },
      { target: '#ship.alive.data', actions: 'learnShipId' },
    ],
    'ship.*': {
      target: '#ship.closed',
      actions: [{ type: 'recordViolation', params: { rule: 'SHIP-7' } }, 'stopPolitely'],
    },
  },
  after: {
    accessTimeout: [
      { guard: 'knowsShipId', target: '#ship.alive.data', description: 'It answered once; some never do again.' },
      {
        target: '#ship.closed',
        actions: [{ type: 'recordClosing', params: { code: 'handshake-timeout', side: 'remote' } }, 'stopPolitely'],
      },
    ],
  },
});

/** Data exchange (13.4.5). What is no data and no question is of no consequence any more. */
export const data = shipSetup.createStateConfig({
  meta: { name: 'SME_STATE_COMPLETE' },
  tags: ['accepts-data', 'flows'],
  entry: ['giveData', { type: 'tellParent', params: { type: 'handshake.completed' } }, 'flush'],
  on: {
    ...whenPeerCloses,
    probe: { actions: ['probeWire', 'flush'] },
    close: [{ guard: 'isAbrupt', target: '#ship.closed', actions: 'stopPolitely' }, '#ship.alive.announcing'],
    drain: '#ship.alive.announcing',
    'ship.access-request': { actions: ['sayAccess', 'flush'] },
    'ship.access': [
      {
        guard: 'isAnotherShipId',
        target: '#ship.closed',
        actions: ['recordIdMismatch', { type: 'bidFarewell', params: SHIP_CLOSE.idMismatch }, 'stopPolitely'],
      },
      { actions: 'learnShipId' },
    ],
    'ship.*': { description: 'Late or unknown control messages are ignored.' },
  },
});
