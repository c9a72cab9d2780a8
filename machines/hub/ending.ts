import type { Closing } from '../closing.js';
import type { Connection } from '../connection/connection-handle.js';
import type { Protocol, SessionPlane } from '../protocol.js';
import type { ConnectRequest } from './connect-request.js';
import type { RedialState } from './dial/redial-state.js';
import type { EndingFacts } from './hub-state.js';

/** The facts that decide about a connection's end. */

/** Endings that say nothing about whether the peer can be reached: another connection to it took, or is to take, the place. */
export const SUPERSEDED: ReadonlySet<string> = new Set(['replaced', 'lost-tie-break']);

interface EndedConnection {
  readonly keep: ConnectRequest['keep'];
  readonly hasCallers: boolean;
  readonly successor: object | undefined;
  readonly redials: RedialState;
  readonly protocol: Protocol<unknown>;
}

export function endingFacts(
  { keep, hasCallers, successor, redials, protocol }: EndedConnection,
  closing: Closing,
  isServing: boolean,
): EndingFacts {
  return {
    closing,
    isServing,
    keep,
    hasCallers,
    hasSuccessor: successor !== undefined,
    hasUntriedAddress: redials.mayGoOn(closing),
    protocolSays: keep === 'always' ? protocol.redialAfter?.(closing) : undefined,
  };
}

/** A message went either way, or the peer has come back before. */
export function hasServed(plane: SessionPlane<unknown> | undefined): boolean {
  if (plane === undefined) return false;
  const { received = 0, resumes = 0 } = plane.stats;
  return plane.acknowledged > 0 || received > 0 || resumes > 0;
}

/** The closing itself, which leads to the successor for those who read the deprecated `detail.successor`; it stays plain data. */
export function followedBy(how: Closing, successor: Connection | undefined): Closing {
  if (successor === undefined || how.detail === undefined) return how;
  Object.defineProperty(how.detail, 'successor', { value: successor, enumerable: false });
  return how;
}
