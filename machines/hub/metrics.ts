/**
 * The counters of a hub, from transitions and not from polling. Pure and bounded: counters, histograms of a fixed
 * number of buckets, and a bounded number of labels. Gauges are read on request.
 */

/** Values at the moment of the request. */
export interface Gauges {
  readonly now: number;
  readonly active: number;
  readonly limit: number;
  readonly bytesQueued: number;
  readonly retryTokens: number;
  readonly pendingDials: number;
  readonly waitingDials: number;
}

/** How long something took, over all the times that it was done. Milliseconds. */
export interface HistogramReport {
  readonly count: number;
  /** 0 while nothing was counted. */
  readonly meanMs: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

/** The counts of a hub since it was made. */
export interface MetricsReport {
  readonly attempted: number;
  readonly completed: number;
  /** Accepted connections that completed; this side didn't attempt them. */
  readonly accepted: number;
  /** completed ÷ attempted; 1 while nothing was attempted. */
  readonly successRate: number;
  /** From initiated to completed. */
  readonly connectionTime: HistogramReport;
  /** From the loss of the last wire to the resumption. */
  readonly resumeTime: HistogramReport;
  /** Within the last hour, by the closing code of what was lost. */
  readonly reconnectionsPerHour: Readonly<Record<string, number>>;
  /** Endings so far, by closing code. */
  readonly closings: Readonly<Record<string, number>>;
  readonly active: number;
  readonly limit: number;
  /** active ÷ limit. */
  readonly utilisation: number;
  readonly bytesQueued: number;
  readonly duplicatesDropped: number;
  readonly retryTokens: number;
  /** Dials under way. */
  readonly pendingDials: number;
  /** Dials that wait for their backoff, a slot or the budget. */
  readonly waitingDials: number;
  /** How long the shutdown took, or has taken so far; absent while there was none. */
  readonly shutdownMs?: number;
}

/** Attempts under way whose beginning is remembered, more than the hub has slots for; one beyond would complete as if accepted. */
const STARTED_MAX = 131_072;

export class Metrics {
  readonly connectionTime = new Histogram();
  readonly resumeTime = new Histogram();
  readonly #gauges: () => Gauges;
  readonly #startedAt = new Map<string | number, number>();
  readonly #reconnections = new HourlyCounts();
  readonly #closings = new Labels<number>(() => 0);
  #attempted = 0;
  #completed = 0;
  #accepted = 0;
  #duplicatesDropped = 0;
  #shutdownAt: number | undefined;
  #shutdownMs: number | undefined; // Once it is over.

  constructor(gauges: () => Gauges) {
    this.#gauges = gauges;
  }

  /** A connection entered `initiated`. One that is reported twice without an end in between is one attempt. */
  initiated(id: string | number, now: number): void {
    if (this.#startedAt.has(id)) return;
    this.#attempted++;
    if (this.#startedAt.size < STARTED_MAX) this.#startedAt.set(id, now);
  }

  /** A connection entered `completed`: an attempt of this side if it was initiated, else an accepted one. */
  completed(id: string | number, now: number): void {
    const startedAt = this.#startedAt.get(id);
    if (startedAt === undefined) {
      this.#accepted++;
      return;
    }
    this.#startedAt.delete(id);
    this.#completed++;
    this.connectionTime.add(now - startedAt);
  }

  /** A connection, or its attempt, ended with this closing code. */
  ended(id: string | number, code: string): void {
    this.#startedAt.delete(id);
    this.#closings.set(code, this.#closings.get(code) + 1);
  }

  /** A completed connection lost its wire for this reason and is dialed again. */
  reconnecting(reason: string, now: number): void {
    this.#reconnections.add(reason, now);
  }

  resumed(afterMs: number): void {
    this.resumeTime.add(afterMs);
  }

  duplicatesDropped(count: number): void {
    this.#duplicatesDropped += count;
  }

  /** A shutdown begins; one that is under way goes on. */
  shuttingDown(now: number): void {
    this.#shutdownAt ??= now;
  }

  /** The hub has ended, with or without a shutdown. */
  shutDown(now: number): void {
    if (this.#shutdownAt !== undefined) this.#shutdownMs ??= now - this.#shutdownAt;
  }

  toJSON(): MetricsReport {
    const { now, active, limit, bytesQueued, retryTokens, pendingDials, waitingDials } = this.#gauges();
    return {
      attempted: this.#attempted,
      completed: this.#completed,
      accepted: this.#accepted,
      successRate: this.#attempted === 0 ? 1 : this.#completed / this.#attempted,
      connectionTime: this.connectionTime.toJSON(),
      resumeTime: this.resumeTime.toJSON(),
      reconnectionsPerHour: this.#reconnections.within(now),
      closings: this.#closings.toJSON(),
      active,
      limit,
      utilisation: limit > 0 ? active / limit : 0,
      bytesQueued,
      duplicatesDropped: this.#duplicatesDropped,
      retryTokens,
      pendingDials,
      waitingDials,
      ...(this.#shutdownAt === undefined ? {} : { shutdownMs: this.#shutdownMs ?? now - this.#shutdownAt }),
    };
  }
}

const STEPS_PER_OCTAVE = 8;
const OCTAVES = 32; // From 1 ms to fifty days.

/**
 * Durations in buckets, each 9 % wider than the one before: 256 counters, whatever is counted. A quantile is the upper edge
 * of its bucket, so never too low and at most 9 % too high; 1 ms is the finest it can tell.
 */
export class Histogram {
  readonly #buckets = new Uint32Array(STEPS_PER_OCTAVE * OCTAVES);
  #count = 0;
  #sumMs = 0;
  #maxMs = 0;

  get count(): number {
    return this.#count;
  }

  add(ms: number): void {
    const value = Math.max(0, ms);
    const step = value <= 1 ? 0 : Math.ceil(Math.log2(value) * STEPS_PER_OCTAVE);
    this.#buckets[Math.min(step, this.#buckets.length - 1)]!++;
    this.#count++;
    this.#sumMs += value;
    this.#maxMs = Math.max(this.#maxMs, value);
  }

  /** The duration which this share of all was not above; 0 while nothing was counted. */
  quantile(share: number): number {
    let left = Math.ceil(this.#count * share);
    if (left === 0) return 0;
    for (const [step, count] of this.#buckets.entries()) {
      left -= count;
      if (left <= 0) return Math.min(this.#maxMs, 2 ** (step / STEPS_PER_OCTAVE));
    }
    return this.#maxMs;
  }

  toJSON(): HistogramReport {
    const tenths = (ms: number): number => Math.round(ms * 10) / 10;
    return {
      count: this.#count,
      meanMs: this.#count === 0 ? 0 : tenths(this.#sumMs / this.#count),
      p50Ms: tenths(this.quantile(0.5)),
      p99Ms: tenths(this.quantile(0.99)),
      maxMs: tenths(this.#maxMs),
    };
  }
}

/** More labels than there are closing codes; whatever comes beyond is counted as `other`, so that no peer can fill memory with names. */
const LABELS_MAX = 48;

class Labels<Value> {
  readonly #initial: () => Value;
  readonly #values = new Map<string, Value>();

  constructor(initial: () => Value) {
    this.#initial = initial;
  }

  get(label: string): Value {
    return this.#values.get(this.#known(label)) ?? this.#initial();
  }

  set(label: string, value: Value): void {
    this.#values.set(this.#known(label), value);
  }

  entries(): Iterable<[string, Value]> {
    return this.#values.entries();
  }

  toJSON(): Record<string, Value> {
    return Object.fromEntries(this.#values);
  }

  #known(label: string): string {
    return this.#values.has(label) || this.#values.size < LABELS_MAX ? label : 'other';
  }
}

const MINUTES = 60;
const MINUTE_MS = 60_000;

interface Hour {
  readonly counts: Uint32Array; // One per minute, reused after an hour.
  readonly minutes: Float64Array; // Which minute each counts for.
}

/** Counts within the last sixty minutes, by label. */
class HourlyCounts {
  readonly #hours = new Labels<Hour>(() => ({ counts: new Uint32Array(MINUTES), minutes: new Float64Array(MINUTES).fill(-1) }));

  add(label: string, now: number): void {
    const minute = Math.floor(now / MINUTE_MS);
    const slot = minute % MINUTES;
    const hour = this.#hours.get(label);
    if (hour.minutes[slot] !== minute) hour.counts[slot] = 0;
    hour.minutes[slot] = minute;
    hour.counts[slot]!++;
    this.#hours.set(label, hour);
  }

  within(now: number): Record<string, number> {
    const oldest = Math.floor(now / MINUTE_MS) - MINUTES + 1;
    const sums: Record<string, number> = {};
    for (const [label, { counts, minutes }] of this.#hours.entries()) {
      let sum = 0;
      for (const [slot, count] of counts.entries()) if (minutes[slot]! >= oldest) sum += count;
      if (sum > 0) sums[label] = sum;
    }
    return sums;
  }
}
