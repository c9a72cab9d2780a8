import type { OutgoingShipMessage } from '../../machines/ship/ship.messages.js';
import * as p from './played.js';
import { AS_CLIENT, AS_SERVER, HIGH, Stage, through, type Phase, type PlayedShipWire } from './played.js';

const control = (text: string): Uint8Array => new TextEncoder().encode(`\x01${text}`);

/** What SHIP 1.1 adds, which some devices send although 1.0 was selected; and what no version knows. */
const UNKNOWN: readonly (readonly [string, Uint8Array])[] = [
  ['keyMaterialState', control('{"keyMaterialState":[{"keyMaterialState":"none"}]}')],
  ['keyMaterialRequest', control('{"keyMaterialRequest":[]}')],
  ['a made-up name', control('{"somethingElse":[{"a":1}]}')],
];

function at(role: 'server' | 'client', phase: Phase): { s: Stage; wire: PlayedShipWire } {
  const s = new Stage();
  s.peers.trusted.add(HIGH);
  const [wire, steps] = role === 'server' ? [s.dialIn(), AS_CLIENT] : [s.dial(), AS_SERVER];
  return { s, wire: through(wire, steps, phase) };
}
function finish(role: 'server' | 'client', from: Phase, wire: PlayedShipWire): void {
  const steps = role === 'server' ? AS_CLIENT : AS_SERVER;
  const phases = ['cmi', 'hello', 'protocol', 'pin', 'access'] as const;
  for (const phase of phases.slice(phases.indexOf(from) + 1)) wire.say(...steps[phase]);
}

const BEFORE_DATA = ['cmi', 'hello', 'protocol', 'pin', 'access'] as const;
describe.each(['server', 'client'] as const)('[SHIP-15] SHIP/tolerance: tolerance, as %s', (role) => {
  test.each(BEFORE_DATA.flatMap((phase) => UNKNOWN.map(([name, bytes]) => [phase, name, bytes] as const)))(
    'after %s, unknown control message %s: ignored and counted',
    (phase, _, bytes) => {
      const { s, wire } = at(role, phase);
      wire.say(bytes, bytes);
      expect(wire.ended).toBeUndefined();
      finish(role, phase, wire);
      wire.say(p.DATA(1));
      expect([s.story.at(-1), s.closing, s.got]).toEqual(['connected', undefined, [{ datagram: { n: 1 } }]]);
      expect(s.connections[0]!.stats()).toMatchObject({ ignored: 2 });
    },
  );

  const repeated: readonly (readonly [Phase, string, readonly OutgoingShipMessage[]])[] = [
    ['hello', 'ready', [p.READY, p.READY]],
    ['protocol', 'ready', [p.READY]],
    ['protocol', 'select', [p.SELECT, p.SELECT]],
    ...(role === 'server' ? ([['protocol', 'announceMax', [p.ANNOUNCE]]] as const) : []),
    ['pin', 'PIN none', [p.NO_PIN, p.NO_PIN]],
    ['pin', 'ready, select and PIN none', [p.READY, p.SELECT, p.NO_PIN]],
    ['pin', 'PIN input and PIN error', [{ kind: 'pin-input', pin: '1' }, { kind: 'pin-error', error: 1 }]],
    ['pin', 'a protocol error', [{ kind: 'protocol-error', error: 2 }]],
    ['access', 'PIN none', [p.NO_PIN]],
  ]; // prettier-ignore
  test.each(repeated)('after %s, repeated %s: ignored and counted', (phase, _, messages) => {
    const { s, wire } = at(role, phase);
    wire.say(...messages);
    expect(wire.ended).toBeUndefined();
    finish(role, phase, wire);
    expect([s.story.at(-1), s.closing]).toEqual(['connected', undefined]);
    expect(s.connections[0]!.stats()).toMatchObject({ ignored: messages.length });
  });

  test('access methods twice, and a request for them twice: answered each time, no end', () => {
    const { s, wire } = at(role, 'access');
    wire.say(p.ID, p.WHO, p.WHO, p.ID);
    expect(wire.kinds.filter((kind) => kind === 'access')).toHaveLength(3);
    expect(s.closing).toBeUndefined();
  });

  test('in the access phase a malformed control message and an unknown type end nothing', () => {
    const { s, wire } = at(role, 'pin');
    wire.say(control('{"accessMethods":[{"id":7}]}'), control('{'), Uint8Array.of(9, 0x7b, 0x7d), p.ID);
    expect([s.story.at(-1), s.closing]).toEqual(['connected', undefined]);
    expect(s.connections[0]!.stats()).toMatchObject({ ignored: 3 });
  });
});

test('[SHIP-15] tolerance: the client’s announceMax twice is answered once', () => {
  const { s, wire } = at('server', 'hello');
  wire.say(p.ANNOUNCE, p.ANNOUNCE, p.SELECT, p.NO_PIN, p.WHO, p.ID);
  expect(wire.kinds.filter((kind) => kind === 'protocol')).toHaveLength(1);
  expect(s.story.at(-1)).toBe('connected');
});

test('[SHIP-3] SHIP/tolerance: a peer whose user says no after the hello has denied, in the protocol and in the PIN phase', () => {
  for (const phase of ['hello', 'protocol'] as const) {
    const { s, wire } = at('client', phase);
    wire.say(p.ABORTED);
    s.clock.advance(1000);
    expect(s.closing).toMatchObject({ code: 'trust-denied', side: 'remote' });
  }
});
