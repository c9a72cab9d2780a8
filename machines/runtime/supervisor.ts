import type { ActorLogic, ActorRefFrom, AnyActorLogic, AnyActorRef, InputFrom, Snapshot } from 'xstate';
import { LeanActor, type LeanOptions, type Named } from './actor.js';

/**
 * Spawns and buries children in constant time. XState's own `spawnChild` copies the record of all children on each spawn
 * and stop, 180 ms each at 100 000; here they live in a map beside the snapshot. They are real child actors all the same:
 * same system and clock, same inspector, `parent` set.
 *
 * A child that throws harms nobody: its error becomes a notice to the hub and goes no further. Nothing is restarted here,
 * for reconnecting is knowledge of the session. A child that was stopped says nothing more; `ended` and `crashed` are only
 * told of a child that still holds its key, and its key is free again before the hub hears of it.
 */

/** What the hub calls a child by. Its actor id is another matter: a constant, or what `named` says, for people. The supervisor is no chart, so XState keeps none of them. */
export type ChildKey = string | number;

export type SupervisorCommand<Child extends AnyActorLogic> =
  /** Without effect while the key is held: that there is one child per key is the registry's promise, not an accident. */
  | {
      readonly type: 'spawn';
      readonly key: ChildKey;
      readonly logic?: Child;
      readonly input: InputFrom<Child>;
      readonly named?: Named;
    }
  /** Ends it at once, without farewell and without notice. Safe for a key that nobody holds. */
  | { readonly type: 'stop'; readonly key: ChildKey }
  | { readonly type: 'stopAll' };

/** What the parent of a supervisor is told. */
export type SupervisorNotice<Output = unknown> =
  | { readonly type: 'connection.ended'; readonly key: ChildKey; readonly output: Output }
  | { readonly type: 'connection.crashed'; readonly key: ChildKey; readonly error: unknown };

export type SupervisorSnapshot = Snapshot<undefined> & { readonly children: Children };
export type SupervisorLogic<Child extends AnyActorLogic> = ActorLogic<SupervisorSnapshot, SupervisorCommand<Child>, undefined>;

/** The children of the supervisor `ref`, by key. A live view: what it shows changes as children come and go. */
export function supervised<Child extends AnyActorLogic>(ref: AnyActorRef): ReadonlyMap<ChildKey, ActorRefFrom<Child>> {
  return (ref.getSnapshot() as SupervisorSnapshot).children.byKey as ReadonlyMap<ChildKey, ActorRefFrom<Child>>;
}

/**
 * Logic of a supervisor whose children run `child` under the constant actor id `childId`. Invoke it from the hub.
 * A spawn may bring a variant of `child`, such as the connection chart over some protocol.
 */
export function fromSupervisor<Child extends AnyActorLogic>(child: Child, childId = 'connection'): SupervisorLogic<Child> {
  return {
    getInitialSnapshot: () => ({ status: 'active', output: undefined, error: undefined, children: new Children() }),
    transition(snapshot, event, scope) {
      const { children } = snapshot;
      // Besides the commands, XState sends `xstate.stop`, and the ends of children that their watches have already told.
      const command = event as SupervisorCommand<Child> | { readonly type: 'xstate.stop' };
      switch (command.type) {
        case 'spawn':
          children.spawn(command.key, command.logic ?? child, {
            id: command.named ?? childId,
            src: childId,
            parent: scope.self as AnyActorRef,
            input: command.input as unknown,
          });
          return snapshot;
        case 'stop':
          children.stop(command.key, scope.stopChild);
          return snapshot;
        case 'stopAll':
          children.stopAll(scope.stopChild);
          return snapshot;
        case 'xstate.stop':
          children.stopAll(scope.stopChild);
          return { status: 'stopped', output: undefined, error: undefined, children };
        default:
          return snapshot;
      }
    },
    // Live sessions are not persisted: their timers and wires could not be (xstate.md, rule 7).
    getPersistedSnapshot: ({ children: _, ...rest }) => rest,
    restoreSnapshot: () => ({ status: 'active', output: undefined, error: undefined, children: new Children() }),
  };
}

class Children {
  readonly #byKey = new Map<ChildKey, AnyActorRef>();

  get byKey(): ReadonlyMap<ChildKey, AnyActorRef> {
    return this.#byKey;
  }

  spawn(key: ChildKey, logic: AnyActorLogic, options: LeanOptions): void {
    if (this.#byKey.has(key)) return;
    const ref = new Ward(key, this, logic, options);
    this.#byKey.set(key, ref);
    ref.start();
  }

  /** True when the child held its key until now. */
  release(key: ChildKey, ref: AnyActorRef): boolean {
    return this.#byKey.get(key) === ref && this.#byKey.delete(key);
  }

  stop(key: ChildKey, stopChild: (ref: AnyActorRef) => void): void {
    const ref = this.#byKey.get(key);
    if (ref === undefined) return;
    this.#byKey.delete(key);
    stopChild(ref);
  }

  stopAll(stopChild: (ref: AnyActorRef) => void): void {
    const refs = [...this.#byKey.values()];
    this.#byKey.clear(); // First, so that what an ending brings about finds an empty house.
    for (const ref of refs) stopChild(ref);
  }

  toJSON(): { size: number } {
    return { size: this.#byKey.size };
  }
}

/** A child that says how it ended, while it holds its key. */
class Ward extends LeanActor {
  constructor(
    readonly key: ChildKey,
    readonly siblings: Children,
    logic: AnyActorLogic,
    options: LeanOptions,
  ) {
    super(logic, options);
  }

  protected override over(failure: { readonly error: unknown } | undefined): void {
    const { key } = this;
    if (!this.siblings.release(key, this)) return;
    const notice: SupervisorNotice =
      failure === undefined
        ? { type: 'connection.ended', key, output: this.getSnapshot().output }
        : { type: 'connection.crashed', key, error: failure.error };
    this._parent._parent?.send(notice);
  }
}
