import type { Clock } from '../../machines/ports.js';

/** Something that must hold in every schedule. It is fed while the world runs, and asked at the end. */
export interface Check {
  readonly name: string;
  /** What was seen that must not be, in words; empty is good. At most `VIOLATIONS_MAX`. */
  violations(): string[];
}

/** One broken rule breaks often; the first few say enough. */
export const VIOLATIONS_MAX = 10;

/** All that is wrong, each sentence behind the name of its check. */
export function violationsOf(checks: readonly Check[]): string[] {
  return checks.flatMap((check) => check.violations().map((each) => `${check.name}: ${each}`));
}

abstract class Noting implements Check {
  protected readonly noted: string[] = [];

  constructor(readonly name: string) {}

  protected note(sentence: string): void {
    if (this.noted.length < VIOLATIONS_MAX) this.noted.push(sentence);
  }

  violations(): string[] {
    return [...this.noted, ...this.missing()].slice(0, VIOLATIONS_MAX);
  }

  /** What can only be said at the end. */
  protected missing(): string[] {
    return [];
  }
}

/**
 * One direction of a session. Messages are numbered from 1 in the order of sending; what is received must be what was sent,
 * in order, each once. Only hashes are kept. After `complete()` all of it must have been received.
 */
export class ExactlyOnceInOrder extends Noting {
  readonly #hashes: number[] = [];
  #received = 0;
  #mustBeComplete = false;

  constructor(name = 'exactly once, in order') {
    super(name);
  }

  /** Returns the number the message has. */
  sent(payload: Uint8Array): number {
    return this.#hashes.push(hashOf(payload));
  }

  /** @param number what the message says it is; default: the next one */
  received(payload: Uint8Array, number = this.#received + 1): void {
    const expected = this.#received + 1;
    const hash = this.#hashes[number - 1];
    if (hash === undefined) return this.note(`message ${number} was received and never sent`);
    if (hash !== hashOf(payload)) return this.#strange(payload, number);
    if (number < expected) return this.note(`message ${number} was received again, after ${expected - 1}`);
    if (number > expected) this.note(`messages ${expected} to ${number - 1} were skipped`);
    this.#received = number;
  }

  complete(): void {
    this.#mustBeComplete = true;
  }

  get sentCount(): number {
    return this.#hashes.length;
  }

  get receivedCount(): number {
    return this.#received;
  }

  /** Says which message it really is, if it is one: that tells a repetition from a spoilt payload. */
  #strange(payload: Uint8Array, number: number): void {
    const really = this.#hashes.indexOf(hashOf(payload)) + 1;
    if (really === 0) this.note(`message ${number} was received with another payload (${payload.length} bytes)`);
    else this.note(`instead of message ${number} came message ${really}`);
    this.#received = Math.max(this.#received, number, really); // One gap is one violation.
  }

  protected override missing(): string[] {
    const count = this.#hashes.length - this.#received;
    return this.#mustBeComplete && count > 0 ? [`${count} of ${this.#hashes.length} messages were never received`] : [];
  }
}

/** `connected` and `disconnected` of each connection take turns, beginning with `connected`. */
export class Alternating extends Noting {
  readonly #connected = new Set<string>();
  #mustBeOver = false;

  constructor(name = 'connected and disconnected alternate') {
    super(name);
  }

  connected(key = 'it'): void {
    if (this.#connected.has(key)) this.note(`${key} was connected twice in a row`);
    this.#connected.add(key);
  }

  disconnected(key = 'it'): void {
    if (!this.#connected.delete(key)) this.note(`${key} was disconnected without being connected`);
  }

  /** From here on nothing may be connected. */
  complete(): void {
    this.#mustBeOver = true;
  }

  protected override missing(): string[] {
    return this.#mustBeOver ? [...this.#connected].map((key) => `${key} was never disconnected`) : [];
  }
}

/** Each thing that was begun settles exactly once; after `complete()` none is open. */
export class SettledOnce extends Noting {
  readonly #open = new Set<string | number>();
  readonly #settled = new Set<string | number>();

  #mustBeOver = false;

  constructor(name = 'every send settles once') {
    super(name);
  }

  begun(id: string | number): void {
    if (this.#open.has(id) || this.#settled.has(id)) this.note(`${id} was begun twice`);
    this.#open.add(id);
  }

  settled(id: string | number): void {
    if (this.#open.delete(id)) this.#settled.add(id);
    else this.note(this.#settled.has(id) ? `${id} settled again` : `${id} settled and was never begun`);
  }

  /** A promise settles once by its nature; this sees to it that it does at all. */
  watch(id: string | number, promise: Promise<unknown>): void {
    this.begun(id);
    const settled = (): void => this.settled(id);
    promise.then(settled, settled);
  }

  complete(): void {
    this.#mustBeOver = true;
  }

  get openCount(): number {
    return this.#open.size;
  }

  protected override missing(): string[] {
    return this.#mustBeOver ? [...this.#open].map((id) => `${id} never settled`) : [];
  }
}

/** What a world consists of, as far as it may not outlive its purpose. */
export interface Remains {
  readonly clock?: { readonly pending: number };
  readonly network?: { readonly links: { readonly size: number }; readonly ends: number };
  /** Anything else that must be 0, by name: actors, connections, listeners. */
  readonly counts?: Readonly<Record<string, number>>;
}

/** After the end nothing is left: no timer, no wire, no actor. */
export class NothingLeft extends Noting {
  constructor(name = 'nothing is left') {
    super(name);
  }

  check({ clock, network, counts = {} }: Remains): void {
    if (clock !== undefined) this.#mustBeNone('timers', clock.pending);
    if (network !== undefined) {
      this.#mustBeNone('wires', network.links.size);
      this.#mustBeNone('ends that were not told', network.ends);
    }
    for (const [what, count] of Object.entries(counts)) this.#mustBeNone(what, count);
  }

  #mustBeNone(what: string, count: number): void {
    if (count !== 0) this.note(`${count} ${what}`);
  }
}

/** A number that is sampled all the time and may never be above its bound. */
export class Bounded implements Check {
  /** The greatest that was seen. */
  peak = -Infinity;

  constructor(
    readonly name: string,
    readonly max: number,
  ) {}

  sample(value: number): void {
    if (value > this.peak || Number.isNaN(value)) this.peak = value;
  }

  violations(): string[] {
    return this.peak <= this.max || this.peak === -Infinity ? [] : [`rose to ${this.peak}, above ${this.max}`];
  }
}

/** Once faults are over, what was held up goes on within a stated time. */
export class LiveAgainWithin extends Noting {
  #sinceMs: number | undefined;
  /** How long it took at worst. */
  worstMs = 0;

  constructor(
    readonly withinMs: number,
    readonly clock: Pick<Clock, 'now'>,
    name = `live again within ${withinMs} ms`,
  ) {
    super(name);
  }

  /** The last fault is over, or the next one begins: what was not live by then and had its time is noted. */
  faultsOver(): void {
    this.#sinceMs = this.clock.now();
  }

  faultsBegin(): void {
    for (const each of this.missing()) this.note(each);
    this.#sinceMs = undefined;
  }

  /** A sign of life that only comes when all is well, such as the last message acknowledged. */
  alive(): void {
    if (this.#sinceMs === undefined) return;
    const ms = this.clock.now() - this.#sinceMs;
    this.#sinceMs = undefined;
    this.worstMs = Math.max(this.worstMs, ms);
    if (ms > this.withinMs) this.note(`took ${ms} ms`);
  }

  protected override missing(): string[] {
    if (this.#sinceMs === undefined || this.clock.now() - this.#sinceMs <= this.withinMs) return [];
    return [`still not live after ${this.clock.now() - this.#sinceMs} ms`];
  }
}

/** FNV-1a over the bytes and the length: tells payloads apart, and costs little. */
export function hashOf(bytes: Uint8Array): number {
  let hash = 0x811c9dc5 ^ bytes.length;
  for (let i = 0; i < bytes.length; i++) hash = Math.imul(hash ^ bytes[i]!, 0x01000193);
  return hash >>> 0;
}
