import { ports } from '#platform';
import { reportCallback } from '../../machines/callbacks.js';
import type { Connection } from '../../machines/connection/connection-handle.js';
import { closing, type Closing } from '../../machines/closing.js';
import { checkOptionNames } from '../../machines/arguments.js';
import { abortedBy, SessionError } from '../../machines/errors.js';
import { messagesOver } from '../messages.js';
import { given } from '../options.js';
import { checkSessionOptions, type CloseOptions, type StreamSessionOptions } from './session-options.js';
import {
  PURPOSE_BYTES_MAX,
  STREAMS_LIMITS,
  TARGET_BYTES_MAX,
  type StreamFrame,
} from '../../machines/streams/streams.messages.js';
import { STREAMS_VERSION, StreamsPlane, type StreamEvent } from '../../machines/streams/streams.plane.js';
import { CONTROL_BYTES_MAX, DATA_HEAD_BYTES, decodeFrame, encodeFrame } from './codec.js';
import { endedBy, StreamError } from './errors.js';
import { Opening } from './opening.js';
import { FrameSender } from './frame-sender.js';
import { SessionStream, type StreamPort } from './stream.js';
import { unlisted } from '../../machines/unlisted.js';
import type { Offer } from './offer.js';

export type { Offer } from './offer.js';
export type { CloseOptions, StreamSessionOptions } from './session-options.js';

/** How long a peer that broke a rule may take to get the fault before the session is closed. Chosen without measurement. */
const FAREWELL_MS = 2_000;

/**
 * Many streams over one connection, which the session owns from here on, as its only reader and writer. Both sides make one. Out
 * of a byte stream (Tuna) it cuts frames as `messagesOver` does. Ends with the connection, or the first frame that breaks a rule.
 */
export class StreamSession {
  /** Always resolves, with how it ended. */
  readonly closed: Promise<Closing>;
  readonly connection: Connection;
  readonly #plane: StreamsPlane;
  readonly #streams = new Map<number, SessionStream>();
  readonly #openings = new Map<number, Opening>();
  readonly #offers = new Map<number, AbortController>(); // Opens of the peer without an answer.
  readonly #sender: FrameSender;
  readonly #scratch: Uint8Array;
  readonly #writers = new Set<SessionStream>(); // Streams whose written bytes have not left yet.
  readonly #undelivered = new Map<number, Offer>(); // Offers before `onOffer` was set; bounded by the plane's pending opens.
  #onOffer: ((offer: Offer) => void) | undefined;
  #waiting: Opening[] = []; // Opens that wait until fewer are unanswered.
  #isGathering = false;
  #closing: Closing | undefined;

  /** @throws SessionError `bad-option` for a limit that can't be right */
  constructor(carrier: Connection, options: StreamSessionOptions = {}) {
    checkSessionOptions(options);
    const { limits = {}, now = () => performance.now() } = options;
    const connection = carrier.boundaries === 'stream' ? messagesOver(carrier) : carrier;
    this.connection = connection;
    this.#plane = new StreamsPlane(connection.role, given(limits));
    this.#sender = new FrameSender(connection, now, {
      resume: () => this.#flush(),
      failed: (cause) => {
        this.#finish(cause);
        void connection.close({ now: true });
      },
    });
    const { chunkBytes = STREAMS_LIMITS.chunkBytes } = limits;
    this.#scratch = new Uint8Array(Math.max(CONTROL_BYTES_MAX, DATA_HEAD_BYTES + chunkBytes));
    this.closed = connection.closed.then((end) => this.#end(end));
    connection.onMessage = (message) => this.#handleMessage(message);
    this.#gather();
    unlisted(this);
  }

  toJSON(): object {
    return { connection: this.connection.toJSON(), streams: this.size };
  }

  /** Streams of both sides that have not ended. */
  get size(): number {
    return this.#streams.size;
  }

  /** Called for each stream the peer asks for. Until it is set, offers wait; the peer may have 128 of them. */
  get onOffer(): ((offer: Offer) => void) | undefined {
    return this.#onOffer;
  }
  set onOffer(handler: ((offer: Offer) => void) | undefined) {
    this.#onOffer = handler;
    if (handler === undefined) return;
    for (const [id, offer] of this.#undelivered) {
      this.#undelivered.delete(id);
      this.#ask(handler, id, offer);
    }
  }

  /**
   * Opens a stream and resolves when the peer has accepted it.
   *
   * @param purpose what it is for; up to 64 bytes
   * @param options.target the parameter of the purpose; up to 1024 bytes
   * @param options.signal gives up; the rejection has its reason as `cause`
   * @throws StreamError with the peer's code, or with the closing's; SessionError for what can't be asked
   */
  async open(purpose: string, options: { target?: string; signal?: AbortSignal } = {}): Promise<SessionStream> {
    checkOptionNames('StreamSession.open', options, 'target', 'signal');
    const { target = '', signal } = options;
    if (!fits(purpose, 1, PURPOSE_BYTES_MAX) || !fits(target, 0, TARGET_BYTES_MAX))
      throw new SessionError(
        'bad-option',
        `purpose and target: expected 1 to ${PURPOSE_BYTES_MAX} and up to ${TARGET_BYTES_MAX} bytes`,
      );
    if (signal?.aborted === true) throw abortedBy(signal, 'the stream was given up before it was asked for');
    if (this.#closing !== undefined) throw endedBy(this.#closing);
    if (this.#waiting.length >= OPENINGS_WAITING_MAX)
      throw new SessionError('queue-full', `${this.#waiting.length} streams wait to be opened already`);
    const opening = new Opening(purpose, target, signal, (given) => this.#giveUp(given));
    this.#waiting.push(opening);
    this.#openNext();
    return opening.opened;
  }

  /** Ends the session; streams that have not ended are reset. Resolves with the closing. */
  async close(options: CloseOptions = {}): Promise<Closing> {
    checkOptionNames('StreamSession.close', options, 'now', 'graceMs');
    const { now = false, graceMs } = options;
    const { connection } = this;
    const { clock } = ports;
    const timer = graceMs === undefined || now ? undefined : clock.setTimeout(() => giveUp(connection), graceMs);
    await connection.close({ now });
    clock.clearTimeout(timer);
    return this.closed;
  }

  // Calls from streams.

  readonly #port: StreamPort = {
    write: (id, bytes) => {
      this.#writers.add(this.#streams.get(id)!);
      this.#plane.write(id, bytes);
      this.#gather();
    },
    hasRoom: (id) => this.#closing === undefined && this.#plane.hasRoom(id),
    queuedBytes: (id) => this.#plane.queuedBytes(id),
    end: (id) => {
      this.#plane.end(id);
      this.#gather();
    },
    reset: (id, code) => {
      this.#plane.reset(id, code);
      this.#gather();
    },
    consumed: (id, bytes) => {
      this.#plane.consumed(id, bytes);
      this.#gather();
    },
    left: (id) => {
      const stream = this.#streams.get(id);
      this.#streams.delete(id);
      if (stream !== undefined) this.#writers.delete(stream);
      this.#openNext();
    },
  };

  #openNext(): void {
    while (this.#waiting.length > 0 && this.#openings.size < OPENINGS_MAX && this.#closing === undefined) {
      const opening = this.#waiting.shift()!;
      try {
        const id = this.#plane.open(opening.purpose, opening.target);
        opening.id = id;
        this.#openings.set(id, opening);
        this.#gather();
      } catch (error) {
        opening.fail(error as Error);
      }
    }
  }

  #giveUp(opening: Opening): void {
    this.#waiting = this.#waiting.filter((each) => each !== opening);
    if (opening.id === undefined || !this.#openings.delete(opening.id)) return;
    this.#plane.reset(opening.id, 'cancelled');
    this.#gather();
    this.#openNext();
  }

  // Frames from the peer.

  #handleMessage(message: Uint8Array): void {
    if (this.#closing !== undefined) return;
    const frame = decodeFrame(message);
    if (frame === 'optional') return;
    this.#act(frame === 'malformed' ? this.#plane.violate('STR-1', 'bytes that are no frame') : this.#plane.handle(frame));
    this.#gather();
  }

  #act(event: StreamEvent): void {
    switch (event.word) {
      case 'nothing':
        return;
      case 'data':
        return this.#streams.get(event.stream)?.receive(event.bytes);
      case 'end':
        return this.#streams.get(event.stream)?.receiveEnd();
      case 'asked':
        return this.#offer(event.stream, event.purpose, event.target);
      case 'opened': {
        const opening = this.#take(event.stream);
        if (opening !== undefined) opening.succeed(this.#make(event.stream, opening.purpose, opening.target));
        return this.#openNext();
      }
      case 'refused':
        this.#take(event.stream)?.fail(new StreamError(event.code));
        return this.#openNext();
      case 'reset':
        this.#offers.get(event.stream)?.abort();
        this.#offers.delete(event.stream);
        this.#undelivered.delete(event.stream);
        return this.#streams.get(event.stream)?.receiveReset(new StreamError(event.code));
      case 'incompatible': {
        const { versionMin: min, versionMax: max } = event;
        return this.#leave(closing('version-unsupported', 'remote', { supported: { min, max }, message: OURS }));
      }
      case 'fault':
        return this.#leave(closing('violated', 'local', { rule: event.rule }));
      case 'violation':
        return this.#leave(closing('violated', 'remote', { rule: event.rule, message: event.what }));
    }
  }

  #take(id: number): Opening | undefined {
    const opening = this.#openings.get(id);
    this.#openings.delete(id);
    return opening;
  }

  #offer(id: number, purpose: string, target: string): void {
    const withdrawal = new AbortController();
    this.#offers.set(id, withdrawal);
    const answer = (): void => {
      if (!this.#offers.delete(id) && !withdrawal.signal.aborted)
        throw new SessionError('closed', `stream ${id} was answered before`);
    };
    const offer: Offer = {
      purpose,
      target,
      withdrawn: withdrawal.signal,
      accept: () => {
        answer();
        const stream = this.#make(id, purpose, target);
        if (withdrawal.signal.aborted) stream.receiveReset(this.#closing ? endedBy(this.#closing) : new StreamError('cancelled'));
        else this.#plane.accept(id);
        this.#gather();
        return stream;
      },
      refuse: (code) => {
        answer();
        if (!withdrawal.signal.aborted) this.#plane.refuse(id, code);
        this.#gather();
      },
    };
    if (this.#onOffer === undefined) this.#undelivered.set(id, offer);
    else this.#ask(this.#onOffer, id, offer);
  }

  /** A handler that fails would leave the peer waiting, for an answer or on the stream: the peer gets `failed`. */
  #ask(handler: (offer: Offer) => unknown, id: number, offer: Offer): void {
    const failed = (error: unknown): void => {
      reportCallback(ports, 'session.onOffer', error);
      if (this.#offers.has(id)) return offer.refuse('failed');
      this.#streams
        .get(id)
        ?.on('error', () => {})
        .reset('failed'); // Its error may have no other listener.
    };
    try {
      const result = handler(offer);
      if (result instanceof Promise) result.catch(failed);
    } catch (error) {
      failed(error);
    }
  }

  #make(id: number, purpose: string, target: string): SessionStream {
    const stream = new SessionStream(id, purpose, target, this.#port);
    this.#streams.set(id, stream);
    return stream;
  }

  // Frames to the peer.

  /** Flushes once the running turn is over, so that streams that were written in one turn take turns. */
  #gather(): void {
    if (this.#isGathering) return;
    this.#isGathering = true;
    queueMicrotask(() => {
      this.#isGathering = false;
      this.#flush();
    });
  }

  #flush(): void {
    const sender = this.#sender;
    while (this.#closing === undefined) {
      for (let frame; !sender.isFull && (frame = this.#plane.poll(sender.window.isOpen, sender.window.chunkBytes)) !== undefined;)
        this.#send(frame);
      if (!this.#tellWriters()) return;
    }
  }

  /** Streams whose bytes have left may write more. Returns whether they did and there is room to send it. */
  #tellWriters(): boolean {
    let hasNews = false;
    for (const stream of this.#writers) {
      const queued = this.#plane.queuedBytes(stream.id);
      if (queued > 0 && !this.#plane.hasRoom(stream.id)) continue;
      if (queued === 0) this.#writers.delete(stream);
      stream.receiveRoom();
      hasNews ||= this.#plane.queuedBytes(stream.id) > queued;
    }
    return hasNews && !this.#sender.isFull;
  }

  #send(frame: StreamFrame): void {
    const bytes = encodeFrame(frame, this.#scratch);
    if (frame.kind === 'data') this.#sender.sendData(bytes);
    else this.#sender.send(bytes);
  }

  // The end.

  /** This side ends the session because it can't go on; a fault is sent first. */
  #leave(cause: Closing): void {
    this.#flush();
    this.#finish(cause);
    const timer = setTimeout(() => void this.connection.close({ now: true }), FAREWELL_MS);
    timer.unref();
    void this.connection.close().then(() => clearTimeout(timer));
  }

  #end(cause: Closing): Closing {
    this.#finish(cause);
    return this.#closing!;
  }

  /** @rule STR-6 */
  #finish(cause: Closing): void {
    if (this.#closing !== undefined) return;
    this.#closing = cause;
    const error = endedBy(cause);
    for (const opening of [...this.#openings.values(), ...this.#waiting]) opening.fail(error);
    this.#openings.clear();
    this.#waiting = [];
    for (const withdrawal of this.#offers.values()) withdrawal.abort();
    this.#offers.clear();
    this.#undelivered.clear();
    this.#writers.clear();
    for (const stream of [...this.#streams.values()]) stream.receiveReset(error);
  }
}

/** Own opens without an answer; a peer takes 128. */
const OPENINGS_MAX = 64;
/** Opens that wait for those; further ones reject `queue-full`. */
const OPENINGS_WAITING_MAX = 1024;
const OURS = `this side speaks version ${STREAMS_VERSION} of streams`;

function fits(text: string, bytesMin: number, bytesMax: number): boolean {
  const { length } = new TextEncoder().encode(text);
  return length >= bytesMin && length <= bytesMax;
}

/** Stops draining. Without a link there is none to send a goodbye on, and the second call does not wait for one either. */
function giveUp(connection: Connection): void {
  void connection.close({ now: true });
  if (connection.remoteAddress === undefined) void connection.close({ now: true });
}
