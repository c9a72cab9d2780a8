import { DEPTH_MAX, fromEebusJson } from './eebus-json.js';
import { bodies, Unfit, type Body } from './incoming.js';
import { JsonError } from './json-text.js';
import { outgoing } from './outgoing.js';
import { SessionError } from '../../machines/errors.js';
import type { ShipCodec, ShipMessage, OutgoingShipMessage } from '../../machines/ship/ship.messages.js';
import { checkOptions, count, members, oneOf, optional } from '../options.js';

/** How SHIP messages lie on the wire: their largest size, and what some devices need different. */
export interface ShipCodecOptions {
  /**
   * How many bytes one message may have, the type byte included. Default 102400, the limit of current ship-go; the one of
   * 2024 has none. Longer ones are refused before they are decoded.
   */
  readonly bytesMax?: number;
  /** How many lists and objects may lie inside one another on the wire. Default 128. */
  readonly depthMax?: number;
  /**
   * Default `checked`: data is type 2, close is type 3, every other message type 1. With `ignored` the name alone decides, as
   * in ship-go of 2024, for devices that get the byte wrong.
   */
  readonly typeByte?: 'checked' | 'ignored';
}

const OPTIONS = members({
  bytesMax: optional(count),
  depthMax: optional(count),
  typeByte: optional(oneOf('checked', 'ignored')),
});

const SHIP_BYTES_MAX = 102_400;

/** Says what a message is before its payload: SHIP's first byte. */
const shipTypes = { init: 0, control: 1, data: 2, end: 3 } as const;

/**
 * SHIP's bytes: a type byte, and EEBUS JSON in UTF-8. Reading follows the standard (whitespace, unknown members) and forgives
 * what devices are known to do: NULs around the text, ordinary JSON, a bare `{"error":2}`. Writing is ship-go's, byte by byte.
 */
export function makeShipCodec(options: ShipCodecOptions = {}): ShipCodec {
  checkOptions('makeShipCodec', OPTIONS, options);
  const { bytesMax = SHIP_BYTES_MAX, depthMax = DEPTH_MAX, typeByte = 'checked' } = options;
  // Bytes are counted here; there are never more characters than bytes.
  const limits = { depthMax, charactersMax: bytesMax };
  return {
    encode(message: OutgoingShipMessage): Uint8Array {
      if (message.kind === 'init') return Uint8Array.of(shipTypes.init, message.value);
      const { type, text } = outgoing(message, limits);
      const bytes = new TextEncoder().encode(String.fromCharCode(type) + text);
      if (bytes.length <= bytesMax) return bytes;
      throw new SessionError('too-large', `a ${message.kind} message of ${bytes.length} bytes; the limit is ${bytesMax}`);
    },

    decode(bytes: Uint8Array): ShipMessage {
      if (bytes.length < 2) return malformed(`a message has at least two bytes, got ${bytes.length}`);
      if (bytes.length > bytesMax) return malformed(`${bytes.length} bytes are more than ${bytesMax}`);
      const type = bytes[0]!;
      // Nothing after the second byte counts: ship-go takes `00 00 ff` for an init too.
      if (type === shipTypes.init) return { kind: 'init', value: bytes[1]! };
      if (type > shipTypes.end) return { kind: 'unknown', reason: `unknown message type ${type}` };
      const text = textOf(bytes.subarray(1));
      if (text === undefined) return malformed('the text is not UTF-8');
      try {
        return messageOf(type, fromEebusJson(text, limits), typeByte);
      } catch (error) {
        if (error instanceof JsonError) return malformed(error.message);
        throw error;
      }
    },
  };
}

function textOf(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

function messageOf(type: number, value: unknown, typeByte: 'checked' | 'ignored'): ShipMessage {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return malformed('a message is an object');
  const names = Object.keys(value);
  const known = names.filter((name) => bodies.has(name));
  if (names[0] === undefined) return malformed('a message has a member, got none');
  if (known.length > 1) return malformed(`one message at a time, got ${known.join(' and ')}`);
  if (known[0] === undefined) return { kind: 'unknown', reason: `unknown message ${JSON.stringify(names[0].slice(0, 40))}` };
  const body = bodies.get(known[0])!;
  if (typeByte === 'checked' && type !== body.type) {
    return malformed(`${known[0]} is of type ${body.type}, got type ${type}`);
  }
  return read(body, known[0], (value as Record<string, unknown>)[known[0]]);
}

function read(body: Body, name: string, value: unknown): ShipMessage {
  try {
    return body.read(value, name);
  } catch (error) {
    if (error instanceof Unfit) return malformed(error.message);
    throw error;
  }
}

function malformed(reason: string): ShipMessage {
  return { kind: 'malformed', reason };
}
