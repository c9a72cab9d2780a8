import { once } from 'node:events';
import { connect } from 'node:net';
import { createEngine } from '../../adapters/index.js';
import { resume } from '../../adapters/resume/index.js';
import { tcp } from '../../transports/tcp.js';
import { bytes, Played, say, type PlayedWire } from '../sim/played.js';

/** A session that is up, in either role; the peer is played. One message has been written and not acknowledged. */
function up(role: 'dialer' | 'acceptor', options = {}): { p: Played; wire: PlayedWire } {
  const p = new Played(options);
  const wire = role === 'dialer' ? p.dial().open() : p.dialIn();
  if (role === 'dialer') wire.say(say.welcome(wire.last('hello')));
  else wire.say(say.hello({}), say.confirm(1));
  p.connections[0]!.write(Uint8Array.of(1));
  p.clock.settle();
  return { p, wire };
}
const closingOf = (p: Played): unknown => p.events.find((e) => e.type === 'closing');

/** What a peer may do against the rules, and the last word it gets for it. */
const FAULTS: readonly (readonly [string, 'dialer' | 'acceptor' | 'both', readonly Uint8Array[], string, string])[] = [
  ['a message above the limit', 'both', [say.data(1, ...bytes(101, 1))], 'oversized', 'RES-16'],
  ['a message far above the limit', 'both', [Uint8Array.of(0x10, 0xff, 0xff, 0xff)], 'oversized', 'RES-16'],
  ['a prompt message far above the limit', 'both', [Uint8Array.of(0x11, 0, 0xff, 0xff, 0, 0)], 'oversized', 'RES-16'],
  ['a gap', 'both', [say.data(2, 1)], 'violated', 'RES-16'],
  ['a second hello', 'acceptor', [say.hello({})], 'violated', 'RES-2'],
  ['a hello from the side that was dialed', 'dialer', [say.hello({})], 'violated', 'RES-2'],
  ['a refusal after the welcome', 'dialer', [say.refused('busy')], 'violated', 'RES-2'],
  ['a confirmation from the side that was dialed', 'dialer', [say.confirm(1)], 'violated', 'RES-5'],
  ['a confirmation of what was never issued', 'acceptor', [say.confirm(7)], 'violated', 'RES-5'],
  ['an acknowledgement of what was never sent', 'both', [say.ack(3)], 'violated', 'RES-8'],
  ['a goodbye that skips messages', 'both', [say.goodbye(5, 1)], 'violated', 'RES-16'],
  ['an acknowledgement of a goodbye that nobody said', 'both', [say.goodbyeAck(1)], 'violated', 'RES-19'],
  ['more than there is credit for', 'both', [1, 2, 3, 4].map((n) => say.data(n, ...bytes(90, 1))), 'violated', 'RES-10'],
];

describe.each(['dialer', 'acceptor'] as const)('resume/faults: the %s', (role) => {
  const cases = FAULTS.filter(([, who]) => who === 'both' || who === role);

  test.each(cases)('[RES-21] says code and rule before it ends the session for %s', (_what, _who, frames, code, rule) => {
    const { p, wire } = up(role, { messageBytesMax: 100, receiveBytesMax: 400, sendBytesMax: 400 });
    p.connections[0]!.onMessage = undefined; // Nobody reads, so that no credit comes back.
    wire.say(...frames);
    expect(wire.kinds.at(-1)).toBe(`fault ${code} ${rule}`);
    expect(wire.ended).toBe('closed'); // What was said leaves first; `destroyed` would drop it.
    expect(closingOf(p)).toMatchObject({ closing: { code, side: 'remote', detail: { rule } } });
  });

  test('[RES-21] the last word is bounded in time: a peer that never closes is cut off after two seconds', () => {
    const { p, wire } = up(role);
    wire.close = () => (wire.ended = 'closed'); // It never hears that the other side closed as well.
    wire.destroy = () => (wire.ended = 'destroyed');
    wire.say(say.data(9, 1));
    p.clock.advance(1999);
    expect(wire.ended).toBe('closed');
    p.clock.advance(1);
    expect(wire.ended).toBe('destroyed');
  });

  test.each(['violated', 'oversized', 'malformed'] as const)(
    '[RES-21] told of `%s`, it ends with code and rule, and does not come back',
    (code) => {
      const { p, wire } = up(role);
      wire.say(say.fault(code, 'RES-16'));
      expect(closingOf(p)).toMatchObject({
        closing: { code, side: 'local', detail: { rule: 'RES-16', unknown: { from: 1, to: 1 } } },
      });
      p.clock.advance(120_000);
      expect(p.dials.length).toBe(role === 'dialer' ? 1 : 0);
      expect(p.engine.metrics()).toMatchObject({ connections: 0, wires: 0 });
    },
  );

  test('[RES-21] three wires in a row with corrupt bytes: the third gets a fault', () => {
    const { p, wire } = up(role);
    const rubbish = Uint8Array.of(0x7f, 0, 0, 0);
    let w = wire;
    for (let i = 0; i < 2; i++) {
      w.say(rubbish);
      expect(w.ended).toBe('destroyed');
      const known = p.dials.indexOf(w) + 1;
      if (role === 'dialer') {
        if (p.dials.length === known) p.clock.runUntil(() => p.dials.length > known, { withinMs: 10_000 });
        w = p.dials.at(-1)!.open();
        w.say(say.welcome(w.last('hello')));
      } else {
        const { token, epoch } = w.last('welcome').hello!;
        w = p.dialIn().say(say.hello({ resume: true, token, epoch }));
        w.say(say.confirm(epoch + 1));
      }
    }
    w.say(rubbish);
    expect(w.kinds.at(-1)).toBe('fault malformed RES-16');
    expect(closingOf(p)).toMatchObject({ closing: { code: 'malformed', detail: { rule: 'RES-16' } } });
  });
});

test('[RES-2] [RES-21] resume/faults: data before the welcome is reported to its sender', () => {
  const p = new Played();
  const wire = p.dial().open().say(say.data(1, 1));
  expect(wire.kinds).toEqual(['hello', 'fault violated RES-2']);
});

test('resume/faults: an opening too long to be a hello is refused in words, not closed without one', () => {
  const p = new Played();
  const hello = say.hello({});
  hello[2] = 0xff; // 65 366 bytes are announced.
  const wire = p.dialIn().say(hello);
  expect(wire.kinds).toEqual(['refused malformed']);
});

test('[RES-17] [RES-21] resume/faults: a peer of before, that knows no fault, skips it as optional', () => {
  const frame = say.fault('violated', 'RES-8');
  expect(frame[0]).toBeGreaterThanOrEqual(0x80);
  expect([...frame]).toEqual([0xa0, 0, 0, 2, 0, 8]);
});

test('[RES-21] resume/faults: over TCP the last word arrives, also while more of the fault is under way', async () => {
  const server = createEngine({
    transports: [tcp()],
    protocols: [resume({ messageBytesMax: 1000 })],
    listen: ['tcp://127.0.0.1:0'],
  });
  await server.start();
  const incoming = server.incoming[Symbol.asyncIterator]().next();
  const socket = connect(Number(new URL(server.addresses[0]!).port), '127.0.0.1');
  const heard: Buffer[] = [];
  socket.on('data', (chunk: Buffer) => heard.push(chunk));
  socket.write(say.hello({}));
  await once(socket, 'data');
  socket.write(Buffer.concat([say.confirm(1), say.data(1, ...bytes(50_000, 1)), Buffer.alloc(1 << 20)]));
  await once(socket, 'end'); // Not an error: a reset would have thrown away what was said.
  socket.destroy();
  expect(Buffer.concat(heard).subarray(-6)).toEqual(Buffer.from(say.fault('oversized', 'RES-16')));
  expect(await (await incoming).value!.closed).toMatchObject({ code: 'oversized', detail: { rule: 'RES-16' } });
  await server.shutdown();
});
