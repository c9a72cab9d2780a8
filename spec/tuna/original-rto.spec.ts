import { SimClock } from '../sim/clock.js';
import { OriginalSender } from './original-sender.js';

/** Three times the 60 ms that an acknowledgement is held for, less what a batch of them may vary by. */
const LEAST_MS = 170;

describe("tuna/acknowledgements: an original's timeout stays long, whatever its packets meet on their way", () => {
  for (const links of [1, 4]) {
    const play = (rateAt: (ms: number) => number, forMs: number, during?: (sender: OriginalSender, clock: SimClock) => void) => {
      const clock = new SimClock();
      const sender = new OriginalSender({ clock, links, window: 400, rate: () => rateAt(clock.now()) / links });
      clock.advance(forMs / 2);
      during?.(sender, clock);
      clock.advance(forMs / 2);
      const seen = { leastRtoMs: sender.leastRtoMs, received: sender.end.received, resent: sender.resent };
      sender.stop();
      return seen;
    };

    test(`[NCP-15] ${links} link(s): nothing in the way`, () => {
      expect(play(() => 100, 4000).leastRtoMs).toBeGreaterThanOrEqual(LEAST_MS);
    });

    for (const [name, slow, fast] of [
      ['a queue of an eighth of a second', 3.2, 100],
      ['a queue of a fifth of a second', 2, 100],
      ['a queue of a third of a second', 1.2, 100],
      ['a queue of a second', 0.4, 100],
      ['a queue that shrinks by half', 1.8, 4],
    ] as const)
      test(`[NCP-15] ${links} link(s): ${name} is gone at once after six seconds`, () => {
        const seen = play((ms) => (ms < 6000 ? slow : fast), 7000);
        expect(seen.leastRtoMs).toBeGreaterThanOrEqual(LEAST_MS);
      });

    test(`[NCP-15] ${links} link(s): a queue that comes and goes`, () => {
      expect(play((ms) => (ms % 4000 < 3000 ? 2 : 100), 16_000).leastRtoMs).toBeGreaterThanOrEqual(LEAST_MS);
    });

    test(`[NCP-15] ${links} link(s): nothing moves for half a second, again and again`, () => {
      expect(play((ms) => (ms % 1700 < 500 ? 0 : 20), 12_000).leastRtoMs).toBeGreaterThanOrEqual(LEAST_MS);
    });
  }

  for (const links of [1, 4])
    for (const [lateMs, leastMs] of [
      [5, LEAST_MS],
      [40, 360],
    ] as const)
      test(`[NCP-15] ${links} link(s): where our timers are ${lateMs} ms late its timeout becomes ${leastMs} ms, and shrinks when they are punctual again`, () => {
        const clock = new SimClock();
        let late = 0;
        const sender = new OriginalSender({ clock, links, window: 100, rate: () => 100 / links, lateMs: () => late });
        clock.advance(3000);
        for (let i = 0; i < 12; i++) {
          late = i % 4 === 0 ? lateMs : 0; // Now and then, as on a busy machine.
          clock.advance(250);
        }
        late = 0;
        clock.advance(500);
        expect(sender.rtoMs).toBeGreaterThanOrEqual(leastMs);
        clock.advance(11_000);
        expect(sender.rtoMs).toBeLessThan(240);
        expect(sender.leastRtoMs).toBeGreaterThanOrEqual(LEAST_MS);
        sender.stop();
      });

  test('[NCP-15] a link that ends while much is queued: its packets come again on the others', () => {
    const clock = new SimClock();
    const sender = new OriginalSender({ clock, links: 4, window: 2000, rate: () => (clock.now() < 9000 ? 1 : 20) });
    clock.advance(6000);
    for (let link = 0; link < 3; link++) {
      sender.cut(link);
      clock.advance(2000);
    }
    expect(sender.resent).toBeGreaterThan(0);
    expect(sender.leastRtoMs).toBeGreaterThanOrEqual(LEAST_MS);
    sender.stop();
  });
});
