import { bytes, Played, say, type PlayedWire } from '../sim/played.js';

/** A dialer whose session is up; the peer is played. */
function up(options = {}): { p: Played; wire: PlayedWire } {
  const p = new Played(options);
  const wire = p.dial().open();
  wire.say(say.welcome(wire.last('hello')));
  return { p, wire };
}
const payloads = (wire: PlayedWire): number[][] =>
  wire.heard.filter((h) => h.kind.startsWith('data')).map((h) => [...h.payload!]);

// A change of bytes that must not change shows which of them were kept, and which copied.
test.each([
  { size: 255, isKept: false }, // A reference would weigh as much as the copy.
  { size: 256, isKept: true },
  { size: 100_000, isKept: true },
])('resume/uncopied: with `copy: false` a message of $size bytes is kept as it is: $isKept', ({ size, isKept }) => {
  const { p, wire } = up();
  const connection = p.connections[0]!;
  const message = bytes(size, 1);
  connection.write(message, { copy: false });
  message[0] = 9;
  p.clock.settle();
  expect(payloads(wire)).toEqual([[isKept ? 9 : 1, ...bytes(size - 1, 1)]]);
});

test.each([undefined, {}, { copy: true }])('[RES-15] resume/uncopied: without it the bytes are free at once (%o)', (options) => {
  const { p, wire } = up();
  const message = bytes(5000, 1);
  p.connections[0]!.write(message, options);
  void p.connections[0]!.send(message, options).catch(() => {});
  message.fill(9);
  p.clock.settle();
  expect(payloads(wire)).toEqual([[...bytes(5000, 1)], [...bytes(5000, 1)]]);
});

test('[RES-14] resume/uncopied: kept messages lie between copied ones, are sent again on the next wire, and count towards the bound', async () => {
  const { p, wire } = up({ messageBytesMax: 1000, sendBytesMax: 5000 });
  const connection = p.connections[0]!;
  const sizes = [10, 900, 300, 255, 1000];
  const sent = sizes.map((size, i) => connection.send(bytes(size, i), { copy: i % 2 === 0 }));
  p.clock.settle();
  const expected = sizes.map((size, i) => [...bytes(size, i)]);
  expect(payloads(wire)).toEqual(expected);
  expect(connection.stats()).toMatchObject({ queuedBytes: sizes.reduce((sum, size) => sum + size + 64, 0) });
  wire.cut();
  const next = p.dials.at(-1)!.open();
  next.say(say.welcome(next.last('hello')));
  p.clock.settle();
  expect(payloads(next)).toEqual(expected);
  next.say(say.ack(6));
  await Promise.all(sent);
});

test('resume/uncopied: a `send` that waits for room keeps the message as well, and settles', async () => {
  const { p, wire } = up({ messageBytesMax: 1000, sendBytesMax: 2200 });
  const connection = p.connections[0]!;
  const message = bytes(1000, 1);
  const sent = [1, 2, 3].map(() => connection.send(message, { copy: false }));
  p.clock.settle();
  expect(payloads(wire)).toHaveLength(2);
  message[0] = 9;
  wire.say(say.ack(3));
  p.clock.settle();
  expect(payloads(wire)[2]).toEqual([9, ...bytes(999, 1)]);
  wire.say(say.ack(4));
  await Promise.all(sent);
});
