import { ncpCodec } from '../../adapters/tuna/codec.js';
import { frameBytes, framed, PlainEnvelope } from '../../adapters/tuna/envelope.js';
import { limitsFrom } from '../../adapters/tuna/options.js';
import { SlabPool } from '../../machines/dataplane/send-log.js';
import { Packet } from '../../machines/tuna/tuna.messages.js';
import { TunaPlane } from '../../machines/tuna/tuna.plane.js';
import type { TunaLimits } from '../../machines/tuna/tuna.timing.js';
import { byteAt, fill } from './ncp-channel.js';

const MTU = 1000;

/** A dialer whose peer has answered and does what the test says. */
class Rig {
  readonly plane: TunaPlane;
  #written = 0;
  #places = [0]; // Where each packet begins, by number, and where the next one does.

  constructor(limits: Partial<TunaLimits>, windowBytes: number) {
    this.plane = new TunaPlane({
      role: 'dialer',
      codec: ncpCodec,
      limits: limitsFrom({ mtu: MTU, windowBytes, ...limits }),
      pool: new SlabPool(),
      links: 4,
      clientIds: ['0', '1'],
      envelope: new PlainEnvelope(),
      opening: () => undefined,
      openingFrames: 0,
      isPeerHoldfast: true,
    });
    for (const link of [0, 1]) this.plane.attach(link, 0);
    this.plane.call(0);
    for (const link of [0, 1]) this.hear(link, ncpCodec.putHandshake({ clientIds: ['0', '1'], windowBytes, mtu: MTU }));
    this.say();
  }

  hear(link: number, packet: Uint8Array): void {
    this.plane.handleBytes(link, framed(packet), false);
    while (this.plane.step(1) !== 'idle') this.plane.pollSignal();
  }
  read(link: number, bytes: number): void {
    const packet = new Uint8Array(16);
    this.hear(link, packet.subarray(0, ncpCodec.putBytesRead(packet, 0, bytes)));
  }
  /** All that was sent has arrived. */
  acknowledge(link: number): void {
    const packet = new Uint8Array(32);
    const count = Uint32Array.of(this.plane.ncp.outbound.next);
    this.hear(link, packet.subarray(0, ncpCodec.putAck(packet, 0, Uint32Array.of(1), count, 1, -1)));
  }
  write(bytes: number): boolean {
    const piece = fill(new Uint8Array(bytes), this.#written);
    this.#written += bytes;
    return this.plane.write(piece) !== 'wait';
  }
  /** Sends all that may be sent; answers the numbers of the packets on each link. */
  say(): number[][] {
    const packet = new Packet();
    const said: number[][] = [[], []];
    for (let isMore = true; isMore;) {
      isMore = false;
      for (const link of [0, 1]) {
        const bytes = this.plane.pollTransmit(link, 1);
        if (bytes === undefined) continue;
        isMore = true;
        for (let at = 0; at < bytes.length; at += frameBytes(bytes, at)) {
          if (!ncpCodec.read(bytes, at + 4, at + frameBytes(bytes, at), packet)) throw new Error('not a packet');
          if (packet.dataEnd === packet.dataStart) continue;
          said[link]!.push(packet.sequence);
          const place = this.#places[packet.sequence - 1]!;
          this.#places[packet.sequence] = place + packet.dataEnd - packet.dataStart;
          for (let i = packet.dataStart; i < packet.dataEnd; i++)
            if (bytes[i] !== byteAt(place + i - packet.dataStart)) throw new Error(`packet ${packet.sequence} is wrong`);
        }
      }
    }
    return said;
  }
}

describe('tuna/marks: a writer waits for what is not sent yet', () => {
  test('[NCP-10] bytes on their way make no writer wait, and the window bounds them', () => {
    const windowBytes = 100 * MTU;
    const rig = new Rig({ sendBytesMax: 400 * MTU, sendBytesHigh: 20 * MTU }, windowBytes);
    const { plane } = rig;
    let written = 0;
    for (; written < windowBytes; written += 20 * MTU) {
      expect({ written, hasRoom: plane.hasRoom() }).toEqual({ written, hasRoom: true });
      expect([rig.write(10 * MTU), rig.write(10 * MTU)]).toEqual([true, false]);
      rig.say();
    }
    expect([plane.queuedBytes, plane.hasRoom()]).toEqual([windowBytes, true]);
    // Nothing more leaves: now it waits, until half of that has left.
    expect([rig.write(10 * MTU), rig.write(10 * MTU), plane.hasRoom()]).toEqual([true, false, false]);
    rig.say();
    expect(plane.hasRoom()).toBe(false);
    rig.acknowledge(0);
    rig.read(0, 9 * MTU);
    rig.say();
    expect(plane.hasRoom()).toBe(false);
    rig.read(1, 10 * MTU);
    rig.say();
    expect(plane.hasRoom()).toBe(true);
  });

  for (const pieceBytes of [1, 700, 9_999, 25_000, 49_000, 50_000, 100_000])
    for (const windowBytes of [1000, 60_000, 4 << 20])
      test(`[NCP-10] a writer that waits when write says so is never refused: pieces of ${pieceBytes} bytes, a window of ${windowBytes}`, () => {
        const rig = new Rig({ sendBytesMax: 100_000 }, windowBytes);
        const { plane } = rig;
        let isWaiting = false;
        let most = 0;
        for (let round = 0, read = 0; round < 300; round++) {
          for (let pieces = 0; pieces < 100 && !isWaiting; pieces++) isWaiting = !rig.write(pieceBytes);
          most = Math.max(most, plane.queuedBytes);
          rig.say();
          rig.acknowledge(round % 2);
          rig.read(0, (read = Math.min(plane.ncp.outbound.sent, read + 7777)));
          if (plane.hasRoom()) isWaiting = false;
        }
        expect(most).toBeLessThanOrEqual(100_000);
        expect(plane.ncp.outbound.written).toBeGreaterThan(2 * pieceBytes);
      });

  test('[NCP-10] bytes that the peer has read are let go of, also where their acknowledgement comes later on another link', () => {
    const rig = new Rig({}, 1 << 20);
    const { plane } = rig;
    rig.write(6 * MTU);
    const said = rig.say();
    expect(said.flat().sort()).toEqual([1, 2, 3, 4, 5, 6]);
    // Of the third packet the application has read a half: it may have to be sent again, whole.
    rig.read(1, 2.5 * MTU);
    expect([plane.queuedBytes, plane.acknowledged]).toEqual([4 * MTU, 2 * MTU]);
    for (const link of [0, 1]) plane.detach(link, 2);
    plane.attach(1, 3);
    expect(rig.say()[1]).toEqual([3, 4, 5, 6]);
    rig.read(1, 6 * MTU);
    expect([plane.queuedBytes, plane.acknowledged, plane.fate]).toEqual([0, 6 * MTU, { read: 6 * MTU, unknown: 0, unsent: 0 }]);
    rig.write(3 * MTU);
    expect(rig.say()[1]).toEqual([7, 8, 9]);
  });
});
