import fc from 'fast-check';
import { ExpectedConnections, type Expectation } from '../../machines/rendezvous/expected.js';
import { ExpiringMap } from '../../machines/rendezvous/expiring-map.js';

const peer = (n: number): string => n.toString(16).padStart(64, '0');
const nonce = (n: number): string => n.toString(16).padStart(32, '0');
const expectation = (of: number, by: number, holds: 'asked' | 'request' = 'request', transport = 'tcp'): Expectation =>
  ({ transport, peer: peer(of), nonce: nonce(by), grounds: { holds, request: { signed: { nonce: nonce(by) } } } }) as never;
const table = (expectationLifeMs = 1000, expectationsMax = 3): ExpectedConnections =>
  new ExpectedConnections({ expectationLifeMs, expectationsMax });

test('[RDV-1] the key is transport, identity and nonce: all three, and nothing else', () => {
  const expected = table();
  expected.add(expectation(1, 7), 0);
  const word = (transport: string, of: number, by: number): string => expected.match(transport, peer(of), nonce(by), 0).word;
  expect([word('tcp', 1, 7), word('tls', 1, 7), word('tcp', 2, 7), word('tcp', 1, 8)]).toEqual(['hit', 'unknown', 'unknown', 'unknown']); // prettier-ignore
});

test('[RDV-1] rendezvous/expected: it lives for its time by the clock it is given, to the millisecond, and a late peer gets that reason for as long again', () => {
  const expected = table();
  expected.add(expectation(1, 7), 500);
  const word = (now: number): string => expected.match('tcp', peer(1), nonce(7), now).word;
  expect([word(1499), word(1500)]).toEqual(['hit', 'lapsed']);
  expect([expected.nextTimeout(), expected.pollExpired(1499)]).toEqual([1500, undefined]);
  expect(expected.pollExpired(1500)).toMatchObject({ peer: peer(1) });
  expect([expected.size, expected.has(peer(1)), expected.nextTimeout()]).toEqual([0, false, undefined]);
  expect([word(1500), word(2499), word(2500)]).toEqual(['lapsed', 'lapsed', 'unknown']);
});

test('[RDV-1] rendezvous/expected: at the bound the oldest lapses; one that comes again begins a new life', () => {
  const expected = table();
  for (const n of [1, 2, 3]) expect(expected.add(expectation(n, n), n)).toBeUndefined();
  expected.add(expectation(1, 1), 4);
  expect(expected.add(expectation(4, 4), 5)).toMatchObject({ peer: peer(2) });
  expect([1, 2, 3, 4].map((n) => expected.match('tcp', peer(n), nonce(n), 5).word)).toEqual(['hit', 'lapsed', 'hit', 'hit']);
});

test('[RDV-1] a connected peer is expected no more: its attachments are dropped, and its nonces are used', () => {
  const expected = table();
  expected.add(expectation(1, 7), 0);
  expected.add(expectation(1, 8, 'asked'), 1);
  expect(expected.newestOf(peer(1), 1)?.nonce).toBe(nonce(7)); // What was asked is no ground for a dial.
  expected.add(expectation(1, 9), 2);
  expect(expected.newestOf(peer(1), 2)?.nonce).toBe(nonce(9));
  expected.dropPeer(peer(1), 3);
  expect([expected.size, expected.has(peer(1)), expected.newestOf(peer(1), 3)]).toEqual([0, false, undefined]);
  expect([7, 8, 9].map((by) => expected.match('tcp', peer(1), nonce(by), 3).word)).toEqual(['used', 'used', 'used']);
  expect([...expected.clear()]).toEqual([]);
});

test('[RDV-1] rendezvous/expected: it agrees with a plain list, whatever is done in whatever order', () => {
  const steps = fc.array(
    fc.record({
      op: fc.constantFrom('add', 'match', 'drop', 'wait', 'clear', 'poll'),
      n: fc.nat(5),
      by: fc.nat(2),
      ms: fc.nat(60),
    }),
    { maxLength: 120 },
  );
  fc.assert(
    fc.property(steps, (all) => {
      const expected = table(100, 4);
      let plain: { n: number; by: number; until: number }[] = [];
      let now = 0;
      for (const { op, n, by, ms } of all) {
        if (op === 'wait') now += ms;
        else if (op === 'add') {
          plain = plain.filter((each) => each.n !== n || each.by !== by);
          plain.push({ n, by, until: now + 100 });
          const out = plain.length > 4 ? plain.shift() : undefined;
          expect(expected.add(expectation(n, by), now)?.peer).toEqual(out && peer(out.n));
        } else if (op === 'drop') {
          plain = plain.filter((each) => each.n !== n);
          expected.dropPeer(peer(n), now);
        } else if (op === 'clear') {
          expected.clear();
          plain = [];
        } else if (op === 'poll') {
          for (let one; (one = expected.pollExpired(now)) !== undefined;) expect(peer(plain.shift()!.n)).toBe(one.peer);
          expect(plain.every((each) => each.until > now)).toBe(true);
        }
        const hit = plain.some((each) => each.n === n && each.by === by && now < each.until);
        expect(expected.match('tcp', peer(n), nonce(by), now).word === 'hit').toBe(hit);
        expect([expected.size, expected.has(peer(n))]).toEqual([plain.length, plain.some((each) => each.n === n)]);
      }
    }),
    { seed: 11, numRuns: 300 },
  );
});

test('[RDV-1] rendezvous/expected: a million expectations through a table of a thousand: bounded, and each costs the same', () => {
  const expected = table(300_000, 1000);
  const took: number[] = [];
  for (let round = 0; round < 10; round++) {
    const began = performance.now();
    for (let n = 0; n < 100_000; n++) expected.add(expectation(round * 100_000 + n, n), round);
    took.push(performance.now() - began);
  }
  expect(expected.size).toBe(1000);
  // The last hundred thousand are no dearer than the first, give or take what else this machine does.
  expect(Math.min(...took.slice(5))).toBeLessThan(Math.max(...took.slice(0, 5)) * 3);
});

test('rendezvous/expected: a table of times forgets in order, and a wait of nothing is over at once', () => {
  const times = new ExpiringMap<string, number>(10, 2);
  expect([times.set('a', 1, 0), times.set('b', 2, 5), times.set('c', 3, 6)]).toEqual([undefined, undefined, ['a', 1]]);
  expect([times.get('b', 14), times.get('b', 15), times.has('c', 15), times.size]).toEqual([2, undefined, true, 2]);
  expect([times.pollExpired(14), times.pollExpired(15), times.delete('c'), times.delete('c'), times.nextTimeout()]).toEqual([
    undefined,
    ['b', 2],
    3,
    undefined,
    undefined,
  ]);
});
