import type { Acceptor, Identity } from '../../machines/ports.js';
import type { SimProcess } from './process.js';

/** One machine in the network, with the ways that lead from it. */
export class SimHost {
  /** What its peers see in `Wire.identity`. */
  identity: Identity | undefined;
  /** The clock of what runs there, where it can be stopped alone. */
  process: SimProcess | undefined;
  /** Somebody has named it; other names have no address. */
  isKnown = false;
  readonly listeners = new Map<number, Acceptor>();
  /** Dials that arrive before this time are refused. */
  refusingUntilMs = 0;
  /** Counts crashes: transports of an earlier life are dead. */
  life = 0;
  readonly #routes = new Map<SimHost, Route>();
  #port = 40_000;

  constructor(readonly name: string) {}

  /** When something that is due at `atMs` can happen here. */
  awakeAt(atMs: number): number {
    return this.process === undefined ? atMs : Math.max(atMs, this.process.awakeAtMs);
  }

  routeTo(other: SimHost): Route {
    let route = this.#routes.get(other);
    if (route === undefined) this.#routes.set(other, (route = new Route()));
    return route;
  }

  nextPort(): number {
    return this.#port++;
  }
}

/** One direction between two hosts. */
export class Route {
  /** Replaces the network's own delay. */
  latencyMs: readonly [min: number, max: number] | undefined;
  /** How many silences are in force; nothing passes while there is one. */
  silences = 0;
  /** How many closures are in force; dials are answered by `unreachable` while there is one. */
  closures = 0;
  /** When what was held back by a silence arrives. */
  resumeAtMs = 0;
  /** The newest wire that was opened from here to there. */
  newest = 0;
}
