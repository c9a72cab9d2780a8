/** Every limit and delay of SHIP, with its default and where that comes from (SHIP TS 1.0.1; ship-go 2024 where it says so). */
export interface ShipTiming {
  /** Connection mode initialisation. Default 10 s (13.4.3; the standard allows 10 to 30 s). */
  readonly initTimeoutMs: number;
  /** How long each side waits for the other's trust, and what it says so. Default 60 s (13.4.4.1, T_hello_init). */
  readonly helloWaitMs: number;
  /** The time that a granted prolongation adds. Default 60 s (13.4.4.1, T_hello_inc). */
  readonly helloProlongMs: number;
  /** More time is requested so long before the peer's patience ends. Default 15 s (13.4.4.1, T_hello_prolong_waiting_gap). */
  readonly helloProlongAheadMs: number;
  /** A peer that waits for less than this is not asked for more. Default 30 s (13.4.4.1, T_hello_prolong_thr_inc). */
  readonly helloProlongThresholdMs: number;
  /** The shortest wait before asking for more. Default 1 s (13.4.4.1, T_hello_prolong_min). */
  readonly helloProlongMinMs: number;
  /** From `aborted` to the end of the connection, so that the peer reads it. Default 1 s (ship-go). */
  readonly abortDelayMs: number;
  /** Each step of the protocol handshake. Default 10 s (13.4.4.2). */
  readonly protocolTimeoutMs: number;
  /** Until the peer's PIN state. Default 10 s; chosen as for its neighbours, ship-go has none and hangs. */
  readonly pinTimeoutMs: number;
  /**
   * How long completion waits for the peer's SHIP id. Data flows meanwhile, and without an id the connection completes then
   * nevertheless. Default 1 s (the standard has no limit).
   */
  readonly accessTimeoutMs: number;
  /** From the announcement of a close to the close. Default 500 ms (13.4.7). */
  readonly closeTimeoutMs: number;
  /** A WebSocket ping this often, and the end when no pong came for so long. Defaults 50 s and 60 s (ship-go). */
  readonly pingIntervalMs: number;
  readonly pongTimeoutMs: number;
  /** How long a pong may take after the host slept. Default 1.5 s: the application waits already. */
  readonly wakePongTimeoutMs: number;
}

/** The standard's delays, or ship-go's where it has none; each with its source in `ShipTiming`. */
export const SHIP_TIMING: ShipTiming = {
  initTimeoutMs: 10_000,
  helloWaitMs: 60_000,
  helloProlongMs: 60_000,
  helloProlongAheadMs: 15_000,
  helloProlongThresholdMs: 30_000,
  helloProlongMinMs: 1_000,
  abortDelayMs: 1_000,
  protocolTimeoutMs: 10_000,
  pinTimeoutMs: 10_000,
  accessTimeoutMs: 1_000,
  closeTimeoutMs: 500,
  pingIntervalMs: 50_000,
  pongTimeoutMs: 60_000,
  wakePongTimeoutMs: 1_500,
};

/** Bounds of messages and queues. */
export interface ShipLimits {
  /** Largest message either way. Default 100 KiB (ship-go 2025). */
  readonly messageBytesMax: number;
  /** Messages that wait for the transport; at the bound `write` throws `queue-full`. Default 4 MiB. */
  readonly sendBytesMax: number;
  /** From here on `write` answers false. Default 512 KiB. */
  readonly sendBytesHigh: number;
  /** Delivered and not yet taken by the application; from here on the wire isn't read. Default 1 MiB. */
  readonly receiveBytesHigh: number;
}

/** The defaults of what may wait, and how large it may be; `ShipLimits` says where they come from. */
export const SHIP_LIMITS: ShipLimits = {
  messageBytesMax: 100 << 10,
  sendBytesMax: 4 << 20,
  sendBytesHigh: 512 << 10,
  receiveBytesHigh: 1 << 20,
};
