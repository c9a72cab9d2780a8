import * as p from './played.js';
import type { Connection } from '../../machines/connection/connection-handle.js';
import type { ShipPayload } from '../../machines/ship/ship.messages.js';
import { AS_CLIENT, AS_SERVER, HIGH, served, Stage, through } from './played.js';

describe('[SHIP-6] [SHIP-7] [SHIP-8] official catalogue: PIN and access methods', () => {
  test('TC_SHIP_PIN_001 none, both ways', () => {
    const { wire } = served();
    through(wire, AS_CLIENT, 'pin');
    expect(wire.last('pin')).toEqual({ kind: 'pin', pinState: 'none' });
    expect(wire.kinds.at(-1)).toBe('access-request');
  });

  test.each(['required', 'optional', 'pinOk'] as const)(
    'a peer whose PIN state is %s can’t be served, and gets that answer',
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

  /** Answers each message of the peer's, as an application does. */
  function answering(s: ReturnType<typeof served>['s']): void {
    s.engine.on((event) => {
      if (event.type !== 'readable') return;
      const connection = event.connection as Connection<ShipPayload>;
      connection.write({ datagram: { early: true } });
      connection.onMessage = (message) => {
        connection.write({ datagram: { answer: message } });
      };
    });
  }

  test.each(['server', 'client'] as const)(
    'as %s: data flows both ways from our own access request on, whether the peer answers it or not',
    (role) => {
      const s = new Stage();
      s.peers.trusted.add(HIGH);
      answering(s);
      const wire = role === 'server' ? through(s.dialIn(), AS_CLIENT, 'pin') : through(s.dial(), AS_SERVER, 'pin');
      expect(wire.kinds.slice(-2)).toEqual(['access-request', 'data']);
      wire.say(p.DATA(1));
      expect(wire.last('data').payload).toEqual({ datagram: { answer: { datagram: { n: 1 } } } });
      s.clock.advance(3_600_000);
      wire.say(p.DATA(2));
      expect(wire.last('data').payload).toEqual({ datagram: { answer: { datagram: { n: 2 } } } });
      expect([s.closing, s.story.at(-1)]).toEqual([undefined, 'connected']);
    },
  );

  test('a peer that never answers completes after 1 s, known or not; its SHIP id is learnt however late', () => {
    for (const known of [undefined, 'peer-id']) {
      const { s, wire } = served();
      if (known !== undefined) s.peers.shipIds.set(HIGH, known);
      through(wire, AS_CLIENT, 'pin');
      s.clock.advance(999);
      expect(s.story).not.toContain('connected');
      s.clock.advance(1);
      expect(s.story.at(-1)).toBe('connected');
      s.clock.advance(60_000);
      wire.say(p.ID);
      expect([s.peers.shipIds.get(HIGH), s.closing]).toEqual(['peer-id', undefined]);
    }
  });

  test('a late answer is checked all the same: another SHIP id ends a completed connection', () => {
    const { s, wire } = served();
    s.peers.shipIds.set(HIGH, 'another');
    through(wire, AS_CLIENT, 'pin');
    s.clock.advance(5000);
    expect(s.story.at(-1)).toBe('connected');
    wire.say(p.ID);
    s.clock.advance(1);
    expect([wire.ended, s.closing?.code]).toEqual([4450, 'ship-id-mismatch']);
    expect(s.story.filter((word) => word === 'disconnected')).toHaveLength(1);
  });

  test('access methods without an id, as of a 1.0 device, complete the connection and leave the id that is known', () => {
    for (const known of [undefined, 'peer-id']) {
      const { s, wire } = served();
      if (known !== undefined) s.peers.shipIds.set(HIGH, known);
      through(wire, AS_CLIENT, 'pin').say({ kind: 'access' });
      expect([s.story.at(-1), s.closing, s.peers.shipIds.get(HIGH)]).toEqual(['connected', undefined, known]);
      wire.say(p.ID);
      expect([s.closing, s.peers.shipIds.get(HIGH)]).toEqual([undefined, 'peer-id']);
    }
  });

  test('a close in the access phase comes behind the data that was written', () => {
    const { s, wire } = served();
    s.engine.on((event) => {
      if (event.type !== 'readable') return;
      (event.connection as Connection<ShipPayload>).write({ datagram: { last: true } });
      void event.connection.close();
    });
    through(wire, AS_CLIENT, 'pin');
    expect(wire.kinds.slice(-3)).toEqual(['access-request', 'data', 'close announce']);
    wire.say(p.CONFIRM);
    expect(wire.ended).toBe(4001);
  });

  test('another SHIP id than before is an ending of its own', () => {
    const { s, wire } = served();
    s.peers.shipIds.set(HIGH, 'somebody');
    through(wire, AS_CLIENT, 'access');
    expect([wire.ended, s.closing?.code]).toEqual([4450, 'ship-id-mismatch']);
    expect(s.closing?.detail?.message).toBe('the peer says "peer-id", and was "somebody"');
  });

  test('data before the end of the PIN phase is out of order', () => {
    const { s, wire } = served();
    through(wire, AS_CLIENT, 'protocol').say(p.DATA(1));
    expect([wire.ended, s.closing?.code, s.got]).toEqual([4001, 'violated', []]);
  });
});
