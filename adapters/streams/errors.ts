import { CLOSINGS, type Closing, type ClosingCode } from '../../machines/closing.js';
import type { StreamCode } from '../../machines/streams/streams.messages.js';

const WORDS: Readonly<Record<StreamCode, string>> = {
  cancelled: 'The other side gave the stream up.',
  busy: 'The other side takes no more streams at the moment.',
  'unknown-purpose': 'The other side does not serve streams of this purpose.',
  refused: 'The far target refused the connection.',
  unreachable: 'The far target could not be reached.',
  timeout: 'The far target did not answer in time.',
  'resolve-failed': 'The name of the far target has no address.',
  reset: 'The far target reset the connection.',
  forbidden: 'The other side does not allow it.',
  failed: 'The other side failed.',
};

/** Why a stream was refused, was reset, or ended with its session (then `code` is the closing's and `cause` the closing). */
export class StreamError extends Error {
  override readonly name = 'StreamError';
  constructor(
    readonly code: StreamCode | ClosingCode,
    options?: ErrorOptions,
  ) {
    super(code in WORDS ? WORDS[code as StreamCode] : CLOSINGS[code as ClosingCode].happened, options);
  }
}

/** The error of a stream whose session has ended. @rule STR-6 */
export function endedBy(closing: Closing): StreamError {
  return new StreamError(closing.code, { cause: closing });
}
