import { bytes, Played, say, type PlayedWire } from '../sim/played.js';

/** A dialer whose session is up; the peer is played. */
function up(options = {}): { p: Played; wire: PlayedWire } {
  const p = new Played(options);
  const wire = p.dial().open();
  wire.say(say.welcome(wire.last('hello')));
  return { p, wire };
}
const write = (p: Played, ...payload: number[]): boolean => {
  const room = p.connections[0]!.write(Uint8Array.from(payload));
  p.clock.settle();
  return room;
};
/** Loses the wire and gives the next one, open. */
function again(p: Played, wire: PlayedWire): PlayedWire {
  wire.cut();
  const known = p.dials.indexOf(wire) + 1;
  if (p.dials.length === known) p.clock.runUntil(() => p.dials.length > known, { withinMs: 10_000 });
  return p.dials.at(-1)!.open();
}

test('[RES-4] resume/dialer: a new session is said to be new, and confirmed once its welcome was read', () => {
  const { p, wire } = up();
  expect(wire.kinds).toEqual(['hello', 'confirm']);
  expect(wire.last('hello').hello).toMatchObject({ resume: false, epoch: 0, next: 1, first: 1, versionMin: 1 });
  expect(wire.last('confirm').number).toBe(1);
  expect(p.story.slice(-3)).toEqual(['trusted', 'completed', 'connected']);
});

test('[RES-4] resume/dialer: cut before the welcome, the dialer says the same new hello again', () => {
  const p = new Played();
  const first = p.dial().open();
  const second = again(p, first);
  expect(second.last('hello').hello).toEqual(first.last('hello').hello);
  second.say(say.welcome(second.last('hello')));
  expect(p.connections).toHaveLength(1);
  expect(p.story.filter((s) => s === 'inProgress')).toHaveLength(1);
});

test('[RES-2] resume/dialer: what was not acknowledged goes right behind the hello of the next wire', () => {
  const { p, wire } = up();
  write(p, 10);
  write(p, 11);
  wire.say(say.ack(2));
  const next = again(p, wire);
  expect(next.heard).toMatchObject([
    { kind: 'hello', hello: { resume: true, epoch: 1, first: 2, token: bytes(32, 1) } },
    { kind: 'data', sequence: 2, payload: [11] },
  ]);
});

test('[RES-14] resume/dialer: a welcome that names a later position makes the replay skip ahead', () => {
  const { p, wire } = up();
  for (const n of [1, 2, 3]) write(p, n);
  const next = again(p, wire);
  next.say(say.welcome(next.last('hello'), { next: 4 }));
  write(p, 4);
  expect(next.heard.filter((h) => h.kind === 'data').map((h) => h.sequence)).toEqual([1, 2, 3, 4]);
  expect(p.connections[0]!.stats()).toMatchObject({ acknowledged: 3, accepted: 4 });
});

test('[RES-16] resume/dialer: a welcome whose first message lies beyond what is expected ends the session: the peer has forgotten some', () => {
  const { p, wire } = up();
  const next = again(p, wire);
  next.say(say.welcome(next.last('hello'), { first: 5 }));
  expect(p.story).toContain('closing violated remote');
});

test('[RES-15] resume/dialer: a replay repeats the bytes first encoded', () => {
  const { p, wire } = up();
  const payload = Uint8Array.of(1, 2, 3);
  p.connections[0]!.write(payload);
  payload.fill(9); // The caller's buffer is the caller's again.
  p.clock.settle();
  const next = again(p, wire);
  expect(next.last('data').payload).toEqual([1, 2, 3]);
});

test('[RES-1] resume/dialer: messages that a peer repeats on a new wire are delivered once', () => {
  const { p, wire } = up();
  wire.say(say.data(1, 1), say.data(2, 2));
  const next = again(p, wire);
  next.say(say.welcome(next.last('hello')), say.data(1, 1), say.data(2, 2), say.data(3, 3));
  expect(p.got).toEqual([[1], [2], [3]]);
  expect(p.connections[0]!.stats()).toMatchObject({ duplicates: 2, resumes: 1 });
});

test('[RES-2] resume/dialer: data before the welcome ends the session', () => {
  const p = new Played();
  p.dial().open().say(say.data(1, 1));
  expect(p.story.at(-3)).toBe('closing violated remote');
  expect(p.got).toEqual([]);
});

test.each([
  ['RES-16', 'a gap', () => [say.data(2, 1)]],
  ['RES-8', 'an acknowledgement of what was never sent', () => [say.ack(3)]],
  ['RES-8', 'an acknowledgement that runs back', () => [say.ack(2), say.ack(1)]],
  ['RES-16', 'a goodbye that skips messages', () => [say.goodbye(5, 1)]],
  ['RES-8', 'a goodbye that acknowledges the future', () => [say.goodbye(1, 9)]],
])('[RES-8] [RES-16] %s: %s ends the session with `violated` on the accusing side', (rule, _what, frames) => {
  const { p, wire } = up();
  write(p, 1);
  wire.say(...frames());
  const closing = p.events.find((e) => e.type === 'closing');
  expect(closing).toMatchObject({ closing: { code: 'violated', side: 'remote', detail: { rule } } });
  expect(wire.kinds.at(-1)).toBe(`fault violated ${rule}`);
  expect(wire.ended).toBe('closed');
  p.clock.advance(0);
  expect(p.clock.pending).toBe(1); // The hub's look at the wall clock.
});

test('[RES-10] resume/dialer: a peer that sends beyond its credit ends the session', () => {
  const { p, wire } = up({ messageBytesMax: 1000, receiveBytesMax: 4000, sendBytesMax: 4000 });
  p.connections[0]!.onMessage = undefined; // A reader that takes nothing.
  const kilo = Array.from({ length: 1000 }, () => 1);
  for (let n = 1; n <= 3; n++) wire.say(say.data(n, ...kilo));
  expect(p.story).not.toContain('closing violated remote');
  wire.say(say.data(4, ...kilo));
  expect(p.events.find((e) => e.type === 'closing')).toMatchObject({ closing: { code: 'violated', detail: { rule: 'RES-10' } } });
});

test("[RES-10] resume/dialer: the sender stops at the peer's credit and goes on with more of it", () => {
  const p = new Played();
  const wire = p.dial().open();
  wire.say(say.welcome(wire.last('hello'), { credit: 2 * 65 }));
  for (const n of [1, 2, 3]) write(p, n);
  expect(wire.heard.filter((h) => h.kind === 'data')).toHaveLength(2);
  wire.say(say.credit(3 * 65));
  expect(wire.heard.filter((h) => h.kind === 'data')).toHaveLength(3);
});

test('[RES-10] resume/dialer: the bound counts the message about to be added; beyond it write throws and nothing is lost', () => {
  const { p } = up({ messageBytesMax: 100, sendBytesMax: 400, receiveBytesMax: 400 });
  const connection = p.connections[0]!;
  expect(connection.write(bytes(100, 1))).toBe(true);
  expect(connection.write(bytes(100, 2))).toBe(false); // Half the bound is passed: please wait.
  expect(() => connection.write(bytes(100, 3))).toThrow(expect.objectContaining({ code: 'queue-full' }));
  expect(() => connection.write(bytes(101, 3))).toThrow(expect.objectContaining({ code: 'too-large' }));
  expect(connection.stats()).toMatchObject({ accepted: 2 });
});

test('[RES-10] resume/dialer: a send that would not even fit the empty log is refused, in its turn, and keeps no send behind it waiting', async () => {
  const { p, wire } = up({ messageBytesMax: 100, sendBytesMax: 400, receiveBytesMax: 400 });
  const connection = p.connections[0]!;
  await expect(connection.send(bytes(500, 1))).rejects.toMatchObject({ code: 'too-large' });
  const sent = [100, 100, 100, 500, 1].map((length) =>
    connection.send(bytes(length, length)).catch((e: { code: string }) => e.code),
  );
  p.clock.settle();
  wire.say(say.ack(3)); // Room for the third, which had to wait.
  p.clock.settle();
  wire.say(say.ack(5));
  expect(await Promise.all(sent)).toEqual([undefined, undefined, undefined, 'too-large', undefined]);
});

test('[RES-10] resume/dialer: `drained` resolves when nothing is left', async () => {
  const { p, wire } = up({ sendBytesHigh: 0 });
  const connection = p.connections[0]!;
  expect(connection.write(bytes(1, 1))).toBe(false);
  const drained = connection.drained();
  p.clock.settle();
  wire.say(say.ack(2));
  await expect(drained).resolves.toBeUndefined();
});

test('[RES-3] resume/dialer: the window starts with the loss, spans any number of redials, and its end is one closing', async () => {
  const { p, wire } = up({ reconnectWindowMs: 1000 });
  const sent = p.connections[0]!.send(Uint8Array.of(1));
  p.clock.settle();
  wire.cut();
  for (let i = 0; i < 50 && p.story.at(-1) !== 'none'; i++) {
    const { length } = p.dials;
    p.clock.runUntil(() => p.dials.length > length || p.story.at(-1) === 'none', { withinMs: 6000 });
    if (p.dials.length > length) p.dials.at(-1)!.cut({ kind: 'refused' });
  }
  expect(p.story.filter((s) => s.startsWith('closing'))).toEqual(['closing window-expired remote']);
  expect(p.clock.now()).toBe(1000);
  await expect(sent).rejects.toMatchObject({ code: 'unknown' });
  expect((await p.connections[0]!.closed).detail).toEqual({ unknown: { from: 1, to: 1 } });
  expect(p.connections[0]!.state).toBe('none');
});

test('[RES-16] resume/dialer: three spoilt wires in a row without progress end the session; progress forgives', () => {
  const { p, wire } = up();
  const rubbish = Uint8Array.of(0x7f, 0, 0, 0);
  let w = wire;
  for (let i = 0; i < 5; i++) {
    w.say(say.data(i + 1, 1), rubbish);
    w = again(p, w);
    w.say(say.welcome(w.last('hello')));
  }
  expect(p.story).not.toContain('closing malformed remote');
  w.say(rubbish); // The second since the last message.
  w = again(p, w);
  w.say(say.welcome(w.last('hello')));
  w.say(rubbish);
  expect(p.story).toContain('closing malformed remote');
});

test('[RES-16] resume/dialer: an announced length above the limit spoils the wire before anything is allocated', () => {
  const { p, wire } = up();
  wire.say(Uint8Array.of(0x7f, 0xff, 0xff, 0xff));
  expect(wire.ended).toBe('destroyed');
  expect(p.connections[0]!.state).toBe('completed');
});

test('[RES-17] resume/dialer: the smaller limits of both sides count, agreed on at birth and kept by a resume', () => {
  const p = new Played({ reconnectWindowMs: 60_000 });
  const wire = p.dial().open();
  wire.say(say.welcome(wire.last('hello'), { windowMs: 700, messageBytesMax: 100 }));
  const tooLarge = (): void => void p.connections[0]!.write(new Uint8Array(101));
  expect(tooLarge).toThrow('above the limit of 100 that both sides agreed on');
  const next = again(p, wire);
  next.say(say.welcome(next.last('hello'), { windowMs: 60_000, messageBytesMax: 1000 }));
  expect(tooLarge).toThrow('above the limit of 100');
  const lostAt = p.clock.now();
  next.cut();
  p.clock.runUntil(() => p.story.at(-1) === 'none', { withinMs: 60_000 });
  expect([p.clock.now() - lostAt, p.story]).toEqual([700, expect.arrayContaining(['closing window-expired remote'])]);
});

test('[RES-17] resume/dialer: a window for ever is said as the longest that can be said, and not as none', () => {
  const { p, wire } = up({ reconnectWindowMs: Infinity });
  expect(wire.last('hello').hello).toMatchObject({ windowMs: 2 ** 32 - 1 });
  wire.cut();
  p.clock.runUntil(() => p.dials.length > 1, { withinMs: 10_000 });
  expect(p.connections[0]!.state).toBe('completed');
});

test('[RES-17] resume/dialer: unknown optional frames are skipped, unknown critical ones are not', () => {
  const { p, wire } = up();
  wire.say(Uint8Array.of(0x90, 0, 0, 2, 1, 2), say.data(1, 5));
  expect(p.got).toEqual([[5]]);
  wire.say(Uint8Array.of(0x30, 0, 0, 0));
  expect(wire.ended).toBe('destroyed');
});

test('[RES-11] resume/dialer: data before the goodbye in the same chunk is delivered first', () => {
  const { p, wire } = up();
  wire.say(say.data(1, 1), say.goodbye(2, 1));
  expect(p.got).toEqual([[1]]);
  expect(wire.last('goodbye-ack').number).toBe(2);
  expect(p.connections[0]!.state).toBe('completed'); // Until the wire is closed, by who said goodbye.
  wire.cut({ kind: 'ended' });
  expect(p.story.slice(-3)).toEqual(['disconnected', 'closing peer-goodbye remote', 'none']);
});

test('[RES-19] resume/dialer: close drains, says goodbye with its position, and ends with the acknowledgement', async () => {
  const { p, wire } = up();
  const sent = p.connections[0]!.send(Uint8Array.of(1));
  const closed = p.connections[0]!.close();
  p.clock.settle();
  expect(wire.kinds).not.toContain('goodbye');
  expect(() => p.connections[0]!.write(bytes(1, 1))).toThrow(expect.objectContaining({ code: 'closed' }));
  wire.say(say.ack(2));
  expect(wire.last('goodbye')).toMatchObject({ position: 2, next: 1, code: 'closed' });
  wire.say(say.goodbyeAck(2));
  await sent;
  expect(await closed).toMatchObject({ code: 'closed', side: 'local' });
  expect(wire.ended).toBe('closed');
});

test('[RES-19] resume/dialer: a cut while saying goodbye is redialed, and the goodbye is said again', async () => {
  const { p, wire } = up();
  const closed = p.connections[0]!.close();
  p.clock.settle();
  const next = again(p, wire);
  expect(next.kinds).toEqual(['hello', 'goodbye']); // Nothing else is left to say, and its answer may come too late to wait for.
  next.say(say.welcome(next.last('hello')));
  expect(next.kinds).toEqual(['hello', 'goodbye', 'confirm']);
  next.say(say.goodbyeAck(1));
  expect(await closed).toMatchObject({ code: 'closed' });
});

test('[RES-19] resume/dialer: crossing goodbyes end clean on both sides', async () => {
  const { p, wire } = up();
  const closed = p.connections[0]!.close();
  p.clock.settle();
  wire.say(say.goodbye(1, 1), say.goodbyeAck(1));
  expect(wire.kinds).toEqual(['hello', 'confirm', 'goodbye', 'goodbye-ack']);
  expect(await closed).toMatchObject({ code: 'closed', side: 'local' });
});

test('[RES-19] resume/dialer: a peer that never acknowledges the goodbye is waited for no longer than the grace', async () => {
  const { p } = up();
  const closed = p.connections[0]!.close({ now: true });
  p.clock.advance(2999);
  expect(p.connections[0]!.state).toBe('completed');
  p.clock.advance(1);
  expect(await closed).toMatchObject({ code: 'closed' });
});

test('[RES-19] resume/dialer: at the end of the grace the wire is closed, not destroyed, so that bytes on their way may leave', async () => {
  const { p, wire } = up();
  const closed = p.connections[0]!.close({ now: true });
  p.clock.advance(2500);
  const last = p.dials.at(-1)!.open(); // The last of three tries: nothing has answered on the others.
  expect({ isLast: last !== wire, kinds: last.kinds, ended: last.ended }).toMatchObject({ isLast: true, ended: undefined });
  p.clock.advance(500);
  expect(await closed).toMatchObject({ code: 'closed' });
  expect(last.ended).toBe('closed');
});

test('[RES-6] resume/dialer: a late close of an old wire is ignored', () => {
  const { p, wire } = up();
  const next = again(p, wire);
  next.say(say.welcome(next.last('hello')));
  wire.handler.onBytes(say.data(1, 9));
  wire.handler.onDrain();
  p.clock.settle();
  next.say(say.data(1, 1));
  expect(p.got).toEqual([[1]]);
});

test('[RES-12] resume/dialer: a silent wire is destroyed after idle and probe time, and the window begins', () => {
  const { p, wire } = up({ idleMs: 5000, probeTimeoutMs: 5000 });
  p.clock.advance(5000);
  expect(wire.kinds.at(-1)).toBe('ping');
  p.clock.advance(5000);
  expect(wire.ended).toBeUndefined();
  p.clock.advance(1); // What has arrived by then was read.
  expect(wire.ended).toBe('destroyed');
  expect(p.story).toContain('lost');
  expect(p.connections[0]!.state).toBe('completed');
});

test('[RES-9] resume/dialer: numbers survive the wrap of 32 bits', () => {
  const first = 2 ** 32 - 2;
  const { p, wire } = (() => {
    const p = new Played({ first });
    const wire = p.dial().open();
    wire.say(say.welcome(wire.last('hello'), { next: first, first }));
    return { p, wire };
  })();
  for (let n = 0; n < 5; n++) write(p, n);
  expect(wire.heard.filter((h) => h.kind === 'data').map((h) => h.sequence)).toEqual([first, first + 1, 0, 1, 2]);
  wire.say(say.ack((first + 4) & 0xffffff), say.data(first, 1), say.data(first + 1, 2), say.data(0, 3), say.data(1, 4));
  expect(p.connections[0]!.stats()).toMatchObject({ acknowledged: 4, received: 4 });
  const next = again(p, wire);
  expect(next.heard).toMatchObject([
    { kind: 'hello', hello: { first: 2, next: 2 } },
    { kind: 'data', sequence: 2 },
  ]);
});

test('[RES-13] resume/dialer: a peer that does not know the session ends it as lost', () => {
  const { p, wire } = up();
  const next = again(p, wire);
  next.say(Uint8Array.from([4, 0, 0, 12, 0x68, 0x66, 0x73, 0x74, 2, 1, 1, 0, 0, 0, 0, 0]));
  expect(p.story).toContain('closing peer-lost-session remote');
});
