import { SessionError } from '../machines/errors.js';

/** Options of transports, for callers without types: what can't be right is named when the transport is made, not when it is used. */

type Rule = readonly [expected: string, isRight: (value: unknown) => boolean];
export type Rules = Readonly<Record<string, Rule>>;

const flag: Rule = ['true or false', (value) => typeof value === 'boolean'];
const whole = (value: unknown): boolean => Number.isSafeInteger(value) && Number(value) >= 1;
const texts = (value: unknown): boolean => Array.isArray(value) && value.every((each) => typeof each === 'string');
const oneOf = (...words: readonly string[]): Rule => [words.join(' or '), (value) => words.includes(value as string)];

/** Timers take no more than 2^31 - 1 ms, and Node would let a longer one end at once. */
const ms = (value: unknown, min: number): boolean => typeof value === 'number' && value >= min && value < 2 ** 31;

export const TCP_RULES: Rules = {
  connectTimeoutMs: ['a number of milliseconds from 1 to 2147483647', (value) => ms(value, 1)],
  keepAliveMs: ['false, or a number of milliseconds from 0 to 2147483647', (value) => value === false || ms(value, 0)],
};

export const TLS_RULES: Rules = {
  ...TCP_RULES,
  identity: [
    'an identity with key and certificate, e.g. of makeIdentity or loadIdentity',
    (value) => isObject(value) && typeof value['key'] === 'string' && typeof value['certificate'] === 'string',
  ],
  trust: ['a list of fingerprints, or a function', (value) => typeof value === 'function' || texts(value)],
  clientCertificate: oneOf('required', 'optional'),
  keyIdentifier: oneOf('ignored', 'verified', 'stated'),
  handshakesMax: ['a whole number of at least 1', whole],
  protocols: ['a list of names', texts],
};

export const WEBSOCKET_RULES: Rules = {
  ...TLS_RULES,
  messageBytesMax: ['a whole number of bytes of at least 1', whole],
  mask: oneOf('random', 'zero'),
  pack: flag,
  anyPath: flag,
  origins: ['a list of origins', texts],
  hosts: ['a list of host names', texts],
};

export const BROWSER_WEBSOCKET_RULES: Rules = {
  protocols: ['a list of names', texts],
  messageBytesMax: ['a whole number of bytes of at least 1', whole],
  pack: flag,
};

export const SHIP_RULES: Rules = {
  identity: TLS_RULES['identity']!,
  keyIdentifier: oneOf('verified', 'stated'),
  messageBytesMax: ['a whole number of bytes of at least 1', whole],
  connectTimeoutMs: TCP_RULES['connectTimeoutMs']!,
};

export const MEMORY_RULES: Rules = {
  clock: ['a clock, whose time the two ends live in', (value) => isObject(value) && typeof value['soon'] === 'function'],
  highWaterBytes: ['a whole number of bytes of at least 1', whole],
  bufferedBytesMax: ['a whole number of bytes of at least 1', whole],
  lends: flag,
};

/** @throws SessionError `bad-option`, naming the option, what was expected and what was given */
export function checked<Options extends object>(name: string, rules: Rules, options: Options): Options {
  if (!isObject(options)) throw new SessionError('bad-option', `${name}: expected an object, got ${shown(options)}`);
  for (const [option, value] of Object.entries(options)) {
    const rule = Object.hasOwn(rules, option) ? rules[option] : undefined;
    if (rule === undefined) throw new SessionError('bad-option', `${name}: there is no option "${option}"`);
    if (value !== undefined && !rule[1](value))
      throw new SessionError('bad-option', `${name}.${option}: expected ${rule[0]}, got ${shown(value)}`);
  }
  return options;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function shown(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value.slice(0, 80));
  if (typeof value === 'object' && value !== null) return Array.isArray(value) ? 'a list' : 'an object';
  return typeof value === 'function' ? 'a function' : String(value);
}
