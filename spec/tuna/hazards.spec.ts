import { ncpCodec } from '../../adapters/tuna/codec.js';
import { SEQUENCES } from '../../machines/tuna/ncp.sequence.js';
import { Packet } from '../../machines/tuna/tuna.messages.js';
import { SimClock } from '../sim/clock.js';
import { SeededRandom } from '../sim/random.js';
import { fill, NcpPair, pour, Sink, type PairOptions } from './ncp-channel.js';

const seen = new Packet();
/** What a packet brings, in one word. */
function kindOf(bytes: Uint8Array): 'handshake' | 'close' | 'ack' | 'read' | 'data' {
  ncpCodec.read(bytes, 0, bytes.length, seen);
  if (seen.close) return 'close';
  if (seen.handshake !== undefined) return 'handshake';
  if (seen.ranges > 0) return 'ack';
  return seen.sequence > 0 ? 'data' : 'read';
}

function pairOf(options: Partial<PairOptions> & { links?: number } = {}): { pair: NcpPair; clock: SimClock } {
  const clock = new SimClock();
  return { clock, pair: new NcpPair({ clock, random: new SeededRandom(7), links: 1, ...options }) };
}

/** Moves bytes from a to b and answers how long that took in virtual milliseconds. */
function move(pair: NcpPair, clock: SimClock, total: number, ahead = 8 << 20): { ms: number; wrongAt: number; gapMs: number } {
  const sink = new Sink(pair.b, () => clock.now());
  const from = clock.now();
  pour(pair.a, total, 65_536, ahead);
  clock.runUntil(() => sink.bytes >= total, { withinMs: 600_000 });
  return { ms: clock.now() - from, wrongAt: sink.wrongAt, gapMs: sink.longestGapMs };
}

describe('tuna/hazards: handshake', () => {
  for (const lossy of ['a', 'b'] as const)
    test(`[NCP-5] is said again when it was lost ${lossy === 'a' ? 'there' : 'back'}`, () => {
      let left = 3;
      const drop = (packet: Uint8Array): boolean => kindOf(packet) === 'handshake' && left-- > 0;
      const { pair, clock } = pairOf({ way: (_, from) => (from === lossy ? { drop } : {}) });
      pair.open();
      clock.advance(3000);
      expect([pair.a.isEstablished, pair.b.isEstablished]).toEqual([true, true]);
      expect(move(pair, clock, 10_000).wrongAt).toBe(-1);
      pair.stop();
    });

  test('[NCP-5] data that overtakes its answer is kept, and waits for no timeout', () => {
    // The answer on link 0 is slow, and on link 1 it is lost; data comes on link 1.
    const drop = (packet: Uint8Array): boolean => kindOf(packet) === 'handshake';
    const { pair, clock } = pairOf({
      links: 2,
      way: (link, from) => (from === 'a' ? {} : link === 0 ? { delayMs: 40 } : { drop }),
    });
    const sink = new Sink(pair.a, () => clock.now());
    pair.open();
    clock.runUntil(() => pair.b.isEstablished);
    pair.b.write(fill(new Uint8Array(50_000), 0));
    clock.runUntil(() => sink.bytes === 50_000);
    expect(clock.now()).toBeLessThan(120);
    expect(sink.wrongAt).toBe(-1);
    pair.stop();
  });

  test('[NCP-5] one that announces nothing sensible is refused', () => {
    const { pair } = pairOf();
    pair.b.attachAll();
    for (const handshake of [
      { clientIds: [], windowBytes: 1, mtu: 1 },
      { clientIds: ['0'], windowBytes: 0, mtu: 1 },
      { clientIds: ['0'], windowBytes: 1, mtu: 0 },
    ])
      expect(pair.b.receive(0, ncpCodec.putHandshake(handshake))).toBe(false);
    expect(pair.b.isEstablished).toBe(false);
    pair.stop();
  });

  test('[NCP-5] is answered with the ids in the order of who asked, however many links are here', () => {
    const { pair, clock } = pairOf({ links: 4 });
    const sent: Uint8Array[] = [];
    pair.b.attachAll();
    (pair.b.options as { send: unknown }).send = (_: number, packet: Uint8Array) => sent.push(packet);
    pair.b.receive(2, ncpCodec.putHandshake({ clientIds: ['0', '2', '3'], windowBytes: 1000, mtu: 100 }));
    clock.settle();
    expect(sent.map(kindOf)).toContain('handshake');
    ncpCodec.read(sent[0]!, 0, sent[0]!.length, seen);
    expect(seen.handshake!.clientIds).toEqual(['0', '2', '3']);
    pair.stop();
  });
});

describe('tuna/hazards: flow control', () => {
  test('[NCP-11] a lost window update is said again, and asked for', () => {
    for (const ours of [true, false]) {
      let isDark = false;
      const drop = (packet: Uint8Array): boolean => isDark && kindOf(packet) !== 'data';
      const { pair, clock } = pairOf({
        limits: { windowBytes: 20_000, idleMs: 0, ...(ours ? { persistMs: 1e9, persistMaxMs: 1e9 } : {}) },
        limitsB: ours ? {} : { readRepeatMs: 1e9, readRepeatMaxMs: 1e9 },
        way: (_, from) => (from === 'b' ? { drop } : {}),
      });
      const sink = new Sink(pair.b);
      pair.open();
      clock.runUntil(() => pair.b.isEstablished);
      pair.b.session.inbound.holdBack(0);
      // The application of b reads nothing for a while.
      const onData = pair.b.onData!;
      pair.b.onData = (bytes) => {
        onData(bytes);
        pair.b.session.inbound.holdBack(sink.bytes);
      };
      pour(pair.a, 60_000);
      clock.advance(2000);
      expect({ ours, stuck: sink.bytes }).toEqual({ ours, stuck: 20_000 });
      isDark = true;
      pair.b.onData = onData;
      pair.b.session.inbound.holdBack(0);
      pair.b.flush();
      clock.advance(1500); // The update is lost.
      expect({ ours, stuck: sink.bytes }).toEqual({ ours, stuck: 20_000 });
      isDark = false;
      clock.advance(12_000);
      expect({ ours, bytes: sink.bytes, wrongAt: sink.wrongAt }).toEqual({ ours, bytes: 60_000, wrongAt: -1 });
      pair.stop();
    }
  });

  test('[NCP-10] a peer can’t fill this side beyond its window, nor with empty or far-off packets', () => {
    const { pair, clock } = pairOf({ limits: { windowBytes: 100_000, packetsMax: 256, mtu: 1000 } });
    pair.open();
    clock.advance(100);
    const { inbound } = pair.b.session;
    const packet = (sequence: number, bytes: number): Uint8Array => {
      const head = new Uint8Array(12 + bytes);
      return head.subarray(0, ncpCodec.putDataHead(head, 0, sequence, bytes) + bytes);
    };
    for (let sequence = 2; sequence < 3000; sequence++) pair.b.receive(0, packet(sequence, 1000)); // All but the first.
    for (let i = 0; i < 3000; i++) pair.b.receive(0, packet(1 + Math.floor((i * SEQUENCES) / 3000), 0));
    expect(inbound.received).toBeLessThanOrEqual(100_000);
    expect(inbound.waiting).toBeLessThanOrEqual(256);
    expect(inbound.heldBytes).toBeLessThanOrEqual(256 * 1000 + 48 * 1000);
    expect(pair.b.session.dropped).toBeGreaterThan(2000);
    expect(pair.b.receive(0, packet(1, 1001))).toBe(false); // Above what was announced.
    pair.stop();
  });
});

describe('tuna/hazards: acknowledgements', () => {
  test('[NCP-7] hostile ones change nothing that was not sent, and cost bounded work', () => {
    const { pair, clock } = pairOf({ way: (_, from) => (from === 'a' ? { drop: (p) => kindOf(p) === 'data' } : {}) });
    pair.open();
    clock.advance(100);
    pour(pair.a, 100_000);
    clock.settle();
    const { outbound } = pair.a.session;
    const { next } = outbound;
    const ack = (starts: number[], counts: number[], bytesRead = 0): boolean => {
      const into = new Uint8Array(40_000);
      const { length } = starts;
      return pair.a.receive(
        0,
        into.subarray(0, ncpCodec.putAck(into, 0, Uint32Array.from(starts), Uint32Array.from(counts), length, bytesRead)),
      );
    };
    expect(ack([5], [0])).toBe(false);
    expect(ack([next + 1], [1])).toBe(true);
    expect(ack([next], [2])).toBe(true); // Reaches beyond what was sent.
    expect(ack([SEQUENCES], [1])).toBe(true); // Long ago.
    expect(outbound.base).toBe(0);
    const started = performance.now();
    for (let i = 0; i < 20; i++)
      ack(
        Array.from({ length: 2000 }, () => 2),
        Array.from({ length: 2000 }, () => next - 1),
      );
    expect(performance.now() - started).toBeLessThan(2000);
    expect([outbound.base, outbound.queuedBytes]).toEqual([0, 100_000]);
    expect(ack([1], [1])).toBe(true);
    expect(outbound.base).toBe(next);
    expect(ack([SEQUENCES], [1], 2 ** 52)).toBe(true); // More read than was ever sent.
    expect([outbound.base, outbound.read]).toEqual([next, outbound.sent]);
    pair.stop();
  });

  test('[NCP-7] a range that begins before the window counts from the window on', () => {
    const { pair, clock } = pairOf({ first: 1000 });
    pair.open();
    clock.advance(10);
    pair.a.write(new Uint8Array(5000));
    clock.settle();
    const into = new Uint8Array(100);
    pair.a.receive(0, into.subarray(0, ncpCodec.putAck(into, 0, Uint32Array.of(900), Uint32Array.of(102), 1, 0)));
    expect(pair.a.session.outbound.base).toBe(2);
    pair.stop();
  });
});

test('[NCP-3] tuna/hazards: a megabyte across the wrap of the numbers, both ways, over links that lose', () => {
  const { pair, clock } = pairOf({ links: 2, first: SEQUENCES - 300, way: () => ({ loss: 0.05, jitterMs: 5 }) });
  pair.open();
  const back = new Sink(pair.a);
  pour(pair.b, 1 << 20);
  expect(move(pair, clock, 1 << 20).wrongAt).toBe(-1);
  clock.runUntil(() => back.bytes === 1 << 20);
  expect(back.wrongAt).toBe(-1);
  pair.stop();
});

describe('tuna/hazards: close', () => {
  test('[NCP-13] brings what was not read before it', () => {
    const { pair, clock } = pairOf();
    pair.open();
    const sink = new Sink(pair.b);
    clock.advance(10);
    pair.a.write(fill(new Uint8Array(50_000), 0));
    pair.a.session.drain();
    clock.runUntil(() => pair.a.signals.some((s) => s.type === 'log.drained'));
    pair.a.close();
    clock.runUntil(() => pair.b.signals.some((s) => s.type === 'peer.closed'));
    expect([sink.bytes, sink.wrongAt]).toEqual([50_000, -1]);
    pair.stop();
  });

  test('[NCP-13] is said again until the transport is gone', () => {
    let closes = 0;
    const { pair, clock } = pairOf({ way: () => ({ drop: (p) => kindOf(p) === 'close' && ++closes < 4 }) });
    pair.open();
    clock.advance(10);
    pair.a.close();
    clock.runUntil(() => pair.b.signals.some((s) => s.type === 'peer.closed'), { withinMs: 3000 });
    expect(closes).toBe(4);
    pair.a.detach(0);
    pair.stop();
  });
});

describe('tuna/hazards: several links', () => {
  test('[NCP-9] a link that goes dark without a word holds nothing up for half a second', () => {
    let isDark = false;
    const { pair, clock } = pairOf({ links: 4, way: (link) => ({ delayMs: 10, rate: 5000, drop: () => isDark && link === 2 }) });
    pair.open();
    clock.advance(50);
    clock.setTimeout(() => (isDark = true), 400);
    const moved = move(pair, clock, 20 << 20);
    expect(moved.wrongAt).toBe(-1);
    expect(moved.gapMs).toBeLessThan(500);
    expect(pair.a.session.links[2]!.isStalled).toBe(true);
    pair.stop();
  });

  test('[NCP-9] a link that was cut has its load carried on by the others at once', () => {
    const { pair, clock } = pairOf({ links: 4, way: () => ({ delayMs: 10, rate: 5000 }) });
    pair.open();
    clock.advance(50);
    let cuts = 0;
    const again = (): void => {
      const link = cuts++ % 4;
      pair.cut(link);
      clock.setTimeout(() => pair.mend(link), 30);
      if (cuts < 20) clock.setTimeout(again, 100);
    };
    clock.setTimeout(again, 100);
    const moved = move(pair, clock, 30 << 20);
    expect(moved.wrongAt).toBe(-1);
    expect(moved.gapMs).toBeLessThan(100);
    expect(cuts).toBeGreaterThan(10);
    pair.stop();
  });

  test('[NCP-9] all of them cut at once, again and again, loses nothing and keeps nothing', () => {
    const { pair, clock } = pairOf({ links: 4, way: () => ({ delayMs: 5, rate: 2000 }) });
    pair.open();
    clock.advance(50);
    const sink = new Sink(pair.b);
    pour(pair.a, 10 << 20);
    for (let cycle = 0; cycle < 20; cycle++) {
      clock.advance(60);
      for (let link = 0; link < 4; link++) pair.cut(link);
      clock.advance(500);
      for (let link = 0; link < 4; link++) pair.mend(link);
    }
    clock.runUntil(() => sink.bytes === 10 << 20, { withinMs: 60_000 });
    expect(sink.wrongAt).toBe(-1);
    clock.advance(2000);
    expect([pair.b.session.inbound.heldBytes, pair.a.session.outbound.queuedBytes]).toEqual([0, 0]);
    pair.stop();
  });

  const speeds = (rates: readonly number[], delays: readonly number[], losses: readonly number[] = []): number => {
    // A quarter of the usual window at a quarter of the rates: the same story in a quarter of the steps.
    const { pair, clock } = pairOf({
      links: rates.length,
      limits: { windowBytes: 1 << 20 },
      way: (link, from) => ({
        delayMs: delays[link]!,
        loss: losses[link] ?? 0,
        ...(from === 'a' ? { rate: rates[link]! / 4 } : {}),
      }),
    });
    pair.open();
    clock.advance(200);
    const total = 20 << 20;
    const { ms, wrongAt } = move(pair, clock, total);
    expect(wrongAt).toBe(-1);
    pair.stop();
    return (4 * total) / ms / rates.reduce((a, b) => a + b, 0);
  };

  test('[NCP-9] of different speed and delay add up to at least 95 % of the sum', () => {
    expect(speeds([5000, 5000, 5000, 5000], [10, 10, 10, 10])).toBeGreaterThan(0.95);
    expect(speeds([10_000, 5000, 2500, 1000], [5, 10, 20, 40])).toBeGreaterThan(0.95);
  });

  test('[NCP-9] of which each loses one packet in a hundred are no slower together than one alone', () => {
    const alone = speeds([5000], [20], [0.01]) * 5000;
    expect(speeds([5000, 5000, 5000, 5000], [20, 20, 20, 20], [0.01, 0.01, 0.01, 0.01]) * 20_000).toBeGreaterThan(2 * alone);
  });

  test('[NCP-9] one at a tenth of the speed, or one that loses every tenth packet, does not slow the others', () => {
    expect(speeds([5000, 5000, 5000, 500], [10, 10, 10, 10])).toBeGreaterThan(0.95);
    expect(speeds([5000, 5000, 5000, 5000], [10, 10, 10, 10], [0, 0, 0, 0.1])).toBeGreaterThan(0.8);
  });
});

test('[NCP-12] tuna/hazards: an idle session keeps as many timers as it had, and says little', () => {
  const { pair, clock } = pairOf({ links: 4 });
  pair.open();
  clock.advance(1000);
  move(pair, clock, 8 << 20);
  clock.advance(5000);
  const { pending } = clock;
  const { packets } = pair;
  clock.advance(600_000);
  expect(clock.pending).toBeLessThanOrEqual(pending + 8);
  expect((pair.packets - packets) / 600).toBeLessThan(8); // Signs of life of four links, in both directions, each second.
  expect(pair.a.session.links.every((l) => !l.isStalled)).toBe(true);
  pair.stop();
});

test('[NCP-13] tuna/close: what has arrived and is not read keeps a close waiting; once it is read, it goes on', () => {
  const { pair, clock } = pairOf();
  const sink = new Sink(pair.b);
  pair.open();
  clock.runUntil(() => pair.b.isEstablished);
  const onData = pair.b.onData!;
  pair.b.onData = (bytes) => {
    onData(bytes);
    pair.b.session.inbound.holdBack(sink.bytes);
  };
  pair.a.write(fill(new Uint8Array(20_000), 0));
  pair.a.session.drain();
  const isDrained = (): boolean => pair.a.signals.some(({ type }) => type === 'log.drained');
  clock.advance(3000);
  const { outbound } = pair.a.session;
  expect([sink.bytes, outbound.base === outbound.next, isDrained()]).toEqual([20_000, true, false]);
  pair.b.session.inbound.holdBack(0);
  pair.b.flush();
  clock.advance(1000);
  expect(isDrained()).toBe(true);
  pair.stop();
});
