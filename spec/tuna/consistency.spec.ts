import { frameBytes, framed } from '../../adapters/tuna/envelope.js';
import { ncpCodec } from '../../adapters/tuna/index.js';
import { putMetadata } from '../../adapters/tuna/metadata.js';
import type { Wire } from '../../machines/ports.js';
import { LinkAddresses } from '../../machines/tuna/link-addresses.js';
import type { ConnsState } from '../../machines/tuna/conns-state.js';
import { SessionConns } from '../../machines/tuna/session-conns.js';
import { Packet } from '../../machines/tuna/tuna.messages.js';
import { SeededRandom } from '../sim/random.js';
import { fill } from './ncp-channel.js';
import { faultsOf, socketsOf, TOMBSTONE_MS, tunaStateOf, type TunaState } from './state-checks.js';
import { TunaWorld } from './tuna-world.js';

/** A third host says the opening of the session that is under way, as somebody could who has recorded it. */
interface Intruder {
  wire(): Wire;
  isOver(): boolean;
  /** Numbers of the packets that came to it. */
  readonly asked: number[];
}

function intrude(w: TunaWorld, link: number): Intruder {
  const asked: number[] = [];
  const packet = new Packet();
  const id = Uint8Array.from(Buffer.from(/:([0-9a-f]{16})$/.exec(w.far!.id)![1]!, 'hex'));
  let wire: Wire | undefined;
  let isOver = false;
  w.network.transport('c').dial('sim://b:1', {})({
    onOpen: (opened) => {
      wire = opened;
      opened.send(Buffer.concat([framed(Buffer.from('holdfast')), framed(putMetadata({ id, type: 1, link }))]));
    },
    onBytes: (bytes) => {
      for (let at = 0; at < bytes.length; at += frameBytes(bytes, at))
        if (ncpCodec.read(bytes, at + 4, at + frameBytes(bytes, at), packet) && packet.sequence > 0) asked.push(packet.sequence);
    },
    onDrain: () => {},
    onProbeAnswer: () => {},
    onClose: () => (isOver = true),
  });
  return { wire: () => wire!, isOver: () => isOver, asked };
}

const phases = (w: TunaWorld): string[] => tunaStateOf(w.b).sessions[0]!.sessionConns.map(({ phase }) => phase);

test('[TUNA-6] tuna/consistency: a newcomer that proves nothing displaces no live wire, at no moment; its own is closed in the end', () => {
  for (const links of [1, 2]) {
    const w = new TunaWorld(60, { numTunaListeners: links });
    w.connect('sim://b:1');
    w.advance(500);
    const before = [...phases(w)];
    const intruder = intrude(w, 0);
    w.runUntil(() => phases(w)[links] === 'opening', { withinMs: 1000 });
    let written = 0;
    for (let i = 0; i < 600; i++) {
      w.near!.write(fill(new Uint8Array(100), written));
      written += 100;
      w.advance(10);
      expect({ i, phase: phases(w)[0] }).toEqual({ i, phase: 'joined' });
      expect(w.near!.stats()['links']).toBe(links);
    }
    w.advance(200);
    expect([intruder.isOver(), w.heard.b]).toEqual([true, written]);
    expect(phases(w)).toEqual(before);
    w.end();
  }
});

const ackOf = (sequence: number, count = 1, bytesRead = 0): Uint8Array => {
  const into = new Uint8Array(40);
  return into.slice(0, ncpCodec.putAck(into, 0, Uint32Array.of(sequence), Uint32Array.of(count), 1, bytesRead));
};
const dataOf = (sequence: number): Uint8Array => {
  const into = new Uint8Array(20);
  return into.slice(0, ncpCodec.putDataHead(into, 0, sequence, 0));
};

describe('tuna/links: a recorded wire displaces no live link, whatever it repeats', () => {
  for (const [what, packets] of [
    ['the first packet', [dataOf(2 ** 32 - 1)]],
    ['the handshake', [ncpCodec.putHandshake({ clientIds: ['0'], windowBytes: 4 << 20, mtu: 1300, isHoldfast: true })]],
    ['old acknowledgements', [ackOf(1, 40, 1000), ackOf(2 ** 32 - 1), ackOf(40), ackOf(1, 5000)]],
    ['data that has arrived', [dataOf(1), dataOf(2)]],
    ['a close', [Uint8Array.of(0x48, 1)]],
    ['news of what was read', [Uint8Array.of(0x28, 1)]],
  ] as const)
    for (const links of [1, 2])
      test(`[TUNA-6] ${what}, ${links} link(s)`, () => {
        const w = new TunaWorld(62, { numTunaListeners: links });
        w.connect('sim://b:1');
        w.far!.write(fill(new Uint8Array(50_000), 0));
        w.near!.write(fill(new Uint8Array(50_000), 0));
        w.advance(500);
        const before = [...phases(w)];
        const intruder = intrude(w, 0);
        w.runUntil(() => phases(w)[links] === 'opening', { withinMs: 1000 });
        const { dials } = w.network.counts;
        for (let round = 0; round < 4; round++) {
          for (const packet of packets) intruder.wire().send(framed(packet));
          w.far!.write(fill(new Uint8Array(5000), 50_000 + 5000 * round));
          w.advance(1000);
          expect({ round, phase: phases(w)[0] }).toEqual({ round, phase: 'joined' });
        }
        w.advance(3000);
        expect([intruder.isOver(), phases(w), w.heard.a, w.heard.b]).toEqual([true, before, 70_000, 50_000]);
        expect(w.network.counts.dials).toBe(dials); // The dialer had nothing to make up for.
        w.end();
      });

  test('[TUNA-6] nor is it answered what it asks, so that nothing of ours can be played back to us', () => {
    const w = new TunaWorld(63, { numTunaListeners: 1 });
    w.connect('sim://b:1');
    w.advance(500);
    const intruder = intrude(w, 0);
    w.runUntil(() => intruder.asked.length > 0, { withinMs: 500 });
    const [challenge] = intruder.asked;
    intruder.wire().send(framed(dataOf(challenge!))); // Our own question, back to us.
    w.far!.write(fill(new Uint8Array(5000), 0));
    w.advance(2000);
    expect([new Set(intruder.asked), phases(w)[0]]).toEqual([new Set([challenge]), 'joined']);
    w.end();
  });
});

test('[TUNA-6] tuna/consistency: one that acknowledges what was never asked before takes the place in the same moment, and the old wire is closed', () => {
  const w = new TunaWorld(61, { numTunaListeners: 1 });
  w.connect('sim://b:1');
  w.advance(500);
  const mend = w.network.silence('a', 'b'); // What it has is not needed: it waits for nothing of the old one.
  const intruder = intrude(w, 0);
  w.runUntil(() => intruder.asked.length > 0, { withinMs: 500 });
  expect(phases(w)).toEqual(['joined', 'opening']);
  intruder.wire().send(framed(ackOf(intruder.asked[0]!)));
  w.runUntil(() => phases(w)[1] === 'joined', { withinMs: 500 });
  expect(phases(w)).toEqual(['none', 'joined']);
  w.advance(200);
  expect(socketsOf(w.network, 'b')).toBe(1);
  mend();
  w.advance(10_000); // The dialer displaces in turn, and nothing is lost.
  w.near!.write(fill(new Uint8Array(1000), 0));
  w.advance(5000);
  expect(w.heard.b).toBe(1000);
  w.end();
});

test('[TUNA-6] tuna/consistency: a dialer that lost its end comes back before the other side has noticed: one wire per link, whichever slot', () => {
  let swaps = 0;
  for (let seed = 70; seed < 90; seed++) {
    const w = new TunaWorld(seed, { numTunaListeners: 1 + (seed % 3), idleMs: 20_000 });
    w.connect('sim://b:1');
    w.advance(500);
    for (let cut = 0; cut < 6; cut++) {
      const before = phases(w).join();
      w.network.cutBetween('a', 'b', 'near', { withinMs: 50 });
      w.advance(1500);
      if (phases(w).join() !== before) swaps++;
    }
    w.near!.write(fill(new Uint8Array(1000), 0));
    w.advance(10_000);
    expect({ seed, links: w.links(), heard: w.heard.b }).toEqual({ seed, links: [1 + (seed % 3), 1 + (seed % 3)], heard: 1000 });
    w.end();
  }
  expect(swaps).toBeGreaterThan(60); // The newcomer was there first, and had to displace.
});

test('[TUNA-9] tuna/consistency: a session that has ended is remembered for five minutes, and not made anew by its id', () => {
  const w = new TunaWorld(90, { numTunaListeners: 1 });
  w.connect('sim://b:1');
  w.advance(500);
  const { id } = w.far!;
  const intruder = intrude(w, 0);
  w.advance(500);
  const late = (): { isOver(): boolean } => intrude(w, 0);
  void w.near!.close();
  w.advance(5000);
  expect(intruder.isOver()).toBe(true);
  expect(tunaStateOf(w.b)).toMatchObject({ sessions: [], closedSessionKey: [id] });
  const again = late();
  w.advance(1000);
  expect(again.isOver()).toBe(true);
  w.advance(TOMBSTONE_MS - 10_000);
  expect(tunaStateOf(w.b).closedSessionKey).toEqual([id]);
  w.advance(10_000);
  expect(tunaStateOf(w.b)).toMatchObject({ sessions: [], closedSessionKey: [] });
  w.end();
});

test('[TUNA-9] the looks after every step can see: each rule that is broken is named', () => {
  const conn = { phase: 'joined', isAttached: true, isCarrying: true, isProven: true } as const;
  const none = { phase: 'none', isAttached: false, isCarrying: false, isProven: false } as const;
  const session = { key: 's', hasOwner: true, isOver: false, sessionConns: [conn, none], connCount: 1, links: 1 };
  const state: TunaState = { listeners: [], sessions: [session], closedSessionKey: [], isClosed: false, wires: 1, openings: 0 };
  const faults = (changed: Partial<typeof session>, more: Partial<TunaState> = {}, ended = new Map<string, number>()): string[] =>
    faultsOf({ ...state, sessions: [{ ...session, ...changed } as typeof session], ...more }, ended, TOMBSTONE_MS);
  expect(faults({})).toEqual([]);
  for (const [changed, more, ended] of [
    [{ hasOwner: false }],
    [{ connCount: -1 }],
    [{ connCount: 2, sessionConns: [conn, conn] }, { wires: 2 }],
    [{ sessionConns: [{ ...conn, isAttached: false }, none] }],
    [{ sessionConns: [{ ...conn, isProven: false }, none] }],
    [{ sessionConns: [conn, { ...none, isCarrying: true }] }],
    [{}, { closedSessionKey: ['s'] }],
    [{}, { wires: 0 }],
    [{}, { openings: -1 }],
    [{}, {}, new Map([['t', 1]])],
    [{}, { closedSessionKey: ['t'] }, new Map([['t', 0]])],
  ] as [object, object?, Map<string, number>?][])
    expect({ changed, more, faults: faults(changed, more, ended).length > 0 }).toEqual({ changed, more, faults: true });
});

test('[TUNA-5] tuna/consistency: a link dials its own address; where that is taken, one that no live link is at', () => {
  const addresses = new LinkAddresses(4);
  ['a', 'b', 'c'].forEach((address, slot) => addresses.dials(slot, address));
  expect(addresses.addressFor(3, ['a', 'b', 'c', 'd'])).toBe('d');
  expect(addresses.addressFor(3, ['d', 'a', 'b', 'c'])).toBe('d'); // Told in another order.
  expect(addresses.addressFor(3, ['a', 'e', 'c'])).toBeUndefined(); // Fewer: the new one is that of link 1.
  expect(addresses.addressFor(3, ['a', 'b', 'c', undefined])).toBeUndefined();
  expect(addresses.addressFor(1, ['a', 'b', 'c', 'd'])).toBe('b'); // Its own wire is no rival.
  expect(addresses.addressFor(3, ['a', 'a', 'a', 'a'])).toBe('a'); // One address for all.
});

test('[TUNA-9] whatever happens to wires: counts are those of the table, and what names no link goes to a free place or to the reserve', () => {
  for (let seed = 1; seed <= 40; seed++) {
    const random = new SeededRandom(seed);
    const links = random.pick([1, 2, 4]);
    let conns = new SessionConns(links);
    conns.peerLinks = random.pick([links, links + 3]);
    for (let step = 0; step < 300; step++) {
      if (random.chance(0.5)) {
        const hadRoom = conns.hasRoom;
        const link = random.chance(0.5) ? random.int(links + 2) : undefined;
        const seat = conns.seat(link, random.pick([undefined, 'one', 'two']));
        if (seat === undefined) continue;
        const { slot, isReserve } = seat;
        conns.used(slot);
        const isRival = conns.rivalOf(slot) >= 0;
        expect({ seed, step, fits: isReserve || isRival || hadRoom || conns.phaseOf(slot) !== 'none' }).toEqual({
          seed,
          step,
          fits: true,
        });
        if (conns.phaseOf(slot) === 'none') (isReserve ? conns.reserved : conns.opened).call(conns, slot);
      } else {
        const slot = random.int(conns.slots);
        const rival = conns.rivalOf(slot);
        if (conns.phaseOf(slot) === 'opening' && random.chance(0.6)) {
          conns.joined(slot);
          if (rival >= 0) conns.ended(rival);
        } else if (conns.phaseOf(slot) !== 'none') conns.ended(slot);
        for (let used = 0; used < conns.slots; used++) if (random.chance(0.2)) conns.wanted(used);
        const called = conns.promote();
        if (called >= 0) {
          conns.called(called);
          conns.opened(called);
        }
      }
      const { state } = conns;
      conns = new SessionConns(JSON.parse(JSON.stringify(state)) as ConnsState); // As plain data it is the same table.
      expect(conns.state).toEqual(state);
      expect(conns.connCount).toBe(conns.phases.filter((phase) => phase === 'joined').length);
      expect({ seed, step, isBounded: conns.connCount <= links && conns.slots <= 2 * links + 15 }).toEqual({
        seed,
        step,
        isBounded: true,
      });
    }
  }
});
