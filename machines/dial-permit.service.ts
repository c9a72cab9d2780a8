import { fromCallback, type EventObject } from 'xstate';
import type { Opener } from './ports.js';

export type DialPermitEvent =
  | { type: 'redial.permitted'; opener: Opener; completed?: (() => void) | undefined } // `completed`: the handshake on that wire is done.
  | { type: 'redial.exhausted' };

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
  /** No further dial is permitted. */
  exhausted(): void;
}

/** The hub's side: permits a dial when backoff, budget and slots allow. The result withdraws the request. */
export type DialPermits = (request: DialPermitRequest) => () => void;

export interface DialPermitInput {
  readonly permits: DialPermits;
  readonly livedMs: number;
  readonly link?: LinkIndex | undefined;
}

/** Permission to dial as a service: a chart invokes it, the hub answers; leaving the state withdraws the request. */
export const dialPermitService = fromCallback<EventObject, DialPermitInput>(({ input: { permits, livedMs, link }, sendBack }) =>
  permits({
    livedMs,
    link,
    permitted: (opener, completed) => sendBack({ type: 'redial.permitted', opener, completed } satisfies DialPermitEvent),
    exhausted: () => sendBack({ type: 'redial.exhausted' } satisfies DialPermitEvent),
  }),
);
