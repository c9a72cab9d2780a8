import { SessionError } from './errors.js';

/** Arguments of public methods, for callers without types: what can't be right is named, and nothing has happened yet. */

type Rule = readonly [expected: string, isRight: (value: unknown) => boolean];

const text: Rule = ['text', (value) => typeof value === 'string' && value !== ''];
const flag: Rule = ['true or false', (value) => typeof value === 'boolean'];
const milliseconds: Rule = [
  'a finite number of milliseconds of at least 0',
  (value) => Number.isFinite(value) && Number(value) >= 0,
];

const CONNECT: Readonly<Record<string, Rule>> = {
  protocol: ['the name of a protocol', text[1]],
  peer: ['the id of a peer', text[1]],
  retry: flag,
  reuse: flag,
  signal: ['an AbortSignal', (value) => isObject(value) && typeof value['addEventListener'] === 'function'],
  fingerprints: ['a list of fingerprints', (value) => Array.isArray(value) && value.every((each) => typeof each === 'string')],
};

const BROADCAST: Readonly<Record<string, Rule>> = {
  to: [
    'a list or another iterable of connections',
    (value) => typeof value === 'object' && value !== null && Symbol.iterator in value,
  ],
};

const SHUTDOWN: Readonly<Record<string, Rule>> = { deadlineMs: milliseconds, drainOverMs: milliseconds };

/** @throws SessionError `bad-option` */
export function checkConnectOptions(options: unknown): void {
  checkMembers('connect', CONNECT, options);
}

/** @throws SessionError `bad-option` */
export function checkBroadcastOptions(options: unknown): void {
  checkMembers('broadcast', BROADCAST, options);
}

/** @throws SessionError `bad-option` */
export function checkShutdownOptions(options: unknown): void {
  checkMembers('shutdown', SHUTDOWN, options);
}

/** @throws SessionError `bad-option` */
export function checkListener(listener: unknown, done: unknown): void {
  for (const [name, value] of [
    ['listener', listener],
    ['done', done ?? ignore],
  ] as const)
    // prettier-ignore
    if (typeof value !== 'function') throw new SessionError('bad-option', `on.${name}: expected a function, got ${shown(value)}`);
}

/**
 * Options whose values need no check here: an object without others than these.
 *
 * @throws SessionError `bad-option`, naming the option that there is not
 */
export function checkOptionNames(name: string, options: unknown, ...known: readonly string[]): void {
  if (!isObject(options)) throw new SessionError('bad-option', `${name}: expected an object, got ${shown(options)}`);
  const strange = Object.keys(options).find((option) => !known.includes(option));
  if (strange !== undefined) throw new SessionError('bad-option', `${name}: there is no option "${strange}"`);
}

/** A peer's address or id. @throws SessionError `bad-address` */
export function checkPeer(peer: unknown): void {
  if (typeof peer !== 'string') throw new SessionError('bad-address', `expected the address or id of a peer, got ${shown(peer)}`);
}

function checkMembers(name: string, rules: Readonly<Record<string, Rule>>, options: unknown): void {
  if (!isObject(options)) throw new SessionError('bad-option', `${name}: expected an object, got ${shown(options)}`);
  for (const [option, value] of Object.entries(options)) {
    const rule = Object.hasOwn(rules, option) ? rules[option] : undefined;
    if (rule === undefined) throw new SessionError('bad-option', `${name}: there is no option "${option}"`);
    const [expected, isRight] = rule;
    if (value !== undefined && !isRight(value))
      throw new SessionError('bad-option', `${name}.${option}: expected ${expected}, got ${shown(value)}`);
  }
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function shown(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value.slice(0, 80));
  if (typeof value === 'object' && value !== null) return Array.isArray(value) ? 'a list' : 'an object';
  return typeof value === 'function' ? 'a function' : String(value);
}

const ignore = (): void => {};
