/** A timer that an actor waits for, and how long it still takes. */
export interface Wait {
  readonly what: string;
  readonly inMs: number;
}

interface Timer {
  readonly event: string;
  readonly setMs: number;
  readonly dueMs: number;
  goneMs: number | undefined;
}

/** The timers of one actor over time. */
export class Timers {
  readonly #all: Timer[] = [];
  readonly #running = new Map<string, Timer>();

  set(id: string, event: string, setMs: number, dueMs: number): void {
    this.end(id, setMs);
    const timer: Timer = { event, setMs, dueMs, goneMs: undefined };
    this.#all.push(timer);
    this.#running.set(id, timer);
  }

  end(id: string, ms: number): void {
    const timer = this.#running.get(id);
    if (timer === undefined) return;
    timer.goneMs = ms;
    this.#running.delete(id);
  }

  endAll(ms: number): void {
    for (const id of [...this.#running.keys()]) this.end(id, ms);
  }

  at(ms: number, name: string): readonly Wait[] {
    return this.#all
      .filter(({ setMs, dueMs, goneMs = Infinity }) => setMs <= ms && ms < goneMs && ms <= dueMs)
      .map(({ event, dueMs }) => ({ what: `${name}: ${event}`, inMs: dueMs - ms }));
  }
}
