import { API_STATES, type ApiState } from './api-state.js';
import { checkOptionNames } from '../arguments.js';
import { isOrderly, type Closing } from '../closing.js';
import type { Connection, SendOptions, WriteOptions } from './connection.api.js';
import type { ByteBudget } from '../dataplane/byte-budget.js';
import { Inbox } from '../dataplane/inbox.js';
import { Pump } from '../dataplane/pump.js';
import { abortedBy, cutBy, SessionError, type UndeliveredError } from '../errors.js';
import { Broadcast } from './broadcast.js';
import type { Clock } from '../ports.js';
import { undelivered, withRanges } from './undelivered.js';
import type { HandleFacts, HandleKind, HandlePort, SharedMessage } from './connection-handle.port.js';
import type { SessionPlane } from '../protocol.js';

export type { Connection, SendOptions, WriteOptions } from './connection.api.js';

interface Waiting {
  readonly number: number; // How many messages must be acknowledged for this one to be.
  readonly resolve: () => void;
  readonly reject: (error: UndeliveredError) => void;
}

type Settlers = [resolve: () => void, reject: (error: Error) => void];

interface Parked {
  readonly bytes: number;
  readonly accept: () => void;
  readonly reject: (error: Error) => void;
  readonly leave: () => void;
}

/** Implements `Connection` beside the charts: promises and iterators live here, and never on the path of a message. */
export class ConnectionHandle<Message> implements Connection<Message> {
  readonly protocol: string;
  readonly role: 'dialer' | 'acceptor';
  // Nothing that holds other things can be enumerated: XState persists a context by walking what it can list.
  readonly #pump: Pump<Message, never>;
  readonly #plane: SessionPlane<Message>;
  readonly #kind: HandleKind<Message>;
  readonly #budget: ByteBudget;
  readonly #clock: Clock;
  readonly #port: HandlePort;
  readonly #round: number;
  #peer: string;
  #state: ApiState;
  #onMessage: ((message: Message) => void) | undefined;
  // The following members exist while they are needed: most sessions are idle most of the time.
  #inbox: Inbox<Message> | undefined;
  #reader: ((result: IteratorResult<Message> | Promise<never>) => void) | undefined;
  #iterating = false;
  #waiting: Waiting[] | undefined;
  #head = 0; // Oldest of those waiting.
  #parked: Parked[] | undefined; // Sends that wait for room, in order.
  #parkedBytes = 0;
  #drains: (() => void)[] | undefined;
  #states: Broadcast<ApiState> | undefined;
  #closed: Promise<Closing> | undefined;
  #isClosing = false;
  #chargedBytes = 0;
  #closing: Closing | undefined;
  #resolveClosed: ((closing: Closing) => void) | undefined;
  #isRetired = false;

  constructor(
    facts: HandleFacts,
    state: ApiState,
    plane: SessionPlane<Message>,
    kind: HandleKind<Message>,
    /** Shared by all sessions of the hub. */
    budget: ByteBudget,
    clock: Clock,
    port: HandlePort,
  ) {
    this.#round = facts.round;
    this.#plane = plane;
    this.#kind = kind;
    this.#budget = budget;
    this.#clock = clock;
    this.#port = port;
    this.protocol = facts.protocol;
    this.#peer = facts.peer;
    this.role = facts.role;
    this.#state = state;
    this.#pump = new Pump<Message, never>(plane as never, clock, this);
  }

  get id(): string {
    return this.#port.idOf(this.#round);
  }
  get pump(): Pump<Message, never> {
    return this.#pump;
  }
  get plane(): SessionPlane<Message> {
    return this.#plane;
  }
  get kind(): HandleKind<Message> {
    return this.#kind;
  }
  get boundaries(): 'message' | 'stream' {
    return this.#kind.boundaries;
  }
  get peer(): string {
    return this.#peer;
  }
  get remoteAddress(): string | undefined {
    return this.#pump.remoteAddress;
  }
  get state(): ApiState {
    return this.#state;
  }
  get states(): AsyncIterable<ApiState> {
    if (this.#states === undefined) {
      this.#states = new Broadcast<ApiState>(STATES_KEPT_MAX, this.#state);
      if (this.#isRetired) this.#states.end();
    }
    return this.#states;
  }
  get closed(): Promise<Closing> {
    if (this.#closed !== undefined) return this.#closed;
    const closing = this.#closing;
    this.#closed = closing === undefined ? new Promise((resolve) => (this.#resolveClosed = resolve)) : Promise.resolve(closing);
    return this.#closed;
  }
  get onMessage(): ((message: Message) => void) | undefined {
    return this.#onMessage;
  }
  set onMessage(handler: ((message: Message) => void) | undefined) {
    if (handler !== undefined && this.#iterating)
      throw new SessionError('two-readers', 'messages are already read by an iterator');
    this.#onMessage = handler;
    if (handler === undefined) return;
    for (let m; this.#onMessage !== undefined && (m = this.#take()) !== undefined;) this.#call(m);
  }

  write(message: Message, how?: WriteOptions & Partial<SharedMessage<Message>>): boolean {
    if (this.#closing !== undefined) throw this.#tooLate();
    const encoded = how?.bytes === undefined ? this.#kind.encode?.(message) : how.encoded;
    if (!this.#budget.fits(how?.bytes ?? encoded?.length ?? this.#kind.sizeOf(message))) throw this.#budget.refusal();
    const mayGoOn = this.#pump.write(message, encoded, how?.copy === false);
    this.#charge();
    return mayGoOn;
  }

  send(message: Message, { signal, copy = true }: SendOptions = {}): Promise<void> {
    if (this.#closing !== undefined) return Promise.reject(this.#tooLate());
    if (signal?.aborted === true) return Promise.reject(abortedBy(signal, 'the send was aborted before it was accepted'));
    return new Promise((resolve, reject) => {
      const encoded = this.#kind.encode?.(message);
      const bytes = encoded?.length ?? this.#kind.sizeOf(message); // Throws for a value that is no message, which rejects.
      if (!this.#budget.fits(bytes)) return reject(this.#budget.refusal());
      if (this.#parked === undefined && this.#plane.canTake(bytes)) return this.#accept(message, encoded, !copy, resolve, reject);
      if (this.#parkedBytes > 0 && this.#parkedBytes + bytes > PARKED_BYTES_MAX)
        return reject(new SessionError('queue-full', `sends with ${this.#parkedBytes} bytes wait for room already`));
      const parked: Parked = {
        bytes: bytes + MESSAGE_COST_BYTES,
        accept: () => this.#accept(kept, encoded, true, resolve, reject),
        reject,
        leave: () => signal?.removeEventListener('abort', onAbort),
      };
      const kept = copy ? this.#kind.copy(message) : message; // The caller's buffer is free again when `send` returns.
      const onAbort = (): void => {
        this.#unpark(parked);
        reject(abortedBy(signal!, 'the send was aborted while it waited for room'));
      };
      signal?.addEventListener('abort', onAbort, { once: true });
      (this.#parked ??= []).push(parked);
      this.#parkedBytes += parked.bytes;
    });
  }

  drained(): Promise<void> {
    if (this.#closing !== undefined || this.#plane.hasRoom()) return Promise.resolve();
    return new Promise((resolve) => (this.#drains ??= []).push(resolve));
  }

  close(options: { now?: boolean; message?: string } = {}): Promise<Closing> {
    checkOptionNames('close', options, 'now', 'message');
    const { now = false, message } = options;
    this.#startClosing();
    const why = message === undefined ? {} : { message };
    if (this.#closing === undefined) this.#port.command({ type: 'close', now, reason: 'closed', ...why });
    return this.closed;
  }

  stats(): Readonly<Record<string, number>> {
    const { accepted, handed, acknowledged, queuedBytes, stats } = this.#plane;
    return { accepted, handed, acknowledged, queuedBytes, ...stats };
  }

  toJSON(): object {
    return {
      id: this.id,
      protocol: this.protocol,
      peer: this.peer,
      state: this.#state,
      number: API_STATES[this.#state],
      ...this.stats(),
    };
  }

  [Symbol.asyncIterator](): AsyncIterator<Message> {
    if (this.#onMessage !== undefined || this.#iterating)
      throw new SessionError('two-readers', 'messages are already read by another reader');
    this.#iterating = true;
    let isOver = false; // Another reader may read by then.
    return {
      next: () => (isOver ? Promise.resolve({ done: true, value: undefined }) : this.#pull()),
      return: () => {
        if (isOver) return Promise.resolve({ done: true, value: undefined });
        isOver = true;
        this.#iterating = false;
        const reader = this.#reader; // A pending `next()`, for example one in a race with a deadline, ends.
        this.#reader = undefined;
        reader?.({ done: true, value: undefined });
        return Promise.resolve({ done: true, value: undefined });
      },
    };
  }

  // Called by the pump and the hub.

  /** Whether the application has begun to read messages. */
  get isRead(): boolean {
    return this.#onMessage !== undefined || this.#iterating;
  }
  get isOver(): boolean {
    return this.#closing !== undefined;
  }
  get isClosing(): boolean {
    return this.#isClosing || this.isOver;
  }
  /**
   * The former name of `isClosing`.
   * @deprecated Since 0.1.0.
   */
  get isParting(): boolean {
    return this.isClosing;
  }

  /** Asks at once whether the peer is still there. */
  probe(): void {
    this.#port.command({ type: 'probe' });
  }

  identify(peer: string): void {
    this.#peer = peer;
  }

  deliver(message: Message): void {
    if (this.#onMessage !== undefined) return this.#call(message);
    const reader = this.#reader;
    if (reader !== undefined) {
      this.#reader = undefined;
      return reader({ done: false, value: message });
    }
    const inbox = (this.#inbox ??= new Inbox<Message>());
    inbox.push(message, (this.#plane.messageBytes ?? this.#kind.sizeOf(message)) + MESSAGE_COST_BYTES);
    this.#plane.holdBack(inbox.bytes);
  }

  settled(): void {
    this.#charge();
    if (this.#plane.isClosing === true) this.#startClosing();
    if (this.#waiting !== undefined) this.#acknowledge(this.#waiting);
    for (let p; (p = this.#parked?.[0]) !== undefined && this.#plane.canTake(p.bytes - MESSAGE_COST_BYTES);)
      this.#unpark(p).accept();
    if (this.#drains !== undefined && this.#plane.hasRoom()) this.#wakeDrains();
  }

  changeState(state: ApiState): void {
    if (state === this.#state) return;
    this.#state = state;
    this.#states?.push(state);
  }

  /** The session is over: everything that still waits settles, once. The result names the messages it left behind. */
  end(cause: Closing): Closing {
    if (this.#closing !== undefined) return this.#closing;
    const closing = withRanges(cause, this.#plane);
    this.#closing = closing;
    this.#budget.adjust(-this.#chargedBytes);
    this.#chargedBytes = 0;
    const { handed, acknowledged } = this.#plane;
    const waiting = this.#waiting?.slice(this.#head) ?? [];
    this.#waiting = undefined;
    for (const w of waiting) {
      const fate = w.number <= handed ? 'unknown' : closing.code === 'window-expired' ? 'expired' : 'failed';
      if (w.number <= acknowledged) w.resolve();
      else w.reject(undelivered(fate, closing));
    }
    for (let p; (p = this.#parked?.[0]) !== undefined;) this.#unpark(p).reject(undelivered('failed', closing));
    this.#wakeDrains();
    if (this.#inbox === undefined) this.#reader?.(this.#lastResult(closing));
    this.#resolveClosed?.(closing);
    return closing;
  }

  /** Ends the iterators of its states. */
  retire(): void {
    this.#isRetired = true;
    this.#states?.end();
  }

  #acknowledge(waiting: Waiting[]): void {
    const { acknowledged } = this.#plane;
    for (let w; (w = waiting[this.#head]) !== undefined && w.number <= acknowledged; this.#head++) w.resolve();
    if (this.#head === 0 || this.#head * 2 < waiting.length) return;
    waiting.splice(0, this.#head);
    this.#head = 0;
    if (waiting.length === 0) this.#waiting = undefined;
  }

  #accept(message: Message, encoded: Uint8Array | undefined, isKept: boolean, ...[resolve, reject]: Settlers): void {
    try {
      const room = this.#plane.write(message, true, encoded, isKept);
      this.#charge();
      (this.#waiting ??= []).push({ number: this.#plane.accepted, resolve, reject });
      if (room === 'flush') this.#pump.flush();
      else this.#pump.gather();
    } catch (error) {
      reject(error as Error);
    }
  }

  #startClosing(): void {
    if (this.isClosing) return;
    this.#isClosing = true;
    this.#port.closeStarted();
  }

  /** The share of the hub's budget that this session holds follows what its plane holds for the peer. */
  #charge(): void {
    const { queuedBytes } = this.#plane;
    if (queuedBytes === this.#chargedBytes || this.#closing !== undefined) return;
    this.#budget.adjust(queuedBytes - this.#chargedBytes);
    this.#chargedBytes = queuedBytes;
  }

  #unpark(parked: Parked): Parked {
    const all = this.#parked!;
    if (all[0] === parked) all.shift();
    else all.splice(all.indexOf(parked), 1);
    if (all.length === 0) this.#parked = undefined;
    this.#parkedBytes -= parked.bytes;
    parked.leave();
    return parked;
  }

  #pull(): Promise<IteratorResult<Message>> {
    const message = this.#take();
    if (message !== undefined) return Promise.resolve({ done: false, value: message });
    if (this.#closing !== undefined) return Promise.resolve(this.#lastResult(this.#closing));
    if (this.#reader !== undefined)
      return Promise.reject(new SessionError('two-readers', 'await one message before asking for the next'));
    return new Promise((resolve) => (this.#reader = resolve));
  }

  /** Behind the last message: the end, or an error where messages are missing. */
  #lastResult(closing: Closing): IteratorResult<Message> | Promise<never> {
    return isOrderly(closing) ? { done: true, value: undefined } : Promise.reject(cutBy(closing));
  }

  #take(): Message | undefined {
    const inbox = this.#inbox;
    const message = inbox?.take();
    if (inbox === undefined || message === undefined) return undefined;
    if (inbox.size === 0) this.#inbox = undefined;
    this.#plane.holdBack(inbox.bytes);
    this.#pump.gather(); // Credit may be due.
    return message;
  }

  /** An error of the application's handler is reported (`Ports.report`): the session goes on. */
  #call(message: Message): void {
    try {
      const result: unknown = this.#onMessage!(message);
      if (result !== undefined) Promise.resolve(result).catch((error: unknown) => this.#port.raise(error));
    } catch (error) {
      this.#port.raise(error);
    }
  }

  #wakeDrains(): void {
    const drains = this.#drains ?? [];
    this.#drains = undefined;
    for (const wake of drains) wake();
  }

  #tooLate(): SessionError {
    return new SessionError('closed', `the connection has ended: ${this.#closing!.reason}`, { cause: this.#closing });
  }
}

const MESSAGE_COST_BYTES = 64;
/** Bytes that waiting sends may hold, one send at least; beyond it they reject `queue-full`. */
const PARKED_BYTES_MAX = 4 << 20;
/** State changes kept for a reader that is late; a connection has few, and the oldest give way. */
const STATES_KEPT_MAX = 256;
