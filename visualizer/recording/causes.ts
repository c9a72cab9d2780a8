import type { EventObject } from 'xstate';
import type { Cause } from './format.js';

/** One event on its way through an actor: it waits, it is processed, it is done. */
export interface Delivery {
  /** From when it is processed on: steps count in the order in which they begin. */
  step: number;
  readonly event: EventObject;
  readonly t: number;
  readonly cause: Cause;
}

/** The events that an actor has still to process, as far as inspection tells. */
export interface Mailbox {
  readonly number: number;
  /** Events that were sent to it and not processed; the first one may be under way. */
  readonly waiting: Delivery[];
  /** A chart writes a line for each of its steps. A service has none: what it causes has the cause of its step. */
  readonly isChart: boolean;
  hasStarted: boolean;
}

/** Events that one actor may have waiting before the oldest are forgotten: they were sent to an actor that ends without reading them. */
const WAITING_MAX = 256;
/** Actors that process events inside one another, at most; more are a trace that was lost. */
const NESTED_MAX = 256;

/**
 * Finds the cause of each event. XState says who sent an event where an actor of its system did, and nothing where a plain call did it: but
 * all runs synchronously, so what is sent while an actor processes an event was caused by that event. Of several actors
 * that process events inside one another the innermost is the one.
 */
export class Causes {
  /** Actors in the middle of an event, the innermost last. */
  readonly #active: Mailbox[] = [];
  readonly #timers = new WeakMap<EventObject, { readonly timer: string; readonly step: number | undefined }>();
  #steps = 0;

  /** False: no actor processes an event as far as is known, so whatever comes next comes from outside. */
  get isBusy(): boolean {
    return this.#active.length > 0;
  }

  /** The step under way, as the cause of everything that happens now. */
  get current(): Cause {
    const mailbox = this.#active.at(-1);
    const delivery = mailbox?.waiting[0];
    if (mailbox === undefined || delivery === undefined) return {};
    return mailbox.isChart ? { step: delivery.step, actor: mailbox.number } : delivery.cause;
  }

  /** The step under way, a service's too; 0 where there is none. Its effects are written behind it. */
  get currentStep(): number {
    return this.#active.at(-1)?.waiting[0]?.step ?? 0;
  }

  /** A timer was set whose elapsing sends this very event. */
  armed(event: EventObject, timer: string): void {
    this.#timers.set(event, { timer, step: this.current.step });
  }

  sent(target: Mailbox, event: EventObject, source: Mailbox | undefined, t: number): Delivery {
    const delivery: Delivery = { step: 0, event, t, cause: this.#causeOf(event, source) };
    const { waiting } = target;
    const isFirst = event.type === 'xstate.init';
    if (isFirst) waiting.unshift(delivery);
    else waiting.push(delivery);
    if (isFirst) target.hasStarted = true;
    if (waiting.length > WAITING_MAX) waiting.splice(1, 1);
    if (target.hasStarted && waiting[0] === delivery) this.#begin(target);
    return delivery;
  }

  /** The actor has processed this event. Undefined: it was not sent as an event (a parent's stop). */
  processed(target: Mailbox, event: EventObject): Delivery | undefined {
    const { waiting } = target;
    const at = waiting.findIndex((each) => each.event === event);
    const delivery = waiting[at];
    if (at >= 0) waiting.splice(0, at + 1);
    if (at >= 0 || waiting.length === 0) this.#leave(target);
    if (at >= 0 && waiting.length > 0) this.#begin(target);
    return delivery;
  }

  /** It processes nothing more. */
  ended(target: Mailbox): void {
    target.waiting.length = 0;
    this.#leave(target);
  }

  /** Nothing is under way, whatever was thought: a timer of the platform's calls. */
  reset(): void {
    for (const mailbox of this.#active.splice(0)) mailbox.waiting.length = 0;
  }

  #causeOf(event: EventObject, source: Mailbox | undefined): Cause {
    const timer = this.#timers.get(event);
    if (timer !== undefined) return { ...(timer.step !== undefined && { step: timer.step }), timer: timer.timer };
    const { current } = this;
    if (source === undefined || source.number === current.actor) return current;
    return { ...(current.step !== undefined && { step: current.step }), actor: source.number };
  }

  #begin(mailbox: Mailbox): void {
    if (this.#active.length >= NESTED_MAX) this.reset();
    mailbox.waiting[0]!.step = ++this.#steps;
    this.#active.push(mailbox);
  }

  #leave(mailbox: Mailbox): void {
    const at = this.#active.lastIndexOf(mailbox);
    if (at >= 0) this.#active.splice(at, 1);
  }
}
