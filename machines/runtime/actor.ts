import type { AnyActorLogic, AnyActorRef, AnyMachineSnapshot, EventObject, Observer, Snapshot, Subscription } from 'xstate';
import { assert } from '../errors.js';
import { ActorScope, type ChildOptions } from './actor-scope.js';
import { ActorSystem } from './actor-system.js';
import type { Configuration } from './configuration.js';
import { Macrostep } from './macrostep.js';
import { isChart, PrecomputedTransitions } from './precomputed-transitions.js';
import { createReferenceChild, isCompact } from './runtime.js';
import * as internals from './xstate-internals.js';
import { NOT_STARTED, RUNNING, STOPPED } from './xstate-internals.js';

/** An id that is made when an inspector or a lookup asks for it, and kept nowhere. */
export interface Named {
  readonly name: string;
}

export interface CompactOptions {
  /** Default: the session id. */
  readonly id: string | Named | undefined;
  readonly src: string | AnyActorLogic;
  readonly parent: AnyActorRef | undefined;
  readonly input: unknown;
}

/** The members of a root that its children share. */
export interface RootSystem {
  readonly shared: ActorSystem;
  readonly sessionId: string;
}

type Listener = (event: EventObject) => void;
interface Selection<Selected> {
  subscribe(observer: Observer<Selected> | ((value: Selected) => void)): Subscription;
  get(): Selected;
}
interface Listeners {
  readonly observers: Set<Observer<Snapshot<unknown>>>;
  readonly handlers: Set<{ readonly type: string; readonly handler: Listener }>;
}

/** Where no library has defined the symbol, XState and RxJS use this string; it has the symbol's type to stand as a method's name. */
const observable: typeof Symbol.observable =
  (typeof Symbol === 'function' && Symbol.observable) || ('@@observable' as unknown as typeof Symbol.observable);

/**
 * An actor that behaves like XState's for every chart it supports, every inspection event included, at a tenth of the memory.
 * XState's own carries a mailbox, two collections for listeners, a scope of four closures and a copy of its options, 2.3 KiB whether
 * or not they are used; a connection has three actors. Here what a transition needs lives as long as the transition, and the
 * collections for listeners begin with the first one. Its children are compact too, where their logic allows it.
 */
export class CompactActor extends internals.ActorProtocol implements AnyActorRef {
  readonly #id: string | Named | undefined;
  readonly src: string | AnyActorLogic;
  #snapshot: Snapshot<unknown>;
  #sessionId: string | undefined; // From the first use on.
  /** The state shared with all actors of its system. */
  readonly shared: ActorSystem;
  #configuration: Configuration | undefined; // Of a chart: where it is.
  #birth: { readonly scope: ActorScope; readonly event: EventObject } | undefined; // Until it has started.
  #isBusy = false;
  #waiting: EventObject[] | undefined; // Events that came while it was busy.
  #listeners: Listeners | undefined;

  constructor(
    readonly logic: AnyActorLogic,
    { id, src, parent, input }: CompactOptions,
    root?: RootSystem,
  ) {
    super(parent);
    const chart = PrecomputedTransitions.of(logic);
    assert(chart !== undefined || !isChart(logic), 'the compact runtime supports every feature that the chart uses');
    this.#id = id;
    this.src = src;
    this.#sessionId = root?.sessionId;
    this.shared = root?.shared ?? sharedOf(parent!);
    if (this.shared.isInspected) this.#report({ type: '@xstate.actor' });
    const event = internals.initEvent(input);
    this.#snapshot = internals.PENDING;
    this.#birth = { scope: chart === undefined ? this.#begin(event) : this.#enter(chart, event), event };
  }

  get id(): string {
    const id = this.#id ?? this.sessionId;
    return typeof id === 'string' ? id : id.name;
  }
  get system(): internals.System {
    return this.shared.system;
  }
  get sessionId(): string {
    return (this.#sessionId ??= internals.nextSessionId(this.system));
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
    this.shared.relay(undefined, this, event);
  }

  receive(event: EventObject): void {
    if (this.phase === STOPPED) return;
    if (this.#isBusy || this.phase === NOT_STARTED) {
      (this.#waiting ??= []).push(event);
      return;
    }
    this.#isBusy = true;
    this.#process(event);
    if (this.#waiting !== undefined) this.#workOff();
    this.#isBusy = false;
  }

  start(): this {
    const birth = this.#birth;
    if (this.phase !== NOT_STARTED || birth === undefined) return this;
    const { scope, event } = birth;
    this.#birth = undefined;
    this.#isBusy = true;
    this.phase = RUNNING;
    const parent = internals.parentOf(this);
    if (parent === undefined) internals.register(this.system, this);
    if (this.shared.isInspected) this.#report({ type: '@xstate.event', sourceRef: parent, event });
    scope.isInitial = false;
    if (this.#snapshot.status === 'active') this.#startLogic(scope);
    if (this.#snapshot.status === 'error') {
      this.#fail();
      return this;
    }
    this.#update(scope, event);
    if (scope instanceof Macrostep) scope.release();
    if (this.#waiting !== undefined) this.#workOff();
    this.#isBusy = false;
    return this;
  }

  /** Only a root is stopped by its user; parents stop their children. */
  stop(): this {
    if (internals.parentOf(this) !== undefined) throw new Error('A non-root actor cannot be stopped directly.');
    this.halt();
    return this;
  }

  halt(): void {
    if (this.phase === STOPPED) return;
    this.#waiting = undefined;
    if (this.phase === NOT_STARTED) this.phase = STOPPED;
    else this.receive(internals.STOP);
  }

  subscribe(
    next: Observer<Snapshot<unknown>> | ((snapshot: Snapshot<unknown>) => void),
    error?: (error: unknown) => void,
    complete?: () => void,
  ): Subscription {
    const observer: Observer<Snapshot<unknown>> =
      typeof next === 'object' ? next : { next, ...(error && { error }), ...(complete && { complete }) };
    if (this.phase !== STOPPED) this.#listening().observers.add(observer);
    else if (this.#snapshot.status === 'done') this.#guarded(() => observer.complete?.());
    else if (this.#snapshot.status === 'error') this.#passError(observer, this.#snapshot.error);
    return { unsubscribe: () => void this.#listeners?.observers.delete(observer) };
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
    const { handlers } = this.#listening();
    const entry = { type, handler };
    handlers.add(entry);
    return { unsubscribe: () => void handlers.delete(entry) };
  }

  [observable](): this {
    return this;
  }

  /** It ended by itself, was stopped, or threw (`failure`). Called once, before the parent gets the event of it. */
  protected ended(_failure: { readonly error: unknown } | undefined): void {}

  /** For an `ActorScope` only, as is `emitEvent`. */
  createChild(logic: AnyActorLogic, options: ChildOptions): AnyActorRef {
    const { id, src, input, systemId, syncSnapshot } = options;
    return systemId !== undefined || syncSnapshot === true || !isCompact(logic)
      ? createReferenceChild(logic, { ...options, parent: this })
      : new CompactActor(logic, { id, src, input, parent: this });
  }

  emitEvent(event: EventObject): void {
    const handlers = [...(this.#listeners?.handlers ?? [])];
    for (const { type, handler } of handlers) if (type === event.type) this.#guarded(() => handler(event));
    for (const { type, handler } of handlers) if (type === '*') this.#guarded(() => handler(event));
  }

  #listening(): Listeners {
    return (this.#listeners ??= { observers: new Set(), handlers: new Set() });
  }

  /** Its first snapshot; what follows from it waits in the scope until it starts. */
  #enter(chart: PrecomputedTransitions, event: EventObject): ActorScope {
    const step = chart.begin(this, event);
    this.#snapshot = step.snapshot;
    this.#configuration = step.configuration;
    return step;
  }

  #begin(event: EventObject): ActorScope {
    const scope = new ActorScope(this, true);
    try {
      this.#snapshot = this.logic.getInitialSnapshot(scope, (event as { input?: unknown }).input) as Snapshot<unknown>;
    } catch (error) {
      this.#snapshot = { status: 'error', output: undefined, error };
    }
    return scope;
  }

  /** One event after the other; what comes meanwhile waits. */
  #workOff(): void {
    while (this.#waiting !== undefined) {
      const waiting = this.#waiting;
      const next = waiting.shift();
      if (waiting.length === 0) this.#waiting = undefined;
      if (next !== undefined) this.#process(next);
    }
  }

  #process(event: EventObject): void {
    const configuration = this.#configuration;
    if (configuration === undefined) return this.#pass(event);
    const before = this.#snapshot;
    const step = Macrostep.vacant();
    try {
      this.#snapshot = step.run(configuration, before as AnyMachineSnapshot, this, event);
      this.#configuration = step.configuration;
    } catch (error) {
      this.#snapshot = { ...before, status: 'error', output: undefined, error };
      return this.#fail();
    }
    this.#update(step, event);
    step.release();
    if (event.type === internals.STOP.type) this.#stopped();
  }

  /** To a logic that is no chart. */
  #pass(event: EventObject): void {
    const before = this.#snapshot;
    const scope = new ActorScope(this, false);
    try {
      this.#snapshot = this.logic.transition(before, event, scope) as Snapshot<unknown>;
    } catch (error) {
      this.#snapshot = { ...before, status: 'error', output: undefined, error };
      return this.#fail();
    }
    this.#update(scope, event);
    if (event.type === internals.STOP.type) this.#stopped();
  }

  #stopped(): void {
    this.#cease();
    this.#complete();
  }

  #startLogic(scope: ActorScope): void {
    try {
      this.logic.start?.(this.#snapshot, scope);
    } catch (error) {
      this.#snapshot = { ...this.#snapshot, status: 'error', output: undefined, error };
    }
  }

  /** Carries out what the transition has decided, and reports the new state. */
  #update(scope: ActorScope, event: EventObject): void {
    const snapshot = this.#snapshot;
    const { deferred } = scope;
    for (let i = 0; deferred !== undefined && i < deferred.length; i++) {
      try {
        deferred[i]!();
      } catch (error) {
        deferred.length = 0;
        this.#snapshot = { ...snapshot, status: 'error', output: undefined, error };
      }
    }
    const { status } = this.#snapshot;
    if (status === 'error') this.#fail();
    else if (status !== 'stopped' && this.#listeners !== undefined)
      for (const observer of this.#listeners.observers) this.#guarded(() => observer.next?.(snapshot));
    if (status === 'done') {
      this.#cease();
      this.#complete();
      const parent = internals.parentOf(this);
      if (parent !== undefined) this.shared.relay(this, parent, internals.doneEvent(this.id, this.#snapshot.output));
    }
    if (this.shared.isInspected) this.#report({ type: '@xstate.snapshot', event, snapshot });
  }

  #cease(): void {
    if (this.phase !== RUNNING) return;
    internals.cancelTimers(this.system, this);
    this.#waiting = undefined;
    this.phase = STOPPED;
    if (internals.parentOf(this) === undefined) internals.unregister(this.system, this);
  }

  #complete(): void {
    const observers = this.#listeners?.observers;
    this.#listeners = undefined;
    this.ended(undefined);
    for (const observer of observers ?? []) this.#guarded(() => observer.complete?.());
  }

  #fail(): void {
    const { error } = this.#snapshot;
    const observers = this.#listeners?.observers;
    this.#listeners = undefined;
    this.#cease();
    this.#stopChildren();
    this.ended({ error });
    const parent = internals.parentOf(this);
    if (parent === undefined && (observers === undefined || observers.size === 0)) this.#throwLater(error);
    for (const observer of observers ?? []) this.#passError(observer, error);
    if (parent !== undefined) this.shared.relay(this, parent, internals.errorEvent(this.id, error));
  }

  /** The wires and timers that a broken chart has begun would go on for ever. XState leaves them running. */
  #stopChildren(): void {
    if (!isChart(this.logic)) return;
    const { children } = this.#snapshot as { readonly children?: Readonly<Record<string, AnyActorRef | undefined>> };
    for (const child of Object.values(children ?? {})) if (child !== undefined) internals.halt(child);
  }

  #passError(observer: Observer<Snapshot<unknown>>, error: unknown): void {
    if (observer.error === undefined) this.#throwLater(error);
    else this.#guarded(() => observer.error?.(error));
  }

  #guarded(call: () => void): void {
    try {
      call();
    } catch (error) {
      this.#throwLater(error);
    }
  }

  #report(event: { readonly type: string; readonly [more: string]: unknown }): void {
    internals.sendInspectionEvent(this.shared.system, { ...event, actorRef: this });
  }

  /** Throws on a fresh stack, where the platform's own handler of such errors sees it. */
  #throwLater(error: unknown): void {
    internals.clockOf(this.system).setTimeout(() => {
      throw error;
    }, 0);
  }
}

internals.answerToXState(CompactActor);

function sharedOf(parent: AnyActorRef): ActorSystem {
  return parent instanceof CompactActor ? parent.shared : ActorSystem.of(parent.system);
}
