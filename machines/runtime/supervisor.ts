import type { ActorLogic, ActorRefFrom, AnyActorLogic, AnyActorRef, InputFrom, Snapshot } from 'xstate';
import { CompactActor, type CompactOptions, type Named } from './actor.js';
import { createReferenceChild, isCompact, runtimeOf } from './runtime.js';
import { parentOf } from './xstate-internals.js';

/**
 * Starts and stops children in constant time. XState's own `spawnChild` copies the record of all children on each spawn and stop,
 * 180 ms each at 100 000; here they live in a map beside the snapshot. They are real child actors all the same: same system and
 * clock, same inspector, `parent` set. They run under the runtime of their system.
 *
 * A child that throws stops neither its siblings nor the hub: its error becomes a notice to the hub. Nothing is restarted here, for
 * the session decides about reconnecting. Children are stopped with their supervisor, without a notice; one
 * by one they end by their own final state. The key of a child is free before the notice of its end is sent.
 */

/** The hub's key of a child. Its actor id is a constant, or what `named` says. */
export type ChildKey = string | number;

/** Without effect while the key is held. */
export interface SupervisorCommand<Child extends AnyActorLogic> {
  readonly type: 'spawn';
  readonly key: ChildKey;
  readonly logic?: Child;
  readonly input: InputFrom<Child>;
  readonly named?: Named;
}

/** Events that a supervisor sends to its parent. */
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
      // Besides the commands there are `xstate.stop`, and the done and error events of children, of which a notice was sent before.
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
        case 'xstate.stop':
          children.stopAll(scope.stopChild);
          return { status: 'stopped', output: undefined, error: undefined, children };
        default:
          return snapshot;
      }
    },
    // Live sessions are not persisted: their timers and wires can't be.
    getPersistedSnapshot: ({ children: _, ...rest }) => rest,
    restoreSnapshot: () => ({ status: 'active', output: undefined, error: undefined, children: new Children() }),
  };
}

class Children {
  readonly #byKey = new Map<ChildKey, AnyActorRef>();

  get byKey(): ReadonlyMap<ChildKey, AnyActorRef> {
    return this.#byKey;
  }

  spawn(key: ChildKey, logic: AnyActorLogic, options: SupervisedOptions): void {
    if (this.#byKey.has(key)) return;
    const ref =
      runtimeOf(options.parent.system) === 'compact' && isCompact(logic)
        ? new SupervisedActor(key, this, logic, options)
        : this.#reference(key, logic, options);
    this.#byKey.set(key, ref);
    ref.start();
  }

  /** The child held its key until now: its parent gets its end. */
  ended(key: ChildKey, ref: AnyActorRef, failure: { readonly error: unknown } | undefined): void {
    if (!this.release(key, ref)) return;
    const supervisor = parentOf(ref);
    const notice: SupervisorNotice =
      failure === undefined
        ? { type: 'connection.ended', key, output: (ref.getSnapshot() as Snapshot<unknown>).output }
        : { type: 'connection.crashed', key, error: failure.error };
    if (supervisor !== undefined) parentOf(supervisor)?.send(notice);
  }

  #reference(key: ChildKey, logic: AnyActorLogic, { id, ...options }: SupervisedOptions): AnyActorRef {
    const isFixed = typeof id === 'string';
    const ref = createReferenceChild(logic, { ...options, id: isFixed ? id : id.name });
    if (!isFixed) Object.defineProperty(ref, 'id', { get: () => id.name });
    ref.subscribe({
      complete: () => this.ended(key, ref, undefined),
      error: (error: unknown) => this.ended(key, ref, { error }),
    });
    return ref;
  }

  /** True when the child held its key until now. */
  release(key: ChildKey, ref: AnyActorRef): boolean {
    return this.#byKey.get(key) === ref && this.#byKey.delete(key);
  }

  stopAll(stopChild: (ref: AnyActorRef) => void): void {
    const refs = [...this.#byKey.values()];
    this.#byKey.clear(); // Clear first: stopping a child may re-enter.
    for (const ref of refs) stopChild(ref);
  }

  toJSON(): { size: number } {
    return { size: this.#byKey.size };
  }
}

interface SupervisedOptions extends CompactOptions {
  readonly id: string | Named;
  readonly parent: AnyActorRef;
}

/** A child that reports its end while it holds its key. */
class SupervisedActor extends CompactActor {
  constructor(
    readonly key: ChildKey,
    readonly siblings: Children,
    logic: AnyActorLogic,
    options: SupervisedOptions,
  ) {
    super(logic, options);
  }

  protected override ended(failure: { readonly error: unknown } | undefined): void {
    this.siblings.ended(this.key, this, failure);
  }
}
