import * as p from './played.js';
import { AS_CLIENT, AS_SERVER, HIGH, Stage, through, type PlayedShipWire } from './played.js';

/** A node that trusts the peer, as server. */
function served(options = {}): { s: Stage; wire: PlayedShipWire } {
  const s = new Stage(options);
  s.peers.trusted.add(HIGH);
  return { s, wire: s.knock() };
}

describe('the whole handshake', () => {
  test('as server: every message in its order, and the API states never go backwards', () => {
    const { s, wire } = served();
    through(wire, AS_CLIENT, 'access');
    expect(wire.kinds).toEqual(['init', 'hello ready', 'protocol', 'pin', 'access-request', 'access']);
    expect(s.story).toEqual(['none', 'inProgress', 'trusted', 'pin', 'readable', 'completed', 'connected']);
    expect(s.peers.shipIds.get(HIGH)).toBe('peer-id');
  });

  test('as client: every message in its order', () => {
    const s = new Stage();
    const wire = through(s.dial(), AS_SERVER, 'access');
    expect(wire.kinds).toEqual(['init', 'hello ready', 'protocol', 'protocol', 'pin', 'access-request', 'access']);
    expect(wire.heard[2]).toMatchObject({ handshakeType: 'announceMax' });
    expect(wire.heard[3]).toMatchObject({ handshakeType: 'select' });
    expect(s.story).toEqual([
      'none',
      'queued',
      'initiated',
      'inProgress',
      'trusted',
      'pin',
      'readable',
      'completed',
      'connected',
    ]);
  });

  test('our own question for the SHIP id goes out before the answer to the peer’s', () => {
    const { wire } = served();
    through(wire, AS_CLIENT, 'pin').say(p.WHO);
    expect(wire.kinds.slice(-2)).toEqual(['access-request', 'access']);
  });
});

describe('[SHIP-2] official catalogue: connection mode', () => {
  test.each([
    ['TC_SHIP_CMI_001', Uint8Array.of(1, 0)],
    ['TC_SHIP_CMI_001 a control message instead', p.READY],
    ['TC_SHIP_CMI_005', Uint8Array.of(0, 1)],
  ])('%s as server: a wrong beginning is answered by the right one and the end', (_, message) => {
    const { s, wire } = served();
    wire.say(message);
    expect(wire.kinds).toEqual(['init']);
    expect(wire.ended).toBe(4001);
    expect(s.closing).toMatchObject({ code: 'violated', side: 'remote', detail: { rule: 'SHIP-2' } });
  });

  test.each([
    ['TC_SHIP_CMI_002', Uint8Array.of(2, 0)],
    ['TC_SHIP_CMI_006', Uint8Array.of(0, 7)],
    ['one byte', Uint8Array.of(0)],
  ])('%s as client: a wrong beginning ends the connection', (_, message) => {
    const s = new Stage();
    const wire = s.dial().say(message);
    expect([wire.kinds, wire.ended]).toEqual([['init'], 4001]);
    expect(s.closing).toMatchObject({ code: 'violated', detail: { rule: 'SHIP-2' } });
  });

  test('TC_SHIP_CMI_003 TC_SHIP_CMI_004 who says nothing for 10 s is given up, in both roles', () => {
    const { s, wire } = served();
    s.clock.advance(9_999);
    expect(wire.ended).toBeUndefined();
    s.clock.advance(1);
    expect([wire.ended, s.closing?.code]).toEqual([4001, 'handshake-timeout']);
    const c = new Stage();
    const dialed = c.dial();
    c.clock.advance(10_000);
    expect([dialed.ended, c.closing?.code]).toEqual([4001, 'handshake-timeout']);
  });
});

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

  test('TC_SHIP_HELLO_004 pending without a wish is ignored while we are ready, and moves no timer', () => {
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
    const wire = s.knock();
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

  test('more time is asked for 30 s before the peer’s patience ends, again and again while a person may decide', () => {
    const s = new Stage();
    const wire = s.knock();
    wire.say(p.INIT, p.READY);
    s.clock.advance(29_999);
    expect(wire.kinds).toEqual(['init', 'hello pending']);
    s.clock.advance(1);
    expect(wire.last('hello')).toEqual({ kind: 'hello', phase: 'pending', prolongationRequest: true });
    wire.say({ kind: 'hello', phase: 'ready', waitingMs: 90_000 });
    s.clock.advance(60_000);
    expect(wire.kinds.filter((kind) => kind === 'hello pending')).toHaveLength(3);
    wire.say({ kind: 'hello', phase: 'ready', waitingMs: 90_000 });
    s.peers.mayWaitFor = false;
    s.clock.advance(60_000);
    expect(wire.kinds.at(-1)).toBe('hello aborted');
    expect(s.closing).toBeUndefined();
    s.clock.advance(1000);
    expect([wire.ended, s.closing?.code, s.closing?.side]).toEqual([4452, 'trust-pending-timeout', 'local']);
  });

  test('our wish for more and the approval may cross: a late ready does no harm', () => {
    const s = new Stage();
    const wire = s.knock();
    wire.say(p.INIT, p.READY);
    s.clock.advance(30_000);
    s.peers.trusted.add(HIGH);
    s.engine.peers.accept(HIGH);
    wire.say(p.READY, p.ANNOUNCE);
    expect(wire.last('protocol')).toMatchObject({ handshakeType: 'select' });
  });

  test('where nobody may wait, an untrusted peer is told at once', () => {
    const s = new Stage();
    s.peers.mayWaitFor = false;
    const wire = s.knock();
    wire.say(p.INIT);
    expect(wire.kinds).toEqual(['init', 'hello pending', 'hello aborted']);
    s.clock.advance(1000);
    expect(wire.ended).toBe(4452);
  });

  test('denied here: aborted, and no state of the peer’s denial', () => {
    const s = new Stage();
    const wire = s.knock();
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
    const wire = s.knock();
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
    ['ready without waiting, while we are pending', { kind: 'hello', phase: 'ready' }, 'unexpected hello: ready'],
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
    const wire = s.knock().say(p.INIT, message);
    expect(wire.kinds).toEqual(['init', 'hello pending', 'hello aborted']);
    s.clock.advance(1000);
    expect([wire.ended, s.closing?.code, s.closing?.detail?.rule]).toEqual([4452, 'violated', 'SHIP-3']);
    expect(s.closing?.detail?.message).toBe(reason);
  });
});

describe('[SHIP-5] official catalogue: protocol handshake', () => {
  test('TC_SHIP_PROT_001 TC_SHIP_PROT_002 JSON-UTF8 in both roles', () => {
    const { wire } = served();
    through(wire, AS_CLIENT, 'protocol');
    expect(wire.last('protocol')).toEqual({
      kind: 'protocol',
      handshakeType: 'select',
      version: { major: 1, minor: 0 },
      formats: ['JSON-UTF8'],
    });
    expect(wire.kinds.at(-1)).toBe('pin');
    const dialed = through(new Stage().dial(), AS_SERVER, 'protocol');
    expect(dialed.kinds.at(-1)).toBe('pin');
  });

  test('TC_SHIP_PROT_003 TC_SHIP_PROT_004 silence for 10 s: error 1 leaves before the close', () => {
    for (const wire of [through(served().wire, AS_CLIENT, 'hello'), through(new Stage().dial(), AS_SERVER, 'hello')]) {
      wire.clock.advance(10_000);
      expect(wire.heard.at(-1)).toEqual({ kind: 'protocol-error', error: 1 });
      expect(wire.ended).toBe(4001);
    }
    const { wire } = served();
    through(wire, AS_CLIENT, 'hello').say(p.ANNOUNCE);
    wire.clock.advance(10_000); // The confirmation is missing.
    expect(wire.heard.at(-1)).toEqual({ kind: 'protocol-error', error: 1 });
  });

  test.each([
    ['a PIN state', p.NO_PIN],
    ['select instead of announceMax', p.SELECT],
    ['no JSON', Buffer.from('\x01{')],
    ['a second hello', p.READY],
  ] as const)('TC_SHIP_PROT_005 as server, unexpected: %s: error 2', (_, message) => {
    const { s, wire } = served();
    through(wire, AS_CLIENT, 'hello').say(message);
    expect(wire.heard.at(-1)).toEqual({ kind: 'protocol-error', error: 2 });
    expect([wire.ended, s.closing?.code]).toEqual([4001, 'violated']);
  });

  test.each([
    ['a PIN state', p.NO_PIN],
    ['announceMax instead of select', p.ANNOUNCE],
  ] as const)('TC_SHIP_PROT_006 as client, unexpected: %s: error 2', (_, message) => {
    const wire = through(new Stage().dial(), AS_SERVER, 'hello').say(message);
    expect(wire.heard.at(-1)).toEqual({ kind: 'protocol-error', error: 2 });
    expect(wire.ended).toBe(4001);
  });

  test('a selection that is not what was offered: error 3, in both roles', () => {
    const odd = { ...p.SELECT, version: { major: 2, minor: 0 } } as typeof p.SELECT;
    const client = through(new Stage().dial(), AS_SERVER, 'hello').say(odd);
    expect(client.heard.at(-1)).toEqual({ kind: 'protocol-error', error: 3 });
    const server = through(served().wire, AS_CLIENT, 'hello').say(p.ANNOUNCE, odd);
    expect(server.heard.at(-1)).toEqual({ kind: 'protocol-error', error: 3 });
  });

  test('a newer version that is announced is answered by ours', () => {
    const { wire } = served();
    through(wire, AS_CLIENT, 'hello').say({
      ...p.ANNOUNCE,
      version: { major: 9, minor: 3 },
      formats: ['JSON-UTF16', 'JSON-UTF8'],
    } as never);
    expect(wire.last('protocol')).toMatchObject({ handshakeType: 'select', version: { major: 1, minor: 0 } });
  });

  test('the peer’s error is a refusal', () => {
    const s = new Stage();
    through(s.dial(), AS_SERVER, 'hello').say({ kind: 'protocol-error', error: 3 });
    expect(s.closing).toMatchObject({ code: 'handshake-refused', side: 'remote' });
  });

  test('but that it heard us too late is no refusal: it is dialed again', () => {
    const s = new Stage();
    through(s.dial(), AS_SERVER, 'hello').say({ kind: 'protocol-error', error: 1 });
    expect(s.closing).toMatchObject({ code: 'handshake-timeout', side: 'remote' });
    s.clock.advance(10_000);
    expect(s.dials).toHaveLength(2);
  });
});

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

  test.each(['cmi', 'hello', 'protocol', 'pin', 'access'] as const)('1006 after %s is a loss, and is told once', (phase) => {
    const { s, wire } = served();
    through(wire, AS_CLIENT, phase).cut();
    expect(s.closing?.code).toBe('reset');
    expect(s.story.filter((word) => word === 'disconnected')).toHaveLength(phase === 'access' ? 1 : 0);
  });
});

describe('[SHIP-10] signs of life', () => {
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
