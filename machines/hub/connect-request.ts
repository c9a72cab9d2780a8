import type { Closing } from '../closing.js';
import type { Connection, Handle } from '../connection/connection-handle.js';
import type { Session } from '../protocol.js';
import type { ConnectRequest, Desk } from './connection-manager.js';

/** What an entry needs of the desk. */
export type DeskSide = Pick<
  Desk,
  | 'ports'
  | 'pool'
  | 'budget'
  | 'ids'
  | 'isServing'
  | 'grant'
  | 'tell'
  | 'began'
  | 'rivalOf'
  | 'identified'
  | 'yielded'
  | 'completed'
  | 'ended'
  | 'resumed'
  | 'bury'
  | 'revive'
  | 'forgetLanes'
  | 'metrics'
  | 'places'
  | 'reception'
  | 'queue'
>;

/** A caller that waits for a connection to complete. */
export interface Caller {
  connected(handle: Handle<unknown>): void;
  failed(closing: Closing): void;
  /** Set while it waits: how it gives up. */
  withdraw?: () => void;
}

/** How an entry is to be reached, and how long it is to be tried. The last request counts. */
export type Wish = Pick<ConnectRequest, 'targets' | 'peer' | 'dialOptions'>;

/** Endings that say nothing about whether the peer can be reached: another connection to it took, or is to take, the place. */
export const SUPERSEDED: ReadonlySet<string> = new Set(['replaced', 'lost-tie-break']);

/** A session, and what the application holds of it. */
export interface Made {
  readonly session: Session<unknown>;
  readonly handle: Handle<unknown>;
}

/** Ends a handle whose session was called off before it was dialed. */
export function callOff(handle: Handle<unknown>, cause: Closing): void {
  handle.pump.stop();
  handle.end(cause);
  handle.changeState('none');
  handle.retire();
}

/** The closing itself, which leads to the successor for those who read the deprecated `detail.successor`; it stays plain data. */
export function followedBy(how: Closing, successor: Connection | undefined): Closing {
  if (successor === undefined || how.detail === undefined) return how;
  Object.defineProperty(how.detail, 'successor', { value: successor, enumerable: false });
  return how;
}
