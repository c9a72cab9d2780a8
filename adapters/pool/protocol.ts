import { ports } from '#platform';
import { REDIAL } from '../../machines/backoff.js';
import { callback, reportCallback } from '../../machines/callbacks.js';
import { asProtocol } from '../../machines/context-safe.js';
import { SessionError } from '../../machines/errors.js';
import type { Identity } from '../../machines/ports.js';
import { messageBytes } from '../../machines/dataplane/message-bytes.js';
import { poolMachine } from '../../machines/pool/pool.machine.js';
import type { PoolRefusalCode } from '../../machines/pool/pool.messages.js';
import { PoolPlane } from '../../machines/pool/pool.plane.js';
import { POOL_LIMITS, type PoolLimits } from '../../machines/pool/pool.timing.js';
import type { Identified, Protocol } from '../../machines/protocol.js';
import { toHex } from '../bytes.js';
import { amount, callable, checkOptions, count, given, matching, members, oneOf, optional } from '../options.js';
import { bareCodec, looksLikePool, poolCodec } from './codec.js';

/**
 * How a peer is known to be who it is. `tls`: its id is the fingerprint of its certificate. `stated`: it says so, and nothing
 * proves it. `by-address`: nothing is said; the resolver's word is taken, and frames are the skip graph's own.
 */
export type PoolIdentity = 'tls' | 'stated' | 'by-address';

/** This side's id and the proof of peers' ids, besides limits and delays (`PoolLimits`). */
export interface PoolOptions extends Partial<PoolLimits> {
  readonly identity: PoolIdentity;
  /** This side's identifier, 64 lower-case hex digits; with `tls` the fingerprint of its own certificate. Not needed `by-address`. */
  readonly id?: string;
  /** `by-address`: whose wire it is that comes from there, e.g. `127.0.0.1:54321`. Default: the address itself is the peer's name. */
  readonly peerOf?: (remoteAddress: string) => string | undefined;
  /** Connections at once. Default 1000 (the skip graph's `max_connections`). */
  readonly maxConnections?: number;
  /** Dials after a first one that failed, and how far apart. Defaults 3 and 1000 (`retry_attempts`, `retry_delay`). */
  readonly retryAttempts?: number;
  readonly retryDelayMs?: number;
}

const DIGITS = '64 lower-case hex digits';
const isId = matching(DIGITS, /^[0-9a-f]{64}$/);
const schema = members({
  ...Object.fromEntries(Object.keys(POOL_LIMITS).map((name) => [name, optional(amount)])),
  identity: oneOf('tls', 'stated', 'by-address'),
  id: optional(isId),
  peerOf: optional(callable),
  maxConnections: optional(count),
  retryAttempts: optional(count),
  retryDelayMs: optional(amount),
});

/**
 * The pool protocol for an engine: whole messages, at most one connection per peer, framing as the skip graph has it (u32 big
 * endian and payload). A settled `send` means handed over to the transport: there is no acknowledgement. `ConnectionManager`
 * has the names that the skip graph gave them.
 */
export function pool(options: PoolOptions): Protocol {
  checkOptions('pool', schema, options);
  const { identity, id = '', peerOf, maxConnections, retryAttempts, retryDelayMs, ...rest } = given(options);
  const isBare = identity === 'by-address';
  if (!isBare && id === '')
    throw new SessionError('bad-option', `pool.id: expected ${DIGITS}, because identity is '${identity}'; got nothing`);
  const own: PoolLimits = { ...POOL_LIMITS, ...rest };
  const { messageBytesMax, sendBytesMax } = own;
  if (messageBytesMax > LENGTH_MAX)
    throw new SessionError('bad-option', `pool.messageBytesMax: expected at most ${LENGTH_MAX}, got ${messageBytesMax}`);
  if (sendBytesMax < messageBytesMax + 128)
    throw new SessionError(
      'bad-option',
      `pool.sendBytesMax: expected room for a message of ${messageBytesMax} bytes, got ${sendBytesMax}`,
    );
  const codec = isBare ? bareCodec : poolCodec;
  const isProven = identity === 'tls';
  return asProtocol({
    name: 'pool',
    alpn: 'holdfast.pool.v1',
    machine: poolMachine,
    delivery: 'handed-over',
    boundaries: 'message',
    keyed: 'peer',
    ties: id === '' ? undefined : { rule: 'initiator', localId: id },
    // @rule POOL-10
    redial: {
      kind: 'constant',
      delayMs: retryDelayMs ?? REDIAL.pool.delayMs,
      retriesMax: retryAttempts ?? REDIAL.pool.retriesMax,
    },
    connectionsMax: maxConnections ?? 1000,
    openingBytesMax: 1024,
    openingTimeoutMs: own.connectTimeoutMs,
    tombstoneMs: 0,
    sizeOf: messageBytes,
    copy: (message) => new Uint8Array(message), // `slice` of a Node Buffer would not copy.
    makeSession: ({ role, peer }) => ({
      label: peer ?? '',
      plane: new PoolPlane({ role, codec, limits: own, localId: id, peer, isBare, isProven }),
    }),
    identify: (bytes, about) => (isBare ? byAddress(about.remoteAddress, peerOf) : identify(bytes, about.identity, isProven, id)),
    refusal: (code, retryAfterMs) => {
      if (isBare) return undefined;
      return poolCodec.putRefused({ code: knownCode(code), retryAfterMs, id: code === 'crossed' ? id : undefined });
    },
  });
}

function byAddress(remoteAddress: string, peerOf: PoolOptions['peerOf']): Identified {
  const peer: unknown = peerOf === undefined ? remoteAddress : callback(ports, 'pool.peerOf', () => peerOf(remoteAddress));
  if (typeof peer !== 'string' || peer === '') {
    if (peer !== undefined)
      reportCallback(ports, 'pool.peerOf', new TypeError('expected a name at once, or undefined for a stranger'));
    return { word: 'refuse', code: 'identity-unknown' };
  }
  return { word: 'known', label: peer, isNew: true, opening: undefined };
}

function identify(bytes: Uint8Array, proven: Identity | undefined, isProven: boolean, localId: string): Identified {
  const looks = looksLikePool(bytes);
  if (looks !== true) return { word: looks === undefined ? 'more' : 'foreign' };
  const end = poolCodec.frameBytes(bytes, 0);
  if (end > OPENING_FRAME_BYTES_MAX) return refused('malformed');
  if (bytes.length < end) return { word: 'more' };
  const hello = poolCodec.hello(bytes, 0, end);
  if (hello === undefined) return refused('malformed');
  if (hello.versionMin > poolCodec.versionMax || hello.versionMax < poolCodec.versionMin) return refused('version-unsupported');
  if (isProven && proven === undefined) return refused('identity-unknown');
  if (hello.id === localId || (isProven && proven?.fingerprint !== hello.id)) return refused('identity-mismatch');
  return { word: 'known', label: hello.id, isNew: true, isInquiry: hello.isInquiry, opening: hello };
}

function refused(code: PoolRefusalCode): Identified {
  return { word: 'refuse', code, say: poolCodec.putRefused({ code, retryAfterMs: 0 }) };
}

/** This protocol has no sessions that end or get lost. @rule POOL-9 */
function knownCode(code: Parameters<Protocol['refusal']>[0]): PoolRefusalCode {
  return code === 'unknown-session' || code === 'ended' || code === 'token-refused' ? 'malformed' : code;
}

/** Later versions may append to the hello, within reason. */
const OPENING_FRAME_BYTES_MAX = 1024;
/** The top bit of a length marks a control frame. */
const LENGTH_MAX = 2 ** 31 - 1;

/** 32 bytes, or their 64 hex digits in either case, as one spelling. Throws `SessionError('bad-option')` for anything else. */
export function peerId(id: string | Uint8Array): string {
  const spelled = typeof id === 'string' ? id.toLowerCase() : ArrayBuffer.isView(id) ? toHex(id) : id;
  checkOptions('peer id', isId, spelled);
  return spelled;
}
