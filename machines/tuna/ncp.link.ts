import { Liveness } from '../dataplane/liveness.js';
import { OwedAcks } from './ncp.acks.js';
import { Flight } from './ncp.flight.js';
import type { Outbound } from './ncp.outbound.js';
import { Pace } from './ncp.pace.js';
import { RoundTrip } from './ncp.rtt.js';
import type { Packet } from './tuna.messages.js';
import type { NcpLimits } from './tuna.timing.js';

/** Ranges of an acknowledgement that the next one repeats. */
export const RANGES_REPEATED = 8;

/** The original gathers acknowledgements for so long: a round trip that was measured may hold as much that isn't one. */
const PEER_GATHERS_MS = 50;
/** Round trips of which the shortest says how long the way is, and how often one is asked for. Chosen without measurement. */
const SAMPLES_LEAST = 8;
const SAMPLE_MS = 250;
/** A question without an answer is asked again after so long: the original's answers are lost with a socket. */
const ANSWER_MAX_MS = 5000;
/** A round trip in which more than this came in, or was to be carried, may be a queue's, which can be gone at any moment. Chosen without measurement. */
const QUIET_BYTES = 4 << 10;

/** The state of one connection of a session: packets in flight, acknowledgements owed to the peer, and times. */
export class NcpLink {
  readonly flight: Flight;
  readonly trip: RoundTrip;
  pace = new Pace();
  readonly owed: OwedAcks;
  readonly health: Liveness;
  isAttached = false;
  /** There is no place for this wire: it is read, and nothing is said on it but what the peer has asked for. */
  isReserve = false;
  /** The peer has said something else than its handshake on this wire. */
  isUsed = false;
  /** A timeout occurred here, and nothing was received since: other links carry the load. */
  isStalled = false;
  owesHandshake = false;
  owesProbe = false;
  owesClose = false;
  owesRead = false;
  /** Ranges of the last acknowledgement, said once more with the next: one that is lost costs nothing then. */
  readonly toldStarts = new Uint32Array(RANGES_REPEATED);
  readonly toldCounts = new Uint32Array(RANGES_REPEATED);
  told = 0;
  #suspectAt = Infinity; // Since when others carry what it was to carry, and it says nothing.
  /** Whether the peer has sent anything on the current wire. */
  hasSpoken = false;
  /** Whether it is known to be the peer, now. */
  isProven = false;
  /** The number that this wire has to acknowledge before it counts; 0: none. */
  challenged = 0;
  /** When it is asked to once more. */
  challengeAt = Infinity;
  #probedPacket = -Infinity; // The last one that was sent as a question,
  #probedAt = -Infinity; // then.
  #cameBytes = 0; // Data that came in, altogether,
  #cameAtProbe = 0; // and when the question left.
  #samples = 0; // Round trips measured on the wire of the moment while it was quiet,
  #shortestMs = Infinity; // and the shortest of all.
  /** When the newest packet left of which an acknowledgement came back, and when that was. */
  newestAckedAt = -Infinity;
  /** The how-manieth on this wire the latest acknowledged one was. */
  newestOrder = -1;
  progressAt = -Infinity;
  /** When a packet was sent again after a silence of the peer. */
  retriedAt = -Infinity;

  constructor(
    readonly index: number,
    readonly limits: NcpLimits,
    outbound: Outbound,
  ) {
    this.flight = new Flight(index, outbound);
    this.trip = new RoundTrip(limits);
    this.owed = new OwedAcks(limits.ackDelayMs);
    this.health = new Liveness({ idleMs: limits.idleMs, probeTimeoutMs: limits.probeTimeoutMs });
  }

  attach(now: number): void {
    this.isAttached = true;
    this.pace = new Pace();
    this.challenged = 0;
    this.challengeAt = Infinity;
    this.#probedPacket = this.#probedAt = -Infinity;
    this.#samples = 0;
    this.#shortestMs = Infinity;
    this.isReserve =
      this.isUsed =
      this.isStalled =
      this.isProven =
      this.hasSpoken =
      this.owesProbe =
      this.owesRead =
      this.owesClose =
      this.owesHandshake =
        false;
    this.newestAckedAt = this.progressAt = -Infinity;
    this.newestOrder = -1;
    this.retriedAt = -Infinity;
    this.told = 0;
    if (this.limits.idleMs > 0) this.health.start(now);
  }

  /**
   * The session is open. An acceptor says so on every wire. A dialer asks the wires on which nothing has come for a sign of life: an
   * original answers a handshake once, on the wires that it has by then, and says nothing on the others until it has data.
   * @rule NCP-5
   */
  opened(role: 'dialer' | 'acceptor', isPeerOriginal: boolean): void {
    this.owesHandshake = role === 'acceptor' && this.isAttached;
    if (role === 'dialer' && isPeerOriginal) this.owesProbe = this.isAttached && !this.hasSpoken;
  }

  /** It joins the reserve, or leaves it. */
  rest(): void {
    this.isReserve = true;
    this.isProven = false;
    this.health.stop();
  }
  rise(now: number): void {
    this.isReserve = this.isProven = false;
    if (this.limits.idleMs > 0) this.health.start(now);
  }
  /** The peer has said more than its handshake. True: for the first time. */
  noteUse(): boolean {
    const isNews = !this.isUsed;
    this.isUsed = true;
    return isNews;
  }

  get isChallenged(): boolean {
    return this.challenged !== 0;
  }
  /** Whether packets may go here. */
  get carries(): boolean {
    return this.isAttached && this.challenged === 0 && !this.isReserve;
  }

  /** The wire counts once it has acknowledged this number. */
  challenge(sequence: number, now: number): void {
    this.challenged = sequence;
    this.challengeAgain(now);
  }
  challengeAgain(now: number): void {
    this.owesProbe = true;
    this.challengeAt = now + this.limits.handshakeRepeatMs;
  }
  /** Whether the acknowledgement is the one that was asked for. The wire counts from here on. */
  meets({ starts, ranges }: Packet): boolean {
    for (let i = 0; i < ranges; i++) {
      if (starts[i] !== this.challenged) continue;
      this.challenged = 0;
      this.challengeAt = Infinity;
      return true;
    }
    return false;
  }

  /** An empty packet leaves that is acknowledged as soon as the peer does so: its answer tells a round trip. */
  probed(n: number, now: number): void {
    this.#probedPacket = n;
    this.#probedAt = now;
    this.#cameAtProbe = this.#cameBytes;
  }
  /** Of packets that were acknowledged long ago, one more was. */
  answered(from: number, last: number, now: number): void {
    if (this.#probedPacket < from || this.#probedPacket > last) return;
    this.#probedPacket = -Infinity;
    this.sampled(now - this.#probedAt);
    if (this.#cameBytes - this.#cameAtProbe <= QUIET_BYTES && this.flight.bytes <= QUIET_BYTES) this.#samples++;
  }
  /** A round trip on the wire of the moment: the way takes no longer, but may take less. */
  sampled(ms: number): void {
    if (ms < this.#shortestMs) this.#shortestMs = ms;
  }

  /**
   * How long an original waits for an acknowledgement of what has just come, so that the round trips it sees are never short. Where
   * the way is long by itself, less; before that is known, the whole. One round trip says little, because either side may have been
   * late: the shortest of several counts, and it is asked for more as long as the whole is not waited for. Those in which much was
   * carried prove nothing: they hold the time in queues, and once a queue is gone the hold has to make up for it at once.
   * `bytes`: of what has just come.
   * @rule NCP-15
   */
  ackHoldMs(now: number, bytes: number): number {
    this.#cameBytes += bytes;
    const { originalAckMs } = this.limits;
    const isKnown = this.#samples >= SAMPLES_LEAST;
    const wayMs = isKnown ? Math.max(0, this.#shortestMs - PEER_GATHERS_MS) : 0;
    const askAfterMs = this.#probedPacket === -Infinity ? SAMPLE_MS : ANSWER_MAX_MS;
    if ((!isKnown || wayMs > 0) && now - this.#probedAt >= askAfterMs) {
      this.owesProbe = true;
      this.#probedAt = now;
    }
    return Math.max(0, originalAckMs - wayMs);
  }

  /** The how-manieth packet of this wire has arrived, which left at `sentAt`. */
  acked(order: number, sentAt: number): void {
    if (order > this.newestOrder) this.newestOrder = order;
    if (sentAt > this.newestAckedAt) this.newestAckedAt = sentAt;
  }

  detach(): void {
    this.isAttached = false;
    this.health.stop();
  }

  /** Others carry what left here at `sentAt`: if nothing at all has come for long enough, the link is left alone until it does. */
  suspect(sentAt: number, now: number): void {
    if (sentAt < this.#suspectAt) this.#suspectAt = sentAt;
    if (now - this.#suspectAt < this.trip.tailMs) return;
    this.isStalled = true;
    if (this.health.probeNow(now, this.limits.probeTimeoutMs)) this.owesProbe = true;
  }

  received(now: number): void {
    this.#suspectAt = Infinity;
    this.isStalled = false;
    this.health.received(now);
  }

  /** When what is under way here has taken too long: nothing was acknowledged for a whole timeout. */
  get rtoAt(): number | undefined {
    const oldestAt = this.flight.oldestAt();
    return oldestAt === undefined ? undefined : Math.max(oldestAt, this.progressAt) + this.trip.rtoMs;
  }

  /** When the oldest packet here is sent again for the first time, without a change of the link's state. */
  get tailAt(): number {
    const oldestAt = this.flight.oldestAt();
    if (oldestAt === undefined) return Infinity;
    const since = Math.max(oldestAt, this.progressAt);
    return this.retriedAt >= since ? Infinity : since + this.trip.tailMs; // Once in each silence.
  }

  nextTimeout(): number {
    let at = this.tailAt;
    const rtoAt = this.rtoAt;
    if (rtoAt !== undefined && rtoAt < at) at = rtoAt;
    if (this.owed.dueAt !== undefined && !this.owed.isDue && this.owed.dueAt < at) at = this.owed.dueAt;
    if (this.challengeAt < at) at = this.challengeAt;
    const health = this.health.nextTimeout();
    return health !== undefined && health < at ? health : at;
  }
}
