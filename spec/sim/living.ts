import type { SimClock } from './clock.js';

/** What promises hold is told, and what that brings about at this moment. */
export async function hear(clock: SimClock): Promise<void> {
  do for (let n = 0; n < 8; n++) await Promise.resolve();
  while (clock.settle());
}

/** Lives through so many virtual milliseconds, and hears what promises say after each event. */
export async function live(clock: SimClock, ms: number): Promise<void> {
  const untilMs = clock.now() + ms;
  await hear(clock);
  while (clock.nextMs <= untilMs) {
    clock.step();
    await hear(clock);
  }
  clock.advance(untilMs - clock.now());
  await new Promise((resolve) => setImmediate(resolve));
}
