import { CALM } from './network.options.js';
import { SeededRandom } from './random.js';
import { noise, TappedNetwork } from './tapped-network.js';

describe('simulation/network bytes: bytes on their way', () => {
  test('are chopped and merged at random, and arrive as they were sent, lent or given', () => {
    for (let seed = 1; seed <= 50; seed++) {
      const world = new TappedNetwork(seed, {});
      const [near, far] = world.pair();
      const sent: Uint8Array[] = [];
      for (let n = 0; n < 30; n++) {
        sent.push(noise(n, new SeededRandom(n).int(400)));
        near.wire.send(sent[n]!);
        if (n % 3 === 0) world.clock.step();
      }
      world.rest();
      expect({ seed, same: far.received.equals(Buffer.concat(sent)) }).toEqual({ seed, same: true });
      const { counts } = world.network;
      expect({ seed, chopped: counts.chopped > 0, merged: counts.merged > 0 }).toEqual({ seed, chopped: true, merged: true });
      expect(counts.lent).toBe(far.wire.lends ? counts.chunks : 0);
    }
  });

  test('a lent chunk is overwritten, and one that was given away is not', () => {
    for (const lends of [0, 1]) {
      const world = new TappedNetwork(1, { ...CALM, lends });
      const [near, far] = world.pair();
      let kept: Uint8Array | undefined;
      far.onBytes = (bytes) => (kept = bytes);
      near.wire.send(Buffer.from('keep me'));
      world.rest();
      expect(Buffer.from(kept!).toString('latin1')).toBe(lends ? 'îîîîîîî' : 'keep me');
    }
  });

  test('a sender that changes what it has sent is found out, and one whose wire is over is not', () => {
    const world = new TappedNetwork(1);
    const [near, far] = world.pair();
    const mine = Buffer.from('mine');
    near.wire.send(mine);
    mine.fill('x');
    world.rest();
    expect(String(far.received)).toBe('xxxx');
    mine.fill('y');
    near.wire.send(mine);
    near.wire.close();
    world.network.setLatency('a', 'b', [500, 500]);
    near.wire.destroy();
    mine.fill('z');
    world.rest();
    expect(String(far.received)).toMatch(/^xxxxy{0,4}$/);
  });

  test('a full direction says so, and says when there is room again', () => {
    const world = new TappedNetwork(1, { ...CALM, highWaterBytes: 1000 });
    const [near, far] = world.pair();
    expect([near.wire.send(noise(1, 999)), near.wire.send(noise(2, 1))]).toEqual([true, false]);
    world.rest();
    expect(near.heard).toEqual(['open', 'drain']);
    far.wire.pause();
    expect(near.wire.send(noise(3, 5000))).toBe(false);
    world.rest();
    expect([near.end, far.received.length]).toEqual(['drain', 1000]);
    far.wire.resume();
    world.rest();
    expect([near.heard, far.received.length]).toEqual([['open', 'drain', 'drain'], 6000]);
    expect(world.network.counts).toMatchObject({ blocked: 2, drained: 2 });
  });

  test('a farewell waits behind the bytes, also where the reader has paused', () => {
    const world = new TappedNetwork(1);
    const [near, far] = world.pair();
    far.wire.pause();
    near.wire.send(Buffer.from('last words'));
    near.wire.close();
    world.rest();
    expect([near.end, far.end]).toEqual(['open', 'open']);
    far.wire.resume();
    world.rest();
    expect([near.end, far.heard]).toEqual(['close aborted', ['open', 'bytes 10', 'close ended']]);
  });

  test('a writer that never listens is cut at the bound', () => {
    const world = new TappedNetwork(1, { ...CALM, highWaterBytes: 1000, bufferedBytesMax: 10_000 });
    const [near, far] = world.pair();
    far.wire.pause();
    for (let n = 0; n < 11; n++) near.wire.send(noise(n, 1000));
    world.rest();
    expect([near.end, far.end]).toEqual(['close reset ECONNRESET', 'close reset ECONNRESET']);
  });

  test('a slow line takes its time', () => {
    const world = new TappedNetwork(1, { ...CALM, bytesPerMs: 10 });
    const [near, far] = world.pair();
    const beganMs = world.clock.now();
    near.wire.send(noise(1, 1000));
    near.wire.send(noise(2, 500));
    world.clock.runUntil(() => far.received.length === 1500);
    expect(world.clock.now() - beganMs).toBe(151);
  });

  test('signs of life travel with the bytes, where the transport has them', () => {
    const world = new TappedNetwork(1, { ...CALM, boundaries: 'message', latencyMs: [5, 5] });
    const [near, far, link] = world.pair();
    near.wire.probe!();
    world.clock.advance(9);
    expect(near.end).toBe('open');
    world.clock.advance(1);
    expect([near.end, far.heard]).toEqual(['probe', ['open']]);
    link.silence('far');
    near.wire.probe!();
    world.rest();
    expect(near.heard).toEqual(['open', 'probe']);
    expect(new TappedNetwork(1).pair()[0].wire.probe).toBeUndefined();
  });
});
