import { ncpCodec } from '../../adapters/tuna/index.js';
import { framed } from '../../adapters/tuna/envelope.js';
import { tunaIdentity } from '../../adapters/tuna/nacl.js';
import { ruleOfBytes } from './rule-bytes.js';
import { Packet, type FaultCode } from '../../machines/tuna/tuna.messages.js';
import { Strikes } from '../../machines/tuna/strikes.js';
import type { TunaPlane } from '../../machines/tuna/tuna.plane.js';
import { RawDialer, type RawOptions } from './raw-dialer.js';
import { responderOf } from './state-checks.js';
import { TunaWorld } from './tuna-world.js';

/** A world whose `b` listens, with two wires of one session of a scripted dialer. */
function twoWires(
  options: RawOptions = {},
  world = new TunaWorld(5, { numTunaListeners: 2 }),
): [TunaWorld, RawDialer, RawDialer] {
  const wires = [new RawDialer(world, 0, options), new RawDialer(world, 1, options)] as const;
  for (const wire of wires) {
    wire.open();
    wire.sendHello();
  }
  wires[0].ack([2 ** 32 - 1], [1]); // Anything but a handshake.
  wires[1].ack([2 ** 32 - 1], [1]);
  world.runUntil(() => world.far?.stats()['links'] === 2, { withinMs: 5000 });
  return [world, ...wires];
}

function endOf(world: TunaWorld): void {
  void world.a.shutdown();
  void world.b.shutdown();
  world.clock.advance(20_000);
  expect(world.clock.pending).toBe(0);
}

/** What breaks a rule, what is said about it, and whether that costs the session. */
const FAULTS: readonly [string, (wire: RawDialer) => void, FaultCode, string][] = [
  ['data above what was announced', (wire) => wire.data(1, 1301), 'oversized', 'NCP-14'],
  ['data far above it', (wire) => wire.data(1, 2000), 'oversized', 'NCP-14'],
  ['a frame above the limit', (wire) => wire.bytes(framed(new Uint8Array(1300 + 1025))), 'oversized', 'NCP-14'],
  ['a length of four gibibytes', (wire) => wire.bytes(new Uint8Array(4).fill(255)), 'oversized', 'NCP-14'],
  ['bytes that are no packet', (wire) => wire.packet(Uint8Array.of(0xff)), 'malformed', 'NCP-14'],
  ['a truncated packet', (wire) => wire.packet(Uint8Array.of(0x12, 9, 1)), 'malformed', 'NCP-14'],
  ['an acknowledgement of nothing', (wire) => wire.ack([1], [0]), 'malformed', 'NCP-7'],
  ['lists of different length', (wire) => wire.packet(Uint8Array.of(0x1a, 2, 1, 2, 0x22, 1, 1)), 'malformed', 'NCP-14'],
  ['data beyond the window', (wire) => wire.data(5_000_000, 10), 'violated', 'NCP-10'],
  ['a second handshake that contradicts the first', (wire) => wire.sendHello(4 << 20, 500), 'violated', 'NCP-5'],
  ['a second handshake that announces nothing', (wire) => wire.sendHello(0), 'violated', 'NCP-5'],
  ['a second opening', (wire) => wire.open(), 'malformed', 'NCP-14'],
];

for (const isHoldfast of [true, false])
  for (const [what, say, code, rule] of FAULTS)
    test(`[NCP-16] tuna/faults: ${what}, of ${isHoldfast ? 'a holdfast' : 'an original'}: its wire says why before it ends, the session goes on`, () => {
      const [world, bad, good] = twoWires({ isHoldfast });
      const from = world.clock.now();
      say(bad);
      world.runUntil(() => bad.ended !== undefined, { withinMs: 3000 });
      expect(bad.faults).toEqual([{ code, rule, isClose: false }]);
      expect(bad.ended!.kind).toBe('ended'); // In order: a reset could throw the words away.
      expect(bad.endedAt! - from).toBeLessThan(2000);
      good.data(1, 100);
      world.runUntil(() => world.heard.b === 100, { withinMs: 1000 });
      expect([world.far!.state, good.ended, good.faults]).toEqual(['completed', undefined, []]);
      endOf(world);
    });

for (const [what, tamper] of [
  ['sealed with another key', (bytes: Uint8Array) => void (bytes[10]! ^= 1)],
  ['with a broken tag', (bytes: Uint8Array) => void (bytes[30]! ^= 1)],
  ['with a broken text', (bytes: Uint8Array) => void (bytes[bytes.length - 1]! ^= 1)],
] as const)
  test(`[NCP-16] tuna/faults: a box ${what} can't be opened: the wire says so, sealed, before it ends`, async () => {
    const [own, theirs] = await Promise.all([1, 2].map((n) => tunaIdentity(new Uint8Array(32).fill(n))));
    const box = theirs!.boxWith(own!.address)!;
    const world = new TunaWorld(6, { numTunaListeners: 2 }, { numTunaListeners: 2, identity: own! });
    const [, bad, good] = twoWires({ box, address: theirs!.address }, world);
    const sends = bad.wire!.send.bind(bad.wire!);
    bad.wire!.send = (bytes) => {
      const corrupt = new Uint8Array(bytes);
      tamper(corrupt);
      return sends(corrupt);
    };
    bad.data(1, 100);
    world.runUntil(() => bad.ended !== undefined, { withinMs: 3000 });
    expect([bad.faults, bad.ended!.kind]).toEqual([[{ code: 'malformed', rule: 'TUNA-4', isClose: false }], 'ended']);
    expect([world.far!.state, good.ended]).toEqual(['completed', undefined]);
    endOf(world);
  });

test('[NCP-16] tuna/faults: the words are bounded: a wire that takes nothing is destroyed after two seconds', () => {
  const [world, bad] = twoWires();
  bad.wire!.pause(); // It neither reads the words nor answers the end.
  const from = world.clock.now();
  bad.packet(Uint8Array.of(0xff));
  world.runUntil(() => responderOf(world.b).wires.size === 1, { withinMs: 10_000 });
  expect(world.clock.now() - from).toBeGreaterThan(1000); // It was given the time.
  expect(world.clock.now() - from).toBeLessThanOrEqual(2500);
  endOf(world);
});

for (const [what, sendHello] of [
  ['a window of nothing', (wire: RawDialer) => wire.sendHello(0)],
  ['packets of nothing', (wire: RawDialer) => wire.sendHello(4 << 20, 0)],
  ['no connection', (wire: RawDialer) => wire.packet(ncpCodec.putHandshake({ clientIds: [], windowBytes: 1, mtu: 1 }))],
] as const)
  test(`[NCP-16] tuna/faults: a first handshake that announces ${what} ends the session with a word, at once`, () => {
    const world = new TunaWorld(8, { numTunaListeners: 2 });
    const wire = new RawDialer(world, 0);
    wire.open();
    sendHello(wire);
    world.runUntil(() => wire.ended !== undefined, { withinMs: 1000 });
    expect(wire.faults).toEqual([{ code: 'violated', rule: 'NCP-5', isClose: true }]);
    expect(world.events).toContain('b violated');
    endOf(world);
  });

/** The planes of the sessions of an engine. */
const planesOf = (world: TunaWorld, name: 'a' | 'b'): TunaPlane[] =>
  [...responderOf(world[name]).records()].map(({ session }) => session!.plane as unknown as TunaPlane);

for (const links of [1, 2, 4])
  for (const faulty of ['a', 'b'] as const)
    test(`[NCP-16] tuna/faults: ${faulty === 'a' ? 'a dialer' : 'an acceptor'} that repeats what was refused, over ${links} link(s): both ends say which rule, and it is not dialed again`, async () => {
      const world = new TunaWorld(9, { numTunaListeners: links });
      world.connect();
      world.advance(500);
      const [bad, good] = faulty === 'a' ? [world.near!, world.far!] : [world.far!, world.near!];
      // It takes the peer for one that takes packets of any size.
      planesOf(world, faulty)[0]!.ncp.outbound.mtu = 2000;
      bad.write(new Uint8Array(10_000));
      world.runUntil(() => bad.state !== 'completed' && good.state !== 'completed', { withinMs: 20_000 });
      const closings = await Promise.all([bad.closed, good.closed]);
      expect(closings).toMatchObject([
        { code: 'oversized', side: 'local', detail: { rule: 'NCP-14' } },
        { code: 'oversized', side: 'remote', detail: { rule: 'NCP-14' } },
      ]);
      world.advance(10_000);
      expect([planesOf(world, 'a'), planesOf(world, 'b')]).toEqual([[], []]);
      endOf(world);
    });

test('[NCP-16] tuna/faults: strikes count in a row: progress in the direction of the fault begins a new one', () => {
  const row = new Strikes(1);
  expect([row.strike('data', 0, 0), row.strike('data', 0, 5), row.strike('data', 0, 9)]).toEqual([false, false, true]);
  const acks = new Strikes(1);
  expect([acks.strike('acks', 1, 0), acks.strike('acks', 5, 0), acks.strike('acks', 9, 0)]).toEqual([false, false, true]);
  const healthy = new Strikes(1);
  for (let i = 0; i < 20; i++) expect(healthy.strike('packet', 7, i)).toBe(false);
  for (let i = 0; i < 20; i++) expect(healthy.strike('data', 8 + i, 0)).toBe(false);
  const many = new Strikes(4);
  expect(Array.from({ length: 6 }, () => many.strike('packet', 0, 0))).toEqual([false, false, false, false, false, true]);
});

test('[NCP-16] tuna/faults: a wire that may be a recording ends nothing but itself, however often it breaks a rule', () => {
  const [world, , good] = twoWires();
  for (let i = 0; i < 12; i++) {
    const copy = new RawDialer(world, 0, {}, `thief ${i}`); // Link 0 has a wire: this one is asked for proof.
    copy.open();
    copy.sendHello();
    copy.packet(Uint8Array.of(0xff));
    world.runUntil(() => copy.ended !== undefined, { withinMs: 6000 });
    const closer = new RawDialer(world, 0, {}, `closer ${i}`);
    closer.open();
    closer.packet(ncpCodec.putFault({ code: 'violated', rule: 'NCP-14' }, true));
    world.runUntil(() => closer.ended !== undefined, { withinMs: 6000 });
  }
  good.data(1, 100);
  world.runUntil(() => world.heard.b === 100, { withinMs: 1000 });
  expect([world.far!.state, good.ended]).toEqual(['completed', undefined]);
  endOf(world);
});

describe('[NCP-16] tuna/faults: a refused holdfast gets the reason', () => {
  test('there is no room', () => {
    const world = new TunaWorld(10, { numTunaListeners: 2 }, { numTunaListeners: 2, connectionsMax: 1 });
    const first = new RawDialer(world, 0);
    first.open();
    first.sendHello();
    world.advance(100);
    world.a.connect('sim://b:1').catch(() => {});
    world.runUntil(() => world.events.includes('a limit-reached'), { withinMs: 1000 });
    const original = new RawDialer(world, 0, { id: 3, isHoldfast: false });
    original.open();
    world.runUntil(() => original.ended !== undefined, { withinMs: 1000 });
    expect([original.faults, original.closes]).toEqual([[], 0]); // It is just closed, as by an original.
    endOf(world);
  });

  test('its session has ended', () => {
    const [world] = twoWires();
    void world.far!.close({ now: true });
    world.advance(3000);
    const late = new RawDialer(world, 0);
    late.open();
    world.runUntil(() => late.ended !== undefined, { withinMs: 1000 });
    expect([late.closes, late.faults]).toEqual([1, []]);
    endOf(world);
  });

  test('it asks for what is not served', () => {
    const world = new TunaWorld(11, { numTunaListeners: 2 });
    const udp = new RawDialer(world, 0, { type: 2 });
    udp.open();
    world.runUntil(() => udp.ended !== undefined, { withinMs: 1000 });
    expect(udp.faults).toEqual([{ code: 'malformed', rule: 'TUNA-1', isClose: true }]);
    endOf(world);
  });
});

test('[NCP-16] tuna/faults: a window that expires names what the peer said last about a link', async () => {
  const world = new TunaWorld(12, { numTunaListeners: 1, reconnectWindowMs: 5000 });
  world.connect();
  world.advance(500);
  const { near } = world;
  const plane = planesOf(world, 'a')[0]!;
  plane.ncp.outbound.mtu = 2000;
  near!.write(new Uint8Array(2000));
  world.runUntil(() => plane.conns.accusation !== undefined, { withinMs: 5000 });
  world.network.dark();
  world.runUntil(() => near!.state !== 'completed', { withinMs: 20_000 });
  const message = expect.stringContaining('NCP-14 (oversized)') as string;
  expect(await near!.closed).toMatchObject({ code: 'window-expired', detail: { rule: 'NCP-14', message } });
  endOf(world);
});

test('[NCP-16] tuna/faults: what is no rule is not shown, and an unknown reason is a violation', () => {
  const packet = new Packet();
  const read = (bytes: Uint8Array): unknown => (ncpCodec.read(bytes, 0, bytes.length, packet), packet.fault);
  expect(read(ncpCodec.putFault({ code: 'busy', rule: undefined }, true))).toEqual({ code: 'busy', rule: undefined });
  expect(packet.close).toBe(true);
  for (const rule of ['NCP-14', 'TUNA-4', 'NCP-999']) expect(read(ruleOfBytes(2, rule))).toEqual({ code: 'oversized', rule });
  for (const rule of ['RES-1', 'NCP-14\u001b[2J', 'NCP-', 'x'.repeat(300), '\u202eNCP-1', 'NCP-1000'])
    expect(read(ruleOfBytes(1, rule))).toEqual({ code: 'violated', rule: undefined });
  expect(read(ruleOfBytes(99, 'NCP-1'))).toEqual({ code: 'violated', rule: 'NCP-1' });
});
