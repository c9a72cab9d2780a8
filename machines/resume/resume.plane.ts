import { Framer } from '../dataplane/framer.js';
import type { Plane, Step } from '../dataplane/plane.js';
import { assert } from '../errors.js';
import { Liveness } from '../dataplane/liveness.js';
import { step } from '../phase-table.js';
import { ResumeCounts } from './resume.counts.js';
import { RESUME_INPUT, type ResumeInputPhase } from './resume.input-phases.js';
import type { FaultCode, FrameKind, GoodbyeCode, Hello, RefusalCode, ResumeCodec } from './resume.messages.js';
import type { ResumePlaneInput, ResumeSignal } from './resume.signals.js';

/** Exactly-once, in-order delivery across any number of wires. */
export class ResumePlane extends ResumeCounts implements Plane<Uint8Array, ResumeSignal> {
  readonly liveness: Liveness;
  #framer: Framer;
  #inputPhase: ResumeInputPhase = RESUME_INPUT.initial;
  #mayTransmit = false; // Data; control frames need only a wire.
  #farewell: GoodbyeCode | undefined;
  #hasSaidGoodbye = false; // On this wire.
  #handedBefore = 0; // Up to here messages went to earlier wires; 0 once the peer may have taken what this one was given.
  #message: Uint8Array | undefined;
  readonly role: 'dialer' | 'acceptor';
  readonly codec: ResumeCodec;

  constructor(input: ResumePlaneInput) {
    super(input);
    const { limits, codec } = ({ role: this.role, codec: this.codec } = input);
    this.#framer = new Framer(codec, Math.max(limits.messageBytesMax + codec.dataHeadBytes, CONTROL_BYTES_MAX));
    this.liveness = new Liveness(limits, this.role === 'dialer');
  }

  // Commands of the chart.

  /** Dialer, on a new wire: say hello, and behind it whatever the peer had not acknowledged (RES-2, 0-RTT). */
  sendHello(): void {
    this.enqueue(this.handshake.hello());
    this.#advance('hello');
    this.#mayTransmit = this.handshake.isBorn;
    this.#sendGoodbye();
  }

  /** Acceptor, on a new wire: the listener has read the hello; it is read again here. */
  listen(): void {
    this.#advance('hello');
  }

  /** The peer may speak, and be spoken to, from here on. */
  open(): void {
    if (this.#inputPhase !== 'control') return;
    this.#advance('open');
    this.#mayTransmit = true;
    this.#sendGoodbye();
  }

  /** Takes no more messages, and says when all are acknowledged. */
  drain(): void {
    this.send('drain');
    this.#tellDrained();
  }

  /** Says goodbye now, and again on each further wire until it is acknowledged. Unsent messages stay unsent. */
  goodbye(code: GoodbyeCode): void {
    this.send('close');
    this.#farewell = code;
    this.#sendGoodbye();
  }

  /** Something suggests that the wire may be dead: ask, and don't wait long. */
  probe(now: number): void {
    if (this.#inputPhase === 'everything' && this.liveness.probeNow(now)) this.#ping();
  }

  /** The peer is asked to go and come back after a while (a staggered drain of the hub). */
  announceDrain(afterMs: number): void {
    if (this.#inputPhase === 'everything') this.enqueue(this.codec.putNumber('drain', afterMs));
  }

  /** Acceptor: would this hello get the session? The listener asks; the live wire is not affected. */
  authorize(hello: Hello): RefusalCode | undefined {
    return this.handshake.authorize(hello);
  }

  // The pump's side.

  attach(_link: number, now: number): void {
    this.#framer.reset();
    this.clear();
    this.#advance('rewire');
    this.#mayTransmit = false;
    this.#hasSaidGoodbye = false;
    this.log.rewind();
    this.#handedBefore = this.log.handed;
    if (this.limits.idleMs > 0) this.liveness.start(now);
  }

  detach(): void {
    this.#framer.reset();
    this.clear();
    this.#advance('rewire');
    this.#mayTransmit = false;
    this.receiveWindow.forgetDue();
    this.liveness.stop();
  }

  handleBytes(_link: number, bytes: Uint8Array, lent: boolean): void {
    this.#framer.push(bytes, lent);
  }

  step(now: number): Step {
    if (this.#inputPhase === 'nothing') return 'idle';
    const framed = this.#framer.poll();
    if (framed === 'more') return 'idle';
    const { bytes, start } = this.#framer;
    if (framed === 'oversized') return this.#refuseSize(this.codec.kind(bytes, start));
    this.liveness.received(now);
    switch (this.codec.kind(bytes, start)) {
      case 'data':
        return this.#handleData(false, now);
      case 'data-prompt':
        return this.#handleData(true, now);
      case 'ack':
        return this.#handleAck();
      default:
        return this.#handleControl();
    }
  }

  nextMessage(now: number): Uint8Array | undefined {
    const framer = this.#framer;
    if (this.#inputPhase !== 'everything' || !framer.peek()) return undefined;
    const { codec } = this;
    const { bytes, start, end } = framer;
    const kind = codec.kind(bytes, start);
    const body = start + codec.dataHeadBytes;
    if ((kind !== 'data' && kind !== 'data-prompt') || body > end || end - body > this.limits.messageBytesMax) return undefined;
    if (!this.receiveWindow.acceptNext(codec.sequence(bytes, start), end - body, kind === 'data-prompt', now)) return undefined;
    this.liveness.received(now);
    return framer.takeAhead(body);
  }

  handleTimeout(now: number): void {
    this.receiveWindow.handleTimeout(now);
    switch (this.liveness.handleTimeout(now)) {
      case 'probe':
        if (this.#inputPhase === 'everything') this.#ping();
        break;
      case 'dead':
        this.notify({ type: 'wire.silent' });
        break;
      case 'quiet':
    }
  }

  nextTimeout(): number | undefined {
    const health = this.liveness.nextTimeout();
    const { ackAt, ackDue } = this.receiveWindow;
    if (ackAt === undefined || ackDue) return health;
    return health === undefined ? ackAt : Math.min(ackAt, health);
  }

  get timeoutSlackMs(): number {
    return this.liveness.slackMs;
  }

  pollTransmit(_link: number, now: number, pieceBytesMax?: number): Uint8Array | undefined {
    if (this.log.isMidFrame) return this.log.poll();
    const frame = this.nextFrame();
    if (frame !== undefined) return frame;
    if (this.#inputPhase === 'everything') {
      const credit = this.receiveWindow.credit();
      if (credit !== undefined) return this.codec.putNumber('credit', credit);
      const inCompany = this.#mayTransmit && this.log.unsentBytes > 0 && this.receiveWindow.mayJoin(now);
      if (this.receiveWindow.ackDue || inCompany) return this.codec.putAck(this.receiveWindow.acknowledge());
    }
    return this.#mayTransmit && this.#farewell === undefined ? this.log.poll(pieceBytesMax) : undefined;
  }

  pollMessage(): Uint8Array | undefined {
    const message = this.#message;
    this.#message = undefined;
    return message;
  }

  /** The last word on this wire. */
  sendFault(code: FaultCode, rule: string): void {
    assert(/^RES-\d+$/.test(rule), 'a fault names its rule');
    this.#advance('ignore');
    this.#mayTransmit = false;
    this.enqueue(this.codec.putFault({ code, rule }));
  }

  // Frames.

  /** @rule RES-1 RES-2 RES-9 RES-16 */
  #handleData(prompt: boolean, now: number): Step {
    if (this.#inputPhase !== 'everything') return this.#violate('RES-2');
    const { bytes, start, end } = this.#framer;
    const { codec } = this;
    const body = start + codec.dataHeadBytes;
    if (body > end) return this.#reportCorrupt('malformed');
    if (end - body > this.limits.messageBytesMax) return this.#accuse('oversized', 'RES-16');
    switch (this.receiveWindow.accept(codec.sequence(bytes, start), end - body, prompt, now)) {
      case 'deliver':
        this.#message = this.#framer.take(body, end);
        return 'message';
      case 'duplicate':
        return 'quiet';
      case 'gap':
        return this.#violate('RES-16');
      case 'over-credit':
        return this.#violate('RES-10');
    }
  }

  /** @rule RES-8 */
  #handleAck(): Step {
    if (this.#inputPhase !== 'everything') return this.#violate('RES-2');
    const { bytes, start } = this.#framer;
    const ahead = (this.codec.acked(bytes, start) - this.log.base) & 0xffffff;
    if (!this.#release(this.log.base + ahead)) return this.#violate('RES-8');
    return this.hasSignals ? 'signal' : 'quiet'; // The log may have drained.
  }

  #handleControl(): Step {
    const { bytes, start, end } = this.#framer;
    const { codec, role } = this;
    const kind = codec.kind(bytes, start);
    if (kind === 'optional') return 'quiet';
    if (kind === 'fault') return this.#handleFault();
    if (this.#inputPhase === 'hello') {
      if (role === 'dialer' && kind === 'refused') {
        const refusal = codec.refused(bytes, start, end);
        if (refusal === undefined) return this.#reportCorrupt('malformed');
        this.#takeBack();
        return this.#signal({ type: 'peer.refused', refusal });
      }
      const hello = kind === (role === 'dialer' ? 'welcome' : 'hello') ? codec.hello(bytes, start, end) : undefined;
      if (hello === undefined) return this.#reportCorrupt('malformed');
      return role === 'dialer' ? this.#handleWelcome(hello) : this.#handleHello(hello);
    }
    if (kind === 'goodbye') return this.#handleGoodbye();
    if (kind === 'hello' || kind === 'welcome' || kind === 'refused') return this.#violate('RES-2'); // Both have greeted.
    const value = codec.number(bytes, start, end);
    return value === undefined ? this.#reportCorrupt('malformed') : this.#handleNumber(kind, value);
  }

  /** The frames that carry one number. */
  #handleNumber(kind: FrameKind, value: number): Step {
    switch (kind) {
      case 'confirm':
        if (this.role === 'dialer' || !this.handshake.confirmed(value)) return this.#violate('RES-5');
        this.#handedBefore = 0;
        return this.#establish() ? 'signal' : 'quiet';
      case 'credit':
        this.log.grant(value);
        return 'quiet';
      case 'ping':
        return this.enqueue(this.codec.pong(value)) > URGENT_MAX ? this.#reportCorrupt('malformed') : 'quiet';
      case 'pong':
        return 'quiet'; // Receiving it is a sign of life; it has no other effect.
      case 'drain':
        return this.#signal({ type: 'peer.draining', afterMs: value });
      case 'goodbye-ack':
        if (this.#farewell === undefined) return this.#violate('RES-19');
        if (!this.#release(this.log.base + ((value - this.log.base) | 0))) return this.#violate('RES-8');
        return this.#signal({ type: 'goodbye.acknowledged' });
      default:
        return this.#reportCorrupt('malformed');
    }
  }

  /** Acceptor. The listener has authorized the same bytes; a hello that is refused by now makes the wire corrupt. @rule RES-4 RES-5 */
  #handleHello(hello: Hello): Step {
    if (this.authorize(hello) !== undefined) return this.#reportCorrupt('malformed');
    const welcome = this.handshake.welcome(hello);
    if (welcome === 'stolen') return this.#accuse('token-refused', 'RES-20');
    if (welcome === 'untrue') return this.#violate('RES-8');
    this.enqueue(welcome);
    this.#handshakeDone();
    if (hello.resume) this.#establish(); // It has read a welcome before.
    return 'signal';
  }

  /** Dialer. @rule RES-4 RES-5 */
  #handleWelcome(welcome: Hello): Step {
    if (!this.handshake.isAnswer(welcome)) return this.#reportCorrupt('malformed');
    const confirm = this.handshake.confirm(welcome);
    if (confirm === 'stolen') return this.#accuse('token-refused', 'RES-20');
    if (confirm === 'untrue') return this.#violate('RES-8');
    this.enqueue(confirm);
    this.#handedBefore = 0;
    this.#handshakeDone();
    this.#establish();
    return 'signal';
  }

  #handshakeDone(): void {
    this.#advance('answer');
    this.notify({ type: 'handshake.done' });
    this.#tellDrained(); // The hello may have acknowledged the rest.
  }

  /** @rule RES-11 RES-19 */
  #handleGoodbye(): Step {
    const { bytes, start, end } = this.#framer;
    const goodbye = this.codec.goodbye(bytes, start, end);
    if (goodbye === undefined) return this.#reportCorrupt('malformed');
    if (goodbye.position !== this.receiveWindow.next >>> 0) return this.#violate('RES-16');
    if (!this.#release(this.log.base + ((goodbye.next - this.log.base) | 0))) return this.#violate('RES-8');
    this.send('drain');
    this.#mayTransmit = false;
    this.enqueue(this.codec.putNumber('goodbye-ack', this.receiveWindow.acknowledge()));
    return this.#signal({ type: 'peer.goodbye', code: goodbye.code });
  }

  /** Once on each wire: after the peer's first frame, or right behind the hello of a dialer that has nothing else to send. */
  #sendGoodbye(): void {
    if (this.#farewell === undefined || this.#hasSaidGoodbye) return;
    const isBehindHello = this.#inputPhase === 'hello' && this.#mayTransmit && this.log.count === 0;
    if (this.#inputPhase !== 'everything' && !isBehindHello) return;
    this.#hasSaidGoodbye = true;
    this.enqueue(this.codec.putGoodbye(this.log.cursor, this.receiveWindow.acknowledge(), this.#farewell));
  }

  #release(before: number): boolean {
    const released = this.log.ackBefore(before);
    if (released) this.#tellDrained();
    return released;
  }

  #tellDrained(): void {
    if (this.sending !== 'draining' || this.log.count > 0) return;
    this.send('empty');
    this.notify({ type: 'log.drained' });
  }

  #advance(event: 'rewire' | 'hello' | 'answer' | 'open' | 'ignore'): void {
    this.#inputPhase = step(RESUME_INPUT, this.#inputPhase, event);
  }

  #ping(): void {
    this.enqueue(this.codec.ping);
  }

  #establish(): boolean {
    if (this.handshake.isBorn) return false;
    this.handshake.isBorn = true;
    this.notify({ type: 'session.born' });
    return true;
  }

  #signal(signal: ResumeSignal): Step {
    this.notify(signal);
    return 'signal';
  }

  /** The wire is of no use any more; the session lives. @rule RES-23 */
  #reportCorrupt(code: 'malformed' | 'oversized'): Step {
    const isStranger = this.#inputPhase === 'hello' && this.handshake.isBorn;
    this.#advance('ignore');
    return this.#signal({ type: 'wire.corrupt', code, isStranger, progress: this.acknowledged + this.stats.received });
  }

  /** A message too large would come again on the next wire. Anything else of that size is no frame of this protocol. */
  #refuseSize(kind: FrameKind): Step {
    const isMessage = this.#inputPhase === 'everything' && (kind === 'data' || kind === 'data-prompt');
    return isMessage ? this.#accuse('oversized', 'RES-16') : this.#reportCorrupt('oversized');
  }

  #violate(rule: string): Step {
    return this.#accuse('violated', rule);
  }

  /** The session ends, and the peer gets the reason before its wire closes: it would repeat its mistake on the next one. @rule RES-21 */
  #accuse(code: FaultCode, rule: string): Step {
    this.sendFault(code, rule);
    return this.#signal({ type: 'peer.violated', fault: { code, rule } });
  }

  /** @rule RES-21 */
  #handleFault(): Step {
    const { bytes, start, end } = this.#framer;
    const fault = this.codec.fault(bytes, start, end);
    if (fault === undefined) return this.#reportCorrupt('malformed');
    this.#advance('ignore');
    this.#takeBack();
    return this.#signal({ type: 'peer.accused', fault });
  }

  /** The peer has not taken the session over this wire, and so nothing that came behind our hello or welcome. @rule RES-22 */
  #takeBack(): void {
    if (this.#handedBefore > 0) this.log.retract(this.#handedBefore);
  }
}

/** The largest hello of a later version, however small messages are. */
const CONTROL_BYTES_MAX = 1024;
/** Pings to answer at once. A peer that asks more often than it lets us write is not in earnest. */
const URGENT_MAX = 64;
