import type { Acceptor, Transport, Wire, WireCause, WireHandler } from '../../machines/ports.js';
import type { SimClock } from './clock.js';
import type { SeededRandom } from './random.js';

export interface SimNetworkOptions {
  /** One-way delay of a chunk, drawn anew for each; order within a direction is kept. Default 1 to 20 ms. */
  readonly latencyMs?: readonly [number, number];
  /** A direction takes so many bytes before `send` says false. Default 4096, small so that it happens often. */
  readonly highWaterBytes?: number;
}

/** What a cut looks like: to both ends, to one end only (the other finds out later or never), or to nobody. */
export type CutMode = 'both' | 'near' | 'far' | 'silent';

/**
 * Hosts joined by wires that delay, chop, fill up, and die in every way a real network knows. Seeded: the same seed cuts at
 * the same byte. Chunks are lent at random and then overwritten, to catch whoever keeps them.
 */
export class SimNetwork {
  readonly links = new Set<Link>();
  /** Until this time dials are refused. */
  refusingUntilMs = 0;
  /** Until this time dials and bytes vanish. */
  darkUntilMs = 0;
  readonly counts = { dials: 0, refused: 0, opened: 0, cuts: 0, lostBytes: 0, chunks: 0, blocked: 0, late: 0 };
  #listeners = new Map<string, Acceptor>();
  #ports = 0;

  constructor(
    readonly clock: SimClock,
    readonly random: SeededRandom,
    readonly options: SimNetworkOptions = {},
  ) {}

  readonly transport: Transport = {
    name: 'sim',
    schemes: ['sim'],
    boundaries: 'stream',
    secure: true,
    dial: (address) => (handler) => this.#dial(address, handler),
    listen: (address, acceptor) => {
      this.#listeners.set(address, acceptor);
      this.clock.soon(() => acceptor.onListening(address));
      return {
        close: (done) => {
          this.#listeners.delete(address);
          if (done !== undefined) this.clock.soon(done);
        },
      };
    },
  };

  /** Cuts every wire. Returns how many there were. */
  cutAll(mode: CutMode): number {
    const live = [...this.links].filter((l) => !l.isCut);
    for (const link of live) link.cut(mode);
    return live.length;
  }

  latency(): number {
    const [from, to] = this.options.latencyMs ?? [1, 20];
    return from + this.random.int(to - from + 1);
  }

  get isDark(): boolean {
    return this.clock.now() < this.darkUntilMs;
  }

  #dial(address: string, handler: WireHandler): () => void {
    this.counts.dials++;
    const link = new Link(this, `sim:${++this.#ports}`);
    link.near.handler = handler;
    this.links.add(link);
    const arrive = (): void => {
      if (link.near.isOver) return;
      const acceptor = this.#listeners.get(address);
      if (link.isCut) return link.near.end({ kind: 'reset' });
      if (this.isDark) return; // The dial hangs; the dialer gives up in its own time.
      if (acceptor === undefined || this.clock.now() < this.refusingUntilMs) {
        this.counts.refused++;
        return link.near.end({ kind: 'refused' });
      }
      acceptor.onOffer({
        remoteAddress: link.name,
        open: (far) => {
          link.far.handler = far;
          this.clock.soon(() => link.far.opened());
          return () => link.far.destroy();
        },
        refuse: () => link.near.end({ kind: 'refused' }),
      });
      this.clock.setTimeout(() => link.near.opened(), this.latency());
      this.counts.opened++;
    };
    this.clock.setTimeout(arrive, this.latency());
    // A dial into the dark ends like a real one, by the transport's own limit.
    link.near.patience = this.clock.setTimeout(() => link.near.end({ kind: 'unreachable' }), DIAL_TIMEOUT_MS);
    return () => link.near.destroy();
  }
}

const DIAL_TIMEOUT_MS = 3000;

/** One wire with its two ends. */
export class Link {
  readonly near: End;
  readonly far: End;
  isCut = false;

  constructor(
    readonly network: SimNetwork,
    readonly name: string,
  ) {
    this.near = new End(this);
    this.far = new End(this);
    this.near.peer = this.far;
    this.far.peer = this.near;
  }

  /** Some of what is in flight still arrives, late; the rest is lost. */
  cut(mode: CutMode): void {
    if (this.isCut) return;
    this.isCut = true;
    this.network.counts.cuts++;
    for (const end of [this.near, this.far]) end.loseTail();
    if (mode === 'both' || mode === 'near') this.#breakLater(this.near);
    if (mode === 'both' || mode === 'far') this.#breakLater(this.far);
  }

  #breakLater(end: End): void {
    const delay = this.network.random.chance(0.3) ? this.network.random.int(200) : 0;
    this.network.clock.setTimeout(() => end.end({ kind: 'reset' }), delay);
  }
}

class End implements Wire {
  readonly lends: boolean;
  peer!: End;
  handler: WireHandler | undefined;
  isOpen = false;
  isOver = false;
  /** The timer of a dial that hangs. */
  patience: unknown;
  #out: { at: number; bytes: Uint8Array }[] = []; // On the way to the peer.
  #outBytes = 0;
  #timer: unknown;
  #owesDrain = false;
  #isEnding = false;
  #corked: Uint8Array[] | undefined;

  constructor(readonly link: Link) {
    this.lends = link.network.random.chance(0.5);
  }

  get remoteAddress(): string {
    return this.link.name;
  }

  opened(): void {
    if (this.isOver || this.isOpen) return;
    this.isOpen = true;
    this.link.network.clock.clearTimeout(this.patience);
    this.handler?.onOpen(this);
    this.peer.#arm();
  }

  send(bytes: Uint8Array): boolean {
    if (this.isOver || this.#isEnding) return false;
    const { network } = this.link;
    if (this.link.isCut || network.isDark) {
      network.counts.lostBytes += bytes.length;
      // A hole in a stream can't be: after bytes vanished, nothing more of this wire arrives.
      if (!this.link.isCut) this.link.cut('silent');
      return true;
    }
    if (this.#corked !== undefined) this.#corked.push(bytes);
    else this.#put(bytes);
    if (this.#outBytes < (network.options.highWaterBytes ?? 4096)) return true;
    network.counts.blocked++;
    this.#owesDrain = true;
    return false;
  }

  cork(): void {
    this.#corked ??= [];
  }
  uncork(): void {
    const pieces = this.#corked;
    this.#corked = undefined;
    if (pieces !== undefined && pieces.length > 0) this.#put(new Uint8Array(Buffer.concat(pieces)));
  }

  close(): void {
    if (this.isOver || this.#isEnding) return;
    this.#isEnding = true;
    if (this.#out.length === 0) this.#finish();
  }
  destroy(): void {
    if (this.isOver) return;
    this.#out.length = 0;
    this.#outBytes = 0;
    const { clock } = this.link.network;
    clock.setTimeout(() => this.end({ kind: 'aborted' }), 0);
    if (!this.link.isCut) clock.setTimeout(() => this.peer.end({ kind: 'reset' }), this.link.network.latency());
    this.link.isCut = true;
  }
  pause(): void {}
  resume(): void {}

  /** Called by the network: this end hears that the wire is gone. */
  end(cause: WireCause): void {
    if (this.isOver) return;
    this.isOver = true;
    this.link.network.clock.clearTimeout(this.#timer);
    this.link.network.clock.clearTimeout(this.patience);
    if (this.peer.isOver || this.peer.handler === undefined) this.link.network.links.delete(this.link);
    this.handler?.onClose(cause);
  }

  /** Of what is on the way, a random part never arrives, cut at any byte. */
  loseTail(): void {
    const { random, counts } = this.link.network;
    if (this.#out.length === 0) return;
    const keep = random.int(this.#out.length + 1);
    for (const lost of this.#out.splice(keep)) {
      counts.lostBytes += lost.bytes.length;
      this.#outBytes -= lost.bytes.length;
    }
    const last = this.#out.at(-1);
    if (last === undefined || last.bytes.length < 2) return;
    const part = last.bytes.subarray(0, 1 + random.int(last.bytes.length));
    this.#outBytes -= last.bytes.length - part.length;
    last.bytes = part;
    counts.late++;
  }

  /** Chopped at random, so that frames never align with chunks. The bytes are copied: the sender may go on using them. */
  #put(bytes: Uint8Array): void {
    const { random, clock, counts } = this.link.network;
    const own = bytes.slice();
    let at = 0;
    let due = Math.max(this.#out.at(-1)?.at ?? 0, clock.now() + this.link.network.latency());
    while (at < own.length) {
      const size = random.chance(0.5) ? own.length - at : 1 + random.int(Math.min(own.length - at, 200));
      this.#out.push({ at: due, bytes: own.subarray(at, at + size) });
      counts.chunks++;
      at += size;
      due += random.int(3);
    }
    this.#outBytes += own.length;
    this.#arm();
  }

  #arm(): void {
    const head = this.#out[0];
    if (head === undefined || this.#timer !== undefined || !this.peer.isOpen) return;
    this.#timer = this.link.network.clock.setTimeout(this.#deliver, Math.max(0, head.at - this.link.network.clock.now()));
  }

  #deliver = (): void => {
    this.#timer = undefined;
    const { clock, options } = this.link.network;
    for (let head; (head = this.#out[0]) !== undefined && head.at <= clock.now() && !this.peer.isOver;) {
      this.#out.shift();
      this.#outBytes -= head.bytes.length;
      const chunk = this.peer.lends ? head.bytes.slice() : head.bytes;
      this.peer.handler?.onBytes(chunk);
      if (this.peer.lends) chunk.fill(0xee);
    }
    if (this.peer.isOver) {
      this.#out.length = 0; // Nobody is there to take it.
      this.#outBytes = 0;
    }
    if (this.#isEnding && this.#out.length === 0) return this.#finish();
    this.#arm();
    if (!this.#owesDrain || this.isOver || this.#outBytes >= (options.highWaterBytes ?? 4096) / 2) return;
    this.#owesDrain = false;
    this.handler?.onDrain();
  };

  #finish(): void {
    const { clock } = this.link.network;
    clock.setTimeout(() => this.end({ kind: 'aborted' }), 0);
    if (!this.link.isCut) clock.setTimeout(() => this.peer.end({ kind: 'ended' }), this.link.network.latency());
    this.link.isCut = true;
  }
}
