import * as p from './played.js';
import { AS_CLIENT, HIGH, served, Stage, through } from './played.js';

describe('[SHIP-3] [SHIP-4] official catalogue: hello', () => {
  test('TC_SHIP_HELLO_001 a valid hello leads on', () => {
    const { s, wire } = served();
    through(wire, AS_CLIENT, 'hello');
    expect(wire.last('hello')).toEqual({ kind: 'hello', phase: 'ready', waitingMs: 60_000 });
    expect(s.story.at(-1)).toBe('trusted');
  });

  test('TC_SHIP_HELLO_002 two prolongations and more, each adds 60 s to what is left', () => {
    const { s, wire } = served();
    wire.say(p.INIT);
    s.clock.advance(50_000);
    wire.say(p.MORE);
    expect(wire.last('hello')).toMatchObject({ phase: 'ready', waitingMs: 70_000 });
    s.clock.advance(60_000);
    wire.say(p.MORE);
    expect(wire.last('hello')).toMatchObject({ phase: 'ready', waitingMs: 70_000 });
    s.clock.advance(69_999);
    expect(wire.kinds).not.toContain('hello aborted');
    wire.say(p.READY); // At the last millisecond.
    expect(s.story.at(-1)).toBe('trusted');
  });

  test('TC_SHIP_HELLO_003 the wait for the other’s ready has an end', () => {
    const { s, wire } = served();
    wire.say(p.INIT);
    s.clock.advance(60_000);
    expect(wire.kinds.at(-1)).toBe('hello aborted');
    expect(wire.ended).toBeUndefined(); // The peer has a second to read it.
    s.clock.advance(1000);
    expect([wire.ended, s.closing?.code, s.closing?.side]).toEqual([4452, 'trust-pending-timeout', 'remote']);
  });

  test('TC_SHIP_HELLO_004 pending without a request for prolongation is ignored while we are ready, and moves no timer', () => {
    const { s, wire } = served();
    wire.say(p.INIT);
    s.clock.advance(30_000);
    wire.say(p.PENDING);
    expect(wire.kinds).toEqual(['init', 'hello ready']);
    s.clock.advance(30_000);
    expect(wire.kinds.at(-1)).toBe('hello aborted');
  });

  test('an untrusted peer waits for a person; a decision lets it in', () => {
    const s = new Stage();
    const wire = s.dialIn();
    wire.say(p.INIT, p.READY);
    expect(wire.kinds).toEqual(['init', 'hello pending']);
    expect(s.story).toEqual(['none', 'receivedPairingRequest', 'pairingRequested']);
    s.clock.advance(20_000);
    s.peers.trusted.add(HIGH);
    s.engine.peers.accept(HIGH);
    expect(wire.last('hello')).toMatchObject({ phase: 'ready', waitingMs: 60_000 });
    wire.say(p.ANNOUNCE, p.SELECT, p.NO_PIN, p.WHO, p.ID);
    expect(s.story.slice(-5)).toEqual(['trusted', 'pin', 'readable', 'completed', 'connected']);
  });

  test('more time is requested once, 15 s before the peer’s patience ends, again and again while a person may decide', () => {
    const s = new Stage();
    const wire = s.dialIn();
    wire.say(p.INIT, p.READY);
    s.clock.advance(44_999);
    expect(wire.kinds).toEqual(['init', 'hello pending']);
    s.clock.advance(1);
    expect(wire.last('hello')).toEqual({ kind: 'hello', phase: 'pending', waitingMs: 60_000, prolongationRequest: true });
    wire.say({ kind: 'hello', phase: 'ready', waitingMs: 90_000 });
    s.clock.advance(74_999);
    expect(wire.kinds.filter((kind) => kind === 'hello pending')).toHaveLength(2);
    s.clock.advance(1);
    expect(wire.kinds.filter((kind) => kind === 'hello pending')).toHaveLength(3);
    wire.say({ kind: 'hello', phase: 'ready', waitingMs: 90_000 });
    s.peers.mayWaitFor = false;
    s.clock.advance(75_000);
    expect(wire.kinds.at(-1)).toBe('hello aborted');
    expect(s.closing).toBeUndefined();
    s.clock.advance(1000);
    expect([wire.ended, s.closing?.code, s.closing?.side]).toEqual([4452, 'trust-pending-timeout', 'local']);
  });

  test('our request for prolongation and the approval may cross: a late ready does no harm', () => {
    const s = new Stage();
    const wire = s.dialIn();
    wire.say(p.INIT, p.READY);
    s.clock.advance(45_000);
    s.peers.trusted.add(HIGH);
    s.engine.peers.accept(HIGH);
    wire.say(p.READY, p.ANNOUNCE);
    expect(wire.last('protocol')).toMatchObject({ handshakeType: 'select' });
  });

  test('where no user may decide, an untrusted peer is refused at once', () => {
    const s = new Stage();
    s.peers.mayWaitFor = false;
    const wire = s.dialIn();
    wire.say(p.INIT);
    expect(wire.kinds).toEqual(['init', 'hello pending', 'hello aborted']);
    s.clock.advance(1000);
    expect(wire.ended).toBe(4452);
    expect(s.closing).toMatchObject({
      code: 'trust-denied',
      side: 'local',
      detail: { message: 'the peer is not paired, and allowWaitingForTrust answered no' },
    });
  });

  test('denied here: aborted, and no state of the peer’s denial', () => {
    const s = new Stage();
    const wire = s.dialIn();
    wire.say(p.INIT, p.READY);
    s.engine.peers.deny(HIGH);
    expect(wire.kinds.at(-1)).toBe('hello aborted');
    s.clock.advance(1000);
    expect(s.closing).toMatchObject({ code: 'trust-denied', side: 'local' });
    expect(s.story).not.toContain('remoteDeniedTrust');
    expect(s.engine.metrics().connections).toBe(0);
  });

  test('a no that comes before the hello is said in the hello', () => {
    const s = new Stage();
    const wire = s.dialIn();
    s.engine.peers.deny(HIGH);
    wire.say(p.INIT, p.READY);
    expect(wire.kinds).toEqual(['init', 'hello aborted']);
    s.clock.advance(1000);
    expect([wire.ended, s.closing?.code, s.closing?.side]).toEqual([4452, 'trust-denied', 'local']);
  });

  test('denied there: a state of its own, and no dial ever again until it is registered anew', () => {
    const s = new Stage();
    const wire = s.dial().say(p.INIT, p.ABORTED);
    s.clock.advance(1000);
    expect([wire.ended, s.closing?.code, s.closing?.side]).toEqual([4452, 'trust-denied', 'remote']);
    expect(s.story).toContain('remoteDeniedTrust');
    s.clock.advance(3_600_000);
    expect(s.dials).toHaveLength(1);
    s.engine.peers.register(HIGH);
    s.clock.advance(3000);
    expect(s.dials).toHaveLength(2);
  });

  test('a device that answers pending and hangs up with 4452 has denied', () => {
    const s = new Stage();
    s.dial().say(p.INIT, p.PENDING).cut({ kind: 'ended', code: 4452, reason: 'Node rejected by application.' });
    expect(s.closing).toMatchObject({ code: 'trust-denied', side: 'remote' });
  });

  test('a link that breaks while the peer’s user thinks is a loss: dialed again', () => {
    const s = new Stage();
    s.dial().say(p.INIT, p.PENDING).cut();
    expect(s.closing?.code).toBe('reset');
    s.clock.advance(10_000);
    expect(s.dials).toHaveLength(2);
  });

  test.each([
    [
      'a negative wait',
      Buffer.from('\x01{"connectionHello":[{"phase":"ready"},{"waiting":-1}]}'),
      'connectionHello.waiting is a whole number, 0 or more, got -1',
    ],
    [
      'a fraction',
      Buffer.from('\x01{"connectionHello":[{"phase":"ready"},{"waiting":1.5}]}'),
      'connectionHello.waiting is a whole number, 0 or more, got 1.5',
    ],
    ['no phase', Buffer.from('\x01{"connectionHello":[]}'), 'connectionHello.phase is missing'],
    ['something of a later phase', p.NO_PIN, 'PIN state none'],
    ['data', p.DATA(1), 'unexpected data-early'],
    ['no JSON', Buffer.from('\x01{"connectionHello":['), 'expected a value, got the end at character 20'],
    ['one byte', Uint8Array.of(1), 'a message has at least two bytes, got 1'],
    ['a type nobody knows', Buffer.from('\x09{}'), 'unknown message type 9'],
  ] as const)('bad input in hello: %s ends as aborted, with a reason', (_, message, reason) => {
    const s = new Stage();
    const wire = s.dialIn().say(p.INIT, message);
    expect(wire.kinds).toEqual(['init', 'hello pending', 'hello aborted']);
    s.clock.advance(1000);
    expect([wire.ended, s.closing?.code, s.closing?.detail?.rule]).toEqual([4452, 'violated', 'SHIP-3']);
    expect(s.closing?.detail?.message).toBe(reason);
  });
});
