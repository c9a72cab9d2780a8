import type { NcpSessionInput } from './ncp.seed.js';
import type { Handshake } from './tuna.messages.js';

/** An answer that the peer shows no sign of is repeated ever more rarely, up to this. Chosen without measurement. */
const REPEAT_MAX_MS = 5000;
/** How many more packets may be under way where they are smaller than ours: the tables stay bounded whatever a peer announces. */
const PACKETS_FACTOR_MAX = 4;

/**
 * Both sides' handshakes, and whether the other one has them: a dialer repeats its handshake until it is answered, an
 * acceptor its answer until the dialer says anything else. Pure.
 * @rule NCP-5
 */
export class HandshakeState {
  #windowBytes = 0; // The peer's, as it said them first.
  #mtu = 0;
  /** How the peer calls its connections, in its order; the answer to its handshake repeats that order. */
  peerIds: readonly string[] = [];
  /** The peer is no holdfast, as far as is known: it is treated as an original. */
  isOriginal = false;
  /** It has shown that it has our handshake. */
  peerKnows = false;
  /** When ours is said again; `Infinity`: it need not be. */
  repeatAt = Infinity;
  #repeatMs: number;

  constructor(readonly seed: NcpSessionInput) {
    this.#repeatMs = seed.limits.handshakeRepeatMs;
  }

  /**
   * Ours. Both sides pair connections by index: the answer has the ids in the order of the dialer, as ncp-go has them, and no more than
   * there are places here.
   */
  ours(): Uint8Array {
    const { codec, limits, role, clientIds } = this.seed;
    const ids = role === 'acceptor' && this.peerIds.length > 0 ? this.peerIds.slice(0, clientIds.length) : clientIds;
    return codec.putHandshake({ clientIds: ids, windowBytes: limits.windowBytes, mtu: limits.mtu, isHoldfast: true });
  }

  /** The peer's, the first one. */
  received({ clientIds, isHoldfast, windowBytes, mtu }: Handshake, now: number): void {
    this.#windowBytes = windowBytes;
    this.#mtu = mtu;
    this.peerIds = clientIds;
    this.isOriginal = isHoldfast !== true && this.seed.isPeerHoldfast !== true;
    this.repeatAt = this.seed.role === 'acceptor' ? now + this.#repeatMs : Infinity;
  }

  /** A handshake is repeated, but it says what it has said before: what was sent since rests on that. */
  isContradictedBy({ windowBytes, mtu }: Handshake): boolean {
    return windowBytes !== this.#windowBytes || mtu !== this.#mtu;
  }

  /** Dialer: from here on until it is answered. */
  repeat(now: number): void {
    this.repeatAt = now;
  }

  /** The peer knows ours, or it doesn't matter any more. */
  settle(): void {
    this.peerKnows = true;
    this.repeatAt = Infinity;
  }

  /** Whether ours is to be said again on every link. */
  handleTimeout(now: number): boolean {
    if (now < this.repeatAt) return false;
    this.repeatAt = now + this.#repeatMs;
    if (this.seed.role === 'acceptor') this.#repeatMs = Math.min(REPEAT_MAX_MS, this.#repeatMs * 2);
    return true;
  }

  /** Packets that may be under way, or come early, once the handshake has settled their size: as many bytes as before. */
  packetsMaxAt(mtu: number): number {
    const { limits } = this.seed;
    return limits.packetsMax * Math.min(PACKETS_FACTOR_MAX, Math.ceil(limits.mtu / mtu));
  }
}
