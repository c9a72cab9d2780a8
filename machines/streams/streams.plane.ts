import { assert, SessionError } from '../errors.js';
import { Budget } from './budget.js';
import { STREAMS_LIMITS, type StreamCode, type StreamFrame, type StreamsLimits } from './streams.messages.js';
import { Stream } from './stream.js';
import { FairQueue } from './fair-queue.js';

/** The effect of a peer's frame for the user of the streams. */
export type StreamEvent =
  | { readonly word: 'nothing' }
  /** The peer opened a stream: `accept` or `refuse` it. */
  | { readonly word: 'asked'; readonly stream: number; readonly purpose: string; readonly target: string }
  | { readonly word: 'opened'; readonly stream: number }
  | { readonly word: 'refused'; readonly stream: number; readonly code: StreamCode }
  /** The bytes belong to the receiver, who says `consumed` when they are out of memory. */
  | { readonly word: 'data'; readonly stream: number; readonly bytes: Uint8Array }
  | { readonly word: 'end'; readonly stream: number }
  | { readonly word: 'reset'; readonly stream: number; readonly code: StreamCode }
  /** The two sides share no version: both end the session. */
  | { readonly word: 'incompatible'; readonly versionMin: number; readonly versionMax: number }
  /** The peer says that this side broke a rule. */
  | { readonly word: 'fault'; readonly rule: string }
  /** The peer broke a rule; a fault is ready to be polled, after which the session ends. */
  | { readonly word: 'violation'; readonly rule: string; readonly what: string };

const NOTHING: StreamEvent = { word: 'nothing' };

export const STREAMS_VERSION = 1;

/**
 * Many ordered byte streams over one ordered, reliable message session. Pure: frames and bytes in, frames and news out.
 * Each direction of a stream ends exactly once, by `end` or `reset`, and a reset is answered by the other side's own ending;
 * only then is the stream forgotten. So a frame for an unknown stream is a fault and no race.
 */
export class StreamsPlane {
  readonly #streams = new Map<number, Stream>();
  readonly #fairQueue: FairQueue<Stream>;
  readonly #budget: Budget;
  readonly #limits: StreamsLimits;
  #control: StreamFrame[] = []; // Before data; bounded by the streams, each of which has few things to say.
  #nextId: number;
  #newestPeerId: number;
  #pending = 0; // The peer's opens without an answer.
  #isIntroduced = false;
  #isOver = false;

  constructor(
    readonly role: 'dialer' | 'acceptor',
    limits: Partial<StreamsLimits> = {},
  ) {
    this.#limits = { ...STREAMS_LIMITS, ...limits };
    this.#budget = new Budget(this.#limits);
    this.#fairQueue = new FairQueue(this.#limits.chunkBytes);
    this.#nextId = role === 'dialer' ? 1 : 2;
    this.#newestPeerId = role === 'dialer' ? 0 : -1;
    this.#control.push({ kind: 'hello', versionMin: STREAMS_VERSION, versionMax: STREAMS_VERSION, features: 0 });
  }

  get size(): number {
    return this.#streams.size;
  }
  get pending(): number {
    return this.#pending;
  }
  /** Granted to the peer, or arrived and not yet consumed; never above the bound of STR-2. */
  get heldBytes(): number {
    return this.#budget.heldBytes;
  }

  // Called by the application.

  /** A new stream; data may be written at once and leaves when the peer has accepted it. @throws SessionError at the bound of STR-5 */
  open(purpose: string, target = ''): number {
    if (this.#streams.size >= this.#limits.streamsMax)
      throw new SessionError('queue-full', `${this.#streams.size} streams are open already`);
    const stream = new Stream(this.#nextId, true);
    this.#nextId += 2;
    this.#streams.set(stream.id, stream);
    this.#control.push({ kind: 'open', stream: stream.id, purpose, target });
    this.#grant(stream);
    return stream.id;
  }

  accept(id: number): void {
    const stream = this.#streams.get(id);
    if (stream === undefined || stream.stage !== 'asked') return; // The peer has given it up meanwhile.
    this.#answer(stream);
    this.#control.push({ kind: 'opened', stream: id });
    this.#grant(stream);
  }

  refuse(id: number, code: StreamCode): void {
    const stream = this.#streams.get(id);
    if (stream === undefined || stream.stage !== 'asked') return;
    this.#answer(stream);
    this.#control.push({ kind: 'refused', stream: id, code });
    this.#forget(stream);
  }

  /** Takes the bytes over: they stay unchanged until they are sent. False: taken, but wait for `hasRoom`. @throws SessionError beyond the bound, or after the end */
  write(id: number, bytes: Uint8Array): boolean {
    const stream = this.#streams.get(id);
    if (stream === undefined || stream.own !== 'open')
      throw new SessionError('closed', `stream ${id} has ended; nothing more can be written`);
    const { costBytes } = stream.outbox;
    if (costBytes + bytes.length > this.#limits.sendBytesMax)
      throw new SessionError(
        'queue-full',
        `${costBytes} of ${this.#limits.sendBytesMax} bytes wait already; wait for drained() before writing more`,
      );
    stream.outbox.push(bytes);
    this.#wake(stream);
    return this.hasRoom(id);
  }

  /** Whether a waiting writer may go on. */
  hasRoom(id: number): boolean {
    const stream = this.#streams.get(id);
    return stream === undefined || stream.outbox.costBytes < this.#limits.sendBytesHigh;
  }

  /** Bytes that were written and not yet sent. */
  queuedBytes(id: number): number {
    return this.#streams.get(id)?.outbox.bytes ?? 0;
  }

  /** Half-close, behind what was written. The other direction goes on. @rule STR-3 */
  end(id: number): void {
    const stream = this.#streams.get(id);
    if (stream === undefined || stream.own !== 'open') return;
    stream.end('end');
    this.#wake(stream);
  }

  /** Gives both directions up at once; what was written and not sent is dropped. @rule STR-3 */
  reset(id: number, code: StreamCode): void {
    const stream = this.#streams.get(id);
    if (stream === undefined || stream.isAbandoned) return;
    if (stream.stage === 'asked') return this.refuse(id, code);
    this.#control.push({ kind: 'reset', stream: id, code });
    this.#abandon(stream);
    this.#settle(stream);
  }

  /** The application has consumed so many bytes that were received; credit goes back for them. */
  consumed(id: number, bytes: number): void {
    const stream = this.#streams.get(id);
    if (stream === undefined || stream.isAbandoned) return; // An abandoned stream holds nothing any more.
    assert(bytes <= stream.keptBytes, 'consumed bytes were received before');
    this.#budget.move(stream.heldBytes, stream.heldBytes - bytes);
    stream.keptBytes -= bytes;
    if (!stream.hasPeerEnded) this.#grant(stream);
    this.#settle(stream);
  }

  // Called by the session.

  /** The next frame to send: whatever is no data, then streams that had been silent, then — if `mayBulk` — the others in turn; at most `bytesMax` of them. */
  poll(mayBulk: boolean, bytesMax = Infinity): StreamFrame | undefined {
    if (this.#control.length > 0) return this.#control.shift();
    if (this.#isOver) return undefined;
    const stream = this.#fairQueue.next(!mayBulk);
    if (stream === undefined) return undefined;
    if (stream.outbox.bytes === 0) {
      stream.end('sent');
      this.#fairQueue.remove(stream);
      this.#settle(stream);
      return { kind: 'end', stream: stream.id };
    }
    const bytes = stream.outbox.take(Math.min(stream.credit, this.#limits.chunkBytes, bytesMax));
    stream.credit -= bytes.length;
    stream.allowance -= bytes.length;
    return { kind: 'data', stream: stream.id, bytes };
  }

  /** One frame of the peer. @rule STR-1 */
  handle(frame: StreamFrame): StreamEvent {
    if (this.#isOver) return NOTHING;
    if (frame.kind === 'hello') return this.#handleHello(frame);
    if (!this.#isIntroduced) return this.violate('STR-1', `${frame.kind} before the hello`);
    if (frame.kind === 'fault') {
      this.#isOver = true;
      return { word: 'fault', rule: frame.rule };
    }
    if (frame.kind === 'open') return this.#handleOpen(frame);
    const stream = this.#streams.get(frame.stream);
    if (stream === undefined) return this.#handleUnknownStream(frame);
    switch (frame.kind) {
      case 'opened':
        return this.#handleOpened(stream);
      case 'refused':
        return this.#handleRefused(stream, frame.code);
      case 'data':
        return this.#handleData(stream, frame.bytes);
      case 'end':
        return this.#handleEnd(stream);
      case 'reset':
        return this.#handleReset(stream, frame.code);
      case 'credit':
        return this.#handleCredit(stream, frame.bytes);
    }
  }

  /** The peer broke a rule, and gets a fault that names it; nothing else is sent or read any more. */
  violate(rule: string, what: string): StreamEvent {
    this.#isOver = true;
    this.#control = [{ kind: 'fault', rule }];
    return { word: 'violation', rule, what };
  }

  #handleHello(hello: Extract<StreamFrame, { kind: 'hello' }>): StreamEvent {
    if (this.#isIntroduced) return this.violate('STR-1', 'a second hello');
    this.#isIntroduced = true;
    const { versionMin, versionMax } = hello;
    if (versionMin <= STREAMS_VERSION && versionMax >= STREAMS_VERSION) return NOTHING;
    this.#isOver = true;
    return { word: 'incompatible', versionMin, versionMax };
  }

  /** @rule STR-1 STR-5 */
  #handleOpen({ stream: id, purpose, target }: Extract<StreamFrame, { kind: 'open' }>): StreamEvent {
    if (this.#isOwn(id)) return this.violate('STR-1', `stream ${id} was opened by the wrong side`);
    if (id <= this.#newestPeerId) return this.violate('STR-1', `stream ${id} was opened again`);
    this.#newestPeerId = id;
    if (this.#control.length > CONTROL_MAX) return this.violate('STR-5', 'more was asked than answers can be sent for');
    if (this.#pending >= this.#limits.pendingMax || this.#streams.size >= this.#limits.streamsMax) {
      this.#control.push({ kind: 'refused', stream: id, code: 'busy' });
      return NOTHING;
    }
    this.#pending++;
    this.#streams.set(id, new Stream(id, false));
    return { word: 'asked', stream: id, purpose, target };
  }

  /** Credit and a reset may cross with the end of their stream; any other frame for an unknown stream is a fault. */
  #handleUnknownStream(frame: Extract<StreamFrame, { stream: number }>): StreamEvent {
    const wasOpened = this.#isOwn(frame.stream) ? frame.stream < this.#nextId : frame.stream <= this.#newestPeerId;
    if (wasOpened && (frame.kind === 'credit' || frame.kind === 'reset')) return NOTHING;
    return this.violate('STR-1', `${frame.kind} for stream ${frame.stream}, which is not open`);
  }

  #handleOpened(stream: Stream): StreamEvent {
    if (stream.stage !== 'asking') return this.violate('STR-1', `an answer for stream ${stream.id}, which was not asked for`);
    stream.answer();
    if (stream.isAbandoned) return NOTHING; // The peer has not read the reset yet.
    this.#wake(stream);
    return { word: 'opened', stream: stream.id };
  }

  #handleRefused(stream: Stream, code: StreamCode): StreamEvent {
    if (stream.stage !== 'asking') return this.violate('STR-1', `an answer for stream ${stream.id}, which was not asked for`);
    const wasAbandoned = stream.isAbandoned;
    this.#forget(stream);
    return wasAbandoned ? NOTHING : { word: 'refused', stream: stream.id, code };
  }

  /** @rule STR-2 STR-3 */
  #handleData(stream: Stream, bytes: Uint8Array): StreamEvent {
    if (stream.stage !== 'open') return this.violate('STR-1', `data on stream ${stream.id} before it was opened`);
    if (stream.hasPeerEnded) return this.violate('STR-3', `data on stream ${stream.id} after its end`);
    if (bytes.length === 0) return this.violate('STR-2', `data without a byte on stream ${stream.id}`);
    if (bytes.length > stream.grantedBytes) return this.violate('STR-2', `data beyond the credit of stream ${stream.id}`);
    stream.grantedBytes -= bytes.length;
    if (stream.isAbandoned) {
      this.#budget.move(stream.grantedBytes + bytes.length, stream.grantedBytes);
      return NOTHING;
    }
    stream.keptBytes += bytes.length;
    return { word: 'data', stream: stream.id, bytes };
  }

  #handleEnd(stream: Stream): StreamEvent {
    if (stream.stage !== 'open') return this.violate('STR-1', `the end of stream ${stream.id} before it was opened`);
    if (stream.hasPeerEnded) return this.violate('STR-3', `a second end of stream ${stream.id}`);
    const wasAbandoned = stream.isAbandoned;
    this.#notePeerEnd(stream);
    this.#settle(stream);
    return wasAbandoned ? NOTHING : { word: 'end', stream: stream.id };
  }

  #handleReset(stream: Stream, code: StreamCode): StreamEvent {
    // Without an answer it can only be the echo of our own reset.
    if (stream.stage === 'asking' && !stream.isAbandoned)
      return this.violate('STR-1', `stream ${stream.id} was reset instead of refused`);
    if (stream.stage === 'asked') this.#answer(stream);
    const wasAbandoned = stream.isAbandoned;
    if (stream.own !== 'ended') this.#control.push({ kind: 'reset', stream: stream.id, code: 'cancelled' });
    this.#forget(stream);
    return wasAbandoned ? NOTHING : { word: 'reset', stream: stream.id, code };
  }

  #handleCredit(stream: Stream, bytes: number): StreamEvent {
    if (stream.credit + bytes > CREDIT_BYTES_MAX) return this.violate('STR-2', `credit of stream ${stream.id} beyond any memory`);
    stream.credit += bytes;
    this.#wake(stream);
    return NOTHING;
  }

  #isOwn(id: number): boolean {
    return (id & 1) === (this.#nextId & 1);
  }

  #answer(stream: Stream): void {
    this.#pending--;
    stream.answer();
  }

  #wake(stream: Stream): void {
    if (stream.isReady) this.#fairQueue.add(stream);
  }

  #grant(stream: Stream): void {
    const bytes = this.#budget.grantFor(stream.heldBytes);
    if (bytes === 0) return;
    this.#budget.move(stream.heldBytes, stream.heldBytes + bytes);
    stream.grantedBytes += bytes;
    this.#control.push({ kind: 'credit', stream: stream.id, bytes });
  }

  /** Nothing is sent from here on, and what still comes is dropped. Its credit is accounted for until the peer has ended too. */
  #abandon(stream: Stream): void {
    stream.abandon();
    stream.outbox.clear();
    this.#fairQueue.remove(stream);
    this.#budget.move(stream.heldBytes, stream.grantedBytes);
    stream.keptBytes = 0;
  }

  #notePeerEnd(stream: Stream): void {
    stream.endPeer();
    this.#budget.move(stream.heldBytes, stream.keptBytes); // The rest of its credit is void.
    stream.grantedBytes = 0;
  }

  /** Both directions have ended and nothing is held: the stream is over. */
  #settle(stream: Stream): void {
    if (stream.own === 'ended' && stream.hasPeerEnded && stream.heldBytes === 0) this.#forget(stream);
  }

  #forget(stream: Stream): void {
    this.#budget.move(stream.heldBytes, 0);
    stream.outbox.clear();
    this.#fairQueue.remove(stream);
    this.#streams.delete(stream.id);
  }
}

/** Frames that wait to be sent and are no data; honest peers cause a few per stream. Beyond it a peer sends and does not read. */
const CONTROL_MAX = 8192;
/** More than any reader holds: a sum beyond it is a mistake, and would end exact arithmetic one day. */
const CREDIT_BYTES_MAX = 2 ** 32;
