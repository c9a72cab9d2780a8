/** Every limit and delay of rendezvous, with its default and where that comes from. `MAIDSAFE` is the code base that this protocol comes from. */
export interface RendezvousLimits {
  /** Life of an expectation, on the monotonic clock. Default 5 min (MAIDSAFE). */
  readonly expectationLifeMs: number;
  /** Expectations at once; beyond it the oldest lapses. Default 1000. */
  readonly expectationsMax: number;
  /** From a request to its response. Default 30 s, longer than `repeatFilterMs`. Chosen without measurement. */
  readonly askTimeoutMs: number;
  /** How long a peer that can't be dialed may take to dial us. Default 120 s: its own 90 s, and the way. */
  readonly awaitTimeoutMs: number;
  /** From a dial to an open wire. Default 90 s (MAIDSAFE). */
  readonly dialTimeoutMs: number;
  /** From an open wire to a verified Hello, on both sides. Default 60 s (MAIDSAFE). */
  readonly unidentifiedTimeoutMs: number;
  /** A second request of the same peer within this time is ignored. Default 20 s (MAIDSAFE). */
  readonly repeatFilterMs: number;
  /** Peers, and nonces, that the filter remembers; the oldest are forgotten first. Default 10 000. */
  readonly repeatFilterMax: number;
  /** How long a peer that broke the rules stays out. Default 5 min. */
  readonly banMs: number;
  readonly bansMax: number;
  /** After a round through all contacts without success: full jitter below a ceiling that doubles from `base` to `cap`. Defaults 500 ms, 30 s. */
  readonly bootstrapBaseMs: number;
  readonly bootstrapCapMs: number;
  /** How long `contacts()` may take in one round. Default 30 s, chosen without measurement. */
  readonly contactsTimeoutMs: number;
  /** How often a connected node asks around, half to one and a half of it. Default 30 s. */
  readonly refreshMs: number;
  /** It asks peers for others until it has so many. Default 8; it accepts up to `connectionsMax`. */
  readonly peersWanted: number;
  /** Connections at once. Default 1000. */
  readonly connectionsMax: number;
  /** Letters read from one connection: so many at once, and so many per second. Defaults 100 and 20: a signature takes 0.1 ms to verify. */
  readonly messagesBurst: number;
  readonly messagesPerSecond: number;
}

/** The defaults of all limits and delays. */
export const RENDEZVOUS_LIMITS: RendezvousLimits = {
  expectationLifeMs: 300_000,
  expectationsMax: 1000,
  askTimeoutMs: 30_000,
  awaitTimeoutMs: 120_000,
  dialTimeoutMs: 90_000,
  unidentifiedTimeoutMs: 60_000,
  repeatFilterMs: 20_000,
  repeatFilterMax: 10_000,
  banMs: 300_000,
  bansMax: 1000,
  bootstrapBaseMs: 500,
  bootstrapCapMs: 30_000,
  contactsTimeoutMs: 30_000,
  refreshMs: 30_000,
  peersWanted: 8,
  connectionsMax: 1000,
  messagesBurst: 100,
  messagesPerSecond: 20,
};

/** Ids told to a peer that asks whom we know. */
export const INTRODUCTIONS_MAX = 64;
/** The number of peers that a letter is sent through when none is known to have a route. */
export const ROUTES_MAX = 3;
