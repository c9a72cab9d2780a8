/** Every limit and delay of an NCP session, with its default and where that comes from. */
export interface NcpLimits {
  /** Bytes that may wait here unread by the application; announced to the peer. Default 4 MiB, as in the original. */
  readonly windowBytes: number;
  /** Largest data field either way; the smaller of both sides' counts for what is sent. Default 1300, Tuna's. */
  readonly mtu: number;
  /** False: each write is one packet and one message of at most `mtu` bytes. Default true. */
  readonly isStream: boolean;
  /**
   * Written, and neither acknowledged in a row nor read by the peer's application; at the bound `write` throws `queue-full`. `write` answers
   * false where less than a quarter of it is free, or less than the last piece had. Default 8 MiB.
   */
  readonly sendBytesMax: number;
  /**
   * Of bytes that were written and not yet sent, from here on `write` answers false, until they are half of it. Bytes on their way
   * don't count: the window bounds those. Default an eighth of `sendBytesMax`, 1 MiB.
   */
  readonly sendBytesHigh: number;
  /** Packets under way at once, and packets that may come early. Default: enough for the window, twice. */
  readonly packetsMax: number;
  /** How long an acknowledgement may wait for company. Default 25 ms; the original's is 50. */
  readonly ackDelayMs: number;
  /**
   * Towards an original: how long after its packet an acknowledgement goes out, less what the way takes by itself. Its retransmission
   * timeout, which is its socket's deadline too, is three times the round trips it sees. Default 60 ms.
   */
  readonly originalAckMs: number;
  readonly rtoInitialMs: number;
  readonly rtoMinMs: number;
  readonly rtoMaxMs: number;
  /** Until it is answered, the handshake is said again this often. Default 500 ms, chosen without measurement. */
  readonly handshakeRepeatMs: number;
  /** News of what was read, where no acknowledgement brings it: not later than this. Default 100 ms, as in the original. */
  readonly readNewsMs: number;
  /** It is not acknowledged, so it is repeated after this and then ever more rarely up to `readRepeatMaxMs`. 1 s, 30 s. */
  readonly readRepeatMs: number;
  readonly readRepeatMaxMs: number;
  /** A sender without window asks this often whether there is some. Default 500 ms, doubling up to 2.5 s. */
  readonly persistMs: number;
  readonly persistMaxMs: number;
  /** The close is said again this often, until the connections are gone. Default 300 ms. */
  readonly closeRepeatMs: number;
  /**
   * A close waits until the peer's application has read everything; one that has all of it, and reads nothing for so long, is waited
   * for no more. Default 5 s, chosen without measurement.
   */
  readonly readLingerMs: number;
  /** Silence after which a link is asked for a sign of life, and how long that may take. Defaults 5 s + 5 s; 0 never asks. */
  readonly idleMs: number;
  readonly probeTimeoutMs: number;
}

export const NCP_LIMITS: NcpLimits = {
  windowBytes: 4 << 20,
  mtu: 1300,
  isStream: true,
  sendBytesMax: 8 << 20,
  sendBytesHigh: 1 << 20,
  packetsMax: 8192,
  ackDelayMs: 25,
  originalAckMs: 60,
  rtoInitialMs: 1000,
  rtoMinMs: 200,
  rtoMaxMs: 10_000,
  handshakeRepeatMs: 500,
  readNewsMs: 100,
  readRepeatMs: 1000,
  readRepeatMaxMs: 30_000,
  persistMs: 500,
  persistMaxMs: 2500,
  closeRepeatMs: 300,
  readLingerMs: 5000,
  idleMs: 5000,
  probeTimeoutMs: 5000,
};

/** Limits that a Tuna session adds: links come and go, the session stays. */
export interface TunaLimits extends NcpLimits {
  /** Links side by side. Default 4, the original's `NumTunaListeners`. */
  readonly numTunaListeners: number;
  /** How long a session may be without any link. Default 60 s. */
  readonly reconnectWindowMs: number;
  /** From the first dial, or the first wire, to a session that both sides know. Default 10 s. */
  readonly handshakeTimeoutMs: number;
  /** From an opened wire to the peer's first valid packet. Default 5 s, chosen without measurement. */
  readonly openingTimeoutMs: number;
  /** How long a close may take, whatever it waits for. Default 60 s; the original's 1 s loses what is queued. */
  readonly lingerMs: number;
  /** How long a close is said before the wires are closed. Default 1 s. */
  readonly closeGraceMs: number;
  /** After a close from the peer: how long bytes in order may still come on slower links. Default 200 ms. */
  readonly gapGraceMs: number;
  /** Before fresh addresses are asked for again. Default 2 s, the original's `ReconnectInterval`. */
  readonly reconnectIntervalMs: number;
  /**
   * A wire that has carried packets for this long ends its link's row of dials; after one that dies sooner the wait is longer each
   * time. Default 100 ms, chosen without measurement.
   */
  readonly settledMs: number;
  /** A sign of life after the host slept. Default 1500 ms: the application waits already. */
  readonly wakeProbeTimeoutMs: number;
}

/** The defaults of Tuna sessions, each with its source in `TunaLimits`. */
export const TUNA_LIMITS: TunaLimits = {
  ...NCP_LIMITS,
  numTunaListeners: 4,
  reconnectWindowMs: 60_000,
  handshakeTimeoutMs: 10_000,
  openingTimeoutMs: 5_000,
  lingerMs: 60_000,
  closeGraceMs: 1_000,
  gapGraceMs: 200,
  reconnectIntervalMs: 2_000,
  settledMs: 100,
  wakeProbeTimeoutMs: 1_500,
};
