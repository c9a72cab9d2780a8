import fc from 'fast-check';
import { REDIAL, type RedialPolicy } from '../../../machines/backoff.js';
import { DialScheduler, type DialTicket } from '../../../machines/hub/dial/dialer.service.js';
import { CountingClock } from '../counting-clock.js';

const atOnce: RedialPolicy = { kind: 'constant', delayMs: 0 };

test('dialer: random requests, withdrawals and endings: limits hold, no dial comes too early, each request is answered once', () => {
  const key = fc.integer({ min: 0, max: 7 }).map((n) => `k${n}`);
  const deed = fc.oneof(
    fc.record({
      what: fc.constant('ask' as const),
      key,
      policy: fc.constantFrom(...Object.values(REDIAL), atOnce),
      priority: fc.nat(2),
    }),
    fc.record({
      what: fc.constantFrom('end' as const, 'complete' as const, 'forget' as const, 'deny' as const),
      key,
    }),
    fc.record({ what: fc.constant('reset' as const), key }),
    fc.record({ what: fc.constant('cancel' as const), pick: fc.nat(50) }),
    fc.record({ what: fc.constant('wait' as const), ms: fc.integer({ min: 0, max: 8000 }) }),
    fc.record({ what: fc.constantFrom('thaw' as const, 'settle' as const) }),
  );
  fc.assert(
    fc.property(fc.array(deed, { maxLength: 120 }), fc.integer({ min: 1, max: 1e9 }), (deeds, seed) => {
      const clock = new CountingClock();
      const pendingDialsMax = 3;
      const queue = new DialScheduler({ clock, random: lcg(seed), pendingDialsMax, burst: 5, perSecond: 2 });
      const all: Asked[] = [];
      const dialing = new Map<string, number>();
      const owes = new Set<string>();
      let granted = 0;
      let successes = 0;
      const pending = (): number => [...dialing.values()].reduce((sum, n) => sum + n, 0);
      for (const taken of deeds) {
        switch (taken.what) {
          case 'ask': {
            const asked: Asked = { key: taken.key, priority: taken.priority, earliest: 0, state: 'waits' };
            const { key: dialed, policy, priority } = taken;
            asked.ticket = queue.ask({
              ...{ key: dialed, policy, priority },
              permit: () => {
                expect(asked.state).toBe('waits');
                expect(clock.now()).toBeGreaterThanOrEqual(asked.earliest);
                const better = all.filter(
                  (o) => o.state === 'waits' && o.priority > priority && o.ticket!.nextDelayMs === 0 && o.earliest <= clock.now(),
                );
                expect(better.map((o) => o.earliest).filter((at) => at < clock.now())).toEqual([]);
                asked.state = 'granted';
                granted++;
                owes.add(dialed);
                dialing.set(dialed, (dialing.get(dialed) ?? 0) + 1);
                expect(pending()).toBeLessThanOrEqual(pendingDialsMax);
              },
              giveUp: () => {
                expect(asked.state).toBe('waits');
                asked.state = 'gave up';
              },
            });
            asked.earliest = clock.now() + asked.ticket.nextDelayMs;
            all.push(asked);
            break;
          }
          case 'end':
            queue.dialEnded(taken.key);
            if ((dialing.get(taken.key) ?? 0) > 0) dialing.set(taken.key, dialing.get(taken.key)! - 1);
            break;
          case 'complete':
            queue.completed(taken.key);
            if (owes.delete(taken.key)) successes++;
            break;
          case 'forget':
            // A give-up that is already decided is still told; whoever waits is forgotten.
            for (const asked of all) if (asked.key === taken.key && asked.ticket!.place() !== undefined) asked.state = 'void';
            queue.forget(taken.key);
            dialing.delete(taken.key);
            break;
          case 'deny':
            queue.denied(taken.key);
            break;
          case 'reset':
            queue.reset(taken.key);
            hurry(all, clock.now());
            break;
          case 'thaw':
            queue.thaw();
            hurry(all, clock.now());
            break;
          case 'cancel': {
            const asked = all[taken.pick % Math.max(1, all.length)];
            asked?.ticket?.cancel();
            if (asked?.state === 'waits') asked.state = 'void';
            break;
          }
          case 'wait':
            clock.advance(taken.ms);
            break;
          default:
            clock.settle();
        }
        expect(clock.pending).toBeLessThanOrEqual(1);
        expect(queue.pendingDials).toBe(pending());
        expect(granted).toBeLessThanOrEqual(5 + (clock.now() * 2) / 1000 + successes);
      }
      // The rest is honest: every dial ends, and time goes on.
      for (let i = 0; i < 500 && (queue.waiting > 0 || pending() > 0); i++) {
        for (const [dialed, count] of dialing) for (let n = 0; n < count; n++) queue.dialEnded(dialed);
        dialing.clear();
        clock.advance(20_000);
      }
      clock.settle();
      expect({ waiting: queue.waiting, timers: clock.pending }).toEqual({ waiting: 0, timers: 0 });
    }),
    { seed: 3, numRuns: 300 },
  );
});

interface Asked {
  readonly key: string;
  readonly priority: number;
  earliest: number;
  state: 'waits' | 'granted' | 'gave up' | 'void';
  ticket?: DialTicket;
}

function hurry(all: readonly Asked[], now: number): void {
  for (const asked of all) asked.earliest = Math.min(asked.earliest, now + asked.ticket!.nextDelayMs);
}

/** A small generator, so that a counterexample is the same again. */
function lcg(seed: number): () => number {
  let state = seed >>> 0;
  return () => (state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0) / 2 ** 32;
}
