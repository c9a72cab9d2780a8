import type { Opener } from './ports.js';

/** Permits to dial, which the hub gives: the terms in which they are asked for. `redial.service.ts` asks. */

/** One of several wires of a session. Each link has its own sequence of attempts, and may have its own address. */
export interface LinkIndex {
  readonly index: number;
  /** Default: the target of the connection with this index; with one target, that one. */
  readonly address?: string | undefined;
}

/** A request for permission to dial, with the facts that the hub needs to schedule it. */
export interface DialPermitRequest {
  /** How long the previous wire carried the session; 0 when there was none. */
  readonly livedMs: number;
  readonly link?: LinkIndex | undefined;
  /** `completed` ends the sequence of attempts. A session with one wire need not call it: its connection does. */
  permitted(opener: Opener, completed?: () => void): void;
  /** No further dial is permitted: the attempts are exhausted. */
  exhausted(): void;
}

/** The hub's side: permits a dial when backoff, budget and slots allow. The result withdraws the request. */
export type DialPermits = (request: DialPermitRequest) => () => void;
