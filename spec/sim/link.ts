import { SimEnd } from './end.js';
import { RESET } from './end-state.js';
import type { Route, SimHost } from './host.js';
import type { SimNetwork } from './network.js';

/** Who hears of a cut: both ends, the dialer (`near`), the acceptor (`far`), or nobody. */
export type CutMode = 'both' | 'near' | 'far' | 'silent';
export type Side = 'near' | 'far';

export interface CutOptions {
  /** Whoever hears of it hears within this time, at random. Default 200, and most hear at once. */
  readonly withinMs?: number;
  /** What of the bytes under way still arrives: a random part from the beginning, none, or all. Default `some`. */
  readonly keep?: 'some' | 'none' | 'all';
}

/** One wire with its two ends: `near` dialed, `far` was dialed. */
export class SimLink {
  readonly near: SimEnd;
  readonly far: SimEnd;
  /** What is sent from now on arrives nowhere. */
  isCut = false;
  /** One end lives on without the other; the first byte it sends is answered by a reset. */
  answersReset = false;
  readonly #route: Route;

  constructor(
    readonly network: SimNetwork,
    /** Numbers the dials of this network, from 1. */
    readonly serial: number,
    from: SimHost,
    to: SimHost,
    readonly port: number,
    /** Only a peer with one of these keys will do. */
    readonly fingerprints: readonly string[] | undefined,
  ) {
    this.near = new SimEnd(this, 'near', from, to, `${to.name}:${port}`);
    this.far = new SimEnd(this, 'far', to, from, `${from.name}:${10_000 + serial}`);
    this.near.peer = this.far;
    this.far.peer = this.near;
    this.#route = from.routeTo(to);
  }

  get isOpen(): boolean {
    return this.near.phase === 'open' && this.far.phase === 'open';
  }

  isBetween(a: string, b: string): boolean {
    const { host, remote } = this.near;
    return (host.name === a && remote.name === b) || (host.name === b && remote.name === a);
  }

  /** A newer wire between the same hosts has been open. */
  get isOld(): boolean {
    return this.serial < this.#route.newest;
  }

  /** An end has opened, or has been told that it is over. */
  changed(): void {
    if (this.near.isGone && this.far.isGone) this.network.links.delete(this);
    else if (this.isOpen) {
      this.network.counts.opened++;
      this.#route.newest = Math.max(this.#route.newest, this.serial);
    }
  }

  /**
   * The pipe breaks. Ends that don't hear of it go on sending into nothing; with `near` and `far` the deaf one may be told
   * by a reset once it sends, and what is under way to it may be late: after a newer wire has been opened.
   * False: it is broken already.
   */
  cut(mode: CutMode = 'both', { withinMs = 200, keep = 'some' }: CutOptions = {}): boolean {
    if (this.isCut) return false;
    this.isCut = true;
    const { counts, random } = this.network;
    counts.cuts++;
    if (mode === 'silent') counts.silentCuts++;
    else if (mode !== 'both') counts.halfOpen++;
    this.answersReset = mode !== 'silent' && random.chance(0.5);
    for (const end of [this.near, this.far]) {
      if (keep !== 'all') end.loseTail(keep === 'none' ? 0 : undefined);
      const isTold = mode === 'both' || mode === end.side;
      const delayMs = withinMs > 0 && random.chance(isTold ? 0.3 : 0.6) ? random.int(withinMs * 4 + 1) / 4 : 0;
      if (isTold) end.breakAt(this.network.clock.now() + delayMs, RESET);
      else if (delayMs > 0) end.delay(delayMs);
    }
    return true;
  }

  /** Cuts it once exactly `count` more bytes have arrived at that side; what comes behind them is lost. `Infinity`: never mind. */
  cutAfterBytes(count: number, at: Side, mode: CutMode = 'both'): void {
    this[at].cutAfterBytes(count, mode);
  }

  /** Nothing arrives at that side (default: at both), and nobody is told. The result ends it: what was held back arrives. */
  silence(at: Side | 'both' = 'both'): () => void {
    const ends = at === 'both' ? [this.near, this.far] : [this[at]];
    this.network.counts.silences++;
    for (const end of ends) end.silence();
    let isOver = false;
    return () => {
      if (isOver) return;
      isOver = true;
      for (const end of ends) end.unsilence();
    };
  }
}
