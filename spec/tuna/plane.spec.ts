import { ncpCodec } from '../../adapters/tuna/codec.js';
import { frameBytes, framed, PlainEnvelope } from '../../adapters/tuna/envelope.js';
import { SlabPool } from '../../machines/dataplane/send-log.js';
import { TunaPlane } from '../../machines/tuna/tuna.plane.js';
import { TUNA_LIMITS, type TunaLimits } from '../../machines/tuna/tuna.timing.js';

const planeOf = (role: 'dialer' | 'acceptor', limits: Partial<TunaLimits> = {}): TunaPlane =>
  new TunaPlane({
    role,
    codec: ncpCodec,
    limits: { ...TUNA_LIMITS, ...limits },
    pool: new SlabPool(),
    links: 2,
    clientIds: ['0', '1'],
    envelope: new PlainEnvelope(),
    opening: (link) => (role === 'dialer' ? framed(Uint8Array.of(1, 2, link)) : undefined),
    openingFrames: role === 'dialer' ? 0 : 1,
  });

/** Moves everything both have to say, in pieces of `pieceBytes`; answers what b's application heard and what its chart was told. */
function exchange(a: TunaPlane, b: TunaPlane, pieceBytes = Infinity): { heard: Buffer; told: string[] } {
  const heard: Uint8Array[] = [];
  const told: string[] = [];
  for (let rounds = 0, quiet = 0; quiet < 2 && rounds < 1000; rounds++, quiet++) {
    for (const [from, to] of [
      [a, b],
      [b, a],
    ] as const)
      // prettier-ignore
      for (let link = 0; link < 2; link++)
        for (let bytes; (bytes = from.pollTransmit(link, 0)) !== undefined; quiet = 0)
          for (let at = 0; at < bytes.length; at += pieceBytes) {
            to.handleBytes(link, new Uint8Array(bytes.subarray(at, at + pieceBytes)), true);
            for (let step; (step = to.step(0)) !== 'idle';) {
              if (step === 'message') for (let m; (m = to.pollMessage()) !== undefined;) if (to === b) heard.push(m);
              if (step === 'signal') for (let s; (s = to.pollSignal()) !== undefined;) if (to === b) told.push(s.type);
            }
          }
  }
  return { heard: Buffer.concat(heard), told };
}

test('[TUNA-2] tuna/plane: frames begin with their length, little endian; they arrive whole whatever the pieces', () => {
  expect([...framed(Uint8Array.of(7, 8))]).toEqual([2, 0, 0, 0, 7, 8]);
  expect(frameBytes(Uint8Array.of(0x01, 0x02, 0x03, 0xf4), 0)).toBe(0xf4030201 + 4);
  for (const pieceBytes of [1, 3, 1000, Infinity]) {
    const [a, b] = [planeOf('dialer'), planeOf('acceptor')];
    for (const plane of [a, b]) for (let link = 0; link < 2; link++) plane.attach(link, 0);
    b.open();
    a.call(0);
    a.write(Buffer.from('hello '));
    a.write(Buffer.alloc(20_000, 'x'));
    const { heard, told } = exchange(a, b, pieceBytes);
    expect([heard.length, heard.subarray(0, 7).toString()]).toEqual([20_006, 'hello x']);
    expect(told).toEqual(['link.proven', 'handshake.done', 'link.proven', 'link.wanted']);
    expect([a.accepted, a.handed]).toEqual([20_006, 20_006]);
  }
});

test('[NCP-14] tuna/plane: nonsense on one link costs that link; the other carries on', () => {
  for (const [nonsense, code] of [
    [framed(Uint8Array.of(0xff)), 'malformed'],
    [framed(new Uint8Array(TUNA_LIMITS.mtu + 1025)), 'oversized'],
    [Uint8Array.of(0xff, 0xff, 0xff, 0xff), 'oversized'],
  ] as const) {
    const [a, b] = [planeOf('dialer'), planeOf('acceptor')];
    for (const plane of [a, b]) for (let link = 0; link < 2; link++) plane.attach(link, 0);
    b.open();
    a.call(0);
    exchange(a, b);
    b.handleBytes(0, nonsense, false);
    expect(b.step(0)).toBe('signal');
    expect(b.pollSignal()).toEqual({ type: 'link.corrupt', link: 0, code });
    expect(b.step(0)).toBe('idle'); // Deaf, and told once.
    a.detach(0, 0);
    b.detach(0, 0);
    a.write(Buffer.from('still here'));
    expect(exchange(a, b).heard.toString()).toBe('still here');
  }
});

test('[NCP-13] tuna/plane: frames before a close are read before it', () => {
  const [a, b] = [planeOf('dialer'), planeOf('acceptor')];
  for (const plane of [a, b]) plane.attach(0, 0);
  b.open();
  a.call(0);
  exchange(a, b);
  a.write(Buffer.from('last words'));
  const bytes = [a.pollTransmit(0, 0)!];
  a.close(0);
  bytes.push(a.pollTransmit(0, 0)!);
  b.handleBytes(0, new Uint8Array(Buffer.concat(bytes)), false);
  expect(b.step(0)).toBe('message');
  expect(Buffer.from(b.pollMessage()!).toString()).toBe('last words');
  expect(b.step(0)).toBe('signal');
  expect(b.pollSignal()).toEqual({ type: 'link.wanted', link: 0 });
  expect(b.step(0)).toBe('signal');
  expect(b.pollSignal()).toEqual({ type: 'peer.closed', isFirstWord: false, hasGap: false });
});

test('[NCP-10] tuna/plane: a writer has to wait, and is then refused; a packet that fits nothing is refused at once', () => {
  const a = planeOf('dialer', { sendBytesMax: 10_000, sendBytesHigh: 5000 });
  expect(a.write(new Uint8Array(4000))).toBe('room');
  expect([a.write(new Uint8Array(4000)), a.hasRoom()]).toEqual(['wait', false]);
  expect(() => a.write(new Uint8Array(4000))).toThrow(expect.objectContaining({ code: 'queue-full' }));
  expect([a.canTake(4000), a.canTake(10_001)]).toEqual([false, true]); // Waiting doesn't make it smaller.
  expect(() => a.write(new Uint8Array(10_001))).toThrow(expect.objectContaining({ code: 'too-large' }));
  const packets = planeOf('dialer', { isStream: false });
  expect(() => packets.write(new Uint8Array(1301))).toThrow(expect.objectContaining({ code: 'too-large' }));
  packets.drain();
  expect(() => packets.write(new Uint8Array(1))).toThrow(expect.objectContaining({ code: 'closed' }));
});

test('[NCP-4] tuna/plane: where each write is a packet, each arrives as one message', () => {
  const [a, b] = [planeOf('dialer', { isStream: false }), planeOf('acceptor', { isStream: false })];
  for (const plane of [a, b]) plane.attach(0, 0);
  b.open();
  a.call(0);
  exchange(a, b);
  for (const text of ['one', 'two', 'three']) a.write(Buffer.from(text));
  b.handleBytes(0, new Uint8Array(a.pollTransmit(0, 0)!), false);
  const heard: string[] = [];
  for (let step; (step = b.step(0)) !== 'idle';) {
    if (step === 'message') for (let m; (m = b.pollMessage()) !== undefined;) heard.push(Buffer.from(m).toString());
    if (step === 'signal') b.pollSignal();
  }
  expect(heard).toEqual(['one', 'two', 'three']);
  expect([a.accepted, a.handed, a.acknowledged]).toEqual([3, 3, 0]);
});

test('[NCP-9] tuna/plane: a link whose packets fill what it may have under way to the byte is given more, as any other', () => {
  for (const mtu of [1000, 1024]) {
    const [a, b] = [planeOf('dialer', { mtu }), planeOf('acceptor', { mtu })];
    for (const plane of [a, b]) plane.attach(0, 0);
    b.open();
    a.call(0);
    exchange(a, b);
    let round = 0;
    let most = 0;
    for (; round < 20; round++) {
      while (a.hasRoom()) a.write(new Uint8Array(65_536));
      // A peer that acknowledges every 50 ms.
      const now = 100 + round * 50;
      const sent: Uint8Array[] = [];
      for (let bytes; (bytes = a.pollTransmit(0, now)) !== undefined;) sent.push(new Uint8Array(bytes));
      most = Math.max(
        most,
        sent.reduce((sum, { length }) => sum + length, 0),
      );
      for (const bytes of sent) b.handleBytes(0, bytes, false);
      for (let step; (step = b.step(now + 49)) !== 'idle';) {
        if (step === 'message') while (b.pollMessage() !== undefined);
        if (step === 'signal') b.pollSignal();
      }
      for (let bytes; (bytes = b.pollTransmit(0, now + 49)) !== undefined;) a.handleBytes(0, new Uint8Array(bytes), false);
      for (let step; (step = a.step(now + 49)) !== 'idle';) if (step === 'signal') a.pollSignal();
    }
    expect({ mtu, hasGrown: most > 1 << 19 }).toEqual({ mtu, hasGrown: true });
  }
});

test('[NCP-10] tuna/plane: tiny messages fill the count of packets before the bytes: the writer is asked to wait before it is refused, and called back', () => {
  const limits = { isStream: false, packetsMax: 64 };
  const [a, b] = [planeOf('dialer', limits), planeOf('acceptor', limits)];
  for (const plane of [a, b]) for (let link = 0; link < 2; link++) plane.attach(link, 0);
  b.open();
  a.call(0);
  const rooms = Array.from({ length: 2 * 64 }, () => a.write(Uint8Array.of(7)));
  expect(rooms.indexOf('wait')).toBe(63);
  expect(rooms.slice(63)).toEqual(Array.from({ length: 65 }, () => 'wait'));
  expect(() => a.write(Uint8Array.of(7))).toThrow('128 of 128 packets are queued');
  expect(a.hasRoom()).toBe(false);
  expect(exchange(a, b).heard).toHaveLength(2 * 64);
  expect([a.hasRoom(), a.write(Uint8Array.of(7))]).toEqual([true, 'room']);
});
