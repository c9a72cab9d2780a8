import type { Engine } from '../../adapters/index.js';

/**
 * For facts that have no event of their own, such as how many links a session has: whoever waits for one looks again whenever
 * something has happened to any actor of an engine, or `tell` was called, once that turn is over.
 */
export class News {
  readonly #looks = new Set<() => void>();
  #isDue = false;

  of(engine: Engine): void {
    engine.actor.system.inspect(this.tell);
  }

  /** Something has happened that no actor hears of. */
  readonly tell = (): void => {
    if (this.#isDue || this.#looks.size === 0) return;
    this.#isDue = true;
    setImmediate(() => {
      this.#isDue = false;
      for (const look of [...this.#looks]) look();
    });
  };

  /** Resolves once it is so; until then it waits, as long as the test may. */
  until(isSo: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      const look = (): void => {
        if (!isSo()) return;
        this.#looks.delete(look);
        resolve();
      };
      this.#looks.add(look);
      look();
    });
  }
}
