import { closing } from '../closing.js';
import { wireOf } from '../protocol.setup.js';
import { poolSetup } from './pool.setup.js';
import { POOL_LIMITS } from './pool.timing.js';

/**
 * One pooled connection to one peer: a wire, who is at its other end, messages, and an end that loses nothing written before
 * it. Sharing, counting and dialing again are the hub's and the manager's.
 */
export const poolMachine = poolSetup.createMachine({
  id: 'pool',
  meta: {
    delays: {
      connectTimeout: POOL_LIMITS.connectTimeoutMs,
      closeGrace: POOL_LIMITS.closeGraceMs,
      yieldTime: POOL_LIMITS.yieldMs,
    },
  },
  context: ({ input: { role, session } }) => {
    const { isBare, isProven, localId, peer } = session.plane.input;
    return { role, session, isBare, isProven, localId, peer, goodbye: { code: 'closed', afterMs: 0 } };
  },
  output: ({ context }) => ({
    closing: context.closing ?? closing(context.goodbye.code === 'shutdown' ? 'shutdown' : 'closed', 'local'),
  }),
  options: { maxIterations: 1000 },
  entry: 'bindPump',
  initial: 'alive',
  states: {
    alive: {
      invoke: { src: 'wire', id: 'wire', input: wireOf },
      on: {
        abort: { target: 'closed', actions: 'recordAbort' },
        'wire.closed': { target: 'closed', actions: 'recordWire' },
        // The reason goes out first; the pump bounds how long that may take (POOL-13).
        'peer.violated': { target: 'closed', actions: ['recordViolation', 'stopWithLastWord'] },
        'peer.accused': { target: 'closed', actions: ['recordAccusation', 'stopPolitely'] },
        'wire.silent': {
          target: 'closed',
          actions: { type: 'recordClosing', params: { code: 'probe-timeout', side: 'remote' } },
        },
      },
      initial: 'attempt',
      states: {
        attempt: {
          meta: { rule: 'POOL-12' },
          on: {
            close: { target: '#pool.closed', actions: { type: 'recordClosing', params: { code: 'cancelled', side: 'local' } } },
          },
          after: {
            connectTimeout: {
              target: '#pool.closed',
              actions: { type: 'recordClosing', params: { code: 'handshake-timeout', side: 'remote' } },
            },
          },
          initial: 'opening',
          states: {
            opening: {
              on: {
                'wire.opened': [
                  {
                    guard: 'isBare',
                    target: '#pool.alive.open',
                    actions: { type: 'tellParent', params: { type: 'handshake.started' } },
                  },
                  { target: 'handshake', actions: ['noteWire', { type: 'tellParent', params: { type: 'handshake.started' } }] },
                ],
              },
            },
            handshake: {
              meta: { rule: 'POOL-5' }, // No message is exchanged before the peer has identified itself.
              entry: 'sendHello',
              on: {
                'handshake.done': [
                  {
                    guard: 'isMistaken',
                    target: '#pool.closed',
                    actions: { type: 'recordClosing', params: { code: 'identity-mismatch', side: 'remote' } },
                  },
                  {
                    guard: 'isForeign',
                    target: '#pool.closed',
                    actions: { type: 'recordClosing', params: { code: 'version-unsupported', side: 'remote' } },
                  },
                  { target: '#pool.alive.open', actions: 'tellIdentity' },
                ],
                'handshake.failed': { target: '#pool.closed', actions: ['recordFailure', 'stopWithLastWord'] },
                'peer.refused': [
                  {
                    guard: 'isMistaken',
                    target: '#pool.closed',
                    actions: { type: 'recordClosing', params: { code: 'identity-mismatch', side: 'remote' } },
                  },
                  { guard: 'isCrossed', target: '#pool.yielding', actions: 'tellIdentity' },
                  { target: '#pool.closed', actions: 'recordRefusal' },
                ],
              },
            },
          },
        },
        open: {
          tags: ['accepts-data', 'flows'],
          entry: [
            'openPlane',
            'flush',
            { type: 'tellParent', params: { type: 'trust.established' } },
            { type: 'tellParent', params: { type: 'handshake.completed' } },
          ],
          on: {
            probe: { actions: ['probeWire', 'flush'] },
            abort: {
              guard: 'isReplaced',
              target: '#pool.closed',
              actions: ['recordAbort', 'noteGoodbye', 'sendGoodbye', 'flush', 'stopPolitely'],
            },
            close: [
              { guard: 'isAbrupt', target: 'closingLocal', actions: 'noteGoodbye' },
              { target: 'draining', actions: 'noteGoodbye' },
            ],
            drain: { target: 'draining', actions: 'noteGoodbye' },
            'idle.expired': { target: 'draining', actions: 'noteGoodbye' },
            'peer.goodbye': { target: 'closingRemote', actions: 'recordGoodbye' },
          },
        },
        draining: {
          meta: { rule: 'POOL-8' },
          description: 'Messages written before the end still leave; messages of the peer are still delivered.',
          entry: ['drainPlane', 'flush'],
          on: {
            'log.drained': 'closingLocal',
            close: { guard: 'isAbrupt', target: 'closingLocal', actions: 'noteGoodbye' },
            'peer.goodbye': 'closingRemote', // It waits for the rest.
          },
          after: { closeGrace: 'closingLocal' },
        },
        closingLocal: {
          meta: { rule: 'POOL-8' },
          description: 'The goodbye is said; the peer answers by its own, or by closing.',
          initial: 'speaking',
          states: {
            speaking: { always: [{ guard: 'isBare', target: '#pool.closed', actions: 'stopPolitely' }, 'said'] },
            said: {
              entry: ['sendGoodbye', 'flush'],
              on: {
                'peer.goodbye': { target: '#pool.closed', actions: 'stopPolitely' },
                'wire.closed': '#pool.closed',
                'wire.silent': '#pool.closed',
              },
              after: { closeGrace: { target: '#pool.closed', actions: 'stopPolitely' } },
            },
          },
        },
        closingRemote: {
          meta: { rule: 'POOL-8' },
          description: 'The peer goes, and waits for what was written here.',
          entry: ['drainPlane', 'flush'],
          on: {
            'log.drained': { target: '#pool.closed', actions: ['sendGoodbye', 'flush', 'stopPolitely'] },
            'wire.silent': { description: 'It has said goodbye, and says no more.' },
            'wire.closed': '#pool.closed',
          },
          after: { closeGrace: '#pool.closed' },
        },
      },
    },
    yielding: {
      meta: { rule: 'POOL-4' },
      description: 'The peer dialed too, and its dial counts: the hub brings that wire. If none comes, this attempt was lost.',
      on: {
        close: { target: 'closed', actions: { type: 'recordClosing', params: { code: 'cancelled', side: 'local' } } },
        abort: { target: 'closed', actions: 'recordAbort' },
      },
      after: {
        yieldTime: { target: 'closed', actions: { type: 'recordClosing', params: { code: 'lost-tie-break', side: 'remote' } } },
      },
    },
    closed: { type: 'final', tags: 'terminal', entry: 'stopPump' },
  },
});
