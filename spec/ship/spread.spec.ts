import { ship } from '../../adapters/ship/index.js';
import { Engine } from '../../machines/engine.js';
import { SimClock } from '../sim/clock.js';
import { playedTransport } from '../sim/played-transport.js';
import { SeededRandom } from '../sim/random.js';
import { AS_SERVER, dialedWire, PlayedPeers, SELF, through, type PlayedShipWire } from './played.js';

/** `SIM_SEEDS=100` for the whole. */
const SEEDS = Number(process.env['SIM_SEEDS'] ?? 10);
const DEVICES = 1000;
const BAND_MS = 3000;
const BIN_MS = 100;
/** From a dial to a device that is through with TLS and its part of the handshake. */
const ANSWER_MS = 40;

/** A hub whose devices answer every dial after 40 ms, and when it dialed. */
function crowd(seed: number): { clock: SimClock; wires: Set<PlayedShipWire>; dialedAt: number[]; engine: Engine } {
  const clock = new SimClock();
  const random = new SeededRandom(seed);
  const peers = new PlayedPeers();
  const wires = new Set<PlayedShipWire>();
  const dialedAt: number[] = [];
  const transport = playedTransport(clock, 'message', {
    dialed: (handler, address) => {
      dialedAt.push(clock.now());
      const wire = dialedWire(handler, clock, address);
      clock.setTimeout(() => {
        wires.add(wire);
        through(wire.open(), AS_SERVER, 'access');
      }, ANSWER_MS);
      return wire;
    },
  });
  const engine = new Engine(
    { clock, random: random.next, entropy: random.bytes },
    {
      transports: [transport],
      protocols: [ship({ ski: SELF, shipId: 'self', peers, maxConnections: 2 * DEVICES })],
      resolver: { resolve: (ski, answer) => (answer([`played://${ski}`]), () => {}) },
    },
  );
  void engine.start();
  clock.settle();
  for (let i = 0; i < DEVICES; i++) {
    const ski = (i + 1).toString(16).padStart(40, '0');
    peers.trusted.add(ski);
    engine.peers.register(ski);
  }
  return { clock, wires, dialedAt, engine };
}

/** The fullest 100 ms of the band, as a multiple of their mean. */
function peakOf(dialedAt: readonly number[], fromMs: number): number {
  const bins = new Array<number>(BAND_MS / BIN_MS).fill(0);
  for (const at of dialedAt) {
    const bin = Math.floor((at - fromMs) / BIN_MS);
    if (bin >= 0 && bin < bins.length) bins[bin]!++;
  }
  return Math.max(...bins) / (DEVICES / bins.length);
}

const median = (of: readonly number[]): number => [...of].sort((a, b) => a - b)[of.length >> 1]!;

test('SHIP/spread: a thousand devices that are lost at once are dialed spread over the first band, and all are back at its end', () => {
  const first: number[] = [];
  const again: number[] = [];
  for (let seed = 1; seed <= SEEDS; seed++) {
    const { clock, wires, dialedAt, engine } = crowd(seed);
    clock.advance(BAND_MS + 200);
    first.push(peakOf(dialedAt, 0));
    expect({ seed, completed: engine.metrics().states.completed }).toEqual({ seed, completed: DEVICES });
    const lostAt = clock.now();
    dialedAt.length = 0;
    for (const wire of [...wires]) wire.cut();
    wires.clear();
    clock.advance(BAND_MS + 200);
    again.push(peakOf(dialedAt, lostAt));
    expect({ seed, dials: dialedAt.length, completed: engine.metrics().states.completed }).toEqual({
      seed,
      dials: DEVICES,
      completed: DEVICES,
    });
  }
  process.stderr.write(`peak per 100 ms, of the mean: first ${median(first).toFixed(2)}, again ${median(again).toFixed(2)}\n`);
  expect(median(first)).toBeLessThanOrEqual(2);
  expect(median(again)).toBeLessThanOrEqual(2);
}, 300_000);
