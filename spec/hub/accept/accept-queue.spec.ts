import { AcceptQueue } from '../../../machines/hub/accept/accept-queue.js';

test('accept queue: a connection that ends before it is taken is forgotten, also when none is ever taken', () => {
  let asked = 0;
  const incoming = new AcceptQueue<{ isGone: boolean }>((item) => {
    asked++;
    return item.isGone;
  });
  const waiting = Array.from({ length: 10 }, () => ({ isGone: false }));
  for (const item of waiting) incoming.push(item);
  for (let n = 0; n < 10_000; n++) incoming.push({ isGone: true });
  const before = asked;
  expect(incoming.size).toBe(10);
  expect(asked - before).toBeLessThanOrEqual(64); // So many were kept.
  expect(before).toBeLessThan(30_000); // And sweeping costs each a look or two.
});

test('accept queue: a burst of accepts looks at those that wait only near the bound', async () => {
  let asked = 0;
  const incoming = new AcceptQueue<number>((item) => ++asked > 0 && item < 0);
  for (let n = 0; n < 10_000; n++) {
    expect(incoming.isFull(10_000)).toBe(false);
    incoming.push(n);
  }
  const swept = asked;
  expect(swept).toBeLessThan(30_000);
  const reader = incoming[Symbol.asyncIterator]();
  for (let n = 0; n < 1000; n++) expect(await reader.next()).toMatchObject({ value: n });
  expect(asked - swept).toBe(1000);
});

test('accept queue: it is full when as many wait as may, not counting those that ended', () => {
  const incoming = new AcceptQueue<{ isGone: boolean }>(({ isGone }) => isGone);
  const items = Array.from({ length: 3 }, () => ({ isGone: false }));
  for (const item of items) incoming.push(item);
  expect([incoming.isFull(3), incoming.isFull(4)]).toEqual([true, false]);
  items[1]!.isGone = true;
  expect([incoming.isFull(3), incoming.isFull(2)]).toEqual([false, true]);
});

test('hub/accept/accept queue: each goes to one of those who wait, in order, and the end comes to all', async () => {
  const incoming = new AcceptQueue<number>((item) => item < 0);
  const [one, two] = [incoming[Symbol.asyncIterator](), incoming[Symbol.asyncIterator]()];
  const asked = [one.next(), two.next()];
  for (const item of [1, 2, -1, 3]) incoming.push(item);
  expect(await Promise.all(asked)).toMatchObject([{ value: 1 }, { value: 2 }]);
  expect(await one.next()).toMatchObject({ value: 3 });
  const last = [one.next(), two.next()];
  incoming.end();
  expect(await Promise.all(last)).toMatchObject([{ done: true }, { done: true }]);
});

test('hub/accept/accept queue: an iterator that has returned answers who still waits with the end, and takes nothing any more', async () => {
  const incoming = new AcceptQueue<number>(() => false);
  const [one, two] = [incoming[Symbol.asyncIterator](), incoming[Symbol.asyncIterator]()];
  const asked = [one.next(), one.next(), two.next()];
  await one.return!();
  incoming.push(1);
  incoming.push(2);
  expect(await Promise.all([...asked, one.next(), two.next()])).toMatchObject([
    { done: true },
    { done: true },
    { value: 1 },
    { done: true },
    { value: 2 },
  ]);
});
