import type { ActionExecutor, AnyActorLogic, AnyActorRef, EventObject } from 'xstate';
import {
  halt,
  loggerOf,
  parentOf,
  phaseOf,
  RUNNING,
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
interface Self extends AnyActorRef {
  emitEvent(event: EventObject): void;
  createChild(logic: AnyActorLogic, options: ChildOptions): AnyActorRef;
}

/**
 * All that XState asks of an actor while it reacts to one event. It lives as long as the reaction. What is to be done once the new
 * state is in place waits in `deferred`.
 */
export class ActorScope {
  readonly deferred: (() => void)[] = [];
  readonly system: System;

  constructor(
    readonly self: Self,
    /** The actor has not started yet: its actions wait until it has. */
    public isInitial: boolean,
  ) {
    this.system = self.system;
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
    this.deferred.push(fn);
  }

  readonly emit = (event: EventObject): void => this.self.emitEvent(event);

  readonly stopChild = (child: AnyActorRef): void => {
    if (parentOf(child) !== this.self)
      throw new Error(`Cannot stop child actor ${child.id} of ${this.id} because it is not a child`);
    halt(child);
  };

  readonly actionExecutor: ActionExecutor = (action) => {
    if (this.isInitial) this.deferred.push(() => this.#execute(action));
    else this.#execute(action);
  };

  /** Starts a child once the transition is over, unless it was stopped meanwhile. */
  startLater(child: AnyActorRef): void {
    this.deferred.push(() => {
      if (phaseOf(child) !== STOPPED) child.start();
    });
  }

  /** Stops a child once the transition is over; one that was never started, at once. */
  stopLater(child: AnyActorRef): void {
    releaseSystemIds(child, this.system);
    if (phaseOf(child) === RUNNING) this.deferred.push(() => this.stopChild(child));
    else this.stopChild(child);
  }

  #execute(action: Parameters<ActionExecutor>[0]): void {
    const { type, params, info } = action;
    sendInspectionEvent(this.system, { type: '@xstate.action', actorRef: this.self, action: { type, params } });
    action.exec?.(info, params);
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
