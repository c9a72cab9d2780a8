import { byteAt } from '../tuna/ncp-channel.js';
import type { Received } from './ncp-go.js';

/** What somebody saw who received a stream while its links were killed. */
export interface Sight {
  readonly wrongAt: number;
  /** Waits of more than 5 ms: when they ended (Unix time) and how long they were, in ms. */
  readonly waits: readonly (readonly [endedAt: number, ms: number])[];
}

export function sightOf({ wrongAt, gaps }: Received): Sight {
  return { wrongAt, waits: gaps ?? [] };
}

/** Compares a stream with the pattern, and notes how long it paused. */
export class Ear implements Sight {
  wrongAt = -1;
  bytes = 0;
  readonly waits: [number, number][] = [];
  lastAt = 0;
  readonly done: Promise<void>;
  #resolve!: () => void;

  constructor(readonly total: number) {
    this.done = new Promise((resolve) => (this.#resolve = resolve));
  }

  hear(bytes: Uint8Array): void {
    const at = performance.now();
    if (this.lastAt > 0 && at - this.lastAt > 5) this.waits.push([Date.now(), at - this.lastAt]);
    this.lastAt = at;
    for (let i = 0; i < bytes.length && this.wrongAt < 0; i++)
      if (bytes[i] !== byteAt(this.bytes + i)) this.wrongAt = this.bytes + i;
    this.bytes += bytes.length;
    if (this.bytes >= this.total) this.#resolve();
  }
}

/** How long this process was kept from running, at most, since `start`. */
export class Lag {
  longestMs = 0;
  #last = performance.now();
  readonly #timer = setInterval(() => {
    const now = performance.now();
    this.longestMs = Math.max(this.longestMs, now - this.#last - 10);
    this.#last = now;
  }, 10);

  stop(): number {
    clearInterval(this.#timer);
    return this.longestMs;
  }
}

/** The longest wait that ended after each kill and before the next one. */
export function stalls(killedAt: readonly number[], { waits }: Sight): number[] {
  return killedAt.map((at, k) =>
    waits.reduce(
      (most, [endedAt, ms]) => (endedAt >= at && endedAt < (killedAt[k + 1] ?? Infinity) ? Math.max(most, ms) : most),
      0,
    ),
  );
}

/** The middle, the 95th of a hundred, and the largest. */
export function spread(values: readonly number[]): string {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (part: number): string => (sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? 0).toFixed(0);
  return `p50 ${at(0.5)} p95 ${at(0.95)} max ${at(1)} ms (${sorted.length})`;
}
