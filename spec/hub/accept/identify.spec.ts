import type { Hello } from '../../../machines/resume/resume.messages.js';
import { Played, say, type PlayedWire } from '../../sim/played.js';

const ids = (n: number): Uint8Array => Uint8Array.from({ length: 16 }, (_, i) => (n >> (8 * (i % 4))) & 0xff);
const sendHello = (wire: PlayedWire, n: number): PlayedWire => wire.say(say.hello({ session: ids(n) }), say.confirm(1));
const back = (n: number, first: PlayedWire, more: Partial<Hello> = {}): Uint8Array =>
  say.hello({ session: ids(n), resume: true, token: first.last('welcome').hello!.token, epoch: 1, ...more });
const closings = (p: Played): Record<string, number> => {
  const counts: Record<string, number> = {};
  for (const line of p.story) if (line.startsWith('closing')) counts[line] = (counts[line] ?? 0) + 1;
  return counts;
};

/** What wires say that never get anywhere. */
const TALK: Readonly<Record<string, Uint8Array>> = {
  nothing: new Uint8Array(0),
  'one byte': Uint8Array.of(1),
  'half a hello': say.hello({}).subarray(0, 45),
  'all of a hello but its last byte': say.hello({}).subarray(0, 89),
  'that they resume': say.hello({ resume: true, epoch: 1 }).subarray(0, 80),
};

describe('listener: 1 100 wires that never get anywhere', () => {
  test.each(Object.keys(TALK))('say %s: newcomers and returning sessions come in at once', (what) => {
    const p = new Played();
    const first = sendHello(p.dialIn(), 1);
    first.say(say.data(1, 1)).cut();
    const wires = Array.from({ length: 1100 }, () => {
      const wire = p.dialIn();
      return TALK[what]!.length === 0 ? wire : wire.say(TALK[what]!);
    });
    expect(p.engine.metrics()).toMatchObject({ openings: 1024 });
    expect(sendHello(p.dialIn(), 2).kinds).toEqual(['welcome']);
    expect(p.dialIn().say(back(1, first)).kinds).toEqual(['welcome']);
    expect(p.story).not.toContain('refused busy');
    expect(wires[0]!.ended).toBe('destroyed');
    expect(wires.at(-1)!.ended).toBeUndefined();
    p.clock.advance(5000); // Whatever they go on saying.
    expect(p.engine.metrics()).toMatchObject({ openings: 0 });
  });
});

test('listener: one that sends a byte a second gains no time', () => {
  const p = new Played();
  const wire = p.dialIn();
  const hello = say.hello({});
  for (let at = 0; at < 10 && wire.ended === undefined; at++) {
    wire.say(hello.subarray(at, at + 1));
    p.clock.advance(1000);
  }
  expect([wire.ended, p.clock.now()]).toEqual(['destroyed', 5000]);
});

test('listener: a session that waits for its peer keeps it a place that strangers can’t take', () => {
  const p = new Played({}, { openingsMax: 16, openingsPerAddressMax: 1000 });
  const first = sendHello(p.dialIn('192.0.2.1'), 1);
  first.cut();
  const returning = p.dialIn('192.0.2.1');
  for (let i = 0; i < 100; i++) p.dialIn(`198.51.100.${i}`).say(Uint8Array.of(1));
  expect(returning.ended).toBeUndefined();
  expect(returning.say(back(1, first)).kinds).toEqual(['welcome']);
});

describe('listener: sessions from one address that have proven nothing', () => {
  /** So many sessions from one address, each up and then without a wire. */
  function absent(count: number, host: string, use: (wire: PlayedWire) => void = () => {}): Played {
    const p = new Played();
    for (let n = 0; n < count; n++) {
      const wire = sendHello(p.dialIn(host), n);
      use(wire);
      p.connections.at(-1)!.onMessage ??= () => {};
      wire.cut();
    }
    return p;
  }

  test.each([
    ['192.0.2.1', 64],
    ['127.0.0.1', 256],
  ])('3 000 of %s: %i are kept, the others end `limit-reached`', (host, max) => {
    const p = absent(3000, host);
    p.clock.advance(0);
    expect(p.engine.metrics()).toMatchObject({ connections: max });
    expect(closings(p)).toEqual({ 'closing limit-reached local': 3000 - max });
  });

  test('that never confirm count too', () => {
    const p = new Played();
    for (let n = 0; n < 1000; n++) p.dialIn('192.0.2.1').say(say.hello({ session: ids(n) }));
    p.clock.advance(0);
    expect(p.engine.metrics()).toMatchObject({ connections: 64 });
  });

  test('a session that was used, or has come back before, is never given up for another', () => {
    expect(closings(absent(400, '192.0.2.1', (wire) => wire.say(say.data(1, 1))))).toEqual({});
    const p = absent(400, '127.0.0.1', (wire) => wire.say(say.data(1, 1)));
    expect(p.engine.metrics()).toMatchObject({ connections: 400 });
    const q = new Played();
    for (let n = 0; n < 100; n++) {
      const first = sendHello(q.dialIn('192.0.2.1'), n);
      first.cut();
      q.dialIn('192.0.2.1').say(back(n, first), say.confirm(2)).cut();
    }
    expect(closings(q)).toEqual({});
  });

  test('nor one whose wire is up: a thousand idle clients of one address stay', () => {
    const p = new Played();
    for (let n = 0; n < 1000; n++) {
      sendHello(p.dialIn('192.0.2.1'), n);
      p.connections.at(-1)!.onMessage ??= () => {};
    }
    p.clock.advance(60_000);
    expect(p.engine.metrics()).toMatchObject({ connections: 1000 });
    expect(closings(p)).toEqual({});
  });

  test('other addresses are not touched, and the bound is an option', () => {
    const p = new Played({}, { unprovenPerAddressMax: 2 });
    for (let n = 0; n < 10; n++) sendHello(p.dialIn(n % 2 === 0 ? '192.0.2.1' : '192.0.2.2'), n).cut();
    p.clock.advance(0);
    expect(p.engine.metrics()).toMatchObject({ connections: 4 });
  });
});
