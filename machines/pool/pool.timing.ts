/** Every limit and delay of the pool protocol, with its default and where that comes from. */
export interface PoolLimits {
  /** From the first dial, or an accepted wire, to a peer that said who it is. Default 10 s (the skip graph's `connect_timeout`). */
  readonly connectTimeoutMs: number;
  /** Silence after which a sign of life is asked for; 0 never asks. Default 60 s (the skip graph's `keepalive_interval`). */
  readonly keepaliveIntervalMs: number;
  /** How long that sign may take. Default 5 s; after the host slept 1.5 s. */
  readonly probeTimeoutMs: number;
  readonly wakeProbeTimeoutMs: number;
  /** A connection without messages either way for this long is closed; 0 keeps it. Default 0. */
  readonly idleTimeoutMs: number;
  /** Largest message either way. Default 16 MiB (without a bound four bytes could allocate 4 GiB). */
  readonly messageBytesMax: number;
  /** Messages waiting for the transport, each with 64 bytes of cost; at the bound `write` throws `queue-full`. Default 32 MiB. */
  readonly sendBytesMax: number;
  /** From here on `write` answers false. Default 1 MiB. */
  readonly sendBytesHigh: number;
  /** Delivered and not yet taken by the application; from here on the wire isn't read. Default 1 MiB. */
  readonly receiveBytesHigh: number;
  /** How long a closing connection may take to send what was written, and the peer to answer the goodbye. Default 3 s. */
  readonly closeGraceMs: number;
  /** How long a dial that lost against the peer's own waits for that one before it tries again. Chosen without measurement. */
  readonly yieldMs: number;
}

/** The pool's defaults: the skip graph's where it has any, else as `PoolLimits` says. */
export const POOL_LIMITS: PoolLimits = {
  connectTimeoutMs: 10_000,
  keepaliveIntervalMs: 60_000,
  probeTimeoutMs: 5_000,
  wakeProbeTimeoutMs: 1_500,
  idleTimeoutMs: 0,
  messageBytesMax: 16 << 20,
  sendBytesMax: 32 << 20,
  sendBytesHigh: 1 << 20,
  receiveBytesHigh: 1 << 20,
  closeGraceMs: 3_000,
  yieldMs: 3_000,
};
