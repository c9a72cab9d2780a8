import * as p from './played.js';
import { AS_CLIENT, AS_SERVER, HIGH, served, Stage, through } from './played.js';

describe('SHIP/handshake: the whole handshake', () => {
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
    ['data', p.DATA(1)],
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

  test('but a late message of ours is no refusal: the peer is dialed again', () => {
    const s = new Stage();
    through(s.dial(), AS_SERVER, 'hello').say({ kind: 'protocol-error', error: 1 });
    expect(s.closing).toMatchObject({ code: 'handshake-timeout', side: 'remote' });
    s.clock.advance(10_000);
    expect(s.dials).toHaveLength(2);
  });
});
