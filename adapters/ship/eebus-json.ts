import { JsonError, JsonList, JsonObject, readJson, type JsonNode } from './json-text.js';
import { SessionError } from '../../machines/errors.js';

/**
 * @rule SHIP-14 EEBUS JSON: an object is written as a list of objects with one member each, so that the order of members, which XML has
 * and JSON has not, survives (SHIP TS 1.0.1, 13.4.3; here as ship-go speaks it):
 *
 *     {"a":{"x":1,"y":[2,3]}}   goes out as   {"a":[{"x":1},{"y":[2,3]}]}
 *
 * Three things differ between the two formats:
 *
 * - *Empty.* `[]` on the wire is an empty object or an empty list. It is read as `{}`, as ship-go does, since SPINE's
 *   empty elements are objects; use `isEmpty` where a list is expected.
 * - *Numbers.* An integer beyond 2^53 is read as a `bigint`, and written from one, so that a counter or a scaled number of
 *   64 bits survives. Fractions are the nearest double. SPINE writes fractions as integers with a scale.
 * - *Order.* Members keep their order, except that JavaScript puts names that look like array indexes ("0", "17") first in
 *   any object; no SPINE name does, since XML names don't begin with a digit. A `Map` is written in its own order.
 */
export interface EebusLimits {
  /** How many lists and objects may be nested on the wire; SPINE needs about thirty. Default 128. */
  readonly depthMax?: number;
  /** How many characters one text may have. Default 102400, the limit of current ship-go. */
  readonly charactersMax?: number;
}

export const DEPTH_MAX = 128;
export const CHARACTERS_MAX = 102_400;

/**
 * An ordinary value as compact EEBUS JSON. Values that `JSON.stringify` omits are omitted; values that it would
 * change (`NaN`) are refused.
 *
 * @param value an object with exactly one member: EEBUS drops the outermost brackets, and several would make invalid JSON
 * @throws SessionError `not-a-message` for a value without an EEBUS form, naming the place; `too-large` beyond the limits
 */
export function toEebusJson(value: unknown, { depthMax = DEPTH_MAX, charactersMax = CHARACTERS_MAX }: EebusLimits = {}): string {
  const members = isStructure(value) ? membersOf(value) : undefined;
  if (members?.length !== 1) {
    const got = members ? `${members.length} members` : describe(value);
    throw new SessionError('not-a-message', `an EEBUS message is an object with exactly one member, got ${got}`);
  }
  const [name, inner] = members[0]!;
  const text = `{${quote(name)}:${write(inner, { depth: 1, depthMax, path: [name] })}}`;
  if (text.length <= charactersMax) return text;
  throw new SessionError('too-large', `${text.length} characters are more than ${charactersMax}`);
}

/**
 * Reads EEBUS JSON into an ordinary value. Whitespace and NULs at either end are accepted (field devices send them), and so is
 * ordinary JSON. A list whose elements all have one member is an object, unless a name comes twice: such a list can't come from
 * an object, so it stays a list and nothing is lost. If an object has a name twice, the last member counts.
 *
 * @throws JsonError, and nothing else; its message states the error and the place
 */
export function fromEebusJson(text: string, { depthMax = DEPTH_MAX, charactersMax = CHARACTERS_MAX }: EebusLimits = {}): unknown {
  if (text.length > charactersMax) throw new JsonError(`${text.length} characters are more than ${charactersMax}`);
  return ordinary(readJson(trimNuls(text), depthMax));
}

/** True for a value that the wire encodes as `[]`: an empty object or list, as the schema requires. */
export function isEmpty(value: unknown): boolean {
  return typeof value === 'object' && value !== null && Object.keys(value).length === 0;
}

function ordinary(node: JsonNode): unknown {
  if (node instanceof JsonObject) return objectOf(node.members);
  if (!(node instanceof JsonList)) return node;
  return mergedOf(node.items) ?? node.items.map(ordinary);
}

/** The object that a list of one-member objects stands for; undefined if it is a list of something else. */
function mergedOf(items: readonly JsonNode[]): object | undefined {
  const members: (readonly [string, JsonNode])[] = [];
  const names = new Set<string>();
  for (const item of items) {
    if (!(item instanceof JsonObject) || item.members.length !== 1) return undefined;
    const member = item.members[0]!;
    names.add(member[0]);
    members.push(member);
  }
  return names.size === items.length ? objectOf(members) : undefined;
}

function objectOf(members: readonly (readonly [string, JsonNode])[]): object {
  const object: Record<string, unknown> = {};
  for (const [name, node] of members) {
    const value = ordinary(node);
    // Assigning to this name would change the prototype.
    if (name !== '__proto__') object[name] = value;
    else Object.defineProperty(object, name, { value, enumerable: true, configurable: true, writable: true });
  }
  return object;
}

interface Place {
  readonly depth: number;
  readonly depthMax: number;
  /** The names and indexes that lead here; one array for the whole text, which grows and shrinks. */
  readonly path: (string | number)[];
}

function write(value: unknown, place: Place): string {
  if (typeof value === 'string') return quote(value);
  if (value === null || typeof value === 'boolean' || typeof value === 'bigint') return String(value);
  if (typeof value === 'number' && Number.isFinite(value)) return JSON.stringify(value); // -0 as 0.
  if (typeof value === 'object') {
    return hasToJson(value) ? write(withoutToJson(value.toJSON()), place) : writeStructure(value, place);
  }
  throw new SessionError('not-a-message', `${pathText(place.path)} is ${describe(value)}, which JSON can't say`);
}

function writeStructure(value: object, { depth, depthMax, path }: Place): string {
  // A member costs two levels on the wire: the list and the object in it. Cycles end here too.
  const isList = Array.isArray(value);
  const inside: Place = { depth: depth + (isList ? 1 : 2), depthMax, path };
  if (inside.depth > depthMax) {
    throw new SessionError('too-large', `${pathText(path.slice(0, 8))}… is nested deeper than ${depthMax} levels`);
  }
  const parts = isList
    ? Array.from(value, (item, index) => within(path, index, () => write(item, inside)))
    : membersOf(value).map(([name, item]) => within(path, name, () => `{${quote(name)}:${write(item, inside)}}`));
  return `[${parts.join(',')}]`;
}

function within(path: (string | number)[], step: string | number, run: () => string): string {
  path.push(step);
  const text = run();
  path.pop(); // Not in a `finally`: an error needs the path as it is.
  return text;
}

function membersOf(value: object): [string, unknown][] {
  const entries = value instanceof Map ? [...(value as Map<unknown, unknown>)] : Object.entries(value);
  return entries.flatMap(([name, item]) => (isWritten(item) ? [[String(name), item] as [string, unknown]] : []));
}

function isWritten(value: unknown): boolean {
  return value !== undefined && typeof value !== 'function' && typeof value !== 'symbol';
}

/**
 * Escapes the characters that Go's encoder escapes, so that the bytes are equal too. Escapes brackets in strings that contain one
 * of the four patterns which ship-go of 2024 replaces anywhere in a message, even in strings: so they arrive there as they were
 * sent.
 */
function quote(text: string): string {
  const quoted = JSON.stringify(text);
  const escaped = GO_ESCAPES.test(quoted) ? quoted.replace(GO_ESCAPES_ALL, escapeOf) : quoted;
  return SHIP_GO_REPLACES.test(escaped) ? escaped.replace(BRACKETS_ALL, escapeOf) : escaped;
}

function escapeOf(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}

const GO_ESCAPES = /[<>&\u2028\u2029]/;
const GO_ESCAPES_ALL = /[<>&\u2028\u2029]/g;
const SHIP_GO_REPLACES = /\[\{|\},\{|\}\]|\[\]/;
const BRACKETS_ALL = /[[\]{}]/g;

function trimNuls(text: string): string {
  let start = 0;
  let end = text.length;
  while (start < end && text.charCodeAt(start) === 0) start++;
  while (end > start && text.charCodeAt(end - 1) === 0) end--;
  return text.slice(start, end);
}

function isStructure(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function hasToJson(value: object): value is { toJSON(): unknown } {
  return 'toJSON' in value && typeof value.toJSON === 'function';
}

/** Does not call `toJSON` on the result of a `toJSON`, which may be the same object. */
function withoutToJson(value: unknown): unknown {
  return isStructure(value) && hasToJson(value) ? new Map(Object.entries(value)) : value;
}

function describe(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'number') return String(value);
  return typeof value === 'undefined' ? 'undefined' : `a ${typeof value}`;
}

function pathText(path: readonly (string | number)[]): string {
  return path.map((step, i) => (typeof step === 'number' ? `[${step}]` : i === 0 ? step : `.${step}`)).join('');
}
