import { ReceiveWindow } from '../dataplane/receive-window.js';
import { SendLog } from '../dataplane/send-log.js';
import type { Room } from '../dataplane/plane.js';
import { ControlQueue } from '../dataplane/control-queue.js';
import { SENDING_PHASES, type SendingPhase } from '../dataplane/sending-phases.js';
import { SessionError } from '../errors.js';
import { step } from '../phase-table.js';
import { Handshake } from './resume.handshake.js';
import type { ResumePlaneInput, ResumeSignal } from './resume.signals.js';
import type { ResumeLimits } from './resume.timing.js';

/** The counts of a session that outlive its wires, and what the application asks of them. `ResumePlane` reads and writes frames. */
export abstract class ResumeCounts extends ControlQueue<ResumeSignal> {
  readonly limits: ResumeLimits;
  protected readonly handshake: Handshake;
  protected readonly log: SendLog;
  protected readonly receiveWindow: ReceiveWindow;
  protected readonly first: number;
  protected sending: SendingPhase = SENDING_PHASES.initial;

  /** The seed is not kept: idle sessions would keep their spent secrets. */
  constructor(input: ResumePlaneInput) {
    super();
    const { codec, limits } = input;
    this.limits = limits;
    this.first = input.first ?? 1;
    this.receiveWindow = new ReceiveWindow(limits, this.first);
    this.log = new SendLog(codec, input.pool, limits.sendBytesMax, this.first, limits.sendBytesHigh / 2);
    this.handshake = new Handshake(input, this.log, this.receiveWindow);
  }

  write(payload: Uint8Array, prompt = false, _encoded?: Uint8Array, isShared = false): Room {
    if (this.sending !== 'taking') throw new SessionError('closed', 'this connection is closing; nothing more can be written');
    if (payload.length > this.handshake.messageBytesMax)
      throw new SessionError(
        'too-large',
        `a message of ${payload.length} bytes is above the limit of ${this.handshake.messageBytesMax} that both sides agreed on`,
      );
    this.log.push(payload, prompt, isShared);
    if (this.log.costBytes >= this.limits.sendBytesHigh) return 'wait';
    return this.log.unsentBytes >= FLUSH_BYTES ? 'flush' : 'room';
  }

  protected send(event: 'drain' | 'empty' | 'close'): void {
    this.sending = step(SENDING_PHASES, this.sending, event);
  }

  hasRoom(): boolean {
    return this.log.costBytes <= 0.75 * this.limits.sendBytesHigh;
  }

  /** Whether a message of this size can be taken now without passing the bound, or never can. */
  canTake(payloadBytes: number): boolean {
    return payloadBytes > this.handshake.messageBytesMax || this.log.hasRoomFor(payloadBytes);
  }
  /** Bytes delivered that the application has not taken yet; they hold back the peer's credit. */
  holdBack(bytes: number): void {
    this.receiveWindow.holdBack(bytes);
  }
  /** Messages written, given to a wire, and acknowledged, since the session began. */
  get accepted(): number {
    return this.log.next - this.first;
  }
  get handed(): number {
    return this.log.handed - this.first;
  }
  get acknowledged(): number {
    return this.log.base - this.first;
  }
  get queuedBytes(): number {
    return this.log.costBytes;
  }
  get windowMs(): number {
    return this.handshake.windowMs;
  }
  get stats(): { received: number; duplicates: number; resumes: number; queuedBytes: number } {
    return {
      received: this.receiveWindow.next - this.first,
      duplicates: this.receiveWindow.duplicates,
      resumes: this.handshake.resumes,
      queuedBytes: this.log.costBytes,
    };
  }
}

/**
 * Gathered writes go out in the middle of a turn when there are this many bytes of them. By measurement: at 64 KiB each write wakes a
 * receiver for a single read, which takes a tenth to a third more CPU on both sides; at 256 KiB a quiet receiver begins later.
 */
const FLUSH_BYTES = 128 << 10;
