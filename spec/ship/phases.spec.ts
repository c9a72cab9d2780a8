import type { OutgoingShipMessage } from '../../machines/ship/ship.messages.js';
import * as p from './played.js';
import { AS_CLIENT, AS_SERVER, HIGH, Stage, through, type Phase, type PlayedShipWire } from './played.js';

const PHASES = ['cmi', 'hello', 'protocol', 'pin', 'access'] as const;
const ROLES = ['server', 'client'] as const;

/** A node in this role that trusts its peer, and has come to the end of a phase; `undefined`: it has heard nothing yet. */
function at(role: (typeof ROLES)[number], phase: Phase | undefined): { s: Stage; wire: PlayedShipWire } {
  const s = new Stage();
  s.peers.trusted.add(HIGH);
  const wire = role === 'server' ? s.dialIn() : s.dial();
  return { s, wire: phase === undefined ? wire : through(wire, role === 'server' ? AS_CLIENT : AS_SERVER, phase) };
}

describe('SHIP/phases: a message in the wrong phase', () => {
  const messages: Record<string, OutgoingShipMessage> = {
    init: p.INIT,
    ready: p.READY,
    announceMax: p.ANNOUNCE,
    select: p.SELECT,
    pin: p.NO_PIN,
    'access request': p.WHO,
    access: p.ID,
    data: p.DATA(1),
    'PIN input': { kind: 'pin-input', pin: '1' },
    'PIN error': { kind: 'pin-error', error: 1 },
  };
  /** What has its place after the end of each phase, in both roles. */
  const right: Record<string, readonly string[]> = {
    nothing: ['init'],
    cmi: ['ready'],
    hello: [], // The one of its role, below.
    protocol: ['pin'],
  };
  /** What was right before, repeated or crossing: see tolerance.spec.ts. From the end of the PIN phase on everything is. */
  const tolerated = (role: (typeof ROLES)[number], phase: Phase | undefined): readonly string[] => {
    if (phase === 'hello') return ['ready'];
    return phase === 'protocol' ? ['ready', 'select', ...(role === 'server' ? ['announceMax'] : [])] : [];
  };
  const cases = ROLES.flatMap((role) =>
    [undefined, ...PHASES.slice(0, 3)].flatMap((phase) =>
      Object.keys(messages)
        .filter((name) => !right[phase ?? 'nothing']!.includes(name) && !tolerated(role, phase).includes(name))
        .filter((name) => phase !== 'hello' || name !== (role === 'server' ? 'announceMax' : 'select'))
        .map((name) => [role, phase, name] as const),
    ),
  );

  test.each(cases)(
    'as %s after %s: %s ends the handshake with a reason, told once, and nothing reaches the application',
    (role, phase, name) => {
      const { s, wire } = at(role, phase);
      wire.say(messages[name]!, ...Object.values(messages)); // What comes behind it does not matter any more.
      s.clock.advance(1000); // Where it is said in a hello, the peer has a second to read it.
      expect([typeof wire.ended, s.closing?.code, s.closing?.side, s.got]).toEqual(['number', 'violated', 'remote', []]);
      expect(s.closing?.detail).toMatchObject({
        rule: expect.stringMatching(/^SHIP-\d/) as string,
        message: expect.any(String) as string,
      });
      expect(s.story.filter((word) => /^(connected|disconnected)$/.test(word))).toEqual([]);
      expect(s.story.filter((word) => word.startsWith('closing'))).toHaveLength(1);
    },
  );
});

describe('SHIP/phases: at the last millisecond of a timer', () => {
  /** The name, how to come there, and how long the timer then runs; `act` at its end but one still counts, at its end no more. */
  const waits: readonly (readonly [
    string,
    () => { s: Stage; wire: PlayedShipWire },
    number,
    (s: Stage, wire: PlayedShipWire) => void,
    string,
  ])[] = [
    ['connection mode, server', () => at('server', undefined), 10_000, (_, wire) => wire.say(p.INIT), 'hello ready'],
    ['connection mode, client', () => at('client', undefined), 10_000, (_, wire) => wire.say(p.INIT), 'hello ready'],
    ['the peer’s user approves', () => at('server', 'cmi'), 60_000, (_, wire) => wire.say(p.READY, p.ANNOUNCE), 'protocol'],
    ['the peer’s user approves our dial', () => at('client', 'cmi'), 60_000, (_, wire) => wire.say(p.READY), 'protocol'],
    ['our user approves a silent peer', pending, 60_000, approve, 'hello ready'],
    ['our user approves before we ask for more', () => heard(60_000), 45_000, approve, 'hello ready'],
    ['our user approves after we asked for more', asked, 60_000, approve, 'hello ready'],
    ['announcement', () => at('server', 'hello'), 10_000, (_, wire) => wire.say(p.ANNOUNCE), 'protocol'],
    ['selection', () => at('client', 'hello'), 10_000, (_, wire) => wire.say(p.SELECT), 'pin'],
    ['PIN state, server', () => at('server', 'protocol'), 10_000, (_, wire) => wire.say(p.NO_PIN), 'access-request'],
    ['PIN state, client', () => at('client', 'protocol'), 10_000, (_, wire) => wire.say(p.NO_PIN), 'access-request'],
  ];
  function pending(): { s: Stage; wire: PlayedShipWire } {
    const s = new Stage();
    s.peers.mayWaitFor = true;
    return { s, wire: s.dialIn().say(p.INIT) };
  }
  function heard(waitingMs: number): { s: Stage; wire: PlayedShipWire } {
    const { s, wire } = pending();
    wire.say({ kind: 'hello', phase: 'ready', waitingMs });
    return { s, wire };
  }
  function asked(): { s: Stage; wire: PlayedShipWire } {
    const { s, wire } = heard(60_000);
    s.clock.advance(45_000);
    expect(wire.last('hello')).toMatchObject({ prolongationRequest: true });
    return { s, wire };
  }
  function approve(s: Stage): void {
    s.peers.trusted.add(HIGH);
    s.engine.peers.accept(HIGH);
    s.clock.settle();
  }

  test.each(waits)('%s: it counts', (_, come, ms, act, next) => {
    const { s, wire } = come();
    s.clock.advance(ms - 1);
    act(s, wire);
    expect([wire.ended, wire.kinds.at(-1), s.closing]).toEqual([undefined, next, undefined]);
    s.clock.advance(5); // The timer that it overtook does nothing any more.
    expect([wire.ended, wire.kinds.at(-1), s.closing]).toEqual([undefined, next, undefined]);
  });

  test.each(
    waits.filter(([name]) => name !== 'our user approves a silent peer' && name !== 'our user approves before we ask for more'),
  )('%s: a moment later it does not, and is no second end', (_, come, ms, act) => {
    const { s, wire } = come();
    s.clock.advance(ms);
    const { length } = wire.kinds;
    act(s, wire);
    s.clock.advance(2000);
    expect([wire.kinds.length, typeof wire.ended]).toEqual([length, 'number']);
    expect(s.story.filter((word) => word.startsWith('closing'))).toHaveLength(1);
    expect(s.story).not.toContain('connected');
  });
});

describe('SHIP/phases: a close', () => {
  test.each(ROLES.flatMap((role) => PHASES.map((phase) => [role, phase] as const)))(
    'by the peer, as %s after %s: confirmed, and over in the time it announced',
    (role, phase) => {
      const { s, wire } = at(role, phase);
      wire.say(p.CLOSE);
      expect(wire.kinds.at(-1)).toBe('close confirm');
      wire.say(p.CLOSE); // Said once is enough.
      s.clock.advance(500);
      expect([wire.ended, s.closing?.code, wire.kinds.filter((kind) => kind === 'close confirm').length]).toEqual([
        4001,
        'peer-goodbye',
        1,
      ]);
      expect(s.story.filter((word) => word === 'disconnected')).toHaveLength(phase === 'access' ? 1 : 0);
    },
  );

  test.each(ROLES.flatMap((role) => PHASES.map((phase) => [role, phase] as const)))(
    'without a word (1006), as %s after %s: a loss, told once',
    (role, phase) => {
      const { s, wire } = at(role, phase);
      wire.cut();
      s.clock.advance(1);
      expect(s.closing?.code).toBe('reset');
      expect(s.story.filter((word) => word === 'disconnected')).toHaveLength(phase === 'access' ? 1 : 0);
      expect(s.story.filter((word) => word.startsWith('closing'))).toHaveLength(1);
    },
  );
});
