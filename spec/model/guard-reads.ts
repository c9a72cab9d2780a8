import type { AnyStateMachine } from 'xstate';
import { transitionsOf } from '../../visualizer/graph.js';
import { guardName } from '../../visualizer/words.js';

type Context = Readonly<Record<string, unknown>>;
type GuardArgs = { readonly context?: unknown };
type Guard = ((args: object, params: unknown) => boolean) & { readonly check?: unknown };

/**
 * Notes what guards read of the context: of plain objects, arrays, maps and sets, as paths such as `retries` or
 * `queue.length`. What lies inside instances of classes is not seen.
 */
export class GuardReads {
  readonly #guardsByPath = new Map<string, Set<string>>();

  /** The same arguments, with a context that notes which guard reads what. */
  watched<Args extends object>(guard: string, args: Args): Args {
    const { context } = args as GuardArgs;
    return isPlain(context) ? { ...args, context: this.#watching(guard, context, '') } : args;
  }

  /** The guards that have read this path. */
  readersOf(path: string): readonly string[] {
    return [...(this.#guardsByPath.get(path) ?? [])];
  }

  #watching(guard: string, value: object, path: string): object {
    return new Proxy(value, {
      get: (target, key, receiver): unknown => {
        const found: unknown = Reflect.get(target, key, receiver);
        if (typeof key === 'symbol') return found;
        const inner = joined(path, key);
        if (isPlain(found)) {
          if (found instanceof Map || found instanceof Set) this.#note(joined(inner, 'size'), guard);
          // What can't be changed must be given out as it is, or the proxy breaks its contract.
          else if (isReplaceable(target, key)) return this.#watching(guard, found, inner);
        } else if (typeof found !== 'function') this.#note(inner, guard);
        return found;
      },
    });
  }

  #note(path: string, guard: string): void {
    const guards = this.#guardsByPath.get(path) ?? new Set();
    this.#guardsByPath.set(path, guards.add(guard));
  }
}

/** Situations that were taken for one, and in which of their data they differ nevertheless. */
export class MergedSituations {
  readonly #first = new Map<string, ReadonlyMap<string, unknown>>();
  readonly #differences = new Map<string, string>(); // By path: an example.

  /** A walk has arrived in the situation `key` with this context. */
  note(key: string, context: unknown): void {
    const leaves = leavesOf(context);
    const first = this.#first.get(key);
    if (first === undefined) return void this.#first.set(key, leaves);
    for (const path of new Set([...first.keys(), ...leaves.keys()])) {
      const [before, now] = [first.get(path), leaves.get(path)];
      if (before === now || this.#differences.has(path)) continue;
      this.#differences.set(path, `${String(before)} and ${String(now)} in "${key.trim()}"`);
    }
  }

  /** One line for each piece of data that differs within a situation and that a guard has read. */
  warnings(reads: GuardReads): readonly string[] {
    return [...this.#differences].flatMap(([path, example]) => {
      const guards = reads.readersOf(path);
      if (guards.length === 0) return [];
      const names = guards.map((guard) => `"${guard}"`).join(', ');
      return [
        `guard ${names} reads context.${path}, which is ${example}, taken for one situation: what follows there was tried for ` +
          `the first value only. Give the model \`facts\` that tell such situations apart.`,
      ];
    });
  }
}

/** Puts the guards that are written in place, also those inside `and`, `or` and `not`, under watch. For a machine of one's own. */
export function watchInlineGuards(machine: AnyStateMachine, watched: (name: string, args: object) => object): void {
  const watching = (guard: unknown): unknown => {
    if (typeof guard !== 'function') return guard;
    const own = guard as Guard & { readonly guards?: readonly unknown[] };
    if (own.check === undefined) {
      const name = guardName(guard);
      return (args: object, params: unknown) => own(watched(name, args), params);
    }
    if (own.guards === undefined) return guard;
    const combined = Object.assign(() => false, own, { guards: own.guards.map(watching) });
    return Object.defineProperty(combined, 'name', { value: guard.name });
  };
  for (const transition of transitionsOf(machine) as { guard?: unknown }[])
    if (transition.guard !== undefined) transition.guard = watching(transition.guard);
}

/** Primitive values of plain data, by path; the sizes of arrays, maps and sets. Bounded: of what is huge, the beginning. */
function leavesOf(context: unknown): ReadonlyMap<string, unknown> {
  const leaves = new Map<string, unknown>();
  const seen = new Set<unknown>();
  const visit = (value: unknown, path: string): void => {
    if (leaves.size >= LEAVES_MAX) return;
    if (!isPlain(value)) {
      if (typeof value !== 'object' && typeof value !== 'function') leaves.set(path, value);
      return;
    }
    if (seen.has(value)) return;
    seen.add(value);
    if (value instanceof Map || value instanceof Set) return void leaves.set(joined(path, 'size'), value.size);
    if (Array.isArray(value)) leaves.set(joined(path, 'length'), value.length);
    for (const [key, inner] of Object.entries(value)) visit(inner, joined(path, key));
  };
  visit(context, '');
  return leaves;
}

const LEAVES_MAX = 256;

const joined = (path: string, key: string): string => (path === '' ? key : `${path}.${key}`);

function isPlain(value: unknown): value is Context {
  if (typeof value !== 'object' || value === null) return false;
  if (Array.isArray(value) || value instanceof Map || value instanceof Set) return true;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

function isReplaceable(target: object, key: string): boolean {
  const property = Object.getOwnPropertyDescriptor(target, key);
  return property === undefined || property.configurable === true || property.writable === true;
}
