import { ncpCodec } from '../../adapters/tuna/codec.js';
import { Packet } from '../../machines/tuna/tuna.messages.js';
import { SimClock } from '../sim/clock.js';
import { SeededRandom } from '../sim/random.js';
import { NcpEnd } from './ncp-end.js';
import { NcpPair, pour, Sink } from './ncp-channel.js';

/** The handshake of a peer, with or without what only a holdfast says. */
const helloFrame = (isHoldfast: boolean): Uint8Array =>
  ncpCodec.putHandshake({ clientIds: ['0', '1'], windowBytes: 4 << 20, mtu: 1300, ...(isHoldfast ? { isHoldfast } : {}) });

interface Acked {
  readonly link: number;
  readonly sequence: number;
  /** From the packet to its first acknowledgement. */
  readonly afterMs: number;
}

/** An end with a scripted peer: when each packet that it sent was acknowledged for the first time, and on which link. */
class Watch {
  readonly clock = new SimClock();
  readonly acked: Acked[] = [];
  readonly end: NcpEnd;
  /** How long the peer takes to acknowledge what it is asked; `undefined`: it does not. The first is late by more. */
  answerAfterMs: number | undefined;
  lateByMs = 0;
  #sentAt = new Map<number, number>();
  #packet = new Packet();

  constructor(role: 'dialer' | 'acceptor', isHoldfast: boolean) {
    this.end = new NcpEnd({
      role,
      clock: this.clock,
      links: 2,
      limits: { idleMs: 0 },
      send: (link, bytes) => this.#hear(link, bytes),
    });
    this.end.attachAll();
    if (role === 'dialer') this.end.call();
    this.end.receive(0, helloFrame(isHoldfast));
    this.clock.settle();
  }

  send(link: number, sequence: number, bytes = 100): void {
    const into = new Uint8Array(bytes + 12);
    if (!this.#sentAt.has(sequence)) this.#sentAt.set(sequence, this.clock.now());
    this.end.receive(link, into.slice(0, ncpCodec.putDataHead(into, 0, sequence, bytes) + bytes));
  }

  ack(link: number, sequence: number): void {
    const into = new Uint8Array(40);
    this.end.receive(link, into.slice(0, ncpCodec.putAck(into, 0, Uint32Array.of(sequence), Uint32Array.of(1), 1, 0)));
  }

  #hear(link: number, bytes: Uint8Array): void {
    const packet = this.#packet;
    ncpCodec.read(bytes, 0, bytes.length, packet);
    if (packet.sequence > 0 && this.answerAfterMs !== undefined) {
      const { sequence } = packet;
      this.clock.setTimeout(() => this.ack(link, sequence), this.answerAfterMs + this.lateByMs);
      this.lateByMs = 0;
    }
    for (let i = 0; i < packet.ranges; i++)
      for (let sequence = packet.starts[i]!; sequence < packet.starts[i]! + packet.counts[i]!; sequence++) {
        const sentAt = this.#sentAt.get(sequence);
        this.#sentAt.delete(sequence); // Said once more later: that is no news.
        if (sentAt !== undefined) this.acked.push({ link, sequence, afterMs: this.clock.now() - sentAt });
      }
  }
}

describe('tuna/acknowledgements: an original gets an acknowledgement of each packet 60 ms after it came, and not much later', () => {
  for (const role of ['dialer', 'acceptor'] as const) {
    for (const [name, spacingMs, count] of [
      ['a steady stream', 1, 400],
      ['bursts', 0, 400],
      ['a packet now and then', 130, 10],
    ] as const)
      test(`[NCP-15] ${role}: ${name}`, () => {
        const watch = new Watch(role, false);
        for (let sequence = 1; sequence <= count; sequence++) {
          watch.send(sequence % 2, sequence);
          if (spacingMs > 0) watch.clock.advance(spacingMs);
          else if (sequence % 50 === 0) watch.clock.advance(3);
        }
        watch.clock.advance(200);
        expect(watch.acked).toHaveLength(count);
        const waits = watch.acked.map(({ afterMs }) => afterMs);
        expect(Math.min(...waits)).toBeGreaterThanOrEqual(60);
        expect(Math.max(...waits)).toBeLessThanOrEqual(70);
        expect(watch.acked.every(({ link, sequence }) => link === sequence % 2)).toBe(true);
        watch.end.stop();
      });

    test(`[NCP-15] ${role}: packets out of order, and one that comes twice`, () => {
      const watch = new Watch(role, false);
      for (const sequence of [2, 4, 3, 1, 1, 7]) watch.send(0, sequence);
      watch.clock.advance(30);
      for (const sequence of [6, 5, 2]) watch.send(0, sequence);
      watch.clock.advance(200);
      expect(watch.acked.map(({ sequence }) => sequence).toSorted((a, b) => a - b)).toEqual([1, 2, 3, 4, 5, 6, 7]);
      expect(watch.acked.every(({ afterMs }) => afterMs >= 60 && afterMs <= 70)).toBe(true);
      watch.end.stop();
    });

    test(`[NCP-15] ${role}: less where the way is long already, and nothing where it is longer`, () => {
      for (const [wayMs, leastMs, mostMs] of [
        [0, 60, 70],
        [45, 60, 70], // It may be the peer's 50 ms.
        [80, 30, 45],
        [400, 0, 30],
      ] as const) {
        const watch = new Watch(role, false);
        watch.answerAfterMs = wayMs; // It asks, because nothing was measured.
        for (let sequence = 1; sequence <= 100; sequence++) {
          watch.send(0, sequence);
          watch.clock.advance(50);
        }
        watch.clock.advance(500);
        watch.acked.length = 0;
        for (let sequence = 101; sequence < 139; sequence++) {
          watch.send(0, sequence);
          watch.clock.advance(2);
        }
        watch.clock.advance(200);
        const waits = watch.acked.map(({ afterMs }) => afterMs);
        expect({ wayMs, isRight: Math.min(...waits) >= leastMs && Math.max(...waits) <= mostMs, count: waits.length }).toEqual({
          wayMs,
          isRight: true,
          count: 38,
        });
        watch.end.stop();
      }
    });

    test(`[NCP-15] ${role}: an answer that is late once makes no way long`, () => {
      const watch = new Watch(role, false);
      watch.answerAfterMs = 10;
      watch.lateByMs = 200;
      for (let sequence = 1; sequence <= 1000; sequence++) {
        watch.send(0, sequence);
        watch.clock.advance(7);
      }
      watch.clock.advance(500);
      expect(Math.min(...watch.acked.map(({ afterMs }) => afterMs))).toBeGreaterThanOrEqual(60);
      watch.end.stop();
    });

    test(`[NCP-15] ${role}: a holdfast gets it at once`, () => {
      const watch = new Watch(role, true);
      for (let sequence = 1; sequence <= 50; sequence++) {
        watch.send(0, sequence);
        watch.clock.advance(5);
      }
      watch.clock.advance(100);
      expect(watch.acked).toHaveLength(50);
      expect(Math.max(...watch.acked.map(({ afterMs }) => afterMs))).toBeLessThanOrEqual(25);
      expect(watch.acked[0]!.afterMs).toBe(0);
      watch.end.stop();
    });
  }

  test('[NCP-15] what is held for a link that is lost goes out on another one', () => {
    const watch = new Watch('acceptor', false);
    for (let sequence = 1; sequence <= 20; sequence++) watch.send(0, sequence);
    watch.end.detach(0);
    watch.clock.advance(200);
    expect(watch.acked.map(({ link, sequence }) => [link, sequence])).toEqual(Array.from({ length: 20 }, (_, i) => [1, i + 1]));
    watch.end.stop();
  });

  test('[NCP-15] what is held is bounded, however much comes and in whatever order', () => {
    const watch = new Watch('acceptor', false);
    for (let sequence = 2; sequence < 8000; sequence += 2) watch.send(0, sequence, 1);
    expect(watch.end.session.links[0]!.owed.heldRanges).toBeLessThanOrEqual(512);
    watch.clock.advance(1000);
    expect(watch.acked.length).toBeGreaterThan(500);
    watch.end.stop();
  });
});

const isHandshake = (packet: Uint8Array): boolean => {
  const seen = new Packet();
  return ncpCodec.read(packet, 0, packet.length, seen) && seen.handshake !== undefined;
};

describe('tuna/handshake: the answer is repeated until the dialer shows that it knows it', () => {
  /** As the original's dialer: it says its handshake once, and drops everything until it is answered. */
  function originalCalls(losses: number, links: number): { establishedAt: number; answers: number; last: number } {
    const clock = new SimClock();
    let answers = 0;
    let establishedAt = Infinity;
    let last = 0;
    const packet = new Packet();
    const end = new NcpEnd({
      role: 'acceptor',
      clock,
      links,
      limits: { idleMs: 0 },
      send: (link, bytes) => {
        ncpCodec.read(bytes, 0, bytes.length, packet);
        if (packet.handshake !== undefined) {
          last = clock.now();
          if (++answers > losses) establishedAt = Math.min(establishedAt, clock.now());
        } else if (packet.sequence > 0 && establishedAt < Infinity) {
          const into = new Uint8Array(40);
          const ack = into.slice(0, ncpCodec.putAck(into, 0, Uint32Array.of(packet.sequence), Uint32Array.of(1), 1, 0));
          clock.setTimeout(() => end.receive(link, ack), 50);
        }
      },
    });
    end.attachAll();
    for (let link = 0; link < links; link++) end.receive(link, helloFrame(false));
    clock.advance(60_000);
    end.stop();
    return { establishedAt, answers, last };
  }

  for (const links of [1, 4])
    for (const rounds of [1, 3])
      test(`[NCP-5] lost ${rounds} time(s) on each of ${links} link(s)`, () => {
        const seen = originalCalls(rounds * links, links);
        expect(seen.establishedAt).toBeLessThan(5000);
        expect(seen.last).toBeLessThan(seen.establishedAt + 1000); // And no more, once it is known.
      });

  test('[NCP-5] one that never shows anything is informed ever more rarely', () => {
    const { answers, last } = originalCalls(Infinity, 1);
    expect(last).toBeGreaterThan(50_000);
    expect(answers).toBeLessThan(20);
  });

  test('[NCP-5] between two holdfasts one answer is enough, and a session that is idle says no more', () => {
    const clock = new SimClock();
    let handshakes = 0;
    const pair = new NcpPair({
      clock,
      random: new SeededRandom(3),
      links: 2,
      way: (_, from) => ({ drop: (packet) => (from === 'b' && isHandshake(packet) ? (handshakes++, false) : false) }),
    });
    pair.open();
    clock.advance(30_000);
    expect(handshakes).toBeLessThanOrEqual(6); // On two links, and once more after half a second.
    pair.stop();
  });
});

describe('tuna/flow control: a blocked sender asks by itself within 3 s', () => {
  for (const idleMs of [0, 5000])
    for (const isStream of [true, false])
      for (const blockedMs of [200, 30_000])
        test(`[NCP-12] idleMs ${idleMs}, ${isStream ? 'a stream' : 'packets'}, blocked for ${blockedMs} ms before the news is lost`, () => {
          const clock = new SimClock();
          let isDark = false;
          const seen = new Packet();
          const pair = new NcpPair({
            clock,
            random: new SeededRandom(5),
            links: 1,
            limits: { windowBytes: 20_000, mtu: 1000, idleMs, isStream },
            limitsB: { readRepeatMs: 1e9, readRepeatMaxMs: 1e9 },
            way: (_, from) => ({
              drop: (packet) => from === 'b' && isDark && ncpCodec.read(packet, 0, packet.length, seen) && seen.bytesRead >= 0,
            }),
          });
          pair.open();
          clock.runUntil(() => pair.b.isEstablished);
          const sink = new Sink(pair.b);
          const read = pair.b.onData!;
          pair.b.onData = (bytes) => (read(bytes), pair.b.session.inbound.holdBack(sink.bytes));
          pour(pair.a, 60_000, 1000);
          clock.advance(blockedMs);
          expect(sink.bytes).toBe(20_000);
          isDark = true;
          pair.b.onData = read;
          pair.b.session.inbound.holdBack(0);
          pair.b.flush();
          clock.advance(1); // The news is lost, and said once.
          isDark = false;
          const from = clock.now();
          clock.runUntil(() => sink.bytes > 20_000, { withinMs: 3000 });
          expect(clock.now() - from).toBeLessThanOrEqual(3000);
          clock.runUntil(() => sink.bytes === 60_000, { withinMs: 3000 });
          pair.stop();
        });
});
