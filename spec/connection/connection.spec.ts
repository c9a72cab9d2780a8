import { createActor, fromCallback, type EventObject } from 'xstate';
import { closing, type Closing } from '../../machines/closing.js';
import { API_STATES, type ApiState } from '../../machines/connection/api-state.js';
import { connectionMachine } from '../../machines/connection/connection.machine.js';
import type { ConnectionEvent, ConnectionPort } from '../../machines/connection/connection.setup.js';
import { graphOf } from '../../visualizer/graph.js';

const opener = (): (() => void) => () => {};

/** A connection whose protocol and hub are played; what it reports is its story. */
function played({ mayRetry = false } = {}): {
  story: ApiState[];
  ends: string[];
  begun: string[];
  say(...events: ConnectionEvent[]): void;
  end(closing: Closing): void;
  status(): string;
} {
  const story: ApiState[] = [];
  const ends: string[] = [];
  const begun: string[] = [];
  let last: Closing | undefined;
  let endProtocol: (closing: Closing) => void = () => {};
  const port: ConnectionPort = {
    requestDial: () => () => {},
    input: {} as never,
    begin: (role) => void begun.push(role),
    report: (state) => story.push(state),
    ended: (c) => {
      ends.push(c.code);
      last = c;
    },
    failed: () => actor.send({ type: mayRetry && last?.retry === true ? 'redial' : 'rest' }),
    gaveUp: (c) => ends.push(`gave up: ${c.code}`),
    identified: (peer) => ends.push(`identified ${peer}`),
    yielded: (peer) => ends.push(`yielded ${peer}`),
    rested: () => {},
    readable: () => {},
    lost: () => {},
    resumed: () => {},
  };
  const machine = connectionMachine.provide({ actors: { protocol: fromCallback<EventObject>(() => {}) as never } });
  const actor = createActor(machine, { input: { port } }).start();
  endProtocol = (c) => actor.send({ type: 'xstate.done.actor.protocol', output: { closing: c } } as never);
  return {
    story,
    ends,
    begun,
    say: (...events) => events.forEach((e) => actor.send(e)),
    end: (c) => endProtocol(c),
    status: () => actor.getSnapshot().status,
  };
}
const granted: ConnectionEvent = { type: 'redial.permitted' };
const offered = (isTrusted: boolean): ConnectionEvent => ({ type: 'offered', opener, opening: undefined, isTrusted });
const crossed: ConnectionEvent = { type: 'crossed', opener, opening: undefined };
const up: ConnectionEvent[] = [
  { type: 'connect' },
  granted,
  { type: 'handshake.started' },
  { type: 'trust.established' },
  { type: 'handshake.completed' },
];

test('connection: the numbers of the ten states are stable', () => {
  expect(API_STATES).toEqual({
    none: 0,
    queued: 1,
    initiated: 2,
    receivedPairingRequest: 3,
    inProgress: 4,
    trusted: 5,
    pin: 6,
    completed: 7,
    remoteDeniedTrust: 8,
    error: 9,
  });
});

test('connection: a second connection to one peer gives way before it is completed, and says so once', () => {
  const { story, ends, say } = played();
  say({ type: 'connect' }, granted, { type: 'handshake.started' }, { type: 'peer.identified', peer: 'bob', isDuplicate: true });
  expect(story).toEqual(['none', 'queued', 'initiated', 'inProgress', 'none']);
  expect(ends).toEqual(['yielded bob', 'lost-tie-break']);
});

test('connection: the only connection to a peer goes on, by its name', () => {
  const { story, ends, say } = played();
  say(...up.slice(0, 3), { type: 'peer.identified', peer: 'bob', isDuplicate: false }, ...up.slice(3));
  expect([story.at(-1), ends]).toEqual(['completed', ['identified bob']]);
});

test('successful: queued, initiated, in progress, trusted, completed; an orderly end leads to none', () => {
  const c = played();
  c.say(...up);
  c.end(closing('peer-goodbye', 'remote'));
  expect(c.story).toEqual(['none', 'queued', 'initiated', 'inProgress', 'trusted', 'completed', 'none']);
  expect(c.ends).toEqual(['peer-goodbye']);
});

test.each(['closed', 'peer-goodbye', 'shutdown', 'drained', 'cancelled', 'replaced', 'lost-tie-break'] as const)(
  'connection: an end that was asked for (%s) leads to none, not to error, and nothing is decided about a redial',
  (code) => {
    const c = played({ mayRetry: true });
    c.say(...up);
    c.end(closing(code, 'local'));
    expect(c.story.slice(-2)).toEqual(['completed', 'none']);
  },
);

test('trust rejected: the remote denial is a state of its own, and nothing redials by itself', () => {
  const c = played({ mayRetry: true });
  c.say(...up.slice(0, 3));
  c.end(closing('trust-denied', 'remote'));
  expect(c.story).toEqual(['none', 'queued', 'initiated', 'inProgress', 'remoteDeniedTrust', 'none']);
});

test('network failure: error, and queued again where the hub wants it', () => {
  const c = played({ mayRetry: true });
  c.say(...up.slice(0, 2));
  c.end(closing('refused', 'remote'));
  expect(c.story).toEqual(['none', 'queued', 'initiated', 'error', 'queued']);
  const d = played();
  d.say(...up);
  d.end(closing('window-expired', 'remote'));
  expect(d.story.slice(-3)).toEqual(['completed', 'error', 'none']);
});

test('double connection: a crossing dial of the peer takes the attempt over, and the state goes on from 2 to 4', () => {
  const c = played();
  c.say({ type: 'connect' }, granted, crossed, { type: 'trust.established' }, { type: 'handshake.completed' });
  expect(c.story).toEqual(['none', 'queued', 'initiated', 'inProgress', 'trusted', 'completed']);
});

test('connection: an untrusted peer that dials waits for a decision', () => {
  const c = played();
  c.say(offered(false));
  expect(c.story).toEqual(['none', 'receivedPairingRequest']);
  c.say({ type: 'accept' }, { type: 'trust.established' }, { type: 'pin.requested' }, { type: 'handshake.completed' });
  expect(c.story).toEqual(['none', 'receivedPairingRequest', 'inProgress', 'trusted', 'pin', 'completed']);
});

test('connection: cancelled while queued, dialing or in the handshake: none, and told once', () => {
  for (const steps of [1, 2, 3, 4]) {
    const c = played({ mayRetry: true });
    c.say(...up.slice(0, steps), { type: 'cancel' });
    expect({ steps, last: c.story.at(-1), ends: c.ends }).toEqual({ steps, last: 'none', ends: ['cancelled'] });
  }
  const late = played();
  late.say(...up, { type: 'cancel' });
  expect(late.story.at(-1)).toBe('completed');
});

test('connection: dismissed in any state, the actor ends, as only a final state can', () => {
  for (const steps of [0, 1, 2, 3, 5]) {
    const c = played();
    c.say(...up.slice(0, steps), { type: 'dismiss' });
    expect([steps, c.status()]).toEqual([steps, 'done']);
  }
});

/** From which state to which a transition may lead: the table of the ten states, and nothing else. */
const LEAVES: Record<ApiState, readonly ApiState[]> = {
  none: ['queued', 'receivedPairingRequest', 'inProgress'],
  queued: ['initiated', 'receivedPairingRequest', 'inProgress', 'none'],
  initiated: ['inProgress', 'receivedPairingRequest', 'error', 'none', 'remoteDeniedTrust'],
  receivedPairingRequest: ['inProgress', 'error', 'none', 'remoteDeniedTrust'],
  inProgress: ['trusted', 'remoteDeniedTrust', 'error', 'none'],
  trusted: ['pin', 'completed', 'error', 'none', 'remoteDeniedTrust'],
  pin: ['completed', 'error', 'none', 'remoteDeniedTrust'],
  completed: ['error', 'none', 'remoteDeniedTrust'],
  remoteDeniedTrust: ['none', 'queued'],
  error: ['queued', 'none'],
};

test('connection: no transition leads from one API state to another unless the table has it, and the state never goes backwards', () => {
  const { vertices, edges } = graphOf(connectionMachine);
  const stateOf = (id: string): ApiState | undefined => {
    const key = id.split('.').at(-1)!;
    return key === 'resting' || key === 'ended' ? 'none' : key in API_STATES ? (key as ApiState) : undefined;
  };
  const within = (id: string): ApiState[] =>
    stateOf(id) !== undefined ? [stateOf(id)!] : vertices.filter((v) => v.parent === id).flatMap((v) => within(v.id));
  const found: string[] = [];
  for (const edge of edges)
    for (const from of within(edge.from))
      for (const to of edge.to.flatMap(within))
        if (from !== to && !LEAVES[from].includes(to)) found.push(`${from} → ${to} on ${edge.event}`);
  expect(found).toEqual([]);
});
