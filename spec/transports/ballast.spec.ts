import { ballastBytes, received } from '../../transports/ballast.js';

test('ballast: a process that receives little has none, and one that receives much gets it once', () => {
  received(15 << 20);
  expect(ballastBytes()).toBe(0);
  received(64 << 10);
  received(1 << 20);
  expect(ballastBytes()).toBe(4 << 20);
  received(1 << 30);
  expect(ballastBytes()).toBe(4 << 20);
});
