import { bareCodec, poolCodec as codec } from '../../adapters/pool/codec.js';
import { Pump } from '../../machines/dataplane/pump.js';
import { WireEnd } from '../../machines/dataplane/wire-end.js';
import { PoolPlane } from '../../machines/pool/pool.plane.js';
import type { Wire } from '../../machines/ports.js';
import { SimClock } from '../sim/clock.js';
import { Bench, data, goodbye, greeting, hello, ping, pong, THERE, welcome } from './plane-bench.js';

describe('pool/plane: hello', () => {
  test('[POOL-5] the dialer sends its id, reads the peer’s, and keeps later frames until the chart decides', () => {
    const bench = new Bench();
    bench.plane.write(Uint8Array.of(7));
    bench.plane.sendHello();
    expect(bench.said()).toEqual(['hello']); // What was written waits until it is known to whom.
    bench.hear(welcome, data(Uint8Array.of(1)));
    expect(bench.signals).toEqual([{ type: 'handshake.done', id: THERE, isUnderstood: true }]);
    expect([bench.got, bench.said()]).toEqual([[], []]);
    bench.plane.open(0);
    bench.read();
    expect([bench.got, bench.said()]).toEqual([[[1]], ['data 7']]);
  });

  test('[POOL-5] the acceptor sends nothing before it has read a hello and opened', () => {
    const bench = new Bench({ role: 'acceptor' });
    bench.plane.sendHello();
    expect(bench.said()).toEqual([]);
    bench.hear(hello);
    expect([bench.story, bench.said()]).toEqual([['handshake.done'], []]);
    bench.plane.open(0);
    expect(bench.said()).toEqual(['welcome']);
  });

  test('[POOL-4] a dialer that does not know whom it dials says so', () => {
    const inquiry = (peer: string | undefined): boolean | undefined => {
      const bench = new Bench({ peer });
      bench.plane.sendHello();
      const bytes = bench.plane.pollTransmit(0, 0)!;
      return codec.hello(bytes, 0, bytes.length)?.isInquiry;
    };
    expect([inquiry(THERE), inquiry(undefined)]).toEqual([false, true]);
  });

  test('[POOL-9] an unsupported version is reported to the chart', () => {
    const bench = new Bench();
    bench.plane.sendHello();
    bench.hear(codec.putHello('welcome', { ...greeting, versionMin: 2, versionMax: 9 }));
    expect(bench.signals).toEqual([{ type: 'handshake.done', id: THERE, isUnderstood: false }]);
  });

  test('[POOL-9] a refusal is read by a dialer that waits for it', () => {
    const bench = new Bench();
    bench.plane.sendHello();
    bench.hear(codec.putRefused({ code: 'crossed', retryAfterMs: 1000, id: THERE }));
    expect(bench.signals).toEqual([{ type: 'peer.refused', refusal: { code: 'crossed', retryAfterMs: 1000, id: THERE } }]);
  });

  test.each([
    ['a message', 'dialer', data(Uint8Array.of(1))],
    ['a message', 'acceptor', data(Uint8Array.of(1))],
    ['a ping', 'dialer', ping(1)],
    ['a goodbye', 'dialer', goodbye],
    ['a hello', 'dialer', hello],
    ['a welcome', 'acceptor', welcome],
    ['a refusal', 'acceptor', codec.putRefused({ code: 'busy', retryAfterMs: 0 })],
    ['a hello cut short', 'acceptor', Uint8Array.of(0x80, 0, 0, 3, 1, 0x68, 0x66)],
  ] as const)('[POOL-5] %s before the hello spoils the wire of the %s', (_what, role, frame) => {
    const bench = new Bench({ role });
    bench.plane.sendHello();
    bench.hear(frame, data(Uint8Array.of(2)));
    expect([bench.story, bench.got]).toEqual([['peer.violated malformed POOL-5'], []]);
  });
});

describe('pool/plane: frames', () => {
  test('[POOL-1] messages of any bytes, any number in a chunk, cut at every byte', () => {
    const stream = Buffer.concat([data(Uint8Array.of(1)), data(new Uint8Array(0)), ping(9), data(Uint8Array.of(2, 3))]);
    for (let cut = 0; cut <= stream.length; cut++) {
      const bench = Bench.open();
      bench.hear(stream.subarray(0, cut)).hear(stream.subarray(cut));
      expect({ cut, got: bench.got, said: bench.said() }).toEqual({ cut, got: [[1], [], [2, 3]], said: ['pong 9'] });
    }
  });

  test('[POOL-3] the head of what is too large is enough, and nothing behind it is read', () => {
    const bench = Bench.open({ messageBytesMax: 2000 });
    bench.hear(Uint8Array.of(0, 0, 0x07, 0xd1));
    expect(bench.story).toEqual(['peer.violated oversized POOL-3']);
    bench.hear(data(Uint8Array.of(1)));
    expect([bench.story, bench.got]).toEqual([['peer.violated oversized POOL-3'], []]);
    expect(Bench.open({ messageBytesMax: 2000 }).hear(data(new Uint8Array(2000))).got).toHaveLength(1);
    expect(Bench.open({ messageBytesMax: 2000 }).hear(Uint8Array.of(0x80, 0, 0x07, 0xd1)).story).toEqual([
      'peer.violated oversized POOL-3',
    ]);
  });

  test('[POOL-3] a limit of few bytes holds too, although a hello is larger', () => {
    expect(Bench.open({ messageBytesMax: 10 }).hear(data(new Uint8Array(10))).got).toHaveLength(1);
    expect(Bench.open({ messageBytesMax: 10 }).hear(data(new Uint8Array(11))).story).toEqual(['peer.violated oversized POOL-3']);
  });

  test('[POOL-2] unknown kinds: optional ones are skipped, critical ones are not', () => {
    const optional = Uint8Array.of(0x80, 0, 0, 2, 0x90, 1);
    expect(Bench.open().hear(optional, data(Uint8Array.of(1))).got).toEqual([[1]]);
    for (const frame of [Uint8Array.of(0x80, 0, 0, 1, 0x30), Uint8Array.of(0x80, 0, 0, 0), Uint8Array.of(0x80, 0, 0, 1, 4)])
      expect(Bench.open().hear(frame).story).toEqual(['peer.violated malformed POOL-2']);
  });

  test('[POOL-1] bare: everything is a message, whatever its first byte is', () => {
    const bench = Bench.open({}, { isBare: true, codec: bareCodec, localId: '' });
    bench.plane.write(Uint8Array.of(5));
    expect(bench.said()).toEqual(['data 5']);
    bench.hear(Uint8Array.of(0, 0, 0, 2, 0x80, 6));
    expect(bench.got).toEqual([[0x80, 6]]);
    bench.hear(Uint8Array.of(0x80, 0, 0, 5));
    expect(bench.story).toEqual(['peer.violated oversized POOL-3']);
  });
});

describe('pool/plane: signs of life', () => {
  const timing = { keepaliveIntervalMs: 60_000, probeTimeoutMs: 5000 };

  test('[POOL-6] silence is probed, and then ends the wire', () => {
    const bench = Bench.open(timing);
    expect(bench.live(59_999)).toEqual([]);
    expect(bench.live(1)).toEqual(['ping']);
    expect([bench.live(5000), bench.story]).toEqual([[], []]);
    bench.live(1); // What has arrived by then was read.
    expect(bench.story).toEqual(['wire.silent']);
  });

  test('[POOL-6] any byte is a sign of life, also one in the middle of a message', () => {
    const bench = Bench.open(timing);
    const large = data(new Uint8Array(100));
    for (let n = 0; n < 10; n++) {
      bench.live(50_000);
      bench.hear(large.subarray(n, n + 1));
    }
    expect([bench.story, bench.plane.stats.received]).toEqual([[], 0]);
  });

  test('[POOL-6] 0 never asks', () => {
    const bench = Bench.open({ keepaliveIntervalMs: 0 });
    expect([bench.plane.nextTimeout(), bench.live(1e9)]).toEqual([undefined, []]);
  });

  test('[POOL-6] who only receives says so each second', () => {
    const bench = Bench.open(timing);
    const said: string[] = [];
    for (let n = 0; n < 30; n++) {
      bench.hear(data(Uint8Array.of(n)));
      said.push(...bench.live(100));
    }
    expect(said).toEqual(['pong 0', 'pong 0', 'pong 0']);
    expect(bench.live(10_000)).toEqual([]);
    bench.hear(data(Uint8Array.of(1)));
    bench.plane.write(Uint8Array.of(2));
    expect([bench.said(), bench.live(10_000)]).toEqual([['data 2'], []]); // What is said anyway is sign enough.
  });

  test('[POOL-6] a full reader declares no peer dead, and shows that it lives', () => {
    const bench = Bench.open({ ...timing, receiveBytesHigh: 1000 });
    bench.hear(data(Uint8Array.of(1)));
    bench.plane.holdBack(1000);
    expect(bench.plane.isFull).toBe(true);
    const said = bench.live(200_000);
    expect([new Set(said), said.length, bench.story]).toEqual([new Set(['pong 0']), 200, []]);
    bench.plane.holdBack(501);
    expect(bench.plane.isFull).toBe(true); // Until half of it is taken.
    bench.plane.holdBack(500);
    expect(bench.plane.isFull).toBe(false);
    expect(bench.live(70_000).slice(-1)).toEqual(['ping']);
    expect(bench.story).toEqual(['wire.silent']);
  });

  test('[POOL-6] a full reader declares no peer dead after a wake-up either', () => {
    const bench = Bench.open({ ...timing, receiveBytesHigh: 1000 });
    bench.hear(data(Uint8Array.of(1)));
    bench.plane.holdBack(1000);
    bench.live(1000);
    bench.plane.probe(1000);
    bench.live(5000);
    expect(bench.story).toEqual([]);
  });

  test('[POOL-6] after a wake-up the answer may take less time', () => {
    const bench = Bench.open({ ...timing, wakeProbeTimeoutMs: 1500 });
    bench.plane.probe(999);
    expect(bench.said()).toEqual([]); // Its opening was sign enough.
    bench.live(1000);
    bench.plane.probe(1000);
    expect(bench.said()).toEqual(['ping']);
    bench.live(1500);
    expect(bench.story).toEqual([]);
    bench.live(1);
    expect(bench.story).toEqual(['wire.silent']);
    const alive = Bench.open({ ...timing, wakeProbeTimeoutMs: 1500 });
    alive.live(1000);
    alive.plane.probe(1000);
    alive.hear(pong).live(30_000);
    expect(alive.story).toEqual([]);
  });

  test('[POOL-6] a flood of pings before anything can be written gets one answer, to the last', () => {
    const bench = Bench.open();
    for (let n = 0; n < 1000; n++) bench.hear(ping(n));
    expect([bench.said(), bench.story]).toEqual([['pong 999'], []]);
    bench.hear(pong);
    expect(bench.said()).toEqual([]); // An answer gets none.
  });

  test('[POOL-6] while nothing can be written, one ping waits', () => {
    const bench = Bench.open({ keepaliveIntervalMs: 100, probeTimeoutMs: 5000 });
    for (let n = 0; n < 50; n++) {
      bench.live(150, false);
      bench.hear(pong);
    }
    expect(bench.said().filter((each) => each === 'ping')).toHaveLength(1);
  });

  test('[POOL-6] bare connections leave it to the system, and say nothing by themselves', () => {
    const bare = Bench.open(timing, { isBare: true, codec: bareCodec });
    expect([bare.plane.keepAliveMs, Bench.open(timing).plane.keepAliveMs]).toEqual([60_000, undefined]);
    bare.hear(data(Uint8Array.of(1)));
    bare.plane.probe(0);
    expect([bare.plane.nextTimeout(), bare.live(1e6)]).toEqual([undefined, []]);
    const asked: number[] = [];
    const wire = {
      lends: false,
      remoteAddress: '',
      keepAlive: (ms: number) => asked.push(ms),
      pause: () => {},
      destroy: () => {},
    };
    const pump = (plane: PoolPlane): unknown =>
      new Pump(plane, new SimClock(), { deliver: () => {}, settled: () => {} }).attach(new WireEnd(0), wire as unknown as Wire);
    pump(Bench.open(timing, { isBare: true, codec: bareCodec }).plane);
    pump(Bench.open(timing).plane);
    pump(Bench.open({ keepaliveIntervalMs: 0 }, { isBare: true, codec: bareCodec }).plane);
    expect(asked).toEqual([60_000]);
  });
});

describe('pool/plane: writing', () => {
  test('[POOL-7] room, then please wait, then no: and the bound gives back what was handed over', () => {
    const bench = Bench.open({ messageBytesMax: 500, sendBytesMax: 2 * 568, sendBytesHigh: 568 });
    expect(bench.plane.write(new Uint8Array(400))).toBe('room');
    expect(bench.plane.write(new Uint8Array(500))).toBe('wait');
    expect(() => bench.plane.write(new Uint8Array(500))).toThrow(expect.objectContaining({ code: 'queue-full' }));
    expect(() => bench.plane.write(new Uint8Array(501))).toThrow(expect.objectContaining({ code: 'too-large' }));
    expect([bench.plane.canTake(500), bench.plane.canTake(501)]).toEqual([false, true]); // Waiting doesn't make it smaller.
    expect([bench.plane.accepted, bench.plane.handed, bench.plane.hasRoom()]).toEqual([2, 0, false]);
    bench.said();
    expect([bench.plane.handed, bench.plane.acknowledged, bench.plane.queuedBytes, bench.plane.hasRoom()]).toEqual([
      2,
      2,
      0,
      true,
    ]);
  });

  test('[POOL-7] much that gathers in one turn leaves before its end', () => {
    const bench = Bench.open();
    expect([bench.plane.write(new Uint8Array(60_000)), bench.plane.write(new Uint8Array(6000))]).toEqual(['room', 'flush']);
  });

  test('[POOL-8] a drain takes nothing more, and is over when all was handed over', () => {
    const bench = Bench.open();
    bench.plane.write(Uint8Array.of(1));
    bench.plane.drain();
    expect([bench.plane.isClosing, bench.story]).toEqual([true, []]);
    expect(() => bench.plane.write(Uint8Array.of(2))).toThrow(expect.objectContaining({ code: 'closed' }));
    expect([bench.said(), bench.story]).toEqual([['data 1'], ['log.drained']]);
    expect([bench.said(), bench.story]).toEqual([[], ['log.drained']]); // Told once.
    const empty = Bench.open();
    empty.plane.drain();
    expect([empty.said(), empty.story]).toEqual([[], ['log.drained']]);
  });

  test('[POOL-8] nothing follows a goodbye, not even what was written', () => {
    const bench = Bench.open();
    bench.plane.write(Uint8Array.of(1));
    bench.hear(ping(3));
    bench.plane.goodbye({ code: 'closed', afterMs: 0 });
    expect([bench.said(), bench.said(), bench.plane.handed]).toEqual([['goodbye'], [], 0]);
    expect(bench.hear(data(Uint8Array.of(4)), goodbye).got).toEqual([[4]]); // Who goes still listens.
    expect(bench.story).toEqual(['peer.goodbye']);
  });

  test('[POOL-11] a connection without messages is idle; one with messages that wait is not', () => {
    const limits = { idleTimeoutMs: 1000, keepaliveIntervalMs: 0, receiveBytesHigh: 100 };
    const bench = Bench.open(limits);
    bench.live(600);
    bench.plane.write(Uint8Array.of(1));
    bench.said();
    bench.live(600);
    bench.hear(data(Uint8Array.of(1))).hear(ping(1));
    bench.live(999);
    expect(bench.story).toEqual([]);
    bench.live(1);
    expect(bench.story).toEqual(['idle.expired']);
    const stuck = Bench.open(limits);
    stuck.plane.write(Uint8Array.of(1)); // And the wire takes nothing.
    stuck.live(10_000, false);
    expect(stuck.story).toEqual([]);
    const full = Bench.open(limits);
    full.plane.holdBack(100);
    full.live(10_000);
    expect(full.story).toEqual([]);
  });
});

test('pool/plane: after its wire is gone it asks for nothing more', () => {
  const bench = Bench.open({ idleTimeoutMs: 1000 });
  bench.hear(data(Uint8Array.of(1)));
  bench.plane.detach();
  expect([bench.plane.nextTimeout(), bench.said(), bench.hear(data(Uint8Array.of(2))).got]).toEqual([undefined, [], [[1]]]);
});
