import { fromCallback, type EventObject } from 'xstate';
import type { SessionHandle } from './session-handle.js';

/** To a session's chart. The session's handle keeps the wire's opener until the chart uses it. */
export type RedialEvent = { type: 'redial.permitted' } | { type: 'redial.exhausted' };

/** `link`: which of several wires that a session has side by side; one that has a single wire names none. */
export interface RedialInput {
  readonly session: Pick<SessionHandle, 'requestDial'>;
  readonly link?: number;
  readonly address?: string | undefined;
}

/** Permission to dial for a session that has lost a wire (see `dial-permits.ts`): how long that one had lived, its handle knows. */
export const redialService = fromCallback<EventObject, RedialInput>(({ input: { session, link, address }, sendBack }) =>
  session.requestDial(
    { link, address },
    () => sendBack({ type: 'redial.permitted' } satisfies RedialEvent),
    () => sendBack({ type: 'redial.exhausted' } satisfies RedialEvent),
  ),
);
