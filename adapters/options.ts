import { SessionError } from '../machines/errors.js';

/**
 * Checks of options, in the words of an error message. Small on purpose: loading a schema library beside a session makes the
 * collector keep more of its read buffers alive, and halves what one connection carries (`spec/decisions/0008`).
 */
export type Check = (value: unknown, path: string) => readonly string[];

/** Any check in one sentence: what was expected. */
function expecting(expected: string, isRight: (value: unknown) => boolean): Check {
  return (value, path) => (isRight(value) ? [] : [`${path}: expected ${expected}, got ${shown(value)}`]);
}

/** Milliseconds, bytes. */
export const amount = expecting('a finite number of at least 0', (value) => Number.isFinite(value) && Number(value) >= 0);
/** A time that may be without end: the longest that the protocol can say. */
export const window = expecting('a number of at least 0, or Infinity', (value) => typeof value === 'number' && value >= 0);
export const text = expecting('text', (value) => typeof value === 'string' && value !== '');
export const count = expecting('a whole number of at least 0', (value) => Number.isSafeInteger(value) && Number(value) >= 0);
export const flag = expecting('true or false', (value) => typeof value === 'boolean');
export const callable = expecting('a function', (value) => typeof value === 'function');
/** A function, or an object that has it as a method of this name, as observers do. */
export function callableOr(method: string): Check {
  const has = (value: unknown): boolean =>
    typeof value === 'object' && value !== null && typeof (value as Record<string, unknown>)[method] === 'function';
  return expecting(`a function, or an observer with ${method}`, (value) => typeof value === 'function' || has(value));
}
export function numeric(expected: string, isRight: (value: number) => boolean): Check {
  return expecting(expected, (value) => typeof value === 'number' && isRight(value));
}

/** Accepts any value: another module checks it. */
export const anything: Check = () => [];

export function matching(expected: string, pattern: RegExp): Check {
  return expecting(expected, (value) => typeof value === 'string' && pattern.test(value));
}

export function oneOf(...words: readonly string[]): Check {
  const expected = words
    .map((word) => `'${word}'`)
    .reduceRight((rest, word, i) => `${word}${i === words.length - 2 ? ' or ' : ', '}${rest}`);
  return expecting(expected, (value) => words.includes(value as string));
}

/** An object with these methods, whatever else it has. */
export function having(expected: string, ...methods: readonly string[]): Check {
  const has = (value: unknown): boolean =>
    typeof value === 'object' &&
    value !== null &&
    methods.every((name) => typeof (value as Record<string, unknown>)[name] === 'function');
  return expecting(expected, has);
}

export function optional(check: Check): Check {
  return (value, path) => (value === undefined ? [] : check(value, path));
}

/** A list of at least `min` of these; `items` says what they are. */
export function listOf(items: string, check: Check, min = 0): Check {
  return (value, path) => {
    if (!Array.isArray(value)) return [`${path}: expected a list of ${items}, got ${shown(value)}`];
    if (value.length < min) return [`${path}: expected at least one of ${items}, got ${value.length}`];
    return value.flatMap((item, i) => check(item, `${path}.${i}`));
  };
}

/** An object with these members, whatever else it has. */
export function record(expected: string, shape: Readonly<Record<string, Check>>): Check {
  const isRecord = expecting(expected, (value) => typeof value === 'object' && value !== null && !Array.isArray(value));
  return (value, path) => {
    const wrong = isRecord(value, path);
    if (wrong.length > 0) return wrong;
    const given = value as Readonly<Record<string, unknown>>;
    return Object.entries(shape).flatMap(([name, check]) => check(given[name], `${path}.${name}`));
  };
}

/** An object with these members and no others. */
export function members(shape: Readonly<Record<string, Check>>): Check {
  return (value, path) => {
    if (typeof value !== 'object' || value === null || Array.isArray(value))
      return [`${path}: expected an object, got ${shown(value)}`];
    const unknown = Object.keys(value).filter((name) => !Object.hasOwn(shape, name));
    const strange = unknown.map((name) => `${path}: there is no option "${name}"`);
    const given = value as Readonly<Record<string, unknown>>;
    return [...Object.entries(shape).flatMap(([name, check]) => check(given[name], `${path}.${name}`)), ...strange];
  };
}

const waits = { retriesMax: optional(count) };
const REDIALS: Readonly<Record<string, Check>> = {
  bands: members({
    kind: anything,
    bands: listOf('bands { fromMs, toMs }', members({ fromMs: amount, toMs: amount }), 1),
    ...waits,
  }),
  exponential: members({
    ...{ kind: anything, baseMs: amount, capMs: amount, immediateIfLivedMs: amount, spacingMs: optional(amount) },
    ...waits,
  }),
  constant: members({ kind: anything, delayMs: amount, ...waits }),
};

/** A `RedialPolicy`: each of its waits is a finite number of milliseconds. */
export const redialPolicy: Check = (value, path) => {
  if (typeof value !== 'object' || value === null) return [`${path}: expected a redial policy, got ${shown(value)}`];
  const { kind } = value as { readonly kind?: unknown };
  if (typeof kind !== 'string' || !Object.hasOwn(REDIALS, kind)) return oneOf(...Object.keys(REDIALS))(kind, `${path}.kind`);
  return REDIALS[kind]!(value, path);
};

/** Throws `SessionError('bad-option')` naming the option, what was expected and what was given; all of them, if several are wrong. */
export function checkOptions(name: string, check: Check, options: unknown): void {
  const wrong = check(options, name);
  if (wrong.length > 0) throw new SessionError('bad-option', wrong.join('; '));
}

/**
 * The options with renamed ones under their present names. Where both are given, the present one counts. Anything that is no object
 * passes, for the check that follows.
 */
export function withRenamed<Options>(options: Options, present: Readonly<Record<string, string>>): Options {
  if (typeof options !== 'object' || options === null) return options;
  const entries = Object.entries(options);
  if (!entries.some(([name]) => Object.hasOwn(present, name))) return options;
  const former = entries
    .filter(([name]) => Object.hasOwn(present, name))
    .map(([name, value]) => [present[name]!, value] as const);
  const current = entries.filter(([name, value]) => !Object.hasOwn(present, name) && value !== undefined);
  return Object.fromEntries([...former, ...current]) as Options;
}

/** The given options without those that are `undefined`. */
export function given<Options extends object>(options: Options): Options {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as Options;
}

function shown(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value.length > 80 ? `${value.slice(0, 80)}…` : value);
  if (typeof value === 'object' && value !== null) return Array.isArray(value) ? 'a list' : 'an object';
  return typeof value === 'function' ? 'a function' : String(value);
}
