import { resumeCodec } from '../../adapters/resume/index.js';
import { heldBytes } from '../sim/held.js';
import { bytes, Played, say, type PlayedWire } from '../sim/played.js';

const FRAMES = 1_000_000;
const AT_ONCE = 10_000;
/** Four bytes for each frame. */
const GROWTH_BYTES_MAX = 4 * FRAMES;

/** An acceptor in the middle of a session with somebody who means no good, and one that means well. */
function up(): { p: Played; wire: PlayedWire; honest: PlayedWire } {
  const p = new Played();
  const wire = p.dialIn().say(say.hello({}), say.confirm(1));
  const honest = p.dialIn().say(say.hello({ session: bytes(16, 8) }), say.confirm(1));
  return { p, wire, honest };
}

/** As many of a tiny frame as there are, in large chunks; ends early where the wire has been ended. */
function flood(wire: PlayedWire, frame: Uint8Array): number {
  const chunk = new Uint8Array(frame.length * AT_ONCE);
  for (let i = 0; i < AT_ONCE; i++) chunk.set(frame, i * frame.length);
  let sent = 0;
  for (; sent < FRAMES && wire.ended === undefined; sent += AT_ONCE) wire.say(chunk);
  return sent;
}

/** The optional kind of a later version, without a body. */
const OPTIONAL = Uint8Array.of(0x80, 0, 0, 0);

describe('resume/hostile: a million tiny frames', () => {
  test.each([
    ['acknowledgements of nothing new', say.ack(1), undefined],
    ['credit that is there already', resumeCodec.putNumber('credit', 1), undefined],
    ['frames of later versions', OPTIONAL, undefined],
    ['pongs that nobody asked for', resumeCodec.putNumber('pong', 1), undefined],
    ['pings, while nothing can be answered', resumeCodec.putNumber('ping', 1), 'destroyed'],
    ['messages that repeat the first', say.data(1), undefined],
    ['confirmations of the same', say.confirm(1), undefined],
  ] as const)('of %s take no memory, and harm no other session', async (_, frame, ending) => {
    const { p, wire, honest } = up();
    wire.isFull = ending !== undefined;
    wire.say(say.data(1));
    const before = await heldBytes();
    const sent = flood(wire, frame);
    wire.heard.length = 0; // What the test itself keeps.
    expect((await heldBytes()) - before).toBeLessThan(GROWTH_BYTES_MAX);
    expect([wire.ended, sent === FRAMES]).toEqual([ending, ending === undefined]);
    honest.say(say.data(1, 7));
    expect(p.got.at(-1)).toEqual([7]);
  });

  test('of empty messages stop at the credit: they are not free', () => {
    const { p, wire, honest } = up();
    p.connections[0]!.onMessage = undefined; // Nobody reads them.
    const chunk: Uint8Array[] = [];
    let sent = 0;
    while (wire.ended === undefined && sent < FRAMES) {
      chunk.length = 0;
      for (let i = 0; i < 1000; i++) chunk.push(say.data(++sent));
      wire.say(...chunk);
    }
    expect(sent * 64).toBeGreaterThanOrEqual(4 << 20);
    expect(sent * 64).toBeLessThan((4 << 20) + 2 * 64_000);
    expect(p.story).toContain('closing violated remote');
    honest.say(say.data(1, 7));
    expect(p.got.at(-1)).toEqual([7]);
  });
});

test('resume/hostile: a hello that comes byte by byte has as long as one that never comes, and no longer', () => {
  const p = new Played();
  const wire = p.dialIn();
  const hello = say.hello({});
  for (let at = 0; at < hello.length && wire.ended === undefined; at++) {
    wire.say(hello.subarray(at, at + 1));
    p.clock.advance(200);
  }
  expect(wire.ended).toBe('destroyed');
  expect(p.clock.now()).toBeLessThanOrEqual(5_200);
  expect(p.engine.metrics()).toMatchObject({ openings: 0, connections: 0 });
});
