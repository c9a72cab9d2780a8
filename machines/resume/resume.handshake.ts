import { isPacked, packed, unpacked } from '../dataplane/compact-bytes.js';
import type { ReceiveWindow } from '../dataplane/receive-window.js';
import type { SendLog } from '../dataplane/send-log.js';
import { Credentials } from './resume.credentials.js';
import { WireTrail } from './resume.trail.js';
import type { Hello, RefusalCode, ResumeCodec, Trail } from './resume.messages.js';
import type { ResumePlaneInput } from './resume.signals.js';
import type { ResumeLimits } from './resume.timing.js';

/** The first exchange of two sides: identity, session, positions and limits. */
export class Handshake {
  readonly credentials: Credentials;
  readonly trail = new WireTrail();
  isBorn = false; // Both sides know the session.
  resumes = 0;
  #codec: ResumeCodec;
  #limits: ResumeLimits;
  #session: string; // Packed.
  #messageBytesMax: number;
  #windowMs: number;

  constructor(
    input: ResumePlaneInput,
    readonly log: SendLog,
    readonly receiveWindow: ReceiveWindow,
  ) {
    this.credentials = new Credentials(input.entropy, input.birthToken);
    this.#codec = input.codec;
    this.#limits = input.limits;
    this.#session = packed(input.session);
    this.#messageBytesMax = input.limits.messageBytesMax;
    this.#windowMs = Math.min(input.limits.reconnectWindowMs, WINDOW_MS_MAX);
  }

  /** The smaller of both sides' limits, once the handshake is done. */
  get messageBytesMax(): number {
    return this.#messageBytesMax;
  }
  get windowMs(): number {
    return this.#windowMs;
  }

  /** Acceptor: would this hello get the session? Changes nothing. */
  authorize(hello: Hello): RefusalCode | undefined {
    const refusal = this.credentials.authorize(hello);
    if (refusal !== undefined) return refusal;
    // An older wire's hello that was held up may not take the place of a newer one's (RES-6).
    return this.trail.compare(hello.trail, hello.resume) === 'late' ? 'token-refused' : undefined;
  }

  /** Dialer: what it says on a new wire. */
  hello(): Uint8Array {
    const trail = this.trail.next(this.credentials.entropy, this.isBorn);
    return this.#put('hello', this.isBorn, this.credentials.token, this.credentials.epoch, trail);
  }

  /** Acceptor: the answer to a hello that was authorized; `stolen` when two dialers have the token, `untrue` when positions can't be. */
  welcome(hello: Hello): Uint8Array | 'stolen' | 'untrue' {
    const result = this.trail.compare(hello.trail, hello.resume);
    if (result === 'stolen') return 'stolen';
    if (!this.#agree(hello)) return 'untrue';
    if (hello.resume) this.resumes++;
    const { token, epoch } = this.credentials.issue(hello);
    return this.#put('welcome', hello.resume, token, epoch, this.trail.accept(hello.trail, result));
  }

  /** Acceptor: the dialer has read the welcome of this epoch. False: there was none such. */
  confirmed(epoch: number): boolean {
    if (!this.credentials.confirm(epoch)) return false;
    this.trail.settle();
    return true;
  }

  /** Dialer: the answer to a welcome; otherwise as `welcome`. Whose wires they were is asked first: positions follow from that. */
  confirm(welcome: Hello): Uint8Array | 'stolen' | 'untrue' {
    if (!this.trail.answered(welcome.trail)) return 'stolen';
    if (!this.#agree(welcome)) return 'untrue';
    if (this.isBorn) this.resumes++;
    this.credentials.adopt(welcome.token, welcome.epoch);
    return this.#codec.putNumber('confirm', welcome.epoch);
  }

  /** Dialer: whether a welcome answers the hello of this session. */
  isAnswer(welcome: Hello): boolean {
    return welcome.resume === this.isBorn && isPacked(this.#session, welcome.session);
  }

  /** Positions, credit and limits of the peer. At birth limits are negotiated; a resume keeps them (RES-17). */
  #agree(hello: Hello): boolean {
    if (!this.isBorn) {
      this.#messageBytesMax = Math.min(this.#limits.messageBytesMax, hello.messageBytesMax);
      this.#windowMs = Math.min(this.#limits.reconnectWindowMs, hello.windowMs);
    }
    const gap = (hello.first - this.receiveWindow.next) | 0;
    if (gap > 0) return false; // The peer has forgotten messages that never came here.
    this.log.grant(hello.credit);
    return this.log.ackBefore(this.log.base + ((hello.next - this.log.base) | 0));
  }

  #put(kind: 'hello' | 'welcome', resume: boolean, token: Uint8Array, epoch: number, trail: Trail | undefined): Uint8Array {
    return this.#codec.putHello(kind, {
      versionMin: this.#codec.versionMin,
      versionMax: this.#codec.versionMax,
      resume,
      session: unpacked(this.#session),
      token,
      epoch,
      next: this.receiveWindow.acknowledge(),
      first: this.log.base,
      credit: this.receiveWindow.allCredit(),
      windowMs: this.#windowMs,
      messageBytesMax: this.#messageBytesMax,
      features: 0,
      trail,
    });
  }
}

/** The longest window that 32 bits of a hello can say, some 49 days; it stands for an unlimited one. */
const WINDOW_MS_MAX = 2 ** 32 - 1;
