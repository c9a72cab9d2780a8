import type { SimClock } from '../sim/clock.js';
import type { SeededRandom } from '../sim/random.js';
import { NcpEnd, type NcpEndOptions } from './ncp-end.js';

/** What happens to packets on their way, one direction of one link. */
export interface Way {
  readonly delayMs?: number;
  /** Added at random up to this; packets overtake each other. */
  readonly jitterMs?: number;
  readonly loss?: number;
  readonly duplicate?: number;
  /** Bytes per millisecond; packets queue behind each other. */
  readonly rate?: number;
  /** Decides about single packets; true: lost. */
  readonly drop?: (packet: Uint8Array) => boolean;
}

export interface PairOptions {
  readonly clock: SimClock;
  readonly random: SeededRandom;
  readonly links: number;
  readonly way?: (link: number, from: 'a' | 'b') => Way;
  readonly limits?: Partial<NcpEndOptions['limits']> & object;
  readonly limitsB?: NcpEndOptions['limits'];
  readonly first?: number;
  readonly firstB?: number;
}

/** Two sessions and the links between them, on virtual time. Cut a link with `cut`, mend it with `mend`. */
export class NcpPair {
  readonly a: NcpEnd;
  readonly b: NcpEnd;
  packets = 0;
  /** Packets under way, in both directions. */
  inTheAir = 0;
  #free: Record<'a' | 'b', number[]> = { a: [], b: [] };
  #generation: number[] = [];

  constructor(readonly options: PairOptions) {
    const { clock, links, limits = {}, first } = options;
    const of = (role: 'dialer' | 'acceptor', from: 'a' | 'b', more: NcpEndOptions['limits']): NcpEnd =>
      new NcpEnd({
        role,
        clock,
        links,
        limits: { ...limits, ...more },
        ...(first === undefined ? {} : { first }),
        send: (link, packet) => this.#send(from, link, packet),
      });
    this.a = of('dialer', 'a', {});
    this.b = of('acceptor', 'b', options.limitsB ?? {});
    for (let i = 0; i < links; i++) this.#generation.push(0);
  }

  open(): void {
    this.a.attachAll();
    this.b.attachAll();
    this.a.call();
  }

  cut(link: number): void {
    this.#generation[link]!++;
    this.a.detach(link);
    this.b.detach(link);
  }

  mend(link: number): void {
    this.a.attach(link);
    this.b.attach(link);
  }

  stop(): void {
    this.a.stop();
    this.b.stop();
  }

  #send(from: 'a' | 'b', link: number, packet: Uint8Array): void {
    const { clock, random } = this.options;
    const way = this.options.way?.(link, from) ?? {};
    const to = from === 'a' ? this.b : this.a;
    this.packets++;
    if (way.drop?.(packet) === true || random.chance(way.loss ?? 0)) return;
    const generation = this.#generation[link]!;
    const now = clock.now();
    const free = Math.max(now, this.#free[from][link] ?? 0) + (way.rate === undefined ? 0 : packet.length / way.rate);
    this.#free[from][link] = free;
    const copies = random.chance(way.duplicate ?? 0) ? 2 : 1;
    for (let i = 0; i < copies; i++) {
      const jitter = way.jitterMs === undefined ? 0 : random.next() * way.jitterMs;
      this.inTheAir++;
      clock.setTimeout(
        () => {
          this.inTheAir--;
          if (this.#generation[link] === generation) to.receive(link, packet);
        },
        free - now + (way.delayMs ?? 1) + jitter,
      );
    }
  }
}

/** The same bytes for the same place, so that whoever receives can check without the whole. */
export function fill(into: Uint8Array, place: number): Uint8Array {
  for (let i = 0; i < into.length; i++) into[i] = byteAt(place + i);
  return into;
}

export function byteAt(place: number): number {
  return (imul(place, 0x9e3779b1) >>> 13) & 0xff;
}

/** Looking up a global costs a test a hundred nanoseconds, and this is asked of every byte. */
const { imul } = Math;

/** Writes `total` bytes into an end, never more than `ahead` unacknowledged. */
export function pour(end: NcpEnd, total: number, piece = 16_384, ahead = 4 << 20): void {
  let written = 0;
  const more = (): void => {
    while (written < total && end.session.outbound.queuedBytes < ahead) {
      const bytes = fill(new Uint8Array(Math.min(piece, total - written)), written);
      written += bytes.length;
      end.write(bytes);
    }
  };
  end.onRoom = more;
  more();
}

/** Counts what arrives and finds the first wrong byte. */
export class Sink {
  bytes = 0;
  wrongAt = -1;
  /** Deliveries that came this much after the one before, at most. */
  longestGapMs = 0;
  #lastAt: number | undefined;
  constructor(
    end: NcpEnd,
    readonly now: () => number = () => 0,
  ) {
    end.onData = (bytes) => {
      const at = this.now();
      if (this.#lastAt !== undefined) this.longestGapMs = Math.max(this.longestGapMs, at - this.#lastAt);
      this.#lastAt = at;
      for (let i = 0; i < bytes.length && this.wrongAt < 0; i++)
        if (bytes[i] !== byteAt(this.bytes + i)) this.wrongAt = this.bytes + i;
      this.bytes += bytes.length;
    };
  }
}
