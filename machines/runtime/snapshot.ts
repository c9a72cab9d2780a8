import type { AnyMachineSnapshot, Snapshot } from 'xstate';

/**
 * Charts in the same configuration share what says so. XState makes a list of nodes, a value and a set of tags for each
 * snapshot, 0.4 KiB, equal among ten thousand connections that are all `completed`.
 */
export interface Configuration {
  readonly _nodes: AnyMachineSnapshot['_nodes'];
  readonly value: AnyMachineSnapshot['value'];
  readonly tags: AnyMachineSnapshot['tags'];
}
export type StateNode = AnyMachineSnapshot['_nodes'][number];
export type Mutable<T> = { -readonly [Key in keyof T]: T[Key] };

/** By chart and by its nodes in their order. A chart has so many configurations, whatever a peer does. */
const configurations = new WeakMap<object, Map<string, Configuration>>();
export const NO_HISTORY: AnyMachineSnapshot['historyValue'] = Object.freeze({});

/** `snapshot`, in which equal parts were replaced by shared ones. It is changed in place, for nobody has seen it yet. */
export function interned(snapshot: Snapshot<unknown>, before: Snapshot<unknown>): Snapshot<unknown> {
  if (snapshot === before || !isOfChart(snapshot)) return snapshot;
  const shared = configurationOf(snapshot.machine, snapshot._nodes, () => snapshot);
  const fresh: Mutable<AnyMachineSnapshot> = snapshot;
  fresh._nodes = shared._nodes;
  fresh.value = shared.value;
  fresh.tags = shared.tags;
  for (const _ in snapshot.historyValue) return snapshot;
  fresh.historyValue = NO_HISTORY;
  return snapshot;
}

/** The one that has these nodes in this order; made by `make` if it is new. */
export function configurationOf(machine: object, nodes: readonly StateNode[], make: () => Configuration): Configuration {
  let known = configurations.get(machine);
  if (known === undefined) configurations.set(machine, (known = new Map<string, Configuration>()));
  let key = '';
  for (const { order } of nodes) key += `${order} `;
  let shared = known.get(key);
  if (shared === undefined) {
    const { _nodes, value, tags } = make();
    known.set(key, (shared = { _nodes, value, tags }));
  }
  return shared;
}

export function isOfChart(snapshot: Snapshot<unknown>): snapshot is AnyMachineSnapshot {
  return 'machine' in snapshot && 'tags' in snapshot;
}
