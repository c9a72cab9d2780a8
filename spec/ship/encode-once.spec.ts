import { makeShipCodec } from '../../adapters/ship/codec.js';
import { ship } from '../../adapters/ship/protocol.js';
import { ConnectionHandle } from '../../machines/connection/connection-handle.js';
import { ByteBudget } from '../../machines/dataplane/byte-budget.js';
import { SlabPool } from '../../machines/dataplane/send-log.js';
import type { ShipPayload } from '../../machines/ship/ship.messages.js';
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
function open(sizeOf?: () => number): { handle: ConnectionHandle<ShipPayload>; plane: ShipPlane; take(): number } {
  const peers = { isTrusted: () => true, mayWait: () => true, shipIdOf: () => undefined, learn: () => {} };
  const protocol = ship({ ski: 'a'.repeat(40), shipId: 'a', peers, sendBytesMax: LIMIT, receiveBytesHigh: LIMIT });
  const clock = new SimClock();
  const ports = { clock, random: () => 0, entropy: (size: number) => new Uint8Array(size) };
  const session = protocol.makeSession({ role: 'dialer', ports, pool: new SlabPool(), peer: 'b'.repeat(40) });
  const facts = { round: 1, protocol: 'ship', peer: 'b', role: 'dialer' } as const;
  const kind = sizeOf === undefined ? protocol : { ...protocol, sizeOf, encode: sizeOf as never };
  const port = { idOf: () => 'it', command: () => {}, closeStarted: () => {}, raise: () => {} };
  const handle = new ConnectionHandle(facts, 'completed', session.plane, kind, new ByteBudget(1e6), clock, port);
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

  test('a received message is measured as it came, without any encoding, when it waits and when it is taken', async () => {
    const { handle, plane } = open(() => {
      throw new Error('nothing is to be encoded');
    });
    const bytes = makeShipCodec().encode({ kind: 'data', payload: { datagram: 'x'.repeat(LIMIT) } });
    plane.handleBytes(0, bytes, false);
    expect(plane.step()).toBe('message');
    handle.deliver(plane.pollMessage()!);
    expect(plane.isFull).toBe(true);
    await handle[Symbol.asyncIterator]().next();
    expect(plane.isFull).toBe(false);
  });
});
