import * as p from './played.js';
import { AS_CLIENT, HIGH, served, through } from './played.js';

describe('[SHIP-6] [SHIP-7] [SHIP-8] official catalogue: PIN and access methods', () => {
  test('TC_SHIP_PIN_001 none, both ways', () => {
    const { wire } = served();
    through(wire, AS_CLIENT, 'pin');
    expect(wire.last('pin')).toEqual({ kind: 'pin', pinState: 'none' });
    expect(wire.kinds.at(-1)).toBe('access-request');
  });

  test.each(['required', 'optional', 'pinOk'] as const)(
    'a peer whose PIN state is %s can’t be served, and hears so',
    (pinState) => {
      const { s, wire } = served();
      through(wire, AS_CLIENT, 'protocol').say({ kind: 'pin', pinState });
      expect([wire.ended, s.closing?.code, s.closing?.detail?.message]).toEqual([
        4001,
        'pin-unsupported',
        `PIN state ${pinState}`,
      ]);
    },
  );

  test('a peer that never tells its PIN state does not hang the connection', () => {
    const { s, wire } = served();
    through(wire, AS_CLIENT, 'protocol');
    s.clock.advance(10_000);
    expect([wire.ended, s.closing?.code]).toEqual([4001, 'handshake-timeout']);
  });

  test('TC_SHIP_AM_001 the id is our own, also when asked after completion', () => {
    const { wire } = served();
    through(wire, AS_CLIENT, 'access');
    expect(wire.last('access')).toEqual({ kind: 'access', id: 'self-id' });
    wire.say(p.WHO);
    expect(wire.kinds.filter((kind) => kind === 'access')).toHaveLength(2);
  });

  test('TC_SHIP_AMDATA_001 data is processed while the peer’s request is open', () => {
    const { s, wire } = served();
    through(wire, AS_CLIENT, 'pin').say(p.DATA(1), p.WHO, p.DATA(2));
    expect(s.got).toEqual([{ datagram: { n: 1 } }, { datagram: { n: 2 } }]);
    wire.say(p.ID, p.DATA(3));
    expect(s.got).toHaveLength(3); // Once, in order, before and after completion.
  });

  test('TC_SHIP_AMDATA_002 data is processed while our own request is unanswered for 8 s', () => {
    const { s, wire } = served();
    through(wire, AS_CLIENT, 'pin');
    s.clock.advance(8000);
    wire.say(p.DATA(1));
    expect(s.got).toEqual([{ datagram: { n: 1 } }]);
    wire.say(p.ID);
    expect(s.story.at(-1)).toBe('connected');
  });

  test('TC_SHIP_AMDATA_003 access methods are answered while an answer to data is outstanding', () => {
    const { wire } = served();
    through(wire, AS_CLIENT, 'pin').say(p.DATA(1), p.WHO);
    expect(wire.kinds.at(-1)).toBe('access');
  });

  test('what the application writes early waits for the end of the handshake', () => {
    const { s, wire } = served();
    s.engine.on((e) => {
      if (e.type === 'readable') (e.connection as { write(message: object): boolean }).write({ datagram: { early: true } });
    });
    through(wire, AS_CLIENT, 'pin');
    expect(wire.kinds).not.toContain('data');
    wire.say(p.ID);
    expect(wire.kinds.at(-1)).toBe('data');
  });

  test('another SHIP id than before is an ending of its own', () => {
    const { s, wire } = served();
    s.peers.shipIds.set(HIGH, 'somebody');
    through(wire, AS_CLIENT, 'access');
    expect([wire.ended, s.closing?.code]).toEqual([4450, 'ship-id-mismatch']);
    expect(s.closing?.detail?.message).toBe('the peer says "peer-id", and was "somebody"');
  });

  test('a peer that never answers again completes if it is known, and is given up if not', () => {
    const known = served();
    known.s.peers.shipIds.set(HIGH, 'peer-id');
    through(known.wire, AS_CLIENT, 'pin');
    known.s.clock.advance(10_000);
    expect(known.s.story.at(-1)).toBe('connected');
    const unknown = served();
    through(unknown.wire, AS_CLIENT, 'pin');
    unknown.s.clock.advance(10_000);
    expect([unknown.wire.ended, unknown.s.closing?.code]).toEqual([4001, 'handshake-timeout']);
  });

  test('data before the end of the PIN phase is out of order', () => {
    const { s, wire } = served();
    through(wire, AS_CLIENT, 'protocol').say(p.DATA(1));
    expect([wire.ended, s.closing?.code, s.got]).toEqual([4001, 'violated', []]);
  });
});
