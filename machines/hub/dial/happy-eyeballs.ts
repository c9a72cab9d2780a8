import type { Clock, Opener, Wire, WireCause, WireHandler } from '../../ports.js';

/** Happy eyeballs: how long one address may take before the next one is tried too (RFC 8305). */
export const STAGGER_MS = 250;

/** Learns which of the addresses opened first, and how others failed before they opened. */
export interface RaceWatcher {
  won(index: number): void;
  lost(index: number, cause: WireCause): void;
}

/**
 * Several addresses of one peer, raced inside one attempt: the first wire to open wins, the others are given up.
 * When all fail, the first failure is the one that counts, because the first address was the preferred one; but a wrong
 * key or certificate at one address says nothing about the others, and counts only where all failed so.
 */
export function happyEyeballs(openers: readonly Opener[], clock: Clock, staggerMs = STAGGER_MS, watcher?: RaceWatcher): Opener {
  if (openers.length === 1) return openers[0]!;
  return (handler) => new Race(openers, clock, staggerMs, handler, watcher).abort;
}

function isOfOneAddress({ kind }: WireCause): boolean {
  return kind === 'identity-mismatch' || kind === 'tls-failed' || kind === 'malformed';
}

class Race {
  #aborts: ((() => void) | undefined)[] = [];
  #next = 0;
  #under = 0; // Dials under way.
  #first: WireCause | undefined;
  #winner: number | undefined;
  #timer: unknown;

  constructor(
    readonly openers: readonly Opener[],
    readonly clock: Clock,
    readonly staggerMs: number,
    readonly handler: WireHandler,
    readonly watcher: RaceWatcher | undefined,
  ) {
    this.#start();
  }

  readonly abort = (): void => {
    this.clock.clearTimeout(this.#timer);
    this.#next = this.openers.length;
    for (const abort of this.#aborts) abort?.();
  };

  #start = (): void => {
    const index = this.#next++;
    const opener = this.openers[index];
    if (opener === undefined) return;
    if (this.#next < this.openers.length && this.staggerMs < Infinity)
      this.#timer = this.clock.setTimeout(this.#start, this.staggerMs);
    this.#under++;
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
    this.watcher?.won(index);
    this.clock.clearTimeout(this.#timer);
    this.#next = this.openers.length;
    this.#aborts.forEach((abort, i) => i !== index && abort?.());
    this.handler.onOpen(wire);
  }

  #closed(index: number, cause: WireCause): void {
    this.#aborts[index] = undefined;
    if (index === this.#winner) return this.handler.onClose(cause);
    this.watcher?.lost(index, cause);
    const isBetter = this.#first !== undefined && isOfOneAddress(this.#first) && !isOfOneAddress(cause);
    if (this.#first === undefined || (isBetter && cause.kind !== 'aborted')) this.#first = cause;
    this.#under--;
    if (this.#winner !== undefined) return;
    if (this.#next < this.openers.length) {
      this.clock.clearTimeout(this.#timer);
      this.#start();
    } else if (this.#under === 0) this.handler.onClose(this.#first); // Those that an abort left undialed never close.
  }
}
