/** How cruel a network is. Delays are virtual milliseconds, chances are from 0 to 1. */
export interface SimNetworkOptions {
  /** Whether `send` and `onBytes` keep boundaries, as WebSocket does. Default `stream`. */
  readonly boundaries?: 'stream' | 'message';
  /** Whether what is sent under a cork may share a message. Default true; false where each send has to be one. */
  readonly pack?: boolean;
  /** What the transport says of itself. Default true. */
  readonly secure?: boolean;
  /** One-way delay, drawn anew for what is sent at the same moment; the order within a direction is kept. Default 1 to 20. */
  readonly latencyMs?: readonly [min: number, max: number];
  /** How fast a direction takes bytes up. Default `Infinity`. */
  readonly bytesPerMs?: number;
  /** `send` says false while this many bytes have not been delivered. Default 4096, small so that it happens often. */
  readonly highWaterBytes?: number;
  /** A wire whose writer doesn't listen and lets more than this wait is cut. Default 64 MiB. */
  readonly bufferedBytesMax?: number;
  /** How likely a delivery of a stream ends at a random byte. Default 0.5. */
  readonly chop?: number;
  /** How likely pieces of a stream that have arrived are delivered as one. Default 0.8. */
  readonly merge?: number;
  /** How likely an end lends its chunks; they are overwritten with 0xEE after `onBytes`. Default 0.5. */
  readonly lends?: number;
  /** How likely a dialer is open before anybody has taken the offer, as TCP's backlog does it. Default 0.5; never with messages. */
  readonly opensEarly?: number;
  /** How likely a dialer that isn't open yet hears why an offer was refused; it sees a reset otherwise. Default 1. */
  readonly tellsRefusal?: number;
  /** After this long without an answer a dial ends as `unreachable`. Default 3000. */
  readonly dialTimeoutMs?: number;
}

export type SimSettings = Required<SimNetworkOptions>;

/** The defaults: a network that delays, chops, merges, lends its chunks and opens early. Cuts and other faults come on demand. */
export const CRUEL: SimSettings = {
  boundaries: 'stream',
  pack: true,
  secure: true,
  latencyMs: [1, 20],
  bytesPerMs: Infinity,
  highWaterBytes: 4096,
  bufferedBytesMax: 64 << 20,
  chop: 0.5,
  merge: 0.8,
  lends: 0.5,
  opensEarly: 0.5,
  tellsRefusal: 1,
  dialTimeoutMs: 3000,
};

/** A network without whims, for tests that want to see one thing happen. Faults come on demand only. */
export const CALM: SimNetworkOptions = {
  latencyMs: [1, 1],
  highWaterBytes: 64 * 1024,
  chop: 0,
  merge: 1,
  lends: 0,
  opensEarly: 0,
};

/** What has happened so far. A fault whose count stays 0 proves nothing. */
export class SimCounts {
  dials = 0;
  unresolved = 0;
  refused = 0;
  unreachable = 0;
  mismatched = 0;
  offers = 0;
  /** Wires that both ends have opened. */
  opened = 0;
  /** Dialers that were open before anybody took the offer. */
  openedEarly = 0;
  closed = 0;
  destroyed = 0;

  cuts = 0;
  /** Cuts that one end hears of and the other doesn't, and those that neither does. */
  halfOpen = 0;
  silentCuts = 0;
  /** Cuts at a byte that somebody chose. */
  exactCuts = 0;
  lostBytes = 0;
  /** Bytes delivered, and ends told of a cut, when a newer wire between the same hosts was open already. */
  lateBytes = 0;
  lateCloses = 0;
  silences = 0;
  restarts = 0;
  /** What a stopped process could not take at its time. */
  held = 0;

  sends = 0;
  sentBytes = 0;
  chunks = 0;
  deliveredBytes = 0;
  chopped = 0;
  merged = 0;
  lent = 0;
  /** How often `send` said false, and how often `onDrain` came. */
  blocked = 0;
  drained = 0;
  probes = 0;
}
