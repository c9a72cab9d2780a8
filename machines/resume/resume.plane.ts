import { Framer } from '../dataplane/framer.js';
import type { Plane, Room, Step } from '../dataplane/plane.js';
import { Receipts } from '../dataplane/receipts.js';
import { SendLog } from '../dataplane/send-log.js';
import { Voices } from '../dataplane/voices.js';
import { assert, SessionError } from '../errors.js';
import { Health } from '../hub/health.js';
import { Greeting } from './resume.greeting.js';
import type { FrameKind, GoodbyeCode, Hello, RefusalCode, ResumeCodec } from './resume.messages.js';
import type { ResumeSeed, ResumeSignal } from './resume.signals.js';
import type { ResumeLimits } from './resume.timing.js';

/** Where the peer's frames on the current wire are in the protocol. The chart opens; a violation deafens. */
type Hearing = 'nothing' | 'hello' | 'control' | 'everything';

/** Exactly-once, in-order delivery across any number of wires. */
export class ResumePlane extends Voices<ResumeSignal> implements Plane<Uint8Array, ResumeSignal> {
  readonly #greeting: Greeting;
  readonly health: Health;
  #framer: Framer;
  #log: SendLog;
  #first: number;
  #receipts: Receipts;
  #hearing: Hearing = 'nothing';
  #mayTransmit = false; // Data; control frames need only a wire.
  #draining = false;
  #farewell: GoodbyeCode | undefined;
  #message: Uint8Array | undefined;
  readonly role: 'dialer' | 'acceptor';
  readonly limits: ResumeLimits;
  readonly codec: ResumeCodec;

  /** The seed is not kept: idle sessions would keep their spent secrets. */
  constructor(seed: ResumeSeed) {
    super();
    const { limits, codec } = ({ role: this.role, limits: this.limits, codec: this.codec } = seed);
    this.#first = seed.first ?? 1;
    this.#receipts = new Receipts(limits, this.#first);
    this.#framer = new Framer(codec, Math.max(limits.messageBytesMax + codec.dataHeadBytes, CONTROL_BYTES_MAX));
    this.#log = new SendLog(codec, seed.pool, limits.sendBytesMax, this.#first);
    this.#greeting = new Greeting(seed, this.#log, this.#receipts);
    this.health = new Health({ idleMs: limits.idleMs, probeTimeoutMs: limits.probeTimeoutMs });
  }

  // Commands of the chart.

  /** Dialer, on a new wire: say hello, and behind it whatever the peer had not acknowledged (RES-2, 0-RTT). */
  greet(): void {
    this.say(this.#greeting.hello());
    this.#hearing = 'hello';
    this.#mayTransmit = this.#greeting.isBorn;
  }

  /** Acceptor, on a new wire: the door brought a hello; it is read again here. */
  listen(): void {
    this.#hearing = 'hello';
  }

  /** The peer may speak, and be spoken to, from here on. */
  open(): void {
    if (this.#hearing !== 'control') return;
    this.#hearing = 'everything';
    this.#mayTransmit = true;
    if (this.#farewell !== undefined) this.#sayGoodbye(this.#farewell);
  }

  /** Takes no more messages, and says when all are acknowledged. */
  drain(): void {
    this.#draining = true;
    this.#tellDrained();
  }

  /** Says goodbye now, and again on each further wire until it is acknowledged. What was not sent stays unsent. */
  goodbye(code: GoodbyeCode): void {
    this.#draining = true;
    this.#farewell = code;
    if (this.#hearing === 'everything') this.#sayGoodbye(code);
  }

  /** Something suggests that the wire may be dead: ask, and don't wait long. */
  probe(now: number): void {
    if (this.#hearing === 'everything' && this.health.probeNow(now, this.limits.wakeProbeTimeoutMs)) this.#ping();
  }

  /** The peer is asked to go and come back after a while (a staggered drain of the hub). */
  announceDrain(afterMs: number): void {
    if (this.#hearing === 'everything') this.say(this.codec.putNumber('drain', afterMs));
  }

  /** Acceptor: would this hello get the session? Asked at the door, harmless to the wire that is live. */
  judge(hello: Hello): RefusalCode | undefined {
    return this.#greeting.judge(hello);
  }

  // The pump's side.

  attach(_link: number, now: number): void {
    this.#framer.reset();
    this.hush();
    this.#hearing = 'nothing';
    this.#mayTransmit = false;
    this.#log.rewind();
    if (this.limits.idleMs > 0) this.health.start(now);
  }

  detach(): void {
    this.#framer.reset();
    this.hush();
    this.#hearing = 'nothing';
    this.#mayTransmit = false;
    this.#receipts.forgetDue();
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
    const { bytes, start } = this.#framer;
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

  handleTimeout(now: number): void {
    this.#receipts.handleTimeout(now);
    switch (this.health.handleTimeout(now)) {
      case 'probe':
        if (this.#hearing === 'everything') this.#ping();
        break;
      case 'dead':
        this.note({ type: 'wire.silent' });
        break;
      case 'quiet':
    }
  }

  nextTimeout(): number | undefined {
    const health = this.health.nextTimeout();
    const { ackAt, ackDue } = this.#receipts;
    if (ackAt === undefined || ackDue) return health;
    return health === undefined ? ackAt : Math.min(ackAt, health);
  }

  write(payload: Uint8Array, prompt = false): Room {
    if (this.#draining) throw new SessionError('closed', 'this connection is closing; nothing more can be written');
    if (payload.length > this.#greeting.messageBytesMax)
      throw new SessionError(
        'too-large',
        `a message of ${payload.length} bytes is above the limit of ${this.#greeting.messageBytesMax} that both sides agreed on`,
      );
    this.#log.push(payload, prompt);
    if (this.#log.costBytes >= this.limits.sendBytesHigh) return 'wait';
    return this.#log.unsentBytes >= FLUSH_BYTES ? 'flush' : 'room';
  }

  pollTransmit(): Uint8Array | undefined {
    const frame = this.nextFrame();
    if (frame !== undefined) return frame;
    if (this.#hearing === 'everything') {
      const credit = this.#receipts.credit();
      if (credit !== undefined) return this.codec.putNumber('credit', credit);
      const inCompany = this.#mayTransmit && this.#log.unsentBytes > 0 && this.#receipts.ackOwed;
      if (this.#receipts.ackDue || inCompany) return this.codec.putAck(this.#receipts.acknowledge());
    }
    return this.#mayTransmit && this.#farewell === undefined ? this.#log.poll() : undefined;
  }

  pollMessage(): Uint8Array | undefined {
    const message = this.#message;
    this.#message = undefined;
    return message;
  }

  hasRoom(): boolean {
    return this.#log.costBytes <= this.limits.sendBytesHigh / 2;
  }

  // What the application's side asks.

  /** Whether a message of this size can be taken now without passing the bound, or never can. */
  canTake(payloadBytes: number): boolean {
    return payloadBytes > this.#greeting.messageBytesMax || this.#log.hasRoomFor(payloadBytes);
  }
  /** Bytes delivered that the application has not taken yet; they hold back the peer's credit. */
  holdBack(bytes: number): void {
    this.#receipts.holdBack(bytes);
  }
  /** Messages written, given to a wire, and acknowledged, since the session began. */
  get accepted(): number {
    return this.#log.next - this.#first;
  }
  get handed(): number {
    return this.#log.handed - this.#first;
  }
  get acknowledged(): number {
    return this.#log.base - this.#first;
  }
  get queuedBytes(): number {
    return this.#log.costBytes;
  }
  /** Whether what is said now goes to a wire whose peer was verified. */
  get isHeard(): boolean {
    return this.#hearing === 'everything';
  }
  get windowMs(): number {
    return this.#greeting.windowMs;
  }
  get stats(): { received: number; duplicates: number; resumes: number; queuedBytes: number } {
    return {
      received: this.#receipts.next - this.#first,
      duplicates: this.#receipts.duplicates,
      resumes: this.#greeting.resumes,
      queuedBytes: this.#log.costBytes,
    };
  }

  // Frames.

  /** @rule RES-1 RES-2 RES-9 RES-16 */
  #handleData(prompt: boolean, now: number): Step {
    if (this.#hearing !== 'everything') return this.#violate('RES-2');
    const { bytes, start, end } = this.#framer;
    const { codec } = this;
    const body = start + codec.dataHeadBytes;
    if (body > end) return this.#spoil('malformed');
    if (end - body > this.limits.messageBytesMax) return this.#spoil('oversized');
    switch (this.#receipts.accept(codec.sequence(bytes, start), end - body, prompt, now)) {
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
    if (this.#hearing !== 'everything') return this.#violate('RES-2');
    const { bytes, start } = this.#framer;
    const ahead = (this.codec.acked(bytes, start) - this.#log.base) & 0xffffff;
    if (!this.#release(this.#log.base + ahead)) return this.#violate('RES-8');
    return this.hasNews ? 'signal' : 'quiet'; // The log may have drained.
  }

  #handleControl(): Step {
    const { bytes, start, end } = this.#framer;
    const { codec, role } = this;
    const kind = codec.kind(bytes, start);
    if (kind === 'optional') return 'quiet';
    if (this.#hearing === 'hello') {
      if (role === 'dialer' && kind === 'refused') {
        const refusal = codec.refused(bytes, start, end);
        return refusal === undefined ? this.#spoil('malformed') : this.#signal({ type: 'peer.refused', refusal });
      }
      const hello = kind === (role === 'dialer' ? 'welcome' : 'hello') ? codec.hello(bytes, start, end) : undefined;
      if (hello === undefined) return this.#spoil('malformed');
      return role === 'dialer' ? this.#handleWelcome(hello) : this.#handleHello(hello);
    }
    if (kind === 'goodbye') return this.#handleGoodbye();
    const value = codec.number(bytes, start, end);
    return value === undefined ? this.#spoil('malformed') : this.#handleNumber(kind, value);
  }

  /** The frames that carry one number. */
  #handleNumber(kind: FrameKind, value: number): Step {
    switch (kind) {
      case 'confirm':
        if (this.role === 'dialer') return this.#spoil('malformed');
        if (!this.#greeting.credentials.confirm(value)) return this.#violate('RES-5');
        return this.#bear() ? 'signal' : 'quiet';
      case 'credit':
        this.#log.grant(value);
        return 'quiet';
      case 'ping':
        return this.say(this.codec.putNumber('pong', value)) > URGENT_MAX ? this.#spoil('malformed') : 'quiet';
      case 'pong':
        return 'quiet'; // Having been heard is all that counts.
      case 'drain':
        return this.#signal({ type: 'peer.draining', afterMs: value });
      case 'goodbye-ack':
        if (this.#farewell === undefined) return this.#spoil('malformed');
        if (!this.#release(this.#log.base + ((value - this.#log.base) | 0))) return this.#violate('RES-8');
        return this.#signal({ type: 'goodbye.acknowledged' });
      default:
        return this.#spoil('malformed');
    }
  }

  /** Acceptor. The door has judged the same bytes; who changed their mind since is refused by a spoilt wire. @rule RES-4 RES-5 */
  #handleHello(hello: Hello): Step {
    if (this.judge(hello) !== undefined) return this.#spoil('malformed');
    const welcome = this.#greeting.welcome(hello);
    if (welcome === undefined) return this.#violate('RES-8');
    this.say(welcome);
    this.#greeted();
    if (hello.resume) this.#bear(); // It has read a welcome before.
    return 'signal';
  }

  /** Dialer. @rule RES-4 RES-5 */
  #handleWelcome(welcome: Hello): Step {
    if (!this.#greeting.isAnswer(welcome)) return this.#spoil('malformed');
    const confirm = this.#greeting.confirm(welcome);
    if (confirm === undefined) return this.#violate('RES-8');
    this.say(confirm);
    this.#greeted();
    this.#bear();
    return 'signal';
  }

  #greeted(): void {
    this.#hearing = 'control';
    this.note({ type: 'peer.greeted' });
    this.#tellDrained(); // The hello may have acknowledged the rest.
  }

  /** @rule RES-11 RES-19 */
  #handleGoodbye(): Step {
    const { bytes, start, end } = this.#framer;
    const goodbye = this.codec.goodbye(bytes, start, end);
    if (goodbye === undefined) return this.#spoil('malformed');
    if (goodbye.position !== this.#receipts.next >>> 0) return this.#violate('RES-16');
    if (!this.#release(this.#log.base + ((goodbye.next - this.#log.base) | 0))) return this.#violate('RES-8');
    this.#draining = true;
    this.#mayTransmit = false;
    this.say(this.codec.putNumber('goodbye-ack', this.#receipts.acknowledge()));
    return this.#signal({ type: 'peer.goodbye', code: goodbye.code });
  }

  #sayGoodbye(code: GoodbyeCode): void {
    this.say(this.codec.putGoodbye(this.#log.cursor, this.#receipts.acknowledge(), code));
  }

  #release(before: number): boolean {
    const released = this.#log.ackBefore(before);
    if (released) this.#tellDrained();
    return released;
  }

  #tellDrained(): void {
    if (this.#draining && this.#farewell === undefined && this.#log.count === 0) this.note({ type: 'log.drained' });
  }

  #ping(): void {
    this.say(this.codec.putNumber('ping', this.#receipts.next));
  }

  #bear(): boolean {
    if (this.#greeting.isBorn) return false;
    this.#greeting.isBorn = true;
    this.note({ type: 'session.born' });
    return true;
  }

  #signal(signal: ResumeSignal): Step {
    this.note(signal);
    return 'signal';
  }

  /** The wire is of no use any more; the session lives. */
  #spoil(code: 'malformed' | 'oversized'): Step {
    this.#hearing = 'nothing';
    return this.#signal({ type: 'wire.spoilt', code });
  }

  /** The session ends, and this side says whose fault it was. */
  #violate(rule: string): Step {
    assert(rule.startsWith('RES-'), 'a violation names its rule');
    this.#hearing = 'nothing';
    return this.#signal({ type: 'peer.violated', rule });
  }
}

/** What a hello of a later version may take, however small messages are. */
const CONTROL_BYTES_MAX = 1024;
/** Gathered writes go out in the middle of a turn when there are this many bytes of them. */
const FLUSH_BYTES = 64 << 10;
/** Pings to answer at once. A peer that asks more often than it lets us write is not in earnest. */
const URGENT_MAX = 64;
