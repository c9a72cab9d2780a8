import { fromCallback, type EventObject } from 'xstate';
import type { Opener } from './ports.js';

export type GrantEvent = { type: 'redial.granted'; opener: Opener } | { type: 'redial.given-up' };

/** Somebody who wants to dial, and what the hub should know about it. */
export interface GrantRequest {
  /** How long the wire before this attempt had carried the session; 0 when there was none. */
  readonly livedMs: number;
  granted(opener: Opener): void;
  givenUp(): void;
}

/** The hub's side: answers when backoff, budget and slots allow. The result withdraws the request. */
export type GrantDesk = (request: GrantRequest) => () => void;

export interface GrantInput {
  readonly desk: GrantDesk;
  readonly livedMs: number;
}

/** Permission to dial as a service that a chart invokes: the chart asks, the hub grants; leaving the state withdraws. */
export const grantService = fromCallback<EventObject, GrantInput>(({ input: { desk, livedMs }, sendBack }) =>
  desk({
    livedMs,
    granted: (opener) => sendBack({ type: 'redial.granted', opener } satisfies GrantEvent),
    givenUp: () => sendBack({ type: 'redial.given-up' } satisfies GrantEvent),
  }),
);
