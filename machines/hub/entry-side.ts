import type { Desk } from './desk.js';

/** What an entry needs of the desk. */
export type DeskSide = Pick<
  Desk,
  | 'ports'
  | 'pool'
  | 'budget'
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
  | 'forgetLanes'
  | 'metrics'
  | 'places'
  | 'reception'
  | 'queue'
>;
