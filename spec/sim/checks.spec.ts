import {
  Alternating,
  Bounded,
  ExactlyOnceInOrder,
  LiveAgainWithin,
  NothingLeft,
  SettledOnce,
  violationsOf,
  VIOLATIONS_MAX,
} from './checks.js';
import { SimClock } from './clock.js';

const bytes = (...all: number[]): Uint8Array => Uint8Array.from(all);

describe('simulation/checks: exactly once, in order', () => {
  function after(feed: (check: ExactlyOnceInOrder) => void): string[] {
    const check = new ExactlyOnceInOrder();
    for (let n = 1; n <= 5; n++) expect(check.sent(bytes(n))).toBe(n);
    feed(check);
    return check.violations();
  }

  test('is content with what was sent, and with a part of it until all must be there', () => {
    expect(after((check) => [1, 2, 3].forEach((n) => check.received(bytes(n), n)))).toEqual([]);
    const all = after((check) => {
      for (let n = 1; n <= 5; n++) check.received(bytes(n));
      check.complete();
    });
    expect(all).toEqual([]);
  });

  test('sees what is missing at the end', () => {
    const one = after((check) => {
      check.received(bytes(1));
      check.complete();
    });
    expect(one).toEqual(['4 of 5 messages were never received']);
  });

  test('sees a repetition, with and without numbers', () => {
    expect(after((check) => [1, 2, 2].forEach((n) => check.received(bytes(n), n)))).toEqual([
      'message 2 was received again, after 2',
    ]);
    expect(after((check) => [1, 2, 2].forEach((n) => check.received(bytes(n))))).toEqual(['instead of message 3 came message 2']);
  });

  test('sees a gap, and then goes on from there', () => {
    expect(after((check) => [1, 4, 5].forEach((n) => check.received(bytes(n), n)))).toEqual(['messages 2 to 3 were skipped']);
    expect(after((check) => [1, 3, 4, 5].forEach((n) => check.received(bytes(n))))).toEqual([
      'instead of message 2 came message 3',
    ]);
  });

  test('sees a changed payload and one that was never sent', () => {
    expect(after((check) => check.received(bytes(1, 0), 1))).toEqual(['message 1 was received with another payload (2 bytes)']);
    expect(after((check) => check.received(bytes(9), 9))).toEqual(['message 9 was received and never sent']);
  });

  test('tells empty payloads by their number, and names only the first few violations', () => {
    const check = new ExactlyOnceInOrder();
    for (let n = 0; n < 100; n++) check.sent(bytes());
    check.received(bytes(), 1);
    for (let n = 0; n < 100; n++) check.received(bytes(), 1);
    expect(check.violations()).toHaveLength(VIOLATIONS_MAX);
    expect([check.sentCount, check.receivedCount]).toEqual([100, 1]);
  });
});

test('simulation/checks: connected and disconnected alternate, for each connection by itself', () => {
  const check = new Alternating();
  check.connected('a');
  check.connected('b');
  check.disconnected('a');
  check.connected('a');
  check.disconnected('a');
  expect(check.violations()).toEqual([]);
  check.complete();
  expect(check.violations()).toEqual(['b was never disconnected']);
  check.connected('b');
  check.disconnected('c');
  expect(check.violations()).toEqual([
    'b was connected twice in a row',
    'c was disconnected without being connected',
    'b was never disconnected',
  ]);
});

test('every send settles once: promises are watched, the rest is reported', async () => {
  const check = new SettledOnce();
  check.watch('good', Promise.resolve());
  check.watch('bad', Promise.reject(new Error('expected')));
  check.watch('never', new Promise(() => {}));
  check.begun(1);
  await new Promise((resolve) => setImmediate(resolve));
  expect([check.openCount, check.violations()]).toEqual([2, []]);
  check.settled(1);
  check.settled(1);
  check.settled(2);
  check.begun(1);
  check.complete();
  expect(check.violations()).toEqual([
    '1 settled again',
    '2 settled and was never begun',
    '1 was begun twice',
    'never never settled',
    '1 never settled',
  ]);
});

test('nothing is left: no timer, no wire, no actor', () => {
  const clock = new SimClock();
  const good = new NothingLeft();
  good.check({ clock, network: { links: new Set(), ends: 0 }, counts: { actors: 0 } });
  expect(good.violations()).toEqual([]);
  clock.setTimeout(() => {}, 5);
  const bad = new NothingLeft();
  bad.check({ clock, network: { links: new Set([1]), ends: 2 }, counts: { actors: 3, listeners: 0 } });
  expect(violationsOf([good, bad])).toEqual([
    'nothing is left: 1 timers',
    'nothing is left: 1 wires',
    'nothing is left: 2 ends that were not told',
    'nothing is left: 3 actors',
  ]);
});

test('simulation/checks: a bound holds at every sample', () => {
  const check = new Bounded('queued bytes', 100);
  expect(check.violations()).toEqual([]);
  for (const each of [5, 100, 7]) check.sample(each);
  expect([check.peak, check.violations()]).toEqual([100, []]);
  check.sample(101);
  expect(check.violations()).toEqual(['rose to 101, above 100']);
  const lost = new Bounded('a number', 1);
  lost.sample(NaN);
  expect(lost.violations()).toEqual(['rose to NaN, above 1']);
});

test('simulation/checks: live again within a stated time after the faults', () => {
  const clock = new SimClock();
  const check = new LiveAgainWithin(100, clock);
  check.alive(); // Before any fault: nothing to say.
  check.faultsOver();
  clock.advance(100);
  expect(check.violations()).toEqual([]);
  check.alive();
  clock.advance(1000);
  expect([check.worstMs, check.violations()]).toEqual([100, []]);
  check.faultsOver();
  clock.advance(101);
  expect(check.violations()).toEqual(['still not live after 101 ms']);
  check.alive();
  check.faultsOver();
  clock.advance(150);
  check.faultsBegin();
  check.alive();
  expect(check.violations()).toEqual(['took 101 ms', 'still not live after 150 ms']);
});
