/**
 * A machine's config with nothing of the machine's own in it but states, transitions and names: no context, input or output to
 * be worked out, and a name in the place of everything that is written as a function.
 */
export class BareConfig {
  /** The config, of the same shape: its states and transitions have the same order. */
  readonly config: object;
  /** Names that the config uses, each to be given an implementation. */
  readonly services = new Set<string>();
  readonly actions = new Set<string>();
  readonly guards = new Set<string>();
  readonly delays = new Set<string>();
  readonly #names = new Map<unknown, string>();
  readonly #taken = new Set<string>();

  constructor(config: object) {
    this.#takeNames(config);
    this.config = this.#state(config as Config);
  }

  #state({ context: _context, output: _output, ...config }: Config): Config {
    const { states, invoke, initial, on, after, always, onDone, entry, exit } = config;
    for (const delay of Object.keys(after ?? {})) if (!/^\d+$/.test(delay)) this.delays.add(delay);
    return {
      ...config,
      ...(states && { states: mapped(states, (state) => this.#state(state)) }),
      ...(invoke !== undefined && { invoke: listOf(invoke).map((each) => this.#service(each)) }),
      ...(isObject(initial) && { initial: this.#transition(initial) }),
      ...(on && { on: mapped(on, (each) => this.#transitions(each)) }),
      ...(after && { after: mapped(after, (each) => this.#transitions(each)) }),
      ...(always !== undefined && { always: this.#transitions(always) }),
      ...(onDone !== undefined && { onDone: this.#transitions(onDone) }),
      ...(entry !== undefined && { entry: this.#actions(entry) }),
      ...(exit !== undefined && { exit: this.#actions(exit) }),
    };
  }

  /** Without an id of its own XState counts a service by its place, which stays. */
  #service(invoke: unknown): object {
    const { input: _input, ...service } = (isObject(invoke) ? invoke : { src: invoke }) as Config;
    const src = typeof service['src'] === 'string' ? service['src'] : this.#nameOf(service['src'], this.services);
    this.services.add(src);
    const answers = ['onDone', 'onError', 'onSnapshot'].flatMap((key) =>
      service[key] === undefined ? [] : [[key, this.#transitions(service[key])] as const],
    );
    return { ...service, src, ...Object.fromEntries(answers) };
  }

  #transitions(transitions: unknown): unknown {
    if (transitions === undefined || typeof transitions === 'string') return transitions;
    return listOf(transitions).map((each) => (isObject(each) ? this.#transition(each) : each));
  }

  #transition({ guard, actions, ...transition }: Config): Config {
    return {
      ...transition,
      ...(guard !== undefined && { guard: this.#guard(guard) }),
      ...(actions !== undefined && { actions: this.#actions(actions) }),
    };
  }

  /** `and`, `or` and `not` stay, over guards with names. */
  #guard(guard: unknown): unknown {
    const { check, guards } = guard as { check?: unknown; guards?: readonly unknown[] };
    if (typeof guard !== 'function' || check === undefined) return this.#named(guard, this.guards);
    if (guards === undefined) return guard;
    const combined = Object.assign(() => false, guard, { guards: guards.map((each) => this.#guard(each)) });
    return Object.defineProperty(combined, 'name', { value: guard.name });
  }

  #actions(actions: unknown): readonly unknown[] {
    return listOf(actions).map((action) => (isRaise(action) ? action : this.#named(action, this.actions)));
  }

  /** A reference by name; the name is one more of `names`. */
  #named(inline: unknown, names: Set<string>): unknown {
    const named = typeof inline === 'function' ? this.#nameOf(inline, names) : withoutComputedParams(inline);
    names.add(typeof named === 'string' ? named : String((named as Config)['type']));
    return named;
  }

  /** The function's own name where it says something; the same function has the same name everywhere. */
  #nameOf(inline: unknown, names: ReadonlySet<string>): string {
    const known = this.#names.get(inline);
    if (known !== undefined && names.has(known)) return known;
    const own = typeof inline === 'function' && !isBuiltIn(inline) ? inline.name : '';
    const stem = /^[\w.-]+$/.test(own) && !NAMES_OF_PROPERTIES.has(own) ? own : 'inline';
    let name = stem;
    for (let copy = 2; this.#taken.has(name) || names.has(name); copy++) name = `${stem}-${copy}`;
    this.#names.set(inline, name);
    return name;
  }

  /** Names that the config uses already are not for what has none. */
  #takeNames(value: unknown, seen = new Set<unknown>()): void {
    if (typeof value === 'string') this.#taken.add(value);
    if (typeof value === 'function' && 'guards' in value) this.#takeNames(value.guards, seen);
    if (typeof value !== 'object' || value === null || !(Array.isArray(value) || isPlain(value)) || seen.has(value)) return;
    seen.add(value);
    for (const inner of Object.values(value)) this.#takeNames(inner, seen);
  }
}

type Config = {
  readonly states?: Record<string, Config> | undefined;
  readonly on?: Record<string, unknown> | undefined;
  readonly after?: Record<string, unknown> | undefined;
  readonly [key: string]: unknown;
};

/** A function written in place is called after the property that holds it, which says nothing. */
const NAMES_OF_PROPERTIES = new Set(['', 'guard', 'guards', 'actions', 'entry', 'exit', 'type', 'src']);

/** Only an event that is written down can be raised without a context to work it out from. */
function isRaise(action: unknown): boolean {
  if (typeof action !== 'function' || !isBuiltIn(action)) return false;
  const { type, event, delay } = action as { type?: unknown; event?: unknown; delay?: unknown };
  return type === 'xstate.raise' && isObject(event) && (delay === undefined || typeof delay === 'number');
}

const isBuiltIn = (action: object): boolean => 'type' in action && String(action.type).startsWith('xstate.');

function withoutComputedParams(named: unknown): unknown {
  if (!isObject(named) || typeof named['params'] !== 'function') return named;
  const { params: _params, ...rest } = named;
  return rest;
}

const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? (value as readonly unknown[]) : [value]);
const isObject = (value: unknown): value is Config => typeof value === 'object' && value !== null && !Array.isArray(value);
const isPlain = (value: object): boolean => [Object.prototype, null].includes(Object.getPrototypeOf(value) as object | null);

function mapped<Value, Result>(values: Readonly<Record<string, Value>>, map: (value: Value) => Result): Record<string, Result> {
  return Object.fromEntries(Object.entries(values).map(([key, value]) => [key, map(value)]));
}
