import { HubStage } from './hub-stage.js';
import * as p from './played.js';
import { AS_CLIENT, AS_SERVER, HIGH, LOW, Stage, through, type PlayedShipWire } from './played.js';

/** A node whose own dial to the peer is at this phase. */
function dialed(s: Stage, ski: string, phase: 'opened' | 'cmi' | 'hello' | 'access'): PlayedShipWire {
  const wire = s.dial(ski);
  return phase === 'opened' ? wire : through(wire, AS_SERVER, phase);
}
const counts = (s: Stage): { connected: number; disconnected: number; now: number } => ({
  connected: s.story.filter((word) => word === 'connected').length,
  disconnected: s.story.filter((word) => word === 'disconnected').length,
  now: s.engine.metrics().states.completed ?? 0,
});

describe('[SHIP-11] initiator: the connection opened by the higher SKI stays', () => {
  test.each(['opened', 'cmi'] as const)('the higher peer’s dial takes the place of our attempt (%s)', (phase) => {
    const s = new Stage();
    const ours = dialed(s, HIGH, phase);
    const theirs = through(s.dialIn(HIGH), AS_CLIENT, 'access');
    expect(ours.ended).toBe('destroyed');
    expect(theirs.ended).toBeUndefined();
    expect(counts(s)).toEqual({ connected: 1, disconnected: 0, now: 1 });
  });

  test('the lower peer’s dial is sent away while ours is under way, and ours goes on', () => {
    const s = new Stage();
    const ours = dialed(s, LOW, 'cmi');
    const theirs = s.dialIn(LOW);
    expect(theirs.ended).toBe(1005);
    through(ours.say(p.READY), { ...AS_SERVER, cmi: [], hello: [] }, 'access');
    expect(counts(s)).toEqual({ connected: 1, disconnected: 0, now: 1 });
  });

  test('a second connection of the higher peer replaces a completed one; that is one end and one beginning', () => {
    const s = new Stage();
    const ours = dialed(s, HIGH, 'access');
    through(s.dialIn(HIGH), AS_CLIENT, 'access');
    expect(ours.ended).toBe(4001);
    expect(s.events.flatMap((e) => (e.type === 'disconnected' ? [e.closing.code] : []))).toEqual(['replaced']);
    expect(counts(s)).toEqual({ connected: 2, disconnected: 1, now: 1 });
  });

  test('a lower peer that comes again has perhaps lost its end: ours is asked for a sign of life, and makes room if there is none', () => {
    const s = new Stage();
    const ours = dialed(s, LOW, 'access');
    ours.answersPings = false;
    expect(s.dialIn(LOW).ended).toBe(1005);
    expect(ours.pings).toBe(1);
    s.clock.advance(1500);
    expect(ours.ended).toBe('destroyed');
    through(s.dialIn(LOW), AS_CLIENT, 'access');
    expect(counts(s)).toEqual({ connected: 2, disconnected: 1, now: 1 });
  });

  test('a peer that comes a second time replaces its own first connection', () => {
    const s = new Stage();
    s.peers.trusted.add(HIGH).add(LOW);
    for (const ski of [HIGH, LOW]) {
      const first = through(s.dialIn(ski), AS_CLIENT, 'access');
      through(s.dialIn(ski), AS_CLIENT, 'access');
      expect(first.ended).toBe(4001);
    }
    expect(counts(s)).toEqual({ connected: 4, disconnected: 2, now: 2 });
  });
});

describe('[SHIP-11] mostRecent: the higher SKI keeps the newest, the lower one waits for that', () => {
  const mostRecent = { doubleConnection: 'mostRecent' } as const;

  test.each(['cmi', 'access'] as const)('TC_SHIP_CONN_001 the device has the larger SKI: the newest is kept (%s)', (phase) => {
    const s = new Stage(mostRecent);
    const ours = dialed(s, LOW, phase);
    through(s.dialIn(LOW), AS_CLIENT, 'access');
    expect([ours.ended, counts(s).now]).toEqual([phase === 'access' ? 4001 : 'destroyed', 1]);
  });

  test.each(['opened', 'cmi', 'access'] as const)(
    'a peer that drops its own newer connection without a word leaves ours (%s) as it is',
    (phase) => {
      const s = new Stage(mostRecent);
      const ours = dialed(s, LOW, phase);
      s.dialIn(LOW).cut({ kind: 'ended', code: 1000, reason: 'double connection' });
      s.clock.advance(5000);
      if (phase !== 'access') through(ours, phase === 'cmi' ? { ...AS_SERVER, cmi: [] } : AS_SERVER, 'access');
      expect([ours.ended, counts(s)]).toEqual([undefined, { connected: 1, disconnected: 0, now: 1 }]);
    },
  );

  test('a newer connection over which nothing comes for 3 s does not take the place of a live one', () => {
    const s = new Stage(mostRecent);
    const ours = dialed(s, LOW, 'access');
    const theirs = s.dialIn(LOW);
    s.clock.advance(2999);
    expect([ours.ended, theirs.ended]).toEqual([undefined, undefined]);
    s.clock.advance(1);
    expect([ours.ended, theirs.ended]).toEqual([undefined, 'destroyed']);
  });

  test('a newer connection over which nothing comes takes the place of a dead one', () => {
    const s = new Stage(mostRecent);
    const ours = dialed(s, LOW, 'access');
    ours.answersPings = false;
    const theirs = s.dialIn(LOW);
    s.clock.advance(1500);
    expect([ours.ended, theirs.ended]).toEqual(['destroyed', undefined]);
    through(theirs, AS_CLIENT, 'access');
    expect(counts(s)).toEqual({ connected: 2, disconnected: 1, now: 1 });
  });

  test.each([
    ['before it has said something', []],
    ['after it has said something', [p.INIT]],
  ] as const)('a dial of ours that opens after the peer’s connection is the newest: %s', (_, said) => {
    const s = new Stage(mostRecent, (options) => options?.onReached?.());
    s.peers.trusted.add(LOW);
    s.engine.peers.register(LOW);
    s.clock.runUntil(() => s.dials.length > 0, { withinMs: 3000 });
    const theirs = s.dialIn(LOW).say(...said);
    const [ours] = s.dials;
    s.clock.advance(100);
    expect([ours!.ended, theirs.ended]).toEqual([undefined, undefined]);
    through(ours!.open(), AS_SERVER, 'access');
    expect([ours!.ended, theirs.ended, counts(s).connected]).toEqual([undefined, 'destroyed', 1]);
  });

  test.each(['fails', 'hangs'])('the peer’s connection comes in where a dial of ours that has reached a host %s', (how) => {
    const s = new Stage(mostRecent, (options) => options?.onReached?.());
    s.peers.trusted.add(LOW);
    s.engine.peers.register(LOW);
    s.clock.runUntil(() => s.dials.length > 0, { withinMs: 3000 });
    const theirs = s.dialIn(LOW).say(p.INIT);
    if (how === 'fails') s.dials[0]!.cut({ kind: 'tls-failed' });
    else s.clock.advance(3000);
    through(theirs, { ...AS_CLIENT, cmi: [] }, 'access');
    expect([theirs.ended, counts(s)]).toEqual([undefined, { connected: 1, disconnected: 0, now: 1 }]);
  });

  test.each(['cmi', 'access'] as const)(
    'the smaller SKI waits: when the peer drops ours (%s), its newer one comes in',
    (phase) => {
      const s = new Stage(mostRecent);
      const ours = dialed(s, HIGH, phase);
      const theirs = s.dialIn(HIGH);
      theirs.say(p.INIT);
      expect(theirs.heard).toEqual([]); // It waits.
      ours.cut();
      through(theirs, { ...AS_CLIENT, cmi: [] }, 'access');
      expect(counts(s).now).toBe(1);
      expect(theirs.ended).toBeUndefined();
    },
  );

  test('the smaller SKI waits: when the peer keeps ours, the newer one goes, by the peer or after 3 s', () => {
    const s = new Stage(mostRecent);
    const ours = dialed(s, HIGH, 'access');
    const theirs = s.dialIn(HIGH);
    s.clock.advance(2999);
    expect(theirs.ended).toBeUndefined();
    s.clock.advance(1);
    expect(theirs.ended).toBe('destroyed');
    expect(ours.ended).toBeUndefined();
    s.dialIn(HIGH).cut();
    s.clock.advance(5000);
    expect([ours.ended, counts(s)]).toEqual([undefined, { connected: 1, disconnected: 0, now: 1 }]);
  });
});

describe('[SHIP-11] SHIP/crossing: a dead twin is not kept (mostRecent, the peer decides)', () => {
  const mostRecent = { doubleConnection: 'mostRecent' } as const;

  test.each(['cmi', 'hello', 'access'] as const)(
    'SHIP twins: ours is silently dead (%s): it is probed, dropped, and the peer’s new one comes in',
    (phase) => {
      const s = new Stage(mostRecent);
      const ours = dialed(s, HIGH, phase);
      ours.answersPings = false;
      const theirs = s.dialIn(HIGH);
      theirs.say(p.INIT);
      expect(ours.pings).toBe(1);
      s.clock.advance(3000);
      expect([ours.ended, theirs.ended]).toEqual(['destroyed', undefined]);
      through(theirs, { ...AS_CLIENT, cmi: [] }, 'access');
      expect(counts(s).now).toBe(1);
    },
  );

  test('SHIP twins: a wire that waited and finds no place when ours has ended is sent away, and reported', async () => {
    const s = await HubStage.of([HIGH, LOW], { doubleConnection: 'mostRecent', maxConnections: 2 });
    const refused: string[] = [];
    s.hub.engine.on((event) => event.type === 'refused' && refused.push(event.code));
    through(s.dialIn(LOW)!, AS_CLIENT, 'access');
    s.announce(HIGH);
    const { wire: ours } = s.nextDial();
    through(ours.open(), AS_SERVER, 'access');
    const theirs = s.dialIn(HIGH)!;
    s.hub.setMaxConnections(1);
    ours.cut();
    s.clock.settle();
    expect([theirs.ended, refused]).toEqual([1005, ['limit-reached']]);
    await s.end();
  });

  test('SHIP twins: a wire that waited and has ended meanwhile is not reported as refused', () => {
    const s = new Stage(mostRecent);
    dialed(s, HIGH, 'access');
    s.dialIn(HIGH).cut();
    s.clock.advance(5000);
    expect(s.events.filter(({ type }) => type === 'refused')).toEqual([]);
  });

  test('SHIP twins: a peer that comes again and again to a live one is sent away each time', () => {
    const s = new Stage(mostRecent);
    const ours = dialed(s, HIGH, 'access');
    for (let i = 0; i < 5; i++) {
      const theirs = s.dialIn(HIGH);
      s.clock.advance(3000);
      expect([ours.ended, theirs.ended]).toEqual([undefined, 'destroyed']);
    }
    expect(s.events.flatMap((e) => (e.type === 'refused' ? [e.code] : []))).toEqual(Array(5).fill('crossed'));
    expect(counts(s)).toEqual({ connected: 1, disconnected: 0, now: 1 });
  });

  test('SHIP twins: a dial that has reached no host blocks nothing', () => {
    const s = new Stage(mostRecent);
    s.peers.trusted.add(HIGH);
    s.engine.peers.register(HIGH);
    s.clock.runUntil(() => s.dials.length > 0, { withinMs: 3000 });
    through(s.dialIn(HIGH), AS_CLIENT, 'access');
    expect([s.dials[0]!.ended, counts(s)]).toEqual(['destroyed', { connected: 1, disconnected: 0, now: 1 }]);
  });

  test('SHIP twins: a dial that was accepted and then hangs makes room after 3 s', () => {
    const s = new Stage(mostRecent, (options) => options?.onReached?.());
    s.peers.trusted.add(HIGH);
    s.engine.peers.register(HIGH);
    s.clock.runUntil(() => s.dials.length > 0, { withinMs: 3000 });
    const theirs = s.dialIn(HIGH);
    s.clock.advance(2999);
    expect([s.dials[0]!.ended, theirs.ended]).toEqual([undefined, undefined]);
    s.clock.advance(1);
    through(theirs, AS_CLIENT, 'access');
    expect([s.dials[0]!.ended, counts(s).now]).toEqual(['destroyed', 1]);
  });
});

test('SHIP/crossing: a peer without a Subject Key Identifier, or with ours, has no identity', () => {
  const s = new Stage();
  expect([s.dialIn(null).ended, s.story.at(-1)]).toEqual([1005, 'refused identity-unknown']);
  expect([s.dialIn(p.SELF).ended, s.story.at(-1)]).toEqual([1005, 'refused identity-mismatch']);
});

test('[SHIP-12] bands: a peer that refuses is dialed at most once per band, and never at once', () => {
  const s = new Stage();
  s.peers.trusted.add(HIGH);
  s.engine.peers.register(HIGH);
  const at: number[] = [];
  for (let i = 0; i < 8; i++) {
    const before = s.dials.length;
    s.clock.runUntil(() => s.dials.length > before, { withinMs: 25_000 });
    at.push(s.clock.now());
    s.dials.at(-1)!.handler.onClose({ kind: 'refused', code: 'ECONNREFUSED' });
    s.clock.settle();
  }
  const waits = at.map((t, i) => t - (at[i - 1] ?? 0));
  expect(waits[0]).toBeLessThan(3000);
  expect(waits[1]).toBeGreaterThanOrEqual(3000);
  expect(waits[1]).toBeLessThan(10_000);
  for (const wait of waits.slice(2)) {
    expect(wait).toBeGreaterThanOrEqual(10_000);
    expect(wait).toBeLessThan(20_000);
  }
});
