import type { AnyActorRef, EventObject } from 'xstate';
import { closing, type Closing, type ClosingCode, type ClosingDetail } from './closing.js';
import type { Opener } from './ports.js';
import { parentOf } from './runtime/xstate-internals.js';
import type { ProtocolInput, ProtocolNews } from './protocol.js';
import type { AnyPump, SessionHandle } from './session-handle.js';

/** The context that every protocol's chart has: plain data beside the handle, so that it can be saved, sent and replayed. */
export interface ProtocolContext<P extends AnyPump = AnyPump> {
  readonly role: ProtocolInput['role'];
  readonly session: SessionHandle<P>;
  readonly closing?: Closing;
}

interface Args {
  readonly context: { readonly session: SessionHandle };
  readonly event: EventObject;
  readonly self: AnyActorRef;
}

/** The actions on a session that every protocol's chart has. */
export const sessionActions = {
  bindPump: ({ context, self }: Args): void => context.session.bind(self),
  flush: ({ context }: Args): void => context.session.flush(),
  stopPump: ({ context }: Args): void => context.session.stop('hard'),
  stopPolitely: ({ context }: Args): void => context.session.stop('polite'),
  /** The next wire that this chart opens is the one that the hub has accepted. */
  takeWire: ({ context, event }: Args): void => {
    if (event.type === 'wire.offered') context.session.offer((event as EventObject & { readonly opener: Opener }).opener);
  },
};

/** A wire of a chart with a single one. */
export const wireOf = ({
  context: { session },
}: {
  readonly context: { readonly session: SessionHandle };
}): {
  session: SessionHandle;
  link: number;
} => ({ session, link: 0 });

// The arguments of `assign` and `sendTo` in every protocol's chart.

/** `recordClosing`: how it ended, in the words of the chart. */
export const namedClosing = (
  _: unknown,
  { code, side, detail }: { code: ClosingCode; side: 'local' | 'remote'; detail?: ClosingDetail },
): { closing: Closing } => ({ closing: closing(code, side, detail) });

/** `recordAbort`: how it ended, in the words of the one who ended it. */
export const abortedClosing = ({ event }: { readonly event: EventObject }): { closing: Closing } => ({
  closing: event.type === 'abort' ? (event as EventObject & { readonly closing: Closing }).closing : UNEXPECTED,
});

/**
 * The actor above, for `sendTo`. XState's `sendParent` throws where there is none, in its pure `transition` too, which replays a chart
 * by itself.
 */
export const parent = ({ self }: { readonly self: AnyActorRef }): AnyActorRef => parentOf(self) ?? self;

/** `tellParent`: an event for the connection above. */
export const news = (_: unknown, told: ProtocolNews): ProtocolNews => told;

/** An ending that no event of the chart explains. */
export const UNEXPECTED: Closing = closing('internal', 'local');
