import type { StreamCode } from '../../machines/streams/streams.messages.js';
import type { SessionStream } from './stream.js';

/** A stream that the peer asks for. Exactly one of `accept` and `refuse` is called. */
export interface Offer {
  readonly purpose: string;
  readonly target: string;
  /** Aborted when the peer, or the session, gives the stream up before it was answered. */
  readonly withdrawn: AbortSignal;
  accept(): SessionStream;
  refuse(code: StreamCode): void;
}
