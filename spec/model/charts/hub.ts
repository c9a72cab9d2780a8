import { assert } from '../../../machines/errors.js';
import { hubMachine } from '../../../machines/hub/hub.machine.js';
import type { HubInput } from '../../../machines/hub/hub-input.js';
import { SimClock } from '../../sim/clock.js';
import type { Model } from '../model.js';
import { played } from '../played.js';

/** The steps of a shutdown, in order. */
const STEPS = ['closeListeners', 'cancelAttempts', 'closeConnections', 'abortConnections', 'destroyWires'] as const;

/** What the actions of one hub did: they are played, and find their world by the hub's handle. */
const callsOf = new WeakMap<object, string[]>();
const noted =
  (name: string) =>
  ({ context }: { context: { hub: object } }): void => {
    callsOf.set(context.hub, [...(callsOf.get(context.hub) ?? []), name]);
  };
const steps = Object.fromEntries(STEPS.map((name) => [name, noted(name)]));
const others = [
  ...['attachHub', 'openListener', 'identifyWire', 'refuseListening', 'refuseAccepted', 'refuseRequest', 'dropIdentified'],
  ...[
    'routeWire',
    'expireTie',
    'settleTie',
    'requestPeer',
    'unregisterPeer',
    'decideRedial',
    'decideRest',
    'replaceCrashed',
    'noteEnded',
  ],
  ...['awaitLast', 'probeWires', 'beginShutdown', 'holdDials', 'dropWires', 'releaseDials', 'sendFarewell'],
];
const silent = Object.fromEntries(others.map((name) => [name, () => undefined]));

class PlayedEngine {
  readonly clock = new SimClock();
  readonly input: HubInput = {
    ports: { clock: this.clock, random: () => 0, entropy: (size: number) => new Uint8Array(size) } as HubInput['ports'],
    transports: [],
    protocols: [],
  };
}

/** An engine's life. What it does to its tables is played: events say when nothing of a kind is left. */
export const hubModel: Model<PlayedEngine> = {
  machine: hubMachine.provide({
    actors: Object.fromEntries(
      ['supervisor', 'listeners', 'accepts', 'dialer', 'wake', 'host'].map((name) => [name, played()]),
    ) as never,
    actions: { ...steps, ...silent } as never,
  }),
  worlds: { 'an engine': () => new PlayedEngine() },
  samples: {
    start: { type: 'start' },
    'an address to listen at': { type: 'listen.requested', address: 'played://here', done: () => {} },
    'a connection is wanted': { type: 'peer.requested', request: { targets: [] }, caller: undefined },
    'a peer is not wanted any more': { type: 'peer.unregistered', peer: 'bob' },
    'a wire is accepted': { type: 'wire.accepted', offer: {}, protocols: [], listener: undefined },
    'a wire is identified': { type: 'wire.identified', wire: {} },
    'the peer does not decide': { type: 'tie.undecided', id: 1 },
    'the waiting wire speaks': { type: 'tie.spoke', id: 1 },
    'an attempt fails': { type: 'attempt.failed', id: 1 },
    'a connection rests': { type: 'connection.rested', id: 1 },
    'a connection ends': { type: 'connection.ended', key: 1, output: {} },
    'a connection crashes': { type: 'connection.crashed', key: 1, error: new Error('broken') },
    'the host woke': { type: 'host.woke' },
    'the host has no network': { type: 'host.held' },
    'the host has a network': { type: 'host.released' },
    'the host is frozen': { type: 'host.frozen' },
    'the host leaves': { type: 'host.left' },
    shutdown: { type: 'shutdown' },
    'the last listener is gone': { type: 'listeners.gone' },
    'the last connection is gone': { type: 'connections.gone' },
    'the last wire is gone': { type: 'wires.gone' },
  },
  check(_, { context }) {
    const made = callsOf.get((context as { hub: object }).hub) ?? [];
    assert(new Set(made).size === made.length, 'each step of a shutdown is made once');
    const order = made.map((each) => STEPS.indexOf(each as never));
    assert(
      order.every((each, i) => i === 0 || order[i - 1]! < each),
      'and in order',
    );
  },
};
