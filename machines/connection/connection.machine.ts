import { connectionSetup } from './connection.setup.js';

/** A wire of the peer's begins a session where there is none. */
const engages = [
  { guard: 'isTrusted', target: '#connection.engaged.inProgress' },
  { target: '#connection.engaged.receivedPairingRequest' },
] as const;

const calledOff = { target: '#connection.resting', actions: ['recordCancelled', 'tellEnded'] } as const;

/** An attempt or a connection has failed: the hub answers `redial` or `rest`, unless it is called off before. */
const whenFailed = {
  redial: '#connection.queued',
  rest: '#connection.resting',
  connect: '#connection.queued',
  cancel: calledOff,
  close: calledOff,
  abort: { target: '#connection.resting', actions: ['recordAbort', 'tellEnded'] },
} as const;

/**
 * One connection as an application sees it, whatever its protocol: the ten API states. The protocol's own chart is
 * invoked below from the first dial to the last farewell, and drives this one by its news; the state never goes backwards
 * within one handshake. The end is reported before the state says so.
 */
export const connectionMachine = connectionSetup.createMachine({
  id: 'connection',
  context: ({ input }) => input,
  options: { maxIterations: 1000 },
  output: ({ context }) => ({ closing: context.closing }),
  on: { dismiss: '.ended' },
  initial: 'none',
  states: {
    none: {
      entry: { type: 'report', params: { state: 'none' } },
      on: {
        connect: 'queued',
        offered: engages,
      },
    },
    queued: {
      tags: 'wanted',
      entry: { type: 'report', params: { state: 'queued' } },
      invoke: {
        src: 'dialPermit',
        id: 'dialPermit',
        input: ({ context: { port } }) => ({ session: port }),
      },
      on: {
        'redial.permitted': 'engaged.initiated',
        'redial.exhausted': { target: 'resting', actions: ['recordGivenUp', 'tellGivenUp'] },
        offered: engages,
        cancel: calledOff,
        close: calledOff,
        abort: calledOff,
      },
    },
    engaged: {
      entry: 'beginSession',
      invoke: {
        src: 'protocol',
        id: 'protocol',
        input: ({ context }) => context.port.input,
        onDone: [
          { guard: 'wasDenied', target: 'remoteDeniedTrust', actions: ['recordOutput', 'tellEnded'] },
          { guard: 'wasAsked', target: 'resting', actions: ['recordOutput', 'tellEnded'] },
          { target: 'error', actions: ['recordOutput', 'tellEnded'] },
        ],
        onError: { target: 'error', actions: ['recordDefect', 'tellEnded'] },
      },
      on: {
        cancel: calledOff,
        close: { actions: 'forward' },
        abort: { actions: 'forward' },
        probe: { actions: 'forward' },
        drain: { actions: 'forward' },
        deny: { actions: 'forward' },
        offered: { actions: 'offerWire' },
        'data.accepted': { actions: 'tellReadable' },
        'peer.identified': [
          { guard: 'isDuplicate', target: 'resting', actions: ['recordLostTie', 'yieldToOther', 'tellEnded'] },
          { actions: 'noteIdentity' },
        ],
      },
      initial: 'initiated',
      states: {
        initiated: {
          tags: 'wanted',
          entry: { type: 'report', params: { state: 'initiated' } },
          on: {
            'handshake.started': 'inProgress',
            crossed: '#connection.swapping',
          },
        },
        receivedPairingRequest: {
          entry: { type: 'report', params: { state: 'receivedPairingRequest' } },
          on: { accept: { target: 'inProgress', actions: 'forward' } },
        },
        inProgress: {
          entry: { type: 'report', params: { state: 'inProgress' } },
          on: {
            'trust.established': 'trusted',
            crossed: '#connection.swapping',
          },
        },
        trusted: {
          entry: { type: 'report', params: { state: 'trusted' } },
          on: { 'pin.requested': 'pin', 'handshake.completed': 'completed' },
        },
        pin: {
          entry: { type: 'report', params: { state: 'pin' } },
          on: { 'handshake.completed': 'completed' },
        },
        completed: {
          tags: 'accepts-data',
          entry: { type: 'report', params: { state: 'completed' } },
          on: {
            cancel: { description: 'Too late to cancel: a completed connection is closed.' },
            'session.lost': { actions: 'tellLost' },
            'session.resumed': { actions: 'tellResumed' },
          },
        },
      },
    },
    swapping: {
      description: "Both sides dialed, and the peer's wire is to stay: the attempt ends unreported, its place is taken.",
      always: 'engaged.inProgress',
    },
    remoteDeniedTrust: {
      tags: 'terminal',
      entry: [{ type: 'report', params: { state: 'remoteDeniedTrust' } }, 'tellFailed'],
      on: whenFailed,
    },
    error: {
      tags: 'terminal',
      entry: [{ type: 'report', params: { state: 'error' } }, 'tellFailed'],
      on: whenFailed,
    },
    resting: {
      description: 'As none, after something ended; the hub dismisses it unless it is wanted again.',
      entry: [{ type: 'report', params: { state: 'none' } }, 'tellRested'],
      on: {
        connect: 'queued',
        offered: engages,
      },
    },
    ended: { type: 'final', tags: 'terminal' },
  },
});
