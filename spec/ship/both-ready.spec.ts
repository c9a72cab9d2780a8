import type { OutgoingShipMessage } from '../../machines/ship/ship.messages.js';
import * as p from './played.js';
import { HIGH, served, Stage, type PlayedShipWire } from './played.js';

/** A server whose user decides about this client. */
function asked(): { s: Stage; wire: PlayedShipWire } {
  const s = new Stage();
  return { s, wire: s.dialIn().say(p.INIT) };
}
function accept(s: Stage): void {
  s.peers.trusted.add(HIGH);
  s.engine.peers.accept(HIGH);
  s.clock.settle();
}
const PENDING_MORE: OutgoingShipMessage = { ...p.PENDING, prolongationRequest: true } as OutgoingShipMessage;
const REST = [p.ANNOUNCE, p.SELECT, p.NO_PIN, p.WHO, p.ID] as const;

describe('[SHIP-3] hello: our user’s yes waits for the peer’s', () => {
  test.each([0, 1_000, 11_000, 59_999])('the client becomes ready %i ms after our user accepted', (ms) => {
    const { s, wire } = asked();
    wire.say(p.PENDING);
    accept(s);
    expect(wire.last('hello')).toEqual({ kind: 'hello', phase: 'ready', waitingMs: 60_000 });
    s.clock.advance(ms);
    expect([wire.ended, s.story.includes('trusted')]).toEqual([undefined, false]);
    wire.say(p.READY, ...REST);
    expect([s.story.at(-1), s.closing]).toEqual(['connected', undefined]);
    expect(wire.kinds.filter((kind) => kind === 'hello ready')).toHaveLength(1);
  });

  const between: readonly (readonly [string, readonly OutgoingShipMessage[]])[] = [
    ['nothing before', []],
    ['a crossing pending', [p.PENDING]],
    ['pending without waiting', [{ kind: 'hello', phase: 'pending' }]],
    ['a request for more time', [p.MORE]],
    ['a request for more time with waiting', [PENDING_MORE]],
    ['many requests', [p.PENDING, p.MORE, PENDING_MORE, p.MORE, p.PENDING]],
  ];
  test.each(between)('after our yes the peer says %s, then ready', (_, messages) => {
    const { s, wire } = asked();
    accept(s);
    wire.say(...messages);
    s.clock.advance(1000);
    wire.say(p.READY, ...REST);
    expect([s.story.at(-1), s.closing]).toEqual(['connected', undefined]);
  });

  test.each(between)('before our yes the peer says %s; its ready follows', (_, messages) => {
    const { s, wire } = asked();
    wire.say(...messages);
    s.clock.advance(1000);
    accept(s);
    wire.say(p.READY, ...REST);
    expect([s.story.at(-1), s.closing]).toEqual(['connected', undefined]);
  });

  test.each(['ready', 'pending'] as const)(
    'a first %s that does not say how long the peer waits counts as 60 s, the shortest there is',
    (phase) => {
      const { s, wire } = asked();
      wire.say({ kind: 'hello', phase });
      s.clock.advance(44_999);
      expect(wire.kinds).toEqual(['init', 'hello pending']);
      s.clock.advance(1);
      expect(wire.last('hello')).toMatchObject({ phase: 'pending', prolongationRequest: true });
      wire.say({ kind: 'hello', phase: 'ready' });
      accept(s);
      expect(s.story.at(-1)).toBe('trusted');
      wire.say(...REST);
      expect([s.story.at(-1), s.closing]).toEqual(['connected', undefined]);
    },
  );

  test('both are ready at once where the peer was ready already, and a repeated ready of the peer is ignored', () => {
    const { s, wire } = asked();
    wire.say(p.READY, p.READY, { kind: 'hello', phase: 'ready' });
    accept(s);
    expect(s.story.at(-1)).toBe('trusted');
    wire.say(p.READY, p.READY, ...REST);
    expect([s.story.at(-1), s.closing]).toEqual(['connected', undefined]);
    expect(s.connections[0]!.stats()).toMatchObject({ ignored: 3 });
  });

  test('a peer that went back from ready to pending is waited for', () => {
    const { s, wire } = asked();
    wire.say(p.READY, p.PENDING);
    accept(s);
    expect(s.story).not.toContain('trusted');
    wire.say(p.READY);
    expect(s.story.at(-1)).toBe('trusted');
  });

  test('a yes inside the question whether a person may decide', () => {
    for (const answer of [true, false]) {
      const s = new Stage();
      s.peers.mayWait = () => {
        s.peers.trusted.add(HIGH);
        s.engine.peers.accept(HIGH);
        return answer;
      };
      const wire = s.dialIn().say(p.INIT);
      expect(wire.kinds).toEqual(['init', 'hello pending', 'hello ready']);
      wire.say(p.READY, ...REST);
      expect([s.story.at(-1), s.closing]).toEqual(['connected', undefined]);
    }
  });

  test('a peer that never becomes ready: aborted after our waiting', () => {
    const { s, wire } = asked();
    accept(s);
    s.clock.advance(60_000);
    expect(wire.kinds.at(-1)).toBe('hello aborted');
    s.clock.advance(1000);
    expect([wire.ended, s.closing?.code, s.closing?.side]).toEqual([4452, 'trust-pending-timeout', 'remote']);
  });

  test('our user takes the yes back, or the peer denies, before both are ready', () => {
    const one = asked();
    accept(one.s);
    one.s.engine.peers.deny(HIGH);
    one.s.clock.advance(1000);
    expect(one.s.closing).toMatchObject({ code: 'trust-denied', side: 'local' });
    const two = asked();
    accept(two.s);
    two.wire.say(p.ABORTED);
    two.s.clock.advance(1000);
    expect(two.s.closing).toMatchObject({ code: 'trust-denied', side: 'remote' });
  });
});

describe('[SHIP-4] hello: prolongation', () => {
  test.each(['trusting server', 'client'] as const)('as %s: one request has one answer', (role) => {
    const s = new Stage();
    s.peers.trusted.add(HIGH);
    const wire = (role === 'client' ? s.dial() : s.dialIn()).say(p.INIT);
    for (const [n, request] of [p.MORE, PENDING_MORE, p.MORE].entries()) {
      wire.say(request);
      expect(wire.kinds.filter((kind) => kind === 'hello ready')).toHaveLength(n + 2);
    }
  });

  test('as a server that is pending too: one answer, with 60 s more', () => {
    const { s, wire } = asked();
    wire.say(p.PENDING);
    s.clock.advance(20_000);
    wire.say(p.MORE);
    expect(wire.kinds).toEqual(['init', 'hello pending', 'hello pending']);
    expect(wire.last('hello')).toEqual({ kind: 'hello', phase: 'pending', waitingMs: 100_000 });
  });

  test.each([0, 1, 15_000, 29_999])('a peer that waits for %i ms, below 30 s, is never asked for more', (waitingMs) => {
    const { s, wire } = asked();
    for (let i = 0; i < 5; i++) {
      wire.say({ kind: 'hello', phase: 'ready', waitingMs });
      s.clock.advance(5_000);
    }
    expect(wire.kinds).toEqual(['init', 'hello pending']);
    accept(s);
    expect(s.story.at(-1)).toBe('trusted');
  });

  test.each([1, 15_000, 29_000, 29_999])(
    'a peer that waits for %i ms and says no more is not asked, and refused at our end',
    (waitingMs) => {
      const { s, wire } = asked();
      wire.say({ kind: 'hello', phase: 'ready', waitingMs });
      s.clock.advance(59_999);
      expect(wire.kinds).toEqual(['init', 'hello pending']);
      s.clock.advance(1);
      expect(wire.kinds).toEqual(['init', 'hello pending', 'hello aborted']);
    },
  );

  test.each([30_000, 31_000, 45_000])('a peer that answers with %i ms each time is asked 15 s before each end', (waitingMs) => {
    const { s, wire } = asked();
    const answer: OutgoingShipMessage = { kind: 'hello', phase: 'ready', waitingMs };
    wire.say(answer);
    for (let n = 1; n <= 5; n++) {
      s.clock.advance(waitingMs - 15_000 - 1);
      expect(wire.kinds.filter((kind) => kind === 'hello pending')).toHaveLength(n);
      s.clock.advance(1);
      expect(wire.last('hello')).toEqual({ kind: 'hello', phase: 'pending', waitingMs: 60_000, prolongationRequest: true });
      wire.say(answer);
    }
  });

  test('without an answer it is asked once, and refused after the waiting that the request stated', () => {
    const { s, wire } = asked();
    wire.say(p.READY);
    s.clock.advance(45_000 + 59_999);
    expect(wire.kinds).toEqual(['init', 'hello pending', 'hello pending']);
    s.clock.advance(1);
    expect(wire.kinds.at(-1)).toBe('hello aborted');
  });

  test('a repeated ready without waiting moves no timer', () => {
    const { s, wire } = asked();
    wire.say(p.READY);
    s.clock.advance(40_000);
    wire.say({ kind: 'hello', phase: 'ready' }, { kind: 'hello', phase: 'pending' });
    s.clock.advance(5_000);
    expect(wire.last('hello')).toMatchObject({ prolongationRequest: true });
  });
});

test('[SHIP-3] hello: a trusted peer’s crossing messages after both are ready are tolerated and counted', () => {
  const { s, wire } = served();
  wire.say(p.INIT, p.READY, p.PENDING, p.MORE, p.READY, p.ANNOUNCE, p.READY, p.SELECT, p.READY, p.NO_PIN, p.READY, p.WHO, p.ID);
  expect([s.story.at(-1), s.closing]).toEqual(['connected', undefined]);
  expect(s.connections[0]!.stats()).toMatchObject({ ignored: 6 });
});
