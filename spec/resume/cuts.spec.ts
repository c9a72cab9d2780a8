import type { CutMode, Side } from '../sim/link.js';
import { Duo } from './duo.js';

// The cuts that cost other libraries messages, each at every byte where it can fall. Late words of a wire that has been replaced
// are in `acceptor.spec.ts` and `dialer.spec.ts` ([RES-6]).

/** Tries every byte until one lies behind the end of what was said; resolves how many there were. */
function everyByte(play: (bytes: number) => Duo, closer: Side = 'near'): number {
  for (let bytes = 1; ; bytes++) {
    const duo = play(bytes);
    const wrong = duo.check(duo[closer]);
    if (wrong.length > 0) throw new Error(`cut after ${bytes} bytes: ${wrong.join('; ')}`);
    if (duo.network.counts.cuts === 0 || bytes > 5_000) return bytes - 1;
  }
}

const SIDES: readonly Side[] = ['near', 'far'];
const MODES: readonly CutMode[] = ['both', 'near', 'far', 'silent'];
const HELLO_BYTES = 90;

test.each(SIDES)('resume/cuts: before the first receipt either way, at every byte to the %s end', (side) => {
  const bytes = everyByte((count) => {
    const duo = new Duo((wire) => wire.serial === 1 && wire.cutAfterBytes(count, side));
    duo.connect();
    duo.talk(3);
    return duo;
  });
  expect(bytes).toBeGreaterThan(HELLO_BYTES + 3 * 12);
});

describe.each(MODES)('received by: %s', (mode) => {
  test.each(SIDES)('[RES-5] inside the token rotation, at every byte to the %s end, on two wires in a row', (side) => {
    const cuts = new Set<number>();
    const bytes = everyByte((count) => {
      const duo = new Duo((wire) => (wire.serial === 2 || wire.serial === 3) && wire.cutAfterBytes(count, side, mode)).settled();
      duo.talk(2);
      duo.wire.cut('both', { withinMs: 0, keep: 'none' });
      duo.network.counts.cuts--; // That one is no part of the question.
      duo.until(() => duo.isQuiet);
      cuts.add(duo.network.counts.cuts);
      return duo;
    }, 'near');
    expect(bytes).toBeGreaterThan(HELLO_BYTES);
    expect([...cuts]).toContain(2);
  });

  test.each(SIDES)('[RES-19] inside a goodbye of either side, at every byte to the %s end', (side) => {
    for (const who of SIDES) {
      const bytes = everyByte((count) => {
        const duo = new Duo().settled();
        duo.wire.cutAfterBytes(count, side, mode);
        return duo;
      }, who);
      expect(bytes).toBeGreaterThanOrEqual(8);
    }
  });

  test('[RES-14] during a replay, after every k-th message, on five wires in a row', () => {
    for (let k = 0; k < 20; k++) {
      const duo = new Duo(
        (wire) => wire.serial > 1 && wire.serial < 7 && wire.cutAfterBytes(HELLO_BYTES + 12 * k + 1, 'far', mode),
      ).settled();
      duo.talk(20);
      duo.wire.cut('both', { withinMs: 0, keep: 'none' });
      expect({ k, wrong: duo.check() }).toEqual({ k, wrong: [] });
      expect(duo.network.counts.cuts).toBeGreaterThan(1);
    }
  });
});
