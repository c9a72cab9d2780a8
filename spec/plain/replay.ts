import { initialTransition, StateMachine, transition, type AnyMachineSnapshot, type AnyStateMachine } from 'xstate';
import { factsOf, type Run } from './record.js';

/**
 * Feeds what an actor has received to XState's own `transition`, which executes no action, and compares each snapshot with what the actor
 * was then. Undefined: all are the same.
 *
 * `isStrict`: whatever is not plain data is taken away from the chart first. A guard or an assignment that reaches for it then throws,
 * even where the answer happens to be the same.
 */
export function replay({ name, machine: own, input, steps }: Run, { isStrict = false } = {}): string | undefined {
  const machine = isStrict ? withoutCapabilities(own) : own;
  let snapshot: AnyMachineSnapshot | undefined;
  for (const [i, { event, facts }] of steps.entries()) {
    const where = `${name}, event ${i} (${event.type})`;
    try {
      if (snapshot === undefined) [snapshot] = initialTransition(machine, input) as [AnyMachineSnapshot, unknown];
      else [snapshot] = transition(machine, snapshot, isStrict ? plain(event) : event) as [AnyMachineSnapshot, unknown];
    } catch (error) {
      return `${where}: ${String(error)}`;
    }
    const again = snapshot.status === 'error' ? `error ${String(snapshot.error)}` : factsOf(snapshot);
    if (again !== facts) return `${where}: it was\n${facts}\nand is now\n${again}`;
    if (isStrict) snapshot = { ...snapshot, context: plain(snapshot.context) } as AnyMachineSnapshot;
  }
  return undefined;
}

/**
 * How long something takes is no part of a snapshot, and neither is what an invoked actor is given: delays and inputs may read what they
 * like.
 */
function withoutCapabilities(machine: AnyStateMachine): AnyStateMachine {
  const { delays, ...others } = machine.implementations as { delays: Record<string, unknown> };
  const constant = Object.fromEntries(Object.keys(delays).map((delay) => [delay, 1]));
  return new StateMachine(withoutInputs(machine.config) as never, { ...others, delays: constant } as never);
}

/** The same configuration of a state, whose invoked actors are given nothing. */
function withoutInputs(config: object): object {
  const { invoke, states } = config as { readonly invoke?: object; readonly states?: Readonly<Record<string, object>> };
  const bare = (each: object): object => ({ ...each, input: undefined });
  return {
    ...config,
    ...(invoke === undefined ? {} : { invoke: Array.isArray(invoke) ? invoke.map(bare) : bare(invoke) }),
    ...(states === undefined
      ? {}
      : { states: Object.fromEntries(Object.entries(states).map(([name, state]) => [name, withoutInputs(state)])) }),
  };
}

/** The same data; instances of classes and functions give their name away (`toJSON`) and throw at anything else. */
function plain<T>(value: T): T {
  if (typeof value === 'function') return forbidden(value);
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map((each: unknown) => plain(each)) as T;
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype === Object.prototype || prototype === null) return copied(value);
  // An event may be of a class, so that its own properties are data, and what is private stands behind accessors.
  return Object.hasOwn(value, 'type') ? withOwn(value) : forbidden(value);
}

/** With what is not listed (`machines/unlisted.ts`), which is not listed in the copy either. */
function copied<T extends object>(value: T): T {
  const copy = {};
  for (const [key, property] of Object.entries(Object.getOwnPropertyDescriptors(value)))
    Object.defineProperty(copy, key, { ...property, value: plain<unknown>(property.value) });
  return copy as T;
}

/** Its own properties, and what its accessors give, as data; all else throws. */
function withOwn<T extends object>(value: T): T {
  const prototype: object = Object.getPrototypeOf(value) as object;
  const isGiven = (key: string | symbol): boolean => Object.getOwnPropertyDescriptor(prototype, key)?.get !== undefined;
  const stand = forbidden(value);
  return new Proxy(copied(value), {
    get(own, key) {
      if (Object.hasOwn(own, key)) return own[key as keyof T];
      return isGiven(key) ? plain<unknown>(value[key as keyof T]) : stand[key as keyof T];
    },
  });
}

const stands = new WeakSet<object>();

function forbidden<T extends object>(value: T): T {
  if (stands.has(value)) return value;
  const stand = new Proxy(value, {
    get(target, key) {
      if (key === 'toJSON' && 'toJSON' in target) return () => (target as { toJSON(): unknown }).toJSON();
      if (ASKED_BY_XSTATE.has(key) || typeof key === 'symbol') return undefined;
      throw new Error(`the chart reads \`${key}\` of ${target.constructor.name}`);
    },
    has: (_, key) => !ASKED_BY_XSTATE.has(key),
    apply: () => {
      throw new Error('the chart calls a function that it was given');
    },
  });
  stands.add(stand);
  return stand;
}

const ASKED_BY_XSTATE = new Set<string | symbol>(['sessionId', 'send', 'ref', 'toJSON', 'then']);
