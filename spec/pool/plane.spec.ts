import { bareCodec, poolCodec as codec } from '../../adapters/pool/codec.js';
import { Pump } from '../../machines/dataplane/pump.js';
import { WireEnd } from '../../machines/dataplane/wire-end.js';
import { PoolPlane } from '../../machines/pool/pool.plane.js';
import type { Wire } from '../../machines/ports.js';
import { SimClock } from '../sim/clock.js';
import { Rig, data, goodbye, handshake, hello, ping, pong, THERE, welcome } from './plane-rig.js';

describe('pool/plane: hello', () => {
  test('[POOL-5] the dialer sends its id, reads the peer’s, and keeps later frames until the chart decides', () => {
    const rig = new Rig();
    rig.plane.write(Uint8Array.of(7));
    rig.plane.sendHello();
    expect(rig.said()).toEqual(['hello']); // What was written waits until it is known to whom.
    rig.hear(welcome, data(Uint8Array.of(1)));
    expect(rig.signals).toEqual([{ type: 'handshake.done', id: THERE, isUnderstood: true }]);
    expect([rig.got, rig.said()]).toEqual([[], []]);
    rig.plane.open(0);
    rig.read();
    expect([rig.got, rig.said()]).toEqual([[[1]], ['data 7']]);
  });

  test('[POOL-5] the acceptor sends nothing before it has read a hello and opened', () => {
    const rig = new Rig({ role: 'acceptor' });
    rig.plane.sendHello();
    expect(rig.said()).toEqual([]);
    rig.hear(hello);
    expect([rig.story, rig.said()]).toEqual([['handshake.done'], []]);
    rig.plane.open(0);
    expect(rig.said()).toEqual(['welcome']);
  });

  test('[POOL-4] a dialer that does not know whom it dials says so', () => {
    const inquiry = (peer: string | undefined): boolean | undefined => {
      const rig = new Rig({ peer });
      rig.plane.sendHello();
      const bytes = rig.plane.pollTransmit(0, 0)!;
      return codec.hello(bytes, 0, bytes.length)?.isInquiry;
    };
    expect([inquiry(THERE), inquiry(undefined)]).toEqual([false, true]);
  });

  test('[POOL-9] an unsupported version is reported to the chart', () => {
    const rig = new Rig();
    rig.plane.sendHello();
    rig.hear(codec.putHello('welcome', { ...handshake, versionMin: 2, versionMax: 9 }));
    expect(rig.signals).toEqual([{ type: 'handshake.done', id: THERE, isUnderstood: false }]);
  });

  test('[POOL-9] a refusal is read by a dialer that waits for it', () => {
    const rig = new Rig();
    rig.plane.sendHello();
    rig.hear(codec.putRefused({ code: 'crossed', retryAfterMs: 1000, id: THERE }));
    expect(rig.signals).toEqual([{ type: 'peer.refused', refusal: { code: 'crossed', retryAfterMs: 1000, id: THERE } }]);
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
    const rig = new Rig({ role });
    rig.plane.sendHello();
    rig.hear(frame, data(Uint8Array.of(2)));
    expect([rig.story, rig.got]).toEqual([['peer.violated malformed POOL-5'], []]);
  });
});

describe('pool/plane: frames', () => {
  test('[POOL-1] messages of any bytes, any number in a chunk, cut at every byte', () => {
    const stream = Buffer.concat([data(Uint8Array.of(1)), data(new Uint8Array(0)), ping(9), data(Uint8Array.of(2, 3))]);
    for (let cut = 0; cut <= stream.length; cut++) {
      const rig = Rig.open();
      rig.hear(stream.subarray(0, cut)).hear(stream.subarray(cut));
      expect({ cut, got: rig.got, said: rig.said() }).toEqual({ cut, got: [[1], [], [2, 3]], said: ['pong 9'] });
    }
  });

  test('[POOL-3] the head of what is too large is enough, and nothing behind it is read', () => {
    const rig = Rig.open({ messageBytesMax: 2000 });
    rig.hear(Uint8Array.of(0, 0, 0x07, 0xd1));
    expect(rig.story).toEqual(['peer.violated oversized POOL-3']);
    rig.hear(data(Uint8Array.of(1)));
    expect([rig.story, rig.got]).toEqual([['peer.violated oversized POOL-3'], []]);
    expect(Rig.open({ messageBytesMax: 2000 }).hear(data(new Uint8Array(2000))).got).toHaveLength(1);
    expect(Rig.open({ messageBytesMax: 2000 }).hear(Uint8Array.of(0x80, 0, 0x07, 0xd1)).story).toEqual([
      'peer.violated oversized POOL-3',
    ]);
  });

  test('[POOL-3] a limit of few bytes holds too, although a hello is larger', () => {
    expect(Rig.open({ messageBytesMax: 10 }).hear(data(new Uint8Array(10))).got).toHaveLength(1);
    expect(Rig.open({ messageBytesMax: 10 }).hear(data(new Uint8Array(11))).story).toEqual(['peer.violated oversized POOL-3']);
  });

  test('[POOL-2] unknown kinds: optional ones are skipped, critical ones are not', () => {
    const optional = Uint8Array.of(0x80, 0, 0, 2, 0x90, 1);
    expect(Rig.open().hear(optional, data(Uint8Array.of(1))).got).toEqual([[1]]);
    for (const frame of [Uint8Array.of(0x80, 0, 0, 1, 0x30), Uint8Array.of(0x80, 0, 0, 0), Uint8Array.of(0x80, 0, 0, 1, 4)])
      expect(Rig.open().hear(frame).story).toEqual(['peer.violated malformed POOL-2']);
  });

  test('[POOL-1] bare: everything is a message, whatever its first byte is', () => {
    const rig = Rig.open({}, { isBare: true, codec: bareCodec, localId: '' });
    rig.plane.write(Uint8Array.of(5));
    expect(rig.said()).toEqual(['data 5']);
    rig.hear(Uint8Array.of(0, 0, 0, 2, 0x80, 6));
    expect(rig.got).toEqual([[0x80, 6]]);
    rig.hear(Uint8Array.of(0x80, 0, 0, 5));
    expect(rig.story).toEqual(['peer.violated oversized POOL-3']);
  });
});

describe('pool/plane: signs of life', () => {
  const timing = { keepaliveIntervalMs: 60_000, probeTimeoutMs: 5000 };

  test('[POOL-6] silence is probed, and then ends the wire', () => {
    const rig = Rig.open(timing);
    expect(rig.live(59_999)).toEqual([]);
    expect(rig.live(1)).toEqual(['ping']);
    expect([rig.live(5000), rig.story]).toEqual([[], []]);
    rig.live(1); // What has arrived by then was read.
    expect(rig.story).toEqual(['wire.silent']);
  });

  test('[POOL-6] any byte is a sign of life, also one in the middle of a message', () => {
    const rig = Rig.open(timing);
    const large = data(new Uint8Array(100));
    for (let n = 0; n < 10; n++) {
      rig.live(50_000);
      rig.hear(large.subarray(n, n + 1));
    }
    expect([rig.story, rig.plane.stats.received]).toEqual([[], 0]);
  });

  test('[POOL-6] 0 never asks', () => {
    const rig = Rig.open({ keepaliveIntervalMs: 0 });
    expect([rig.plane.nextTimeout(), rig.live(1e9)]).toEqual([undefined, []]);
  });

  test('[POOL-6] who only receives says so each second', () => {
    const rig = Rig.open(timing);
    const said: string[] = [];
    for (let n = 0; n < 30; n++) {
      rig.hear(data(Uint8Array.of(n)));
      said.push(...rig.live(100));
    }
    expect(said).toEqual(['pong 0', 'pong 0', 'pong 0']);
    expect(rig.live(10_000)).toEqual([]);
    rig.hear(data(Uint8Array.of(1)));
    rig.plane.write(Uint8Array.of(2));
    expect([rig.said(), rig.live(10_000)]).toEqual([['data 2'], []]); // What is said anyway is sign enough.
  });

  test.each<[what: string, start: (near: Rig) => Uint8Array[]]>([
    ['a message', () => [data(Uint8Array.of(1))]],
    ['a ping', () => [ping(0)]],
    ['a pong', () => [pong]],
    ['half a pong', () => [pong.subarray(0, 2), pong.subarray(2)]],
  ])('[POOL-6] after %s two idle sides soon say nothing: a sign of life is no reason for another', (_, start) => {
    const sides = [
      Rig.open({ ...timing, keepaliveIntervalMs: 3_600_000 }),
      Rig.open({ ...timing, keepaliveIntervalMs: 3_600_000 }),
    ];
    for (const bytes of start(sides[0]!)) sides[1]!.hear(bytes);
    let last = 0;
    for (let second = 1; second <= 60; second++) {
      sides.forEach((side, index) => {
        const words = [...side.said(), ...side.live(1000)];
        if (words.length > 0) last = second;
        for (const word of words) sides[1 - index]!.hear(word.startsWith('ping') ? ping(0) : pong);
      });
    }
    expect(last).toBeLessThanOrEqual(3);
  });

  test('[POOL-6] a full reader declares no peer dead, and shows that it lives', () => {
    const rig = Rig.open({ ...timing, receiveBytesHigh: 1000 });
    rig.hear(data(Uint8Array.of(1)));
    rig.plane.holdBack(1000);
    expect(rig.plane.isFull).toBe(true);
    const said = rig.live(200_000);
    expect([new Set(said), said.length, rig.story]).toEqual([new Set(['pong 0']), 200, []]);
    rig.plane.holdBack(501);
    expect(rig.plane.isFull).toBe(true); // Until half of it is taken.
    rig.plane.holdBack(500);
    expect(rig.plane.isFull).toBe(false);
    expect(rig.live(70_000).slice(-1)).toEqual(['ping']);
    expect(rig.story).toEqual(['wire.silent']);
  });

  test('[POOL-6] a full reader declares no peer dead after a wake-up either', () => {
    const rig = Rig.open({ ...timing, receiveBytesHigh: 1000 });
    rig.hear(data(Uint8Array.of(1)));
    rig.plane.holdBack(1000);
    rig.live(1000);
    rig.plane.probe(1000);
    rig.live(5000);
    expect(rig.story).toEqual([]);
  });

  test('[POOL-6] after a wake-up the answer may take less time', () => {
    const rig = Rig.open({ ...timing, wakeProbeTimeoutMs: 1500 });
    rig.plane.probe(999);
    expect(rig.said()).toEqual([]); // Its opening was sign enough.
    rig.live(1000);
    rig.plane.probe(1000);
    expect(rig.said()).toEqual(['ping']);
    rig.live(1500);
    expect(rig.story).toEqual([]);
    rig.live(1);
    expect(rig.story).toEqual(['wire.silent']);
    const alive = Rig.open({ ...timing, wakeProbeTimeoutMs: 1500 });
    alive.live(1000);
    alive.plane.probe(1000);
    alive.hear(pong).live(30_000);
    expect(alive.story).toEqual([]);
  });

  test('[POOL-6] a flood of pings before anything can be written gets one answer, to the last', () => {
    const rig = Rig.open();
    for (let n = 0; n < 1000; n++) rig.hear(ping(n));
    expect([rig.said(), rig.story]).toEqual([['pong 999'], []]);
    rig.hear(pong);
    expect(rig.said()).toEqual([]); // An answer gets none.
  });

  test('[POOL-6] while nothing can be written, one ping waits', () => {
    const rig = Rig.open({ keepaliveIntervalMs: 100, probeTimeoutMs: 5000 });
    for (let n = 0; n < 50; n++) {
      rig.live(150, false);
      rig.hear(pong);
    }
    expect(rig.said().filter((each) => each === 'ping')).toHaveLength(1);
  });

  test('[POOL-6] bare connections leave it to the system, and say nothing by themselves', () => {
    const bare = Rig.open(timing, { isBare: true, codec: bareCodec });
    expect([bare.plane.keepAliveMs, Rig.open(timing).plane.keepAliveMs]).toEqual([60_000, undefined]);
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
    pump(Rig.open(timing, { isBare: true, codec: bareCodec }).plane);
    pump(Rig.open(timing).plane);
    pump(Rig.open({ keepaliveIntervalMs: 0 }, { isBare: true, codec: bareCodec }).plane);
    expect(asked).toEqual([60_000]);
  });
});

describe('pool/plane: writing', () => {
  test('[POOL-7] room, then please wait, then no: and the bound gives back what was handed over', () => {
    const rig = Rig.open({ messageBytesMax: 500, sendBytesMax: 2 * 568, sendBytesHigh: 568 });
    expect(rig.plane.write(new Uint8Array(400))).toBe('room');
    expect(rig.plane.write(new Uint8Array(500))).toBe('wait');
    expect(() => rig.plane.write(new Uint8Array(500))).toThrow(expect.objectContaining({ code: 'queue-full' }));
    expect(() => rig.plane.write(new Uint8Array(501))).toThrow(expect.objectContaining({ code: 'too-large' }));
    expect([rig.plane.canTake(500), rig.plane.canTake(501)]).toEqual([false, true]); // Waiting doesn't make it smaller.
    expect([rig.plane.accepted, rig.plane.handed, rig.plane.hasRoom()]).toEqual([2, 0, false]);
    rig.said();
    expect([rig.plane.handed, rig.plane.acknowledged, rig.plane.queuedBytes, rig.plane.hasRoom()]).toEqual([2, 2, 0, true]);
  });

  test('[POOL-7] much that gathers in one turn leaves before its end', () => {
    const rig = Rig.open();
    expect([rig.plane.write(new Uint8Array(60_000)), rig.plane.write(new Uint8Array(6000))]).toEqual(['room', 'flush']);
  });

  test('[POOL-8] a drain takes nothing more, and is over when all was handed over', () => {
    const rig = Rig.open();
    rig.plane.write(Uint8Array.of(1));
    rig.plane.drain();
    expect([rig.plane.isClosing, rig.story]).toEqual([true, []]);
    expect(() => rig.plane.write(Uint8Array.of(2))).toThrow(expect.objectContaining({ code: 'closed' }));
    expect([rig.said(), rig.story]).toEqual([['data 1'], ['log.drained']]);
    expect([rig.said(), rig.story]).toEqual([[], ['log.drained']]); // Told once.
    const empty = Rig.open();
    empty.plane.drain();
    expect([empty.said(), empty.story]).toEqual([[], ['log.drained']]);
  });

  test('[POOL-8] nothing follows a goodbye, not even what was written', () => {
    const rig = Rig.open();
    rig.plane.write(Uint8Array.of(1));
    rig.hear(ping(3));
    rig.plane.goodbye({ code: 'closed', afterMs: 0 });
    expect([rig.said(), rig.said(), rig.plane.handed]).toEqual([['goodbye'], [], 0]);
    expect(rig.hear(data(Uint8Array.of(4)), goodbye).got).toEqual([[4]]); // Who goes still listens.
    expect(rig.story).toEqual(['peer.goodbye']);
  });

  test('[POOL-11] a connection without messages is idle; one with messages that wait is not', () => {
    const limits = { idleTimeoutMs: 1000, keepaliveIntervalMs: 0, receiveBytesHigh: 100 };
    const rig = Rig.open(limits);
    rig.live(600);
    rig.plane.write(Uint8Array.of(1));
    rig.said();
    rig.live(600);
    rig.hear(data(Uint8Array.of(1))).hear(ping(1));
    rig.live(999);
    expect(rig.story).toEqual([]);
    rig.live(1);
    expect(rig.story).toEqual(['idle.expired']);
    const stuck = Rig.open(limits);
    stuck.plane.write(Uint8Array.of(1)); // And the wire takes nothing.
    stuck.live(10_000, false);
    expect(stuck.story).toEqual([]);
    const full = Rig.open(limits);
    full.plane.holdBack(100);
    full.live(10_000);
    expect(full.story).toEqual([]);
  });
});

test('pool/plane: after its wire is gone it asks for nothing more', () => {
  const rig = Rig.open({ idleTimeoutMs: 1000 });
  rig.hear(data(Uint8Array.of(1)));
  rig.plane.detach();
  expect([rig.plane.nextTimeout(), rig.said(), rig.hear(data(Uint8Array.of(2))).got]).toEqual([undefined, [], [[1]]]);
});
