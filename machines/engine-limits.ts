/** Limits of one engine, over all its connections. Each says what happens when it is reached. */
export interface EngineLimits {
  /** Connections of all kinds, suspended ones included. Default: the protocol's own (100 000 for resume, 1000 for pool). */
  readonly connectionsMax?: number;
  /** Accepted wires that have not said who they are; beyond it the oldest gives way. Default 1024; 16 per address except loopback. */
  readonly openingsMax?: number;
  readonly openingsPerAddressMax?: number;
  /**
   * Accepted sessions from one address that have proven nothing (no identity, no message, no return) and whose peer isn't there;
   * beyond it the oldest ends `limit-reached`. Default 64; four times as many from loopback.
   */
  readonly unprovenPerAddressMax?: number;
  /** Dials under way at once. Default 64; at most three quarters of them to one place, an eighth where the last dial failed. */
  readonly pendingDialsMax?: number;
  /**
   * The dial budget: so many dials at once, and so many more each second; further ones wait. A dial that is answered, also by
   * a refusal, gives its token back, so this bounds what the dead cost and not what the living do. Defaults 100 and 20; a
   * `perSecond` of 0 adds none, and what the dead took is gone.
   */
  readonly burst?: number;
  readonly perSecond?: number;
  /** The same for each place that is dialed. Default: half of the above. */
  readonly burstPerTarget?: number;
  readonly perSecondPerTarget?: number;
  /** Accepted connections that `incoming` holds for the application; more are refused `busy`. Default 64. */
  readonly incomingMax?: number;
  /** Accepted connections by one proven identity; more are refused `limit-reached`. Default 1024. */
  readonly connectionsPerPeerMax?: number;
  /** Bytes that all connections together hold for their peers; beyond it sends fail `queue-full`. Default 1 GiB. */
  readonly bytesQueuedMax?: number;
}
