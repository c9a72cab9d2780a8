import fc from 'fast-check';
import { Heartbeat } from '../../machines/ship/heartbeat.js';
import { SHIP_TIMING } from '../../machines/ship/ship.timing.js';
import * as p from './played.js';
import { AS_CLIENT, AS_SERVER, HIGH, Stage, through, type PlayedShipWire } from './played.js';

/** A completed connection, and the node that has it. */
function completed(role: 'server' | 'client' = 'client'): { s: Stage; wire: PlayedShipWire } {
  const s = new Stage();
  s.peers.trusted.add(HIGH);
  return { s, wire: role === 'client' ? through(s.dial(), AS_SERVER, 'access') : through(s.dialIn(), AS_CLIENT, 'access') };
}

describe('[SHIP-10] SHIP/heartbeat: a wire whose peer answers', () => {
  test('lives for a day on a ping every 50 s, whether data flows or not', () => {
    const { s, wire } = completed();
    s.clock.advance(86_400_000);
    expect([wire.ended, wire.pings]).toEqual([undefined, 1728]);
  });

  test('survives a sleep of any length: it is asked at once, and has 1.5 s to answer', () => {
    for (const ms of [1000, 30_000, 55_000, 59_900, 60_001, 60_900, 61_500, 3_600_000, 12 * 3_600_000]) {
      for (const how of ['freeze', 'suspend'] as const) {
        const { s, wire } = completed();
        s.clock[how](ms);
        s.clock.advance(61_000);
        expect({ ms, how, ended: wire.ended, closing: s.closing }).toEqual({ ms, how, ended: undefined, closing: undefined });
      }
    }
  });

  test('survives a wall clock that jumps 12 h to and fro, at the cost of one ping each', () => {
    const { s, wire } = completed();
    s.clock.advance(10_000);
    for (const ms of [12, -12]) {
      const { pings } = wire;
      s.clock.jumpWall(ms * 3_600_000);
      s.clock.advance(10_000);
      expect([wire.ended, wire.pings - pings]).toEqual([undefined, 1]);
    }
  });
});

describe('[SHIP-10] SHIP/heartbeat: a wire whose peer does not', () => {
  test.each(['client', 'server'] as const)('ends 60 s after the last pong, to the millisecond, destroyed (%s)', (role) => {
    const { s, wire } = completed(role);
    s.clock.advance(50_001); // The first pong comes 1 ms after its ping.
    wire.answersPings = false;
    s.clock.advance(59_999);
    expect(wire.ended).toBeUndefined();
    s.clock.advance(2);
    expect([wire.ended, s.closing?.code]).toEqual(['destroyed', 'probe-timeout']);
  });

  test('ends in the handshake as well', () => {
    const s = new Stage();
    const wire = s.dialIn().say(p.INIT, p.READY); // Nobody decides, and both have patience.
    wire.answersPings = false;
    for (let i = 0; i < 4 && wire.ended === undefined; i++) {
      wire.say({ kind: 'hello', phase: 'ready', waitingMs: 90_000 });
      s.clock.advance(20_000);
    }
    expect([wire.ended, s.closing?.code]).toEqual(['destroyed', 'probe-timeout']);
  });

  test('is found within 1.5 s after a sleep, and the peer is dialed again within the first band', () => {
    const { s, wire } = completed();
    wire.answersPings = false;
    s.clock.freeze(70_000);
    const awake = s.clock.now();
    s.clock.runUntil(() => wire.ended !== undefined, { withinMs: 10_000 });
    expect(s.clock.now() - awake).toBeLessThanOrEqual(1500);
    const { length } = s.dials;
    s.clock.runUntil(() => s.dials.length > length, { withinMs: 3000 });
    expect(s.clock.now() - awake).toBeLessThanOrEqual(4500);
  });
});

describe('[SHIP-10] SHIP/heartbeat: a process that was frozen when the time ran out', () => {
  const { pongTimeoutMs, pingIntervalMs, wakePongTimeoutMs } = SHIP_TIMING;
  /** It has asked at 50 s, and wakes up so long after the deadline. */
  const woken = (lateMs: number): { heart: Heartbeat; now: number } => {
    const heart = new Heartbeat(SHIP_TIMING);
    heart.start(0);
    expect(heart.handleTimeout(pingIntervalMs)).toBe('quiet');
    expect(heart.pollPing()).toBe(true);
    const now = pongTimeoutMs + lateMs;
    expect(heart.handleTimeout(now)).toBe('quiet');
    return { heart, now };
  };

  test.each([0, 1, 400, 1000])('for %d ms: reads its input before it times out', (lateMs) => {
    const alive = woken(lateMs);
    alive.heart.pong(alive.now);
    expect([alive.heart.handleTimeout(alive.now + 1), alive.heart.nextTimeout()! > alive.now + 1000]).toEqual(['quiet', true]);
    const dead = woken(lateMs);
    expect(dead.heart.handleTimeout(dead.now + 1)).toBe('dead');
  });

  test('for longer: asks again, and waits 1.5 s', () => {
    const { heart, now } = woken(1001);
    expect(heart.pollPing()).toBe(true);
    expect(heart.handleTimeout(now + 1000)).toBe('quiet');
    heart.handleTimeout(now + wakePongTimeoutMs - 1);
    expect(heart.handleTimeout(now + wakePongTimeoutMs)).toBe('dead');
  });

  test('again and again is overloaded: the silence ends all the same', () => {
    const { heart } = woken(2000);
    const results: string[] = [];
    for (let i = 0; i < 5 && !results.includes('dead'); i++) results.push(heart.handleTimeout(heart.nextTimeout()! + 3000));
    expect(results).toContain('dead');
    expect(heart.nextTimeout()).toBeUndefined();
  });

  test('and woke up shortly before it: its late ping has 1.5 s all the same', () => {
    const heart = new Heartbeat(SHIP_TIMING);
    heart.start(0);
    const now = pongTimeoutMs - 10;
    expect([heart.handleTimeout(now), heart.pollPing()]).toEqual(['quiet', true]);
    expect(heart.nextTimeout()).toBeGreaterThanOrEqual(now + wakePongTimeoutMs - 1);
  });
});

test('[SHIP-10] SHIP/heartbeat: whatever happens, silence ends and a pong in time does not', () => {
  const { pongTimeoutMs, wakePongTimeoutMs } = SHIP_TIMING;
  const act = fc.oneof(
    fc.record({ kind: fc.constant('pass' as const), ms: fc.integer({ min: 0, max: 30_000 }) }),
    fc.record({ kind: fc.constant('sleep' as const), ms: fc.integer({ min: 1001, max: 10_000_000 }) }),
    fc.record({ kind: fc.constant('probe' as const), ms: fc.constant(0) }),
  );
  fc.assert(
    fc.property(fc.array(act, { maxLength: 40 }), fc.boolean(), (acts, answers) => {
      const heart = new Heartbeat(SHIP_TIMING);
      let now = 0;
      let dead: number | undefined;
      let awakeSince = 0;
      heart.start(now);
      /** Time in which the process runs: every deadline is met. */
      const run = (untilMs: number): void => {
        while (dead === undefined) {
          if (heart.pollPing() && answers) heart.pong(now); // At once.
          const next = heart.nextTimeout();
          if (next === undefined || next > untilMs) break;
          now = Math.max(now, next);
          if (heart.handleTimeout(now) === 'dead') dead = now;
        }
        now = Math.max(now, untilMs);
      };
      for (const { kind, ms } of acts) {
        if (kind === 'probe') heart.probeNow(now);
        else if (kind === 'pass') run(now + ms);
        else {
          now += ms;
          awakeSince = now;
        }
      }
      run(now + pongTimeoutMs);
      expect({ dead: dead !== undefined }).toEqual({ dead: !answers });
      if (dead !== undefined) expect(dead - awakeSince).toBeLessThanOrEqual(pongTimeoutMs + wakePongTimeoutMs);
    }),
    { numRuns: 2000, seed: 5 },
  );
});
