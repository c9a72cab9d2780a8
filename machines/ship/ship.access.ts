import { whenPeerCloses } from './ship.closing.js';
import { SHIP_CLOSE, shipSetup } from './ship.setup.js';

/** From the end of the PIN phase on data flows both ways, so every end is announced behind it. */
const flowing = {
  ...whenPeerCloses,
  close: [{ guard: 'isAbrupt', target: '#ship.closed', actions: 'stopPolitely' }, '#ship.alive.closingLocal'],
  drain: '#ship.alive.closingLocal',
  'ship.access-request': { actions: ['sendAccess', 'flush'] },
  'ship.*': { actions: 'countIgnored', description: 'Repeated, late and unknown control messages are tolerated.' },
} as const;

const otherId = {
  guard: 'isAnotherShipId',
  target: '#ship.closed',
  actions: ['recordIdMismatch', { type: 'bidFarewell', params: SHIP_CLOSE.idMismatch }, 'stopPolitely'],
} as const;

/**
 * Access methods (13.4.6): the peer states its SHIP id. Our own request goes out before anything else, because ship-go never
 * answers one that comes after it has our id. Data flows from here on; a peer that does not answer delays completion alone.
 *
 * @rule SHIP-7 SHIP-8
 */
export const access = shipSetup.createStateConfig({
  meta: { name: 'SME_ACCESS_METHODS_REQUEST' },
  entry: ['askAccess', 'takeData', 'giveData', { type: 'tellParent', params: { type: 'data.accepted' } }, 'flush'],
  on: {
    ...flowing,
    'ship.access': [otherId, { target: '#ship.alive.data', actions: 'learnShipId' }],
  },
  after: {
    accessTimeout: { target: '#ship.alive.data', description: 'The SHIP id is learnt when it comes, however late.' },
  },
});

/** Data exchange (13.4.5). */
export const data = shipSetup.createStateConfig({
  meta: { name: 'SME_STATE_COMPLETE' },
  tags: ['accepts-data', 'flows'],
  entry: [{ type: 'tellParent', params: { type: 'handshake.completed' } }, 'flush'],
  on: {
    ...flowing,
    'ship.access': [otherId, { actions: 'learnShipId' }],
  },
});
