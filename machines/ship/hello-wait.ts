import type { ShipTiming } from './ship.timing.js';

/** Until when this side waits in the hello (13.4.4.1): it states what is left with each of its messages. */
export class HelloWait {
  readonly #timing: Pick<ShipTiming, 'helloWaitMs' | 'helloProlongMs'>;
  #until = 0;

  constructor(timing: Pick<ShipTiming, 'helloWaitMs' | 'helloProlongMs'>) {
    this.#timing = timing;
  }

  start(now: number): void {
    this.#until = now + this.#timing.helloWaitMs;
  }
  prolong(): void {
    this.#until += this.#timing.helloProlongMs;
  }
  leftMs(now: number): number {
    return Math.max(0, this.#until - now);
  }
}
