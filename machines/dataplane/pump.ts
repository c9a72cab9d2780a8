import type { Clock, Wire } from '../ports.js';
import { NOT_QUEUED, DeadlineHeap, type Deferred, type Timer } from './deadline-heap.js';
import type { Farewell, Plane } from './plane.js';
import { NOT_FILED, TimingWheel, type WheelTimer } from './timing-wheel.js';
import type { WireEnd, WireOwner } from './wire-end.js';

/** Where a pump delivers to the application. Called between frames, never inside each other. */
export interface PumpOutput<Message> {
  /** One message. It belongs to the receiver. */
  deliver(message: Message): void;
  /** A round is over: acknowledgements may have arrived, room may have been made. */
  settled(): void;
}

/** The chart that receives a plane's signals: an actor, as far as the pump knows. */
export interface SignalListener<Signal> {
  send(signal: Signal): void;
}

const NO_ENDS: never[] = [];
/** Bytes that one round may put on a wire before it reads again. */
const TRANSMIT_BYTES_MAX = 1 << 20;
/** A deadline so far away goes to the wheel, whose visits come early; what is nearer is due exactly. */
const FAR_MS = 1000;

/**
 * Moves bytes between one plane and its wires, and keeps one timer armed.
 * This is the only impure object on the hot path: everything it decides, the plane decided.
 */
export class Pump<Message, Signal> implements Timer, WheelTimer, Deferred, WireOwner {
  /** For `DeadlineHeap` and `TimingWheel` only, like the methods they call. */
  dueAt = Infinity;
  heapIndex = NOT_QUEUED;
  wheelPlace = NOT_FILED;
  // Charts have it in their contexts: what it leads to must not be listed there (`unlisted`).
  readonly #plane: Plane<Message, Signal>;
  readonly #output: PumpOutput<Message>;
  #ends: (WireEnd | undefined)[] = NO_ENDS;
  #timers: DeadlineHeap;
  #busy = false;
  #again = false;
  #isFlushDeferred = false;
  #stopped = false;
  #turn = 0; // Which wire begins where several share.
  #isPaused = false; // The wires are paused until the application has caught up.
  #chart: SignalListener<Signal> | undefined;

  constructor(plane: Plane<Message, Signal>, clock: Clock, output: PumpOutput<Message>) {
    this.#plane = plane;
    this.#output = output;
    this.#timers = DeadlineHeap.of(clock);
  }

  get plane(): Plane<Message, Signal> {
    return this.#plane;
  }
  get output(): PumpOutput<Message> {
    return this.#output;
  }
  get clock(): Clock {
    return this.#timers.clock;
  }

  /** Sets the chart that receives the plane's signals; it has reacted when `send` returns. */
  bind(chart: SignalListener<Signal>): void {
    this.#chart = chart;
  }

  /** The link of this end has a wire. The wire it had before, if any, is destroyed and its end is dead. */
  attach(end: WireEnd, wire: Wire): void {
    const { link } = end;
    this.#ends[link]?.retire();
    end.join(this, wire);
    if (link === 0 && this.#ends.length <= 1)
      this.#ends = [end]; // Room for one, not for the seventeen that an array reserves as it grows.
    else (this.#ends = [...this.#ends])[link] = end;
    if (this.#stopped) end.retire();
    else {
      if (this.#plane.keepAliveMs !== undefined) wire.keepAlive?.(this.#plane.keepAliveMs);
      if (this.#isPaused) wire.pause();
      this.#plane.attach(link, this.clock.now());
    }
  }

  /** Whether the link has a wire. */
  attached(link: number): boolean {
    return this.#ends[link] !== undefined;
  }

  /** That of the first wire there is. */
  get remoteAddress(): string | undefined {
    return this.#ends.find((end) => end !== undefined)?.wire.remoteAddress;
  }

  /** Takes a message over. False: accepted, but wait until `plane.hasRoom()`. Throws where the plane can't take it. */
  write(message: Message, encoded?: Uint8Array, isShared = false): boolean {
    const room = this.#plane.write(message, false, encoded, isShared);
    if (room === 'flush') this.flush();
    else this.gather();
    return room !== 'wait';
  }

  /** Flush once the running turn is over, so that what is written in one turn leaves in one write. */
  gather(): void {
    if (this.#isFlushDeferred || this.#busy || this.#stopped) return;
    this.#isFlushDeferred = true;
    this.#timers.defer(this);
  }

  /** Run to completion: a call made from inside a delivery only asks the outer call to go round again. */
  flush(): void {
    this.#again = true;
    if (this.#busy || this.#stopped) return;
    this.#busy = true;
    const now = this.clock.now();
    try {
      while (this.#again && !this.#stopped) {
        this.#again = false;
        this.#read(now);
        this.#transmit(now);
        this.#sendSignals(); // For example `log.drained`.
      }
    } finally {
      this.#busy = false;
    }
    if (this.#stopped) return;
    if ((this.#plane.isFull === true) !== this.#isPaused) this.#togglePause();
    this.#arm(now);
    this.#output.settled();
  }

  /** Nothing moves after this. Wires say farewell after what they were given, or are destroyed. */
  stop(how: 'polite' | 'hard' = 'hard'): void {
    if (this.#stopped) return;
    if (how === 'polite') this.#transmit(this.clock.now()); // A farewell queued in this very turn.
    this.#stopped = true;
    this.#timers.clear(this);
    if (this.wheelPlace !== NOT_FILED) TimingWheel.of(this.clock).remove(this);
    for (const end of this.#ends) end?.retire(how);
    this.#ends = NO_ENDS;
  }

  /** The link's wire says what the plane has left for it, and is closed; the link is without a wire at once. */
  dismiss(link: number): void {
    if (!this.attached(link)) return;
    const end = this.#ends[link]!;
    const last = this.#plane.pollTransmit(link, this.clock.now());
    if (last !== undefined) end.wire.send(last);
    end.retire('polite');
    this.lose(end);
  }

  /** For a `WireEnd` only. */
  get farewell(): Farewell | undefined {
    return this.#plane.farewell;
  }

  get stopped(): boolean {
    return this.#stopped;
  }

  /** For a `WireEnd` only. */
  receive(link: number, bytes: Uint8Array, lent: boolean): void {
    this.#plane.handleBytes(link, bytes, lent);
    this.flush();
  }

  /** For a `WireEnd` only. */
  answered(link: number): void {
    this.#plane.handlePong?.(link, this.clock.now());
    this.flush();
  }

  /** For a `WireEnd` only. */
  lose(end: WireEnd): void {
    if (this.#stopped) return;
    this.#ends[end.link] = undefined;
    this.#plane.detach(end.link, this.clock.now());
    this.flush();
  }

  /** One frame, one consequence: the application or the chart gets a frame before the next one is read. */
  #read(now: number): void {
    const { plane, output } = this;
    this.#sendSignals(); // Signals from outside of a step: a timeout, a detached wire.
    while (!this.#stopped) {
      for (let m; !this.#stopped && (m = plane.nextMessage?.(now)) !== undefined;) output.deliver(m);
      if (this.#stopped) return;
      switch (plane.step(now)) {
        case 'idle':
          return;
        case 'message':
          for (let m; !this.#stopped && (m = plane.pollMessage()) !== undefined;) output.deliver(m);
          break;
        case 'signal':
          this.#sendSignals();
          break;
        case 'quiet':
      }
    }
  }

  #sendSignals(): void {
    for (let s; !this.#stopped && (s = this.#plane.pollSignal()) !== undefined;) this.#chart?.send(s);
  }

  #transmit(now: number): void {
    if (this.#ends.length > 1) return this.#transmitInTurns(now);
    const end = this.#ends[0];
    if (end !== undefined && end.writable && !this.#stopped) this.#transmitOn(end, now);
  }

  #transmitOn(end: WireEnd, now: number): void {
    const { plane } = this;
    if (plane.pollProbe?.(end.link) === true) end.wire.probe?.();
    const { pieceBytes } = end.wire;
    let bytes = plane.pollTransmit(end.link, now, pieceBytes);
    if (bytes === undefined) return;
    let next = plane.pollTransmit(end.link, now, pieceBytes);
    if (next === undefined) {
      end.writable = end.wire.send(bytes);
      return;
    }
    end.wire.cork();
    let sent = 0;
    for (;;) {
      sent += bytes.length;
      end.writable = end.wire.send(bytes);
      if (next === undefined) break;
      bytes = next;
      // A view that was polled must be sent; after that, a full wire or a long round ends it.
      if (end.writable && sent < TRANSMIT_BYTES_MAX) next = plane.pollTransmit(end.link, now, pieceBytes);
      else next = undefined;
    }
    end.wire.uncork();
    if (end.writable && sent >= TRANSMIT_BYTES_MAX) this.gather();
  }

  /** Wires that share what there is take turns, a chunk each, and each time another one begins: the first would carry nearly all. */
  #transmitInTurns(now: number): void {
    const { plane } = this;
    const ends = this.#ends;
    const first = this.#turn++;
    for (const end of ends) {
      if (end === undefined) continue;
      if (end.writable && plane.pollProbe?.(end.link) === true) end.wire.probe?.();
      end.hasMore = end.writable;
    }
    let sent = 0;
    let isLeft = true;
    while (isLeft && sent < TRANSMIT_BYTES_MAX && !this.#stopped) {
      isLeft = false;
      for (let i = 0; i < ends.length; i++) {
        const end = ends[(first + i) % ends.length];
        if (end?.hasMore !== true) continue;
        const bytes = plane.pollTransmit(end.link, now);
        end.hasMore = bytes !== undefined;
        if (bytes === undefined) continue;
        if (!end.isCorked) end.wire.cork();
        end.isCorked = true;
        sent += bytes.length;
        end.writable = end.hasMore = end.wire.send(bytes);
        isLeft ||= end.hasMore;
      }
    }
    for (const end of ends) {
      if (end?.isCorked === true) end.wire.uncork();
      if (end !== undefined) end.isCorked = false;
    }
    if (isLeft) this.gather();
  }

  #togglePause(): void {
    this.#isPaused = !this.#isPaused;
    for (const end of this.#ends) {
      if (this.#isPaused) end?.wire.pause();
      else end?.wire.resume();
    }
  }

  /** For `DeadlineHeap` only. */
  runDeferred(): void {
    this.#isFlushDeferred = false;
    this.flush();
  }

  /** A timer only ever moves forward in time by firing: a later deadline waits for the earlier alarm and is set then. */
  #arm(now: number): void {
    const at = this.#plane.nextTimeout();
    if (at === undefined || at >= this.dueAt) return;
    if (at - now < FAR_MS) this.#timers.set(this, at);
    else TimingWheel.of(this.clock).file(this, at, this.#plane.timeoutSlackMs ?? 0, now);
  }

  expire(): void {
    const now = this.clock.now();
    const at = this.#plane.nextTimeout();
    if (at === undefined || this.#stopped) return;
    // Bytes have come since it was set: most visits of idle sessions end here.
    if (at - (this.#plane.timeoutSlackMs ?? 0) > now) return this.#arm(now);
    this.#plane.handleTimeout(now);
    this.flush();
  }
}
