import type { ActionExecutor, AnyActorLogic, AnyActorRef, EventObject } from 'xstate';
import type { ActorSystem } from './actor-system.js';
import { errorEventOf, type ActionFunction, type Args } from './xstate-actions.js';
import {
  halt,
  loggerOf,
  parentOf,
  phaseOf,
  RUNNING,
  schedulerOf,
  sendInspectionEvent,
  STOPPED,
  unregister,
  type System,
} from './xstate-internals.js';

/** How a child is made of its logic. */
export interface ChildOptions {
  /** Default: its session id. */
  readonly id: string | undefined;
  readonly src: string | AnyActorLogic;
  readonly input: unknown;
  /** With one of these the child is an actor of XState's own. */
  readonly systemId?: string | undefined;
  readonly syncSnapshot?: boolean | undefined;
}

/** The actor that a scope is for. */
export interface ScopedActor extends AnyActorRef {
  readonly shared: ActorSystem;
  emitEvent(event: EventObject): void;
  createChild(logic: AnyActorLogic, options: ChildOptions): AnyActorRef;
}

/**
 * Everything that XState asks of an actor while it reacts to one event. It lives as long as the reaction. Work to be done once the new
 * state is in place waits in `deferred`.
 */
export class ActorScope {
  deferred: (() => void)[] | undefined = undefined;

  constructor(
    public self: ScopedActor,
    /** The actor has not started yet: its actions wait until it has. */
    public isInitial: boolean,
  ) {}

  get system(): System {
    return this.self.shared.system;
  }
  get id(): string {
    return this.self.id;
  }
  get sessionId(): string {
    return this.self.sessionId;
  }
  get logger(): (...words: unknown[]) => void {
    return loggerOf(this.system);
  }

  defer(fn: () => void): void {
    (this.deferred ??= []).push(fn);
  }

  // XState's logic takes these three out of the scope.

  get emit(): (event: EventObject) => void {
    return (event) => this.self.emitEvent(event);
  }
  get stopChild(): (child: AnyActorRef) => void {
    return (child) => this.#stop(child);
  }
  get actionExecutor(): ActionExecutor {
    return ({ type, info, params, exec }) => this.act(type, info as Args, params, exec as ActionFunction | undefined);
  }

  /** Performs an action, once the actor has started, and reports it to inspectors. */
  act(type: string, args: Args, params: unknown, perform: ActionFunction | undefined): void {
    if (this.isInitial) return this.defer(() => this.#perform(type, args, params, perform));
    if (this.self.shared.isInspected) return this.#perform(type, args, params, perform);
    perform?.(args, params);
  }

  /** Sends an event once the new state is in place. */
  sendLater(target: AnyActorRef, event: EventObject): void {
    const { self } = this;
    const sent = event.type === 'xstate.error' ? errorEventOf(self, event) : event;
    (this.deferred ??= []).push(() => self.shared.relay(self, target, sent));
  }

  /** Sends the actor itself an event after a delay. */
  raiseLater(event: EventObject, delayMs: number, id: string | undefined): void {
    const { self } = this;
    (this.deferred ??= []).push(() => schedulerOf(self.shared.system).schedule(self, self, event, delayMs, id));
  }

  /** Takes a delayed event back. */
  cancelLater(id: string): void {
    const { self } = this;
    (this.deferred ??= []).push(() => schedulerOf(self.shared.system).cancel(self, id));
  }

  /** Starts a child once the transition is over, unless it was stopped meanwhile. */
  startLater(child: AnyActorRef): void {
    (this.deferred ??= []).push(() => {
      if (phaseOf(child) !== STOPPED) child.start();
    });
  }

  /** Stops a child once the transition is over; one that was never started, at once. */
  stopLater(child: AnyActorRef): void {
    releaseSystemIds(child, this.system);
    if (phaseOf(child) === RUNNING) (this.deferred ??= []).push(() => this.#stop(child));
    else this.#stop(child);
  }

  #perform(type: string, args: Args, params: unknown, perform: ActionFunction | undefined): void {
    const { shared } = this.self;
    if (shared.isInspected)
      sendInspectionEvent(shared.system, { type: '@xstate.action', actorRef: this.self, action: { type, params } });
    perform?.(args, params);
  }

  #stop(child: AnyActorRef): void {
    if (parentOf(child) !== this.self)
      throw new Error(`Cannot stop child actor ${child.id} of ${this.id} because it is not a child`);
    halt(child);
  }
}

/** The same step may start another actor under the same system id. Compact actors have none; XState's own below them may. */
function releaseSystemIds(actor: AnyActorRef, system: System): void {
  const snapshot = actor.getSnapshot() as { readonly children?: Readonly<Record<string, AnyActorRef | undefined>> } | undefined;
  for (const id in snapshot?.children) {
    const child = snapshot.children[id];
    if (child !== undefined) releaseSystemIds(child, system);
  }
  if ((actor as { readonly systemId?: string }).systemId !== undefined) unregister(system, actor);
}
