import { shipSetup } from './ship.setup.js';

/** In any phase: the peer announces its end, or confirms one that it believes in (13.4.7). */
export const whenPeerCloses = {
  'ship.close': [
    { guard: 'isAnnounce', target: '#ship.alive.closingRemote', actions: 'noteAnnounced' },
    { guard: 'isConfirm', target: '#ship.closed', actions: ['noteConfirmed', 'stopPolitely'] },
  ],
} as const;

/** @rule SHIP-9 This side closes (13.4.7): announced, confirmed by the peer or not, closed. */
export const closingLocal = shipSetup.createStateConfig({
  meta: { name: 'SME_CLOSE_ANNOUNCE' },
  entry: ['noteClosed', 'sendReason', 'sendAnnounce', 'flush'],
  on: {
    'ship.close': { guard: 'isConfirm', target: '#ship.closed', actions: 'stopPolitely' },
    'ship.access-request': { actions: ['sendAccess', 'flush'] },
    'ship.*': { description: 'The end is announced.' },
    'wire.closed': '#ship.closed',
    'wire.silent': '#ship.closed',
  },
  after: { closeTimeout: { target: '#ship.closed', actions: 'stopPolitely' } },
});

/** The peer closes: confirmed at once, and it has the time it asked for to do so. */
export const closingRemote = shipSetup.createStateConfig({
  meta: { name: 'SME_CLOSE_CONFIRM' },
  entry: [{ type: 'recordClosing', params: { code: 'peer-goodbye', side: 'remote' } }, 'sendConfirm', 'flush'],
  on: {
    'wire.closed': '#ship.closed',
    'wire.silent': '#ship.closed',
    'ship.*': { description: 'It is over.' },
    close: { target: '#ship.closed', actions: 'stopPolitely' },
  },
  after: { announcedTime: { target: '#ship.closed', actions: 'stopPolitely' } },
});
