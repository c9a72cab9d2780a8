import { ports } from '#platform';
import { REDIAL } from '../../machines/backoff.js';
import type { ClosingCode } from '../../machines/closing.js';
import { callback } from '../../machines/callbacks.js';
import { asProtocol } from '../../machines/context-safe.js';
import { SessionError } from '../../machines/errors.js';
import type { TieRule } from '../../machines/tie-break.js';
import type { Identified, Protocol } from '../../machines/protocol.js';
import { shipMachine } from '../../machines/ship/ship.machine.js';
import type { ShipMessage, ShipPayload } from '../../machines/ship/ship.messages.js';
import { ShipPlane } from '../../machines/ship/ship.plane.js';
import type { ShipPeers } from '../../machines/ship/ship.signals.js';
import { SHIP_LIMITS, SHIP_TIMING, type ShipLimits, type ShipTiming } from '../../machines/ship/ship.timing.js';
import { amount, callable, checkOptions, count, flag, given, having, matching, members, oneOf, optional } from '../options.js';
import { makeShipCodec } from './codec.js';
import { guardedPeers } from './guarded.js';
import { normaliseSki } from './ski.js';
import type { ShipTrace } from './trace.js';

/** Identity and trust, besides limits and delays (`ShipTiming`, `ShipLimits`). */
export interface ShipOptions extends Partial<ShipTiming>, Partial<ShipLimits> {
  /** This side's Subject Key Identifier: that of the certificate its transport shows. */
  readonly ski: string;
  /** This side's SHIP id: unique, and the same for ever. */
  readonly shipId: string;
  /** Decides which peers are trusted, may wait, or are known. */
  readonly peers: ShipPeers;
  /**
   * Which of two connections to one peer stays. `initiator`: that opened by the higher SKI, as ship-go 2024 does. `mostRecent`:
   * the higher SKI keeps the newest, and the lower one waits for that (the standard, 12.2.2). Default `initiator`.
   */
  readonly doubleConnection?: TieRule;
  /**
   * Whether a registered peer is dialed again, in the last band, though its user denied trust. Default false: it is dialed after
   * every other ending, and after a denial once it is registered anew.
   */
  readonly redialDenied?: boolean;
  /** Connections at once; beyond it incoming ones get HTTP 503. Default 10. */
  readonly maxConnections?: number;
  /**
   * Sees every message in words, by the peer's SKI; for diagnosis. Payloads may hold `bigint`s, which
   * `JSON.stringify` refuses: `stringifyPayload` writes them. Its errors are reported as warnings and end nothing.
   */
  readonly trace?: ShipTrace;
  /** Whether a message's first byte must fit its kind. `ignored`: its name alone decides, as in ship-go 2024. Default `checked`. */
  readonly typeByte?: 'checked' | 'ignored';
}

const schema = members({
  ...Object.fromEntries([...Object.keys(SHIP_TIMING), ...Object.keys(SHIP_LIMITS)].map((name) => [name, optional(amount)])),
  ski: matching('40 hex digits', /^/), // Looked at more closely below.
  shipId: matching('a SHIP id', /./),
  peers: having('an object with isTrusted, mayWait, shipIdOf and learn', 'isTrusted', 'mayWait', 'shipIdOf', 'learn'),
  doubleConnection: optional(oneOf('initiator', 'mostRecent')),
  redialDenied: optional(flag),
  maxConnections: optional(count),
  trace: optional(callable),
  typeByte: optional(oneOf('checked', 'ignored')),
});

/**
 * SHIP for an engine (EEBus SHIP TS 1.0.1, on the wire as ship-go speaks it): one connection per SKI, trust by users, JSON
 * messages. A settled `send` means handed over to the transport: there is no acknowledgement. `Hub` has the names that
 * ship-go gave them; `shipTransport` the transport it needs.
 * @rule SHIP-1 SHIP-11 SHIP-12 SHIP-13
 */
export function ship(options: ShipOptions): Protocol<ShipPayload> {
  checkOptions('ship', schema, options);
  const { ski, shipId, doubleConnection, redialDenied, maxConnections, typeByte, trace, ...rest } = given(options);
  const peers = guardedPeers(options.peers, ports);
  const localId = normaliseSki(ski);
  const timing: ShipTiming = { ...SHIP_TIMING, ...rest };
  const limits: ShipLimits = { ...SHIP_LIMITS, ...rest };
  const codec = makeShipCodec({ bytesMax: limits.messageBytesMax, ...(typeByte === undefined ? {} : { typeByte }) });
  const encode = (payload: ShipPayload): Uint8Array => codec.encode({ kind: 'data', payload: checkedPayload(payload) });
  return asProtocol({
    name: 'ship',
    alpn: 'ship',
    machine: shipMachine,
    delivery: 'handed-over',
    boundaries: 'message',
    keyed: 'peer',
    ties: { rule: doubleConnection ?? 'initiator', localId },
    redial: REDIAL.ship,
    redialAfter: ({ code, retry }) => {
      if (code === 'trust-denied') return redialDenied === true ? 'longest' : 'never';
      if (SUPERSEDED.has(code)) return 'never'; // Another connection took its place, or it was called off.
      // Another device at its address, a broken message, an alert: in a while that may be over.
      return retry || code === 'closed' || code === 'peer-goodbye' ? 'next' : 'longest';
    },
    connectionsMax: maxConnections ?? 10,
    raceStaggerMs: Infinity, // A device that sees two wires of ours at once may drop the one that we keep.
    openingBytesMax: 1024,
    openingTimeoutMs: timing.initTimeoutMs,
    tombstoneMs: 0,
    sizeOf: (message) => encode(message).length,
    encode,
    copy: (message) => structuredClone(message),
    trusts: (peer) => peers.isTrusted(peer),
    makeSession: ({ role, peer = '' }) => {
      const seen =
        trace === undefined
          ? undefined
          : (direction: 'said' | 'heard', message: ShipMessage): void =>
              void callback(ports, 'trace', (): unknown => trace(peer, direction, message));
      const plane = new ShipPlane({ role, codec, timing, limits, peers, shipId, ski: peer, trace: seen });
      return { label: peer, plane };
    },
    identify: (_, { identity }) => identify(identity?.ski, localId),
    refusal: () => undefined,
  });
}

/** @throws SessionError `not-a-message` */
function checkedPayload(payload: ShipPayload): ShipPayload {
  if (typeof payload === 'object' && payload !== null) return payload;
  const got = payload === null ? 'null' : typeof payload;
  throw new SessionError('not-a-message', `expected an object with one member, got ${got}`);
}

const SUPERSEDED: ReadonlySet<ClosingCode> = new Set(['replaced', 'lost-tie-break', 'cancelled', 'shutdown']);

function identify(ski: string | undefined, localId: string): Identified {
  if (ski === undefined) return { word: 'refuse', code: 'identity-unknown' };
  if (ski === localId) return { word: 'refuse', code: 'identity-mismatch' };
  return { word: 'known', label: ski, isNew: true, opening: undefined };
}
