import { SimClock } from '../sim/clock.js';
import { SeededRandom } from '../sim/random.js';
import { NcpPair, pour, Sink, type Way } from './ncp-channel.js';

/** How long a transfer takes, in virtual time. */
function transfer(seed: number, links: number, total: number, way: Way): { ms: number; resent: number; wrongAt: number } {
  const clock = new SimClock();
  const pair = new NcpPair({ clock, random: new SeededRandom(seed), links, way: () => way });
  pair.open();
  clock.advance(200);
  const sink = new Sink(pair.b, () => clock.now());
  const from = clock.now();
  pour(pair.a, total, 65_536, 8 << 20);
  clock.runUntil(() => sink.bytes === total, { withinMs: 60_000 });
  pair.stop();
  return { ms: clock.now() - from, resent: pair.a.session.resent, wrongAt: sink.wrongAt };
}

test('[NCP-8] tuna/loss: losses at the end of what there is to send cost one probe together, not one each', () => {
  for (const lost of [1, 4, 12]) {
    // Of 40 packets that leave at once some of the last are lost, the very last among them.
    let packets = 0;
    const drop = (packet: Uint8Array): boolean =>
      packet.length > 1000 && ++packets > 40 - 2 * lost && packets <= 40 && packets % 2 === 0;
    const { ms, resent } = transfer(1, 1, 40 * 1300, { delayMs: 20, drop });
    expect({ lost, resent, isSoon: ms < 300 }).toEqual({ lost, resent: lost, isSoon: true });
  }
});

test('[NCP-8] tuna/loss: one packet in a hundred lost and 20 ms each way: most of what the window allows, on one link and on four', () => {
  // 4 MiB in about two round trips, because there is always one that is missing; and half a second until that is found out.
  for (const links of [1, 4])
    for (let seed = 1; seed <= 3; seed++) {
      const { ms, resent, wrongAt } = transfer(seed, links, 16 << 20, { delayMs: 20, loss: 0.01 });
      const packets = (16 << 20) / 1300;
      expect({ links, seed, wrongAt, isFast: ms < 1100, isSparing: resent < 0.02 * packets }).toEqual({
        links,
        seed,
        wrongAt: -1,
        isFast: true,
        isSparing: true,
      });
    }
});

test('[NCP-8] tuna/loss: packets that overtake each other by less than three are not sent twice', () => {
  const { resent, wrongAt } = transfer(1, 2, 4 << 20, { delayMs: 20, rate: 2000, jitterMs: 1 });
  expect([resent, wrongAt]).toEqual([0, -1]);
});
