import { isEmpty } from './eebus-json.js';
import type { ShipExtension, OutgoingShipMessage } from '../../machines/ship/ship.messages.js';

/** A value that does not fit its message. The text names it, and the expected value. */
export class Unfit extends Error {
  override readonly name = 'Unfit';
}

/** How to read the value of one name. */
export interface Body {
  readonly type: number;
  /** @throws Unfit */
  read(value: unknown, name: string): OutgoingShipMessage;
}

/** Chosen without a source, far above what devices use: a SHIP id is remembered for good. */
const ID_CHARACTERS_MAX = 1024;

const CONTROL = 1;
const DATA = 2;
const END = 3;

/**
 * Every message by its name on the wire. Required members are checked and unknown ones ignored. An optional member that is
 * `null` counts as missing, as in Go, and so does one of a wrong shape if no decision depends on it: devices differ there.
 */
export const bodies: ReadonlyMap<string, Body> = new Map<string, Body>([
  ['connectionHello', { type: CONTROL, read: hello }],
  ['messageProtocolHandshake', { type: CONTROL, read: handshake }],
  ['messageProtocolHandshakeError', { type: CONTROL, read: handshakeError }],
  // ship-go of 2024 sends this one instead, without the name of the message.
  ['error', { type: CONTROL, read: (value) => ({ kind: 'protocol-error', error: byte(value, 'error') }) }],
  ['connectionPinState', { type: CONTROL, read: pinState }],
  ['connectionPinInput', { type: CONTROL, read: pinInput }],
  ['connectionPinError', { type: CONTROL, read: pinError }],
  ['accessMethodsRequest', { type: CONTROL, read: accessRequest }],
  ['accessMethods', { type: CONTROL, read: accessMethods }],
  ['data', { type: DATA, read: data }],
  ['connectionClose', { type: END, read: close }],
]);

function hello(value: unknown, name: string): OutgoingShipMessage {
  const { phase, waiting, prolongationRequest } = object(value, name);
  return {
    kind: 'hello',
    phase: oneOf(['pending', 'ready', 'aborted'], phase, `${name}.phase`),
    ...optional('waitingMs', waiting, (each) => whole(each, `${name}.waiting`)),
    ...optional('prolongationRequest', prolongationRequest, (each) => boolean(each, `${name}.prolongationRequest`)),
  };
}

function handshake(value: unknown, name: string): OutgoingShipMessage {
  const body = object(value, name);
  const version = object(body['version'], `${name}.version`);
  const { format } = object(body['formats'], `${name}.formats`);
  return {
    kind: 'protocol',
    handshakeType: oneOf(['announceMax', 'select'], body['handshakeType'], `${name}.handshakeType`),
    version: { major: byte(version['major'], `${name}.version.major`), minor: byte(version['minor'], `${name}.version.minor`) },
    formats: list(format, `${name}.formats.format`).map((each, i) => string(each, `${name}.formats.format[${i}]`)),
  };
}

function handshakeError(value: unknown, name: string): OutgoingShipMessage {
  return { kind: 'protocol-error', error: byte(object(value, name)['error'], `${name}.error`) };
}

function pinState(value: unknown, name: string): OutgoingShipMessage {
  const { pinState: state, inputPermission } = object(value, name);
  return {
    kind: 'pin',
    pinState: oneOf(['required', 'optional', 'pinOk', 'none'], state, `${name}.pinState`),
    ...(inputPermission === 'busy' || inputPermission === 'ok' ? { inputPermission } : {}),
  };
}

function pinInput(value: unknown, name: string): OutgoingShipMessage {
  return { kind: 'pin-input', pin: string(object(value, name)['pin'], `${name}.pin`) };
}

function pinError(value: unknown, name: string): OutgoingShipMessage {
  return { kind: 'pin-error', error: byte(object(value, name)['error'], `${name}.error`) };
}

function accessRequest(value: unknown, name: string): OutgoingShipMessage {
  object(value, name);
  return { kind: 'access-request' };
}

/** The id is mandatory from SHIP 1.1 on. The rest states other ways to find the peer, which nothing here reads. */
function accessMethods(value: unknown, name: string): OutgoingShipMessage {
  const { id: given, dnsSd_mDns, dns } = object(value, name);
  const id = isThere(given) ? string(given, `${name}.id`) : undefined;
  if (id === '') throw new Unfit(`${name}.id is empty`);
  if (id !== undefined && id.length > ID_CHARACTERS_MAX)
    throw new Unfit(`${name}.id has ${id.length} characters, more than ${ID_CHARACTERS_MAX}`);
  return {
    kind: 'access',
    ...(id === undefined ? {} : { id }),
    ...(isThere(dnsSd_mDns) ? { dnsSdMdns: true } : {}),
    ...text('dnsUri', member(dns, 'uri')),
  };
}

function data(value: unknown, name: string): OutgoingShipMessage {
  const { header, payload, extension: more } = object(value, name);
  const extension = isThere(more) ? extensionOf(more) : undefined;
  return {
    kind: 'data',
    ...text('protocolId', member(header, 'protocolId')),
    payload: object(payload, `${name}.payload`),
    ...(extension === undefined ? {} : { extension }),
  };
}

function extensionOf(value: unknown): ShipExtension | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
  return {
    ...text('extensionId', member(value, 'extensionId')),
    ...text('binary', member(value, 'binary')),
    ...text('string', member(value, 'string')),
  };
}

/** The reason is for people, and no decision depends on it; the waiting time of the peer has a default. */
function close(value: unknown, name: string): OutgoingShipMessage {
  const { phase, maxTime, reason } = object(value, name);
  return {
    kind: 'close',
    phase: oneOf(['announce', 'confirm'], phase, `${name}.phase`),
    ...(isWhole(maxTime) ? { maxTimeMs: maxTime } : {}),
    ...text('reason', reason),
  };
}

function isThere(value: unknown): boolean {
  return value !== undefined && value !== null;
}

/** The member, if there is a value to read. */
function optional<Name extends string, Value>(
  name: Name,
  value: unknown,
  read: (value: unknown) => Value,
): { [Key in Name]?: Value } {
  return isThere(value) ? ({ [name]: read(value) } as { [Key in Name]?: Value }) : {};
}

/** A member of a value that may be no object at all. */
function member(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)[name]
    : undefined;
}

/** The member, if it is a string. For optional members that no decision depends on: a wrong shape counts as missing. */
function text<Name extends string>(name: Name, value: unknown): { [Key in Name]?: string } {
  return typeof value === 'string' ? ({ [name]: value } as { [Key in Name]?: string }) : {};
}

function object(value: unknown, name: string): Readonly<Record<string, unknown>> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  throw expected('an object', value, name);
}

function list(value: unknown, name: string): readonly unknown[] {
  if (Array.isArray(value)) return value;
  if (isEmpty(value)) return [];
  throw expected('a list', value, name);
}

function string(value: unknown, name: string): string {
  if (typeof value === 'string') return value;
  throw expected('a string', value, name);
}

function boolean(value: unknown, name: string): boolean {
  if (typeof value === 'boolean') return value;
  throw expected('true or false', value, name);
}

function isWhole(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function whole(value: unknown, name: string): number {
  if (isWhole(value)) return value;
  throw expected('a whole number, 0 or more', value, name);
}

function byte(value: unknown, name: string): number {
  if (Number.isInteger(value) && (value as number) >= 0 && (value as number) <= 255) return value as number;
  throw expected('a whole number, 0 to 255', value, name);
}

function oneOf<Word extends string>(words: readonly Word[], value: unknown, name: string): Word {
  const word = words.find((each) => each === value);
  if (word !== undefined) return word;
  throw expected(words.join(' or '), value, name);
}

function expected(what: string, value: unknown, name: string): Unfit {
  if (value === undefined) return new Unfit(`${name} is missing`);
  const got = typeof value === 'bigint' ? String(value) : JSON.stringify(value, (_, each: unknown) => (typeof each === 'bigint' ? String(each) : each)); // prettier-ignore
  return new Unfit(`${name} is ${what}, got ${got.length > 40 ? `${got.slice(0, 40)}…` : got}`);
}
