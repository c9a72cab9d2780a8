import { ncpCodec } from '../../adapters/tuna/index.js';
import { LinkAddresses } from '../../machines/tuna/link-addresses.js';
import { fill } from './ncp-channel.js';
import { PlayedOriginal } from './played-original.js';
import { tunaStateOf } from './state-checks.js';
import { TunaWorld } from './tuna-world.js';

/** Wires that have been opened so far. */
const opened = (w: TunaWorld): number => w.network.counts.opened;

describe('tuna/places: a dialer with more links than the other side has', () => {
  test.each([
    [6, 4],
    [8, 4],
    [4, 1],
    [15, 2],
    [4, 6],
  ])('[TUNA-10] %d to %d: as many links as both have, and quiet', (dialed, places) => {
    const w = new TunaWorld(400, { numTunaListeners: dialed }, { numTunaListeners: places });
    w.connect('sim://b:1');
    w.advance(3000);
    const count = Math.min(dialed, places);
    expect(w.links()).toEqual([count, count]);
    const before = opened(w);
    for (let second = 0; second < 20; second++) {
      w.near!.write(fill(new Uint8Array(10_000), second * 10_000));
      w.far!.write(fill(new Uint8Array(10_000), second * 10_000));
      w.advance(1000);
    }
    expect([opened(w) - before, before <= 2 * dialed, w.heard]).toEqual([0, true, { a: 200_000, b: 200_000 }]);
    // One that is lost comes back, and nothing else moves.
    w.network.cutBetween('a', 'b');
    w.advance(10_000);
    expect([w.links(), w.wrong]).toEqual([[count, count], 0]);
    w.end();
  });

  test('[TUNA-10] another one helps out where one of them does not come back', () => {
    const w = new TunaWorld(401, { numTunaListeners: 3 }, { numTunaListeners: 2 });
    w.connect(['sim://b:1', 'sim://b:2', 'sim://b:3']);
    w.advance(3000);
    expect(w.links()).toEqual([2, 2]);
    w.network.onLink = (link) => link.port === 1 && link.cut('both', { withinMs: 0, keep: 'none' });
    for (const link of w.network.links) if (link.port === 1) link.cut('both', { withinMs: 0 });
    w.advance(10_000);
    expect(w.links()).toEqual([2, 2]);
    w.end();
  });
});

describe('tuna/places: an original with more links than there are places', () => {
  for (const [links, places] of [
    [6, 4],
    [8, 4],
    [4, 1],
    [15, 2],
  ] as const)
    for (const speaksFirst of ['the original', 'this side'] as const)
      test(`[TUNA-10] ${links} to ${places}, ${speaksFirst} speaks first: its first links carry, the others stay open and quiet`, () => {
        const w = new TunaWorld(410 + links, { numTunaListeners: places });
        const original = new PlayedOriginal(w, links);
        w.clock.settle();
        original.dialAll();
        w.advance(500);
        expect(original.answeredIds).toEqual(original.ids.slice(0, places));
        if (speaksFirst === 'the original') for (let i = 0; i < places; i++) original.data(i, i + 1, 100);
        for (let second = 0; second < 30; second++) {
          w.far!.write(new Uint8Array(20_000));
          w.advance(1000);
        }
        const before = opened(w);
        w.advance(30_000);
        expect([opened(w) - before, before <= 2 * links + 2]).toEqual([0, true]);
        expect(w.far!.stats()['links']).toBe(places);
        for (let i = 0; i < links; i++) expect({ i, isOpen: original.live(i)?.wire !== undefined }).toEqual({ i, isOpen: true });
        if (speaksFirst === 'the original') expect(w.far!.stats()['received']).toBe(places * 100);
        original.isOver = true;
        w.end();
      });
});

test.each([
  [6, 4],
  [8, 4],
  [5, 1],
  [15, 2],
])(
  '[TUNA-10] tuna/places: an original with %d links to %d: one that is lost has its place again, although nothing is said meanwhile',
  (links, places) => {
    for (let lost = 0; lost < places; lost++) {
      const w = new TunaWorld(460 + lost, { numTunaListeners: places });
      const original = new PlayedOriginal(w, links);
      w.clock.settle();
      original.dialAll();
      w.advance(5000);
      expect(w.far!.stats()['links']).toBe(places);
      const before = opened(w);
      original.live(lost)!.wire!.destroy();
      w.advance(10_000);
      expect({ lost, links: w.far!.stats()['links'], isOpen: original.live(lost)?.wire !== undefined }).toEqual({ lost, links: places, isOpen: true }); // prettier-ignore
      // Each of the superfluous ones was tried twice at most, and then it is quiet.
      expect(opened(w) - before).toBeLessThanOrEqual(1 + 2 * (links - places));
      const then = opened(w);
      w.advance(30_000);
      expect(opened(w)).toBe(then);
      original.isOver = true;
      w.end();
    }
  },
);

test.each([
  [6, 4],
  [15, 2],
])(
  '[TUNA-10] tuna/places: an original with %d links to %d, one of which stays away: the superfluous ones are not tried without end',
  (links, places) => {
    const w = new TunaWorld(470, { numTunaListeners: places });
    const original = new PlayedOriginal(w, links);
    w.clock.settle();
    for (let link = 0; link < links; link++) original.dial(link, 'sim://b:1', { redials: link !== 0 });
    w.advance(5000);
    const before = opened(w);
    original.live(0)!.wire!.destroy();
    w.advance(60_000);
    expect(opened(w) - before).toBeLessThanOrEqual(2 * (links - places));
    expect(w.far!.stats()['links']).toBe(places - 1);
    original.isOver = true;
    w.end();
  },
);

describe('tuna/newcomers: an original whose end of a link is gone dials it again, and this side has not noticed', () => {
  for (const [where, options] of [
    ['one listener', {}],
    ['one listener', { idleMs: 0 }],
    ['a listener for each', {}],
    ['a listener for each', { idleMs: 0 }],
  ] as const)
    test(`[TUNA-6] ${where}, ${JSON.stringify(options)}: the dead one gives way, and no live one`, () => {
      for (let dead = 0; dead < 4; dead++) {
        const w = new TunaWorld(430 + dead, options);
        const original = new PlayedOriginal(w, 4);
        const at = (link: number): string => `sim://b:${where === 'one listener' ? 1 : link + 1}`;
        w.clock.settle();
        original.dialAll(at);
        w.advance(500);
        expect(w.far!.stats()['links']).toBe(4);
        const before = opened(w);
        const old = original.live(dead)!;
        old.isOver = true;
        for (const link of w.network.links) if (link.near.handler !== undefined && link.serial === dead + 1) link.cut('silent');
        original.dial(dead, at(dead), { sendsHello: false });
        w.advance(10_000);
        expect({ dead, opened: opened(w) - before, links: w.far!.stats()['links'] }).toEqual({ dead, opened: 1, links: 4 });
        w.far!.write(new Uint8Array(100_000));
        w.advance(1000);
        for (let i = 0; i < 4; i++) expect(original.live(i)?.isOver).toBe(false);
        original.isOver = true;
        w.end();
      }
    });
});

describe('tuna/addresses: a link waits for its own', () => {
  test('[TUNA-5] one that is missing shifts no other, also while the others are being dialed', () => {
    for (let missing = 1; missing < 4; missing++) {
      const offered = [1, 2, 3, 4].map((port) => (port === missing + 1 ? undefined : `sim://b:${port}`));
      const w: TunaWorld = new TunaWorld(440, {
        addresses: {
          query: (_, __, answer) => {
            w.clock.setTimeout(() => answer({ word: 'addresses', addresses: offered }), 10);
            return () => {};
          },
        },
      });
      w.connect('sim://b:1');
      w.advance(5000);
      const ports = [...w.network.links].map(({ port }) => port).sort();
      expect({ missing, ports }).toEqual({ missing, ports: [1, 2, 3, 4].filter((port) => port !== missing + 1) });
      offered[missing] = `sim://b:${missing + 1}`;
      w.advance(60_000);
      expect([...w.network.links].map(({ port }) => port).sort()).toEqual([1, 2, 3, 4]);
      w.end();
    }
  });

  test('[TUNA-5] links that are being dialed have taken their addresses, and a list that is too short has none for the rest', () => {
    const addresses = new LinkAddresses(4);
    addresses.dials(2, 'c');
    expect(addresses.addressFor(1, ['a', undefined, 'c', 'd'])).toBeUndefined();
    expect(addresses.addressFor(1, ['a', 'c', 'b', 'd'])).toBe('a'); // Told in another order; a is nobody's yet.
    expect([addresses.addressFor(2, ['a']), addresses.addressFor(0, ['a'])]).toEqual([undefined, 'a']);
    addresses.dials(2, undefined);
    expect(addresses.addressFor(1, ['a', 'c', 'b', 'd'])).toBe('c');
  });

  for (const offered of [
    // Of the listeners that are left each has another number now, and two are new: the address of link 1 is where link 3 is connected.
    ['sim://b:1', 'sim://b:4', 'sim://b:9', 'sim://b:8'],
    ['sim://b:4', 'sim://b:1', 'sim://b:8', 'sim://b:9'],
    ['sim://b:9', 'sim://b:4', 'sim://b:8', 'sim://b:1'],
  ])
    test(`[TUNA-5] links that are answered in one turn know where the others are going: ${offered.join(', ')}`, () => {
      let answers: readonly string[] = ['sim://b:1', 'sim://b:2', 'sim://b:3', 'sim://b:4'];
      const waiting: (() => void)[] = [];
      const w: TunaWorld = new TunaWorld(442, {
        addresses: {
          query: (_, __, answer) => {
            waiting.push(() => answer({ word: 'addresses', addresses: answers }));
            return () => {};
          },
        },
      });
      // All that have asked within 100 ms have their answers at once.
      const run = (ms: number): void => {
        for (let at = 0; at < ms; at += 100) {
          w.advance(100);
          for (const answer of waiting.splice(0)) answer();
        }
      };
      w.clock.settle();
      w.a.connect('sim://b:1').catch((error: Error) => w.events.push(error.message));
      run(3000);
      const ports = (): number[] => [...w.network.links].map(({ port }) => port).sort();
      expect(ports()).toEqual([1, 2, 3, 4]);
      answers = offered;
      void w.b.listen('sim://b:8');
      void w.b.listen('sim://b:9');
      const dialed: number[] = [];
      w.network.onLink = ({ port }) => dialed.push(port);
      for (const link of w.network.links) if (link.port === 2 || link.port === 3) link.cut('both', { withinMs: 0 });
      run(6000);
      // Each new address was dialed by one of both, and neither by the two.
      expect([dialed.sort(), ports(), w.links()]).toEqual([
        [8, 9],
        [1, 4, 8, 9],
        [4, 4],
      ]);
      waiting.length = 0;
      w.end();
    });

  test('[TUNA-5] questions for one that stays away come ever more rarely, up to once a minute', () => {
    let asked: number[] = [];
    const w: TunaWorld = new TunaWorld(441, {
      numTunaListeners: 2,
      addresses: {
        query: (_, __, answer) => {
          asked.push(w.clock.now());
          const timer = w.clock.setTimeout(() => answer({ word: 'addresses', addresses: ['sim://b:1', undefined] }), 1);
          return () => w.clock.clearTimeout(timer);
        },
      },
    });
    w.connect('sim://b:1');
    w.advance(600_000);
    const pauses = asked.slice(1).map((at, i) => Math.round((at - asked[i]!) / 1000));
    expect(pauses.slice(0, 6)).toEqual([2, 4, 8, 16, 32, 60]);
    expect(new Set(pauses.slice(5))).toEqual(new Set([60]));
    asked = [];
    w.end();
  });
});

test('[NCP-5] tuna/handshake: the answer names the ids of the dialer in its order, and as many as there are places', () => {
  const w = new TunaWorld(450, { numTunaListeners: 2 });
  const original = new PlayedOriginal(w, 3);
  w.clock.settle();
  const wire = original.dial(0, 'sim://b:1', { sendsHello: false, redials: false });
  w.advance(100);
  original.say(wire, ncpCodec.putHandshake({ clientIds: ['7', '3', '5'], windowBytes: 1 << 20, mtu: 1300 }));
  w.advance(100);
  expect(original.answeredIds).toEqual(['7', '3']);
  expect(tunaStateOf(w.b).sessions[0]!.links).toBe(2);
  w.end();
});
