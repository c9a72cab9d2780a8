import { ncpCodec } from '../../adapters/tuna/codec.js';
import { frameBytes, framed, PlainEnvelope } from '../../adapters/tuna/envelope.js';
import { SlabPool } from '../../machines/dataplane/send-log.js';
import { RANGES_MAX, type Packet } from '../../machines/tuna/tuna.messages.js';
import { TunaPlane } from '../../machines/tuna/tuna.plane.js';
import { TUNA_LIMITS } from '../../machines/tuna/tuna.timing.js';

const packet: Packet = {
  sequence: 0,
  dataStart: 0,
  dataEnd: 0,
  starts: new Uint32Array(RANGES_MAX),
  counts: new Uint32Array(RANGES_MAX),
  ranges: 0,
  bytesRead: -1,
  close: false,
  handshake: undefined,
};

/** The original as a receiver: every 50 ms it acknowledges all that has come, in one range, and its application has read it. */
class Original {
  #data = 0;
  #read = 0;
  #handshakeDone = false;

  hear(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length; at += frameBytes(bytes, at)) {
      if (!ncpCodec.read(bytes, at + 4, at + frameBytes(bytes, at), packet)) throw new Error('not a packet');
      if (packet.handshake !== undefined) this.#handshakeDone = false;
      if (packet.sequence === this.#data + 1) {
        this.#data++;
        this.#read += packet.dataEnd - packet.dataStart;
      }
    }
  }

  answer(mtu: number): Uint8Array {
    if (!this.#handshakeDone) {
      this.#handshakeDone = true;
      return framed(ncpCodec.putHandshake({ clientIds: ['0'], windowBytes: 4 << 20, mtu }));
    }
    const ack = new Uint8Array(64);
    return framed(ack.subarray(0, ncpCodec.putAck(ack, 0, Uint32Array.of(1), Uint32Array.of(this.#data), 1, this.#read)));
  }
}

const planeOf = (role: 'dialer' | 'acceptor', links: number): TunaPlane =>
  new TunaPlane({
    role,
    codec: ncpCodec,
    limits: TUNA_LIMITS,
    pool: new SlabPool(),
    links,
    clientIds: Array.from({ length: links }, (_, i) => String(i)),
    envelope: new PlainEnvelope(),
    opening: () => undefined,
    openingFrames: 0,
  });

for (const mtu of [1024, 1300, 1000])
  test(`[NCP-9] tuna/original: a lone link to a peer that acknowledges every 50 ms grows beyond what it begins with, with packets of ${mtu} bytes`, () => {
    const plane = planeOf('dialer', 1);
    const peer = new Original();
    plane.attach(0, 0);
    plane.call(0);
    const underWay: number[] = [];
    for (let round = 0, now = 0; round < 20; round++, now += 50) {
      while (plane.canTake(65_536)) plane.write(new Uint8Array(65_536));
      let bytes = 0;
      for (let chunk; (chunk = plane.pollTransmit(0, now)) !== undefined; bytes += chunk.length) peer.hear(chunk);
      underWay.push(bytes);
      plane.handleBytes(0, peer.answer(mtu), true);
      while (plane.step(now + 49.9) !== 'idle') plane.pollSignal();
    }
    expect(Math.max(...underWay)).toBeGreaterThan(1 << 20);
  });

for (const links of [1, 2, 4])
  test(`[NCP-5] tuna/original: it asks once; the answers on ${links} link(s), which may be lost, are repeated until it says something else`, () => {
    const plane = planeOf('acceptor', links);
    const receive = (link: number, bytes: Uint8Array, now: number): void => {
      plane.handleBytes(link, framed(bytes), false);
      while (plane.step(now) !== 'idle') plane.pollSignal();
    };
    /** Links on which an answer is said. */
    const answered = (now: number): number[] => {
      plane.handleTimeout(now);
      const on = new Set<number>();
      for (let link = 0; link < links; link++)
        for (let bytes; (bytes = plane.pollTransmit(link, now)) !== undefined;)
          for (let at = 0; at < bytes.length; at += frameBytes(bytes, at)) {
            if (!ncpCodec.read(bytes, at + 4, at + frameBytes(bytes, at), packet)) throw new Error('not a packet');
            if (packet.handshake !== undefined) on.add(link);
          }
      return [...on];
    };
    for (let link = 0; link < links; link++) plane.attach(link, 0);
    const ids = ['0', '1', '2', '3'].slice(0, links);
    receive(0, ncpCodec.putHandshake({ clientIds: ids, windowBytes: 4 << 20, mtu: 1300 }), 0);
    const all = Array.from({ length: links }, (_, link) => link);
    expect(answered(0)).toEqual(all);
    // The original gives up after 10 s.
    let repeats = 0;
    for (let now = 100; now < 10_000; now += 100) {
      const said = answered(now);
      if (said.length === 0) continue;
      expect(said).toEqual(all);
      repeats++;
    }
    expect(repeats).toBeGreaterThanOrEqual(4);
    receive(links - 1, Uint8Array.of(0x28, 1), 10_000); // It has read a byte: the answer has arrived.
    for (let now = 10_000; now < 30_000; now += 1000) expect(answered(now)).toEqual([]);
  });

test('[TUNA-6] tuna/original: an acceptor asks a link that comes back for a sign of life: the original says nothing there by itself', () => {
  const plane = planeOf('acceptor', 2);
  plane.attach(0, 0);
  const helloFrame = framed(ncpCodec.putHandshake({ clientIds: ['0', '1'], windowBytes: 4 << 20, mtu: 1300 }));
  const news = framed(Uint8Array.of(0x28, 1)); // It has heard the answer.
  for (const bytes of [helloFrame, news]) {
    plane.handleBytes(0, bytes, false);
    while (plane.step(0) !== 'idle') plane.pollSignal();
  }
  while (plane.pollTransmit(0, 0) !== undefined);
  plane.attach(1, 1000);
  const asked = plane.pollTransmit(1, 1000)!;
  expect(ncpCodec.read(asked, 4, asked.length, packet)).toBe(true);
  // The number before the first: every implementation has had it, and acknowledges it.
  expect(packet).toMatchObject({ sequence: 2 ** 32 - 1, dataStart: 0, dataEnd: 0, handshake: undefined });
});

for (const [links, answered] of [
  [2, [0]],
  [4, [2]],
  [4, [3, 1]],
] as const)
  test(`[NCP-5] tuna/original: the original's only answer came on ${answered.length} of ${links} wires: a dialer asks each of the others for a sign of life`, () => {
    const plane = planeOf('dialer', links);
    const proven: number[] = [];
    const takeIn = (link: number, bytes: Uint8Array, now: number): void => {
      plane.handleBytes(link, bytes, false);
      while (plane.step(now) !== 'idle')
        for (let signal; (signal = plane.pollSignal()) !== undefined;)
          if (signal.type === 'link.proven') proven.push(signal.link);
    };
    for (let link = 0; link < links; link++) plane.attach(link, 0);
    plane.call(0);
    for (let link = 0; link < links; link++) while (plane.pollTransmit(link, 0) !== undefined);
    const answer = framed(
      ncpCodec.putHandshake({ clientIds: ['0', '1', '2', '3'].slice(0, links), windowBytes: 4 << 20, mtu: 1300 }),
    );
    for (const link of answered) takeIn(link, answer, 1);
    const asked: number[] = [];
    for (let link = 0; link < links; link++)
      for (let bytes; (bytes = plane.pollTransmit(link, 1)) !== undefined;) {
        asked.push(link);
        expect(ncpCodec.read(bytes, 4, bytes.length, packet)).toBe(true);
        // The number before the first: every implementation has had it, and acknowledges it.
        expect(packet).toMatchObject({ sequence: 2 ** 32 - 1, dataStart: 0, dataEnd: 0, handshake: undefined });
        const ack = new Uint8Array(16);
        takeIn(
          link,
          framed(ack.subarray(0, ncpCodec.putAck(ack, 0, Uint32Array.of(packet.sequence), Uint32Array.of(1), 1, 0))),
          51,
        );
      }
    // To ask a wire once too often is harmless: a second answer may come when its question is on its way.
    const isSilent = (link: number): boolean => answered.every((each) => each !== link);
    const all = Array.from({ length: links }, (_, link) => link);
    expect(asked.filter(isSilent)).toEqual(all.filter(isSilent));
    expect(proven.sort()).toEqual(all);
  });

test('[NCP-7] tuna/original: what the peer has read is not sent again, although all its acknowledgements were lost', () => {
  for (const order of ['read, then lost', 'lost, then read']) {
    const plane = planeOf('dialer', 1);
    plane.attach(0, 0);
    plane.call(0);
    const hear = (bytes: Uint8Array, now: number): void => {
      plane.handleBytes(0, bytes, false);
      while (plane.step(now) !== 'idle') plane.pollSignal();
    };
    const say = (now: number): number => {
      let bytes = 0;
      for (let chunk; (chunk = plane.pollTransmit(0, now)) !== undefined;) bytes += chunk.length;
      return bytes;
    };
    hear(framed(ncpCodec.putHandshake({ clientIds: ['0'], windowBytes: 4 << 20, mtu: 1300 })), 0);
    plane.write(new Uint8Array(13_000));
    expect(say(0)).toBeGreaterThan(13_000);
    const news = new Uint8Array(8);
    const told = framed(news.subarray(0, ncpCodec.putBytesRead(news, 0, 13_000)));
    if (order === 'read, then lost') hear(told, 1);
    plane.detach(0, 2);
    plane.attach(0, 3);
    if (order === 'lost, then read') hear(told, 4);
    plane.drain();
    expect({ order, said: say(5) < 100, queued: plane.queuedBytes }).toEqual({ order, said: true, queued: 0 });
    expect(plane.pollSignal()).toEqual({ type: 'log.drained' });
  }
});
