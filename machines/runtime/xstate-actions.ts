import type { ActionArgs, ActionExecutor, AnyActorLogic, AnyActorRef, AnyMachineSnapshot, EventObject } from 'xstate';
import { errorEvent, type Draft, type System } from './xstate-internals.js';

/** The parts of XState's actions and guards that the compact runtime uses, as `xstate-internals.ts` has those of the rest. */

export type Args = ActionArgs<AnyMachineSnapshot['context'], EventObject, EventObject>;

/** The members of an actor that XState's own actions use. */
export interface ActionScope {
  readonly self: AnyActorRef;
  readonly system: System;
  readonly actionExecutor: ActionExecutor;
  defer(fn: () => void): void;
  /** Performs an action, once the actor has started, and reports it to inspectors. */
  act(type: string, args: Args, params: unknown, perform: ActionFunction | undefined): void;
}

/** An action as a function: one of the chart's own, or one of XState's (`assign`, `sendTo`) that carries its parts with it. */
export interface ActionFunction {
  (args: Args, params: unknown): void;
  readonly type?: string;
}
interface BuiltIn extends ActionFunction, Omit<Partial<Spawn>, 'id'>, Sending {
  readonly resolve: (
    scope: object,
    draft: Draft,
    args: Args,
    params: unknown,
    action: BuiltIn,
    extra: Extra,
  ) => readonly unknown[];
  readonly retryResolve?: (scope: object, draft: Draft, outcome: unknown) => void;
  readonly execute?: (scope: object, outcome: unknown) => void;
  readonly assignment?: unknown; // Of `assign`.
  readonly actorRef?: unknown; // Of `stopChild`.
}
interface Extra {
  readonly internalQueue: EventObject[];
  readonly deferredActorIds: readonly string[] | undefined;
}

const ASSIGN = 'xstate.assign';
const SPAWN = 'xstate.spawnChild';
const STOP_CHILD = 'xstate.stopChild';
const SEND_TO = 'xstate.sendTo';
const RAISE = 'xstate.raise';
const CANCEL = 'xstate.cancel';
/** Resolving these leaves the snapshot as it is. `enqueueActions` answers with more actions. */
const PASSIVE = [SEND_TO, RAISE, CANCEL, 'xstate.emit', 'xstate.log', 'xstate.enqueueActions'];
const KNOWN = new Set([ASSIGN, SPAWN, STOP_CHILD, ...PASSIVE]);

const isBuiltIn = (action: unknown): action is BuiltIn => typeof action === 'function' && 'resolve' in action;

/** Whether the compact runtime performs this action as XState does: one of the chart's own, or one of XState's that it knows. */
export function isKnownAction(action: unknown): boolean {
  if (!isBuiltIn(action)) return true;
  return KNOWN.has(action.type ?? '');
}

/**
 * How an action is performed: `own` is called, `else` goes to `performBuiltIn`. So do `send`, `raise` and `cancel` while an
 * inspector is to see them; otherwise they need no more than their parts.
 */
export type ActionKind = 'own' | 'assign' | 'spawn' | 'stop' | 'send' | 'raise' | 'cancel' | 'else';

export function kindOf(action: ActionFunction | undefined): ActionKind {
  if (!isBuiltIn(action)) return 'own';
  switch (action.type) {
    case ASSIGN:
      return 'assign';
    case SPAWN:
      return 'spawn';
    case STOP_CHILD:
      return 'stop';
    case CANCEL:
      return 'cancel';
    case RAISE:
      return typeof action.event === 'string' ? 'else' : 'raise';
    case SEND_TO:
      return isPlainSend(action) ? 'send' : 'else';
    default:
      return 'else';
  }
}

/** To a child by its plain name or to an actor, at once. */
function isPlainSend({ to, event, delay }: BuiltIn): boolean {
  return (
    delay === undefined &&
    typeof event !== 'string' &&
    (typeof to === 'function' || (typeof to === 'string' && !to.startsWith('#')))
  );
}

/** The parts of `sendTo`, `raise` and `cancel`, each a value or a function of the action's arguments and parameters. */
export interface Sending {
  readonly to?: unknown;
  readonly event?: unknown;
  /** Of a delayed event: a timer's name. */
  readonly id?: string | undefined;
  readonly delay?: unknown;
  /** Of `cancel`: the name of the timer. */
  readonly sendId?: unknown;
}
export function sendingOf(action: ActionFunction | undefined): Sending {
  return action as BuiltIn & Sending;
}

/** The event that XState's `sendTo` makes of one of the type `xstate.error`: the one that a parent gets of its child's error. */
export const errorEventOf = (sender: AnyActorRef, event: EventObject): EventObject =>
  errorEvent(sender.id, (event as EventObject & { readonly data?: unknown }).data);

export function assignmentOf(action: ActionFunction | undefined): unknown {
  return (action as BuiltIn).assignment;
}
export interface Spawn {
  readonly src: string | AnyActorLogic;
  readonly id?: unknown;
  readonly input?: unknown;
  readonly systemId?: string | undefined;
  readonly syncSnapshot?: boolean | undefined;
}
export function spawnOf(action: ActionFunction | undefined): Spawn {
  return action as BuiltIn & Spawn;
}
export function stopTargetOf(action: ActionFunction | undefined): unknown {
  return (action as BuiltIn).actorRef;
}

/**
 * Performs one of XState's own actions that leaves the snapshot alone, and returns the actions that follow from it.
 *
 * @param raised takes the events that the chart raises for itself
 * @param invoked ids of children that begin in the same state, and may be sent to
 */
export function performBuiltIn(
  action: ActionFunction,
  scope: ActionScope,
  draft: Draft,
  args: Args,
  params: unknown,
  raised: EventObject[],
  invoked: readonly string[] | undefined,
  retries: ((draft: Draft) => void)[] | undefined,
): unknown {
  const builtIn = action as BuiltIn;
  const [, outcome, more] = builtIn.resolve(scope, draft, args, params, builtIn, {
    internalQueue: raised,
    deferredActorIds: invoked,
  });
  const { retryResolve, execute } = builtIn;
  if (retryResolve !== undefined) retries?.push((later) => retryResolve(scope, later, outcome));
  if (execute !== undefined) {
    scope.act(builtIn.type ?? '', args, outcome, () => execute(scope, outcome));
  }
  return more;
}

export const SPAWN_ACTION = SPAWN;
export const STOP_ACTION = STOP_CHILD;

/** A guard: one of the chart's own, or one of XState's (`and`, `stateIn`). */
export interface GuardFunction {
  (args: { readonly context: unknown; readonly event: EventObject }, params: unknown): boolean;
  readonly check?: (snapshot: AnyMachineSnapshot, args: object, guard: GuardFunction) => boolean;
}

/** True: `checkBuiltIn` answers for it, not the guard itself. */
export function isBuiltInGuard(guard: GuardFunction): boolean {
  return guard.check !== undefined;
}
export function checkBuiltIn(guard: GuardFunction, snapshot: AnyMachineSnapshot, args: object): boolean {
  return guard.check!(snapshot, args, guard);
}
