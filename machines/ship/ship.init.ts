import { shipSetup } from './ship.setup.js';

const wrong = {
  target: '#ship.closed',
  actions: [{ type: 'recordViolation', params: { rule: 'SHIP-2' } }, 'stopPolitely'],
} as const;
const late = {
  target: '#ship.closed',
  actions: [{ type: 'recordClosing', params: { code: 'handshake-timeout', side: 'remote' } }, 'stopPolitely'],
} as const;

/** Connection mode initialisation (13.4.3): two zero bytes each way, the client first. */
export const init = shipSetup.createStateConfig({
  meta: { name: 'CMI' },
  on: { deny: { actions: 'noteDenied', description: 'Said in the hello, where there are words for it.' } },
  initial: 'choosing',
  states: {
    choosing: { always: [{ guard: 'isClient', target: 'clientWait' }, 'serverWait'] },
    clientWait: {
      meta: { name: 'CMI_STATE_CLIENT_WAIT' },
      entry: ['sendInit', 'flush'],
      on: { 'ship.*': [{ guard: 'isInit', target: '#ship.alive.hello' }, wrong] },
      after: { initTimeout: late },
    },
    serverWait: {
      meta: { name: 'CMI_STATE_SERVER_WAIT' },
      on: {
        'ship.*': [
          { guard: 'isInit', target: '#ship.alive.hello', actions: 'sendInit' },
          // A peer that begins wrongly still gets the right answer (TC_SHIP_CMI_001).
          { ...wrong, actions: ['sendInit', ...wrong.actions] },
        ],
      },
      after: { initTimeout: late },
    },
  },
});
