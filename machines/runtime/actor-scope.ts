import type { ActionExecutor, AnyActorLogic, AnyActorRef, EventObject, Snapshot } from 'xstate';
import type { ChartScope } from './xstate-internals.js';
import { interned } from './snapshot.js';

/** As in XState, whose actions look at it. */
export const NOT_STARTED = 0;
export const RUNNING = 1;
export const STOPPED = 2;

/** What of XState's system is not in its types. */
export type System = AnyActorRef['system'] & {
  _bookId(): string;
  _unregister(actor: AnyActorRef): void;
  _sendInspectionEvent(event: object): void;
  _relay(source: AnyActorRef | undefined, target: AnyActorRef, event: EventObject): void;
};

/** Nor what of its actors. */
interface Child extends AnyActorRef {
  _send(event: EventObject): void;
  _stop(): void;
  readonly _processingStatus: number;
}

/** The actor a turn is for. */
interface Self extends AnyActorRef {
  readonly system: System;
  emit(event: EventObject): void;
  bear(logic: AnyActorLogic, id: string, src: string | AnyActorLogic, input: unknown, sessionId?: string): Child;
}

/**
 * Everything XState asks of an actor while it reacts to one event. What is to be done once the new state is in place waits in
 * `deferred`. XState builds a full actor for each child; it is a mere shell here, never started, and the lean one in its place.
 */
export class Turn implements ChartScope {
  readonly deferred: (() => void)[] = [];
  #shells: Map<AnyActorRef, Child> | undefined;

  constructor(
    readonly self: Self,
    /** The actor is not running yet: its actions wait until it is. */
    public isBirth: boolean,
  ) {}

  get id(): string {
    return this.self.id;
  }
  get sessionId(): string {
    return this.self.sessionId;
  }
  get system(): System {
    return this.self.system;
  }
  get logger(): (...words: unknown[]) => void {
    return this.self.system._logger;
  }

  defer(fn: () => void): void {
    this.deferred.push(fn);
  }

  readonly emit = (event: EventObject): void => this.self.emit(event);

  readonly stopChild = (child: AnyActorRef): void => {
    if (child._parent !== this.self)
      throw new Error(`Cannot stop child actor ${child.id} of ${this.id} because it is not a child`);
    (this.#shells?.get(child) ?? (child as Child))._stop();
  };

  /** XState puts another in its place for the length of a step. */
  actionExecutor: ActionExecutor = (action) => {
    if (action.type === 'xstate.spawnChild' && this.#replace(action.params as Spawn)) return;
    if (this.isBirth) this.deferred.push(() => this.#execute(action));
    else this.#execute(action);
  };

  spawn(logic: AnyActorLogic, id: string, src: string, input: unknown): AnyActorRef {
    const child = this.self.bear(logic, id, src, input);
    this.inspect({
      type: '@xstate.action',
      actorRef: this.self,
      action: { type: 'xstate.spawnChild', params: { id, src, input } },
    });
    this.deferred.push(() => child.start());
    return child;
  }

  bury(child: AnyActorRef): void {
    this.inspect({ type: '@xstate.action', actorRef: this.self, action: { type: 'xstate.stopChild', params: child } });
    if ((child as Child)._processingStatus === RUNNING) this.deferred.push(() => this.stopChild(child));
    else this.stopChild(child);
  }

  inspect(event: object): void {
    this.system._sendInspectionEvent(event);
  }

  /** The new state, with lean actors for children. */
  finish(snapshot: Snapshot<unknown>): Snapshot<unknown> {
    const { children } = snapshot as { children?: Record<string, AnyActorRef> };
    if (this.#shells !== undefined && children !== undefined)
      for (const [id, child] of Object.entries(children)) children[id] = this.#shells.get(child) ?? child;
    return interned(snapshot, this.self.getSnapshot());
  }

  #execute(action: Parameters<ActionExecutor>[0]): void {
    const { type, params, info } = action;
    this.system._sendInspectionEvent({ type: '@xstate.action', actorRef: this.self, action: { type, params } });
    action.exec?.(info, params);
  }

  #replace({ actorRef: shell, src, input, systemId }: Spawn): boolean {
    // A named child is in the system's table already, and one that reports snapshots would have to: both stay what they are.
    if (shell === undefined || systemId !== undefined || shell._syncSnapshot === true) return false;
    const child = this.self.bear(shell.logic, shell.id, src, input, shell.sessionId);
    (this.#shells ??= new Map<AnyActorRef, Child>()).set(shell, child);
    shell._send = (event) => child._send(event); // What the same transition sends it.
    this.deferred.push(() => child.start());
    return true;
  }
}

interface Spawn {
  readonly actorRef?: Child & { readonly logic: AnyActorLogic; readonly _syncSnapshot?: boolean };
  readonly src: string | AnyActorLogic;
  readonly input: unknown;
  readonly systemId?: string;
}
