import { ncpCodec } from '../../adapters/tuna/codec.js';
import { PlainEnvelope } from '../../adapters/tuna/envelope.js';
import { Pump } from '../../machines/dataplane/pump.js';
import { WireEnd } from '../../machines/dataplane/wire-end.js';
import { SlabPool } from '../../machines/dataplane/send-log.js';
import type { Wire } from '../../machines/ports.js';
import { TunaPlane, type TunaSignal } from '../../machines/tuna/tuna.plane.js';
import { TUNA_LIMITS, type TunaLimits } from '../../machines/tuna/tuna.timing.js';
import { SimClock } from '../sim/clock.js';
import { SeededRandom } from '../sim/random.js';

const READ_BYTES = 64 << 10;
/** What a wire and the system below it take before `send` says false. */
const HIGH_WATER_BYTES = 2 << 20;
const PIECE_BYTES = 64 << 10;
/** A quarter of the usual window and queue: the same story in a quarter of the steps. */
const SMALL = { windowBytes: 1 << 20, sendBytesMax: 2 << 20, sendBytesHigh: 256 << 10 };
/** What may be queued at most: the window, what is not sent yet, and the piece with which that was reached. */
export const QUEUED_BYTES_MAX = SMALL.windowBytes + SMALL.sendBytesHigh + PIECE_BYTES;

export interface OneReaderOptions {
  readonly seed: number;
  readonly links: number;
  /** Default `SMALL`. */
  readonly limits?: Partial<TunaLimits>;
  /** What a process reads in a millisecond, over all links. */
  readonly bytesPerMs: number;
  /** A process has to wait for so long, on average, and about as often as every 20 ms. Default 0. */
  readonly stallMs?: number;
  /** Bytes that each link carries in a millisecond. Default: without bound. */
  readonly rates?: readonly number[];
}

/** One of two processes: it reads what has come on each link, one after the other, at most 64 KiB of each. */
class Process {
  readonly plane: TunaPlane;
  readonly pump: Pump<Uint8Array, TunaSignal>;
  readonly wires: SimWire[] = [];
  onRoom = (): void => {};
  received = 0;
  #isAwake = false;
  #freeAt = 0;
  #stallAt = 0;

  constructor(
    role: 'dialer' | 'acceptor',
    readonly world: OneReader,
  ) {
    const { links, limits = SMALL } = world.options;
    this.plane = new TunaPlane({
      role,
      codec: ncpCodec,
      limits: { ...TUNA_LIMITS, ...limits, numTunaListeners: links },
      pool: new SlabPool(),
      links: 2 * links, // A place for each wire, and one for its successor.
      clientIds: Array.from({ length: links }, (_, i) => String(i)),
      envelope: new PlainEnvelope(),
      opening: () => undefined,
      openingFrames: 0,
      isPeerHoldfast: true,
    });
    const deliver = (bytes: Uint8Array): void => void (this.received += bytes.length);
    this.pump = new Pump(this.plane, world.clock, { deliver, settled: () => this.onRoom() });
    this.pump.bind({ send: () => {} });
  }

  wake(): void {
    if (this.#isAwake) return;
    this.#isAwake = true;
    this.world.clock.setTimeout(() => this.#turn(), Math.max(0, this.#freeAt - this.world.clock.now()));
  }

  #turn(): void {
    const { clock, random, options } = this.world;
    const now = clock.now();
    const { stallMs = 0 } = options;
    if (stallMs > 0 && now >= this.#stallAt) {
      const waitMs = random.next() * 2 * stallMs;
      this.#stallAt = now + waitMs + random.next() * 40;
      clock.setTimeout(() => this.#turn(), waitMs);
      return;
    }
    let costMs = 0;
    for (const wire of this.wires) {
      const bytes = wire.take(now);
      if (bytes.length === 0) continue;
      costMs += 0.01 + bytes.length / options.bytesPerMs;
      wire.end!.onBytes(bytes);
    }
    const nextAt = Math.min(...this.wires.map((wire) => wire.nextAt));
    if (nextAt < Infinity) clock.setTimeout(() => this.#turn(), Math.max(costMs, nextAt - now));
    else {
      this.#isAwake = false;
      this.#freeAt = now + costMs;
    }
  }
}

class SimWire implements Wire {
  readonly lends = false;
  readonly remoteAddress = 'sim';
  end: WireEnd | undefined;
  peer!: SimWire;
  bytesIn = 0;
  #coming: { at: number; bytes: Uint8Array }[] = [];
  #waiting = 0;
  #owesDrain = false;
  #corks = 0;
  #held: Uint8Array[] = [];
  #lineFreeAt = 0;

  constructor(
    readonly owner: Process,
    readonly bytesPerMs: number,
  ) {}

  get nextAt(): number {
    return this.#coming[0]?.at ?? Infinity;
  }

  take(now: number): Uint8Array {
    const parts: Uint8Array[] = [];
    let length = 0;
    while (length < READ_BYTES && this.nextAt <= now) {
      const first = this.#coming[0]!;
      const part = first.bytes.subarray(0, READ_BYTES - length);
      parts.push(part);
      length += part.length;
      if (part.length === first.bytes.length) this.#coming.shift();
      else first.bytes = first.bytes.subarray(part.length);
    }
    this.bytesIn += length;
    this.peer.#left(length);
    return new Uint8Array(Buffer.concat(parts));
  }

  send(bytes: Uint8Array): boolean {
    this.#waiting += bytes.length;
    if (this.#corks > 0) this.#held.push(bytes);
    else this.#leave(bytes);
    this.#owesDrain = this.#waiting >= HIGH_WATER_BYTES;
    return !this.#owesDrain;
  }
  cork(): void {
    this.#corks++;
  }
  uncork(): void {
    if (--this.#corks === 0) for (const bytes of this.#held.splice(0)) this.#leave(bytes);
  }
  pause(): void {}
  resume(): void {}
  close(): void {}
  destroy(): void {}

  #leave(bytes: Uint8Array): void {
    const { clock } = this.owner.world;
    this.#lineFreeAt = Math.max(clock.now(), this.#lineFreeAt) + bytes.length / this.bytesPerMs;
    const at = this.#lineFreeAt + 0.05;
    this.peer.#coming.push({ at, bytes });
    clock.setTimeout(() => this.peer.owner.wake(), at - clock.now());
  }

  #left(bytes: number): void {
    this.#waiting -= bytes;
    if (!this.#owesDrain || this.#waiting >= HIGH_WATER_BYTES) return;
    this.#owesDrain = false;
    this.owner.world.clock.setTimeout(() => this.end?.onDrain(), 0);
  }
}

/**
 * Two processes and the links between them, on virtual time, as on one machine or behind one bottleneck: what bounds a link is not
 * the link, but how fast one process reads all of them. One process writes as fast as it is let.
 */
export class OneReader {
  readonly clock = new SimClock();
  readonly random: SeededRandom;
  readonly near: Process;
  readonly far: Process;
  /** The most that was written and not yet let go of. */
  queuedBytesMost = 0;
  readonly #piece = new Uint8Array(PIECE_BYTES);
  #isWaiting = false;

  constructor(readonly options: OneReaderOptions) {
    this.random = new SeededRandom(options.seed);
    this.near = new Process('dialer', this);
    this.far = new Process('acceptor', this);
    for (let link = 0; link < options.links; link++) {
      const rate = options.rates?.[link] ?? Infinity;
      const [a, b] = [new SimWire(this.near, rate), new SimWire(this.far, rate)];
      [a.peer, b.peer] = [b, a];
      this.near.wires.push(a);
      this.far.wires.push(b);
    }
    for (const { pump, wires } of [this.near, this.far])
      wires.forEach((wire, link) => pump.attach((wire.end = new WireEnd(link)), wire));
    this.far.plane.open();
    this.near.plane.call(0);
    this.near.pump.flush();
    this.clock.advance(100);
    this.near.onRoom = () => {
      if (!this.#isWaiting || !this.near.plane.hasRoom()) return;
      this.#isWaiting = false;
      this.clock.soon(() => this.#fill());
    };
    this.#fill();
  }

  /** Bytes that each link carries within so many milliseconds. */
  carriedIn(ms: number): number[] {
    const before = this.far.wires.map(({ bytesIn }) => bytesIn);
    for (let at = 0; at < ms; at++) {
      this.clock.advance(1);
      this.queuedBytesMost = Math.max(this.queuedBytesMost, this.near.plane.queuedBytes);
    }
    return this.far.wires.map(({ bytesIn }, link) => bytesIn - before[link]!);
  }

  #fill(): void {
    while (!this.#isWaiting) this.#isWaiting = !this.near.pump.write(this.#piece);
  }
}
