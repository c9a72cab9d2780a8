import { InvalidArgumentError } from 'commander';
import { ConnectError } from '../index.js';
import { CLOSINGS, type Closing } from '../../machines/closing.js';
import { SessionError, UndeliveredError, type MisuseCode } from '../../machines/errors.js';

/** What a command was asked for that can't be: exit code 2. */
export class Misuse extends Error {}

/** What a command set out to do and could not: exit code 1. */
export class Failed extends Error {
  constructor(
    message: string,
    readonly advice?: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** An error as people and programs are told of it. */
export interface Failure {
  /** 1: it failed. 2: it was asked for wrongly. */
  readonly exitCode: 1 | 2;
  /** A closing's, a misuse's or the operating system's code, to search for. */
  readonly code: string;
  readonly message: string;
  /** What to do about it. */
  readonly advice?: string;
}

/** What the caller of the command can mend by calling it otherwise; other misuse of the library is this program's own fault. */
const CALLERS: readonly MisuseCode[] = ['bad-option', 'bad-address', 'no-transport', 'no-protocol', 'insecure', 'too-large'];

/** Finds the words for whatever ended a command. */
export function failureOf(error: unknown): Failure {
  if (error instanceof Misuse || error instanceof InvalidArgumentError)
    return { exitCode: 2, code: 'misuse', message: error.message };
  if (error instanceof ConnectError) return because(error.closing, error.message);
  if (error instanceof Failed && isClosing(error.cause)) return because(error.cause, error.message, error.advice);
  if (error instanceof Failed)
    return { exitCode: 1, code: 'failed', message: error.message, ...(error.advice ? { advice: error.advice } : {}) };
  if (error instanceof UndeliveredError && isClosing(error.cause)) return because(error.cause, error.message);
  if (error instanceof SessionError) {
    if (isClosing(error.cause)) return because(error.cause, error.message);
    return { exitCode: CALLERS.includes(error.code) ? 2 : 1, code: error.code, message: error.message };
  }
  if (error instanceof Error) return { exitCode: 1, code: codeOf(error), message: error.message };
  return { exitCode: 1, code: 'failed', message: String(error) };
}

/** A session that ended other than it should have: what happened, with what the closing knows more exactly, and what to do. */
export function failedBy(closing: Closing, advice: string = CLOSINGS[closing.code].advice): Failed {
  const { cause, message, rule } = closing.detail ?? {};
  const known = [rule, message, cause?.reason ?? cause?.code].filter((each) => each !== undefined);
  return new Failed(`${closing.reason}${known.length === 0 ? '' : ` (${known.join(', ')})`}`, advice, { cause: closing });
}

function because({ code }: Closing, message: string, advice: string = CLOSINGS[code].advice): Failure {
  return { exitCode: 1, code, message, advice };
}

function isClosing(cause: unknown): cause is Closing {
  return typeof cause === 'object' && cause !== null && 'side' in cause && 'code' in cause && (cause.code as string) in CLOSINGS;
}

function codeOf(error: Error): string {
  return 'code' in error && typeof error.code === 'string' ? error.code : 'internal';
}
