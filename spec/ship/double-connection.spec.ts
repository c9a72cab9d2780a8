import { Hub, memoryTrust } from '../../adapters/ship/index.js';
import type { TieRule } from '../../machines/tie-break.js';
import type { Transport } from '../../machines/ports.js';
import { SimClock } from '../sim/clock.js';
import { SimNetwork } from '../sim/network.js';
import { SeededRandom } from '../sim/random.js';
import { Board } from './nodes.js';
import { TiePeer, type PeerRule } from './tie-peer.js';
import { asWebSocket, serviceOf } from './world.js';

/** Crossings per rule, kind of peer, and order of SKIs. */
const SEEDS = Number(process.env['SIM_SEEDS'] ?? 50);
const SKI = '5'.repeat(40);
/** From the crossing on, what a user may have to wait: a decision, its probe, and a band each. */
const SETTLED_MS = 30_000;

interface Outcome {
  readonly wires: number;
  readonly connected: number;
  readonly settledMs: number;
  readonly crossed: boolean;
}

/** What the machine's TCP tells a dialer before the upgrade. */
function reaching(transport: Transport, clock: SimClock): Transport {
  return {
    ...transport,
    dial: (address, options) => {
      const open = transport.dial(address, options);
      return (handler) => {
        clock.setTimeout(() => options?.onReached?.(), 10);
        return open(handler);
      };
    },
  };
}

/** Both sides dial at about the same moment; then a minute passes. */
async function crossing(seed: number, rule: TieRule, peerRule: PeerRule, isLarger: boolean): Promise<Outcome> {
  const clock = new SimClock();
  const random = new SeededRandom(seed);
  const network = new SimNetwork(clock, random, { boundaries: 'message', pack: false });
  const ski = (isLarger ? '1' : '9').repeat(40);
  const identity = (of: string): { fingerprint: string; ski: string } => ({ fingerprint: of[0]!.repeat(64), ski: of });
  let connected = 0;
  let lastMs = 0;
  let data = 0;
  const board = new Board();
  board.services = [serviceOf('peer', ski)];
  const hub = new Hub(
    {
      ski: SKI,
      shipId: 'hub',
      transports: [reaching(asWebSocket(network.transport('hub', { identity: identity(SKI) })), clock)],
      listen: ['wss://hub:1/ship/'],
      discovery: board,
      trust: memoryTrust(),
      doubleConnection: rule,
      ports: { clock, random: random.next, entropy: random.bytes },
    },
    {
      remoteSKIConnected: () => {
        connected++;
        lastMs = clock.now();
      },
      setupRemoteDevice: () => () => void data++,
    },
  );
  const started = hub.start();
  clock.advance(1);
  await started;
  const peer = new TiePeer(
    peerRule,
    ski,
    SKI,
    network.transport('peer', { identity: identity(ski) }),
    'sim://hub:1',
    clock,
    random,
  );
  hub.registerRemoteService(ski);
  clock.runUntil(() => network.counts.dials > 0, { withinMs: 3000 });
  const begunMs = clock.now();
  // Up to when ours has long been completed; how it seems over there the way decides, which is another one in each direction.
  const offsetMs = random.between(0, 30);
  for (const [from, to] of [
    ['hub', 'peer'],
    ['peer', 'hub'],
  ] as const) {
    const ms = random.between(15, 60);
    network.setLatency(from, to, [ms, ms * 1.5]);
  }
  clock.setTimeout(() => peer.dial(), offsetMs);
  clock.advance(offsetMs);
  const crossed = network.counts.dials > 1;
  clock.advance(SETTLED_MS);
  const wires = network.counts.dials;
  clock.advance(60_000);
  peer.say();
  void hub
    .getConnection(ski)
    ?.connection.send({ datagram: { n: 1 } })
    .catch(() => {});
  clock.advance(100);
  expect({
    seed,
    open: [network.links.size, hub.getConnectionCount(), peer.links.length],
    data: [data, peer.current?.data],
    later: network.counts.dials - wires,
  }).toEqual({ seed, open: [1, 1, 1], data: [1, 1], later: 0 });
  const over = hub.shutdown();
  await Promise.resolve();
  peer.end();
  clock.advance(15_000);
  await over;
  return { wires, connected, settledMs: lastMs - begunMs, crossed };
}

describe.each(['initiator', 'mostRecent'] as const)('[SHIP-11] dials that cross: doubleConnection %s', (rule) => {
  describe.each(['ship-go 0.6.0', 'standard', 'newest'] as const)('with a peer by the rule of %s', (peerRule) => {
    test.each(['larger', 'smaller'])(
      'our SKI is the %s: one connection in the end, and no flapping on the way',
      async (size) => {
        const outcomes: Outcome[] = [];
        for (let seed = 1; seed <= SEEDS; seed++) outcomes.push(await crossing(seed, rule, peerRule, size === 'larger'));
        const most = (of: (outcome: Outcome) => number): number => Math.max(...outcomes.map(of));
        expect(outcomes.filter(({ crossed }) => crossed).length).toBeGreaterThan(SEEDS * 0.15);
        expect(most(({ wires }) => wires)).toBe(2); // So never were both lost.
        expect(most(({ connected }) => connected)).toBe(1);
        expect(most(({ settledMs }) => settledMs)).toBeLessThan(1000);
      },
      120_000,
    );
  });
});
