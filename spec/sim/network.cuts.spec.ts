import { CALM } from './network.options.js';
import { noise, TappedNetwork } from './tapped-network.js';

describe('simulation/network cuts: a cut', () => {
  test('keeps a beginning of what was under way: none, all, and everything between', () => {
    const kept = new Map<number, number>();
    for (let seed = 1; seed <= 400; seed++) {
      const world = new TappedNetwork(seed);
      const [near, far, link] = world.pair();
      const sent = noise(seed, 12);
      near.wire.send(sent.subarray(0, 5));
      near.wire.send(sent.subarray(5));
      link.cut();
      world.rest();
      expect({ seed, ends: [near.end, far.end] }).toEqual({ seed, ends: Array<string>(2).fill('close reset ECONNRESET') });
      const { received } = far;
      expect({ seed, bytes: [...received] }).toEqual({ seed, bytes: [...sent.subarray(0, received.length)] });
      kept.set(received.length, (kept.get(received.length) ?? 0) + 1);
      expect(world.network.counts.lostBytes).toBe(12 - received.length);
      expect([world.network.links.size, world.network.ends]).toEqual([0, 0]);
    }
    // Each of the 13 places is about as likely as the others, 31 times of 400.
    for (let n = 0; n <= 12; n++) expect({ n, often: kept.get(n)! > 12 && kept.get(n)! < 60 }).toEqual({ n, often: true });
  });

  test('keeps whole messages where there are messages', () => {
    const kept = new Set<number>();
    for (let seed = 1; seed <= 100; seed++) {
      const world = new TappedNetwork(seed, { ...CALM, boundaries: 'message' });
      const [near, far, link] = world.pair();
      for (const length of [3, 4, 5]) near.wire.send(noise(seed, length));
      link.cut();
      world.rest();
      kept.add(far.received.length);
    }
    expect([...kept].sort((a, b) => a - b)).toEqual([0, 12, 3, 7].sort((a, b) => a - b));
  });

  test('falls on the exact byte that was chosen', () => {
    for (let count = 0; count <= 20; count++) {
      for (const options of [CALM, {}]) {
        const world = new TappedNetwork(count + 1, options);
        const [near, far, link] = world.pair();
        link.cutAfterBytes(count, 'far');
        near.wire.send(noise(1, 9));
        near.wire.send(noise(2, 11));
        near.wire.send(noise(2, 11));
        world.rest();
        expect({ count, got: far.received.length, end: far.end }).toEqual({ count, got: count, end: 'close reset ECONNRESET' });
        expect(near.end).toBe('close reset ECONNRESET');
      }
    }
  });

  test('never falls into a message: one that does not fit before the byte is lost', () => {
    for (const [count, got] of [
      [8, 0],
      [9, 9],
      [19, 9],
      [20, 20],
    ] as const) {
      const world = new TappedNetwork(1, { ...CALM, boundaries: 'message' });
      const [near, far, link] = world.pair();
      link.cutAfterBytes(count, 'far');
      for (const length of [9, 11, 11]) near.wire.send(noise(1, length));
      world.rest();
      expect({ count, got: far.received.length, end: far.end }).toEqual({ count, got, end: 'close reset ECONNRESET' });
    }
  });

  test('without a signal lets a dial hang until it gives up, on its way and at the listener', () => {
    const world = new TappedNetwork(1);
    world.network.onLink = (link) => link.cut('silent');
    const onItsWay = world.dial();
    world.rest();
    expect([onItsWay.heard, world.offers.length]).toEqual([['close unreachable ETIMEDOUT'], 0]);
    world.network.onLink = undefined;
    world.takes = false;
    const atTheListener = world.dial();
    world.rest(10);
    world.network.cutAll('silent');
    const far = world.take(world.offers[0]!);
    world.rest();
    expect([atTheListener.heard, far.heard]).toEqual([['close unreachable ETIMEDOUT'], ['open']]);
  });

  test('can be waiting for a wire that does not exist yet', () => {
    const world = new TappedNetwork(1);
    world.network.onLink = (link) => link.cutAfterBytes(3, 'near');
    const [near, far] = world.pair();
    far.wire.send(Buffer.from('abcdef'));
    world.rest();
    expect([String(near.received), near.end]).toEqual(['abc', 'close reset ECONNRESET']);
  });

  test('that one end notices leaves the other half open: it notices when it sends, or never', () => {
    const ends = new Set<string>();
    for (let seed = 1; seed <= 40; seed++) {
      for (const mode of ['near', 'far'] as const) {
        const world = new TappedNetwork(seed);
        const [near, far, link] = world.pair();
        const [told, unread] = mode === 'near' ? [near, far] : [far, near];
        link.cut(mode);
        world.rest();
        expect({ seed, told: told.end, unread: unread.end }).toEqual({ seed, told: 'close reset ECONNRESET', unread: 'open' });
        expect([unread.wire.send(noise(1, 60_000)), unread.wire.send(noise(1, 60_000))]).toEqual([true, false]);
        world.rest();
        ends.add(unread.end);
        unread.wire.destroy();
        world.rest();
        expect(world.network.ends).toBe(0);
      }
    }
    expect([...ends].sort()).toEqual(['close reset ECONNRESET', 'open']);
  });

  test('without a signal leaves both half open', () => {
    const world = new TappedNetwork(3);
    const [near, far, link] = world.pair();
    link.cut('silent');
    for (const end of [near, far]) end.wire.send(noise(1, 10));
    world.rest();
    expect([near.heard, far.heard, world.network.links.size]).toEqual([['open'], ['open'], 1]);
    near.wire.close(); // Its farewell arrives nowhere either.
    world.rest();
    expect([near.end, far.end]).toEqual(['open', 'open']);
    near.abort();
    far.abort();
    world.rest();
    expect([near.end, far.end, world.network.links.size]).toEqual(['close aborted', 'close aborted', 0]);
  });

  test('can bring old bytes, and an old close, after a newer wire is open', () => {
    const sums = { lateBytes: 0, lateCloses: 0 };
    for (let seed = 1; seed <= 60; seed++) {
      const world = new TappedNetwork(seed);
      const [near, far, link] = world.pair();
      near.wire.send(noise(1, 100));
      link.cut(seed % 2 ? 'near' : 'both', { withinMs: 200, keep: 'all' });
      world.pair();
      world.rest();
      if (seed % 2) far.wire.send(noise(1, 1));
      world.rest();
      sums.lateBytes += world.network.counts.lateBytes;
      sums.lateCloses += world.network.counts.lateCloses;
    }
    expect({ bytes: sums.lateBytes > 300, closes: sums.lateCloses > 3 }).toEqual({ bytes: true, closes: true });
  });

  test('of everything spares nothing, not even a dial on its way', () => {
    const world = new TappedNetwork(1);
    const [near, far] = world.pair();
    const dialer = world.dial();
    expect(world.network.cutAll()).toBe(2);
    expect(world.network.cutAll()).toBe(0);
    world.rest();
    for (const each of [near, far, dialer]) expect(each.end).toBe('close reset ECONNRESET');
    expect(world.network.links.size).toBe(0);
  });
});
