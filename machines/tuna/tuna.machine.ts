import { closing } from '../closing.js';
import { persistedWithout } from '../persisted-without.js';
import { contextOf, tunaSetup } from './tuna.setup.js';
import { TUNA_LIMITS } from './tuna.timing.js';

const counting = { target: 'counting', actions: ['noteJoined', 'trim'] } as const;
const recounting = { target: 'counting', actions: ['noteEnded', 'noteAddress', 'promote'] } as const;

/** Region: how many of the links carry packets. Without any, the session waits for one as long as the window is. */
const strength = tunaSetup.createStateConfig({
  initial: 'gathering',
  states: {
    gathering: {
      always: [
        { guard: 'allDialsFailed', target: '#tuna.closed', actions: 'recordCause' },
        {
          guard: 'isForeign',
          target: '#tuna.closed',
          actions: { type: 'record', params: { code: 'malformed', side: 'remote' } },
        },
      ],
      on: {
        'address.none': { actions: 'noteUnaddressed' },
        'link.corrupt': { actions: ['noteCorrupt', 'dismissWire', 'tellLink'] },
        'link.opened': { actions: ['noteOpened', 'noteAddress', { type: 'tellParent', params: { type: 'handshake.started' } }] },
        'link.joined': { actions: ['noteJoined', 'trim'] },
        'link.ended': { actions: ['noteEnded', 'noteAddress', 'promote'] },
        'ncp.established': {
          target: 'counting',
          actions: [
            'trim',
            { type: 'tellParent', params: { type: 'trust.established' } },
            { type: 'tellParent', params: { type: 'handshake.completed' } },
          ],
        },
      },
    },
    counting: {
      always: [
        { guard: 'isLost', target: 'lost' },
        { guard: 'isOpen', target: 'open' },
        { guard: 'isAlone', target: 'alone' },
        'degraded',
      ],
    },
    open: { tags: 'flows', on: { 'link.joined': counting, 'link.ended': recounting } },
    degraded: { tags: 'flows', on: { 'link.joined': counting, 'link.ended': recounting } },
    alone: {
      tags: 'flows',
      description: 'The last link: the session outlives it, where the original does not.',
      on: { 'link.joined': counting, 'link.ended': recounting },
    },
    lost: {
      meta: { rule: 'TUNA-7' },
      entry: ['beginDoubts', 'tellGone', { type: 'tellParent', params: { type: 'session.lost' } }],
      always: {
        guard: 'isDisowned',
        target: '#tuna.closed',
        actions: { type: 'record', params: { code: 'peer-lost-session', side: 'remote' } },
      },
      on: {
        'link.joined': {
          target: 'counting',
          actions: ['noteJoined', 'trim', { type: 'tellParent', params: { type: 'session.resumed' } }],
        },
        'link.ended': { actions: ['noteEnded', 'noteAddress', 'promote'] },
        'session.unknown': {
          target: '#tuna.closed',
          actions: { type: 'record', params: { code: 'peer-lost-session', side: 'remote' } },
        },
      },
      after: {
        reconnectWindow: {
          target: '#tuna.closed',
          actions: { type: 'record', params: { code: 'window-expired', side: 'remote' } },
        },
      },
    },
  },
});

/** Dozens of links would be persisted with their session. They are left out: wires can't be persisted, and begin anew. */
const isLink = (id: string): boolean => id.startsWith('link ');

/**
 * One Tuna session in either role: an NCP session and the links that carry it, each an actor of its own. It sees neither data nor
 * wires. Links come and go; the session ends with its NCP session, when there was no link for the whole window, or by order.
 */
export const tunaSessionMachine = persistedWithout(
  isLink,
  tunaSetup.createMachine({
    id: 'tuna',
    meta: {
      delays: {
        reconnectWindow: TUNA_LIMITS.reconnectWindowMs,
      },
    },
    context: ({ input }) => contextOf(input),
    output: ({ context }) => ({ closing: context.closing ?? closing('closed', 'local') }),
    options: { maxIterations: 1000 },
    entry: ['bindPump', 'showConns'],
    initial: 'alive',
    states: {
      alive: {
        always: [
          { guard: 'mustBeginLink', actions: ['lendWire', 'beginLink', 'dropOrder'] },
          { guard: 'mustTellLink', actions: ['sendToLink', 'dropOrder'] },
          { guard: 'hasOrder', actions: ['turnAway', 'dropOrder'] },
          { guard: 'isContested', actions: ['noteProbed', 'probeLinks', 'flush'] },
        ],
        invoke: {
          src: 'ncp',
          id: 'ncp',
          input: ({ context: { role, session } }) => ({ role, session }),
          onDone: { target: 'closed', actions: 'recordOutput' },
        },
        on: {
          'link.opened': { actions: ['noteOpened', 'noteAddress'] },
          'reserve.entered': { actions: 'noteReserved' },
          'link.wanted': { actions: 'makeRoom' },
          'link.proven': { actions: 'tellLink' },
          'link.silent': { actions: 'tellLink' },
          'link.corrupt': { actions: ['dismissWire', 'tellLink'] },
          'link.accused': { actions: ['noteAccused', 'tellLink'] },
          'peer.violated': {
            target: 'closed',
            actions: 'recordViolation',
            description: 'Why goes out first; the pump bounds how long that may take (NCP-16).',
          },
          'peer.accused': { target: 'closed', actions: 'recordAccusation' },
          'handshake.done': { actions: ['notePeerLinks', 'tellNcp'] },
          'peer.closed': { actions: 'tellNcp' },
          'peer.unknown-session': { actions: 'tellNcp' },
          'log.drained': { actions: 'tellNcp' },
          close: { actions: 'tellNcp' },
          probe: { actions: ['probeLinks', 'flush'] },
          'wire.offered': { actions: 'offerLink' },
          abort: { target: 'closed', actions: 'recordAbort' },
        },
        type: 'parallel',
        states: { strength },
      },
      closed: { type: 'final', tags: 'terminal', entry: 'stopPolitely' },
    },
  }),
);
