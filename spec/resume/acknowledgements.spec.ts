import { resumeCodec } from '../../adapters/resume/index.js';
import { bytes, Played, say, type PlayedWire } from '../sim/played.js';

/** A dialer whose session is up; the peer is played. */
function up(options = {}): { p: Played; wire: PlayedWire } {
  const p = new Played(options);
  const wire = p.dial().open();
  wire.say(say.welcome(wire.last('hello')));
  return { p, wire };
}

/** Writes messages of `size` bytes one by one, each in a turn of its own, until `write` says to wait, or `countMax` were written. */
function fill(p: Played, size: number, countMax = 100): number {
  for (let n = 1; n <= countMax; n++) {
    const mayGoOn = p.connections[0]!.write(bytes(size, n & 0xff));
    p.clock.settle();
    if (!mayGoOn) return n;
  }
  return countMax;
}

// A receiver acknowledges by its own bound and clock. It can't know how little its sender may keep.
test.each([
  { sendBytesMax: 4096, messageBytesMax: 100 },
  { sendBytesMax: 64 << 10, messageBytesMax: 1000 },
  { sendBytesMax: 64 << 10, sendBytesHigh: 10_000, messageBytesMax: 1000 },
])('[RES-10] resume/acknowledgements: a sender asks before `write` says to wait, whatever its bound is (%o)', (limits) => {
  const { p, wire } = up({ receiveBytesMax: 1 << 20, ...limits });
  const written = fill(p, 100, 1000);
  const asked = wire.heard.flatMap((h, i) => (h.kind === 'data-prompt' ? [i] : []));
  expect(asked.length).toBeGreaterThanOrEqual(1);
  expect(asked.length).toBeLessThanOrEqual(2); // An acknowledgement costs a write: not each message asks.
  expect(wire.heard.filter((h) => h.kind === 'data' || h.kind === 'data-prompt')).toHaveLength(written);
});

test('[RES-15] resume/acknowledgements: a message that asked does so again on the next wire, and its bytes are the same', () => {
  const { p, wire } = up({ sendBytesMax: 4096, messageBytesMax: 100 });
  fill(p, 100);
  const messages = (of: PlayedWire): unknown[] => of.heard.filter((h) => h.kind.startsWith('data'));
  const first = messages(wire);
  wire.cut();
  const next = p.dials.at(-1)!.open();
  expect(messages(next)).toEqual(first);
});

test('[RES-10] resume/acknowledgements: of two messages as large as they may be, the first one makes room for the next', async () => {
  const { p, wire } = up({ messageBytesMax: 1 << 20 });
  wire.say(say.credit(8 << 20));
  expect(fill(p, 1 << 20)).toBe(2);
  const drained = p.connections[0]!.drained();
  wire.say(say.ack(2));
  await expect(drained).resolves.toBeUndefined(); // One is still on its way: the wire doesn't fall silent.
  expect(p.connections[0]!.stats()).toMatchObject({ accepted: 2, acknowledged: 1 });
});

test('resume/acknowledgements: they come in one write with new credit, and not for each read of a fast peer', () => {
  const { p, wire } = up();
  p.connections[0]!.onMessage = () => undefined;
  const before = wire.heard.length;
  for (let n = 1; n <= 100; n++) {
    const frame = new Uint8Array((64 << 10) + 8);
    resumeCodec.putData(frame, 0, n, bytes(64 << 10, n), false);
    wire.say(frame);
    p.clock.settle();
  }
  expect(p.connections[0]!.stats()).toMatchObject({ received: 100 });
  const told = wire.heard.slice(before).map(({ kind }) => kind);
  const acks = told.filter((kind) => kind === 'ack').length;
  expect([acks >= 11, acks <= 13]).toEqual([true, true]); // 6.25 MiB, one for each half MiB.
  expect(told).toContain('credit');
  for (const [i, kind] of told.entries()) if (kind === 'credit') expect(told[i + 1]).toBe('ack');
});

describe('[RES-10] resume/acknowledgements: where each message is answered', () => {
  /** The peer says a message each `everyMs`, and gets an answer in the same turn; the acknowledgements that came, with their times. */
  function echo(everyMs: number, count: number): { readonly acks: readonly number[]; readonly answers: number } {
    const { p, wire } = up();
    const connection = p.connections[0]!;
    connection.onMessage = () => void connection.write(bytes(64, 1));
    const before = wire.heard.length;
    const acks: number[] = [];
    let seen = 0;
    const look = (): void => {
      const all = wire.heard.slice(before).filter(({ kind }) => kind === 'ack').length;
      for (; seen < all; seen++) acks.push(p.clock.now());
    };
    for (let n = 1; n <= count; n++) {
      const frame = new Uint8Array(64 + 8);
      resumeCodec.putData(frame, 0, n, bytes(64, n & 0xff), false);
      wire.say(frame);
      p.clock.settle();
      look();
      p.clock.advance(everyMs);
      look();
    }
    const answers = wire.heard.slice(before).filter(({ kind }) => kind.startsWith('data')).length;
    return { acks, answers };
  }

  test('an acknowledgement joins one of many answers, and none waits longer than its delay', () => {
    const { acks, answers } = echo(1, 100);
    expect(answers).toBe(100);
    expect(acks.length).toBeLessThanOrEqual(10); // One for each half of the delay of 20 ms.
    const gaps = acks.map((at, i) => at - (acks[i - 1] ?? 0));
    expect(Math.max(...gaps)).toBeLessThanOrEqual(20);
  });

  test('an acknowledgement leaves by itself where the answers stop', () => {
    const { acks } = echo(50, 3);
    expect(acks).toHaveLength(3);
  });
});
