import type { RedialPolicy } from '../../backoff.js';

/** The policy allows no further retry; or as many keys wait as the queue can hold. */
export type GiveUpReason = 'retries' | 'full';

export interface DialRequest {
  /** Whose row of attempts this is; each link of a session with several has a key of its own. */
  readonly key: string;
  /** Higher goes first, `WITHIN_WINDOW` before all. A lower one waits as long as the hub has something better to do. */
  readonly priority: number;
  /** The place that is dialed, whose budget counts too; without it, the hub's alone. */
  readonly target?: string | undefined;
  /** Connections in a row that were over as soon as they had begun; the row begins with as many failed dials. Default 0. */
  readonly streak?: number;
  /** The next address of an attempt under way: no dial of its own in the row, and without a wait. Default false. */
  readonly goesOn?: boolean;
  /** Not before this many milliseconds have passed, whatever the policy says. Default 0. */
  readonly delayMs?: number;
  readonly policy: RedialPolicy;
  /** How long the wire had lived whose loss began the row; absent where there was none. Only the first of a row is asked. */
  readonly livedMs?: number | undefined;
  /** Dial now; `dialEnded` frees the slot. */
  permit(): void;
  giveUp(reason: GiveUpReason): void;
}

export interface DialTicket {
  /** Withdraws the request: neither callback comes any more. Without effect on a permitted dial. */
  cancel(): void;
  /** Place among all that wait to dial, from 1; `undefined` once answered or withdrawn. */
  place(): number | undefined;
  /** Milliseconds until the backoff is over; 0 in line and ever after. */
  readonly nextDelayMs: number;
}
