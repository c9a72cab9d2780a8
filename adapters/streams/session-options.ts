import type { StreamsLimits } from '../../machines/streams/streams.messages.js';
import { amount, callable, checkOptions, count, members, numeric, optional } from '../options.js';

/** Limits of the streams of one session; `STREAMS_LIMITS` are the defaults. */
export interface StreamSessionOptions {
  readonly limits?: Partial<StreamsLimits>;
  /** Monotonic milliseconds; for tests. */
  readonly now?: () => number;
}

/** How a stream session is closed. */
export interface CloseOptions {
  /** Does not wait for data on its way. */
  readonly now?: boolean;
  /**
   * How long it waits for data on its way, in milliseconds: for sessions whose ends have confirmed to each other all that
   * matters. Default: as long as the connection does, which a lost link may delay for its whole window.
   */
  readonly graceMs?: number;
}

const OPTIONS = members({
  limits: optional(
    members({
      streamsMax: optional(count),
      pendingMax: optional(count),
      windowBytes: optional(count),
      windowBytesMin: optional(count),
      grantsBytesMax: optional(count),
      sendBytesMax: optional(count),
      sendBytesHigh: optional(amount),
      chunkBytes: optional(
        numeric('a whole number from 1 to 65536', (bytes) => Number.isInteger(bytes) && bytes > 0 && bytes <= 1 << 16),
      ),
    }),
  ),
  now: optional(callable),
});

/** @throws SessionError `bad-option` */
export function checkSessionOptions(options: unknown): void {
  checkOptions('StreamSession', OPTIONS, options);
}
