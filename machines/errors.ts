import type { Closing } from './closing.js';

/** Misuse by the caller: thrown, with a code to search for. The world's faults are closings, never exceptions. */
export type MisuseCode =
  | 'bad-option'
  | 'bad-address'
  | 'no-transport'
  | 'no-protocol'
  | 'insecure'
  | 'closed'
  | 'shutting-down'
  | 'queue-full'
  | 'too-large'
  | 'not-a-message'
  | 'two-readers'
  | 'aborted';

/** Misuse by the caller, thrown at the caller: `code` is for programs, `message` for people. */
export class SessionError extends Error {
  override readonly name = 'SessionError';
  constructor(
    readonly code: MisuseCode,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** The rejection of a wait that its caller called off: `aborted`, with what the signal says (`signal.reason`) as `cause`. */
export function abortedBy(signal: AbortSignal, message: string): SessionError {
  return new SessionError('aborted', message, { cause: signal.reason });
}

/** A reader of messages gets this error instead of an end when the connection did not end in order: the messages are incomplete. */
export function cutBy(closing: Closing): SessionError {
  return new SessionError('closed', `the connection was cut: ${closing.reason} (${closing.code})`, { cause: closing });
}

/** How a `send` failed to be acknowledged: `expired` and `failed` never reached the peer, `unknown` may have. */
export type UndeliveredCode = 'expired' | 'failed' | 'unknown';

/** Rejects a `send` that was accepted and then not acknowledged. `closing` says why, where the connection ended. */
export class UndeliveredError extends Error {
  override readonly name = 'UndeliveredError';
  constructor(
    readonly code: UndeliveredCode,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** A claim that must hold. If it doesn't, we were wrong: the actor dies, the supervisor buries it, the hub lives. */
export function assert(claim: unknown, message: string): asserts claim {
  if (!claim) throw new Error(`broken invariant: ${message}`);
}
