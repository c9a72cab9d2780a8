import { MESSAGE_COST_BYTES } from './send-log.js';

export type ReceiveResult = 'deliver' | 'duplicate' | 'gap' | 'over-credit';

export interface ReceiveWindowLimits {
  readonly receiveBytesMax: number;
  readonly ackEveryBytes: number;
  readonly ackDelayMs: number;
}

/**
 * Counts the messages that have arrived, and the acknowledgements and credit that the peer is owed.
 * Messages count from `first` without wrapping; the wire carries the low bits.
 */
export class ReceiveWindow {
  ackAt: number | undefined; // When an acknowledgement is due at the latest.
  #due = false;
  #next: number; // The number of the next message to arrive.
  #ackedThrough: number;
  #owedCost = 0; // Received since the last acknowledgement.
  #receivedCost = 0; // Cumulative, each message once.
  #granted = 0; // Cumulative credit sent to the peer.
  #backlogBytes = 0; // Delivered and not yet taken by the application.
  #duplicates = 0;

  constructor(
    readonly limits: ReceiveWindowLimits,
    first: number,
  ) {
    this.#next = this.#ackedThrough = first;
  }

  get next(): number {
    return this.#next;
  }
  get duplicates(): number {
    return this.#duplicates;
  }
  /** An acknowledgement must go now. */
  get ackDue(): boolean {
    return this.#due;
  }
  get ackOwed(): boolean {
    return this.#next !== this.#ackedThrough;
  }

  /**
   * Whether one should join a message that leaves now. Not yet while less than half of its time and of its bytes is over: where each
   * message is answered, an acknowledgement with each would double the frames.
   */
  mayJoin(now: number): boolean {
    if (!this.ackOwed) return false;
    const { ackDelayMs, ackEveryBytes } = this.limits;
    return this.ackAt === undefined || this.ackAt - now <= ackDelayMs / 2 || this.#owedCost >= ackEveryBytes / 2;
  }

  /** `sequence`: low 32 bits of the message's number. `prompt`: its sender waits for the acknowledgement. */
  accept(sequence: number, payloadBytes: number, prompt: boolean, now: number): ReceiveResult {
    const ahead = (sequence - this.#next) | 0;
    if (ahead > 0) return 'gap';
    if (ahead === 0) return this.acceptNext(sequence, payloadBytes, prompt, now) ? 'deliver' : 'over-credit';
    this.#owe(prompt, now);
    this.#duplicates++;
    return 'duplicate';
  }

  /** `accept` for the usual case, the next message within the credit. False: anything else, and nothing was counted. */
  acceptNext(sequence: number, payloadBytes: number, prompt: boolean, now: number): boolean {
    if (((sequence - this.#next) | 0) !== 0) return false;
    const cost = payloadBytes + MESSAGE_COST_BYTES;
    if (this.#receivedCost + cost > this.#granted) return false;
    this.#next++;
    this.#receivedCost += cost;
    this.#owedCost += cost;
    this.#owe(prompt || this.#owedCost >= this.limits.ackEveryBytes, now);
    return true;
  }

  #owe(isDue: boolean, now: number): void {
    if (isDue) this.#due = true;
    else this.ackAt ??= now + this.limits.ackDelayMs;
  }

  /** Returns the position to acknowledge, and counts it as sent. */
  acknowledge(): number {
    this.#due = false;
    this.ackAt = undefined;
    this.#owedCost = 0;
    this.#ackedThrough = this.#next;
    return this.#next;
  }

  handleTimeout(now: number): void {
    if (this.ackAt !== undefined && now >= this.ackAt) this.#due = true;
  }

  /** Bytes delivered that the application has not taken yet; they hold back the peer's credit. */
  holdBack(bytes: number): void {
    this.#backlogBytes = bytes;
  }

  /** The credit to tell the peer, once a quarter of the bound has become free. It never shrinks: a backlog grows by what was received. */
  credit(): number | undefined {
    if (this.#credit() - this.#granted < this.limits.receiveBytesMax / 4) return undefined;
    this.#due ||= this.ackOwed; // One write for both.
    return this.allCredit();
  }

  /** Returns all the credit there is, for a hello, and counts it as sent. */
  allCredit(): number {
    return (this.#granted = this.#credit());
  }

  #credit(): number {
    return this.#receivedCost + this.limits.receiveBytesMax - this.#backlogBytes;
  }

  /** Drops the due acknowledgement of a wire that is gone. */
  forgetDue(): void {
    this.#due = false;
    this.ackAt = undefined;
  }
}
