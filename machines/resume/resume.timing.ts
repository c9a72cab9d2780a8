/** Every limit and delay of the resume protocol, with its default and where that comes from. */
export interface ResumeLimits {
  /** How long a session may be without a wire. Both sides' minimum counts. Default 60 s (the original's 5 s was too short for slow hosts). */
  readonly reconnectWindowMs: number;
  /** From the first dial, or the first hello, to a session that both sides know. Default 10 s. */
  readonly handshakeTimeoutMs: number;
  /** From an opened wire to the peer's verified hello. Default 5 s, chosen without measurement. */
  readonly helloTimeoutMs: number;
  /** From a goodbye to its acknowledgement. Default 3 s (RES-19). */
  readonly closeGraceMs: number;
  /** Messages waiting for acknowledgement, each with 64 bytes of cost. Default 4 MiB; at the bound `write` throws `queue-full`. */
  readonly sendBytesMax: number;
  /** From here on `write` answers false. Default half of `sendBytesMax`. */
  readonly sendBytesHigh: number;
  /** Delivered to this side and not yet taken by the application; the peer's credit. Default 4 MiB. */
  readonly receiveBytesMax: number;
  /** Largest message either way; both sides' minimum counts. Default 1 MiB. */
  readonly messageBytesMax: number;
  /** Cost received after which an acknowledgement is due at once. Default 512 KiB: each one costs its sender a write, and wakes the peer. */
  readonly ackEveryBytes: number;
  /** How long an acknowledgement may wait for company. Default 20 ms. */
  readonly ackDelayMs: number;
  /** Silence after which a sign of life is asked for, and how long it may take. Defaults 5 s + 5 s; 0 for `idleMs` never asks. A dialer asks up to a tenth of it earlier, so that one side asks and not both. */
  readonly idleMs: number;
  readonly probeTimeoutMs: number;
  /** The same after the host slept. Default 1500 ms: the application waits already. */
  readonly wakeProbeTimeoutMs: number;
}

/** The defaults of the resume protocol, each with its source in `ResumeLimits`. */
export const RESUME_LIMITS: ResumeLimits = {
  reconnectWindowMs: 60_000,
  handshakeTimeoutMs: 10_000,
  helloTimeoutMs: 5_000,
  closeGraceMs: 3_000,
  sendBytesMax: 4 << 20,
  sendBytesHigh: 2 << 20,
  receiveBytesMax: 4 << 20,
  messageBytesMax: 1 << 20,
  ackEveryBytes: 512 << 10,
  ackDelayMs: 20,
  idleMs: 5_000,
  probeTimeoutMs: 5_000,
  wakeProbeTimeoutMs: 1_500,
};
