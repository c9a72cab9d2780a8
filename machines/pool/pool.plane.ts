import { Framer } from '../dataplane/framer.js';
import { FrameQueue } from '../dataplane/frame-queue.js';
import type { Room, Step } from '../dataplane/plane.js';
import { SessionError } from '../errors.js';
import { Health } from '../hub/health.js';
import type { SessionPlane } from '../protocol.js';
import type { PoolGoodbyeCode } from './pool.messages.js';
import type { PoolSeed, PoolSignal } from './pool.signals.js';

/** Which of the peer's frames may come now. The chart opens; the first senseless byte deafens. */
type Hearing = 'nothing' | 'hello' | 'everything';

/**
 * Whole messages over one wire, each handed over once. There is no acknowledgement and no credit in this protocol: a reader
 * that stops is felt by the wire not being read.
 */
export class PoolPlane implements SessionPlane<Uint8Array, PoolSignal> {
  readonly health: Health;
  /** Bare frames can't ask for a sign of life; the system below can. */
  readonly keepAliveMs: number | undefined;
  isFull = false;
  #framer: Framer;
  #queue: FrameQueue;
  #hearing: Hearing = 'nothing';
  #isOpen = false; // Messages may leave.
  #draining = false;
  #hasDrained = false;
  #urgent: Uint8Array[] = []; // Control frames, before data.
  #message: Uint8Array | undefined;
  #signals: PoolSignal[] = [];
  #received = 0;
  #activeAt = 0; // When a message last went either way; means nothing before `open`.

  constructor(readonly seed: PoolSeed) {
    const { limits, codec, isBare } = seed;
    this.#framer = new Framer(codec, Math.max(limits.messageBytesMax + codec.dataHeadBytes, CONTROL_BYTES_MAX));
    this.#queue = new FrameQueue(codec, limits.sendBytesMax);
    this.health = new Health({ idleMs: limits.keepaliveIntervalMs, probeTimeoutMs: limits.probeTimeoutMs });
    this.keepAliveMs = isBare && limits.keepaliveIntervalMs > 0 ? limits.keepaliveIntervalMs : undefined;
  }

  // Commands of the chart.

  /** On a new wire: the dialer says who it is, the acceptor listens. */
  greet(): void {
    if (this.seed.role === 'dialer') this.#greet('hello');
    this.#hearing = 'hello';
  }

  /** The peer may speak, and be spoken to, from here on. */
  open(now: number): void {
    if (this.seed.role === 'acceptor' && !this.seed.isBare) this.#greet('welcome');
    this.#hearing = 'everything';
    this.#isOpen = true;
    this.#activeAt = now;
  }

  /** Takes no more messages, and says when all were given to the wire. */
  drain(): void {
    this.#draining = true;
    this.#tellDrained();
  }

  goodbye(code: PoolGoodbyeCode): void {
    this.#draining = true;
    if (!this.seed.isBare) this.#urgent.push(this.seed.codec.putGoodbye(code));
  }

  /** Something suggests that the wire may be dead: ask, and don't wait long. */
  probe(now: number): void {
    if (!this.#mayPing) return;
    if (this.isFull) this.#ping();
    else if (this.health.probeNow(now, this.seed.limits.wakeProbeTimeoutMs)) this.#ping();
  }

  // The pump's side.

  attach(_link: number, now: number): void {
    if (!this.seed.isBare && this.seed.limits.keepaliveIntervalMs > 0) this.health.start(now);
  }

  detach(): void {
    this.#hearing = 'nothing';
    this.#isOpen = false;
    this.health.stop();
  }

  handleBytes(_link: number, bytes: Uint8Array, lent: boolean): void {
    this.#framer.push(bytes, lent);
  }

  step(now: number): Step {
    if (this.#hearing === 'nothing') return 'idle';
    const framed = this.#framer.poll();
    if (framed === 'more') return 'idle';
    if (framed === 'oversized') return this.#spoil('oversized');
    this.health.heard(now);
    const { bytes, start, end } = this.#framer;
    const kind = this.seed.codec.kind(bytes, start, end);
    if (kind !== 'data') return kind === 'optional' ? 'quiet' : this.#handleControl(kind);
    if (this.#hearing !== 'everything') return this.#spoil('malformed');
    if (end - start - this.seed.codec.dataHeadBytes > this.seed.limits.messageBytesMax) return this.#spoil('oversized');
    this.#received++;
    this.#activeAt = now;
    this.#message = this.#framer.take(start + this.seed.codec.dataHeadBytes, end);
    return 'message';
  }

  handleTimeout(now: number): void {
    const idleAt = this.#idleAt();
    if (idleAt !== undefined && now >= idleAt) {
      this.#activeAt = now;
      this.#signals.push({ type: 'idle.expired' });
    }
    switch (this.health.handleTimeout(now)) {
      case 'probe':
        if (this.#mayPing) this.#ping();
        if (this.isFull) this.health.start(now); // A wire that isn't read shows no sign of life; the ping is one for the peer.
        break;
      case 'dead':
        if (this.isFull) this.health.start(now);
        else this.#signals.push({ type: 'wire.silent' });
        break;
      case 'quiet':
    }
  }

  nextTimeout(): number | undefined {
    const health = this.health.nextTimeout();
    const idleAt = this.#idleAt();
    return health === undefined || idleAt === undefined ? (health ?? idleAt) : Math.min(health, idleAt);
  }

  write(payload: Uint8Array): Room {
    if (this.#draining) throw new SessionError('closed', 'this connection is closing; nothing more can be written');
    const { limits } = this.seed;
    if (payload.length > limits.messageBytesMax)
      throw new SessionError('too-large', `a message of ${payload.length} bytes is above the limit of ${limits.messageBytesMax}`);
    this.#queue.push(payload);
    const { costBytes } = this.#queue;
    if (costBytes >= limits.sendBytesHigh) return 'wait';
    return costBytes >= FLUSH_BYTES ? 'flush' : 'room';
  }

  pollTransmit(_link: number, now: number): Uint8Array | undefined {
    if (this.#urgent.length > 0) return this.#urgent.shift();
    if (!this.#isOpen) return undefined;
    const bytes = this.#queue.poll();
    if (bytes !== undefined) this.#activeAt = now;
    this.#tellDrained();
    return bytes;
  }

  pollMessage(): Uint8Array | undefined {
    const message = this.#message;
    this.#message = undefined;
    return message;
  }

  pollSignal(): PoolSignal | undefined {
    return this.#signals.shift();
  }

  hasRoom(): boolean {
    return this.#queue.costBytes < this.seed.limits.sendBytesHigh >>> 1;
  }

  // What the application's side asks.

  canTake(payloadBytes: number): boolean {
    return this.#queue.hasRoomFor(payloadBytes);
  }
  holdBack(bytes: number): void {
    const high = this.seed.limits.receiveBytesHigh;
    this.isFull = this.isFull ? bytes > high >>> 1 : bytes >= high;
  }
  get accepted(): number {
    return this.#queue.accepted;
  }
  get handed(): number {
    return this.#queue.handed;
  }
  /** Handing over is all that this protocol can say. */
  get acknowledged(): number {
    return this.#queue.handed;
  }
  get queuedBytes(): number {
    return this.#queue.costBytes;
  }
  get stats(): { received: number } {
    return { received: this.#received };
  }

  // Frames.

  #handleControl(kind: string): Step {
    const { bytes, start, end } = this.#framer;
    const { codec, role } = this.seed;
    if (this.#hearing === 'hello') {
      if (role === 'dialer' && kind === 'refused') {
        const refusal = codec.refused(bytes, start, end);
        return refusal === undefined ? this.#spoil('malformed') : this.#signal({ type: 'peer.refused', refusal });
      }
      const hello = kind === (role === 'dialer' ? 'welcome' : 'hello') ? codec.hello(bytes, start, end) : undefined;
      if (hello === undefined) return this.#spoil('malformed');
      this.#hearing = 'nothing'; // Until the chart has judged who it is.
      return this.#signal({ type: 'peer.greeted', id: hello.id });
    }
    if (kind === 'goodbye') {
      const code = codec.goodbye(bytes, start, end);
      return code === undefined ? this.#spoil('malformed') : this.#signal({ type: 'peer.goodbye', code });
    }
    const number = kind === 'ping' || kind === 'pong' ? codec.number(bytes, start, end) : undefined;
    if (number === undefined) return this.#spoil('malformed');
    if (kind === 'ping') this.#urgent.push(codec.putNumber('pong', number));
    return this.#urgent.length > URGENT_MAX ? this.#spoil('malformed') : 'quiet';
  }

  get #mayPing(): boolean {
    return this.#isOpen && !this.seed.isBare;
  }

  #greet(kind: 'hello' | 'welcome'): void {
    const { codec, localId } = this.seed;
    const { versionMin, versionMax } = codec;
    this.#urgent.push(codec.putHello(kind, { versionMin, versionMax, id: localId, features: 0 }));
  }

  #ping(): void {
    this.#urgent.push(this.seed.codec.putNumber('ping', this.#received >>> 0));
  }

  #idleAt(): number | undefined {
    const { idleTimeoutMs } = this.seed.limits;
    return this.#isOpen && !this.#draining && idleTimeoutMs > 0 ? this.#activeAt + idleTimeoutMs : undefined;
  }

  #tellDrained(): void {
    if (this.#draining && this.#queue.isEmpty && !this.#hasDrained) {
      this.#hasDrained = true;
      this.#signals.push({ type: 'log.drained' });
    }
  }

  #signal(signal: PoolSignal): Step {
    this.#signals.push(signal);
    return 'signal';
  }

  #spoil(code: 'malformed' | 'oversized'): Step {
    this.#hearing = 'nothing';
    return this.#signal({ type: 'wire.spoilt', code });
  }
}

/** What a hello of a later version may take, however small messages are. */
const CONTROL_BYTES_MAX = 1024;
/** Gathered writes go out in the middle of a turn when there are this many bytes of them. */
const FLUSH_BYTES = 64 << 10;
/** Pings to answer at once. A peer that asks more often than it lets us write is not in earnest. */
const URGENT_MAX = 64;
