import type { AnyStateMachine } from 'xstate';
import { childrenOf, isAtomic } from './transition-set.js';
import { isKnownAction, kindOf, spawnOf, type ActionFunction, type GuardFunction } from './xstate-actions.js';
import type { StateNode, Transition } from './xstate-internals.js';

/** An action or a guard as a chart states it: by its name, with parameters, or itself. */
type Stated<Itself> = string | { readonly type: string; readonly params?: unknown } | Itself;
export type Action = Stated<ActionFunction>;
export type GuardLike = Stated<GuardFunction>;

export function nameOf(stated: Action | GuardLike): string {
  if (typeof stated === 'string') return stated;
  return typeof stated === 'function' ? stated.name : stated.type;
}

/**
 * Whether the compact runtime runs the chart. XState's own interpreter runs the others: charts with history states, with actor logic
 * in place of its name, with an atomic root, or with built-in actions that are not known here.
 */
export function isSupported(machine: AnyStateMachine): boolean {
  const { actions, actors } = machine.implementations as { actions: Record<string, unknown>; actors: Record<string, unknown> };
  const isPlain = (node: StateNode): boolean => {
    if (node.type === 'history') return false;
    const used: unknown[] = [
      ...node.entry,
      ...node.exit,
      ...[...node.transitions.values()].flat().flatMap((each) => each.actions as unknown[]),
    ];
    for (const each of (node.always ?? []) as Transition[]) used.push(...(each.actions as unknown[]));
    if (node.type === 'compound') used.push(...(node.initial.actions as unknown[]));
    const isNamed = ({ src }: { readonly src: unknown }): boolean => typeof src === 'string' && actors[src] !== undefined;
    return used.every(isPerformed) && node.invoke.every(isNamed) && childrenOf(node).every(isPlain);
  };
  const isPerformed = (action: unknown): boolean => {
    if (typeof action !== 'function') return true; // A name.
    if (!isKnownAction(action)) return false;
    if (kindOf(action as ActionFunction) !== 'spawn') return true;
    const { src } = spawnOf(action as ActionFunction);
    return typeof src !== 'string' || actors[src] !== undefined;
  };
  return Object.values(actions).every(isPerformed) && isPlain(machine.root) && !isAtomic(machine.root);
}
