import { makeShipCodec } from '../../adapters/ship/codec.js';
import { PayloadEncoder } from '../../adapters/ship/payload-encoder.js';
import { ship } from '../../adapters/ship/protocol.js';
import { ConnectionHandle } from '../../machines/connection/connection-handle.js';
import { ByteBudget } from '../../machines/dataplane/byte-budget.js';
import { SlabPool } from '../../machines/dataplane/send-log.js';
import type { ShipCodec, ShipPayload } from '../../machines/ship/ship.messages.js';
import type { ShipPlane } from '../../machines/ship/ship.plane.js';
import { SimClock } from '../sim/clock.js';

const LIMIT = 1000;

/** A payload that counts how often it is read. */
function counted(text: string): { readonly payload: ShipPayload; readonly reads: () => number } {
  let reads = 0;
  const payload = {
    get datagram() {
      reads++;
      return { text };
    },
  };
  return { payload, reads: () => reads };
}

/** How often one encoding reads it. */
function readsPerEncoding(): number {
  const { payload, reads } = counted('x');
  makeShipCodec().encode({ kind: 'data', payload });
  return reads();
}

/** A connection's handle over a SHIP session of the protocol itself, whose handshake is over. */
function open(): { handle: ConnectionHandle<ShipPayload>; plane: ShipPlane; take(): number } {
  const peers = { isTrusted: () => true, mayWait: () => true, shipIdOf: () => undefined, learn: () => {} };
  const protocol = ship({ ski: 'a'.repeat(40), shipId: 'a', peers, sendBytesMax: LIMIT });
  const clock = new SimClock();
  const ports = { clock, random: () => 0, entropy: (size: number) => new Uint8Array(size) };
  const session = protocol.makeSession({ role: 'dialer', ports, pool: new SlabPool(), peer: 'b'.repeat(40) });
  const facts = { round: 1, protocol: 'ship', peer: 'b', role: 'dialer' } as const;
  const port = { idOf: () => 'it', command: () => {}, parting: () => {}, raise: () => {} };
  const handle = new ConnectionHandle(facts, 'completed', session.plane, protocol, new ByteBudget(1e6), clock, port);
  const plane = session.plane as ShipPlane;
  plane.takeData();
  plane.giveData();
  return {
    handle,
    plane,
    take: () => {
      let count = 0;
      while (plane.pollTransmit() !== undefined) count++;
      return count;
    },
  };
}

describe('ship/encoding: a message is encoded once', () => {
  const once = readsPerEncoding();

  test('by write', () => {
    const { handle, take } = open();
    const { payload, reads } = counted('hello');
    handle.write(payload);
    expect({ reads: reads(), sent: take() }).toEqual({ reads: once, sent: 1 });
  });

  test('by send', async () => {
    const { handle, take } = open();
    const { payload, reads } = counted('hello');
    const sent = handle.send(payload);
    expect({ reads: reads(), sent: take() }).toEqual({ reads: once, sent: 1 });
    handle.settled();
    await sent;
  });

  test('by a send that waits for room, whose copy is read once more', async () => {
    const { handle, take } = open();
    handle.write({ datagram: 'x'.repeat(LIMIT - 200) });
    const { payload, reads } = counted('y'.repeat(300));
    const sent = handle.send(payload);
    expect(take()).toBe(1);
    handle.settled(); // There is room now.
    expect({ reads: reads(), sent: take() }).toEqual({ reads: once + 1, sent: 1 });
    handle.settled();
    await sent;
  });

  test('written again, it is encoded as it is by then', () => {
    const { handle, plane } = open();
    const payload = { datagram: { n: 1 } };
    const texts = [1, 2].map((n) => {
      payload.datagram.n = n;
      handle.write(payload);
      return Buffer.from(plane.pollTransmit()!).toString();
    });
    expect(texts[0]).toContain('1');
    expect(texts[1]).toContain('2');
  });

  test('changed while it waits, it leaves as it was when it was sent', () => {
    const { handle, plane } = open();
    handle.write({ datagram: 'x'.repeat(LIMIT - 200) });
    const payload = { datagram: 'y'.repeat(300) };
    void handle.send(payload);
    payload.datagram = 'z';
    plane.pollTransmit();
    handle.settled();
    expect(Buffer.from(plane.pollTransmit()!).toString()).toContain('yyy');
  });

  /** A codec that counts its encodings. */
  function counting(): { encoder: PayloadEncoder; encodings: () => number } {
    const codec = makeShipCodec();
    let encodings = 0;
    const own: ShipCodec = {
      decode: (bytes) => codec.decode(bytes),
      encode: (message) => {
        encodings++;
        return codec.encode(message);
      },
    };
    return { encoder: new PayloadEncoder(own), encodings: () => encodings };
  }

  test('a received message is measured without any encoding, now and when it is taken', () => {
    const { encoder, encodings } = counting();
    const bytes = makeShipCodec().encode({ kind: 'data', payload: { datagram: { n: 1 } } });
    const read = (): ShipPayload => {
      const message = encoder.decode(bytes);
      return (message as Extract<typeof message, { kind: 'data' }>).payload;
    };
    const first = read();
    expect(encoder.sizeOf(first)).toBe(bytes.length);
    const next = read();
    expect([first, next].map((each) => encoder.sizeOf(each))).toEqual([bytes.length, bytes.length]);
    expect(encodings()).toBe(0);
  });

  test('a payload that was measured and refused is encoded anew when it is written later', () => {
    const { encoder, encodings } = counting();
    const payload = { datagram: { n: 1 } };
    encoder.sizeOf(payload);
    payload.datagram.n = 2;
    encoder.sizeOf(payload);
    expect(Buffer.from(encoder.encode({ kind: 'data', payload })).toString()).toContain('2');
    expect(encodings()).toBe(2);
  });
});
