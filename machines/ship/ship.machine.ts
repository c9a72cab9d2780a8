import { closing } from '../closing.js';
import { wireOf } from '../protocol.setup.js';
import { access, data } from './ship.access.js';
import { closingLocal, closingRemote } from './ship.closing.js';
import { hello } from './ship.hello.js';
import { init } from './ship.init.js';
import { pin } from './ship.pin.js';
import { protocol } from './ship.protocol.js';
import { SHIP_CLOSE, shipSetup } from './ship.setup.js';
import { SHIP_TIMING } from './ship.timing.js';

/**
 * One SHIP connection: the phases of chapter 13.4 in their order, each in its own file. `meta.name` has the standard's names
 * of states. An error number or a refusal leaves before the wire is closed.
 */
export const shipMachine = shipSetup.createMachine({
  id: 'ship',
  meta: {
    delays: {
      initTimeout: SHIP_TIMING.initTimeoutMs,
      helloWait: SHIP_TIMING.helloWaitMs,
      prolongationTime: 'before the wait that the peer stated ends',
      briefTime: 'what is left of both waits',
      abortDelay: SHIP_TIMING.abortDelayMs,
      protocolTimeout: SHIP_TIMING.protocolTimeoutMs,
      pinTimeout: SHIP_TIMING.pinTimeoutMs,
      accessTimeout: SHIP_TIMING.accessTimeoutMs,
      closeTimeout: SHIP_TIMING.closeTimeoutMs,
      announcedTime: 'as the peer announced',
    },
  },
  context: ({ input: { role, session } }) => ({
    role,
    session,
    ski: session.plane.input.ski,
    helloProlongThresholdMs: session.plane.input.timing.helloProlongThresholdMs,
    patienceMs: 0,
    peerPhase: 'unsaid',
    isDenied: false,
  }),
  output: ({ context }) => ({ closing: context.closing ?? closing('closed', 'local') }),
  options: { maxIterations: 1000 },
  entry: ['bindPump', { type: 'bidFarewell', params: SHIP_CLOSE.general }],
  initial: 'alive',
  states: {
    alive: {
      invoke: { src: 'wire', id: 'wire', input: wireOf },
      on: {
        deny: {
          target: 'closed',
          actions: [{ type: 'recordClosing', params: { code: 'trust-denied', side: 'local' } }, 'stopPolitely'],
        },
        abort: { target: 'closed', actions: ['recordAbort', 'stopPolitely'] },
        close: { target: 'closed', actions: ['noteClosed', 'sendReason', 'stopPolitely'] },
        probe: { actions: ['probeWire', 'flush'] },
        'wire.closed': { target: 'closed', actions: 'recordWire' },
        'wire.silent': {
          target: 'closed',
          actions: { type: 'recordClosing', params: { code: 'probe-timeout', side: 'remote' } },
        },
      },
      initial: 'opening',
      states: {
        opening: {
          on: {
            'wire.opened': [
              {
                guard: 'isOtherPeer',
                target: '#ship.closed',
                actions: 'recordOtherPeer',
              },
              { target: 'init', actions: { type: 'tellParent', params: { type: 'handshake.started' } } },
            ],
          },
        },
        init,
        hello,
        protocol,
        pin,
        access,
        data,
        closingLocal,
        closingRemote,
      },
    },
    closed: { type: 'final', tags: 'terminal', entry: 'stopPump' },
  },
});
