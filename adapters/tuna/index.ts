import { ports } from '#platform';
import { callback } from '../../machines/callbacks.js';
import { toHex } from '../bytes.js';
import { REDIAL, type RedialPolicy } from '../../machines/backoff.js';
import { asProtocol } from '../../machines/context-safe.js';
import { SessionError } from '../../machines/errors.js';
import { messageBytes } from '../../machines/dataplane/message-bytes.js';
import type { Identified, Protocol, Session, SessionRequest } from '../../machines/protocol.js';
import { tunaSessionMachine } from '../../machines/tuna/tuna.machine.js';
import { TunaPlane, type Envelope } from '../../machines/tuna/tuna.plane.js';
import { TUNA_LIMITS, type TunaLimits } from '../../machines/tuna/tuna.timing.js';
import type { AddressReply } from '../../machines/tuna/tuna.addresses.js';
import { bounded, type AddressQuery } from './addresses.js';
import { ncpCodec } from './codec.js';
import { frameBytes, framed, PlainEnvelope } from './envelope.js';
import { ADDRESS_BYTES_MAX, METADATA_BYTES_MAX, putMetadata, readMetadata, SESSION_ID_BYTES } from './metadata.js';
import { limitsFrom } from './options.js';
import { nknAddress, nonces, SealedEnvelope, sealed, unsealed, type Box, type TunaIdentity } from './sealing.js';

export { ncpCodec } from './codec.js';
export type { TunaIdentity, Box } from './sealing.js';
export { TUNA_LINKS_MAX } from './options.js';
export { TUNA_LIMITS, type TunaLimits, type AddressReply };

export { addressesOver, answerAddresses, type AskingOptions } from './asking.js';
export {
  resolverOf,
  staticAddresses,
  type AddressResponder,
  type AddressQuery,
  type AddressRequest,
  type StaticAddresses,
  type Timers,
} from './addresses.js';
import type { AddressResponder } from './addresses.js';
/**
 * The former name of `AddressResponder`.
 * @deprecated Since 0.1.0.
 */
export type AddressDesk = AddressResponder;
export { directExit, TunaListener, type NewTunaExit, type TunaExit, type TunaListenerOptions } from './listener.js';
export { answerRelay, relayAddresses, type RelayClient, type RelayMessage, type RelayOptions } from './relay.js';

/** Options of Tuna sessions, besides their limits and delays (`TunaLimits`). */
export interface TunaOptions extends Partial<TunaLimits> {
  /** This side's identity, from `tunaIdentity` of `holdfast/adapters/tuna/nacl`. Without one packets are not sealed: for wires that are. */
  readonly identity?: TunaIdentity;
  /** Decides by its address whether a peer is accepted. Default: every peer with a key, or every peer if nothing is sealed. */
  readonly accepts?: (address: string) => boolean;
  /**
   * Where links find their addresses: `staticAddresses`, `relayAddresses`, `addressesOver`, or your own. Default: the targets given
   * to `connect`, one per link, or one for all.
   */
  readonly addresses?: AddressQuery;
  /** When to dial a link again after its loss. Default: at once if it had lived over 1 s, then 50 ms … 5 s with full jitter. */
  readonly redial?: RedialPolicy;
  /** Dials of one link in a row before it waits for fresh addresses. Default: unlimited, as are negative ones; the original's is 0. */
  readonly reconnectRetries?: number;
  /** Sessions at once. Default 100 000. */
  readonly connectionsMax?: number;
  /** Number of the first packet of a session; for tests of the wrap. Default 1. */
  readonly first?: number;
}

/** The protocol of `tuna`, with the number of links of its sessions. `TunaListener` has as many listeners. */
export interface TunaProtocol extends Protocol<Uint8Array> {
  readonly numTunaListeners: number;
}

/**
 * How long a session of the original is kept without a link: it has ended by then and never resumes. Chosen without measurement.
 */
const ORIGINAL_WINDOW_MS = 5_000;
/** How long the original remembers that a session has ended. */
const TOMBSTONE_MS = 300_000;

interface Opening {
  readonly remoteAddress: string;
  readonly id: Uint8Array;
  readonly link?: number;
  readonly windowMs?: number;
  readonly listener?: string | undefined;
}

/**
 * One session over several connections: a byte stream, or packets, wire-compatible with nkn-tuna-session (`spec/rules/tuna.md`).
 *
 * @throws SessionError `bad-option` for an invalid option; the message names it, the expected value and the given one
 */
export function tuna(options: TunaOptions = {}): TunaProtocol {
  const limits = limitsFrom(options);
  const { identity, accepts, addresses, redial = REDIAL.session, reconnectRetries, connectionsMax = 100_000, first } = options;
  const isLimited = reconnectRetries !== undefined && reconnectRetries >= 0;
  return asProtocol({
    name: 'tuna',
    numTunaListeners: limits.numTunaListeners,
    alpn: 'holdfast.tuna.v1',
    machine: tunaSessionMachine,
    delivery: 'acknowledged',
    boundaries: limits.isStream ? 'stream' : 'message',
    keyed: 'session',
    hasLinks: true,
    hasSuccessors: true,
    redial: isLimited ? { ...redial, retriesMax: reconnectRetries } : redial,
    connectionsMax,
    openingBytesMax: ADDRESS_BYTES_MAX + METADATA_BYTES_MAX + 8,
    openingTimeoutMs: limits.openingTimeoutMs,
    tombstoneMs: TOMBSTONE_MS,
    sizeOf: messageBytes,
    copy: (message) => new Uint8Array(message),
    peerOf: (peer) => peerOf(peer, identity),
    makeSession: (request) => makeSession(request, limits, { identity, addresses, first }),
    identify: (bytes, { listener }) => identify(bytes, identity, accepts, listener),
    refusal: (code, _retryAfterMs, opening) => refusalTo(opening as Opening | undefined, code, identity),
  });
}

type Made = Pick<TunaOptions, 'identity' | 'addresses' | 'first'> & object;

function makeSession(
  request: SessionRequest,
  limits: TunaLimits,
  { identity, addresses, first }: { [Name in keyof Made]: Made[Name] | undefined },
): Session {
  const { role, ports, pool } = request;
  const opening = request.opening as Opening | undefined;
  const id = opening?.id ?? ports.entropy(SESSION_ID_BYTES);
  const remoteAddress = opening?.remoteAddress ?? request.peer ?? '';
  const box = boxFor(identity, remoteAddress);
  const nonce = nonces(ports.entropy);
  const envelope: Envelope = box === undefined ? new PlainEnvelope() : new SealedEnvelope(box, nonce, limits.mtu + 1024);
  const ownAddress = identity?.address ?? PLAIN_ADDRESS;
  const openingFor = (link: number): Uint8Array => {
    const metadata = putMetadata({ id, type: 1, link, windowMs: limits.reconnectWindowMs });
    const frames = [
      framed(new TextEncoder().encode(ownAddress)),
      framed(box === undefined ? metadata : sealed(box, nonce(), metadata)),
    ];
    const whole = new Uint8Array(frames[0]!.length + frames[1]!.length);
    whole.set(frames[0]!);
    whole.set(frames[1]!, frames[0]!.length);
    return whole;
  };
  const plane = new TunaPlane({
    role,
    codec: ncpCodec,
    limits: { ...limits, reconnectWindowMs: Math.min(limits.reconnectWindowMs, windowOf(opening)) },
    pool,
    entropy: ports.entropy,
    isPeerHoldfast: opening?.windowMs !== undefined,
    links: 2 * limits.numTunaListeners,
    clientIds: Array.from({ length: limits.numTunaListeners }, (_, i) => String(i)),
    envelope,
    opening: (slot) => (role === 'dialer' ? openingFor(slot % limits.numTunaListeners) : undefined),
    openingFrames: role === 'dialer' ? 0 : 2,
    offer: opening,
    isSuccessor: request.isSuccessor === true,
    target: request.target === '' ? undefined : request.target,
    addresses: addresses === undefined ? undefined : (answer) => bounded(addresses, ports.clock).query(remoteAddress, id, answer),
    ...(first === undefined ? {} : { first }),
  });
  return { label: labelOf(remoteAddress, id), plane, authorize: () => ({ admit: true }) };
}

/** How long the dialer keeps the session. @rule TUNA-7 */
function windowOf(opening: Opening | undefined): number {
  return opening === undefined ? Infinity : (opening.windowMs ?? ORIGINAL_WINDOW_MS);
}

/** Stands for an address if nothing is sealed. */
const PLAIN_ADDRESS = 'holdfast';

function boxFor(identity: TunaIdentity | undefined, remoteAddress: string): Box | undefined {
  if (identity === undefined) return undefined;
  const box = identity.boxWith(remoteAddress);
  if (box === undefined) throw noPeer(remoteAddress);
  return box;
}

function peerOf(peer: string | undefined, identity: TunaIdentity | undefined): string | undefined {
  if (identity === undefined) return peer === undefined ? undefined : (nknAddress(peer) ?? peer);
  const address = peer === undefined ? undefined : nknAddress(peer);
  if (address === undefined || identity.boxWith(address) === undefined) throw noPeer(peer);
  return address;
}

function noPeer(peer: string | undefined): SessionError {
  const got = peer === undefined || peer === '' ? 'nothing' : JSON.stringify(peer);
  return new SessionError(
    'bad-option',
    `tuna with \`identity\` seals for one peer: connect needs \`peer\`, the peer's NKN address (64 hex digits, or a name, a dot and those), and got ${got}`,
  );
}

/**
 * The answer to another holdfast whose wire is refused before it is identified: a close as the first packet, with the reason. The
 * original has no such answer, so its wire is just closed.
 * @rule NCP-16
 */
function refusalTo(
  opening: Opening | undefined,
  code: Parameters<Protocol['refusal']>[0] | 'malformed',
  identity: TunaIdentity | undefined,
): Uint8Array | undefined {
  if (opening?.windowMs === undefined) return undefined;
  const packet = refusalPacket(code);
  if (identity === undefined) return framed(packet);
  const box = identity.boxWith(opening.remoteAddress);
  return box === undefined ? undefined : framed(sealed(box, nonces(ports.entropy)(), packet));
}

function refusalPacket(code: Parameters<typeof refusalTo>[1]): Uint8Array {
  switch (code) {
    case 'busy':
    case 'limit-reached':
      return ncpCodec.putFault({ code, rule: undefined }, true);
    case 'malformed':
      return ncpCodec.putFault({ code, rule: 'TUNA-1' }, true);
    default: {
      // The session has ended, or is unknown.
      const packet = new Uint8Array(2);
      ncpCodec.putClose(packet, 0);
      return packet;
    }
  }
}

/** A session belongs to the address that opened it, and the address is proven by the seal of its metadata. */
function labelOf(remoteAddress: string, id: Uint8Array): string {
  return `${remoteAddress}:${toHex(id)}`;
}

/** @rule TUNA-1 */
function identify(
  bytes: Uint8Array,
  identity: TunaIdentity | undefined,
  accepts: ((address: string) => boolean) | undefined,
  listener: string | undefined,
): Identified {
  if (bytes.length < 4) return { word: 'more' };
  const addressEnd = frameBytes(bytes, 0);
  if (addressEnd > ADDRESS_BYTES_MAX + 4 || addressEnd < 5) return { word: 'foreign' };
  if (bytes.length < addressEnd) return { word: 'more' };
  const said = new TextDecoder().decode(bytes.subarray(4, addressEnd));
  if (!/^[\x21-\x7e]+$/.test(said)) return { word: 'foreign' };
  const remoteAddress = nknAddress(said) ?? said;
  if (bytes.length < addressEnd + 4) return { word: 'more' };
  const metadataEnd = addressEnd + frameBytes(bytes, addressEnd);
  if (metadataEnd - addressEnd > METADATA_BYTES_MAX + 4) return { word: 'refuse', code: 'oversized' };
  if (bytes.length < metadataEnd) return { word: 'more' };
  const body = bytes.subarray(addressEnd + 4, metadataEnd);
  const box = identity?.boxWith(remoteAddress);
  const opened = identity === undefined ? body : box === undefined ? undefined : unsealed(box, body);
  const metadata = opened === undefined ? undefined : readMetadata(opened);
  if (accepts !== undefined && callback<unknown>(ports, 'tuna.accepts', () => accepts(remoteAddress)) !== true)
    return { word: 'refuse', code: 'identity-unknown' }; // A stranger gets no answer.
  if (metadata === undefined) return { word: 'refuse', code: 'malformed' };
  if (metadata.type > 1) {
    const say = refusalTo({ remoteAddress, ...metadata }, 'malformed', identity);
    return { word: 'refuse', code: 'malformed', ...(say === undefined ? {} : { say }) };
  }
  const { type: _type, ...rest } = metadata;
  const opening: Opening = { remoteAddress, listener, ...rest };
  const label = labelOf(remoteAddress, metadata.id);
  // A seal proves the address; without a seal it is a claim, and `peer` stays where the wire came from.
  return { word: 'known', label, peer: identity && remoteAddress, isNew: true, mayReturn: true, opening };
}
