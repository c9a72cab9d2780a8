import type { Closing } from '../closing.js';
import type { ApiState } from '../connection/api-state.js';
import type { Role } from '../tie-break.js';
import { afterEnding } from './dial/redial-policy.js';

/**
 * The hub's decisions, as pure functions of plain facts: nothing is read from a live table here and nothing is done.
 * The hub's actions gather the facts of an event, and carry out what these functions return.
 */

/** Two connections to one peer: keep the current one, put the newcomer in its place, or wait for the peer's decision. */
export type TieDecision = 'keep' | 'replace' | 'wait';

/** An accepted wire that names a peer to which there is a connection, or an attempt, already. */
export interface MeetingFacts {
  /** Of the connection that is there. */
  readonly role: Role;
  readonly state: ApiState;
  readonly isCompleted: boolean;
  /** Our dial has reached a host. */
  readonly hasReached: boolean;
  /** Milliseconds since a dial of the peer was first refused because of it; undefined where none was. */
  readonly crossedForMs: number | undefined;
  /** The result of the protocol's tie rule; see `crossing`. */
  readonly rule: TieDecision;
  /** The newest of two connections stays, by our decision (SHIP's `mostRecent`). */
  readonly newestStays: boolean;
  /** The peer asks who is here: a completed connection is not replaced for that. */
  readonly isInquiry: boolean;
  /** The newcomer has said something that a session can begin with. */
  readonly hasOpening: boolean;
}

/**
 * The decision about an accepted wire. `await-first-bytes`: a peer with a rule of its own may keep the wire that we dialed, and then it drops its
 * own without a word; were ours dropped at once, both would be gone. So ours stays until something has come over the peer's.
 * `probe-and-refuse`: the current connection is asked for a sign of life, and the newcomer is refused.
 * @rule SHIP-11
 */
export type MeetingDecision = 'refuse' | 'probe-and-refuse' | 'wait' | 'await-first-bytes' | Replacement;

/** How the peer's newer wire takes the place of the current connection. */
export type Replacement = 'take-over-attempt' | 'replace-connection';

/**
 * The rule of ties decides, but for two cases: our own dial has said nothing yet, so that the peer can't have compared it; or
 * the peer has waited for the current one, in vain, and dials again. @rule POOL-4
 */
export function decideMeeting(facts: MeetingFacts, retryAfterMs: number): MeetingDecision {
  const tie = facts.isCompleted && facts.isInquiry ? 'keep' : decideTie(facts, retryAfterMs);
  if (tie === 'wait') return 'wait';
  if (tie === 'keep') return facts.isCompleted ? 'probe-and-refuse' : 'refuse';
  const isOurs = facts.role === 'dialer' && !(facts.state === 'initiated' && !facts.hasReached);
  if (facts.newestStays && isOurs) return 'await-first-bytes';
  return decideReplacement(facts);
}

export function decideReplacement({ role, state }: Pick<MeetingFacts, 'role' | 'state'>): Replacement {
  const isAttempt = role === 'dialer' && (state === 'initiated' || state === 'inProgress');
  return isAttempt ? 'take-over-attempt' : 'replace-connection';
}

function decideTie({ rule, state, hasReached, hasOpening, crossedForMs }: MeetingFacts, retryAfterMs: number): TieDecision {
  if (rule === 'wait' && state === 'initiated' && !hasReached) return 'replace'; // The peer can't know of our dial.
  if (rule !== 'keep') return rule;
  const isUnread = state === 'initiated' && hasOpening;
  const hasWaited = crossedForMs !== undefined && crossedForMs >= retryAfterMs;
  return isUnread || hasWaited ? 'replace' : 'keep';
}

/** An attempt or a connection that has ended, and who still wants one. */
export interface EndingFacts {
  readonly closing: Closing;
  readonly isServing: boolean;
  readonly keep: 'always' | 'retries' | undefined;
  readonly hasCallers: boolean;
  /** A new session waits to take the place of one that the peer has lost. */
  readonly hasSuccessor: boolean;
  /** The peer has an address that this attempt has not tried, and the ending says nothing against it. */
  readonly hasUntriedAddress: boolean;
  /** The protocol's decision about this ending for a registered peer; undefined: the hub's own table counts. */
  readonly protocolSays: 'next' | 'longest' | 'never' | undefined;
}

/** When a kept peer is dialed after an ending: by the policy's next wait, by its longest one, or not. @rule DIAL-5 */
export function decideRedial({ closing, keep, hasSuccessor, protocolSays }: EndingFacts): 'next' | 'longest' | 'never' {
  if (hasSuccessor) return closing.retry ? 'next' : 'never';
  if (keep === 'always' && protocolSays !== undefined) return protocolSays;
  return afterEnding(keep === 'always' ? 'register' : 'retry', closing) === 'stays' ? 'never' : 'next';
}

/** Whether another attempt follows. */
export function decideRetry(facts: EndingFacts): boolean {
  if (!facts.isServing) return false;
  const isWanted = facts.keep !== undefined || facts.hasSuccessor;
  if (isWanted && decideRedial(facts) !== 'never') return true;
  return (facts.hasCallers || isWanted) && facts.hasUntriedAddress;
}

/** Whether waiting callers fail with this ending: `mayDialAnew`, they want the next connection. */
export function decideCallersFail(facts: EndingFacts, mayDialAnew: boolean): boolean {
  if (mayDialAnew) return !facts.isServing;
  return !(decideRetry(facts) && (facts.closing.retry || facts.hasUntriedAddress));
}
