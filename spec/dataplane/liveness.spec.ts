import { Liveness, WakeDetector, type LivenessAction } from '../../machines/dataplane/liveness.js';
import fc from 'fast-check';

describe('dataplane/liveness: the health of a wire', () => {
  test('a wire that speaks is never probed', () => {
    const health = new Liveness();
    health.start(0);
    for (let now = 1000; now <= 60_000; now += 1000) {
      health.received(now);
      expect({ now, result: health.handleTimeout(now) }).toEqual({ now, result: 'quiet' });
    }
  });

  test('a half-open wire is found within idle time plus probe timeout: 5 s and 5 s unless told otherwise', () => {
    const health = new Liveness();
    health.start(100);
    expect(health.nextTimeout()).toBe(5100);
    expect(health.handleTimeout(5099)).toBe('quiet');
    expect(health.handleTimeout(5100)).toBe('probe');
    expect(health.nextTimeout()).toBe(10_100);
    expect(health.handleTimeout(10_099)).toBe('quiet');
    expect(health.handleTimeout(10_100)).toBe('quiet'); // What has arrived by now is read first.
    expect(health.nextTimeout()).toBe(10_101);
    expect(health.handleTimeout(10_101)).toBe('dead');
    expect(health.nextTimeout()).toBeUndefined();
  });

  test('a dead wire is reported once, and a late byte does not bring it back', () => {
    const health = new Liveness({ idleMs: 50_000, probeTimeoutMs: 60_000 });
    health.start(0);
    expect(results(health, [50_000, 110_000, 110_001, 120_000])).toEqual(['probe', 'quiet', 'dead', 'quiet']);
    health.received(120_001);
    expect(health.nextTimeout()).toBeUndefined();
    health.start(130_000);
    expect(health.nextTimeout()).toBe(180_000);
  });

  test('an answer to a probe makes the wire idle again', () => {
    const health = new Liveness();
    health.start(0);
    expect(health.handleTimeout(5000)).toBe('probe');
    health.received(5020);
    expect(health.nextTimeout()).toBe(10_020);
    expect(health.handleTimeout(10_000)).toBe('quiet');
  });

  test('a timer that fires more than a second late means a thaw: it probes briefly instead of ending the wire', () => {
    const health = new Liveness();
    health.start(0);
    expect(health.handleTimeout(5000)).toBe('probe');
    expect(health.handleTimeout(40_000)).toBe('probe'); // Frozen for 30 s while the answer lay in the socket.
    expect(health.nextTimeout()).toBe(41_500);
    expect(results(health, [41_500, 41_501])).toEqual(['quiet', 'dead']);
  });

  test('a process that was frozen for a moment when a probe timed out reads its input first', () => {
    const health = new Liveness();
    health.start(0);
    expect(results(health, [5000, 10_600])).toEqual(['probe', 'quiet']); // The timer comes first,
    health.received(10_600); // then the answer that lay in the socket.
    expect(health.nextTimeout()).toBe(15_600);
  });

  test('the final read happens once: neither asking again nor an early call delays the result', () => {
    const health = new Liveness();
    health.start(0);
    expect(results(health, [5000, 10_000])).toEqual(['probe', 'quiet']);
    expect(health.probeNow(10_000)).toBe(false);
    expect(results(health, [10_000, 10_001])).toEqual(['quiet', 'dead']);
  });

  test('a thaw out of idleness leaves a dead wire at most 1.5 s, so that a new dial comes within 3 s', () => {
    const health = new Liveness();
    health.start(0);
    expect(health.handleTimeout(30_000)).toBe('probe');
    expect(health.nextTimeout()).toBe(31_500);
  });

  test('a deadline missed by a second exactly is merely missed', () => {
    const health = new Liveness();
    health.start(0);
    expect(results(health, [5000, 11_000, 11_001])).toEqual(['probe', 'quiet', 'dead']);
  });

  test('a process that is always late still gives a silent wire up', () => {
    const health = new Liveness();
    health.start(0);
    const said = results(health, [7000, 17_000, 27_000, 37_000, 47_000, 57_000]);
    expect(said).toEqual(['probe', 'probe', 'probe', 'quiet', 'dead', 'quiet']);
  });

  test('of two sides, the one that leads asks up to a tenth earlier, and finds a dead wire when the other would', () => {
    const leader = new Liveness({}, true);
    leader.start(0);
    expect([leader.nextTimeout(), leader.slackMs]).toEqual([4750, 250]);
    expect(results(leader, [4499, 4500])).toEqual(['quiet', 'probe']);
    expect(leader.nextTimeout()).toBe(10_000);
    expect(results(leader, [9750, 9999, 10_000, 10_001])).toEqual(['quiet', 'quiet', 'quiet', 'dead']);
  });

  test('a leader that is late leaves the answer its whole time', () => {
    const leader = new Liveness({}, true);
    leader.start(0);
    expect(leader.handleTimeout(5600)).toBe('probe');
    expect(leader.nextTimeout()).toBe(10_600);
  });

  test('asking again and again can’t delay the result of a wake probe', () => {
    const health = new Liveness();
    health.start(0);
    expect(health.probeNow(1000)).toBe(true);
    for (let now = 1100; now < 2500; now += 100) expect({ now, sent: health.probeNow(now) }).toEqual({ now, sent: false });
    expect(health.nextTimeout()).toBe(2500);
    expect(results(health, [2500, 2501])).toEqual(['quiet', 'dead']);
  });

  test('a wake probe takes over from an ordinary one, because its answer may have been slept through', () => {
    const health = new Liveness();
    health.start(0);
    expect(health.handleTimeout(5000)).toBe('probe');
    expect(health.probeNow(5100, 700)).toBe(true);
    expect(health.nextTimeout()).toBe(5800);
  });

  test('where there is no wire there is nothing to probe', () => {
    const health = new Liveness();
    expect(health.probeNow(0)).toBe(false);
    health.received(1);
    expect(health.nextTimeout()).toBeUndefined();
    health.start(1);
    health.stop();
    expect(health.handleTimeout(1_000_000)).toBe('quiet');
  });

  test('random runs: no wire is dead without a probe since the last sign of life, and punctual silence is always found', () => {
    const step = fc.oneof(
      fc.record({ kind: fc.constant('heard' as const), after: fc.integer({ min: 0, max: 4000 }) }),
      fc.record({ kind: fc.constant('timer' as const), late: fc.integer({ min: 0, max: 900 }) }),
      fc.record({ kind: fc.constant('thaw' as const), late: fc.integer({ min: 1001, max: 100_000 }) }),
      fc.record({ kind: fc.constant('wake' as const), after: fc.integer({ min: 0, max: 4000 }) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const health = new Liveness();
        let now = 0;
        let probed = false;
        health.start(now);
        for (const taken of steps) {
          const deadline = health.nextTimeout();
          if (deadline === undefined) break;
          if (taken.kind === 'heard') {
            health.received((now += taken.after));
            probed = false;
            continue;
          }
          if (taken.kind === 'wake') {
            if (health.probeNow((now += taken.after))) probed = true;
            continue;
          }
          now = Math.max(now, deadline) + taken.late;
          const result = health.handleTimeout(now);
          if (result === 'quiet') expect(health.nextTimeout()).toBe(now + 1); // The last call.
          if (result === 'dead') expect(probed).toBe(true);
          if (result === 'probe') probed = true;
        }
        // From here on nobody is late and nobody speaks.
        let rounds = 0;
        for (let deadline = health.nextTimeout(); deadline !== undefined; deadline = health.nextTimeout()) {
          now = Math.max(now, deadline);
          health.handleTimeout(now);
          expect(++rounds).toBeLessThanOrEqual(4);
        }
      }),
      { seed: 20, numRuns: 500 },
    );
  });
});

describe('dataplane/liveness: waking up', () => {
  test('clocks that go together are steady, also when the wall clock is slewed', () => {
    const wake = new WakeDetector(0, 1_000_000);
    for (let tick = 1; tick <= 3600; tick++) {
      const now = tick * 1000;
      expect({ tick, is: wake.handleTick(now, 1_000_000 + now * 1.5) }).toEqual({ tick, is: 'steady' });
    }
  });

  test.each([+12 * 3_600_000, -12 * 3_600_000])('a wall clock set by %d ms costs one probe', (jump) => {
    const wake = new WakeDetector(0, 5e9);
    expect(wake.handleTick(1000, 5e9 + 1000 + jump)).toBe('woken');
    expect(wake.handleTick(2000, 5e9 + 2000 + jump)).toBe('steady');
  });

  test('a host that slept with its monotonic clock is woken once', () => {
    const wake = new WakeDetector(0, 0);
    expect(wake.handleTick(1000, 31_000)).toBe('woken');
    expect(wake.handleTick(2000, 32_000)).toBe('steady');
  });

  test('a frozen process is woken by its late tick, once', () => {
    const wake = new WakeDetector(0, 0);
    expect(wake.nextTick()).toBe(1000);
    expect(wake.handleTick(30_000, 30_000)).toBe('woken');
    expect(wake.nextTick()).toBe(31_000);
    expect(wake.handleTick(31_000, 31_000)).toBe('steady');
  });

  test('two seconds are the edge', () => {
    expect(new WakeDetector(0, 0).handleTick(1000, 3000)).toBe('steady');
    expect(new WakeDetector(0, 0).handleTick(1000, 3001)).toBe('woken');
  });
});

function results(health: Liveness, times: readonly number[]): LivenessAction[] {
  return times.map((now) => health.handleTimeout(now));
}
