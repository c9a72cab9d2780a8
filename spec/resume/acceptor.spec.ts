import type { Connection } from '../../machines/connection/connection-handle.js';
import { bytes, Played, say, type PlayedWire } from '../sim/played.js';

const session = bytes(16, 7);

/** An acceptor whose session is up; the dialer is played. */
function up(options = {}): { p: Played; wire: PlayedWire; token: Uint8Array } {
  const p = new Played(options);
  const wire = p.dialIn();
  wire.say(say.hello({}));
  wire.say(say.confirm(1));
  return { p, wire, token: wire.last('welcome').hello!.token };
}
const connectionOf = (p: Played): Connection<unknown> => p.connections[0]!;

test('[RES-4] resume/acceptor: a session is born when the dialer confirms that it read the welcome', () => {
  const p = new Played();
  const wire = p.dialIn().say(say.hello({}));
  expect(wire.last('welcome').hello).toMatchObject({ resume: false, epoch: 1, session });
  expect(p.connections).toHaveLength(0);
  wire.say(say.confirm(1));
  expect(p.story).toEqual(['none', 'inProgress', 'trusted', 'completed', 'connected']);
});

test('[RES-4] resume/acceptor: the same new hello is answered again until it is confirmed, with the same token', () => {
  const p = new Played();
  const first = p.dialIn().say(say.hello({}));
  first.cut();
  const second = p.dialIn().say(say.hello({}));
  expect(second.last('welcome').hello).toEqual(first.last('welcome').hello);
  second.say(say.confirm(1));
  expect(p.connections).toHaveLength(1);
});

test('[RES-4] resume/acceptor: a dialer that read the welcome but was cut before it could say so comes back as resumed, and that confirms', () => {
  const p = new Played();
  const first = p.dialIn().say(say.hello({}));
  const { token } = first.last('welcome').hello!;
  first.cut();
  const second = p.dialIn().say(say.hello({ resume: true, token, epoch: 1 }));
  expect(second.last('welcome').hello).toMatchObject({ resume: true, epoch: 2 });
  expect(p.connections).toHaveLength(1);
});

test('[RES-4] resume/acceptor: a session that is not confirmed is dropped after the handshake timeout', () => {
  const p = new Played();
  p.dialIn().say(say.hello({}));
  p.clock.advance(10_000);
  expect(p.story.slice(-2)).toEqual(['error', 'none']);
  expect(p.story).toContain('closing handshake-timeout remote');
  p.clock.advance(5000);
  expect(p.engine.metrics()).toMatchObject({ connections: 0, openings: 0 });
});

test.each(['truncated', 'foreign', 'silent'] as const)(
  'resume/acceptor: a %s opening ends at the listener and touches no session',
  (what) => {
    const p = new Played();
    const wire = p.dialIn();
    if (what === 'truncated') wire.say(say.hello({}).slice(0, 50));
    if (what === 'foreign') wire.say(new TextEncoder().encode('GET / HTTP/1.1\r\n\r\n'));
    p.clock.advance(5000);
    expect(wire.ended).toBe(what === 'foreign' ? 'closed' : 'destroyed');
    expect(p.engine.metrics()).toMatchObject({ connections: 0, openings: 0 });
  },
);

test('[RES-17] resume/acceptor: an unsupported version is refused with the supported range', () => {
  const p = new Played();
  const wire = p.dialIn().say(say.hello({ versionMin: 2, versionMax: 9 }));
  expect(wire.kinds).toEqual(['refused version-unsupported']);
  expect(wire.ended).toBe('closed');
});

test('[RES-2] resume/acceptor: a hello cut at every byte does no harm, and 0-RTT data behind it is delivered once', () => {
  const { p, wire, token } = up();
  wire.say(say.data(1, 1));
  const opening = Buffer.concat([say.hello({ resume: true, token, epoch: 1, first: 1 }), say.data(1, 1), say.data(2, 2)]);
  for (let at = 1; at < 90; at++) p.dialIn().say(opening.subarray(0, at)).cut();
  expect(connectionOf(p).stats()).toMatchObject({ resumes: 0 });
  wire.cut();
  p.dialIn().say(opening);
  expect(p.got).toEqual([[1], [2]]);
});

test('[RES-5] resume/acceptor: the token before is void once the dialer has shown that it read the next', () => {
  const { p, wire, token } = up();
  wire.cut();
  const second = p.dialIn().say(say.hello({ resume: true, token, epoch: 1 }));
  // Not yet confirmed: the current token is still good, because the welcome may have been lost.
  second.cut();
  const third = p.dialIn().say(say.hello({ resume: true, token, epoch: 1 }));
  expect(third.last('welcome').hello).toMatchObject({ epoch: 2, token: second.last('welcome').hello!.token });
  third.say(say.confirm(2));
  const old = p.dialIn().say(say.hello({ resume: true, token, epoch: 1 }));
  expect(old.kinds).toEqual(['refused token-refused']);
  expect(third.ended).toBeUndefined();
  third.say(say.data(1, 4));
  expect(p.got).toEqual([[4]]);
});

test.each([
  ['a foreign token', { resume: true, token: bytes(32, 3), epoch: 1 }, 'token-refused'],
  ['a new hello for a session that is known', { resume: false }, 'token-refused'],
  ['an unknown session', { resume: true, session: bytes(16, 1), epoch: 1 }, 'unknown-session'],
  ['an epoch that this side has not reached', { resume: true, epoch: 9 }, 'unknown-session'],
])('[RES-5] resume/acceptor: %s is refused, reported, and does not harm the live wire', (_what, hello, code) => {
  const { p, wire, token } = up();
  const other = p.dialIn().say(say.hello({ token, ...hello }));
  expect(other.kinds).toEqual([`refused ${code}`]);
  expect(p.story.at(-1)).toBe(`refused ${code}`);
  wire.say(say.data(1, 1));
  expect(p.got).toEqual([[1]]);
});

test('[RES-6] resume/acceptor: a newer wire takes over at once; late bytes and the late close of the older one are ignored', () => {
  const { p, wire, token } = up();
  const newer = p.dialIn().say(say.hello({ resume: true, token, epoch: 1 }));
  expect(wire.ended).toBe('destroyed');
  wire.handler.onBytes(say.data(1, 6));
  p.clock.advance(0);
  newer.say(say.confirm(2), say.data(1, 7));
  expect(p.got).toEqual([[7]]);
  expect(p.story).not.toContain('disconnected');
});

test('[RES-19] resume/acceptor: a late return after the end gets `ended`, for one window', () => {
  const { p, wire, token } = up({ reconnectWindowMs: 20_000 });
  wire.say(say.goodbye(1, 1)).cut();
  const late = p.dialIn().say(say.hello({ resume: true, token, epoch: 1 }));
  expect(late.kinds).toEqual(['refused ended']);
  p.clock.advance(20_000);
  expect(p.dialIn().say(say.hello({ resume: true, token, epoch: 1 })).kinds).toEqual(['refused unknown-session']);
});

test('[RES-13] resume/acceptor: a late return to an expired session learns that it is lost, not that it ended well', () => {
  const { p, wire, token } = up({ reconnectWindowMs: 20_000 });
  wire.cut();
  p.clock.advance(20_000);
  expect(p.story).toContain('closing window-expired remote');
  expect(p.dialIn().say(say.hello({ resume: true, token, epoch: 1 })).kinds).toEqual(['refused unknown-session']);
});

test('resume/acceptor: at the limit of connections a new session is refused and an established one may come back', () => {
  const p = new Played({}, { connectionsMax: 1 });
  const wire = p.dialIn().say(say.hello({}));
  wire.say(say.confirm(1));
  expect(p.dialIn().say(say.hello({ session: bytes(16, 8) })).kinds).toEqual(['refused limit-reached']);
  wire.cut();
  const back = p.dialIn().say(say.hello({ resume: true, token: wire.last('welcome').hello!.token, epoch: 1 }));
  expect(back.last('welcome').hello).toMatchObject({ resume: true });
});

test('resume/acceptor: a thousand silent dialers cost a bounded number of openings, and the oldest silent one gives way', () => {
  const p = new Played({}, { openingsMax: 8 });
  const wires = Array.from({ length: 20 }, () => p.dialIn());
  expect(p.engine.metrics()).toMatchObject({ openings: 8 });
  expect(wires.map((w) => w.ended !== undefined)).toEqual(wires.map((_, i) => i < 12));
});

test('after shutdown nothing is left: no timer, no wire, no callback', async () => {
  const { p, wire } = up();
  p.dialIn();
  const over = p.engine.shutdown();
  p.clock.settle();
  wire.say(say.goodbyeAck(1));
  p.clock.advance(1);
  await over;
  expect(p.engine.metrics()).toMatchObject({ connections: 0, wires: 0, openings: 0 });
  expect(p.clock.pending).toBe(0);
});

test('[RES-7] every payload is a message: the empty one, and one that looks like a hello or a goodbye', () => {
  const { p, wire } = up();
  const lookalikes = [new Uint8Array(0), say.hello({}), say.goodbye(1, 1), new TextEncoder().encode('hfst')];
  wire.say(...lookalikes.map((payload, i) => say.data(i + 1, ...payload)));
  expect(p.got).toEqual(lookalikes.map((payload) => [...payload]));
  expect(connectionOf(p).state).toBe('completed');
});
