import type { Clock, Opener, Wire, WireCause, WireHandler } from '../ports.js';

/** Happy eyeballs: how long one address may take before the next one is tried too (RFC 8305). */
export const STAGGER_MS = 250;

/**
 * Several addresses of one peer, raced inside one attempt: the first wire to open wins, the others are given up.
 * When all fail, the first failure is the one that counts, because the first address was the preferred one.
 */
export function race(openers: readonly Opener[], clock: Clock, staggerMs = STAGGER_MS): Opener {
  if (openers.length === 1) return openers[0]!;
  return (handler) => new Race(openers, clock, staggerMs, handler).abort;
}

class Race {
  #aborts: ((() => void) | undefined)[] = [];
  #next = 0;
  #total: number; // Those that will have been tried.
  #failed = 0;
  #first: WireCause | undefined;
  #winner: number | undefined;
  #timer: unknown;

  constructor(
    readonly openers: readonly Opener[],
    readonly clock: Clock,
    readonly staggerMs: number,
    readonly handler: WireHandler,
  ) {
    this.#total = openers.length;
    this.#start();
  }

  readonly abort = (): void => {
    this.clock.clearTimeout(this.#timer);
    this.#total = this.#next; // Those that were not tried yet have no end that could be waited for.
    for (const abort of this.#aborts) abort?.();
  };

  #start = (): void => {
    const index = this.#next++;
    const opener = this.openers[index];
    if (opener === undefined) return;
    if (this.#next < this.#total && this.staggerMs < Infinity) this.#timer = this.clock.setTimeout(this.#start, this.staggerMs);
    this.#aborts[index] = opener({
      onOpen: (wire) => this.#opened(index, wire),
      onBytes: (bytes) => index === this.#winner && this.handler.onBytes(bytes),
      onDrain: () => index === this.#winner && this.handler.onDrain(),
      onProbeAnswer: () => index === this.#winner && this.handler.onProbeAnswer(),
      onClose: (cause) => this.#closed(index, cause),
    });
  };

  #opened(index: number, wire: Wire): void {
    if (this.#winner !== undefined) return wire.destroy();
    this.#winner = index;
    this.clock.clearTimeout(this.#timer);
    this.#total = this.#next;
    this.#aborts.forEach((abort, i) => i !== index && abort?.());
    this.handler.onOpen(wire);
  }

  #closed(index: number, cause: WireCause): void {
    this.#aborts[index] = undefined;
    if (index === this.#winner) return this.handler.onClose(cause);
    this.#first ??= cause;
    if (this.#winner !== undefined) return;
    if (++this.#failed < this.#total) {
      if (this.#next < this.#total) {
        this.clock.clearTimeout(this.#timer);
        this.#start();
      }
      return;
    }
    this.handler.onClose(this.#first);
  }
}
