import { resume } from '../../adapters/resume/index.js';
import { Engine } from '../../machines/engine.js';
import type { Connection } from '../../machines/connection/connection-handle.js';
import { SimClock } from '../sim/clock.js';
import type { CutMode, Side, SimLink } from '../sim/link.js';
import { SimNetwork } from '../sim/network.js';
import { CALM } from '../sim/network.options.js';
import { SeededRandom } from '../sim/random.js';

// The cuts that cost other libraries messages, each at every byte where it can fall. Late words of a wire that has been replaced
// are in `acceptor.spec.ts` and `dialer.spec.ts` ([RES-6]).

/** One side of the session, and what became of it. */
class Party {
  readonly got: number[] = [];
  readonly story: string[] = [];
  connection: Connection | undefined;
  said = 0;

  constructor(readonly engine: Engine) {
    engine.on((event) => {
      if (event.type === 'connected') {
        this.connection = event.connection as Connection;
        this.connection.onMessage = (message) => this.got.push(message[0]!);
      }
      if (event.type === 'connected' || event.type === 'disconnected') this.story.push(event.type);
      if (event.type === 'closing') this.story.push(event.closing.code);
    });
    void engine.start();
  }

  say(count: number): void {
    for (let i = 0; i < count; i++) this.connection!.write(Uint8Array.of(this.said++, 0, 0, 0));
  }
}

/** Two engines, one session. `onWire` sees every wire before a byte is on it, counted from 1. */
class Duo {
  readonly clock = new SimClock();
  readonly network: SimNetwork;
  readonly near: Party;
  readonly far: Party;
  wire!: SimLink;

  constructor(onWire: (wire: SimLink) => void = () => {}) {
    const random = new SeededRandom(7);
    this.network = new SimNetwork(this.clock, random.split('network'), CALM);
    this.network.onLink = (wire) => onWire((this.wire = wire));
    const party = (name: string, listen: string[] = []): Party => {
      const { next, bytes } = random.split(name);
      const ports = { clock: this.clock, random: next, entropy: bytes };
      return new Party(new Engine(ports, { transports: [this.network.transport(name)], protocols: [resume()], listen }));
    };
    this.far = party('far', ['sim://far:1']);
    this.near = party('near');
    this.clock.settle();
  }

  /** A session with three messages each way, all of them acknowledged. */
  settled(): this {
    this.connect();
    this.talk(3);
    this.until(() => this.isQuiet);
    return this;
  }
  connect(): void {
    void this.near.engine.connect('sim://far:1');
    this.until(() => this.near.connection !== undefined && this.far.connection !== undefined);
  }
  /** Both sides at once. */
  talk(count: number): void {
    this.near.say(count);
    this.far.say(count);
  }
  until(isMet: () => boolean): void {
    this.clock.runUntil(isMet, { withinMs: 120_000 });
  }

  /** All that was said has arrived and is acknowledged. */
  get isQuiet(): boolean {
    const { near, far } = this;
    return [near, far].every((one) => one.connection!.stats()['queuedBytes'] === 0) && near.got.length === far.said;
  }

  /**
   * Closes, and says what was wrong, in words; empty is good. A peer that heard no goodbye, on a wire whose death the closer was not
   * told of in its grace, may take the session for lost; of messages there is nothing to lose by then.
   */
  judge(closer: Party = this.near, isTold = true): string[] {
    const { near, far, clock } = this;
    this.until(() => this.isQuiet);
    void closer.connection!.close();
    this.until(() => near.story.length === 3 && far.story.length === 3);
    const wrong: string[] = [];
    const check = (what: string, is: unknown, should: unknown): void => {
      if (String(is) !== String(should)) wrong.push(`${what}: ${String(is)}, not ${String(should)}`);
    };
    const upTo = (count: number): number[] => Array.from({ length: count }, (_, i) => i);
    check('the dialer got', near.got, upTo(far.said));
    check('the acceptor got', far.got, upTo(near.said));
    for (const one of [near, far]) {
      const isExcused = !isTold && one !== closer && one.story[2] === 'window-expired';
      const end = one === closer ? 'closed' : isExcused ? 'window-expired' : 'peer-goodbye';
      check(one === near ? 'the dialer' : 'the acceptor', one.story, ['connected', 'disconnected', end]);
    }
    void near.engine.shutdown();
    void far.engine.shutdown();
    clock.advance(120_000);
    check('left behind', clock.pending, 0);
    return wrong;
  }
}

/** Tries every byte until one lies behind the end of what was said; resolves how many there were. */
function everyByte(play: (bytes: number) => Duo, closer: Side = 'near', mode: CutMode = 'both'): number {
  for (let bytes = 1; ; bytes++) {
    const duo = play(bytes);
    const wrong = duo.judge(duo[closer], mode === 'both' || mode === closer);
    if (wrong.length > 0) throw new Error(`cut after ${bytes} bytes: ${wrong.join('; ')}`);
    if (duo.network.counts.cuts === 0 || bytes > 5_000) return bytes - 1;
  }
}

const SIDES: readonly Side[] = ['near', 'far'];
const MODES: readonly CutMode[] = ['both', 'near', 'far', 'silent'];
const HELLO_BYTES = 90;

test.each(SIDES)('before the first receipt either way, at every byte to the %s end', (side) => {
  const bytes = everyByte((count) => {
    const duo = new Duo((wire) => wire.serial === 1 && wire.cutAfterBytes(count, side));
    duo.connect();
    duo.talk(3);
    return duo;
  });
  expect(bytes).toBeGreaterThan(HELLO_BYTES + 3 * 12);
});

describe.each(MODES)('heard by: %s', (mode) => {
  test.each(SIDES)('[RES-5] inside the token rotation, at every byte to the %s end, on two wires in a row', (side) => {
    const cuts = new Set<number>();
    const bytes = everyByte(
      (count) => {
        const duo = new Duo(
          (wire) => (wire.serial === 2 || wire.serial === 3) && wire.cutAfterBytes(count, side, mode),
        ).settled();
        duo.talk(2);
        duo.wire.cut('both', { withinMs: 0, keep: 'none' });
        duo.network.counts.cuts--; // That one is no part of the question.
        duo.until(() => duo.isQuiet);
        cuts.add(duo.network.counts.cuts);
        return duo;
      },
      'near',
      mode,
    );
    expect(bytes).toBeGreaterThan(HELLO_BYTES);
    expect([...cuts]).toContain(2);
  });

  test.each(SIDES)('[RES-19] inside a goodbye, whoever says it, at every byte to the %s end', (side) => {
    for (const who of SIDES) {
      const bytes = everyByte(
        (count) => {
          const duo = new Duo().settled();
          duo.wire.cutAfterBytes(count, side, mode);
          return duo;
        },
        who,
        mode,
      );
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
      expect({ k, wrong: duo.judge(duo.near, mode === 'both' || mode === 'near') }).toEqual({ k, wrong: [] });
      expect(duo.network.counts.cuts).toBeGreaterThan(1);
    }
  });
});
