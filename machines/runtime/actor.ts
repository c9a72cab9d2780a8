import type { AnyActorLogic, AnyActorRef, AnyStateMachine, EventObject, Observer, Snapshot, Subscription } from 'xstate';
import { Chart } from './step.js';
import { isOfChart } from './snapshot.js';
import { NOT_STARTED, RUNNING, STOPPED, Turn, type System } from './actor-scope.js';

/**
 * XState's actor, for the many that wait: the same protocol, the same charts, the same inspection events, at a tenth of the
 * memory. XState's own carries a mailbox, two collections for listeners, a scope of four closures and a copy of its options,
 * 2.3 KiB whether or not anybody listens; a connection has three actors. Here what a transition needs lives as long as the
 * transition, and what listeners need begins with the first one. Children of a lean actor are lean.
 *
 * It rests on internals of XState (`_send`, `_stop`, `_processingStatus`, `_relay`, the shape of a spawn); they are typed or
 * stated below, and `spec/runtime/actor.spec.ts` compares it with the original, event by event.
 */

const PENDING: Snapshot<unknown> = Object.freeze({ status: 'active', output: undefined, error: undefined });
const STOP: EventObject = Object.freeze({ type: 'xstate.stop' });

/** Something that an actor is called after. Inspectors and lookups alone ask, so the name is made when they do, and kept nowhere. */
export interface Named {
  readonly name: string;
}

export interface LeanOptions {
  readonly id: string | Named;
  readonly src: string | AnyActorLogic;
  readonly parent: AnyActorRef;
  readonly input: unknown;
  readonly sessionId?: string;
}

interface Stoppable extends AnyActorRef {
  _stop(): void;
}

type Listener = (event: EventObject) => void;
interface Selection<Selected> {
  subscribe(observer: Observer<Selected> | ((value: Selected) => void)): Subscription;
  get(): Selected;
}

/** Where nobody has defined the symbol, XState and RxJS go by this string; it has the symbol's type to stand as a method's name. */
const observable: typeof Symbol.observable =
  (typeof Symbol === 'function' && Symbol.observable) || ('@@observable' as unknown as typeof Symbol.observable);

export class LeanActor implements AnyActorRef {
  readonly #id: string | Named;
  readonly src: string | AnyActorLogic;
  readonly _parent: AnyActorRef;
  _processingStatus = NOT_STARTED;
  #snapshot: Snapshot<unknown> = PENDING;
  #sessionId: string | undefined;
  #input: unknown; // Until it has started.
  #isBusy = false;
  #waiting: EventObject[] | undefined; // Events that came while it was busy.
  #watchers: Watchers | undefined;

  constructor(
    readonly logic: AnyActorLogic,
    { id, src, parent, input, sessionId }: LeanOptions,
  ) {
    this.#id = id;
    this.src = src;
    this._parent = parent;
    this.#input = input;
    this.#sessionId = sessionId;
    this.system._sendInspectionEvent({ type: '@xstate.actor', actorRef: this });
  }

  get id(): string {
    return typeof this.#id === 'string' ? this.#id : this.#id.name;
  }
  get system(): System {
    return this._parent.system as System;
  }
  get sessionId(): string {
    return (this.#sessionId ??= this.system._bookId());
  }
  get ref(): this {
    return this;
  }
  getSnapshot(): Snapshot<unknown> {
    return this.#snapshot;
  }
  getPersistedSnapshot(options?: unknown): Snapshot<unknown> {
    return this.logic.getPersistedSnapshot(this.#snapshot, options) as Snapshot<unknown>;
  }
  toJSON(): object {
    return { xstate$$type: 1, id: this.id };
  }

  send(event: EventObject): void {
    this.system._relay(undefined, this, event);
  }

  _send(event: EventObject): void {
    if (this._processingStatus === STOPPED) return;
    if (this.#isBusy || this._processingStatus === NOT_STARTED) (this.#waiting ??= []).push(event);
    else this.#work(event);
  }

  start(): void {
    if (this._processingStatus !== NOT_STARTED) return;
    const init = { type: 'xstate.init', input: this.#input };
    this.#input = undefined;
    this.#isBusy = true;
    const turn = new Turn(this, true);
    try {
      const chart = chartOf(this.logic);
      this.#snapshot =
        chart === undefined
          ? turn.finish(this.logic.getInitialSnapshot(turn, init.input) as Snapshot<unknown>)
          : (chart.begin(init.input, turn) as Snapshot<unknown>);
    } catch (error) {
      this.#snapshot = { status: 'error', output: undefined, error };
    }
    this._processingStatus = RUNNING;
    this.system._sendInspectionEvent({ type: '@xstate.event', sourceRef: this._parent, actorRef: this, event: init });
    turn.isBirth = false;
    if (this.#snapshot.status === 'active') this.#begin(turn);
    if (this.#snapshot.status === 'error') return this.#fail();
    this.#update(turn, init);
    this.#work(undefined);
  }

  /** Only parents stop their children, as in XState. */
  stop(): void {
    throw new Error('A non-root actor cannot be stopped directly.');
  }

  _stop(): void {
    if (this._processingStatus === STOPPED) return;
    this.#waiting = undefined;
    if (this._processingStatus === NOT_STARTED) this._processingStatus = STOPPED;
    else this._send(STOP);
  }

  subscribe(
    next: Observer<Snapshot<unknown>> | ((snapshot: Snapshot<unknown>) => void),
    error?: (error: unknown) => void,
    complete?: () => void,
  ): Subscription {
    const observer: Observer<Snapshot<unknown>> =
      typeof next === 'object' ? next : { next, ...(error && { error }), ...(complete && { complete }) };
    if (this._processingStatus !== STOPPED) this.#watch().observers.add(observer);
    else if (this.#snapshot.status === 'done') this.#guarded(() => observer.complete?.());
    else if (this.#snapshot.status === 'error') this.#tellError(observer, this.#snapshot.error);
    return { unsubscribe: () => void this.#watchers?.observers.delete(observer) };
  }

  select<Selected>(
    selector: (snapshot: Snapshot<unknown>) => Selected,
    equal: (a: Selected, b: Selected) => boolean = Object.is,
  ): Selection<Selected> {
    return {
      subscribe: (observer: Observer<Selected> | ((value: Selected) => void)): Subscription => {
        let last = selector(this.#snapshot);
        return this.subscribe((snapshot) => {
          const value = selector(snapshot);
          if (equal(last, value)) return;
          last = value;
          if (typeof observer === 'function') observer(value);
          else observer.next?.(value);
        });
      },
      get: () => selector(this.#snapshot),
    };
  }

  on(type: string, handler: Listener): Subscription {
    const { listeners } = this.#watch();
    const entry = { type, handler };
    listeners.add(entry);
    return { unsubscribe: () => void listeners.delete(entry) };
  }

  [observable](): this {
    return this;
  }

  /** It ended by itself, was stopped, or (`failure`) broke. Called once, before the parent hears of it. */
  protected over(_failure: { readonly error: unknown } | undefined): void {}

  /** For a turn only, like the next one. */
  bear(logic: AnyActorLogic, id: string, src: string | AnyActorLogic, input: unknown, sessionId?: string): LeanActor {
    return new LeanActor(logic, { id, src, parent: this, input, ...(sessionId !== undefined && { sessionId }) });
  }

  emit(event: EventObject): void {
    for (const { type, handler } of [...(this.#watchers?.listeners ?? [])])
      if (type === '*' || type === event.type) this.#guarded(() => handler(event));
  }

  #watch(): Watchers {
    return (this.#watchers ??= { observers: new Set(), listeners: new Set() });
  }

  /** One event after the other; what comes meanwhile waits. */
  #work(first: EventObject | undefined): void {
    this.#isBusy = true;
    if (first !== undefined) this.#process(first);
    while (this.#waiting !== undefined) {
      const waiting = this.#waiting;
      const next = waiting.shift();
      if (waiting.length === 0) this.#waiting = undefined;
      if (next !== undefined) this.#process(next);
    }
    this.#isBusy = false;
  }

  #process(event: EventObject): void {
    const turn = new Turn(this, false);
    try {
      const before = this.#snapshot;
      const chart = isOfChart(before) ? Chart.of(before.machine) : undefined;
      this.#snapshot =
        chart === undefined || !isOfChart(before)
          ? turn.finish(this.logic.transition(before, event, turn) as Snapshot<unknown>)
          : (chart.transition(before, event, turn) as Snapshot<unknown>);
    } catch (error) {
      this.#snapshot = { ...this.#snapshot, status: 'error', output: undefined, error };
      return this.#fail();
    }
    this.#update(turn, event);
    if (event.type !== STOP.type) return;
    this.#cease();
    this.#complete();
  }

  #begin(turn: Turn): void {
    try {
      this.logic.start?.(this.#snapshot, turn);
    } catch (error) {
      this.#snapshot = { ...this.#snapshot, status: 'error', output: undefined, error };
    }
  }

  /** Carries out what the transition has decided, and says how it stands. */
  #update(turn: Turn, event: EventObject): void {
    const snapshot = this.#snapshot;
    const { deferred } = turn;
    for (let i = 0; i < deferred.length; i++) {
      try {
        deferred[i]!();
      } catch (error) {
        deferred.length = 0;
        this.#snapshot = { ...snapshot, status: 'error', output: undefined, error };
      }
    }
    const { status } = this.#snapshot;
    if (status === 'error') this.#fail();
    else if (status !== 'stopped' && this.#watchers !== undefined)
      for (const observer of this.#watchers.observers) this.#guarded(() => observer.next?.(snapshot));
    if (status === 'done') {
      this.#cease();
      this.#complete();
      this.system._relay(this, this._parent, {
        type: `xstate.done.actor.${this.id}`,
        output: this.#snapshot.output,
        actorId: this.id,
      } as EventObject);
    }
    this.system._sendInspectionEvent({ type: '@xstate.snapshot', actorRef: this, event, snapshot });
  }

  #cease(): void {
    if (this._processingStatus !== RUNNING) return;
    this.system.scheduler.cancelAll(this);
    this.#waiting = undefined;
    this._processingStatus = STOPPED;
    this.system._unregister(this);
  }

  #complete(): void {
    const observers = this.#watchers?.observers;
    this.#watchers = undefined;
    this.over(undefined);
    for (const observer of observers ?? []) this.#guarded(() => observer.complete?.());
  }

  #fail(): void {
    const { error } = this.#snapshot;
    const observers = this.#watchers?.observers;
    this.#watchers = undefined;
    this.#cease();
    this.#orphan();
    this.over({ error });
    for (const observer of observers ?? []) this.#tellError(observer, error);
    this.system._relay(this, this._parent, { type: `xstate.error.actor.${this.id}`, error, actorId: this.id } as EventObject);
  }

  /** What a broken chart had begun would go on for ever: its wires, its timers. XState lets it. */
  #orphan(): void {
    const snapshot = this.#snapshot;
    if (!isOfChart(snapshot)) return;
    for (const child of Object.values(snapshot.children as Record<string, Stoppable | undefined>)) child?._stop();
  }

  #tellError(observer: Observer<Snapshot<unknown>>, error: unknown): void {
    if (observer.error === undefined) this.#report(error);
    else this.#guarded(() => observer.error?.(error));
  }

  #guarded(tell: () => void): void {
    try {
      tell();
    } catch (error) {
      this.#report(error);
    }
  }

  /** On a fresh stack, where the platform's own handler of such errors sees it. */
  #report(error: unknown): void {
    this.system._clock.setTimeout(() => {
      throw error;
    }, 0);
  }
}

interface Watchers {
  readonly observers: Set<Observer<Snapshot<unknown>>>;
  readonly listeners: Set<{ readonly type: string; readonly handler: Listener }>;
}

/**
 * For a chart that lean actors have as a child: the shell that XState makes for it computes nothing. Elsewhere it is the chart.
 */
export function sparing<Logic extends AnyActorLogic>(logic: Logic): Logic {
  const getInitialSnapshot: AnyActorLogic['getInitialSnapshot'] = (scope, input) =>
    !(scope.self instanceof LeanActor) && scope.self._parent instanceof LeanActor
      ? PENDING
      : logic.getInitialSnapshot(scope, input);
  return { ...logic, getInitialSnapshot };
}

function chartOf(logic: AnyActorLogic): Chart | undefined {
  const { root } = logic as { root?: { machine: AnyStateMachine } };
  return root === undefined ? undefined : Chart.of(root.machine);
}
