import type { Plain, PlainObject } from './format.js';

/**
 * Events and contexts enter a recording by their harmless parts: numbers, booleans, and strings under names that are known to be harmless.
 * Bytes, payloads, functions, and all that is named like a secret stay out, whatever they contain. A name that is not listed here costs a
 * reader a detail; one too many could cost a user a key.
 */
const STRINGS = new Set([
  ...['type', 'code', 'side', 'reason', 'rule', 'kind', 'state', 'role', 'status', 'word', 'phase', 'purpose'],
  ...[
    'goodbyeCode',
    'session',
    'port',
    'peer',
    'address',
    'target',
    'remoteAddress',
    'listener',
    'successorId',
    'id',
    'delivery',
  ],
  ...['syscall', 'errno', 'whose', 'how', 'of', 'protocol', 'version', 'access', 'trust', 'targets', 'keep'],
]);
const SECRET = /token|secret|key|pin(?!g)|nonce|pass|payload|proof|ticket|cert|cookie|auth|bytes$|opening|body|data/i;
/** Counts that the pattern above would take for secrets. */
const COUNT = /Bytes$|Ms$|Max$|^(is|has|was|may|must)[A-Z]/;

const CHARACTERS_MAX = 200;
const MEMBERS_MAX = 64;
const ELEMENTS_MAX = 16;
const DEPTH_MAX = 5;

/** The harmless part of a value under this name; undefined where nothing of it is. */
export function plainOf(value: unknown, name: string, depth = 0): Plain | undefined {
  switch (typeof value) {
    case 'boolean':
      return isSecret(name) ? undefined : value;
    case 'number':
      return Number.isFinite(value) && !isSecret(name) ? value : undefined;
    case 'string':
      return STRINGS.has(name) ? text(value) : undefined;
    case 'object':
      return value === null || depth >= DEPTH_MAX || isSecret(name) ? undefined : inside(value, name, depth);
    default:
      return undefined;
  }
}

/** The harmless members of an object. */
export function membersOf(value: object, depth = 0): PlainObject {
  const members: Record<string, Plain> = {};
  let count = 0;
  for (const name of Object.keys(value)) {
    if (/^\d/.test(name)) continue; // Bytes as an object.
    const member = plainOf((value as Record<string, unknown>)[name], name, depth + 1);
    if (member === undefined) continue;
    if (++count > MEMBERS_MAX) break;
    members[name] = member;
  }
  return members;
}

/** At most so many characters, and an address without what a URL may have besides: user, password, query, fragment. */
export function text(value: string): string {
  const shown = value.replace(/\/\/[^/@\s]*@/g, '//').replace(/(\w:\/\/[^?#\s]*)[?#]\S*/g, '$1');
  return shown.length <= CHARACTERS_MAX ? shown : `${shown.slice(0, CHARACTERS_MAX)}…`;
}

function isSecret(name: string): boolean {
  return SECRET.test(name) && !COUNT.test(name);
}

function inside(value: object, name: string, depth: number): Plain | undefined {
  if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer) return undefined;
  if (Array.isArray(value)) {
    const elements = value as readonly unknown[];
    if (elements.length > ELEMENTS_MAX) return { length: elements.length };
    return elements.flatMap((each) => plainOf(each, name, depth + 1) ?? []);
  }
  const { toJSON } = value as { toJSON?: unknown };
  if (typeof toJSON === 'function') {
    // A session is written as its id, a port as its connection's name.
    const told = (toJSON as () => unknown).call(value);
    return typeof told === 'string' && STRINGS.has(name) ? text(told) : undefined;
  }
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) return undefined;
  const members: PlainObject = { ...membersOf(value, depth), ...(name === 'detail' && messageOf(value)) };
  return Object.keys(members).length > 0 ? members : undefined;
}

/** Of a closing's detail alone: elsewhere a message is a payload. */
function messageOf({ message }: { readonly message?: unknown }): PlainObject {
  return typeof message === 'string' ? { message: text(message) } : {};
}

/** The patch (RFC 7396) that makes `after` of `before`; undefined where they are equal. */
export function patchOf(before: PlainObject, after: PlainObject): PlainObject | undefined {
  const patch: Record<string, Plain> = {};
  for (const name of Object.keys(before)) if (!(name in after)) patch[name] = null;
  for (const [name, value] of Object.entries(after)) {
    const old = before[name];
    if (old === undefined || !isObject(old) || !isObject(value)) {
      if (!isEqual(old, value)) patch[name] = value;
      continue;
    }
    const inner = patchOf(old, value);
    if (inner !== undefined) patch[name] = inner;
  }
  return Object.keys(patch).length === 0 ? undefined : patch;
}

/** `before` with a patch applied; neither is changed. */
export function patched(before: PlainObject, patch: PlainObject): PlainObject {
  const after: Record<string, Plain> = { ...before };
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) delete after[name];
    else if (isObject(value)) after[name] = patched(isObject(after[name]) ? after[name] : {}, value);
    else after[name] = value;
  }
  return after;
}

function isObject(value: Plain | undefined): value is PlainObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isEqual(a: Plain | undefined, b: Plain): boolean {
  return a === b || (typeof a === 'object' && typeof b === 'object' && JSON.stringify(a) === JSON.stringify(b));
}
