/**
 * A plane is the pure half of a session: bytes and messages in, bytes and messages out.
 * It never reads a clock, opens a socket or sends an event. `handle*` feeds it, `poll*` empties it,
 * plain verbs are commands of its chart. Links are numbered from 0; a session with one wire uses link 0.
 */
export interface Plane<Message, Signal> {
  /** A new wire carries this link from here on; whatever was half read from the one before is forgotten. */
  attach(link: number, now: number): void;
  detach(link: number, now: number): void;

  /** Accept a chunk; nothing is interpreted until `step`. `lent`: the chunk is only valid until the pump returns. */
  handleBytes(link: number, bytes: Uint8Array, lent: boolean): void;
  /** Interpret at most one frame. The chart may act between two steps. Asked again when idle, it changes nothing. */
  step(now: number): Step;
  /** `step` and `pollMessage` in one, where the next frame is a message and nothing else follows from it. Undefined: ask `step`. */
  nextMessage?(now: number): Message | undefined;
  handleTimeout(now: number): void;
  /** When `handleTimeout` wants to be called; `undefined` when it doesn't. */
  nextTimeout(): number | undefined;
  /** How much earlier than `nextTimeout` a call is as good, so that many can be handled at once. Default 0. */
  readonly timeoutSlackMs?: number;

  /**
   * Take over a message; throws `SessionError` where it can't. The caller's buffer is free again on return. `prompt`: the caller waits
   * for the acknowledgement. `encoded`: its encoding, where the caller has it already. `isShared`: other sessions have the same message,
   * which never changes, so that a reference to it will do.
   */
  write(message: Message, prompt?: boolean, encoded?: Uint8Array, isShared?: boolean): Room;
  /**
   * The next bytes for a link; they stay unchanged until the wire has written them. Several frames at once are no more than
   * `pieceBytesMax` together, where the wire has such a bound.
   */
  pollTransmit(link: number, now: number, pieceBytesMax?: number): Uint8Array | undefined;
  pollMessage(): Message | undefined;
  /** Rare news for the chart: a hello, a goodbye, a violation, a link gone silent. */
  pollSignal(): Signal | undefined;
  /** Whether a waiting writer may go on. */
  hasRoom(): boolean;

  /** Where a protocol has no credit of its own: the application is too far behind, its wires must not be read. */
  readonly isFull?: boolean;
  /** Where a protocol can't ask for a sign of life itself: silence after which the system below is to ask. */
  readonly keepAliveMs?: number | undefined;
  /** Where the transport has a sign of life of its own (WebSocket ping): whether one is due on this link, and that it was answered. */
  pollProbe?(link: number): boolean;
  handlePong?(link: number, now: number): void;
  /** The code and reason with which a wire is closed, where the transport has any. */
  readonly farewell?: Farewell | undefined;
}

/** A WebSocket's close code and reason. */
export interface Farewell {
  readonly code: number;
  readonly reason: string;
}

/** The result of one step: nothing left to read, nothing to report, a message for the application, a signal for the chart. */
export type Step = 'idle' | 'quiet' | 'message' | 'signal';

/** After a write: go on; enough has gathered, transmit now; accepted, but wait for `drained`. */
export type Room = 'room' | 'flush' | 'wait';
