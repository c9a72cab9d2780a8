import * as p from './played.js';
import { AS_CLIENT, served, through } from './played.js';

describe('[SHIP-8] [SHIP-9] official catalogue: data, messages and the end', () => {
  test('TC_SHIP_MSG_001 TC_SHIP_MSG_002 what has no value or no known type is discarded in the data phase', () => {
    const { s, wire } = served();
    through(wire, AS_CLIENT, 'access').say(Uint8Array.of(2), Uint8Array.of(9, 1), Buffer.from('\x01{"nobody":[]}'), p.DATA(1));
    expect([wire.ended, s.got]).toEqual([undefined, [{ datagram: { n: 1 } }]]);
  });

  test('TC_SHIP_MSG_003 whitespace in JSON is accepted in every phase', () => {
    const { s, wire } = served();
    const spaced = (type: number, text: string): Uint8Array => Buffer.concat([Buffer.of(type), Buffer.from(text)]);
    wire.say(
      p.INIT,
      spaced(1, ' { "connectionHello" : [ { "phase" : "ready" } , { "waiting" : 60000 } ] } '),
      p.ANNOUNCE,
      p.SELECT,
    );
    wire.say(spaced(1, '{\n"connectionPinState": [ {"pinState": "none"} ]\n}'), p.ID);
    wire.say(spaced(2, '{"data": [ {"header": [ {"protocolId": "ee1.0"} ]}, {"payload": {"datagram": [ {"n": 7} ]}} ]}'));
    expect(s.got).toEqual([{ datagram: { n: 7 } }]);
  });

  test('TC_SHIP_TERM_001 our close is announced, and done at the latest after 500 ms', () => {
    const { s, wire } = served();
    through(wire, AS_CLIENT, 'access');
    void s.connections[0]!.close();
    s.clock.settle();
    expect(wire.last('close')).toEqual({ kind: 'close', phase: 'announce', maxTimeMs: 500, reason: 'unspecific' });
    expect(wire.ended).toBeUndefined();
    s.clock.advance(500);
    expect([wire.ended, s.closing]).toMatchObject([4001, { code: 'closed', side: 'local' }]);
    expect(s.story.filter((word) => word === 'disconnected')).toHaveLength(1);
  });

  test('TC_SHIP_TERM_001 a confirmation ends it sooner', () => {
    const { s, wire } = served();
    through(wire, AS_CLIENT, 'access');
    void s.connections[0]!.close();
    s.clock.settle();
    wire.say(p.CONFIRM);
    expect(wire.ended).toBe(4001);
  });

  test.each(['cmi', 'hello', 'protocol', 'pin', 'access'] as const)(
    'the peer’s announcement after %s is confirmed, and closes',
    (phase) => {
      const { s, wire } = served();
      through(wire, AS_CLIENT, phase).say(p.CLOSE);
      expect(wire.kinds.at(-1)).toBe('close confirm');
      s.clock.advance(500);
      expect([wire.ended, s.closing?.code, s.closing?.side]).toEqual([4001, 'peer-goodbye', 'remote']);
    },
  );

  test.each(['cmi', 'hello', 'protocol', 'pin', 'access'] as const)(
    'closing from our side after %s leaves nothing',
    async (phase) => {
      const { s, wire } = served();
      through(wire, AS_CLIENT, phase);
      const done = s.engine.shutdown();
      s.clock.advance(5000);
      expect(wire.ended).toBe(4001);
      await done;
      expect(s.clock.pending).toBe(0);
    },
  );

  test.each(['cmi', 'hello', 'protocol', 'pin', 'access'] as const)('1006 after %s is a loss, and is reported once', (phase) => {
    const { s, wire } = served();
    through(wire, AS_CLIENT, phase).cut();
    expect(s.closing?.code).toBe('reset');
    expect(s.story.filter((word) => word === 'disconnected')).toHaveLength(phase === 'access' ? 1 : 0);
  });
});

describe('[SHIP-10] SHIP/data phase: signs of life', () => {
  test('a ping every 50 s; a pong keeps the wire for 60 s, data does not', () => {
    const { s, wire } = served();
    through(wire, AS_CLIENT, 'access');
    s.clock.advance(150_000);
    expect(wire.pings).toBe(3);
    wire.answersPings = false;
    for (let i = 0; i < 6; i++) {
      s.clock.advance(9_000);
      if (wire.ended === undefined) wire.say(p.DATA(i));
    }
    s.clock.advance(10_000);
    expect([wire.ended, s.closing?.code]).toEqual(['destroyed', 'probe-timeout']);
  });
});
