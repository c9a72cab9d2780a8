import { REDIAL, type RedialPolicy } from '../../../machines/backoff.js';
import { DialScheduler, type DialSchedulerOptions, type DialTicket } from '../../../machines/hub/dial/dialer.service.js';
import { CountingClock } from '../counting-clock.js';

const atOnce: RedialPolicy = { kind: 'constant', delayMs: 0 };
const everySecond: RedialPolicy = { kind: 'constant', delayMs: 1000 };

/** A queue whose chance is always one half, and a diary of whom it answered. */
function scheduler(options: Partial<DialSchedulerOptions> = {}) {
  const clock = new CountingClock();
  const queue = new DialScheduler({ clock, random: () => 0.5, pendingDialsMax: 64, ...options });
  const diary: string[] = [];
  const ask = (
    key: string,
    policy: RedialPolicy = atOnce,
    more: { priority?: number; livedMs?: number; target?: string } = {},
  ): DialTicket =>
    queue.ask({
      key,
      priority: more.priority ?? 0,
      policy,
      livedMs: more.livedMs,
      target: more.target,
      permit: () => diary.push(`${clock.now()} ${key}`),
      giveUp: (reason) => diary.push(`${clock.now()} ${key} gives up: ${reason}`),
    });
  return { clock, queue, diary, ask };
}

describe('hub/dial/dialer: backoff', () => {
  test('a first dial goes at the end of the turn, not from inside the question', () => {
    const { clock, diary, ask } = scheduler();
    ask('a', REDIAL.session);
    expect(diary).toEqual([]);
    clock.settle();
    expect({ diary, timers: clock.pending }).toEqual({ diary: ['0 a'], timers: 0 });
  });

  test('each failed dial of a row waits longer, and completion begins a new row', () => {
    const { clock, queue, diary, ask } = scheduler();
    for (let i = 0; i < 4; i++) {
      ask('a', REDIAL.ship);
      clock.advance(20_000);
      queue.dialEnded('a');
    }
    expect(diary).toEqual(['1500 a', '26500 a', '55000 a', '75000 a']);
    expect(queue.attempt('a')).toBe(4);
    queue.completed('a');
    expect(queue.attempt('a')).toBe(0);
    ask('a', REDIAL.ship);
    clock.advance(1500);
    expect(diary.at(-1)).toBe('81500 a');
  });

  test('how long the lost wire had lived is asked once per row', () => {
    const { clock, queue, diary, ask } = scheduler();
    ask('a', REDIAL.session, { livedMs: 60_000 });
    clock.settle();
    queue.dialEnded('a');
    ask('a', REDIAL.session, { livedMs: 3 });
    clock.advance(25);
    queue.dialEnded('a');
    ask('a', REDIAL.session);
    clock.advance(50);
    expect(diary).toEqual(['0 a', '25 a', '75 a']);
  });

  test('retries that are used up are given up, once, at the end of the turn', () => {
    const { clock, queue, diary, ask } = scheduler();
    for (let i = 0; i < 5; i++) {
      ask('a', REDIAL.pool);
      clock.advance(1000);
      queue.dialEnded('a');
    }
    expect(diary).toEqual(['0 a', '2000 a', '3000 a', '4000 a', '4000 a gives up: retries']);
    const { cancel } = ask('a', REDIAL.pool);
    cancel();
    clock.settle();
    expect(diary).toHaveLength(5);
  });

  test('what a key waits for can be asked: attempt, remaining delay, place', () => {
    const { clock, queue, ask } = scheduler({ pendingDialsMax: 1 });
    ask('now');
    clock.settle();
    const second = ask('second');
    const later = ask('later', everySecond, { livedMs: 1 });
    clock.advance(400);
    expect([queue.attempt('later'), queue.nextDelayMs('later'), queue.place('later')]).toEqual([1, 600, 2]);
    expect([later.nextDelayMs, later.place()]).toEqual([600, 2]);
    expect([second.nextDelayMs, second.place()]).toEqual([0, 1]);
    expect([queue.nextDelayMs('now'), queue.place('now'), queue.attempt('nobody')]).toEqual([undefined, undefined, 0]);
    queue.dialEnded('now');
    clock.settle();
    expect([second.place(), later.place()]).toEqual([undefined, 1]);
  });
});

describe('hub/dial/dialer: slots and line', () => {
  test('no more dials are under way than there are slots; a slot freed goes to the next', () => {
    const { clock, queue, diary, ask } = scheduler({ pendingDialsMax: 2 });
    for (const key of ['a', 'b', 'c', 'd']) ask(key);
    clock.advance(10);
    expect({ diary, timers: clock.pending }).toEqual({ diary: ['0 a', '0 b'], timers: 0 });
    queue.dialEnded('b');
    queue.dialEnded('b');
    clock.settle();
    expect({ diary, pending: queue.pendingDials }).toEqual({ diary: ['0 a', '0 b', '10 c'], pending: 2 });
  });

  test('higher priority goes first, equals in the order in which their backoff ended', () => {
    const { clock, diary, ask } = scheduler({ pendingDialsMax: 3 });
    ask('slow', { kind: 'constant', delayMs: 30 }, { livedMs: 1 });
    ask('quick', { kind: 'constant', delayMs: 10 }, { livedMs: 1 });
    ask('first', { kind: 'constant', delayMs: 10 }, { livedMs: 1, priority: 1 });
    clock.advance(30);
    expect(diary).toEqual(['10 first', '10 quick', '30 slow']);
    const busy = scheduler({ pendingDialsMax: 1 });
    busy.ask('under way');
    busy.clock.settle();
    busy.ask('low', atOnce);
    busy.ask('high', atOnce, { priority: 9 });
    busy.clock.settle();
    busy.queue.dialEnded('under way');
    busy.clock.settle();
    expect(busy.diary).toEqual(['0 under way', '0 high']);
  });

  test('a withdrawn request is never answered and leaves no timer; withdrawing a granted one changes nothing', () => {
    const { clock, queue, diary, ask } = scheduler({ pendingDialsMax: 1 });
    const granted = ask('a');
    const waiting = ask('b', everySecond, { livedMs: 1 });
    clock.settle();
    granted.cancel();
    waiting.cancel();
    waiting.cancel();
    expect({ timers: clock.pending, pending: queue.pendingDials, waiting: queue.waiting }).toEqual({
      timers: 0,
      pending: 1,
      waiting: 0,
    });
    clock.advance(10_000);
    expect(diary).toEqual(['0 a']);
  });

  test('one that withdraws another out of its own grant is obeyed', () => {
    const { clock, queue, diary, ask } = scheduler();
    const others: DialTicket[] = [];
    queue.ask({ key: 'a', priority: 1, policy: atOnce, permit: () => others[0]?.cancel(), giveUp: () => undefined });
    others.push(ask('b'));
    clock.settle();
    expect({ diary, waiting: queue.waiting }).toEqual({ diary: [], waiting: 0 });
  });

  test('a callback that throws harms no other request in line', () => {
    const { clock, queue, diary, ask } = scheduler();
    queue.ask({
      key: 'a',
      priority: 1,
      policy: atOnce,
      permit: () => {
        throw new Error('on request');
      },
      giveUp: () => undefined,
    });
    ask('b');
    expect(() => clock.settle()).toThrow('on request');
    clock.settle();
    expect(diary).toEqual(['0 b']);
  });

  test('cancelAll leaves no timer and no request; forget also frees the slot', () => {
    const { clock, queue, diary, ask } = scheduler({ pendingDialsMax: 1 });
    ask('a');
    clock.settle();
    ask('b');
    ask('c', everySecond, { livedMs: 1 });
    queue.cancelAll();
    expect({ timers: clock.pending, waiting: queue.waiting, pending: queue.pendingDials }).toEqual({
      timers: 0,
      waiting: 0,
      pending: 1,
    });
    ask('d');
    const e = ask('e');
    queue.forget('e');
    expect(e.place()).toBeUndefined();
    queue.forget('a');
    clock.advance(5000);
    expect(diary).toEqual(['0 a', '0 d']);
  });
});

describe('hub/dial/dialer: the hub’s budget', () => {
  test('a dead network costs 100 dials at once and then 20 a second, however many wait', () => {
    const { clock, queue, diary, ask } = scheduler({ pendingDialsMax: 1e6 });
    for (let i = 0; i < 1000; i++) ask(`k${i}`);
    clock.settle();
    expect(diary).toHaveLength(100);
    clock.advance(10_000);
    expect(diary).toHaveLength(300);
    expect(queue.tokens).toBe(0);
  });

  test('a dial that completes gives its token back, once; one that was not dialed gives nothing', () => {
    const { clock, queue, ask } = scheduler();
    ask('a');
    ask('b');
    clock.settle();
    expect(queue.tokens).toBe(98);
    queue.completed('a');
    queue.completed('a');
    queue.completed('incoming');
    expect(queue.tokens).toBe(99);
  });

  test('neither time nor success fills it above its burst', () => {
    const { clock, queue, ask } = scheduler({ burst: 3 });
    clock.advance(60_000);
    expect(queue.tokens).toBe(3);
    ask('a');
    clock.settle();
    clock.advance(60_000);
    queue.completed('a');
    expect(queue.tokens).toBe(3);
  });

  test('success alone opens the line again where time brings no tokens', () => {
    const { clock, queue, diary, ask } = scheduler({ burst: 1, perSecond: 0 });
    ask('a');
    ask('b');
    clock.advance(100_000);
    expect({ diary, timers: clock.pending }).toEqual({ diary: ['0 a'], timers: 0 });
    queue.completed('a');
    clock.settle();
    expect(diary).toEqual(['0 a', '100000 b']);
  });
});

describe('hub/dial/dialer: beginning anew', () => {
  test('on thaw all sequences of attempts begin anew and none waits longer than before: SHIP within 3 s, sessions within 50 ms', () => {
    const { clock, queue, diary, ask } = scheduler();
    for (const key of ['ship', 'session', 'ship', 'session', 'ship', 'session']) {
      clock.advance(25_000);
      queue.dialEnded(key);
      ask(key, key === 'ship' ? REDIAL.ship : REDIAL.session, { livedMs: 10 });
    }
    queue.cancelAll();
    diary.length = 0;
    ask('ship', REDIAL.ship);
    ask('session', REDIAL.session);
    expect([queue.nextDelayMs('ship'), queue.nextDelayMs('session')]).toEqual([15_000, 200]);
    queue.thaw();
    expect([queue.nextDelayMs('ship'), queue.nextDelayMs('session')]).toEqual([1500, 25]);
    expect([queue.attempt('ship'), queue.attempt('session')]).toEqual([1, 1]);
    clock.advance(3000);
    expect(diary).toEqual(['150025 session', '151500 ship']);
  });

  test('a re-registered peer begins anew, but repeated denials climb the bands until one completes', () => {
    const { queue, ask } = scheduler();
    const delay = (): number => {
      queue.forget('a');
      queue.reset('a');
      return ask('a', REDIAL.ship).nextDelayMs;
    };
    expect(delay()).toBe(1500);
    expect(delay()).toBe(1500);
    queue.denied('a');
    expect(delay()).toBe(6500);
    queue.denied('a');
    expect(delay()).toBe(15_000);
    queue.completed('a');
    expect(delay()).toBe(1500);
  });
});

test('keys are bounded: the one longest at rest is forgotten, and where all are in use a new one is refused', () => {
  const { clock, queue, diary, ask } = scheduler({ keysMax: 2 });
  for (const key of ['old', 'new']) {
    ask(key);
    clock.settle();
    queue.dialEnded(key);
  }
  ask('third');
  clock.settle();
  expect(['old', 'new', 'third'].map((key) => queue.attempt(key))).toEqual([0, 1, 1]);
  ask('new');
  ask('fourth');
  clock.settle();
  expect(diary.at(-1)).toBe('0 fourth gives up: full');
});

describe('hub/dial/dialer: places', () => {
  const at = (target: string) => ({ target });

  test('[DIAL-1] a place has a budget of its own beside that of the hub: half of it by default, or what is stated', () => {
    for (const [stated, atOnce_, inASecond] of [
      [{}, 50, 10],
      [{ burstPerTarget: 3, perSecondPerTarget: 2 }, 3, 2],
    ] as const) {
      const { clock, queue, diary, ask } = scheduler({ pendingDialsMax: 1000, ...stated });
      for (let i = 0; i < 200; i++) ask(`a${i}`, atOnce, at('a'));
      clock.settle();
      expect(diary).toHaveLength(atOnce_);
      clock.advance(1000);
      expect(diary).toHaveLength(atOnce_ + inASecond);
      ask('b', atOnce, at('b'));
      clock.settle();
      expect(diary.at(-1)).toBe('1000 b'); // The hub has tokens left for others.
      queue.answered('a0');
      clock.settle();
      expect(diary).toHaveLength(atOnce_ + inASecond + 2);
    }
  });

  test('[DIAL-1] one place has three quarters of the slots, and an eighth while it is suspect', () => {
    const { clock, queue, diary, ask } = scheduler({ pendingDialsMax: 16, burstPerTarget: 1000, burst: 2000 });
    for (let i = 0; i < 30; i++) ask(`a${i}`, atOnce, at('a'));
    clock.settle();
    expect(diary).toHaveLength(12);
    for (let i = 0; i < 12; i++) {
      queue.failed(`a${i}`, 'a');
      queue.dialEnded(`a${i}`);
    }
    clock.settle();
    expect(diary).toHaveLength(14);
    expect(queue.pendingDials).toBe(2);
  });

  test('[DIAL-3] a session inside its window goes before those that began to wait earlier, at its place and among places', () => {
    const { clock, queue, diary, ask } = scheduler({ pendingDialsMax: 1 });
    ask('first', atOnce, at('a'));
    clock.settle();
    ask('registered', atOnce, { target: 'a', priority: 0 });
    ask('asked', atOnce, { target: 'b', priority: 1 });
    ask('session', atOnce, { target: 'a', priority: 2 });
    clock.settle();
    for (const key of ['first', 'session', 'asked']) {
      queue.dialEnded(key);
      clock.settle();
    }
    expect(diary).toEqual(['0 first', '0 session', '0 asked', '0 registered']);
  });

  test('[DIAL-3] a suspect place and all others take turns', () => {
    const { clock, queue, diary, ask } = scheduler({ pendingDialsMax: 1 });
    ask('dead', atOnce, at('dead'));
    clock.settle();
    for (let i = 0; i < 3; i++) ask(`d${i}`, atOnce, at('dead'));
    for (let i = 0; i < 3; i++) ask(`w${i}`, atOnce, at(`well${i}`));
    queue.failed('dead', 'dead');
    queue.dialEnded('dead');
    for (let i = 0; i < 6; i++) {
      clock.settle();
      queue.dialEnded(diary.at(-1)!.slice(2));
    }
    const order = diary.slice(1).map((each) => each[2]);
    expect(['wdwdwd', 'dwdwdw']).toContain(order.join(''));
  });

  test('[DIAL-4] spacing: after a failure there are at most two dials in any second, and between half and all of it lies between two', () => {
    const { clock, queue, diary, ask } = scheduler();
    for (let i = 0; i < 6; i++) {
      ask('a', REDIAL.session, { target: 'a', livedMs: 60_000 });
      clock.advance(6000);
      queue.failed('a', 'a');
      queue.dialEnded('a');
    }
    expect(diary).toHaveLength(6);
    const { clock: other, queue: quick, diary: times, ask: again } = scheduler();
    for (let i = 0; i < 4; i++) {
      const before = times.length;
      again('b', REDIAL.session, { target: 'b', livedMs: 60_000 });
      for (let ms = 0; ms < 3000 && times.length === before; ms++) other.advance(1);
      quick.failed('b', 'b');
      quick.dialEnded('b');
    }
    // The third comes a second behind the first, plus the policy's own wait: an outage of 1 s costs 1.2 s at most.
    expect(times).toEqual(['0 b', '376 b', '1050 b', '1476 b']);
  });
});
