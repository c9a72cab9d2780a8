import { OwedAcks } from '../../machines/tuna/ncp.acks.js';
import { ByteLog } from '../../machines/tuna/ncp.byte-log.js';
import { Inbound } from '../../machines/tuna/ncp.inbound.js';
import { Outbound } from '../../machines/tuna/ncp.outbound.js';
import { SessionConns } from '../../machines/tuna/session-conns.js';
import { RoundTrip } from '../../machines/tuna/ncp.rtt.js';
import { Lateness } from '../../machines/tuna/lateness.js';
import { SlabPool } from '../../machines/dataplane/send-log.js';
import { SeededRandom } from '../sim/random.js';

/** As `expect(…).toEqual`, for what is asked ten thousand times. */
function agree(found: unknown, expected: unknown, about: object): void {
  if (found !== expected) expect({ ...about, found }).toEqual({ ...about, found: expected });
}

test('[NCP-6] tuna/leaves: packets in any order, some twice, come out once and in order; the table agrees with a plain map', () => {
  for (let seed = 1; seed <= 200; seed++) {
    const random = new SeededRandom(seed);
    const isStream = random.chance(0.7);
    const mtu = 50;
    const packetsMax = random.pick([4, 64, 100]);
    const inbound = new Inbound(isStream, packetsMax, 1 << 20, mtu);
    const packets = Array.from({ length: 300 }, () => random.bytes(random.int(mtu + 1)));
    const here = new Set<number>();
    const got: Uint8Array[] = [];
    if (random.chance(0.8)) inbound.open();
    for (let step = 0; step < 4000 && inbound.base < packets.length; step++) {
      const n = Math.max(0, inbound.base + random.int(packetsMax + 6) - 3);
      if (n >= packets.length) continue;
      const expected = n < inbound.base || here.has(n) ? 'duplicate' : n - inbound.base >= packetsMax ? 'far' : 'new';
      const wrapped = new Uint8Array([1, 2, 3, ...packets[n]!]);
      agree(inbound.accept(n, wrapped, 3, wrapped.length, 100), expected, { seed, step });
      wrapped.fill(0xee); // The bytes were lent.
      if (expected === 'new') here.add(n);
      if (step === 50) inbound.open();
      for (let bytes; (bytes = inbound.poll()) !== undefined;) got.push(bytes);
      agree(inbound.heldBytes <= (Math.ceil(packetsMax / 48) + 1) * 48 * mtu, true, { seed, step });
    }
    const before = packets.slice(0, inbound.base);
    expect({ seed, same: Buffer.concat(got).equals(Buffer.concat(before)) }).toEqual({ seed, same: true });
    if (!isStream) expect(got.map((bytes) => bytes.length)).toEqual(before.map((bytes) => bytes.length));
  }
});

test('[NCP-7] tuna/leaves: what is owed agrees with a plain set, each number once, in order, in as few ranges as there are', () => {
  for (let seed = 1; seed <= 300; seed++) {
    const random = new SeededRandom(seed);
    const owed = new OwedAcks(25);
    const model = new Set<number>();
    const taken = { starts: new Float64Array(16), counts: new Uint32Array(16) };
    for (let step = 0; step < 200; step++) {
      if (random.chance(0.9)) {
        const n = random.int(120);
        owed.add(n, false, step);
        model.add(n);
      } else {
        const ranges = owed.take(taken, 1 + random.int(16), step);
        let last = -2;
        for (let i = 0; i < ranges; i++) {
          agree(taken.starts[i]! > last + 1, true, { seed, step });
          last = taken.starts[i]! + taken.counts[i]! - 1;
          for (let n = taken.starts[i]!; n <= last; n++) agree(model.delete(n), true, { seed, step, n });
        }
      }
    }
    while (owed.ranges > 0) {
      const ranges = owed.take(taken, 16, 999);
      for (let i = 0; i < ranges; i++) for (let n = 0; n < taken.counts[i]!; n++) model.delete(taken.starts[i]! + n);
    }
    expect({ seed, left: [...model] }).toEqual({ seed, left: [] });
  }
});

test('[NCP-7] tuna/leaves: an acknowledgement is due at once after a silence, then after eight packets or 25 ms', () => {
  const owed = new OwedAcks(25);
  const taken = { starts: new Float64Array(16), counts: new Uint32Array(16) };
  owed.add(0, false, 1000);
  expect(owed.isDue).toBe(true);
  owed.take(taken, 16, 1000);
  owed.add(1, false, 1001);
  expect([owed.isDue, owed.dueAt]).toEqual([false, 1025]);
  for (let n = 2; n <= 8; n++) owed.add(n, false, 1002);
  expect(owed.isDue).toBe(true);
  owed.take(taken, 16, 1002);
  owed.add(9, false, 1003);
  owed.handleTimeout(1027);
  expect(owed.isDue).toBe(true);
});

test('[NCP-7] tuna/leaves: of large packets fewer make an acknowledgement due', () => {
  const owed = new OwedAcks(25);
  const taken = { starts: new Float64Array(16), counts: new Uint32Array(16) };
  owed.add(0, false, 1000, 4096);
  owed.take(taken, 16, 1000);
  const dues = [1, 2, 3].map((n) => (owed.add(n, false, 1001, 4096), owed.isDue));
  expect(dues).toEqual([false, false, true]);
  owed.take(taken, 16, 1001);
  owed.add(4, false, 1002, 4096); // Counted anew.
  expect(owed.isDue).toBe(false);
});

test('[NCP-10] tuna/leaves: bytes written are the bytes copied out, until they are released; an empty log holds nothing', () => {
  for (let seed = 1; seed <= 100; seed++) {
    const random = new SeededRandom(seed);
    const log = new ByteLog(new SlabPool());
    let whole = new Uint8Array(0);
    let start = 0;
    for (let step = 0; step < 40; step++) {
      const bytes = random.bytes(random.pick([0, 1, 1000, 70_000]));
      log.push(bytes);
      whole = new Uint8Array(Buffer.concat([whole, bytes]));
      const place = start + random.int(whole.length - start + 1);
      const length = random.int(whole.length - place + 1);
      const into = new Uint8Array(length + 2);
      log.copyTo(into, 1, place, length);
      expect({ seed, step, same: Buffer.compare(into.subarray(1, 1 + length), whole.subarray(place, place + length)) }).toEqual({
        seed,
        step,
        same: 0,
      });
      if (random.chance(0.3)) log.release((start = random.chance(0.3) ? whole.length : place));
      expect(log.size).toBe(whole.length - start);
    }
  }
});

test('[NCP-4] tuna/leaves: small writes share a packet, large ones are cut, and slivers of window are not spent while others are under way', () => {
  const outbound = new Outbound(new SlabPool(), true, 100, { windowBytes: 1000, mtu: 100 });
  for (let i = 0; i < 3; i++) outbound.write(new Uint8Array(30));
  const n = outbound.pollNew();
  expect([n, outbound.lengthOf(n)]).toEqual([0, 90]);
  outbound.carry(n, 0, 0, 5);
  outbound.write(new Uint8Array(2000));
  let packets = 0;
  for (let next; (next = outbound.pollNew()) >= 0; packets++) outbound.carry(next, 0, packets + 1, 5);
  expect([packets, outbound.flowRoom]).toEqual([9, 10]);
  for (let k = 0; k < 10; k++) outbound.ack(k);
  outbound.advance();
  expect(outbound.lengthOf(outbound.pollNew())).toBe(10); // Nothing is under way: what there is of the window is used.
});

test('[NCP-8] tuna/leaves: a lost round trip doubles the wait, a measured one resets it; the least comes on top', () => {
  const trip = new RoundTrip({ rtoInitialMs: 1000, rtoMinMs: 200, rtoMaxMs: 10_000 });
  expect(trip.rtoMs).toBe(1000);
  trip.backOff();
  expect(trip.rtoMs).toBe(2000);
  for (let i = 0; i < 10; i++) trip.backOff();
  expect(trip.rtoMs).toBe(10_000);
  for (let i = 0; i < 50; i++) trip.measured(80);
  expect(trip.rtoMs).toBeCloseTo(280, 0);
});

test('[NCP-11] tuna/leaves: bytes count as read when they are given out and not held back, and not before', () => {
  const inbound = new Inbound(true, 64, 10_000, 100);
  inbound.open();
  for (let n = 0; n < 3; n++) inbound.accept(n, new Uint8Array(100), 0, 100, 1000);
  expect(inbound.bytesRead).toBe(0);
  expect(inbound.poll()?.length).toBe(300);
  inbound.holdBack(300);
  expect(inbound.bytesRead).toBe(0);
  inbound.holdBack(100);
  expect(inbound.bytesRead).toBe(200);
});

test('[NCP-15] tuna/lateness: late timers make round trips longer for ten seconds, ever less, within a bound; punctual ones change nothing', () => {
  const late = new Lateness();
  late.note(100, 114);
  expect(late.allowanceMs(114)).toBe(0);
  late.note(1000, 1030);
  expect([late.allowanceMs(1030), late.allowanceMs(6030), late.allowanceMs(11_030), late.allowanceMs(60_000)]).toEqual([
    60, 30, 0, 0,
  ]);
  late.note(20_000, 20_050);
  late.note(20_100, 20_116); // A small one doesn't take away what a large one has given.
  expect(late.allowanceMs(20_116)).toBeGreaterThan(99);
  late.note(30_000, 90_000); // The host slept.
  expect(late.allowanceMs(90_000)).toBe(120);
});

test('[TUNA-10] tuna/places: a newcomer that names no link is to replace the only wire of its own listener; of another one it is contested', () => {
  const conns = new SessionConns(2);
  const joins = (listener: string): number => {
    const { slot } = conns.seat(undefined, listener)!;
    conns.used(slot);
    conns.opened(slot);
    conns.joined(slot);
    return slot;
  };
  const slots = { one: joins('one'), two: joins('two') };
  conns.peerLinks = 2;
  for (const listener of ['two', 'one'] as const) {
    const seat = conns.seat(undefined, listener)!;
    expect([seat.isReserve, conns.rivalOf(seat.slot), conns.isContested]).toEqual([false, slots[listener], false]);
    conns.used(seat.slot);
    conns.ended(seat.slot);
  }
  expect(conns.seat(undefined, 'three')).toMatchObject({ isReserve: true });
  expect(conns.isContested).toBe(true);
});
