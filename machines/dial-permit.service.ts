import { fromCallback, type EventObject } from 'xstate';
import type { Opener } from './ports.js';

export type DialPermitEvent =
  | { type: 'redial.granted'; opener: Opener; completed?: (() => void) | undefined } // `completed`: the handshake on that wire is done.
  | { type: 'redial.given-up' };

/** One of several wires that a session has side by side; each has its own row of attempts, and may have its own address. */
export interface LinkIndex {
  readonly index: number;
  /** Default: of the targets of the connection, the one with this index; with one target, that one. */
  readonly address?: string | undefined;
}

/** Somebody who wants to dial, and what the hub should know about it. */
export interface DialPermitRequest {
  /** How long the wire before this attempt had carried the session; 0 when there was none. */
  readonly livedMs: number;
  readonly lane?: LinkIndex | undefined;
  /** `completed` ends the row of attempts; who dials one wire at a time need not call it, its connection does. */
  granted(opener: Opener, completed?: () => void): void;
  givenUp(): void;
}

/** The hub's side: answers when backoff, budget and slots allow. The result withdraws the request. */
export type DialPermits = (request: DialPermitRequest) => () => void;

export interface DialPermitInput {
  readonly desk: DialPermits;
  readonly livedMs: number;
  readonly lane?: LinkIndex | undefined;
}

/** Permission to dial as a service that a chart invokes: the chart asks, the hub grants; leaving the state withdraws. */
export const dialPermitService = fromCallback<EventObject, DialPermitInput>(({ input: { desk, livedMs, lane }, sendBack }) =>
  desk({
    livedMs,
    lane,
    granted: (opener, completed) => sendBack({ type: 'redial.granted', opener, completed } satisfies DialPermitEvent),
    givenUp: () => sendBack({ type: 'redial.given-up' } satisfies DialPermitEvent),
  }),
);
