import { whenPeerCloses } from './ship.closing.js';
import { shipSetup } from './ship.setup.js';

/** Ends the connection with an error number, which leaves before the close. */
const failing = (error: number) =>
  ({
    target: '#ship.closed',
    actions: [
      { type: 'sendProtocolError', params: { error } },
      { type: 'recordProtocolError', params: { error } },
      'stopPolitely',
    ],
  }) as const;
const [timeout, unexpected, mismatch] = [failing(1), failing(2), failing(3)];

/** Protocol handshake (13.4.4.2): version and format, proposed by the client, chosen by the server, confirmed by the client. */
export const protocol = shipSetup.createStateConfig({
  meta: { name: 'SME_PROT_H' },
  initial: 'choosing',
  on: {
    ...whenPeerCloses,
    'ship.protocol-error': [
      {
        guard: 'isTimeoutError', // Our message reached the peer too late: the network's fault, and worth another dial.
        target: '#ship.closed',
        actions: [{ type: 'recordClosing', params: { code: 'handshake-timeout', side: 'remote' } }, 'stopPolitely'],
      },
      {
        target: '#ship.closed',
        actions: [{ type: 'recordClosing', params: { code: 'handshake-refused', side: 'remote' } }, 'stopPolitely'],
      },
    ],
    // A repeated `ready`, or an answer to our request for more time that crossed the approval.
    'ship.hello': [{ guard: 'isAborted', target: '#ship.alive.hello.denied' }, { actions: 'countIgnored' }],
    'ship.*': [{ guard: 'isUnknownMessage', actions: 'countIgnored' }, unexpected],
  },
  states: {
    choosing: { always: [{ guard: 'isClient', target: 'clientChoice' }, 'serverProposal'] },
    serverProposal: {
      meta: { name: 'SME_PROT_H_STATE_SERVER_LISTEN_PROPOSAL' },
      on: {
        'ship.protocol': [
          { guard: 'isAnnouncement', target: 'serverConfirm', actions: ['selectProtocol', 'flush'] },
          { guard: 'isOddAnnouncement', ...mismatch },
          unexpected,
        ],
      },
      after: { protocolTimeout: timeout },
    },
    serverConfirm: {
      meta: { name: 'SME_PROT_H_STATE_SERVER_LISTEN_CONFIRM' },
      on: {
        'ship.protocol': [
          { guard: 'isOurSelection', target: '#ship.alive.pin' },
          { guard: 'isSelection', ...mismatch },
          { guard: 'isAnnouncement', actions: 'countIgnored' }, // Repeated, and answered already.
          unexpected,
        ],
      },
      after: { protocolTimeout: timeout },
    },
    clientChoice: {
      meta: { name: 'SME_PROT_H_STATE_CLIENT_LISTEN_CHOICE' },
      entry: ['announceProtocol', 'flush'],
      on: {
        'ship.protocol': [
          { guard: 'isOurSelection', target: '#ship.alive.pin', actions: ['selectProtocol', 'flush'] },
          { guard: 'isSelection', ...mismatch },
          unexpected,
        ],
      },
      after: { protocolTimeout: timeout },
    },
  },
});
