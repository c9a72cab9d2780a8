import { Framer } from '../dataplane/framer.js';
import { FrameQueue } from '../dataplane/frame-queue.js';
import { Liveness } from '../dataplane/liveness.js';
import type { Room, Step } from '../dataplane/plane.js';
import { SENDING_PHASES, type SendingPhase } from '../dataplane/sending-phases.js';
import { SessionError } from '../errors.js';
import { step } from '../phase-table.js';
import type { SessionPlane } from '../protocol.js';
import { POOL_INPUT, type PoolInputPhase } from './pool.input-phases.js';
import type { PoolFaultCode, PoolGoodbye } from './pool.messages.js';
import type { PoolHandshake, PoolPlaneInput, PoolSignal, HandshakeStep } from './pool.signals.js';

/**
 * Whole messages over one wire, each handed over once. There is no acknowledgement and no credit in this protocol: a reader
 * that stops is felt by the wire not being read.
 * @rule POOL-1 POOL-3 POOL-6 POOL-7 POOL-8 POOL-11
 */
export class PoolPlane implements SessionPlane<Uint8Array, PoolSignal> {
  readonly liveness: Liveness;
  /** Bare frames can't ask for a sign of life; the system below can. */
  readonly keepAliveMs: number | undefined;
  isFull = false;
  #framer: Framer;
  #queue: FrameQueue;
  #inputPhase: PoolInputPhase = POOL_INPUT.initial;
  #sending: SendingPhase = SENDING_PHASES.initial;
  #openedAt = 0;
  #firstFrame: Uint8Array | undefined;
  #goodbye: Uint8Array | undefined;
  #mustPing = false; // However often it is asked, and however long the wire takes nothing, one ping waits,
  #pong: number | undefined; // and the answer to the last one.
  #hasReceived = false; // Bytes came, of whatever.
  #signAt: number | undefined; // When the peer is owed a sign of life, because it can't tell a reader that is slow from none.
  #message: Uint8Array | undefined;
  #signals: PoolSignal[] = [];
  #received = 0;
  #activeAt = 0; // When a message last went either way; means nothing before `open`.

  constructor(readonly input: PoolPlaneInput) {
    const { limits, codec, isBare } = input;
    this.#framer = new Framer(codec, Math.max(limits.messageBytesMax + codec.dataHeadBytes, CONTROL_BYTES_MAX));
    this.#queue = new FrameQueue(codec, limits.sendBytesMax);
    const { keepaliveIntervalMs: idleMs, probeTimeoutMs, wakeProbeTimeoutMs } = limits;
    this.liveness = new Liveness({ idleMs, probeTimeoutMs, wakeProbeTimeoutMs });
    this.keepAliveMs = isBare && limits.keepaliveIntervalMs > 0 ? limits.keepaliveIntervalMs : undefined;
  }

  // Commands of the chart.

  /** On a new wire: the dialer says who it is, the acceptor listens. */
  sendHello(): void {
    this.#advance('hello');
    const { handshake, role } = this.input;
    if (handshake !== undefined) this.#take(handshake.begin());
    else if (role === 'dialer') this.#queueHello('hello');
  }

  /** The peer may speak, and be spoken to, from here on. */
  open(now: number): void {
    if (this.input.role === 'acceptor' && !this.input.isBare && this.input.handshake === undefined) this.#queueHello('welcome');
    this.#advance('open');
    this.#activeAt = this.#openedAt = now;
  }

  /** Takes no more messages, and says when all were given to the wire. */
  drain(): void {
    this.#send('drain');
    this.#tellDrained();
  }

  /** Nothing more is said, not even what was written and has not left. */
  goodbye(goodbye: PoolGoodbye): void {
    this.#send('close');
    if (!this.input.isBare) this.#goodbye = this.input.codec.putGoodbye(goodbye);
  }

  /** Something was said that is to leave before the wire ends. */
  get hasLastWord(): boolean {
    return this.#goodbye !== undefined;
  }

  /** Something suggests that the wire may be dead: ask, and don't wait long. */
  probe(now: number): void {
    if (now - this.#openedAt < SIGN_MS) return; // Received just now; silence around its opening proves nothing.
    if (this.#mayPing && this.liveness.probeNow(now)) this.#mustPing = true;
  }

  // The pump's side.

  attach(_link: number, now: number): void {
    if (!this.input.isBare && this.input.limits.keepaliveIntervalMs > 0) this.liveness.start(now);
  }

  detach(): void {
    this.#advance('ignore');
    this.#signAt = undefined;
    this.liveness.stop();
  }

  handleBytes(_link: number, bytes: Uint8Array, lent: boolean): void {
    this.#framer.push(bytes, lent);
    this.#hasReceived = true;
  }

  step(now: number): Step {
    if (this.#hasReceived) this.#noteInput(now);
    if (this.#inputPhase === 'nothing' || this.#inputPhase === 'deciding') return 'idle';
    const framed = this.#framer.poll();
    if (framed === 'more') {
      if (this.#framer.heldBytes > 0) this.#showLife(now); // In the middle of a message, perhaps a long one.
      return 'idle';
    }
    if (framed === 'oversized') return this.#accuse('oversized', 'POOL-3');
    const { bytes, start, end } = this.#framer;
    const kind = this.input.codec.kind(bytes, start, end);
    if (kind !== 'data') return kind === 'optional' ? 'quiet' : this.#handleControl(kind);
    if (this.#inputPhase !== 'everything') return this.#accuse('malformed', 'POOL-5');
    if (end - start - this.input.codec.dataHeadBytes > this.input.limits.messageBytesMax)
      return this.#accuse('oversized', 'POOL-3');
    this.#received++;
    this.#showLife(now);
    this.#activeAt = now;
    this.#message = this.#framer.take(start + this.input.codec.dataHeadBytes, end);
    return 'message';
  }

  handleTimeout(now: number): void {
    const idleAt = this.#idleAt();
    if (idleAt !== undefined && now >= idleAt) {
      this.#activeAt = now;
      if (this.#queue.isEmpty && !this.isFull) this.#signals.push({ type: 'idle.expired' }); // A session with queued messages is not idle.
    }
    if (this.#signAt !== undefined && now >= this.#signAt) {
      this.#signAt = undefined;
      this.#pong ??= 0;
    }
    const action = this.liveness.handleTimeout(now);
    if (action === 'quiet') return;
    if (this.isFull)
      this.liveness.start(now); // A wire that isn't read shows no sign of life.
    else if (action === 'probe') this.#mustPing = this.#mayPing;
    else this.#signals.push({ type: 'wire.silent' });
  }

  nextTimeout(): number | undefined {
    const at = Math.min(this.liveness.nextTimeout() ?? Infinity, this.#idleAt() ?? Infinity, this.#signAt ?? Infinity);
    return at === Infinity ? undefined : at;
  }

  write(payload: Uint8Array): Room {
    if (this.isClosing) throw new SessionError('closed', 'this connection is closing; nothing more can be written');
    const { limits } = this.input;
    if (payload.length > limits.messageBytesMax)
      throw new SessionError('too-large', `a message of ${payload.length} bytes is above the limit of ${limits.messageBytesMax}`);
    this.#queue.push(payload);
    const { costBytes } = this.#queue;
    if (costBytes >= limits.sendBytesHigh) return 'wait';
    return costBytes >= FLUSH_BYTES ? 'flush' : 'room';
  }

  pollTransmit(_link: number, now: number): Uint8Array | undefined {
    const control = this.#pollControl();
    if (control !== undefined) return this.#transmitted(control, now);
    if (!this.#isOpen || this.#sending === 'closed') return undefined;
    const bytes = this.#queue.poll();
    this.#tellDrained();
    if (bytes === undefined) return undefined;
    this.#activeAt = now;
    return this.#transmitted(bytes, now);
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
    return this.#queue.costBytes <= this.input.limits.sendBytesHigh / 2;
  }

  // Called by the application's side.

  canTake(payloadBytes: number): boolean {
    return payloadBytes > this.input.limits.messageBytesMax || this.#queue.hasRoomFor(payloadBytes);
  }
  holdBack(bytes: number): void {
    const high = this.input.limits.receiveBytesHigh;
    this.isFull = this.isFull ? bytes > high / 2 : bytes >= high;
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
  get isClosing(): boolean {
    return this.#sending !== 'taking';
  }
  get stats(): { received: number } {
    return { received: this.#received };
  }

  // Frames.

  #handleControl(kind: string): Step {
    const { bytes, start, end } = this.#framer;
    const { codec, role } = this.input;
    if (kind === 'fault') return this.#handleFault();
    if (this.#inputPhase === 'hello') {
      if (this.input.handshake !== undefined) return this.#continueHandshake(this.input.handshake, kind);
      if (role === 'dialer' && kind === 'refused') {
        const refusal = codec.refused(bytes, start, end);
        return refusal === undefined ? this.#accuse('malformed', 'POOL-5') : this.#signal({ type: 'peer.refused', refusal });
      }
      const hello = kind === (role === 'dialer' ? 'welcome' : 'hello') ? codec.hello(bytes, start, end) : undefined;
      if (hello === undefined) return this.#accuse('malformed', 'POOL-5');
      this.#advance('answer');
      const isUnderstood = hello.versionMin <= codec.versionMax && hello.versionMax >= codec.versionMin;
      return this.#signal({ type: 'handshake.done', id: hello.id, isUnderstood });
    }
    if (kind === 'goodbye') {
      const goodbye = codec.goodbye(bytes, start, end);
      return goodbye === undefined ? this.#accuse('malformed', 'POOL-2') : this.#signal({ type: 'peer.goodbye', goodbye });
    }
    // Both have greeted.
    if (kind === 'hello' || kind === 'welcome' || kind === 'refused' || kind === 'handshake')
      return this.#accuse('violated', 'POOL-5');
    const number = kind === 'ping' || kind === 'pong' ? codec.number(bytes, start, end) : undefined;
    if (number === undefined) return this.#accuse('malformed', 'POOL-2');
    if (kind === 'ping') this.#pong = number;
    return 'quiet';
  }

  #continueHandshake(handshake: PoolHandshake, kind: string): Step {
    const { bytes, start, end } = this.#framer;
    if (kind === 'handshake') return this.#take(handshake.receive(bytes, start, end));
    const refusal = kind === 'refused' ? this.input.codec.refused(bytes, start, end) : undefined;
    return this.#take(refusal === undefined ? 'malformed' : handshake.refused(refusal));
  }

  #take(said: HandshakeStep): Step {
    if (said === 'malformed') return this.#accuse('malformed', 'POOL-5');
    if (said.say !== undefined) this.#firstFrame = said.say;
    if (said.signal === undefined) return 'quiet';
    const { signal } = said;
    if (signal.type === 'handshake.failed' && signal.closing.code === 'malformed') this.#sendFault('malformed', 'POOL-5');
    this.#advance('answer');
    return this.#signal(said.signal);
  }

  /** Any byte is a sign of life. */
  #noteInput(now: number): void {
    this.#hasReceived = false;
    this.liveness.received(now);
  }

  /** A peer that sends messages may do nothing else for a long time: it gets a sign of life. Signs of life get none. */
  #showLife(now: number): void {
    if (this.#mayPing) this.#signAt ??= now + SIGN_MS;
  }

  #transmitted(bytes: Uint8Array, now: number): Uint8Array {
    this.#signAt = this.isFull && this.#mayPing ? now + SIGN_MS : undefined;
    return bytes;
  }

  #pollControl(): Uint8Array | undefined {
    const { codec } = this.input;
    const first = this.#firstFrame ?? this.#goodbye;
    if (this.#firstFrame !== undefined) this.#firstFrame = undefined;
    else this.#goodbye = undefined;
    if (first !== undefined || this.#sending === 'closed') return first;
    const pong = this.#pong;
    if (pong !== undefined) {
      this.#pong = undefined;
      return codec.putNumber('pong', pong);
    }
    if (!this.#mustPing) return undefined;
    this.#mustPing = false;
    return codec.putNumber('ping', this.#received >>> 0);
  }

  /** Messages may leave. */
  get #isOpen(): boolean {
    return this.#inputPhase === 'everything';
  }

  get #mayPing(): boolean {
    return this.#isOpen && !this.input.isBare;
  }

  #queueHello(kind: 'hello' | 'welcome'): void {
    const { codec, localId } = this.input;
    const { versionMin, versionMax } = codec;
    const isInquiry = kind === 'hello' && this.input.peer === undefined;
    this.#firstFrame = codec.putHello(kind, { versionMin, versionMax, id: localId, isInquiry });
  }

  #idleAt(): number | undefined {
    const { idleTimeoutMs } = this.input.limits;
    return this.#isOpen && !this.isClosing && idleTimeoutMs > 0 ? this.#activeAt + idleTimeoutMs : undefined;
  }

  #tellDrained(): void {
    if (this.#sending !== 'draining' || !this.#queue.isEmpty) return;
    this.#send('empty');
    this.#signals.push({ type: 'log.drained' });
  }

  #advance(event: 'hello' | 'answer' | 'open' | 'ignore'): void {
    this.#inputPhase = step(POOL_INPUT, this.#inputPhase, event);
  }

  #send(event: 'drain' | 'empty' | 'close'): void {
    this.#sending = step(SENDING_PHASES, this.#sending, event);
  }

  #signal(signal: PoolSignal): Step {
    this.#signals.push(signal);
    return 'signal';
  }

  /** The connection ends, and the peer gets the reason before its wire closes: it would repeat its mistake on the next one. @rule POOL-13 */
  #accuse(code: PoolFaultCode, rule: string): Step {
    this.#sendFault(code, rule);
    this.#advance('ignore');
    return this.#signal({ type: 'peer.violated', fault: { code, rule } });
  }

  #sendFault(code: PoolFaultCode, rule: string): void {
    if (this.input.isBare || this.#sending === 'closed') return;
    this.#send('close');
    this.#goodbye = this.input.codec.putFault({ code, rule });
  }

  /** @rule POOL-13 */
  #handleFault(): Step {
    const { bytes, start, end } = this.#framer;
    const fault = this.input.codec.fault(bytes, start, end);
    if (fault === undefined) return this.#accuse('malformed', 'POOL-2');
    this.#advance('ignore');
    return this.#signal({ type: 'peer.accused', fault });
  }
}

/** The largest hello of a later version, however small messages are. */
const CONTROL_BYTES_MAX = 1024;
/** Gathered writes go out in the middle of a turn when there are this many bytes of them. */
const FLUSH_BYTES = 64 << 10;
/** Bytes came and nothing was said for this long, or the reader is full: the peer gets a pong unasked. Well below any probe's time. */
const SIGN_MS = 1000;
