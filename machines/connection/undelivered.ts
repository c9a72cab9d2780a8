import { UndeliveredError } from '../errors.js';
import type { Closing, ClosingDetail } from '../closing.js';
import type { SessionPlane } from '../protocol.js';

/** A closing that names the messages left behind: those that may have arrived, and those that were never sent. */
export function withRanges<Message>(cause: Closing, plane: SessionPlane<Message>): Closing {
  const { accepted, handed, acknowledged, taken, fate } = plane;
  if (fate !== undefined && cause.code === 'peer-lost-session') return { ...cause, detail: { ...cause.detail, ...fate } };
  const certain = taken ?? acknowledged;
  const detail: ClosingDetail = {
    ...cause.detail,
    ...(handed > certain ? { unknown: { from: certain + 1, to: handed } } : {}),
    ...(accepted > handed ? { unsent: { from: handed + 1, to: accepted } } : {}),
  };
  return Object.keys(detail).length === 0 ? cause : { ...cause, detail };
}

const UNDELIVERED = {
  expired: 'The message was not sent in time.',
  failed: 'The message was not sent.',
  unknown: 'The message was sent, but its arrival was not confirmed.',
};

/** The rejection of a `send` that the end of its connection has caught. */
export function undelivered(code: 'expired' | 'failed' | 'unknown', closing: Closing): UndeliveredError {
  return new UndeliveredError(code, `${UNDELIVERED[code]} ${closing.reason}`, { cause: closing });
}
