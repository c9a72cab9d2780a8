import { SimClock } from '../sim/clock.js';
import { SeededRandom } from '../sim/random.js';
import { NcpPair, pour, Sink } from './ncp-channel.js';

test('[NCP-4] tuna/ncp: over links that lose, reorder and double packets every byte arrives once and in order, both ways', () => {
  for (let seed = 1; seed <= 40; seed++) {
    const random = new SeededRandom(seed);
    const clock = new SimClock();
    const links = random.pick([1, 2, 4]);
    const way = {
      delayMs: random.int(30),
      jitterMs: random.pick([0, 5, 40]),
      loss: random.pick([0, 0.01, 0.1, 0.3]),
      duplicate: 0.05,
    };
    const mtu = random.pick([1, 64, 1024, 1300]);
    const windowBytes = random.pick([mtu, 10 * mtu, 1 << 16, 4 << 20]);
    const pair = new NcpPair({ clock, random, links, way: () => way, limits: { mtu, windowBytes, idleMs: 0 } });
    const total = Math.min(200_000, mtu * 400, windowBytes * 50);
    const sinks = [new Sink(pair.a), new Sink(pair.b)];
    pair.open();
    pour(pair.a, total, 1 + random.int(5000));
    pour(pair.b, total, 1 + random.int(5000));
    let steps = 0;
    while (sinks.some((sink) => sink.bytes < total) && steps++ < 400_000) if (!clock.step()) break;
    expect({ seed, got: sinks.map((s) => [s.bytes, s.wrongAt]), steps: steps < 400_000 }).toEqual({
      seed,
      got: [[total, -1], [total, -1]],
      steps: true,
    }); // prettier-ignore
    pair.stop();
  }
});
