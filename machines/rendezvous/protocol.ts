import { REDIAL } from '../backoff.js';
import { asProtocol } from '../context-safe.js';
import { messageBytes } from '../dataplane/message-bytes.js';
import type { PoolRefusalCode } from '../pool/pool.messages.js';
import { poolMachine } from '../pool/pool.machine.js';
import { PoolPlane } from '../pool/pool.plane.js';
import type { PoolLimits } from '../pool/pool.timing.js';
import type { Protocol } from '../protocol.js';
import { identifying, type IdentifyContext } from './identify.js';
import { AcceptorHandshake, DialerHandshake, type VerifiedOpening } from './handshake.js';

/** Longer than a client hello and a Hello. */
const OPENING_BYTES_MAX = 2048;

/**
 * Rendezvous for an engine: the pool's connections (one per peer, whole messages, a goodbye) with a handshake that proves the peer's
 * identity. Ids are public keys, so that both sides of a crossing know which one stays.
 * @rule RDV-5
 */
export function rendezvousProtocol(side: IdentifyContext, limits: PoolLimits, connectionsMax: number): Protocol {
  const { signedMessages, frames } = side;
  return asProtocol({
    name: 'rendezvous',
    alpn: 'holdfast.rendezvous.v1',
    machine: poolMachine,
    delivery: 'handed-over',
    boundaries: 'message',
    keyed: 'peer',
    ties: { rule: 'initiator', localId: signedMessages.id },
    redial: { ...REDIAL.pool, retriesMax: 0 }, // The node decides whom to dial, and when again.
    connectionsMax,
    openingBytesMax: OPENING_BYTES_MAX,
    openingTimeoutMs: limits.connectTimeoutMs,
    tombstoneMs: 0,
    sizeOf: messageBytes,
    copy: (message) => new Uint8Array(message),
    makeSession: ({ role, peer, opening }) => {
      const handshake =
        role === 'dialer' ? new DialerHandshake(side, peer) : new AcceptorHandshake(side, opening as VerifiedOpening);
      const input = { role, codec: frames, limits, localId: signedMessages.id, peer, isBare: false, isProven: false, handshake };
      return { label: peer ?? '', plane: new PoolPlane(input) };
    },
    identify: identifying(side),
    silent: () => side.count('silent'),
    refusal: (code, retryAfterMs) => frames.putRefused({ code: knownCode(code), retryAfterMs }),
  });
}

/** This protocol has no sessions that end or get lost. */
function knownCode(code: Parameters<Protocol['refusal']>[0]): PoolRefusalCode {
  return code === 'unknown-session' || code === 'ended' || code === 'token-refused' ? 'malformed' : code;
}
